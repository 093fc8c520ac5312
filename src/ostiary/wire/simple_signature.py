"""A signature that any language makes in twenty lines: HMAC-SHA-256 over the request. Written down in ``docs/signing.md``.

``X-Key-Id``, ``X-Timestamp``, ``X-Nonce``, ``X-Signature``. What is signed are ten parts, each as ``<length in bytes>:<bytes>``, so that
no byte can move from one to the next.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote_from_bytes

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signing_key
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh, remember_until
from ostiary.wire.message import Message, normal_authority
from ostiary.wire.signed_request import NONCE, Signed
from ostiary.wire.signing_key import Algorithm, SignKey, VerifyKey

SCHEME = b"ostiary-hmac-sha256-v1"
_NAMES = ("X-Key-Id", "X-Timestamp", "X-Nonce", "X-Signature")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_KEY_ID = re.compile(r"[!-~]{1,128}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_PLAIN = "/!$&'()*+,;=:@-._~"


def string_to_sign(message: Message, key_id: str, timestamp: str, nonce: str, body_sha256: bytes) -> bytes:
    """The bytes that are signed; ``body_sha256`` is the raw digest of the body, of no bytes when there is none.

    Raises BadSignature when there are several Content-Type, or method and host are not ASCII.
    """
    types = message.values("content-type")
    if len(types) > 1:
        raise BadSignature(SignatureReason.MALFORMED, "several Content-Type")
    texts = (key_id, timestamp, nonce, message.method, normal_authority(message.authority, message.scheme))
    if not all(map(str.isascii, texts)):
        raise BadSignature(SignatureReason.MALFORMED, "method and host are ASCII")
    head = (SCHEME, *(text.encode("ascii") for text in texts))
    parts = (*head, message.path, message.query, *(types or [b""]), body_sha256.hex().encode("ascii"))
    return b"".join(b"%d:%b" % (len(part), part) for part in parts)


def sign_request(message: Message, content: bytes, key: SignKey, *, created: int, nonce: str) -> tuple[tuple[bytes, bytes], ...]:
    """The four header lines to set. Raises UsageError for another key, time, nonce or request."""
    _shared(key)
    timestamp = str(created)
    if _TIMESTAMP.fullmatch(timestamp) is None or NONCE.fullmatch(nonce) is None:
        raise UsageError("a timestamp is in Unix seconds, a nonce has 16 to 64 of A-Z, a-z, 0-9, _ and -")
    try:
        data = string_to_sign(message, key.id, timestamp, nonce, hashlib.sha256(content).digest())
    except BadSignature as error:
        raise UsageError(f"this request cannot be signed: {error}") from None
    values = (key.id, timestamp, nonce, signing_key.sign(key, data).hex())
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in zip(_NAMES, values, strict=True))


def _shared(key: SignKey | VerifyKey) -> None:
    if key.algorithm is not Algorithm.HMAC_SHA256:
        raise UsageError(f"signing key {key.id}: the simple scheme takes a shared secret, this is {key.algorithm.value}")


def presented(message: Message) -> str | None:
    """The id of the key that the request claims to be signed with; None when it carries no X-Signature. Raises BadSignature."""
    return None if not message.values("x-signature") else _said(message)[0]


def created(message: Message) -> int:
    """The time that the request claims to be signed at, in Unix seconds. Raises BadSignature."""
    return int(_said(message)[1])


def _said(message: Message) -> tuple[str, str, str, str]:
    lines = [message.values(name) for name in _NAMES]
    if any(len(line) != 1 for line in lines):
        raise BadSignature(SignatureReason.MALFORMED, f"{', '.join(_NAMES)} are sent once each")
    found = [line[0].decode("latin-1") for line in lines]
    for name, value, form in zip(_NAMES, found, (_KEY_ID, _TIMESTAMP, NONCE, _SIGNATURE), strict=True):
        if form.fullmatch(value) is None:
            raise BadSignature(SignatureReason.MALFORMED, f"{name} does not have its form")
    return found[0], found[1], found[2], found[3]


def verify_request(
    message: Message, key: VerifyKey, body_sha256: bytes, now: float, *, window: float = WINDOW, skew: float = SKEW
) -> Signed:
    """The proof that ``key`` signed this request and this body, lately. Raises BadSignature.

    ``body_sha256`` is the raw digest of the body that the application will get. Raises UsageError for a key of another kind.
    """
    _shared(key)
    name, timestamp, nonce, given = _said(message)
    if name != key.id:
        raise BadSignature(SignatureReason.WRONG, f"made for another key than key {key.id}")
    check_fresh(int(timestamp), now, window=window, skew=skew)
    signing_key.verify(key, string_to_sign(message, name, timestamp, nonce, body_sha256), bytes.fromhex(given))
    return Signed(key.id, nonce, int(timestamp), remember_until(int(timestamp), window=window, skew=skew))


def path_as_sent(decoded: bytes) -> bytes:
    """The path of a server that decoded it and kept no raw one (PATH_INFO of WSGI), as a plain client writes it.

    Letters, digits and ``/!$&'()*+,;=:@-._~`` stay, everything else becomes ``%`` and two upper-case hex digits; who wrote it in
    another way is refused, because the signature does not fit. Raises BadSignature for a backslash and for invalid UTF-8, which
    servers and applications read differently.
    """
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSignature(SignatureReason.MALFORMED, "the path is not UTF-8 and this server kept no raw one") from None
    if b"\\" in decoded:
        raise BadSignature(SignatureReason.MALFORMED, "the path holds a backslash and this server kept no raw one")
    return quote_from_bytes(decoded, safe=_PLAIN).encode("ascii")
