"""Signed requests (SIGN-1 to SIGN-4): RFC 9421, and the simple scheme. What is signed is ``wire/signed_request`` and ``wire/simple_signature``.

In this order: what is presented, the key, freshness, signature, body, digest, nonce. Only a signature that is right in everything spends
a nonce. An unknown key costs what a known one costs, and is told the same.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.guard.ask import Flow, ReadBody, Remember
from ostiary.guard.authn import Refusal
from ostiary.guard.authn.apikeys import principal_of
from ostiary.guard.authn.signers import Signer, Signers
from ostiary.guard.body import unread
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.keyrecord import KeyRecord, Standing
from ostiary.guard.stores.base import Busy
from ostiary.wire import nobody, problem, signed_request, simple_signature
from ostiary.wire.digest import ContentCheck
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh
from ostiary.wire.signed_request import Signed
from ostiary.wire.signing_key import Algorithm

if TYPE_CHECKING:
    from ostiary.guard.body import Body
    from ostiary.guard.pepper import Peppers
    from ostiary.guard.request import Request
    from ostiary.guard.stores.base import Nonces
    from ostiary.guard.stores.keys_base import KeyStore
    from ostiary.wire.message import Message
    from ostiary.wire.signature import Signature

NAME = "signed"
_SIMPLE = frozenset((*signed_request.ALWAYS, *signed_request.WITH_BODY))
_MALFORMED = (SignatureReason.MALFORMED, SignatureReason.SEVERAL)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "WEBSOCKET"})


@dataclass(frozen=True, slots=True)
class Signatures:
    """What a guard asks of signatures. ``window``, ``skew``: seconds that one counts after and before its time.

    ``max_body``: the most bytes of content that are read before a handler runs (a route may say another number), within ``seconds``.
    ``max_answer``: the most bytes of an answer that is held to be signed.
    """

    window: int = WINDOW
    skew: int = SKEW
    max_body: int = 10 * 1024 * 1024
    seconds: float = 30.0
    max_answer: int = 10 * 1024 * 1024

    def __post_init__(self) -> None:
        if not (1 <= self.window <= 86_400 and 0 <= self.skew <= 3_600):
            raise UsageError("signatures: a window of 1 to 86400 seconds, a skew of 0 to 3600")
        if not (self.max_body >= 0 and 0 < self.seconds <= 3_600):
            raise UsageError("signatures: max_body is a number of bytes, seconds are above 0 and at most 3600")
        if not self.max_answer >= 0:
            raise UsageError("signatures: max_answer is a number of bytes")


class Demand(NamedTuple):
    """What a route demands: ``more`` components; a body that is ``streamed``. ``required``: no other credential will do."""

    more: tuple[str, ...]
    required: bool
    streamed: bool
    max_body: int
    accept: tuple[tuple[str, str], ...]


class SignedRequests:
    """Verifies signatures with the signing keys of a store."""

    def __init__(
        self,
        store: KeyStore,
        masters: Peppers | None,
        roles: Mapping[str, tuple[str, ...]],
        options: Signatures,
        open_nonces: Callable[[], Nonces],
        *,
        together: bool = False,
    ) -> None:
        """``together``: one store holds nonces and limits, and can be asked for both at once (``Spend.once``)."""
        self._signers = Signers(store, masters)
        self._roles = roles
        self._options = options
        self._open_nonces = open_nonces
        self._together = together
        self._nonces: Nonces | None = None

    def demand(self, method: str, more: tuple[str, ...], *, required: bool, streamed: bool, max_body: int | None) -> Demand:
        """Made at start-up. Opens the store of nonces; raises UsageError for what cannot be, MissingExtra without ``ostiary[sign]``."""
        nobody.of_length(64)
        if self._nonces is None:
            self._nonces = self._open_nonces()
        accept = signed_request.accept_signature(body=method not in _WITHOUT_BODY, more=more).decode("ascii")
        most = self._options.max_body if max_body is None else max_body
        return Demand(more, required, streamed, most, (("Accept-Signature", accept),))

    def caller(self, request: Request, demand: Demand, now: float, *, bearer: bool) -> Flow[Principal | Refusal | Deny | None]:
        """Who signed; None when nobody did. ``bearer``: the call carries another credential, too, which is one too many."""
        try:
            message = request.message()
            given, simple = signed_request.presented(message), simple_signature.presented(message)
            if given is None and simple is None:
                return None
            if bearer or (given is not None and simple is not None):
                raise BadSignature(SignatureReason.SEVERAL, "one credential is one too many")
            if given is not None:
                return (yield from self._standard(request, message, given, demand, now))
            return (yield from self._simple(request, message, simple or "", demand, now))
        except BadSignature as bad:
            return Deny(problem.BAD_SIGNATURE_FORM, bad.reason.value) if bad.reason in _MALFORMED else Refusal(bad.reason.value)

    def _standard(
        self, request: Request, message: Message, given: Signature, demand: Demand, now: float
    ) -> Flow[Principal | Refusal | Deny]:
        signer = yield from self._signers.find(signed_request.key_id(given), now)
        options, body = self._options, _announced(message)
        try:
            signed = signed_request.verify_request(
                message, given, signer.key, now, body=body, more=demand.more, window=options.window, skew=options.skew
            )
        except BadSignature as bad:
            yield from self._signers.refused(signer, given, bad)
            raise
        if signer.record is None or signer.standing:
            return _of_no_account(signer)
        check = ContentCheck(signed.digests) if signed.digests else None
        if demand.streamed:
            return (yield from self._streaming(request, signer, signer.record, signed, check, now))
        content: Body = yield ReadBody(request, demand.max_body, options.seconds, _nothing if check is None else check.update)
        if content.reason:
            return unread(content)
        if content.size:
            signed_request.covers(given, signed_request.required(body=True))
        if check is not None:
            check.finish()
        return (yield from self._once(request, signer, signer.record, signed, now))

    def _streaming(
        self, request: Request, signer: Signer, record: KeyRecord, signed: Signed, check: ContentCheck | None, now: float
    ) -> Flow[Principal | Refusal | Deny]:
        who = yield from self._once(request, signer, record, signed, now)
        if isinstance(who, Principal):
            request.check_body(check)
        return who

    def _simple(self, request: Request, message: Message, key_id: str, demand: Demand, now: float) -> Flow[Principal | Refusal | Deny]:
        if demand.streamed or not _SIMPLE.issuperset(demand.more):
            raise BadSignature(SignatureReason.INCOMPLETE, "the simple scheme covers less than this route demands")
        signer = yield from self._signers.find(key_id, now)
        # A pair of keys cannot sign by this scheme; whoever names one is told what is told of an unknown key.
        key = signer.key if signer.key.algorithm is Algorithm.HMAC_SHA256 else nobody.named(key_id)
        options, content = self._options, hashlib.sha256()
        try:
            check_fresh(simple_signature.created(message), now, window=options.window, skew=options.skew)
            body: Body = yield ReadBody(request, demand.max_body, options.seconds, content.update)
            if body.reason:
                return unread(body)
            signed = simple_signature.verify_request(message, key, content.digest(), now, window=options.window, skew=options.skew)
        except BadSignature as bad:
            yield from self._signers.refused(signer, None, bad)
            raise
        if signer.record is None or signer.standing:
            return _of_no_account(signer)
        return (yield from self._once(request, signer, signer.record, signed, now))

    def _once(self, request: Request, signer: Signer, record: KeyRecord, signed: Signed, now: float) -> Flow[Principal | Refusal]:
        """The last step: the nonce. Where it can travel with the limits it waits for them."""
        # The length keeps the two apart.
        ask = Remember(f"{len(signed.key_id)}:{signed.key_id}{signed.nonce}".encode("ascii"), now, signed.remember_until)
        if self._together:
            request.nonce = ask
        elif not (yield from self._remembered(ask)):
            return Refusal(SignatureReason.REPLAYED.value, record.id)
        self._signers.remember(signer, now)
        return replace(principal_of(record, self._roles), scheme=NAME)

    def _remembered(self, ask: Remember) -> Flow[bool]:
        if self._nonces is not None and self._nonces.immediate:
            with contextlib.suppress(Busy):
                return self._nonces.remember(*ask)
        return bool((yield ask))


def _of_no_account(signer: Signer) -> Refusal:
    """Rightly signed, with a key that is revoked, disabled, expired, not yet valid, or of nobody."""
    return Refusal(signer.standing or Standing.UNKNOWN.value, signer.record.id if signer.record is not None else "")


def _announced(message: Message) -> bool:
    """Does it say that there is a body? One that comes without a length is found out when it is read."""
    return any(value.strip(b"0") for value in message.values("content-length"))


def _nothing(piece: bytes) -> None:
    """Nobody watches."""
