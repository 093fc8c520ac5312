"""The compact form that a file is converted to once; its syntax tree is dropped. No rule sees ``ast``.

Every node is a plain tuple ``(tag, at, …)``; ``at`` packs line and column (``line_of``, ``column_of``). ``await x`` is ``x``.

Expressions
  ("name", at, id)                          ("attr", at, base, name)
  ("str", at, text)                         ("const", at, value)          None, bool, int, float, bytes, …
  ("fstr", at, parts)                       parts are expressions, literal pieces are ("str", …)
  ("call", at, func, args, kwargs)          args: expressions, ("star", at, e) for *e; kwargs: ((name | None for **, e), …)
  ("cmp", at, left, ops, rights)            ops: "==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"
  ("bool", at, "and" | "or", values)        ("not", at, e)     ("neg", at, e)
  ("bin", at, op, left, right)              op: "+", "%", "|", …
  ("sub", at, base, index)                  ("slice", at, low, high)
  ("seq", at, "list" | "tuple" | "set", items)
  ("dict", at, keys, values)                a key None is ** of its value
  ("comp", at, kind, element, clauses)      kind list, set, dict, gen; clauses: ((target, iterable, conditions), …); element of a dict is a tuple seq
  ("lambda", at, Function)                  ("ifexp", at, test, then, other)
  ("yield", at, e | None)                   ("walrus", at, name, e)           ("star", at, e)

Statements
  ("expr", at, e)                           ("assign", at, targets, value, annotation | None)     value None: annotation only
  ("aug", at, target, op, e)                ("return", at, e | None)         ("raise", at, e | None)
  ("if", at, test, then, other)             ("for", at, target, iterable, body, other)
  ("while", at, test, body, other)          ("with", at, ((e, target | None), …), body)
  ("try", at, body, handlers, other, final) handlers: ((at, type | None, name | None, body), …)
  ("match", at, subject, cases)             cases: ((guard | None, body), …)
  ("def", at, Function)                     ("class", at, ClassDef)
  ("import", at, ((module, asname | None), …))
  ("from", at, level, module, ((name, asname | None), …))
  ("assert", at, test)                      ("jump", at, "break" | "continue")     ("del", at, targets)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ostiary.scan.records import field, record

Expr = tuple[Any, ...]
Stmt = tuple[Any, ...]
COLUMNS = 4096
# what an f-string that Python 3.11 cannot read is called with its parts as, by ``repair`` for ``convert``
FSTRING = "__fstring__"


def pack(line: int, column: int) -> int:
    """Line (from 1) and column (from 0) as one int."""
    return line * COLUMNS + min(column, COLUMNS - 1)


def line_of(at: int) -> int:
    return at // COLUMNS


def column_of(at: int) -> int:
    """Column from 1, as reports print it."""
    return at % COLUMNS + 1


@record
class Param:
    """``kind``: "arg", "kwonly", "vararg", "kwarg"."""

    name: str
    annotation: Expr | None
    default: Expr | None
    kind: str


@record
class Function:
    """A def, async def or lambda. ``calls``, ``compares``, ``defs`` are those of its own body, not of functions nested in it."""

    name: str
    qualname: str
    at: int
    end: int
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    is_async: bool
    doc: str
    module: Module
    parent: Function | ClassDef | None
    calls: list[Expr] = field(default_factory=list)
    compares: list[Expr] = field(default_factory=list)
    is_generator: bool = False

    @property
    def line(self) -> int:
        return line_of(self.at)


@record
class ClassDef:
    """A class statement."""

    name: str
    qualname: str
    at: int
    bases: tuple[Expr, ...]
    keywords: tuple[tuple[str | None, Expr], ...]
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...]
    doc: str
    module: Module
    parent: Function | ClassDef | None


@record
class Module:
    """One file. ``body`` runs as the function ``top``, whose ``calls`` and ``compares`` are those at module and class level.

    ``imports`` are (level, module, names) anywhere in the file, also of ``import_module("…")``; ``comments`` are (line, text, stands alone)
    of ``# ostiary:`` comments.
    """

    name: str
    path: str
    is_package: bool
    audience: str
    body: tuple[Stmt, ...] = ()
    top: Function = None  # type: ignore[assignment]  # set by convert, needs the module itself
    functions: list[Function] = field(default_factory=list)
    classes: list[ClassDef] = field(default_factory=list)
    comments: tuple[tuple[int, str, bool], ...] = ()
    imports: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    repaired: bool = False


def walk(node: Any) -> Iterator[tuple[Any, ...]]:
    """Every tagged tuple in an expression, a statement or a tuple of them, outermost first; stops at functions and classes."""
    # a stack of our own: generators inside generators cost their depth at every step, and overflow on code that a program wrote
    pending = [node]
    while pending:
        node = pending.pop()
        if type(node) is not tuple:
            continue
        if len(node) > 1 and type(node[0]) is str and type(node[1]) is int:
            yield node
            pending += node[:1:-1]
        else:
            pending += node[::-1]


def dotted(expr: Expr) -> str:
    """``a.b.c`` of a chain of names as written, "" when it is anything else."""
    parts: list[str] = []
    while expr[0] == "attr":
        parts.append(expr[3])
        expr = expr[2]
    if expr[0] != "name":
        return ""
    parts.append(expr[2])
    return ".".join(reversed(parts))


def last_name(expr: Expr) -> str:
    """The last identifier of a name, an attribute or a call of one: ``c`` for ``a.b.c`` and ``a().c()``."""
    if expr[0] == "call":
        return last_name(expr[2])
    if expr[0] == "attr":
        return str(expr[3])
    return str(expr[2]) if expr[0] == "name" else ""


def argument(call: Expr, position: int | None, keyword: str | None) -> Expr | None:
    """The expression given at a position or under a keyword, None when absent."""
    for name, value in call[4]:
        if name == keyword and keyword is not None:
            return value  # type: ignore[no-any-return]
    if position is not None and position < len(call[3]) and not any(a[0] == "star" for a in call[3][: position + 1]):
        return call[3][position]  # type: ignore[no-any-return]
    return None


def text(expr: Expr, depth: int = 3) -> str:
    """An expression in short, as a person would read it aloud; strings and deep parts are left out."""
    tag = expr[0]
    if tag in ("name", "attr"):
        return dotted(expr) or last_name(expr)
    if tag in ("not", "neg"):
        return f"not {text(expr[2], depth)}"
    if tag == "cmp":
        return f"{text(expr[2], depth)} {expr[3][0]} {text(expr[4][0], depth)}"
    if tag == "bool" and depth:
        return f" {expr[2]} ".join(text(v, depth - 1) for v in expr[3][:3])
    if tag == "call" and depth:
        return f"{text(expr[2], depth)}({', '.join(text(a, depth - 1) for a in expr[3][:1])})"
    if tag == "sub":
        return f"{text(expr[2], depth)}[{text(expr[3], depth)}]"
    # a string may be a secret
    return repr(expr[2]) if tag == "const" and len(repr(expr[2])) < 24 else "…"
