"""What one walk over the statements of a module finds for all rules: assignments worth a look, exception handlers, raises, returns.

Kept with the World, so that every rule shares the walk and nothing outlives the scan.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from ostiary.scan.code.ir import ClassDef, Expr, Function, Module, Stmt
from ostiary.scan.code.sites import Site
from ostiary.scan.records import field, record
from ostiary.scan.rules._defs import end_of

_WORTH = (
    "secret", "pass", "pwd", "token", "key", "cred", "pepper", "salt",
    "auth", "debug", "access-control", "dsn", "uri", "url", "cors", "bind", "jwt", "flask_env",
)  # fmt: skip
_LONG = 16


@record
class Assignment:
    """``name`` is the last identifier of the target, or the text between the brackets: ``SECRET_KEY`` of ``app.config["SECRET_KEY"]``."""

    function: Function
    owner: ClassDef | None
    name: str
    target: Expr
    value: Expr
    at: int
    annotation: Expr | None


@record
class Caught:
    """One ``except`` clause: of which ``try``, in which function, at which position in its block (``rest`` is what follows the try)."""

    function: Function
    attempt: Stmt
    type: Expr | None
    name: str | None
    body: tuple[Stmt, ...]
    rest: tuple[Stmt, ...]
    at: int


@record
class Facts:
    """What one module holds, in order."""

    assignments: list[Assignment] = field(default_factory=list)
    caught: list[Caught] = field(default_factory=list)
    ifs: dict[Function, list[Stmt]] = field(default_factory=dict)
    raises: list[tuple[Function, Stmt]] = field(default_factory=list)
    main: tuple[int, int] = (0, 0)

    def named(self, *names: str) -> list[Assignment]:
        return [a for a in self.assignments if a.name in names]


_CACHE: WeakKeyDictionary[Any, dict[Module, Facts]] = WeakKeyDictionary()


def facts(site: Site) -> Facts:
    """The facts of the site's module."""
    kept = _CACHE.setdefault(site.world, {})
    found = kept.get(site.module)
    if found is None:
        found = kept[site.module] = Facts()
        _Walk(found, site.module.top).block(site.module.body)
    return found


class _Walk:
    def __init__(self, found: Facts, function: Function, owner: ClassDef | None = None) -> None:
        self.found = found
        self.function = function
        self.owner = owner

    def block(self, body: tuple[Stmt, ...]) -> None:
        for index, stmt in enumerate(body):
            tag = stmt[0]
            if tag == "assign":
                self.assign(stmt)
            elif tag == "def":
                self.within(stmt[2], None, stmt[2].body)
            elif tag == "class":
                self.within(self.function, stmt[2], stmt[2].body)
            elif tag == "if":
                self.branch(stmt)
            elif tag == "try":
                self.attempt(stmt, body[index + 1 :])
            elif tag == "raise":
                self.found.raises.append((self.function, stmt))
            else:
                self.inner(tag, stmt)

    def inner(self, tag: str, stmt: Stmt) -> None:
        if tag == "with":
            self.block(stmt[3])
        elif tag == "for":
            self.block(stmt[4])
            self.block(stmt[5])
        elif tag == "while":
            self.block(stmt[3])
            self.block(stmt[4])
        elif tag == "match":
            for _, body in stmt[3]:
                self.block(body)

    def within(self, function: Function, owner: ClassDef | None, body: tuple[Stmt, ...]) -> None:
        saved = self.function, self.owner
        self.function, self.owner = function, owner
        self.block(body)
        self.function, self.owner = saved

    def branch(self, stmt: Stmt) -> None:
        if self.function.name == "<module>":
            if _is_main_guard(stmt[2]):
                last = stmt[3][-1] if stmt[3] else stmt
                self.found.main = (stmt[1], end_of(last))
        elif _tests_secret(stmt[2]):
            self.found.ifs.setdefault(self.function, []).append(stmt)
        self.block(stmt[3])
        self.block(stmt[4])

    def attempt(self, stmt: Stmt, rest: tuple[Stmt, ...]) -> None:
        self.block(stmt[2])
        for at, kind, name, body in stmt[3]:
            self.found.caught.append(Caught(self.function, stmt, kind, name, body, rest, at))
            self.block(body)
        self.block(stmt[4])
        self.block(stmt[5])

    def assign(self, stmt: Stmt) -> None:
        value = stmt[3]
        if value is None:
            return
        for target in stmt[2]:
            name = target_name(target)
            if name and (_named(name) or _telling(value)):
                self.found.assignments.append(Assignment(self.function, self.owner, name, target, value, target[1], stmt[4]))


@lru_cache(maxsize=65536)
def _named(name: str) -> bool:
    # ten times as fast as one expression for all of them
    low = name.lower()
    return any(word in low for word in _WORTH)


def _tests_secret(test: Expr) -> bool:
    """``if KEY``, ``if not KEY``, ``if KEY is None``, ``if KEY and …`` for a name worth a look."""
    tag = test[0]
    if tag == "name":
        return _named(test[2])
    if tag == "attr":
        return _named(test[3])
    if tag in ("not", "cmp"):
        return _tests_secret(test[2])
    return tag == "bool" and any(_tests_secret(part) for part in test[3])


def _telling(value: Expr) -> bool:
    """Worth a look whatever it is called: a long text, a dict, a list of dicts."""
    if value[0] == "str":
        return len(value[2]) >= _LONG
    return value[0] == "dict" or (value[0] == "seq" and bool(value[3]) and value[3][0][0] == "dict")


def target_name(target: Expr) -> str:
    """``c`` of ``c``, ``a.c`` and ``a["c"]``; "" for anything else."""
    if target[0] == "name":
        return str(target[2])
    if target[0] == "attr":
        return str(target[3])
    return str(target[3][2]) if target[0] == "sub" and target[3][0] == "str" else ""


def _is_main_guard(test: Expr) -> bool:
    return bool(test[0] == "cmp" and test[2][0] == "name" and test[2][2] == "__name__")
