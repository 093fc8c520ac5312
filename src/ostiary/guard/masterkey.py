"""The master key: what secrets that have to be used again (of HMAC signing keys) are encrypted under. It is never in the database.

AES-256-GCM with a random nonce of 96 bits and the id of the row as associated data: a secret that is copied to another row does not open.
Same form and places as the pepper (``OSTIARY_MASTER_KEY``, ``OSTIARY_MASTER_KEY_FILE``, ``ostiary.master`` beside the store), the newest
first; ``ostiary keys rekey`` encrypts anew under that one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.pepper import MASTER, Peppers

_NONCE = 12
_PURPOSE = b"ostiary signing secret AES-256-GCM v1"


class Unsealable(UsageError):
    """A secret that does not open: its master key is not here, or it is not what was stored."""


def seal(masters: Peppers, row: str, secret: bytes, token: Callable[[int], bytes] = secrets.token_bytes) -> tuple[str, bytes]:
    """(id of the master key, nonce and ciphertext) of a secret of that row. Raises MissingExtra."""
    nonce = token(_NONCE)
    return masters.current_id, nonce + _cipher(masters.current).encrypt(nonce, secret, _named(row))


def unseal(masters: Peppers | None, master_id: str, row: str, sealed: bytes) -> bytes:
    """The secret. Raises Unsealable, MissingExtra."""
    master = None if masters is None else masters.get(master_id)
    if master is None:
        raise Unsealable(f"the master key {master_id} is not here: put it back into {MASTER.variable} or {MASTER.file_name}")
    if len(sealed) < _NONCE:
        raise Unsealable(f"the stored secret of {row} was cut")
    cipher = _cipher(master)
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _named(row)))
    except InvalidTag:
        raise Unsealable(f"the stored secret of {row} is not what was stored there") from None


def _cipher(master: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        raise MissingExtra("secrets under a master key", "sign") from None
    # 32 bytes whatever its length, and no other use of the master key gives the same.
    return AESGCM(hmac.digest(master, _PURPOSE, hashlib.sha256))


def _named(row: str) -> bytes:
    return row.encode("utf-8")
