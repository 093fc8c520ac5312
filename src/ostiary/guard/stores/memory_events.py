"""Events in this process only, the newest ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice

from ostiary.guard.event import Event, KeyUse, Usage, UsageKey, joined_usage, joined_use, usages_of, uses_of
from ostiary.guard.seal import Chain, Sealed, StoredRow
from ostiary.guard.stores.keys_base import NO_SCOPES

_EVENTS = 10_000
_USAGES = 50_000
_SCOPES = 50_000
_SOON = 3_600.0


class MemoryEvents:
    """An EventStore of bounded size: the newest ``maximum`` events, and usage of the newest 50,000 (route, key, day).

    Keeps no seals: who can change the memory of a process has its audit key, too.
    """

    immediate = True

    def __init__(self, maximum: int = _EVENTS) -> None:
        self.keep = maximum
        self._rows: deque[Event] = deque(maxlen=maximum)
        self._written = 0
        self._uses: dict[str, KeyUse] = {}
        self._usages: dict[UsageKey, Usage] = {}
        self._scopes: dict[tuple[str, str], float] = {}
        self._leases: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def write(self, rows: Sequence[Event], sealed: Sealed | None = None, scopes: Mapping[tuple[str, str], float] = NO_SCOPES) -> None:  # noqa: ARG002
        with self._lock:
            self._rows.extend(rows)
            self._written += len(rows)
            self._uses.update({key: joined_use(self._uses.get(key), new) for key, new in uses_of(rows).items()})
            self._usages.update({key: joined_usage(self._usages.get(key), new) for key, new in usages_of(rows).items()})
            self._scopes.update({key: max(when, self._scopes.get(key, 0.0)) for key, when in scopes.items()})
            _trim(self._usages, _USAGES)
            _trim(self._scopes, _SCOPES)

    def recent(self, limit: int = 100) -> Sequence[Event]:
        with self._lock:
            return tuple(islice(reversed(self._rows), limit))

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        with self._lock:
            first = self._first()
            return list(islice(zip(count(first), self._rows, strict=False), max(0, after + 1 - first), max(0, after + 1 - first) + limit))

    def usage(self) -> Sequence[Usage]:
        with self._lock:
            return tuple(self._usages[key] for key in sorted(self._usages))

    def key_uses(self) -> Mapping[str, KeyUse]:
        with self._lock:
            return dict(self._uses)

    def scopes_used(self) -> Mapping[tuple[str, str], float]:
        with self._lock:
            return dict(self._scopes)

    @contextmanager
    def history(self) -> Iterator[tuple[Sequence[Chain], Iterator[StoredRow]]]:
        rows = self.read(0, self.keep)
        yield (), (StoredRow(number, row, "", 0, b"", b"", b"") for number, row in rows)

    def prune_bound(self, cutoff: float, now: float, keep: int) -> int:
        rows = self.read(0, self.keep)
        newest = rows[-1][0] if rows else 0
        return max(next((number for number, row in rows if cutoff <= row.time <= now + _SOON), newest + 1), newest - keep + 1)

    def prune(self, bound: int, sign: Callable[[str, str, int, bytes], bytes] | None) -> int:  # noqa: ARG002
        with self._lock:
            removed = max(0, min(bound - self._first(), len(self._rows)))
            for _ in range(removed):
                self._rows.popleft()
            return removed

    def erase(self, principal: str, since: int, limit: int, erasure: Callable[[StoredRow, str], bytes] | None) -> tuple[int, int] | None:  # noqa: ARG002
        with self._lock:
            first = self._first()
            found = [
                at for at, row in enumerate(self._rows) if first + at > since and row.principal == principal and (row.address or row.agent)
            ]
            for at in found[:limit]:
                self._rows[at] = self._rows[at]._replace(address="", agent="")
            return (first + found[:limit][-1], len(found[:limit])) if found else None

    def forget_uses(self, key_ids: Sequence[str]) -> None:
        with self._lock:
            for key_id in set(key_ids) & self._uses.keys():
                self._uses[key_id] = self._uses[key_id]._replace(address="", agent="")

    def lease(self, name: str, holder: str, now: float, seconds: float) -> bool:
        with self._lock:
            known, until = self._leases.get(name, (holder, 0.0))
            if until > now and known != holder:
                return False
            self._leases = {key: value for key, value in self._leases.items() if value[1] > now} | {name: (holder, now + seconds)}
            return True

    def close(self) -> None:
        """Nothing to release."""

    def _first(self) -> int:
        return self._written - len(self._rows) + 1


def _trim(known: dict[tuple[str, str], float] | dict[UsageKey, Usage], maximum: int) -> None:
    while len(known) > maximum:
        del known[next(iter(known))]  # type: ignore[arg-type]
