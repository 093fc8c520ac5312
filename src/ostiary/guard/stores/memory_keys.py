"""Keys in this process only: for tests, for keys from the environment, and for trying things out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.stores.keys_base import ASCII_LOWER, KEPT, KeyExists, KeyGone, check_changes


class MemoryKeys:
    """A KeyStore that forgets everything at the end of the process."""

    immediate = True

    def __init__(self) -> None:
        self._by_id: dict[str, KeyRecord] = {}
        self._imported: dict[bytes, str] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def find(self, key_id: str) -> KeyRecord | None:
        return self._by_id.get(key_id)

    def find_imported(self, digests: Sequence[bytes]) -> KeyRecord | None:
        ids = (self._imported.get(digest) for digest in digests)
        return next((self._by_id[key_id] for key_id in ids if key_id is not None), None)

    def add(self, records: Sequence[KeyRecord]) -> None:
        with self._lock:
            self._check_new(records)
            self._insert(records)

    def update(self, key_id: str, changes: Mapping[str, object]) -> KeyRecord:
        check_changes(changes)
        with self._lock:
            record = self._by_id.get(key_id)
            if record is None:
                raise KeyGone(f"there is no key {key_id} any more")
            return self._change(record, changes)

    def replace(self, old_id: str, changes: Mapping[str, object], new: KeyRecord) -> None:
        check_changes(changes)
        with self._lock:
            old = self._by_id.get(old_id)
            if old is None or old.revoked is not None or old.replaced_by:
                raise KeyGone(f"{old_id} was revoked or replaced in the meantime")
            self._check_new((new,))
            self._change(old, changes)
            self._insert((new,))

    def list(self, search: str = "") -> Sequence[KeyRecord]:
        wanted = search.translate(ASCII_LOWER)
        found = [
            one
            for one in tuple(self._by_id.values())
            if any(wanted in text.translate(ASCII_LOWER) for text in (one.id, one.name, one.owner))
        ]
        return sorted(found, key=lambda record: (record.created, record.id))

    def generation(self) -> int:
        return self._generation

    def close(self) -> None:
        """Nothing to release."""

    def _check_new(self, records: Sequence[KeyRecord]) -> None:
        seen: set[str | bytes] = set(self._by_id) | set(self._imported)
        for record in records:
            names: set[str | bytes] = {record.id, record.digest} if record.imported else {record.id}
            if names & seen:
                raise KeyExists("a key of that id or value is in the store already")
            seen |= names

    def _insert(self, records: Sequence[KeyRecord]) -> None:
        self._by_id.update({record.id: record for record in records})
        self._imported.update({record.digest: record.id for record in records if record.imported})
        self._generation += 1

    def _change(self, record: KeyRecord, changes: Mapping[str, Any]) -> KeyRecord:
        kept = {name for name, since in KEPT.items() if getattr(record, since) is not None}
        self._by_id[record.id] = changed = replace(record, **{name: value for name, value in changes.items() if name not in kept})
        self._generation += 1
        return changed
