"""What is out of the ordinary in a stream of events, each with why (AUDIT-4). No I/O, no clock: the same events give the same anomalies.

Habits are learned from the events themselves: a count is compared with the largest that the same window had before, so that a daily
peak is nobody's alarm. What is told was looked at off the request path.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Generic, NamedTuple, TypeVar

from ostiary.guard.event import ALLOW, Event
from ostiary.guard.network import address_of

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
KINDS = ("refusals", "new-network", "rate", "id-walking", "unknown-paths")


class Anomaly(NamedTuple):
    """``who`` is a key id or an address, empty for all callers. ``seen`` is how many, ``usual`` the most that was usual before."""

    time: float
    kind: str
    who: str
    why: str
    seen: int
    usual: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when something is told. A factor is times the largest count that was usual; learning is how long nothing is usual yet."""

    refusals: int = 50
    refusals_factor: float = 4.0
    refusals_window: float = 5 * MINUTE
    rate: int = 300
    rate_factor: float = 5.0
    rate_learning: float = DAY
    network_calls: int = 200
    network_learning: float = 3 * DAY
    networks: int = 3
    walk: int = 30
    walk_refused: int = 10
    walk_window: float = 10 * MINUTE
    unknown: int = 25
    unknown_window: float = 5 * MINUTE
    callers: int = 20_000


@dataclass(slots=True)
class _Habit:
    """Counts in windows of one length; ``usual`` is the largest of the windows that are over."""

    first: float
    start: float
    count: int = 0
    usual: int = 0
    told: bool = False

    def add(self, now: float, window: float) -> None:
        start = now // window * window
        if start > self.start:
            # A window with an alarm is no habit.
            self.usual = self.usual if self.told else max(self.usual, self.count)
            self.start, self.count, self.told = start, 0, False
        self.count += 1


@dataclass(slots=True)
class _Caller:
    first: float
    rate: _Habit
    calls: int = 0
    networks: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Walk:
    """Ids that one caller asked of one route, the last ones."""

    asked: deque[tuple[float, int, bool]] = field(default_factory=lambda: deque(maxlen=200))
    told: float = 0.0


@dataclass(slots=True)
class _Paths:
    seen: dict[str, float] = field(default_factory=dict)
    told: float = 0.0


V = TypeVar("V")


class _Bounded(Generic[V]):
    """The newest so many; whoever was not seen for longest is forgotten first."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._known: OrderedDict[object, V] = OrderedDict()

    def get(self, key: object) -> V | None:
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

    def put(self, key: object, value: V) -> V:
        self._known[key] = value
        if len(self._known) > self._maximum:
            self._known.popitem(last=False)
        return value


class Detector:
    """``observe(events)`` gives what is out of the ordinary in them, in the light of all before. Memory is bounded by ``callers``."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._set = thresholds or Thresholds()
        self._refusals: _Habit | None = None
        self._refused: Counter[tuple[str, str]] = Counter()
        self._keys: _Bounded[_Caller] = _Bounded(self._set.callers)
        self._walks: _Bounded[_Walk] = _Bounded(self._set.callers)
        self._paths: _Bounded[_Paths] = _Bounded(self._set.callers)

    def observe(self, events: Iterable[Event]) -> list[Anomaly]:
        return [anomaly for event in events if event.verdict for anomaly in self._one(event)]

    def _one(self, event: Event) -> Iterator[Anomaly]:
        yield from self._refusal(event)
        if event.key_id and event.principal:
            yield from self._key(event)
        if event.route[1]:
            yield from self._walk(event)
        elif event.status == 404 or event.reason == "no_route":
            yield from self._unknown(event)

    def _refusal(self, event: Event) -> Iterator[Anomaly]:
        if event.verdict == ALLOW or (not event.route[1] and event.status == 404):
            return
        limits, now = self._set, event.time
        habit = self._refusals = self._refusals or _Habit(now, now // limits.refusals_window * limits.refusals_window)
        start = habit.start
        habit.add(now, limits.refusals_window)
        if habit.start != start:
            self._refused.clear()
        refused = (_who(event), event.reason)
        # Addresses cost a stranger nothing; who comes when all places are taken is not the one who is refused most.
        if refused in self._refused or len(self._refused) < limits.callers:
            self._refused[refused] += 1
        if not habit.told and habit.count >= max(limits.refusals, limits.refusals_factor * habit.usual):
            habit.told = True
            (who, reason), most = self._refused.most_common(1)[0]
            why = (
                f"{habit.count} calls were refused within {limits.refusals_window / MINUTE:g} minutes, usual are at most {habit.usual};"
                f" {most} of them from {who} ({reason})"
            )
            yield Anomaly(now, "refusals", who if most * 2 > habit.count else "", why, habit.count, habit.usual)

    def _key(self, event: Event) -> Iterator[Anomaly]:
        now = event.time
        known = self._keys.get(event.key_id)
        caller = known or self._keys.put(event.key_id, _Caller(now, _Habit(now, now // HOUR * HOUR)))
        caller.calls += 1
        yield from self._rate(event, caller)
        yield from self._network(event, caller)

    def _rate(self, event: Event, caller: _Caller) -> Iterator[Anomaly]:
        limits, habit = self._set, caller.rate
        habit.add(event.time, HOUR)
        learned = event.time - caller.first >= limits.rate_learning
        if learned and not habit.told and habit.count >= max(limits.rate, limits.rate_factor * habit.usual):
            habit.told = True
            why = f"key {event.key_id} called {habit.count} times within an hour, usual are at most {habit.usual}"
            yield Anomaly(event.time, "rate", event.key_id, why, habit.count, habit.usual)

    def _network(self, event: Event, caller: _Caller) -> Iterator[Anomaly]:
        network = network_of(event.address)
        if not network or network in caller.networks:
            return
        limits, before = self._set, len(caller.networks)
        settled = caller.calls > limits.network_calls and event.time - caller.first >= limits.network_learning
        caller.networks.add(network)
        if settled and before <= limits.networks:
            why = (
                f"key {event.key_id} was used from {network}; in {caller.calls - 1} calls before it came from {before} other networks only"
            )
            yield Anomaly(event.time, "new-network", event.key_id, why, 1, before)

    def _walk(self, event: Event) -> Iterator[Anomaly]:
        number = _number_in(event)
        if number is None:
            return
        limits, now, key = self._set, event.time, (_who(event), event.route)
        walk = self._walks.get(key) or self._walks.put(key, _Walk())
        walk.asked.append((now, number, event.status in (403, 404)))
        if event.status not in (403, 404) or (walk.told and now - walk.told < DAY):
            return
        recent = [(one, refused) for when, one, refused in walk.asked if when > now - limits.walk_window]
        numbers = sorted({one for one, _ in recent})
        refused = len({one for one, refusal in recent if refusal})
        # Neighbours: a client that shows its own list asks numbers that lie apart, and is not refused.
        steps = sum(0 < after - before <= 2 for before, after in itertools.pairwise(numbers))
        if refused >= limits.walk_refused and len(numbers) >= limits.walk and steps >= 0.8 * (len(numbers) - 1):
            walk.told = now
            why = f"{key[0]} asked for {len(numbers)} neighbouring ids of {' '.join(event.route)} within {limits.walk_window / MINUTE:g} minutes, {refused} refused or not there"
            yield Anomaly(now, "id-walking", key[0], why, len(numbers), 0)

    def _unknown(self, event: Event) -> Iterator[Anomaly]:
        limits, now, who = self._set, event.time, event.address or "-"
        paths = self._paths.get(who) or self._paths.put(who, _Paths())
        if paths.told and now - paths.told < DAY:
            return
        paths.seen[event.path] = now
        if len(paths.seen) >= limits.unknown:
            paths.seen = {path: when for path, when in paths.seen.items() if when > now - limits.unknown_window}
        if len(paths.seen) >= limits.unknown:
            paths.told = now
            why = f"{who} asked for {len(paths.seen)} different paths that are not there within {limits.unknown_window / MINUTE:g} minutes, as {event.path}"
            yield Anomaly(now, "unknown-paths", who, why, len(paths.seen), 0)


def anomalies(events: Iterable[Event], thresholds: Thresholds | None = None) -> list[Anomaly]:
    """What is out of the ordinary in these events, oldest first."""
    return Detector(thresholds).observe(events)


def network_of(address: str) -> str:
    """The network that a key is at home in: /16 of IPv4, /32 of IPv6; empty for what is no address (a hashed one)."""
    found = address_of(address.partition("/")[0])
    return "" if found is None else str(ip_network((int(found), 16 if found.version == 4 else 32), strict=False))


def _who(event: Event) -> str:
    return event.key_id if event.key_id and event.principal else event.address or "-"


_HOLE = re.compile(r"(?:\\\{|<)[^/]*?(?:\\\}|>)")
_PATTERNS: dict[str, re.Pattern[str] | None] = {}


def _number_in(event: Event) -> int | None:
    """The last number that stands in the place of a parameter of the route."""
    template = event.route[1]
    if template not in _PATTERNS:
        if len(_PATTERNS) > 10_000:
            _PATTERNS.clear()
        _PATTERNS[template] = re.compile(_HOLE.sub("([^/]+)", re.escape(template))) if ("{" in template or "<" in template) else None
    pattern = _PATTERNS[template]
    found = pattern.fullmatch(event.path) if pattern is not None else None
    numbers = [text for text in found.groups() if text.isdecimal() and len(text) < 19] if found is not None else []
    return int(numbers[-1]) if numbers else None
