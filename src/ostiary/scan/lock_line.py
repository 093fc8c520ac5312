"""One line of ``ostiary.lock``: ``METHOD path  state  by=…  scopes=…  limits=…  reason=…  app=…``.

Two spaces part the columns; empty ones are left out. A value that holds more than plain printable characters is a JSON string.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ostiary.model.route import Route, State
from ostiary.scan.state import state_of

_PLAIN = re.compile(r"[^\s\",=\\]+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s",=\\]+')
_COLUMN = re.compile(rf"  ([a-z]+)=((?:{_TOKEN.pattern})(?:,(?:{_TOKEN.pattern}))*)")
_HEAD = re.compile(rf"([A-Z][A-Z0-9_-]*) ({_TOKEN.pattern})  ([a-z]+)")
_LISTS = ("by", "scopes", "limits")
_TEXTS = ("reason", "app")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the lock knows of a route. ``app`` is empty unless several apps have a route of this method and path."""

    method: str
    path: str
    state: State
    by: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    reason: str = ""
    app: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.method, self.path)

    def __str__(self) -> str:
        columns = [f"{self.method} {_quoted(self.path)}", self.state.value]
        columns += [f"{name}={','.join(map(_quoted, values))}" for name in _LISTS if (values := getattr(self, name))]
        columns += [f"{name}={_quoted(value)}" for name in _TEXTS if (value := getattr(self, name))]
        return "  ".join(columns)


def entry_of(route: Route) -> Entry:
    """The entry of a route, with its app."""
    public = route.public if state_of(route) is State.PUBLIC else None
    return Entry(
        method=route.method.upper(),
        path=route.path,
        state=state_of(route),
        by=(public.by,) if public else _distinct(gate.name for gate in route.protection.by),
        scopes=_distinct(route.policy.scopes),
        limits=_distinct(limit.text for limit in route.limits),
        reason=public.reason if public else "",
        app=route.app,
    )


def parse_line(line: str) -> Entry | None:
    """The entry that a line tells, or None when it tells none."""
    head = _HEAD.match(line)
    if head is None or head.group(3) not in set(State):
        return None
    columns: dict[str, str] = {}
    end = head.end()
    while column := _COLUMN.match(line, end):
        columns[column.group(1)] = column.group(2)
        end = column.end()
    if end != len(line) or not columns.keys() <= {*_LISTS, *_TEXTS}:
        return None
    try:
        by, scopes, limits = (tuple(map(_unquoted, _TOKEN.findall(columns.get(name, "")))) for name in _LISTS)
        reason, app = (_unquoted(columns.get(name, "")) for name in _TEXTS)
        return Entry(head.group(1), _unquoted(head.group(2)), State(head.group(3)), by, scopes, limits, reason, app)
    except ValueError:
        return None


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _quoted(value: str) -> str:
    if not value.isprintable():
        return json.dumps(value)
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _unquoted(token: str) -> str:
    return str(json.loads(token)) if token.startswith('"') else token
