"""Keys of nobody: what an unknown or unfit key is verified with, so that a refusal costs what its signature costs, whoever it names.

No private half was ever made of them. Which there are for a signature its length tells: 32 bytes are HMAC, 64 Ed25519 or ECDSA, 256 to
512 RSA. No key makes signatures of other lengths that we know; what has one is refused at once, by every key.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from functools import lru_cache

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signing_key
from ostiary.wire.signing_key import Algorithm, VerifyKey

_ID = "nobody"
_ED25519 = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
_P256 = bytes.fromhex("02837ae9159b12d1d7778a2a803dd14f9f06c66b5cc34c3a8e57936fdd6171c0e9")
_RSA = range(256, 513)
_TOP = b"\xff" * 8
_SECRET = secrets.token_bytes(32)


@lru_cache(maxsize=len(_RSA) + 2)
def of_length(length: int) -> tuple[VerifyKey, ...]:
    """One key of nobody for each algorithm whose signatures have so many bytes. Raises MissingExtra."""
    if length == 32:
        return (VerifyKey.hmac(_ID, _SECRET),)
    if length == 64:
        return (VerifyKey.ed25519(_ID, _ED25519), VerifyKey.p256(_ID, _P256))
    return (VerifyKey.rsa(_ID, _modulus(length)),) if length in _RSA else ()


def named(key_id: str) -> VerifyKey:
    """A shared secret that nobody has, under that id. Raises BadSignature for what can be the id of no key."""
    try:
        return VerifyKey.hmac(key_id, _SECRET)
    except UsageError:
        raise BadSignature(SignatureReason.WRONG, "no key has such an id") from None


def _modulus(length: int) -> int:
    """Odd, of nobody's making, and above every signature that the keys of somebody would look at."""
    made = hashlib.shake_256(b"ostiary: a modulus of nobody").digest(length - len(_TOP))
    return int.from_bytes(_TOP + made, "big") | 1


def pay(signature: bytes, tried: VerifyKey | None) -> None:
    """Verifies a signature that was refused with what it was not tried with yet. None: it was tried with nothing."""
    for key in of_length(len(signature)):
        if tried is None or not _alike(tried, key):
            with contextlib.suppress(BadSignature):
                signing_key.verify(key, b"", signature)


def _alike(one: VerifyKey, other: VerifyKey) -> bool:
    if one.algorithm is not other.algorithm:
        return False
    return one.algorithm is not Algorithm.RSA_PSS_SHA512 or (one.material.key_size + 7) // 8 == other.material.key_size // 8
