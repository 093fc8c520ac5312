"""How control leaves a block: a refusal, a return, nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Stmt, last_name
from ostiary.scan.rules._words import listed

_REFUSING = frozenset({401, 403})
_ABORTS = listed("abort unauthorized forbidden exit _exit")
_QUIET_CALLS = listed("debug info warning warn error exception critical log print capture_exception rollback")


def leaves(body: tuple[Stmt, ...]) -> bool:
    """The block cannot fall through at its end: it raises, returns, aborts or jumps."""
    if not body:
        return False
    last = body[-1]
    if last[0] in ("raise", "return", "jump"):
        return True
    if last[0] == "expr":
        return is_abort(last[2])
    return last[0] == "if" and leaves(last[3]) and leaves(last[4])


def is_abort(expr: Expr) -> bool:
    return expr[0] == "call" and last_name(expr[2]) in _ABORTS


def refuses(body: tuple[Stmt, ...]) -> bool:
    """The block ends in an error or in an answer that says no."""
    if not body:
        return False
    last = body[-1]
    if last[0] == "raise":
        return True
    if last[0] == "expr":
        return is_abort(last[2])
    if last[0] == "return":
        return last[2] is not None and says_no(last[2])
    return last[0] == "if" and refuses(last[3]) and refuses(last[4])


def says_no(expr: Expr) -> bool:
    """``…, 401``, ``False``, a response with status 401, a call of something called unauthorized, a redirect to a login."""
    if expr[0] == "const":
        return expr[2] is False or expr[2] in _REFUSING
    if expr[0] == "seq":
        return any(says_no(item) for item in expr[3][1:])
    if is_abort(expr):
        return True
    if expr[0] == "call":
        return any(says_no(value) for value in expr[3][1:]) or any(
            k in ("status", "status_code", "code") and not (v[0] == "const" and type(v[2]) is int and v[2] < 400) for k, v in expr[4]
        )
    return bool(expr[0] == "attr") and any(mark in expr[3].upper() for mark in ("40", "UNAUTH", "FORBID"))


def quiet(body: tuple[Stmt, ...]) -> bool:
    """Nothing but ``pass``, logging and assignments of None or False to a name."""
    return all(_is_quiet(stmt) for stmt in body)


def _is_quiet(stmt: Stmt) -> bool:
    if stmt[0] == "expr":
        return stmt[2][0] in ("str", "const") or (stmt[2][0] == "call" and last_name(stmt[2][2]) in _QUIET_CALLS)
    return bool(stmt[0] == "jump" and stmt[2] == "continue")


def returns(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """Every return of a block, not of functions inside it."""
    for stmt in body:
        if stmt[0] == "return":
            yield stmt
        for inner in blocks(stmt):
            yield from returns(inner)


def blocks(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """The blocks inside a statement."""
    tag = stmt[0]
    if tag == "if":
        return (stmt[3], stmt[4])
    if tag == "try":
        return (stmt[2], *[handler[3] for handler in stmt[3]], stmt[4], stmt[5])
    if tag == "with":
        return (stmt[3],)
    if tag == "for":
        return (stmt[4], stmt[5])
    if tag == "while":
        return (stmt[3], stmt[4])
    return tuple(case[1] for case in stmt[3]) if tag == "match" else ()
