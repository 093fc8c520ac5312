"""Which signatures of requests count for us: a profile of RFC 9421.

Covered are ``@method``, ``@authority``, ``@path``, ``@query``, and with a body ``content-digest`` and ``content-type``; a policy
may add to that. The parameters ``created``, ``nonce``, ``keyid`` and ``tag="ostiary"`` are there; ``expires`` is honoured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signature
from ostiary.wire.digest import content_digest, parse_content_digest
from ostiary.wire.fields import Bare, InnerList, Item, serialise
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh, remember_until
from ostiary.wire.message import Message
from ostiary.wire.signature import Signature, components
from ostiary.wire.signing_key import SignKey, VerifyKey

TAG = "ostiary"
ALWAYS = ("@method", "@authority", "@path", "@query")
WITH_BODY = ("content-digest", "content-type")
NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PARAMETERS = ("created", "nonce", "keyid")


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature was right and fresh. What is left to do: its body must have ``digests``, its nonce must be new.

    ``remember_until`` (Unix seconds) is for how long (``key_id``, ``nonce``) may not come again. ``digests`` is what
    ``ContentCheck`` takes; empty when the request has no body, or the signature has proved it already.
    """

    key_id: str
    nonce: str
    created: int
    remember_until: float
    digests: Mapping[str, bytes] = field(default_factory=dict)


def required(*, body: bool, more: Iterable[str] = ()) -> tuple[str, ...]:
    """The names that a signature has to cover; ``more`` adds and never takes away."""
    return tuple(dict.fromkeys((*ALWAYS, *(WITH_BODY if body else ()), *more)))


def presented(message: Message) -> Signature | None:
    """The signature that is meant for us, by its tag; None when there is none. Raises BadSignature when there are two."""
    ours = [one for one in signature.signatures(message) if one.parameter("tag") == TAG]
    if len(ours) > 1:
        raise BadSignature(SignatureReason.SEVERAL, f"{len(ours)} signatures with tag {TAG}: send one")
    return ours[0] if ours else None


def key_id(given: Signature) -> str:
    """Which key it claims to be made with: what to look up, and nothing more. Raises BadSignature when it does not say."""
    found = given.parameter("keyid")
    if not isinstance(found, str):
        raise BadSignature(SignatureReason.INCOMPLETE, "the parameter keyid is missing")
    return found


def verify_request(
    message: Message,
    given: Signature,
    key: VerifyKey,
    now: float,
    *,
    body: bool,
    more: Iterable[str] = (),
    window: float = WINDOW,
    skew: float = SKEW,
) -> Signed:
    """The proof that ``key`` signed this request, enough of it, and lately. Raises BadSignature.

    ``body`` says whether so much as a byte of content came, whatever Content-Length announced.
    """
    nonce, created, expires = _said(given)
    covers(given, required(body=body, more=more))
    check_fresh(created, now, expires=expires, window=window, skew=skew)
    signature.verify(message, given, key)
    digests = _digests(message, given)
    return Signed(key.id, nonce, created, remember_until(created, window=window, skew=skew), digests)


def _said(given: Signature) -> tuple[str, int, int | None]:
    missing = [name for name in _PARAMETERS if given.parameter(name) is None]
    if missing:
        raise BadSignature(SignatureReason.INCOMPLETE, f"the parameters {', '.join(missing)} are missing")
    nonce, created, expires = (given.parameter(name) for name in ("nonce", "created", "expires"))
    if not isinstance(nonce, str) or not isinstance(created, int) or not isinstance(expires, int | None):
        raise BadSignature(SignatureReason.MALFORMED, "a parameter is of the wrong type")
    if NONCE.fullmatch(nonce) is None:
        raise BadSignature(SignatureReason.MALFORMED, "a nonce has 16 to 64 of A-Z, a-z, 0-9, _ and -")
    return nonce, created, expires


def covers(given: Signature, names: tuple[str, ...]) -> None:
    """Raises BadSignature when one of these is not covered; a name with parameters covers less, or something else."""
    covered = {item.value for item in given.covered.items if not item.parameters}
    missing = [name for name in names if name not in covered]
    if missing:
        raise BadSignature(SignatureReason.INCOMPLETE, f"the signature does not cover {', '.join(missing)}")


def _digests(message: Message, given: Signature) -> dict[str, bytes]:
    """Of a digest that is signed, whether or not there is a body: one that was taken away is missed."""
    if Item("content-digest") not in given.covered.items:
        return {}
    return parse_content_digest(message.value("content-digest") or b"")


def sign_request(
    message: Message,
    content: bytes,
    key: SignKey,
    *,
    created: int,
    nonce: str,
    expires: int | None = None,
    more: Iterable[str] = (),
    digest: str = "sha-256",
) -> tuple[tuple[bytes, bytes], ...]:
    """The header lines to set: Signature-Input and Signature, before them Content-Digest when there is content.

    Signatures with other tags that the request carries are kept. Raises UsageError when content has no Content-Type, the nonce
    is not 16 to 64 of A-Z, a-z, 0-9, _ and -, or something that ``more`` names was not sent.
    """
    if NONCE.fullmatch(nonce) is None:
        raise UsageError("a nonce has 16 to 64 of A-Z, a-z, 0-9, _ and -")
    if content and not message.values("content-type"):
        raise UsageError("a request with a body needs a Content-Type to be signed")
    lines = ((b"Content-Digest", content_digest(content, digest)),) if content else ()
    others = tuple(line for line in message.fields if line[0].lower() != b"content-digest")
    whole = Message(message.method, message.scheme, message.authority, message.path, message.query, others + lines)
    covered = InnerList(components(*required(body=bool(content), more=more)), _parameters(key.id, created, expires, nonce))
    try:
        kept = [one for one in signature.signatures(message) if one.parameter("tag") != TAG]
        ours = signature.signed(whole, key, covered, TAG)
    except BadSignature as error:
        raise UsageError(f"this request cannot be signed: {error}") from None
    inputs, values = signature.field_values([*kept, ours])
    return (*lines, (b"Signature-Input", inputs), (b"Signature", values))


def _parameters(name: str, created: int, expires: int | None, nonce: str) -> tuple[tuple[str, Bare], ...]:
    until: tuple[tuple[str, Bare], ...] = () if expires is None else (("expires", expires),)
    return (("created", created), *until, ("nonce", nonce), ("keyid", name), ("tag", TAG))


def accept_signature(*, body: bool, more: Iterable[str] = ()) -> bytes:
    """The value of Accept-Signature for a refusal (section 5.1): what we would like to have signed."""
    wanted: tuple[tuple[str, Bare], ...] = (("created", True), ("tag", TAG))
    return serialise({TAG: InnerList(components(*required(body=body, more=more)), wanted)})
