"""What start-up says of an app, and ``ostiary guard check`` fails on: undeclared routes, gates that are not there, counters that do not add up."""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ostiary.guard import workers
from ostiary.model.limit import worst_case

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.policies import Compiled
    from ostiary.model.lifecycle import Lifecycle

_DEPTH = 32
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Declared(NamedTuple):
    """A method on a route of the app, and what answers it."""

    compiled: Compiled
    view: Any


class Problem(NamedTuple):
    """``kind`` is a code, ``what`` names the route or setting, ``hint`` is what to write, ``where`` is file:line or empty."""

    kind: str
    what: str
    hint: str
    where: str = ""


def problems(core: Core, declared: Iterable[Declared], environ: Mapping[str, str] = os.environ) -> list[Problem]:
    """All that is wrong with the declarations of an app."""
    listed = list(declared)
    return [*_undeclared(listed), *_ungated(listed), *_unmatched(core, listed), *_clear_origins(core, listed), *_apart(core, environ)]


def _undeclared(declared: list[Declared]) -> Iterator[Problem]:
    for one in declared:
        if not one.compiled.policy.declared:
            yield Problem("undeclared", f"{one.compiled.method} {one.compiled.template}", _hint(one), place(one.view))


def _hint(one: Declared) -> str:
    """What declares it: a mark where the view is the app's own code, a pattern where it is a framework's."""
    where = place(one.view)
    if where and not os.path.isabs(where):
        return 'write @require() or @public("why") on it'
    path = one.compiled.template
    pattern = path.rpartition("{")[0] + "**" if path.endswith("}") else path
    return f'write Guard(routes={{"{pattern}": "why it is public"}}), or require(...) for the reason'


def _ungated(declared: list[Declared]) -> Iterator[Problem]:
    for one in declared:
        if not one.compiled.gated and one.compiled.delegate is not None:
            what = f"{one.compiled.method} {one.compiled.template}"
            yield Problem("gate-missing", what, f"{one.compiled.delegate.name} is named, but is not on this route", place(one.view))


def _unmatched(core: Core, declared: list[Declared]) -> Iterator[Problem]:
    routes = [(one.compiled.method, one.compiled.template) for one in declared]
    for pattern, where in core.path_policies.without_route(routes):
        yield Problem("no-route", pattern, "this pattern matches no route", where)


def _clear_origins(core: Core, declared: list[Declared]) -> Iterator[Problem]:
    """A page that came over plain HTTP is anybody's on its way: its origin is nobody's word."""
    if core.settings.transport.mode == "off":
        return
    said = {one.compiled.cors for one in declared if one.compiled.cors is not None}
    for origin in sorted({origin for one in said for origin in one.origins or () if origin.startswith("http:")}):
        if urlsplit(origin).hostname not in _OWN_MACHINE:
            yield Problem("cors-in-clear", origin, "whoever is on the line can be this page: share with its https:// origin")


def _apart(core: Core, environ: Mapping[str, str]) -> Iterator[Problem]:
    found = workers.configured(environ)
    if core.settings.counters_url.startswith("memory:") and found.number > 1:
        hint = f"{found.number} workers ({found.source}) count apart; write counters='sqlite:///ostiary.db'"
        yield Problem("counters-in-memory", "rate limits", hint)


def bursts(declared: Iterable[Declared]) -> list[str]:
    """For each GCRA limit in force the most that it lets through in some interval of its length (LIMIT-3)."""
    limits = {limit for one in declared for _, limit in (*one.compiled.by_address, *one.compiled.by_principal) if limit.kind == "gcra"}
    return sorted(f"{limit} lets through at most {worst_case(limit)} in some {limit.seconds} seconds" for limit in limits)


def endings(declared: Iterable[Declared], now: float) -> list[str]:
    """The routes that will be gone within thirty days (LIFE-1)."""
    soon = [one.compiled for one in declared if one.compiled.lifecycle is not None and one.compiled.lifecycle.ends_soon(now)]
    return [f"{one.method} {one.template} will be gone on {last_day(one.lifecycle)}" for one in soon]


def last_day(one: Lifecycle | None) -> str:
    """When a route ends (UTC); "" where that is not decided."""
    ends = one.sunset if one is not None else None
    return "" if ends is None else datetime.fromtimestamp(ends, UTC).date().isoformat()


def warning(logger: logging.Logger, found: list[Problem], *, monitor: bool) -> None:
    """Says it once, in the app's log."""
    if not found:
        return
    verb = "would be refused" if monitor else "are refused"
    undeclared = [one for one in found if one.kind == "undeclared"]
    many = len(undeclared) > 1
    verb = verb if many else verb.replace("are ", "is ")
    lines = [f"{len(undeclared)} route{'s' if many else ''} that nobody declared {verb}:"] if undeclared else []
    lines += [f"  {_line(one)}" for one in undeclared]
    lines += [_line(one) for one in found if one.kind != "undeclared"]
    logger.warning("%s", "\n".join(lines))


def _line(one: Problem) -> str:
    return f"{one.what}: {one.hint}" + (f" ({one.where})" if one.where else "")


def place(view: Any) -> str:
    """``file:line`` of a function or class, relative to where the app runs; empty for what has no source."""
    code = getattr(_unwrapped(view), "__code__", None)
    if code is None:
        return ""
    file = os.path.relpath(code.co_filename) if code.co_filename.startswith(os.getcwd() + os.sep) else code.co_filename
    return f"{file}:{code.co_firstlineno}"


def _unwrapped(view: Any) -> Any:
    view = view.func if isinstance(view, partial) else getattr(view, "view_class", view)
    try:
        return inspect.unwrap(view)
    except ValueError:
        return view


def gate_reached(gate: Callable[..., Any], *places: Any) -> bool:
    """Is the gate one of these functions, around one of them, or called in the closure of one?

    A decorator is recognised by the code of the wrapper that it leaves: ``functools.wraps`` changes names, not code.
    """
    return any(_reaches(place, gate, _DEPTH) for place in places if place is not None)


def _reaches(place: Any, gate: Callable[..., Any], depth: int) -> bool:
    if place is gate or (inspect.ismethod(gate) and place == gate):
        return True
    if depth == 0 or not callable(place):
        return False
    if _made_by(place, gate):
        return True
    inner = [getattr(place, "__wrapped__", None), getattr(place, "view_class", None), getattr(place, "func", None)]
    inner += [cell.cell_contents for cell in getattr(place, "__closure__", None) or () if _filled(cell)]
    inner += list(getattr(place, "decorators", ()) or ())
    return any(_reaches(one, gate, depth - 1) for one in inner if callable(one))


def _filled(cell: Any) -> bool:
    try:
        return callable(cell.cell_contents)
    except ValueError:
        return False


def _made_by(place: Any, gate: Callable[..., Any]) -> bool:
    """Was this wrapper made by that decorator?"""
    made, maker = getattr(place, "__code__", None), getattr(inspect.unwrap(gate), "__code__", None)
    if made is None or maker is None:
        return False
    return made.co_filename == maker.co_filename and any(made is constant for constant in _codes(maker, 3))


def _codes(code: Any, depth: int) -> Iterator[Any]:
    """The code of every function that is defined inside another."""
    for constant in code.co_consts:
        if hasattr(constant, "co_consts"):
            yield constant
            if depth:
                yield from _codes(constant, depth - 1)
