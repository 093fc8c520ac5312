"""Cheap signs, read off names, that a function may refuse somebody: what shows none is not walked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ostiary.scan.code import credentials, ir, refusals
from ostiary.scan.code.frames import blocks
from ostiary.scan.code.ir import ClassDef, Expr, Function, Stmt
from ostiary.scan.code.values import Cls, Func
from ostiary.scan.lazy import Pattern

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_DEPTH = 4
_TELLING_LENGTH = 10
_GLOBAL_REQUEST = ("flask", "quart", "connexion", "bottle")
_CROWD = 12
_STATUS = Pattern(r"40[13]|UNAUTHORI|FORBIDDEN", re.IGNORECASE)
_ENFORCES = Pattern(
    r"^(verify_jwt_in_request|jwt_required|fresh_jwt_required|login_required|unauthorized|auth_error_callback|create_endpoint_response)$"
)
# methods of strings, lists, dicts, files and queries: a function of the tree by such a name is hardly meant
_GENERIC = frozenset((
    "join", "get", "format", "items", "update", "pop", "add", "append", "extend", "insert", "remove", "split", "replace",
    "strip", "encode", "decode", "read", "write", "close", "commit", "rollback", "first", "all", "filter", "filter_by", "keys",
    "values", "sort", "copy", "count", "index", "execute", "query", "save", "flush", "info", "debug", "warning", "error",
    "lower", "upper", "startswith", "endswith", "one", "scalar", "scalars", "order_by", "limit", "offset", "options", "select",
    "refresh", "isoformat", "total_seconds", "group", "setdefault", "clear", "match", "search", "dumps", "loads", "json", "sub",
    "find", "exists", "one_or_none",
))  # fmt: skip
_TELLING = Pattern(
    r"^(request|session|g|headers|cookies|authorization|websocket|current_app|getenv|environ|scope|user)$|auth|identity|jwt|current_|token|log_?in|api_?key|permission|secret|jsonify|status_code|[Rr]esponse|abort|redirect"
)
_ERRORS = Pattern(r"(Exception|Error|Denied|Unauthorized|Forbidden)$")


class Hints:
    """Signs of refusal by function; functions are found by their bare names, rather too many than too few."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._by_name: dict[str, list[Function]] | None = None
        self._errors: frozenset[str] | None = None
        self._global: bool | None = None
        self.said: dict[Function, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {}
        self._own: dict[Function, bool] = {}
        self._any: dict[tuple[Function, int], bool] = {}
        self._worth: dict[tuple[Function, int], bool] = {}
        self._spoken: dict[Function, bool] = {}
        self._stops: dict[Function, bool] = {}
        self._only: dict[str, Func | None] = {}

    def may_refuse(self, function: Function, depth: int = 0) -> bool:
        """It, or a function that it calls up to four deep, has a sign of refusal."""
        known = self._any.get((function, depth))
        if known is not None:
            return known
        self._any[(function, depth)] = False
        found = self.refuses(function) or (depth < _DEPTH and any(self.may_refuse(c, depth + 1) for c in self.called(function)))
        self._any[(function, depth)] = found
        return found

    def may_stop(self, function: Function) -> bool:
        """It may refuse, or raises something after a look at who calls."""
        known = self._stops.get(function)
        if known is None:
            known = self._stops[function] = self.may_refuse(function, 1) or (raises(function) and self._speaks(function))
        return known

    def _speaks(self, function: Function) -> bool:
        known = self._spoken.get(function)
        if known is None:
            known = self._spoken[function] = _speaks(function)
        return known

    def refuses(self, function: Function) -> bool:
        """A sign of refusal in its own body."""
        known = self._own.get(function)
        if known is None:
            known = self._own[function] = any(self._call(c) for c in function.calls) or self._leaves(function.body)
        return known

    def last_sign(self, function: Function) -> int:
        """The place of the last call, return or raise that may refuse."""
        calls: list[int] = [c[1] for c in function.calls if self._call(c) or any(self.may_refuse(t, 1) for t in self._targets(function, c))]
        return max(0, *calls, *self._places(function.body))

    def _places(self, statements: tuple[Stmt, ...]) -> list[int]:
        out: list[int] = []
        for s in statements:
            if s[0] in ("raise", "return", "assign") and self._statement(s):
                out.append(s[1])
            for block in blocks(s):
                out += self._places(block)
        return out

    def worth(self, function: Function, depth: int = 0) -> bool:
        """What it gives may matter: it, or what it calls, refuses, is about who calls or about settings, or is too short to say."""
        known = self._worth.get((function, depth))
        if known is not None:
            return known
        self._worth[(function, depth)] = False
        found = len(function.body) < 3 or self.refuses(function) or self._speaks(function)
        found = found or (depth < _DEPTH and any(self.worth(c, depth + 1) for c in self.called(function) if len(c.body) > 2))
        self._worth[(function, depth)] = found
        return found

    def called(self, function: Function) -> list[Function]:
        return [target for call in function.calls for target in self._targets(function, call)]

    def _targets(self, function: Function, call: Expr) -> list[Function]:
        if call[2][0] == "attr" and call[2][3] in _GENERIC and ir.dotted(call[2][2]) not in ("self", "cls"):
            return []
        found = self.by_name.get(call[2][-1] if call[2][0] in ("name", "attr") else "", [])
        return found if len(found) <= _CROWD else [f for f in found if f.module is function.module]

    @property
    def by_name(self) -> dict[str, list[Function]]:
        if self._by_name is None:
            self._by_name = {}
            for module in self.world.modules.values():
                for function in module.functions:
                    self._by_name.setdefault(function.name, []).append(function)
        return self._by_name

    def only_method(self, name: str) -> Func | None:
        """The one method of the tree by a telling name that may refuse: what ``get_driver(x).connection_manager(y)`` means though the object is not known."""
        if len(name) < _TELLING_LENGTH or "_" not in name:
            return None
        if name not in self._only:
            self._only[name] = self._only_method(name)
        return self._only[name]

    def _only_method(self, name: str) -> Func | None:
        found = [f for f in self.by_name.get(name, ()) if isinstance(f.parent, ClassDef) and not _abstract(f)]
        if len(found) != 1 or not self.may_stop(found[0]):
            return None
        parent = found[0].parent
        home = self.world.defined.get(parent) if isinstance(parent, ClassDef) else None
        cls = home.names.get(parent.name) if home is not None and isinstance(parent, ClassDef) else None
        method = self.world.attribute(self.world.instance(cls), name) if isinstance(cls, Cls) else None
        return method if isinstance(method, Func) else None

    @property
    def global_request(self) -> bool:
        """Some module has the request as a global, as Flask and its like do."""
        if self._global is None:
            modules = self.world.modules.values()
            imported = {dotted for m in modules for _, dotted, _ in m.imports}
            self._global = any(part.startswith(_GLOBAL_REQUEST) for dotted in imported for part in dotted.split("."))
        return self._global

    @property
    def errors(self) -> frozenset[str]:
        """Names of the tree's exception classes that carry 401 or 403, themselves or by a base."""
        if self._errors is None:
            classes = [c for m in self.world.modules.values() for c in m.classes]
            found = {c.name for c in classes if _carries(c)} | self._answered()
            for _ in range(4):
                found |= {c.name for c in classes if any(ir.last_name(b) in found for b in c.bases)}
            self._errors = frozenset(found)
        return self._errors

    def _answered(self) -> set[str]:
        """Exception classes that an error handler of the tree answers with 401 or 403."""
        hooks = (hook for obj in self.world.objects for hook in obj.wiring.hooks if hook.kind == "errorhandler")
        kinds = {kind for hook in hooks if isinstance(kind := hook.options.get("type"), Cls)}
        return {kind.cls.name for kind in kinds if refusals.answered(self.world, (kind,)) in refusals.AUTH}

    def _call(self, call: Expr) -> bool:
        last = ir.last_name(call[2])
        if refusals.refuses_by_name(last) or _ENFORCES.match(last) or last in self.errors:
            return True
        if last in ("redirect", "RedirectResponse"):
            return refusals.login_page((*call[3], *(v for _, v in call[4])))
        if last == "close" and call[2][0] == "attr" and ir.last_name(call[2][2]) in ("websocket", "ws"):
            return True
        return any(_is_status(e) for e in call[3]) or any(_is_status(v) for _, v in call[4])

    def _leaves(self, statements: tuple[Stmt, ...]) -> bool:
        return any(self._statement(s) for s in statements)

    def _raised(self, name: str) -> bool:
        return name[:1].islower() or refusals.refuses_by_name(name) or name in self.errors

    def _statement(self, s: Stmt) -> bool:
        if s[0] == "raise":
            return s[2] is not None and s[2][0] != "call" and self._raised(ir.last_name(s[2]))
        if s[0] == "return":
            return s[2] is not None and s[2][0] == "seq" and any(_is_status(item) for item in s[2][3])
        if s[0] == "assign":
            return s[3] is not None and _is_status(s[3])
        return any(self._leaves(block) for block in blocks(s))


def _speaks(function: Function) -> bool:
    pending: list[tuple[Any, ...]] = [function.body]
    while pending:
        for child in pending.pop():
            kind = type(child)
            if kind is tuple:
                pending.append(child)
            elif kind is str and _telling(child):
                return True
    return False


@lru_cache(maxsize=20_000)
def _telling(name: str) -> bool:
    return (
        bool(_TELLING.search(name))
        or credentials.is_current(name)
        or bool(credentials.CONFIG_NAME.match(name) or credentials.CONFIG_CALL.match(name))
    )


def _abstract(function: Function) -> bool:
    """Nothing but words, ``pass`` or ``raise NotImplementedError``."""
    return all(s[0] == "raise" or (s[0] == "expr" and s[2][0] in ("str", "const")) for s in function.body)


def _is_status(e: Expr) -> bool:
    if e[0] == "const":
        return e[2] in (401, 403) and not isinstance(e[2], bool)
    if e[0] == "str":
        return e[2][:3] in ("401", "403")
    if e[0] == "attr" and e[3] == "value":
        return _is_status(e[2])
    return e[0] in ("name", "attr") and bool(_STATUS.search(e[-1]))


def _carries(c: ClassDef) -> bool:
    if not _ERRORS.search(c.name) and not any(_ERRORS.search(ir.last_name(b)) for b in c.bases):
        return False
    if refusals.refuses_by_name(c.name):
        return True
    for s in c.body:
        if s[0] == "assign" and s[3] is not None and _is_status(s[3]):
            return True
        if s[0] == "def" and s[2].name == "__init__":
            if any(p.default is not None and _is_status(p.default) for p in s[2].params):
                return True
            if any(_is_status(e) for call in s[2].calls for e in (*call[3], *(v for _, v in call[4]))):
                return True
    return False


def raises(function: Function) -> bool:
    """A ``raise`` or ``abort`` stands in its own body."""
    return any(ir.last_name(c[2]) == "abort" for c in function.calls) or _has_raise(function.body)


def _has_raise(statements: tuple[Stmt, ...]) -> bool:
    return any(s[0] == "raise" or any(_has_raise(block) for block in blocks(s)) for s in statements)
