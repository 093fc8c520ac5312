"""Is a signed request looked at for its age, or remembered so that it cannot come twice?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Function, last_name, walk
from ostiary.scan.code.sites import Site
from ostiary.scan.code.values import Func
from ostiary.scan.code.world import World, options
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._bits import number
from ostiary.scan.rules._callers import callers
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._signatures import Check

_ORDERED = frozenset({"<", ">", "<=", ">="})
_CLOCK = Pattern(r"^(?:time|time_ns|now|utcnow|timestamp|current_time|now_ts|current|age|elapsed|skew|drift|delta|diff)$", re.IGNORECASE)
_CHECKS = Pattern(
    r"nonce|replay|duplicat|already|seen|processed|idempot|fresh|stale|setnx|dedup"
    r"|(?:check|verify|valid|is|ensure|assert|require).*(?:time|age|expir|recent)",
    re.IGNORECASE,
)
_KEPT = Pattern(r"nonce|seen|processed|used|deliver|replay|recent|known", re.IGNORECASE)
_ONCE = Pattern(r"nonce|delivery|event_?id|request_?id|message_?id|msg_?id|webhook_?id|idempot|jti|transaction_?id", re.IGNORECASE)
_HARMLESS = Pattern(
    r"^(?:get|encode|decode|new|update|join|str|bytes|format|compare_digest|digest|hexdigest|sha256|Header|int|float|len|strip|debug|info|warning"
    r"|error|exception|log|print|abort|HTTPException|dumps|loads|jsonify|split|lower|upper)$"
)
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
# no window of seconds is that wide: it counts milliseconds
_MILLISECONDS = 100_000


@record(frozen=True)
class Window:
    """A comparison with the clock; ``seconds`` None when the bound is not known."""

    place: Site
    seconds: float | None


def around(check: Check) -> list[Function]:
    """The functions that have to do with a check: those that compute and compare, who calls them, and what those call."""
    own = [check.function, check.computed.function]
    above = [caller for function in own for caller, _ in callers(check.world, function)]
    above += [caller for function in above for caller, _ in callers(check.world, function)]
    near = dict.fromkeys([*own, *above])
    return list(dict.fromkeys([*near, *(callee for function in near for callee in _called(check.world, function))]))


def _called(world: World, function: Function) -> Iterator[Function]:
    if function.name == "<module>":
        return
    for call in function.calls:
        for option in options(world.value(call[2], world.inside(function))):
            if isinstance(option, Func):
                yield option.function


def windows(world: World, function: Function) -> Iterator[Window]:
    """The comparisons of a function in which one side is a time that has passed."""
    flow = Flow(world, function)
    for expr in function.compares:
        sides = (expr[2], *expr[4])
        if expr[3][0] in _ORDERED and any(_tells_time(flow, side) for side in sides):
            bounds = [found for side in sides if (found := _bound(flow, side)) is not None]
            yield Window(Site(world, function.module, function, expr[1]), max(bounds, default=None))


def _tells_time(flow: Flow, expr: Expr, depth: int = 4) -> bool:
    for node in walk(expr):
        if node[0] in ("name", "attr") and _CLOCK.search(last_name(node)):
            return True
        if node[0] == "name" and depth:
            origin = flow.expand(node)
            if origin is not node and _tells_time(flow, origin, depth - 1):
                return True
    return False


def _bound(flow: Flow, expr: Expr) -> float | None:
    """300 of ``300``, ``WINDOW``, ``timedelta(minutes=5)``, ``now - 300``."""
    expr = flow.expand(expr)
    if expr[0] == "call" and last_name(expr[2]) == "total_seconds" and expr[2][0] == "attr":
        return _bound(flow, expr[2][2])
    if expr[0] == "call" and last_name(expr[2]) == "timedelta":
        parts = [(number(flow, value), _UNITS.get(name or "")) for name, value in expr[4]]
        return float(sum(n * unit for n, unit in parts if n is not None and unit)) or None
    if expr[0] == "bin" and expr[2] in ("+", "-") and _tells_time(flow, expr[3]):
        return _bound(flow, expr[4]) if not _tells_time(flow, expr[4]) else None
    found = number(flow, expr)
    return None if found is None else found / 1000 if found >= _MILLISECONDS else float(found)


def remembers(function: Function, own: frozenset[str]) -> bool:
    """It looks up or stores what makes a message unique, or calls something that says so; ``own`` are the names of the check's functions."""
    for call in function.calls:
        name = last_name(call[2])
        if name in own or _HARMLESS.search(name):
            continue
        if _CHECKS.search(name) or any(key in ("nx", "max_age") for key, _ in call[4]):
            return True
        if any(_names_one(node) for node in walk((call[3], call[4]))):
            return True
    return any(expr[3][0] in ("in", "not in") and _KEPT.search(last_name(expr[4][0])) for expr in function.compares)


def _names_one(node: Expr) -> bool:
    said = text_of(node) if node[0] == "str" else last_name(node) if node[0] in ("name", "attr") else None
    return said is not None and _ONCE.search(said.replace("-", "_")) is not None
