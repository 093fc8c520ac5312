"""API keys from a store: by checksum before any look-up, in constant time, the same cost for unknown, wrong, expired and revoked."""

from __future__ import annotations

import hashlib
import secrets

from ostiary.guard.ask import Find, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.decision import Principal
from ostiary.guard.keyrecord import KeyRecord, Standing, imported_digests, state, verify, verify_imported
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores.keys_base import KeyStore
from ostiary.wire import apikey

NAME = "api-key"
CACHE_SECONDS = 30.0
CACHE_SIZE = 4096


class ApiKeys:
    """Keys of a store. Successes are remembered for half a minute at most, under a keyed hash, and forgotten when any key changes."""

    name = NAME

    def __init__(self, store: KeyStore, peppers: Peppers) -> None:
        self.store = store
        self._peppers = peppers
        self._hash_key = secrets.token_bytes(32)
        self._proved: dict[bytes, tuple[Principal, KeyRecord, float]] = {}
        self._generation = -1

    def _name_of(self, text: str) -> bytes:
        return hashlib.blake2s(text.encode(), key=self._hash_key, digest_size=16).digest()

    def known(self, text: str, now: float) -> Principal | None:
        """From the cache, as long as no key was changed by any process."""
        generation = self.store.generation()
        if generation != self._generation:
            # A new dict, so that a thread that is about to write into the old one does no harm.
            self._proved, self._generation = {}, generation
            return None
        found = self._proved.get(self._name_of(text))
        if found is None or now >= found[2] or state(found[1], now) is not Standing.OK:
            return None
        return found[0]

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """Asks the store. Whatever the reason of a refusal, the same work is done."""
        proved, generation = self._proved, self._generation
        parts = apikey.parse(text)
        if parts is None and apikey.looks_like(text):
            return Refusal("key_checksum")
        if parts is not None:
            record = self.store.find(parts.id) if self.store.immediate else (yield Find(parts.id))
            standing = verify(record, parts.secret, self._peppers, now)
        else:
            digests = imported_digests(text, self._peppers)
            record = self.store.find_imported(digests) if self.store.immediate else (yield Find(digests=digests))
            standing = verify_imported(record, digests, now)
        if record is None or standing is not Standing.OK:
            return Refusal(standing.value, record.id if record is not None else "")
        principal = principal_of(record)
        if generation == self._generation:
            self._remember(proved, text, principal, record, now)
        return principal

    def _remember(
        self, proved: dict[bytes, tuple[Principal, KeyRecord, float]], text: str, who: Principal, record: KeyRecord, now: float
    ) -> None:
        if len(proved) >= CACHE_SIZE:
            proved.pop(next(iter(proved), b""), None)
        proved[self._name_of(text)] = (who, record, now + CACHE_SECONDS)


def principal_of(record: KeyRecord) -> Principal:
    """Who a key speaks for: its owner, or itself when it has none."""
    return Principal(
        subject=record.owner or record.id,
        scheme=NAME,
        key_id=record.id,
        name=record.name,
        scopes=record.scopes,
        networks=record.networks,
        limits=record.limits,
        attributes=record.metadata,
    )
