"""Where a gate of the application's own stands: around the handler, among the hooks before it, anywhere among its dependencies."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.scan.code.frameworks.depends import class_sources, sources_of, unwrap
from ostiary.scan.code.ir import ClassDef, Function
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.code.values import Cls, Func, Made, Obj, Value, name_of
from ostiary.scan.code.world import World, options

_DEPTH = 12


def stands_on(w: World, gate: Value, code: RouteCode) -> bool:
    """Is the gate on the route?"""
    guards = [guard for guard in code.guards if guard.kind in ("decorator", "base", "hook")]
    around = [value for guard in guards for value in (guard.value, guard.wrapped) if value is not None]
    return any(_is(w, value, gate, made=True) for value in around) or any(
        _is(w, value, gate, made=False) for value in dependencies(w, code)
    )


def dependencies(w: World, code: RouteCode) -> Iterator[Value]:
    """What FastAPI calls before the handler, and what those depend on."""
    for guard in code.guards:
        if guard.kind == "dependency":
            yield from _with_inner(w, guard.value, _DEPTH)
    if code.handler is not None:
        for source in sources_of(w, code.handler):
            if source.value is not None:
                yield from _with_inner(w, source.value, _DEPTH)


def _with_inner(w: World, value: Value, depth: int) -> Iterator[Value]:
    value = w.settle(unwrap(value)[0])
    yield value
    called = w.attribute(value, "__call__") if isinstance(value, Obj) else value
    sources = sources_of(w, called) if isinstance(called, Func) else class_sources(w, called) if isinstance(called, Cls) else []
    for source in sources if depth else ():
        if source.value is not None:
            yield from _with_inner(w, source.value, depth - 1)


def _is(w: World, value: Value, gate: Value, *, made: bool) -> bool:
    """The gate itself, a decorator that it made, or the wrapper that it left; a library's by its name.

    ``made``: two calls of one decorator factory count as the same, as the guard sees it; two objects of one class never do.
    """
    return any(_same(one, other, made) for one in options(w.settle(value)) for other in options(w.settle(gate)))


def _same(value: Value, gate: Value, made: bool) -> bool:
    if value is gate:
        return True
    if isinstance(value, Func) and isinstance(gate, Func):
        return gate.function in _around(value.function) and (value.function is not gate.function or _same_owner(value, gate))
    if isinstance(value, Func) or isinstance(gate, Func):
        return False
    if isinstance(value, Cls) and isinstance(gate, Cls):
        return value.cls is gate.cls
    apart = isinstance(value, (Obj, Cls)) or (isinstance(gate, Made) and not made)
    return not apart and bool(name_of(value)) and name_of(value) == name_of(gate)


def _same_owner(value: Func, gate: Func) -> bool:
    """Methods of two objects are two gates."""
    return not (isinstance(value.bound, Obj) and isinstance(gate.bound, Obj)) or value.bound is gate.bound


def _around(function: Function) -> Iterator[Function]:
    """A function, and those in which it is defined."""
    at: Function | ClassDef | None = function
    while at is not None:
        if isinstance(at, Function):
            yield at
        at = at.parent
