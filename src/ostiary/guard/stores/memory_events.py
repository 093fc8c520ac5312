"""Events in this process only, the newest ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

from ostiary.guard.event import Event, KeyUse, Usage, UsageKey, joined_usage, joined_use, usages_of, uses_of

_EVENTS = 10_000
_USAGES = 50_000


class MemoryEvents:
    """An EventStore of bounded size: the newest ``maximum`` events, and usage of the newest 50,000 (route, key, day)."""

    immediate = True

    def __init__(self, maximum: int = _EVENTS) -> None:
        self._rows: deque[Event] = deque(maxlen=maximum)
        self._uses: dict[str, KeyUse] = {}
        self._usages: dict[UsageKey, Usage] = {}
        self._lock = threading.Lock()

    def write(self, rows: Sequence[Event]) -> None:
        with self._lock:
            self._rows.extend(rows)
            self._uses.update({key: joined_use(self._uses.get(key), new) for key, new in uses_of(rows).items()})
            self._usages.update({key: joined_usage(self._usages.get(key), new) for key, new in usages_of(rows).items()})
            while len(self._usages) > _USAGES:
                del self._usages[next(iter(self._usages))]

    def recent(self, limit: int = 100) -> Sequence[Event]:
        with self._lock:
            return tuple(islice(reversed(self._rows), limit))

    def usage(self) -> Sequence[Usage]:
        with self._lock:
            return tuple(self._usages[key] for key in sorted(self._usages))

    def key_uses(self) -> Mapping[str, KeyUse]:
        with self._lock:
            return dict(self._uses)

    def close(self) -> None:
        """Nothing to release."""
