"""Every node of a module, for rules that look for a word wherever it stands; bytes decide which modules and functions are worth it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from ostiary.scan.code.ir import Expr, Function, Module, line_of, walk
from ostiary.scan.code.world import World
from ostiary.scan.rules import sites_of
from ostiary.scan.rules._facts import target_name

_SOURCES: WeakKeyDictionary[Any, dict[str, bytes]] = WeakKeyDictionary()
_NEAR: WeakKeyDictionary[Any, dict[tuple[str, tuple[bytes, ...]], set[Function]]] = WeakKeyDictionary()


def mentions(world: World, module: Module, needles: tuple[bytes, ...]) -> bool:
    """The file's bytes hold one of the words, in whatever case."""
    source = _lowered(world, module)
    if source is None:
        return True
    # no generator: this is asked for every module by many rules
    for needle in needles:  # noqa: SIM110
        if needle in source:
            return True
    return False


def _lowered(world: World, module: Module) -> bytes | None:
    """The file in lower case, one line feed a line; None when there is no file."""
    kept = _SOURCES.setdefault(world, {})
    found = kept.get(module.name)
    if found is None:
        file = world.index.finder.files.get(module.name)
        if file is None:
            return None
        found = file.source.lower()
        if b"\r" in found:
            found = found.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        kept[module.name] = found
    return found


def nodes(module: Module, worth: Callable[[Function], bool] = lambda _: True) -> Iterator[tuple[Function, Expr]]:
    """Every node of a module with the function that it stands in, ``module.top`` for module and class level; of functions those that are worth it."""
    for function in sites_of(module):
        for node in walk((function.body, function.decorators)) if worth(function) else ():
            yield function, node
    for cls in module.classes:
        for node in walk(cls.body):
            yield module.top, node


def nodes_near(world: World, module: Module, needles: tuple[bytes, ...]) -> Iterator[tuple[Function, Expr]]:
    """``nodes``, without those of functions none of whose lines holds one of the words."""
    return nodes(module, near(world, module, needles).__contains__)


def near(world: World, module: Module, needles: tuple[bytes, ...]) -> set[Function]:
    """The top level, and the functions that have a line with one of the words, decorators included."""
    kept = _NEAR.setdefault(world, {})
    key = (module.name, needles)
    if key not in kept:
        kept[key] = _near(world, module, needles)
    return kept[key]


def _near(world: World, module: Module, needles: tuple[bytes, ...]) -> set[Function]:
    lines = _lines(world, module, needles)
    if lines is None:
        return {module.top, *module.functions}
    return {module.top, *[f for f in module.functions if _spans(f, lines)]}


def _spans(function: Function, lines: list[int]) -> bool:
    first = min([function.line, *[line_of(d[1]) for d in function.decorators]])
    at = bisect_left(lines, first)
    return at < len(lines) and lines[at] <= function.end


def _lines(world: World, module: Module, needles: tuple[bytes, ...]) -> list[int] | None:
    """The lines that hold one of the words, in order, None when it cannot be said."""
    source = _lowered(world, module)
    if source is None or module.repaired:
        return None
    found: set[int] = set()
    for needle in needles:
        line, start, at = 1, 0, source.find(needle)
        while at >= 0:
            line += source.count(b"\n", start, at)
            found.add(line)
            start, at = at, source.find(needle, at + 1)
    return sorted(found)


def settings_in(node: Expr) -> Iterator[tuple[str, Expr]]:
    """(name, value) of what a node sets: by assignment, as a keyword argument, in a dict."""
    if node[0] == "assign" and node[3] is not None:
        yield from ((target_name(target), node[3]) for target in node[2])
    elif node[0] == "call":
        yield from ((name, value) for name, value in node[4] if name is not None)
    elif node[0] == "dict":
        yield from ((key[2], value) for key, value in zip(node[2], node[3], strict=True) if key is not None and key[0] == "str")
