"""Signed requests (SIGN-1 to SIGN-4): RFC 9421, and the simple scheme. What is signed is ``wire/signed_request`` and ``wire/simple_signature``.

In this order: what is presented, the key, freshness, signature, body, digest, nonce. Only a signature that is right in everything spends
a nonce. An unknown key costs what a known one costs, and is told the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.guard import signingkeys
from ostiary.guard.ask import Find, Flow, ReadBody, Remember
from ostiary.guard.authn import Refusal
from ostiary.guard.authn.apikeys import principal_of
from ostiary.guard.body import unread
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.keyrecord import KeyRecord, Standing, state
from ostiary.guard.stores.base import Busy
from ostiary.wire import problem, signed_request, simple_signature
from ostiary.wire.digest import ContentCheck
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh
from ostiary.wire.signed_request import Signed
from ostiary.wire.signing_key import Algorithm, VerifyKey

if TYPE_CHECKING:
    from ostiary.guard.body import Body
    from ostiary.guard.pepper import Peppers
    from ostiary.guard.request import Request
    from ostiary.guard.stores.base import Nonces
    from ostiary.guard.stores.keys_base import KeyStore
    from ostiary.wire.message import Message
    from ostiary.wire.signature import Signature

NAME = "signed"
NO_MASTER = "key_master_missing"
_MOST_VERIFIERS = 4096
_ALGORITHMS = frozenset(one.value for one in Algorithm)
_SIMPLE = frozenset((*signed_request.ALWAYS, *signed_request.WITH_BODY))
_MALFORMED = (SignatureReason.MALFORMED, SignatureReason.SEVERAL)
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "WEBSOCKET"})
# Public keys and secrets of nobody: of the private halves nothing was kept. By the length of the signature that is to be refused.
_NOBODY = bytes.fromhex("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
_SECRET_OF_NOBODY = bytes(32)
logger = logging.getLogger("ostiary")


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
        self._store = store
        self._masters = masters
        self._roles = roles
        self._options = options
        self._open_nonces = open_nonces
        self._together = together
        self._nonces: Nonces | None = None
        self._verifiers: dict[str, tuple[bytes, VerifyKey]] = {}

    def demand(self, method: str, more: tuple[str, ...], *, required: bool, streamed: bool, max_body: int | None) -> Demand:
        """Made at start-up. Opens the store of nonces; raises UsageError for what cannot be, MissingExtra without ``ostiary[sign]``."""
        VerifyKey.from_der("nobody", _NOBODY)
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
        key_id = signed_request.key_id(given)
        record = yield from self._found(key_id)
        key, standing = self._verifier(record, key_id, len(given.signature), now)
        signed = signed_request.verify_request(
            message, given, key, now, body=_announced(message), more=demand.more, window=self._options.window, skew=self._options.skew
        )
        if record is None or standing:
            return Refusal(standing or Standing.UNKNOWN.value, record.id if record is not None else "")
        check = ContentCheck(signed.digests) if signed.digests else None
        if demand.streamed:
            return (yield from self._streaming(request, record, signed, check, now))
        body: Body = yield ReadBody(request, demand.max_body, self._options.seconds, _nothing if check is None else check.update)
        if body.reason:
            return unread(body)
        if body.size:
            signed_request.covers(given, signed_request.required(body=True))
        if check is not None:
            check.finish()
        return (yield from self._once(request, record, signed, now))

    def _streaming(
        self, request: Request, record: KeyRecord, signed: Signed, check: ContentCheck | None, now: float
    ) -> Flow[Principal | Refusal | Deny]:
        who = yield from self._once(request, record, signed, now)
        if isinstance(who, Principal):
            request.check_body(check)
        return who

    def _simple(self, request: Request, message: Message, key_id: str, demand: Demand, now: float) -> Flow[Principal | Refusal | Deny]:
        if demand.streamed or not _SIMPLE.issuperset(demand.more):
            raise BadSignature(SignatureReason.INCOMPLETE, "the simple scheme covers less than this route demands")
        record = yield from self._found(key_id)
        key, standing = self._verifier(record, key_id, 32, now)
        options = self._options
        check_fresh(simple_signature.created(message), now, window=options.window, skew=options.skew)
        content = hashlib.sha256()
        body: Body = yield ReadBody(request, demand.max_body, options.seconds, content.update)
        if body.reason:
            return unread(body)
        signed = simple_signature.verify_request(message, key, content.digest(), now, window=options.window, skew=options.skew)
        if record is None or standing:
            return Refusal(standing or Standing.UNKNOWN.value, record.id if record is not None else "")
        return (yield from self._once(request, record, signed, now))

    def _found(self, key_id: str) -> Flow[KeyRecord | None]:
        """A signing key; a bearer key is none, nor is one that signs our tokens, whose id is published."""
        record = None
        if self._store.immediate:
            try:
                record = self._store.find(key_id)
            except Busy:
                record = yield Find(key_id)
        else:
            record = yield Find(key_id)
        return record if record is not None and record.algorithm in _ALGORITHMS else None

    def _verifier(self, record: KeyRecord | None, key_id: str, length: int, now: float) -> tuple[VerifyKey, str]:
        """The key to verify with, and why it does not count whatever it proves ("" when it does). For an unknown id a key of nobody."""
        if record is None:
            return _of_nobody(key_id, length), Standing.UNKNOWN.value
        known = self._verifiers.get(record.id)
        if known is None or known[0] != record.material:
            try:
                known = (record.material, signingkeys.verifier(record, self._masters))
            except UsageError as error:
                logger.error("signing key %s cannot be used: %s", record.id, error)
                return _of_nobody(key_id, length), NO_MASTER
            if len(self._verifiers) >= _MOST_VERIFIERS:
                self._verifiers.clear()
            self._verifiers[record.id] = known
        standing = state(record, now)
        return known[1], "" if standing is Standing.OK else standing.value

    def _once(self, request: Request, record: KeyRecord, signed: Signed, now: float) -> Flow[Principal | Refusal]:
        """The last step: the nonce. Where it can travel with the limits it waits for them."""
        # The length keeps the two apart.
        ask = Remember(f"{len(signed.key_id)}:{signed.key_id}{signed.nonce}".encode("ascii"), now, signed.remember_until)
        if self._together:
            request.nonce = ask
        elif not (yield from self._remembered(ask)):
            return Refusal(SignatureReason.REPLAYED.value, record.id)
        return replace(principal_of(record, self._roles), scheme=NAME)

    def _remembered(self, ask: Remember) -> Flow[bool]:
        if self._nonces is not None and self._nonces.immediate:
            with contextlib.suppress(Busy):
                return self._nonces.remember(*ask)
        return bool((yield ask))


def _of_nobody(key_id: str, length: int) -> VerifyKey:
    """Verifies nothing, in the time that verifying takes. Raises BadSignature for what can be the id of no key."""
    try:
        if length == len(_SECRET_OF_NOBODY):
            return VerifyKey(key_id, Algorithm.HMAC_SHA256, _SECRET_OF_NOBODY)
        return VerifyKey.from_der(key_id, _NOBODY)
    except UsageError:
        raise BadSignature(SignatureReason.WRONG, "no key has such an id") from None


def _announced(message: Message) -> bool:
    """Does it say that there is a body? One that comes without a length is found out when it is read."""
    return any(value.strip(b"0") for value in message.values("content-length"))


def _nothing(piece: bytes) -> None:
    """Nobody watches."""
