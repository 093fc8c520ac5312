"""The statement by which a function says no: its own where it has one, else the framework's."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ostiary.fix.nodes import names_in
from ostiary.fix.plan import Declined, Need
from ostiary.fix.source import Source
from ostiary.fix.tree import require
from ostiary.scan.code.ir import Function, Stmt
from ostiary.scan.rules._leaving import blocks, refuses

_FRAMEWORKS = {
    "flask": (Need("flask", "abort"), "abort(401)"),
    "quart": (Need("quart", "abort"), "abort(401)"),
    "fastapi": (Need("fastapi", "HTTPException"), "raise HTTPException(401)"),
    "starlette": (Need("starlette.exceptions", "HTTPException"), "raise HTTPException(401)"),
}
Refusal = tuple[cst.BaseSmallStatement, tuple[Need, ...]]


def refusal(source: Source, function: Function, after: int) -> Refusal:
    """How a function refuses after a place, as a new statement and what it needs."""
    for stmt in _refusing(function.body):
        if stmt[1] > after:
            own = _copied(source, function, stmt)
            if own is not None:
                return own, ()
    return by_framework(source, function)


def by_framework(source: Source, function: Function) -> Refusal:
    """``abort(401)`` or ``raise HTTPException(401)``; Declined where neither is known."""
    used = {name.partition(".")[0] for _, name, _ in function.module.imports}
    found = next((how for framework, how in _FRAMEWORKS.items() if framework in used), None)
    if found is None:
        raise Declined("how this file refuses a request is not known")
    need, text = found
    line = cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)
    return line.body[0], (require(source, need),)


def _refusing(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Statements that end in an error or an answer that says no, in order."""
    for stmt in body:
        inner = blocks(stmt)
        for block in inner:
            yield from _refusing(block)
        if not inner and refuses((stmt,)):
            yield stmt


def _copied(source: Source, function: Function, stmt: Stmt) -> cst.BaseSmallStatement | None:
    """None when it speaks of local names, which may not be bound yet elsewhere."""
    node = source.find(stmt[1], cst.BaseSmallStatement)  # type: ignore[type-abstract]
    local = _bound(function.body) | ({stmt[2][2]} if stmt[0] == "raise" and stmt[2] is not None and stmt[2][0] == "name" else set())
    if isinstance(node, cst.Raise) and (node.exc is None or node.cause is not None):
        return None
    return None if local & set(names_in(node)) else node.deep_clone()


def _bound(body: tuple[Stmt, ...]) -> set[str]:
    names: set[str] = set()
    for stmt in body:
        if stmt[0] == "assign":
            names |= {target[2] for target in stmt[2] if target[0] == "name"}
        elif stmt[0] == "try":
            names |= {handler[2] for handler in stmt[3] if handler[2]}
        for block in blocks(stmt):
            names |= _bound(block)
    return names
