"""Tamper evidence (AUDIT-5): each process that writes events makes one chain of HMAC-SHA-256 under the audit key.

``mac(n) = HMAC(key, mac(n-1) + writer, n, the event without address and agent, commitment(n))`` where
``commitment(n) = SHA-256(salt(n) + address, agent)``: address and agent can be erased, and their salt with them, while the chain holds.
Heads, retention marks and erasures carry tags of their own under the same key, which is never in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ostiary.guard.event import Event
from ostiary.guard.pepper import Peppers

SALT = 16
_BETWEEN = "\x1f"
_DIGEST = hashlib.sha256().digest_size
_NOTHING = bytes(_DIGEST)


class Seal(NamedTuple):
    """What stands beside one event: its number in the chain from 1, 16 bytes of salt, 32 bytes of MAC."""

    seq: int
    salt: bytes
    mac: bytes


class Head(NamedTuple):
    """How far a chain goes. ``writer`` is its random name, ``key_id`` names the audit key, ``tag`` proves the rest."""

    writer: str
    key_id: str
    seq: int
    mac: bytes
    tag: bytes


class Sealed(NamedTuple):
    """A batch of events that was sealed: one seal for each, in order, and the head after them."""

    head: Head
    seals: tuple[Seal, ...]


class Chain(NamedTuple):
    """A chain as it is stored: its head, and the mark of what retention removed (all before ``first``, the last of them with MAC ``before``)."""

    writer: str
    key_id: str
    seq: int
    mac: bytes
    tag: bytes
    first: int = 1
    before: bytes = b""
    start_tag: bytes = b""


class StoredRow(NamedTuple):
    """An event as it is stored. ``writer`` is empty when it was written without an audit key; ``erased`` is commitment and tag, or empty."""

    id: int
    event: Event
    writer: str
    seq: int
    salt: bytes
    mac: bytes
    erased: bytes


class Sealer:
    """Makes the chain of one process. ``keys``: the newest seals. Not for several threads at once."""

    def __init__(self, keys: Peppers, token: Callable[[int], bytes] = os.urandom) -> None:
        self._key, self._key_id, self._token = keys.current, keys.current_id, token
        self.begin()

    def begin(self) -> None:
        """A new chain: at the start, and in a child that was forked."""
        self.writer = self._token(8).hex()
        self._seq, self._mac = 0, b""

    def seal(self, rows: Sequence[Event]) -> Sealed:
        """Seals for these events, which come next in the chain. They are ``cleaned``: no text holds a control character."""
        salts = self._token(SALT * len(rows))
        key, writer, seq, mac = self._key, self.writer, self._seq, self._mac
        seals = []
        for at, row in enumerate(rows):
            seq += 1
            salt = salts[at * SALT : (at + 1) * SALT]
            mac = mac_of(key, mac, writer, seq, row, commitment(salt, row))
            seals.append(Seal(seq, salt, mac))
        self._seq, self._mac = seq, mac
        return Sealed(Head(writer, self._key_id, seq, mac, head_tag(key, writer, seq, mac)), tuple(seals))


def mac_of(key: bytes, before: bytes, writer: str, seq: int, row: Event, committed: bytes) -> bytes:
    """The MAC of one event; ``before`` is the one of the event before it, empty for the first."""
    text = f"{writer}{_BETWEEN}{seq}{_BETWEEN}{_written(row)}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, (before or _NOTHING) + committed + text, "sha256")


def _written(row: Event) -> str:
    """The event as one text, without address and agent. Fields that are empty at the end count as absent, so that new ones may be added there."""
    kept = (repr(float(row.time)), row.request_id, *row.route, *row[3:10], *row[12:])
    return _BETWEEN.join(map(str, kept)).rstrip(_BETWEEN)


def is_clean(row: Event) -> bool:
    """No text could be taken for two: a seal says nothing about others."""
    return not any(_BETWEEN in str(value) for value in (*row, *row.route))


def commitment(salt: bytes, row: Event) -> bytes:
    """32 bytes that fix address and agent, and tell nothing about them once the salt is gone."""
    return hashlib.sha256(salt + f"{row.address}{_BETWEEN}{row.agent}".encode("utf-8", "surrogatepass")).digest()


def head_tag(key: bytes, writer: str, seq: int, mac: bytes) -> bytes:
    """Proves how far a chain goes."""
    return _tag(key, "head", writer, seq, mac)


def start_tag(key: bytes, writer: str, first: int, before: bytes) -> bytes:
    """Proves that everything before ``first`` was removed by retention."""
    return _tag(key, "start", writer, first, before)


def erasure(key: bytes, writer: str, seq: int, committed: bytes) -> bytes:
    """What takes the place of address and agent: their commitment, and a tag that proves that they were erased by who holds the key."""
    return committed + _tag(key, "erased", writer, seq, committed)


def is_erasure(key: bytes, row: StoredRow) -> bool:
    """Is ``row.erased`` what ``erasure`` gave?"""
    if len(row.erased) != 2 * _DIGEST:
        return False
    return hmac.compare_digest(row.erased, erasure(key, row.writer, row.seq, row.erased[:_DIGEST]))


def committed_in(row: StoredRow) -> bytes:
    """The commitment of a row, erased or not."""
    return row.erased[:_DIGEST] if row.erased else commitment(row.salt, row.event)


def _tag(key: bytes, what: str, writer: str, seq: int, value: bytes) -> bytes:
    return hmac.digest(key, f"ostiary {what}{_BETWEEN}{writer}{_BETWEEN}{seq}{_BETWEEN}".encode() + value, "sha256")
