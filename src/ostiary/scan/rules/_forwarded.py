"""Headers in which the caller himself may write an address or a name: ``X-Forwarded-For`` and its like, read without asking who sent them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Function, last_name, walk
from ostiary.scan.code.values import Func, Value
from ostiary.scan.code.world import World, options
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._sources import read_of

_APPENDED = frozenset({"x-forwarded-for", "forwarded", "http-x-forwarded-for", "x-forwarded"})
_SET = frozenset(
    {
        *("x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip", "x-originating-ip", "user-agent"),
        *("http-x-real-ip", "http-client-ip", "http-user-agent", "x-original-forwarded-for"),
    }
)
_TRUST = Pattern(r"trust|prox(?:y|ies)|allowed_hop|hops|is_private|behind", re.IGNORECASE)
_DEPTH = 2


@record(frozen=True)
class Forwarded:
    """A read of such a header; ``sure`` for the ones that proxies only add to, so that what the caller sent stays in them."""

    header: str
    expr: Expr
    function: Function
    sure: bool


def header_of(expr: Expr) -> str | None:
    """``x-forwarded-for`` of a read of that header, None for any other expression."""
    read = read_of(expr)
    if read is None or last_name(read[0]) not in ("headers", "environ"):
        return None
    name = read[1].lower().replace("_", "-")
    return name if name in _APPENDED or name in _SET else None


def reads(world: World, function: Function, depth: int = _DEPTH) -> Iterator[Forwarded]:
    """The reads in a function and in those that it calls; none where the proxy is looked at, or the last address is taken."""
    if any(_TRUST.search(last_name(node)) for node in walk(function.body) if node[0] in ("name", "attr")) or _takes_last(function):
        return
    for node in walk(function.body):
        header = header_of(node) if node[0] in ("call", "sub") else None
        if header is not None:
            yield Forwarded(header, node, function, header in _APPENDED)
    for call in function.calls if depth else ():
        for option in options(world.value(call[2], world.inside(function))):
            if isinstance(option, Func):
                yield from reads(world, option.function, depth - 1)


def reads_of(world: World, value: Value) -> Iterator[Forwarded]:
    """The reads in a function given as a value."""
    for option in options(value):
        if isinstance(option, Func) and isinstance(option.handler, Func):
            yield from reads(world, option.handler.function)


def _takes_last(function: Function) -> bool:
    """``split(",")[-1]`` is what the nearest proxy wrote."""
    return any(node[0] == "sub" and node[3][0] == "neg" for node in walk(function.body)) or any(
        last_name(call[2]) in ("rsplit", "rpartition") for call in function.calls
    )
