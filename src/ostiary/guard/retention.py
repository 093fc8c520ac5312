"""How long events are kept, and how a person's address and agent are taken out of them, while their chain holds (AUDIT-6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from ostiary.errors import UsageError
from ostiary.guard import seal
from ostiary.guard.event import Event
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import Peppers
from ostiary.guard.seal import StoredRow
from ostiary.guard.stores.keys_base import EventStore

CHUNK = 5_000
_FOREVER = 2**62
_AGE = re.compile(r"(\d{1,5})\s*(h|hours?|d|days?|w|weeks?|years?)")
_UNITS = {"h": 3_600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}


def age_of(text: str) -> float:
    """Seconds of ``90 days``, ``12 hours``, ``2 weeks``, ``1 year``, ``90d``. Raises UsageError."""
    found = _AGE.fullmatch(text.strip().lower()) if isinstance(text, str) else None
    if found is None or not int(found[1]):
        raise UsageError(f"an age is written as 90 days, 12 hours, 2 weeks or 1 year, not {text!r}")
    return int(found[1]) * _UNITS[found[2][0]]


def prune(
    store: EventStore,
    older: float | None,
    now: float,
    keys: Peppers | None,
    *,
    keep: int = _FOREVER,
    chunk: int = CHUNK,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Removes events older than so many seconds, and the oldest of more than ``keep``; gives how many.

    In pieces of ``chunk``, so that nobody who writes waits long. Raises UsageError when events are sealed and their key is not here.
    """
    bound = patiently(store.prune_bound, 0.0 if older is None else now - older, now, keep)
    sign = None if keys is None else _marks(keys)
    removed = 0
    while (oldest := patiently(store.read, 0, 1)) and oldest[0][0] < bound:
        removed += patiently(store.prune, min(bound, oldest[0][0] + chunk), sign)
        progress(removed)
    return removed


def erase(store: EventStore, principal: str, keys: Peppers | None, *, chunk: int = CHUNK) -> int:
    """Takes address and agent out of every event of this principal, and of the last use of its keys; gives how many events.

    Raises UsageError when events are sealed and their key is not here.
    """
    written = None if keys is None else _erasures(keys)
    own = {row.key_id for row in _of(store, principal)}
    erased, since = 0, 0
    while (done := patiently(store.erase, principal, since, chunk, written)) is not None:
        (since, number) = done
        erased += number
    patiently(store.forget_uses, sorted(own - {""}))
    return erased


def _of(store: EventStore, principal: str) -> list[Event]:
    found, after = [], 0
    while rows := patiently(store.read, after, CHUNK):
        found += [row for _, row in rows if row.principal == principal]
        after = rows[-1][0]
    return found


def _key(keys: Peppers, key_id: str) -> bytes:
    key = keys.get(key_id)
    if key is None:
        raise UsageError(f"these events were sealed under the audit key {key_id}, which is not here; here: {', '.join(keys.ids)}")
    return key


def _marks(keys: Peppers) -> Callable[[str, str, int, bytes], bytes]:
    return lambda writer, key_id, first, before: seal.start_tag(_key(keys, key_id), writer, first, before)


def _erasures(keys: Peppers) -> Callable[[StoredRow, str], bytes]:
    return lambda row, key_id: seal.erasure(_key(keys, key_id), row.writer, row.seq, seal.committed_in(row))
