"""Expressions of a syntax tree → the tuples of ``ir``: one function per node type, looked up by type.

This runs once per node of every file, so the commonest children (names, attributes of names) are read in place: a call costs more than the work.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ostiary.scan.code.ir import COLUMNS as _COLS
from ostiary.scan.code.ir import FSTRING, ClassDef, Expr, Function, Module, Param, Stmt

# names after the third dot of a chain, branches of an elif: deeper than anybody writes, and shallow enough for those who read it by recursion
MAX_DEPTH = 1_000
MAX_CHAIN = 4_000
_BIG = 1 << 64
_LONGEST_NOTE = 200
# the last three are connexion's: what a document names is looked up in the module that they are given
_LOADERS = frozenset(
    {"import_module", "import_string", "__import__", "load_module", "RelativeResolver", "RestyResolver", "MethodViewResolver"}
)
_SPECIAL = _LOADERS | {FSTRING}
_CMP = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
BIN = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**", ast.BitOr: "|", ast.BitAnd: "&",
    ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.FloorDiv: "//", ast.MatMult: "@",
}  # fmt: skip
_COMPS = {ast.ListComp: "list", ast.SetComp: "set", ast.DictComp: "dict", ast.GeneratorExp: "gen"}


class TooDeep(Exception):
    """Nested deeper than what comes after could follow."""


class Reader:
    """Where in a module the conversion stands."""

    __slots__ = ("calls", "compares", "depth", "generator", "module", "owner", "prefix", "top")

    def __init__(self, module: Module) -> None:
        self.module = module
        self.top = Function("<module>", "<module>", _COLS, 0, (), (), (), None, False, "", module, None)
        self.owner: Function | ClassDef | None = None
        self.calls = self.top.calls
        self.compares = self.top.compares
        self.prefix = ""
        self.generator = False
        self.depth = 0

    def function(
        self,
        n: Any,
        name: str,
        at: int,
        decorators: tuple[Expr, ...],
        returns: Expr | None,
        body: Callable[[Reader, Any], tuple[Stmt, ...]],
    ) -> Function:
        """A def or lambda; ``body`` converts what is inside."""
        qualname = self.prefix + name
        made = Function(
            name, qualname, at, n.end_lineno or n.lineno, _params(self, n.args), (), decorators, returns, False, "", self.module, self.owner
        )
        saved = self.owner, self.prefix, self.calls, self.compares, self.generator
        self.owner, self.prefix, self.calls, self.compares, self.generator = made, qualname + ".", made.calls, made.compares, False
        made.body = body(self, n.body)
        made.is_generator = self.generator
        self.owner, self.prefix, self.calls, self.compares, self.generator = saved
        self.module.functions.append(made)
        return made


def _params(r: Reader, a: ast.arguments) -> tuple[Param, ...]:
    plain = a.posonlyargs + a.args if a.posonlyargs else a.args
    bare = len(plain) - len(a.defaults)
    out = [Param(p.arg, _note(r, p.annotation), opt(r, a.defaults[i - bare]) if i >= bare else None, "arg") for i, p in enumerate(plain)]
    if a.vararg:
        out.append(Param(a.vararg.arg, opt(r, a.vararg.annotation), None, "vararg"))
    if a.kwonlyargs:
        out += [Param(p.arg, _note(r, p.annotation), opt(r, d), "kwonly") for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    if a.kwarg:
        out.append(Param(a.kwarg.arg, opt(r, a.kwarg.annotation), None, "kwarg"))
    return tuple(out)


def _note(r: Reader, node: Any) -> Expr | None:
    """An annotation; ``"Person"`` says what ``Person`` does (PEP 484)."""
    if type(node) is not ast.Constant or type(node.value) is not str or len(node.value) > _LONGEST_NOTE:
        return opt(r, node)
    try:
        inner = ast.parse(node.value.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return opt(r, node)
    for part in ast.walk(inner):
        if isinstance(part, ast.expr):
            part.lineno, part.col_offset, part.end_lineno = node.lineno, node.col_offset, node.end_lineno
    return opt(r, inner)


def opt(r: Reader, node: Any) -> Expr | None:
    return None if node is None else EXPR[type(node)](r, node)


def many(r: Reader, nodes: list[Any]) -> tuple[Expr, ...]:
    return tuple([EXPR[type(node)](r, node) for node in nodes])


def _deep(r: Reader, node: Any) -> Expr:
    """A child that needs no bracket around it, so that nothing else bounds how deep it goes."""
    r.depth += 1
    if r.depth > MAX_DEPTH:
        raise TooDeep
    out = EXPR[type(node)](r, node)
    r.depth -= 1
    return out


def _name(r: Reader, n: ast.Name) -> Expr:
    return ("name", n.lineno * _COLS + n.col_offset, n.id)


def _attr(r: Reader, n: ast.Attribute) -> Expr:
    at = n.lineno * _COLS + n.col_offset
    base: Any = n.value
    # what a dot follows starts where the whole starts
    return ("attr", at, ("name", at, base.id) if type(base) is ast.Name else _deep(r, base), n.attr)


def _const(r: Reader, n: ast.Constant) -> Expr:
    value = n.value
    if type(value) is str:
        return ("str", n.lineno * _COLS + n.col_offset, value if value.isascii() else _printable(value))
    if type(value) is int and value > _BIG:
        value = _BIG  # beyond 4,300 digits even printing it raises
    return ("const", n.lineno * _COLS + n.col_offset, value)


def _printable(text: str) -> str:
    """Half a surrogate pair (``"\\ud800"``) is legal in source, and no report could be written with it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _call(r: Reader, n: ast.Call) -> Expr:
    at = n.lineno * _COLS + n.col_offset
    args = tuple([EXPR[type(a)](r, a) for a in n.args]) if n.args else ()
    kwargs = tuple([(k.arg, EXPR[type(k.value)](r, k.value)) for k in n.keywords]) if n.keywords else ()
    func: Any = n.func
    if type(func) is ast.Attribute:
        base: Any = func.value
        callee: Expr = ("attr", at, ("name", at, base.id) if type(base) is ast.Name else _deep(r, base), func.attr)
    elif type(func) is ast.Name:
        callee = ("name", at, func.id)
    else:
        callee = _deep(r, func)
    made = ("call", at, callee, args, kwargs)
    if callee[-1] in _SPECIAL:
        if callee[-1] == FSTRING:
            return ("fstr", at, _flat(args))
        _note_import(r, args)
    r.calls.append(made)
    return made


def _note_import(r: Reader, args: tuple[Expr, ...]) -> None:
    if args and args[0][0] == "str":
        dotted = args[0][2].lstrip(".")
        r.module.imports.append((len(args[0][2]) - len(dotted), dotted.replace(":", "."), ()))


def _flat(parts: tuple[Expr, ...]) -> tuple[Expr, ...]:
    return tuple([inner for part in parts for inner in (part[2] if part[0] == "fstr" else (part,))])


def _compare(r: Reader, n: ast.Compare) -> Expr:
    left: Any = n.left
    made = (
        "cmp",
        n.lineno * _COLS + n.col_offset,
        EXPR[type(left)](r, left),
        tuple([_CMP[type(o)] for o in n.ops]),
        tuple([EXPR[type(c)](r, c) for c in n.comparators]),
    )
    r.compares.append(made)
    return made


def _boolop(r: Reader, n: ast.BoolOp) -> Expr:
    return ("bool", n.lineno * _COLS + n.col_offset, "and" if type(n.op) is ast.And else "or", many(r, n.values))


def _unary(r: Reader, n: ast.UnaryOp) -> Expr:
    return ("not" if type(n.op) is ast.Not else "neg", n.lineno * _COLS + n.col_offset, _deep(r, n.operand))


def _binop(r: Reader, n: ast.BinOp) -> Expr:
    # a chain of a thousand "+" is a deep tree on the left: walk down it instead of recursing
    spine = []
    left: ast.expr = n
    while isinstance(left, ast.BinOp):
        spine.append(left)
        left = left.left
    if len(spine) > MAX_CHAIN:
        raise TooDeep
    out = _deep(r, left)
    for node in reversed(spine):
        out = ("bin", node.lineno * _COLS + node.col_offset, BIN[type(node.op)], out, _deep(r, node.right))
    return out


def _joined(r: Reader, n: Any) -> Expr:
    return ("fstr", n.lineno * _COLS + n.col_offset, many(r, n.values))


def _value(r: Reader, n: Any) -> Expr:
    """``await x`` is ``x``, and so is a field of an f-string."""
    return _deep(r, n.value)


def _subscript(r: Reader, n: ast.Subscript) -> Expr:
    base: Any = n.value
    index: Any = n.slice
    at = n.lineno * _COLS + n.col_offset
    return ("sub", at, ("name", at, base.id) if type(base) is ast.Name else _deep(r, base), EXPR[type(index)](r, index))


def _slice(r: Reader, n: ast.Slice) -> Expr:
    return ("slice", n.lineno * _COLS + n.col_offset, opt(r, n.lower), opt(r, n.upper))


def _list(r: Reader, n: ast.List) -> Expr:
    return ("seq", n.lineno * _COLS + n.col_offset, "list", many(r, n.elts))


def _tuple(r: Reader, n: ast.Tuple) -> Expr:
    return ("seq", n.lineno * _COLS + n.col_offset, "tuple", many(r, n.elts))


def _set(r: Reader, n: ast.Set) -> Expr:
    return ("seq", n.lineno * _COLS + n.col_offset, "set", many(r, n.elts))


def _dict(r: Reader, n: ast.Dict) -> Expr:
    keys = tuple([None if k is None else EXPR[type(k)](r, k) for k in n.keys])
    return ("dict", n.lineno * _COLS + n.col_offset, keys, many(r, n.values))


def _comp(r: Reader, n: Any) -> Expr:
    kind = _COMPS[type(n)]
    at = n.lineno * _COLS + n.col_offset
    element = ("seq", at, "tuple", (opt(r, n.key), opt(r, n.value))) if kind == "dict" else EXPR[type(n.elt)](r, n.elt)
    clauses = tuple([(opt(r, g.target), opt(r, g.iter), many(r, g.ifs)) for g in n.generators])
    return ("comp", at, kind, element, clauses)


def _lambda(r: Reader, n: ast.Lambda) -> Expr:
    at = n.lineno * _COLS + n.col_offset
    return ("lambda", at, r.function(n, "<lambda>", at, (), None, lambda reader, body: (("return", at, _deep(reader, body)),)))


def _ifexp(r: Reader, n: ast.IfExp) -> Expr:
    return ("ifexp", n.lineno * _COLS + n.col_offset, opt(r, n.test), opt(r, n.body), _deep(r, n.orelse))


def _yield(r: Reader, n: Any) -> Expr:
    r.generator = True
    return ("yield", n.lineno * _COLS + n.col_offset, opt(r, n.value))


def _walrus(r: Reader, n: ast.NamedExpr) -> Expr:
    return ("walrus", n.lineno * _COLS + n.col_offset, n.target.id, EXPR[type(n.value)](r, n.value))


def _star(r: Reader, n: ast.Starred) -> Expr:
    return ("star", n.lineno * _COLS + n.col_offset, EXPR[type(n.value)](r, n.value))


def _strange(r: Reader, n: Any) -> Expr:
    return ("const", n.lineno * _COLS + n.col_offset, None)


class _Table(dict[type, Callable[[Reader, Any], Expr]]):
    def __missing__(self, key: type) -> Callable[[Reader, Any], Expr]:
        """A node of a Python that is newer than this file."""
        return _joined if key.__name__ == "TemplateStr" else _value if key.__name__ == "Interpolation" else _strange


EXPR = _Table({
    ast.Name: _name, ast.Attribute: _attr, ast.Constant: _const, ast.Call: _call, ast.Compare: _compare, ast.BoolOp: _boolop,
    ast.UnaryOp: _unary, ast.BinOp: _binop, ast.JoinedStr: _joined, ast.FormattedValue: _value, ast.Subscript: _subscript,
    ast.Slice: _slice, ast.List: _list, ast.Tuple: _tuple, ast.Set: _set, ast.Dict: _dict, ast.ListComp: _comp, ast.SetComp: _comp,
    ast.DictComp: _comp, ast.GeneratorExp: _comp, ast.Lambda: _lambda, ast.IfExp: _ifexp, ast.Await: _value, ast.Yield: _yield,
    ast.YieldFrom: _yield, ast.NamedExpr: _walrus, ast.Starred: _star,
})  # fmt: skip
