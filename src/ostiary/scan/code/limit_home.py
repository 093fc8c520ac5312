"""Rate limits that a project makes itself, told by what they do: they answer 429, directly or through a function of the tree."""

from __future__ import annotations

import re
from functools import lru_cache

from ostiary.scan.code import ir
from ostiary.scan.code.ir import Expr, Function, Module
from ostiary.scan.code.values import Cls, Ext, Func, Made, Member, Obj, Value, name_of
from ostiary.scan.code.world import World, options
from ostiary.scan.lazy import Pattern

_NAMED = Pattern(r"rate_?limit|throttl|too_?many|limiter", re.IGNORECASE)
_SIGNS = (b"429", b"TOO_MANY", b"TooMany", b"RateLimit", b"Throttl")
_RAISED = Pattern(r"TooMany|RateLimit|Throttle")
_ANSWERS = ("HTTP_429_TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS")
_DEPTH = 2


class HomeMade:
    """Each function is looked at once; only modules whose bytes speak of 429 hold functions that may answer it."""

    def __init__(self, w: World) -> None:
        self.world = w
        self._known: dict[Function, bool] = {}
        self._inner: dict[Function, list[Function]] = {}
        self._signs: dict[str, bool] = {}
        self._names: frozenset[str] | None = None

    def limits(self, value: Value, wrapped: Value | None = None) -> bool:
        """A decorator, dependency, hook or middleware limits; a library's is known by its name alone."""
        if isinstance(value, Func):
            functions = [value.function, *self._inside(value.function), *([wrapped.function] if isinstance(wrapped, Func) else ())]
            return any(self.function(f) for f in functions)
        if isinstance(value, Obj):
            return value.cls is not None and self.limits(value.cls)
        if isinstance(value, Cls):
            return _is_named(value.cls.name) or any(s[0] == "def" and self.function(s[2]) for s in value.cls.body)
        return isinstance(value, (Ext, Made, Member)) and _is_named(name_of(value).rpartition(".")[2])

    def _inside(self, function: Function) -> list[Function]:
        known = self._inner.get(function)
        if known is None:
            known = self._inner[function] = _inside(function)
        return known

    def maker(self, value: Value) -> str:
        """``add_middleware(get_middleware)`` with a function that returns a library's ``RateLimitMiddleware(app, …)``: that name, else ""."""
        for node in ir.walk(value.function.body) if isinstance(value, Func) else ():
            made = node[2] if node[0] == "return" else None
            if made is not None and made[0] == "call" and _is_named(ir.last_name(made)):
                return ir.last_name(made)
        return ""

    def function(self, function: Function, depth: int = _DEPTH) -> bool:
        """It answers 429 itself, or calls a function of the tree that does."""
        if function not in self._known:
            self._known[function] = False
            self._known[function] = (self._speaks(function.module) and answers(function)) or self._calls(function, depth)
        return self._known[function]

    def _calls(self, function: Function, depth: int) -> bool:
        for call in function.calls if depth else ():
            name = ir.last_name(call[2])
            if name not in self._answering() and not _is_named(name):
                continue
            for callee in options(self.world.value(call[2], self.world.inside(function))):
                if isinstance(callee, Func) and self.function(callee.function, depth - 1):
                    return True
        return False

    def _answering(self) -> frozenset[str]:
        """Names of functions that answer 429 themselves: only calls of such names are followed."""
        if self._names is None:
            speaking = [m for m in self.world.modules.values() if self._speaks(m)]
            self._names = frozenset(f.name for m in speaking for f in m.functions if answers(f))
        return self._names

    def _speaks(self, module: Module) -> bool:
        if module.name not in self._signs:
            file = self.world.index.finder.files.get(module.name)
            self._signs[module.name] = file is not None and any(sign in file.source for sign in _SIGNS)
        return self._signs[module.name]


@lru_cache(maxsize=20_000)
def _is_named(name: str) -> bool:
    return _NAMED.search(name) is not None


def _inside(function: Function) -> list[Function]:
    """Functions nested in it: the wrapper that a decorator makes."""
    children: list[Function] = [node[2] for node in ir.walk(function.body) if node[0] == "def"]
    return children + [node[2] for child in children for node in ir.walk(child.body) if node[0] == "def"]


def answers(function: Function) -> bool:
    """It sends 429 or raises such an error; to compare a status with 429, or to list it among others, is no answer."""
    if any(_is_429(a) for call in function.calls for a in (*call[3], *[v for _, v in call[4]])):
        return True
    for node in ir.walk(function.body):
        if node[0] == "return" and node[2] is not None and node[2][0] == "seq" and any(_is_429(item) for item in node[2][3]):
            return True
        if node[0] == "raise" and node[2] is not None and _RAISED.search(ir.last_name(node[2])):
            return True
        if node[0] == "assign" and node[3] is not None and _is_429(node[3]):
            return True
    return False


def _is_429(expr: Expr) -> bool:
    return (expr[0] == "const" and expr[2] == 429) or (expr[0] in ("attr", "name") and expr[-1] in _ANSWERS)
