"""Statements of a syntax tree → the tuples of ``ir``: one function per node type, looked up by type."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ostiary.scan.code.convert_expr import BIN, EXPR, MAX_CHAIN, Reader, TooDeep, many, opt
from ostiary.scan.code.ir import COLUMNS as _COLS
from ostiary.scan.code.ir import ClassDef, Stmt


def block(r: Reader, nodes: list[Any]) -> tuple[Stmt, ...]:
    """Statements in order; ``pass``, ``global`` and ``nonlocal`` say nothing and are left out."""
    return tuple([STMT[type(node)](r, node) for node in nodes if type(node) in STMT])


def _expr(r: Reader, n: ast.Expr) -> Stmt:
    value: Any = n.value
    return ("expr", n.lineno * _COLS + n.col_offset, EXPR[type(value)](r, value))


def _assign(r: Reader, n: ast.Assign) -> Stmt:
    value: Any = n.value
    return ("assign", n.lineno * _COLS + n.col_offset, many(r, n.targets), EXPR[type(value)](r, value), None)


def _annotated(r: Reader, n: ast.AnnAssign) -> Stmt:
    target: Any = n.target
    return ("assign", n.lineno * _COLS + n.col_offset, (EXPR[type(target)](r, target),), opt(r, n.value), opt(r, n.annotation))


def _type_alias(r: Reader, n: Any) -> Stmt:
    """``type X = …`` binds X as ``X = …`` does."""
    at = n.lineno * _COLS + n.col_offset
    return ("assign", at, (("name", at, n.name.id),), opt(r, n.value), None)


def _augmented(r: Reader, n: ast.AugAssign) -> Stmt:
    return ("aug", n.lineno * _COLS + n.col_offset, opt(r, n.target), BIN[type(n.op)], opt(r, n.value))


def _return(r: Reader, n: ast.Return) -> Stmt:
    value: Any = n.value
    return ("return", n.lineno * _COLS + n.col_offset, None if value is None else EXPR[type(value)](r, value))


def _raise(r: Reader, n: ast.Raise) -> Stmt:
    return ("raise", n.lineno * _COLS + n.col_offset, opt(r, n.exc))


def _if(r: Reader, n: ast.If) -> Stmt:
    # elif chains nest to the right: unroll them, so that a thousand of them do not recurse
    chain = [n]
    while len(chain[-1].orelse) == 1 and type(chain[-1].orelse[0]) is ast.If:
        chain.append(chain[-1].orelse[0])
    if len(chain) > MAX_CHAIN:
        raise TooDeep
    parts = [(link.lineno * _COLS + link.col_offset, opt(r, link.test), block(r, link.body)) for link in chain]
    other = block(r, chain[-1].orelse)
    for at, test, body in reversed(parts):
        other = (("if", at, test, body, other),)
    return other[0]


def _for(r: Reader, n: Any) -> Stmt:
    return ("for", n.lineno * _COLS + n.col_offset, opt(r, n.target), opt(r, n.iter), block(r, n.body), block(r, n.orelse))


def _while(r: Reader, n: ast.While) -> Stmt:
    return ("while", n.lineno * _COLS + n.col_offset, opt(r, n.test), block(r, n.body), block(r, n.orelse))


def _with(r: Reader, n: Any) -> Stmt:
    items = tuple([(opt(r, i.context_expr), opt(r, i.optional_vars)) for i in n.items])
    return ("with", n.lineno * _COLS + n.col_offset, items, block(r, n.body))


def _try(r: Reader, n: Any) -> Stmt:
    body = block(r, n.body)
    handlers = tuple([(h.lineno * _COLS + h.col_offset, opt(r, h.type), h.name, block(r, h.body)) for h in n.handlers])
    return ("try", n.lineno * _COLS + n.col_offset, body, handlers, block(r, n.orelse), block(r, n.finalbody))


def _match(r: Reader, n: ast.Match) -> Stmt:
    cases = tuple([(opt(r, c.guard), block(r, c.body)) for c in n.cases])
    return ("match", n.lineno * _COLS + n.col_offset, opt(r, n.subject), cases)


def _def(r: Reader, n: Any) -> Stmt:
    decorators = many(r, n.decorator_list) if n.decorator_list else ()
    function = r.function(n, n.name, n.lineno * _COLS + n.col_offset, decorators, opt(r, n.returns), block)
    function.is_async = type(n) is ast.AsyncFunctionDef
    function.doc = _doc(n.body)
    return ("def", function.at, function)


def _class(r: Reader, n: ast.ClassDef) -> Stmt:
    bases, decorators = many(r, n.bases), many(r, n.decorator_list)
    keywords = tuple([(k.arg, opt(r, k.value)) for k in n.keywords])
    qualname = r.prefix + n.name
    made = ClassDef(n.name, qualname, n.lineno * _COLS + n.col_offset, bases, keywords, (), decorators, _doc(n.body), r.module, r.owner)  # type: ignore[arg-type]
    saved = r.owner, r.prefix
    r.owner, r.prefix = made, qualname + "."
    made.body = block(r, n.body)
    r.owner, r.prefix = saved
    r.module.classes.append(made)
    return ("class", made.at, made)


def _doc(body: list[Any]) -> str:
    first = body[0].value if body and type(body[0]) is ast.Expr else None
    return first.value if type(first) is ast.Constant and type(first.value) is str else ""


def _import(r: Reader, n: ast.Import) -> Stmt:
    r.module.imports += [(0, a.name, ()) for a in n.names]
    return ("import", n.lineno * _COLS + n.col_offset, tuple([(a.name, a.asname) for a in n.names]))


def _from(r: Reader, n: ast.ImportFrom) -> Stmt:
    module = n.module or ""
    r.module.imports.append((n.level, module, tuple([a.name for a in n.names])))
    return ("from", n.lineno * _COLS + n.col_offset, n.level, module, tuple([(a.name, a.asname) for a in n.names]))


def _assert(r: Reader, n: ast.Assert) -> Stmt:
    return ("assert", n.lineno * _COLS + n.col_offset, opt(r, n.test))


def _jump(r: Reader, n: Any) -> Stmt:
    return ("jump", n.lineno * _COLS + n.col_offset, "break" if type(n) is ast.Break else "continue")


def _del(r: Reader, n: ast.Delete) -> Stmt:
    return ("del", n.lineno * _COLS + n.col_offset, many(r, n.targets))


STMT: dict[type, Callable[[Reader, Any], Stmt]] = {
    ast.Expr: _expr, ast.Assign: _assign, ast.AnnAssign: _annotated, ast.AugAssign: _augmented, ast.Return: _return, ast.Raise: _raise,
    ast.If: _if, ast.For: _for, ast.AsyncFor: _for, ast.While: _while, ast.With: _with, ast.AsyncWith: _with, ast.Try: _try,
    ast.TryStar: _try, ast.Match: _match, ast.FunctionDef: _def, ast.AsyncFunctionDef: _def, ast.ClassDef: _class, ast.Import: _import,
    ast.ImportFrom: _from, ast.Assert: _assert, ast.Break: _jump, ast.Continue: _jump, ast.Delete: _del,
}  # fmt: skip
if hasattr(ast, "TypeAlias"):
    STMT[ast.TypeAlias] = _type_alias
