"""Who calls what, and what nobody uses (AUDIT-3, LIFE-2): pure functions over what the store counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ostiary.guard.event import KeyUse, Usage
from ostiary.guard.keyrecord import KeyRecord, Standing, state
from ostiary.model.scope import covers

GROUPS = ("route", "version", "key", "day")
_ROLE = "role:"


class Line(NamedTuple):
    """Calls of one group, refusals among them, and when the last was (Unix seconds)."""

    names: tuple[str, ...]
    calls: int
    denied: int
    last_time: float


class Narrow(NamedTuple):
    """A key with scopes that no route ever asked of it: what it would keep, and the command that takes the others away."""

    key_id: str
    unused: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def command(self) -> str:
        return f"ostiary keys narrow {self.key_id}" + "".join(f" --scope '{scope}'" for scope in self.kept)


def grouped(usages: Iterable[Usage], by: Sequence[str]) -> list[Line]:
    """Summed by any of ``GROUPS``, the most called first."""
    found: dict[tuple[str, ...], list[float]] = {}
    for one in usages:
        names = {
            "route": " ".join(one.route).strip() or "(no route)",
            "version": one.version or "-",
            "key": one.key_id or "-",
            "day": one.day,
        }
        counts = found.setdefault(tuple(names[name] for name in by), [0, 0, 0.0])
        counts[0] += one.calls
        counts[1] += one.denied
        counts[2] = max(counts[2], one.last_time)
    lines = [Line(names, int(calls), int(denied), last) for names, (calls, denied, last) in found.items()]
    return sorted(lines, key=lambda line: (-line.calls, line.names))


def unused_keys(records: Iterable[KeyRecord], uses: Mapping[str, KeyUse], now: float) -> list[KeyRecord]:
    """Keys that work and that nobody ever called with."""
    return [record for record in records if record.id not in uses and state(record, now) is Standing.OK]


def unused_routes(known: Iterable[tuple[str, str]], usages: Iterable[Usage]) -> list[tuple[str, str]]:
    """Routes of an app that nobody ever called."""
    called = {one.route for one in usages}
    return [route for route in known if route not in called]


def narrowable(records: Iterable[KeyRecord], used: Mapping[tuple[str, str], float], now: float) -> list[Narrow]:
    """Keys that work, were used, and hold scopes that no route they called asks for. Roles are left alone: only the app knows what they hold."""
    asked: dict[str, set[str]] = {}
    for key_id, scope in used:
        asked.setdefault(key_id, set()).add(scope)
    found = []
    for record in records:
        if record.id not in asked or state(record, now) is not Standing.OK:
            continue
        unused = tuple(
            scope for scope in record.scopes if not scope.startswith(_ROLE) and not any(covers((scope,), one) for one in asked[record.id])
        )
        if unused:
            found.append(Narrow(record.id, unused, tuple(scope for scope in record.scopes if scope not in unused)))
    return found
