"""Where a local name got its value: the last definition before a place in a function, as written."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from ostiary.scan.code.ir import Expr, Function, Param, Stmt, pack
from ostiary.scan.records import field, record

_EVER = 1 << 62
_FAR = pack(100, 0)  # no value is longer than a hundred lines


@record
class Definition:
    """``how``: assign, element (one of an unpacked value), iter, with, except, aug or param."""

    at: int
    how: str
    expr: Expr | None
    param: Param | None = None
    function: Function | None = None
    end: int = 0

    def holds(self, at: int) -> bool:
        """The place is inside the assigned value: ``key = key.strip()`` must find the earlier ``key``."""
        if self.how not in ("assign", "element") or self.expr is None or at > self.at + _FAR:
            return False
        if not self.end:
            self.end = end_of(self.expr)
        return at <= self.end


@record
class Definitions:
    """What each name is bound to, in order."""

    names: dict[str, list[Definition]] = field(default_factory=dict)

    def before(self, name: str, at: int) -> Definition | None:
        found = None
        for item in self.names.get(name, ()):
            if item.at <= at and not item.holds(at):
                found = item
        return found


_CACHE: WeakKeyDictionary[Any, dict[Function, Definitions]] = WeakKeyDictionary()


def definition(world: Any, function: Function, name: str, at: int) -> Definition | None:
    """What ``name`` holds at a place; names of the enclosing functions as they end up; None for names of the module."""
    where: Any = function
    while isinstance(where, Function) and where.name != "<module>":
        found = _of(world, where).before(name, at)
        if found is not None:
            return found
        where, at = where.parent, _EVER
    return None


def _of(world: Any, function: Function) -> Definitions:
    kept = _CACHE.setdefault(world, {})
    known = kept.get(function)
    if known is None:
        known = kept[function] = Definitions()
        for param in function.params:
            known.names[param.name] = [Definition(0, "param", None, param, function)]
        _block(known, function.body)
    return known


def _block(known: Definitions, body: tuple[Stmt, ...]) -> None:
    for stmt in body:
        handler = _TABLE.get(stmt[0])
        if handler is not None:
            handler(known, stmt)


def _bind(known: Definitions, target: Expr, how: str, value: Expr | None, at: int) -> None:
    tag = target[0]
    if tag == "name":
        known.names.setdefault(target[2], []).append(Definition(at, how, value))
    elif tag == "star":
        _bind(known, target[2], "element", value, at)
    elif tag == "seq":
        pairs = value is not None and value[0] == "seq" and len(value[3]) == len(target[3]) and how == "assign"
        for index, item in enumerate(target[3]):
            _bind(known, item, "assign" if pairs else "element", value[3][index] if pairs and value else value, at)


def _assign(known: Definitions, stmt: Stmt) -> None:
    value = stmt[3]
    if value is None:
        return
    for target in stmt[2]:
        _bind(known, target, "assign", value, stmt[1])


def end_of(node: tuple[Any, ...]) -> int:
    """The last position in an expression or statement."""
    last: int = node[1]
    todo: list[Any] = [node]
    while todo:
        item = todo.pop()
        if len(item) > 1 and type(item[1]) is int and item[1] > last and type(item[0]) is str:
            last = item[1]
        todo.extend(child for child in item if type(child) is tuple)
    return last


def _aug(known: Definitions, stmt: Stmt) -> None:
    _bind(known, stmt[2], "aug", stmt[4], stmt[1])


def _for(known: Definitions, stmt: Stmt) -> None:
    _bind(known, stmt[2], "iter", stmt[3], stmt[1])
    _block(known, stmt[4])
    _block(known, stmt[5])


def _with(known: Definitions, stmt: Stmt) -> None:
    for value, target in stmt[2]:
        if target is not None:
            _bind(known, target, "with", value, stmt[1])
    _block(known, stmt[3])


def _if(known: Definitions, stmt: Stmt) -> None:
    test = stmt[2]
    for part in test[3] if test[0] == "bool" else (test,):
        inner = part[2] if part[0] in ("cmp", "not") else part
        if inner[0] == "walrus":
            _bind(known, ("name", inner[1], inner[2]), "assign", inner[3], stmt[1])
    _block(known, stmt[3])
    _block(known, stmt[4])


def _while(known: Definitions, stmt: Stmt) -> None:
    _block(known, stmt[3])
    _block(known, stmt[4])


def _try(known: Definitions, stmt: Stmt) -> None:
    _block(known, stmt[2])
    for at, kind, name, body in stmt[3]:
        if name:
            known.names.setdefault(name, []).append(Definition(at, "except", kind))
        _block(known, body)
    _block(known, stmt[4])
    _block(known, stmt[5])


def _match(known: Definitions, stmt: Stmt) -> None:
    for _, body in stmt[3]:
        _block(known, body)


_TABLE = {"assign": _assign, "aug": _aug, "for": _for, "with": _with, "if": _if, "while": _while, "try": _try, "match": _match}
