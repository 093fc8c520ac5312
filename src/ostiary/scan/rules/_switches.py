"""Is a place reached only where somebody asked for debugging: ``if settings.debug: …``?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.scan.code.frames import blocks
from ostiary.scan.code.ir import Expr, Module, Stmt, last_name, walk
from ostiary.scan.code.values import Const
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern

_DEBUG = Pattern(r"(?:^|_)(?:debug|dev|develop|development|local)(?:$|_)", re.IGNORECASE)


def is_asked_for(world: World, module: Module, at: int) -> bool:
    """An ``if`` around the place tests a flag for debugging, and the flag is not simply True in the tree."""
    return any(_asks(world, module, test) for test in _tests(module.body, at))


def _tests(body: tuple[Stmt, ...], at: int) -> Iterator[Expr]:
    """The tests that hold at a place, outermost first; those of ``else`` are left out."""
    while True:
        inside = [s for s in body if s[1] <= at]
        if not inside:
            return
        stmt = inside[-1]
        inner = [stmt[2].body] if stmt[0] in ("def", "class") else [block for block in blocks(stmt) if block and block[0][1] <= at]
        if not inner:
            return
        if stmt[0] == "if" and inner[-1] is stmt[3]:
            yield stmt[2]
        body = inner[-1]


def _asks(world: World, module: Module, test: Expr) -> bool:
    if test[0] in ("not", "str", "const") or (test[0] == "cmp" and test[3][0] in ("!=", "is not", "not in")):
        return False
    flags = [node for node in walk(test) if node[0] in ("name", "attr", "str") and _DEBUG.search(node[-1])]
    return bool(flags) and not any(_is_on(world, module, node) for node in flags)


def _is_on(world: World, module: Module, flag: Expr) -> bool:
    if flag[0] == "str" or (flag[0] == "attr" and last_name(flag[2]) in ("app", "application")):
        return False
    return world.value(flag, world.inside(module.top)) in (Const(True), Const(1))
