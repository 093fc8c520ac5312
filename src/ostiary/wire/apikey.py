"""The form of our API keys: ``<prefix>_<kind>_<env>_<id><secret><crc>``, written down in ``docs/key-format.md``.

The checksum (CRC-32, ISO 3309) is public: it tells a key from junk and from a slip of the pen with no look-up. It proves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ostiary.errors import UsageError

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 12
SECRET_LENGTH = 33
CRC_LENGTH = 6
PUBLISHABLE = "pk"
LONGEST = 12 + 1 + 2 + 1 + 8 + 1 + ID_LENGTH + SECRET_LENGTH + CRC_LENGTH

_PREFIX = "[a-z][a-z0-9]{1,11}"
_KIND = "(?:sk|pk)"
_ENV = "[a-z0-9]{2,8}"
_SHAPE = f"{_PREFIX}_{_KIND}_{_ENV}_[0-9A-Za-z]{{{ID_LENGTH + SECRET_LENGTH + CRC_LENGTH}}}"

# Keys inside text. Every repetition is bounded, so that hostile input costs linear time.
PATTERN = re.compile(_SHAPE)
PATTERN_BYTES = re.compile(_SHAPE.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Parts:
    """A key whose checksum is right, taken apart. Only ``secret`` is secret; the rest may be stored and shown."""

    prefix: str
    kind: str
    env: str
    id: str
    secret: str = field(repr=False)


def mint(*, prefix: str = "ost", kind: str = "sk", env: str = "live", randbelow: Callable[[int], int] = secrets.randbelow) -> str:
    """A new key with 196 bits of secret; ``kind`` is ``sk`` (secret) or ``pk`` (publishable).

    ``randbelow(n)`` gives a number from 0 to n-1. Raises UsageError for a prefix, kind or environment outside the format.
    """
    _checked("prefix", prefix, _PREFIX, "2 to 12 of a-z and 0-9, a letter first, as in ost")
    _checked("kind", kind, _KIND, "sk (secret) or pk (publishable)")
    _checked("environment", env, _ENV, "2 to 8 of a-z and 0-9, as in live or test")
    drawn = "".join(ALPHABET[randbelow(62)] for _ in range(ID_LENGTH + SECRET_LENGTH))
    text = f"{prefix}_{kind}_{env}_{drawn}"
    return text + checksum(text)


def _checked(what: str, text: str, pattern: str, right: str) -> None:
    if re.fullmatch(pattern, text, re.ASCII) is None:
        raise UsageError(f"{text[:40]!r} is no {what} of a key: {right}")


def checksum(text: str) -> str:
    """CRC-32 over the ASCII of ``text`` as six base62 digits, most significant first, padded with zeros."""
    number = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(CRC_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def parse(text: str) -> Parts | None:
    """The parts of a key; None when it is not of our form or its checksum is wrong. Looks at no more than ``LONGEST`` characters."""
    if not looks_like(text) or checksum(text[:-CRC_LENGTH]) != text[-CRC_LENGTH:]:
        return None
    prefix, kind, env, tail = text.split("_")
    return Parts(prefix, kind, env, tail[:ID_LENGTH], tail[ID_LENGTH:-CRC_LENGTH])


def looks_like(text: str) -> bool:
    """Has it the shape of a key, whatever its checksum says?"""
    return PATTERN.fullmatch(text) is not None


def digest(secret: str, pepper: bytes) -> bytes:
    """What is stored of ``Parts.secret``: HMAC-SHA-256 under the pepper, 32 bytes."""
    return hmac.digest(pepper, secret.encode("ascii"), "sha256")


def imported_digest(value: str | bytes, pepper: bytes) -> bytes:
    """What is stored of a key that somebody else minted: HMAC-SHA-256 of its SHA-256 under the pepper, 32 bytes.

    ``value`` is the key as text, or its SHA-256 (32 bytes) when that is all there is; both find the same record. A hash that
    is presented as a key is hashed again and finds nothing. Raises UsageError when bytes are not 32.
    """
    if isinstance(value, str):
        value = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
    if len(value) != hashlib.sha256().digest_size:
        raise UsageError(f"a SHA-256 has 32 bytes, this has {len(value)}")
    return hmac.digest(pepper, value, "sha256")
