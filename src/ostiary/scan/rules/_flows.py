"""What flows into an expression: the caller's credential, the server's secret, the text of an exception.

Small and lexical: names are followed to their last definition before the place, through assignments, f-strings, containers and methods that keep the
value readable. Any other call ends the flow: what ``verify(token)`` returns is not the token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ostiary.scan.code.ir import Expr, Function, dotted, last_name
from ostiary.scan.code.sites import Site
from ostiary.scan.records import record
from ostiary.scan.rules._defs import Definition, definition
from ostiary.scan.rules._words import NO, header_is_credential, listed, names_secret

_DEPTH = 12
_KEEPS = listed(
    "strip lstrip rstrip split rsplit splitlines partition rpartition removeprefix removesuffix lower upper encode decode get pop"
    " format join items values copy to_dict dict json getlist get_secret_value title casefold setdefault getall model_dump"
    " serialize"
)
_READS = listed(
    "str repr bytes format dict list tuple set sorted dumps pformat quote unquote quote_plus b64encode b64decode"
    " urlsafe_b64encode vars asdict jsonify JSONResponse ORJSONResponse UJSONResponse make_response Response"
    " PlainTextResponse HTMLResponse jsonable_encoder cast escape Markup"
)
_SKIPPED_KEYWORDS = listed("status status_code code headers mimetype content_type media_type default background")


@record(frozen=True)
class Source:
    """Where a value comes from: ``what`` is said in messages and never holds a character of it; ``sure`` is False for a guess by name."""

    kind: str
    what: str
    at: int
    sure: bool = True


@record(frozen=True)
class Flow:
    """Looks at expressions of one function."""

    world: Any
    function: Function

    @classmethod
    def at(cls, site: Site) -> Flow:
        return cls(site.world, site.function)

    def define(self, name: Expr) -> Definition | None:
        """The definition in force for a ``("name", …)``."""
        return definition(self.world, self.function, name[2], name[1])

    def expand(self, expr: Expr) -> Expr:
        """The expression that a local name was assigned, as far as assignments go; anything else is itself."""
        for _ in range(_DEPTH):
            if expr[0] != "name":
                break
            found = self.define(expr)
            if found is None or found.how != "assign" or found.expr is None:
                break
            expr = found.expr
        return expr

    def path(self, expr: Expr) -> str:
        """``request.headers`` of an expression that reads it, also through a local name; calls are ``f()``, brackets ``[]``."""
        parts: list[str] = []
        for _ in range(_DEPTH):
            expr = self.expand(expr)
            if expr[0] == "attr":
                parts.append(expr[3])
                expr = expr[2]
            elif expr[0] == "call":
                parts.append("()")
                expr = expr[2]
            elif expr[0] == "sub":
                parts.append("[]")
                expr = expr[2]
            elif expr[0] == "bool":
                expr = expr[3][0]
            else:
                parts.append(expr[2] if expr[0] == "name" else "?")
                break
        return ".".join(reversed(parts)).replace(".()", "()").replace(".[]", "[]")

    def trace(self, expr: Expr | None, source: Callable[[Flow, Expr], Source | None], depth: int = _DEPTH) -> Source | None:
        """The first source whose value can be read back from the expression's value."""
        if expr is None or depth <= 0:
            return None
        found = source(self, expr)
        if found is not None:
            return found
        for part in self._parts(expr):
            found = self.trace(part, source, depth - 1)
            if found is not None:
                return found
        return None

    def _parts(self, expr: Expr) -> tuple[Expr, ...]:
        handler = _PARTS.get(expr[0])
        return handler(self, expr) if handler is not None else ()


def _name(flow: Flow, e: Expr) -> tuple[Expr, ...]:
    found = flow.define(e)
    if found is None or found.expr is None or found.how in ("except", "with"):
        return ()
    return (found.expr,)


def _call(_: Flow, e: Expr) -> tuple[Expr, ...]:
    func, name = e[2], last_name(e[2])
    if func[0] == "attr" and name in _KEEPS:
        if name in ("get", "pop", "getlist") and not _keeps_secret(e[3]):
            return ()
        base: tuple[Expr, ...] = (func[2],)
        return base + e[3] + tuple(v for _, v in e[4]) if name in ("format", "join") else base
    if name == "replace" and func[0] == "attr":
        # ``replace("Bearer ", "")`` keeps the token, ``replace(token, "***")`` hides it
        return (func[2],) if e[3] and e[3][0][0] == "str" else ()
    if name in _READS:
        return tuple(e[3]) + tuple(v for k, v in e[4] if name == "jsonify" or k not in _SKIPPED_KEYWORDS)
    return ()


def _keeps_secret(args: tuple[Expr, ...]) -> bool:
    """Out of a whole that holds a credential, a key that does not name one takes something else."""
    return not args or args[0][0] != "str" or names_secret(args[0][2]) > NO or header_is_credential(args[0][2])


def _sub(flow: Flow, e: Expr) -> tuple[Expr, ...]:
    index = e[3]
    if index[0] == "slice":
        # ``header[7:]`` drops the scheme; ``token[:4]`` and ``token[-4:]`` show a part on purpose
        return (e[2],) if index[3] is None and (index[2] is None or index[2][0] != "neg") else ()
    if index[0] == "str" and not _keeps_secret((index,)):
        return ()
    split = e[2][0] == "call" and last_name(e[2]) in ("split", "partition", "rsplit")
    if split and index[0] == "const" and index[2] == 0 and "header" in flow.path(e[2]).lower():
        return ()
    return (e[2],)


def _comp(_: Flow, e: Expr) -> tuple[Expr, ...]:
    # A condition in a comprehension is where people leave the secret out.
    return () if any(conditions for _, _, conditions in e[4]) else (e[3], *(iterable for _, iterable, _ in e[4]))


_PARTS: dict[str, Callable[[Flow, Expr], tuple[Expr, ...]]] = {
    "name": _name,
    "call": _call,
    "sub": _sub,
    "comp": _comp,
    "fstr": lambda _, e: e[2],
    "bool": lambda _, e: e[3] if e[2] == "or" else e[3][-1:],
    "bin": lambda _, e: (e[3], e[4]) if e[2] in ("+", "%", "|") else (),
    "ifexp": lambda _, e: (e[3], e[4]),
    "seq": lambda _, e: e[3],
    "dict": lambda _, e: e[3],
    "walrus": lambda _, e: (e[3],),
    "star": lambda _, e: (e[2],),
}  # fmt: skip


def text_of(expr: Expr | None) -> str | None:
    """The text of a string literal."""
    return expr[2] if expr is not None and expr[0] == "str" else None


def owner_name(expr: Expr) -> str:
    """``a.b`` of ``a.b.c`` as written, also for ``a().c``."""
    base = expr[2] if expr[0] in ("attr", "sub") else expr
    return dotted(base) or last_name(base)
