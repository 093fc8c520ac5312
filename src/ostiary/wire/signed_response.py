"""Signed answers: a profile of RFC 9421 that binds an answer to the request that it is for.

Covered are ``@status``, ``content-digest``, ``content-type`` where there is one, and of the request ``@method``, ``@authority``, ``@path``,
``@query`` and, when it was signed, its ``signature``: no answer fits another request, not even the same one sent a second time.
"""

from __future__ import annotations

from dataclasses import replace

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signature
from ostiary.wire.digest import content_digest, verified_content
from ostiary.wire.fields import InnerList, Item
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh
from ostiary.wire.message import Message
from ostiary.wire.signed_request import ALWAYS, TAG, presented
from ostiary.wire.signing_key import SignKey, VerifyKey, fingerprint

RESPONSE_KEY = "OSTIARY_RESPONSE_KEY"


def response_key(pem: bytes) -> SignKey:
    """The private key of a server that signs answers, from PEM. Raises UsageError, MissingExtra."""
    key = SignKey.from_pem(RESPONSE_KEY, pem)
    return replace(key, id=fingerprint(key.verifier()))


def response_verifier(pem: bytes) -> VerifyKey:
    """Its public half, from PEM. Raises UsageError, MissingExtra."""
    key = VerifyKey.from_pem(RESPONSE_KEY, pem)
    return replace(key, id=fingerprint(key))


def required(answer: Message) -> tuple[Item, ...]:
    """What the signature of this answer has to cover. Raises UsageError for a message that is no answer to a request."""
    if answer.status is None or answer.request is None:
        raise UsageError("an answer has a status and the request that it is for")
    of_request = (*ALWAYS, *(["signature"] if answer.request.values("signature") else []))
    own = ("@status", "content-digest", *(["content-type"] if answer.values("content-type") else []))
    return (*map(Item, own), *(Item(name, (("req", True),)) for name in of_request))


def sign_response(
    answer: Message, content: bytes, key: SignKey, *, created: int, digest: str = "sha-256"
) -> tuple[tuple[bytes, bytes], ...]:
    """The header lines to set: Content-Digest, Signature-Input and Signature. ``content`` is what is sent, after compression.

    Raises UsageError for an answer that cannot be signed.
    """
    line = (b"Content-Digest", content_digest(content, digest))
    others = tuple(one for one in answer.fields if one[0].lower() != b"content-digest")
    whole = replace(answer, fields=(*others, line))
    covered = InnerList(required(whole), (("created", created), ("keyid", key.id), ("tag", TAG)))
    try:
        made = signature.signed(whole, key, covered, TAG)
    except BadSignature as error:
        raise UsageError(f"this answer cannot be signed: {error}") from None
    inputs, values = signature.field_values([made])
    return line, (b"Signature-Input", inputs), (b"Signature", values)


def verified_response(answer: Message, content: bytes, key: VerifyKey, now: float, *, window: float = WINDOW, skew: float = SKEW) -> bytes:
    """``content``, when ``key`` signed it as the answer to ``answer.request``, lately. Raises BadSignature, also when it is not signed."""
    given = presented(answer)
    if given is None:
        raise BadSignature(SignatureReason.INCOMPLETE, "the answer is not signed")
    covered = {(item.value, item.parameters) for item in given.covered.items}
    missing = [str(item.value) for item in required(answer) if (item.value, item.parameters) not in covered]
    created, expires = given.parameter("created"), given.parameter("expires")
    if missing or not isinstance(created, int):
        raise BadSignature(SignatureReason.INCOMPLETE, f"the signature lacks {', '.join(missing) or 'created'}")
    check_fresh(created, now, expires=expires if isinstance(expires, int) else None, window=window, skew=skew)
    signature.verify(answer, given, key)
    return verified_content(answer.value("content-digest") or b"", content)
