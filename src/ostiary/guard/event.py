"""Event: the record of one decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

ALLOW, DENY, MONITOR = "allow", "deny", "monitor"


class Event(NamedTuple):
    """One decision. Texts are stored with control and bidirectional characters spelled out; none holds a credential.

    ``time`` is Unix seconds, ``route`` is (method, path template), empty where no route matched; ``path`` is the path as asked for,
    redacted. ``principal`` is set only when the credential was verified: a key counts as used only then, so that a stranger who knows an
    id leaves no trace on the key. ``agent`` is the User-Agent. ``reason`` is a code, ``verdict`` is allow, deny or monitor (would have
    been denied), ``limit`` is the state of the limit that decided, ``note`` anything else worth keeping.
    """

    time: float
    request_id: str = ""
    route: tuple[str, str] = ("", "")
    version: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    latency_us: int = 0
    principal: str = ""
    key_id: str = ""
    address: str = ""
    agent: str = ""
    reason: str = ""
    verdict: str = ALLOW
    limit: str = ""
    note: str = ""


def as_json(event: Event) -> dict[str, Any]:
    """The event as a JSON object: ``time`` in Unix seconds, ``route`` as an array of method and template."""
    return {**event._asdict(), "route": list(event.route)}


class KeyUse(NamedTuple):
    """When a key was last used, from where, by what agent, and how often in all."""

    key_id: str
    last_time: float
    address: str
    agent: str
    calls: int


class Usage(NamedTuple):
    """Calls of one route with one key on one day (UTC, ``2026-11-22``); ``key_id`` is empty for callers without a verified key."""

    day: str
    route: tuple[str, str]
    version: str
    key_id: str
    calls: int
    denied: int
    last_time: float


_DAY = 86_400
_LONGEST = 1_024
_LARGEST = 2**53
_END_OF_TIME = 253_402_300_800.0  # the year 10000, of which calendars know nothing
_NUMBERS = frozenset({"time", "status", "latency_us"})


def cleaned(event: Event, redact: Callable[[str], str] | None = None) -> Event:
    """The event as it may be stored and shown: no control or bidirectional character, no text over 1,024 characters, only texts and numbers.

    It comes from strangers: whatever it holds, no line of a log or of a terminal is forged with it, and every store can take it.
    """
    if redact is not None:
        path, agent, note = (redact(str(text)) for text in (event.path, event.agent, event.note))
        event = event._replace(path=path, agent=agent, note=note)
    return event if _is_clean(event) else _clean(event)


def _is_clean(event: Event) -> bool:
    try:
        text = "".join((*event[1:2], *event.route, *event[3:6], *event[8:]))
        sized = (
            len(text) <= _LONGEST and 0 <= event.time < _END_OF_TIME and 0 <= event.status < _LARGEST and 0 <= event.latency_us < _LARGEST
        )
        return sized and text.isprintable()
    except TypeError:
        return False


def _clean(event: Event) -> Event:
    texts: dict[str, Any] = {
        name: spelled(value) for name, value in zip(event._fields, event, strict=True) if name not in _NUMBERS and name != "route"
    }
    method, template = event.route
    return event._replace(
        **texts,
        route=(spelled(method), spelled(template)),
        time=float(event.time) if 0 <= event.time < _END_OF_TIME else 0.0,
        status=_number(event.status),
        latency_us=_number(event.latency_us),
    )


def spelled(value: object) -> str:
    """A text in which whatever is not printable (CR, LF, ESC, U+2028, bidirectional marks, lone surrogates) is written as its escape."""
    text = str(value)[:_LONGEST]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)[:_LONGEST]


def _number(value: object) -> int:
    return min(max(int(value), 0), _LARGEST) if isinstance(value, int | float) else 0


UsageKey = tuple[str, tuple[str, str], str, str]
"""(day, route, version, key id): under which usage is counted."""


def uses_of(rows: Iterable[Event]) -> dict[str, KeyUse]:
    """What the events say about each verified key; the latest says from where."""
    calls: dict[str, int] = {}
    latest: dict[str, Event] = {}
    for row in rows:
        key_id = row.key_id
        if key_id and row.principal:
            calls[key_id] = calls.get(key_id, 0) + 1
            if key_id not in latest or row.time >= latest[key_id].time:
                latest[key_id] = row
    return {key_id: KeyUse(key_id, row.time, row.address, row.agent, calls[key_id]) for key_id, row in latest.items()}


def usages_of(rows: Iterable[Event]) -> dict[UsageKey, Usage]:
    """What the events say about each route, key and day. Events of no call (a note about lost ones) are left out."""
    found: dict[tuple[float, tuple[str, str], str, str], list[Any]] = {}
    for row in rows:
        time, verdict = row[0], row[13]
        if not verdict:
            continue
        key = (time // _DAY, row[2], row[3], row[9] if row[8] else "")
        counts = found.get(key)
        if counts is None:
            found[key] = [1, int(verdict == DENY), time]
            continue
        counts[0] += 1
        counts[1] += verdict == DENY
        counts[2] = max(counts[2], time)
    named = {(_day(day), route, version, key_id): counts for (day, route, version, key_id), counts in found.items()}
    return {key: Usage(*key, *counts) for key, counts in named.items()}


def joined_use(old: KeyUse | None, new: KeyUse) -> KeyUse:
    """Both together; the later one says from where."""
    if old is None:
        return new
    later = new if new.last_time >= old.last_time else old
    return later._replace(calls=old.calls + new.calls)


def joined_usage(old: Usage | None, new: Usage) -> Usage:
    """Both together."""
    if old is None:
        return new
    return old._replace(calls=old.calls + new.calls, denied=old.denied + new.denied, last_time=max(old.last_time, new.last_time))


@lru_cache(maxsize=64)
def _day(number: float) -> str:
    return datetime.fromtimestamp(number * _DAY, UTC).date().isoformat()
