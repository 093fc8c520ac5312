"""One facade for every surface that looks after the record: verify, checkpoint, prune, erase, export."""

from __future__ import annotations

import hmac
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostiary.errors import UsageError
from ostiary.guard import pepper, retention, tamper
from ostiary.guard.event import Event
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import AUDIT, Peppers
from ostiary.guard.stores import file_of, folder_of, is_sql, open_store, role_path
from ostiary.guard.stores.keys_base import EventStore
from ostiary.guard.tamper import Point, Verdict

_FORMAT = "ostiary audit checkpoint 1"
_PAGE = 1_000
_LARGEST = 64 * 1024 * 1024
_END = 253_402_300_800.0
Progress = Callable[[int], None]


def _silent(_: int) -> None:
    """Says nothing."""


def make_key(store_url: str) -> Path:
    """Writes a new audit key beside the store, mode 0600, and gives its file. Raises UsageError when there is one."""
    file = folder_of(store_url) / AUDIT.file_name
    if not file.parent.is_dir():
        raise UsageError(f"no such folder: {file.parent}")
    pepper.create(file, kind=AUDIT)
    return file


@dataclass(frozen=True, slots=True)
class Record:
    """The events of a store, and the audit keys where there are any."""

    store: EventStore
    keys: Peppers | None
    clock: Callable[[], float] = time.time

    @classmethod
    def open(
        cls,
        store_url: str,
        audit_key: str | bytes | Peppers | None = None,
        *,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
    ) -> Record:
        """The events that a guard has written. Raises UsageError when there are none, and for a key that cannot be used."""
        if store_url == "memory://":
            raise UsageError("memory:// ends with the process; name the store of the app, as in sqlite:///ostiary.db")
        file = None if is_sql(store_url) else file_of(store_url)
        if file is not None and not role_path(file, "events").exists():
            raise UsageError(f"there is no {role_path(file, 'events')} yet; the guard of an app makes it")
        keys = pepper.find(AUDIT, folder_of(store_url), audit_key, environ)
        return cls(open_store(store_url, "events"), keys, clock)

    def verify(self, checkpoint: Path | None = None, progress: Progress = _silent) -> Verdict:
        """Does the history hold? Raises UsageError without the audit key, and for a checkpoint that is none of ours."""
        keys = self._needed()
        points = None if checkpoint is None else read_checkpoint(checkpoint, keys)
        with self.store.history() as (chains, rows):
            return tamper.verify(chains, rows, keys, points, progress)

    def checkpoint(self) -> str:
        """How far each chain goes, signed with the audit key: JSON, to be kept where who can change the events cannot reach it."""
        keys = self._needed()
        with self.store.history() as (chains, _):
            known = {chain.writer: {"seq": chain.seq, "mac": chain.mac.hex()} for chain in chains}
        content = {"format": _FORMAT, "made": self.clock(), "key": keys.current_id, "chains": known}
        return json.dumps({**content, "hmac": _signature(keys.current, content)}, indent=2) + "\n"

    def prune(self, older: float, progress: Progress = _silent) -> int:
        """Removes events older than so many seconds; gives how many. Raises UsageError without the key of sealed ones."""
        return retention.prune(self.store, older, self.clock(), self.keys, progress=progress)

    def erase(self, principal: str) -> int:
        """Takes address and agent out of the events of a principal; gives of how many."""
        return retention.erase(self.store, principal, self.keys)

    def events(self, since: float = 0.0, until: float = _END) -> Iterator[Event]:
        """Those of a span of time, in the order in which they were written."""
        after = 0
        while rows := patiently(self.store.read, after, _PAGE):
            yield from (row for _, row in rows if since <= row.time < until)
            after = rows[-1][0]

    def close(self) -> None:
        self.store.close()

    def _needed(self) -> Peppers:
        if self.keys is None:
            raise UsageError(
                f"no audit key: set {AUDIT.variable} or {AUDIT.variable}_FILE; ostiary audit init makes one, and seals what comes after"
            )
        return self.keys


def read_checkpoint(file: Path, keys: Peppers) -> dict[str, Point]:
    """What a checkpoint knows of each chain. Raises UsageError for a file that is none, or that our key did not sign."""
    try:
        content = json.loads(file.read_bytes()[:_LARGEST])
        signature = content.pop("hmac")
        points = {writer: Point(int(one["seq"]), bytes.fromhex(one["mac"])) for writer, one in content["chains"].items()}
        known = content["format"] == _FORMAT and isinstance(signature, str)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise UsageError(f"{file}: not a checkpoint; ostiary audit checkpoint writes one")
    key = keys.get(str(content.get("key")))
    if key is None:
        raise UsageError(f"{file}: signed with an audit key that is not here; here: {', '.join(keys.ids)}")
    if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), _signature(key, content).encode()):
        raise UsageError(f"{file}: this checkpoint was changed, its signature is wrong")
    return points


def _signature(key: bytes, content: Mapping[str, Any]) -> str:
    written = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, b"ostiary checkpoint\x1f" + written.encode(), "sha256").hex()
