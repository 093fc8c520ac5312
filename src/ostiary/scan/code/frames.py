"""Where a walk stands: one frame for each function that is being walked, one engine for each judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ostiary.scan.code import binding, execute, ir
from ostiary.scan.code.exempt import RequestView
from ostiary.scan.code.ir import Function, Stmt
from ostiary.scan.code.things import End, Path, Thing
from ostiary.scan.code.values import Func, Scope, Unknown, Value
from ostiary.scan.records import field, record

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_DEPTH = 5
T = TypeVar("T")


class TooMuch(Exception):
    """The budget of one judgement is spent."""


class Found(Exception):
    """The end that was looked for came up: nothing more need be walked."""


class Judge(Protocol):
    """What a walk asks of the gates: is this decorator or dependency one?"""

    def decorates(self, value: Value, result: Value, request: RequestView | None) -> str: ...

    def supplied(self, value: Value, request: RequestView | None) -> list[End]: ...

    def defaults(self) -> dict[str, tuple[Any]]: ...

    def worth(self, function: Function) -> bool: ...

    def last_sign(self, function: Function) -> int: ...

    def may_stop(self, function: Function) -> bool: ...

    def only_method(self, name: str) -> Func | None: ...


@record
class Engine:
    """``memo`` is what was learned for this request, ``common`` what holds for all; ``asked`` is set when a part of the request was looked at,
    ``body`` when a handler is judged; ``built`` are objects made on the way; ``cut`` when a call was too deep to follow, ``lost`` when ways were dropped. ``blind``: a setting, address or route may be anything, and that is not noted. ``fields`` are what ``self.x`` was set to in a constructor; ``defaults`` the defaults of settings, built on first use."""

    world: World
    judge: Judge
    request: RequestView | None = None
    steps: int = 4000
    memo: dict[Any, list[End]] = field(default_factory=dict)
    running: list[Function] = field(default_factory=list)
    fields: dict[tuple[int, str], Thing] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)
    cut: bool = False
    blind: bool = False
    asked: bool = False
    lost: bool = False
    body: bool = False
    wanted: Callable[[End], bool] | None = None
    common: dict[Any, list[End]] = field(default_factory=dict)
    built: dict[Any, Value] = field(default_factory=dict)

    def spend(self) -> None:
        self.steps -= 1
        if self.steps <= 0:
            raise TooMuch

    def recall(self, key: Any, depth: int) -> list[End] | None:
        """What is known of a call; what was cut off for depth only holds at that depth."""
        known = self.common.get(key) or self.memo.get(key)
        if known is None:
            known = self.common.get((key, depth)) or self.memo.get((key, depth))
            self.cut = self.cut or known is not None
        return known

    def learn(self, key: Any, depth: int, ends: list[End]) -> None:
        """Remember a call, unless ways were dropped."""
        if not self.lost:
            (self.memo if self.asked else self.common)[(key, depth) if self.cut else key] = ends

    def fresh(self, request: RequestView | None, steps: int) -> Engine:
        """An engine with its own budget that shares what was learned."""
        shared = {name: getattr(self, name) for name in ("fields", "scopes", "kept", "common", "built")}
        return Engine(self.world, self.judge, request, steps, **shared)

    def forget(self) -> None:
        """Drop what was learned, to bound memory."""
        for held in (self.common, self.built, self.fields, self.scopes, self.kept):
            held.clear()

    def scope(self, func: Func) -> Scope:
        """The names inside a function as the reader sees them, kept for the length of the judgement."""
        key = id(func) if func.scope is not self.world.defined.get(func.function) else id(func.function)
        found = self.scopes.get(key)
        if found is None:
            found = self.scopes[key] = local_scope(self.world, func)
            self.kept.append(func)
        return found


@record
class Frame:
    """``outer`` are names that an enclosing function bound; ``ends`` how paths ended; ``raised`` errors on their way to a handler."""

    engine: Engine
    func: Func
    role: str
    depth: int = 0
    outer: Mapping[str, Thing] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    raised: list[tuple[Path, Thing]] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    tries: int = 0
    names: dict[str, Thing] = field(default_factory=dict)
    last: int | None = None
    dropped: ir.Expr | None = None

    @property
    def too_deep(self) -> bool:
        return self.depth >= _DEPTH

    def fork(self, at: int, kind: str) -> int:
        """A number for a fork at a place: the same place gives the same number."""
        return hash((id(self.func.function), at, kind))

    def end(self, how: str, thing: Thing, path: Path) -> None:
        end = End(how, thing, path)
        if self.role == "handler" and self.engine.wanted is not None and self.engine.wanted(end):
            raise Found
        self.ends.append(end)

    def fail(self, path: Path, error: Thing) -> None:
        if self.role == "handler" and not self.tries and self.engine.wanted is not None and self.engine.wanted(End("raise", error, path)):
            raise Found
        self.raised.append((path, error))

    def capped(self, ways: list[T], most: int) -> list[T]:
        """At most so many; that some were dropped is remembered, because no gate may rest on what was not looked at."""
        if len(ways) <= most:
            return ways
        self.engine.lost = True
        return ways[:most]

    def skipped_now(self) -> list[Path]:
        """Paths that went on to the next turn of a loop."""
        paths, self.skipped = self.skipped, []
        return paths


def local_scope(world: World, func: Func) -> Scope:
    """What a function's parameters, imports, functions and classes stand for; its other names are the walk's own. ``World.inside`` runs all of the body."""
    code = func.function
    scope = Scope(code.module, func.scope, code)
    defining = _defining(code.body, scope)
    with world.asking():
        binding.bind_unknown(world, code, scope)
        execute.block(world, tuple(defining), scope, [])
    return scope


def _defining(body: tuple[Stmt, ...], scope: Scope) -> list[Stmt]:
    out: list[Stmt] = []
    for s in body:
        if s[0] in ("import", "from", "def", "class"):
            out.append(s)
        elif s[0] in ("assign", "for"):
            for target in s[2] if s[0] == "assign" else (s[2],):
                if target[0] == "name":
                    scope.names[target[2]] = Unknown()
        for block in blocks(s):
            out += _defining(block, scope)
    return out


def blocks(s: Stmt) -> list[tuple[Stmt, ...]]:
    """The blocks inside a statement."""
    if s[0] in ("if", "while"):
        return [s[3], s[4]]
    if s[0] == "for":
        return [s[4], s[5]]
    if s[0] == "with":
        return [s[3]]
    if s[0] == "try":
        return [s[2], *(h[3] for h in s[3]), s[4], s[5]]
    return [body for _, body in s[3]] if s[0] == "match" else []


def words(expr: ir.Expr) -> str:
    """All names and texts of an expression, for judging what it is about."""
    out = []
    for node in ir.walk(expr):
        if node[0] in ("name", "str"):
            out.append(str(node[2])[:80])
        elif node[0] == "attr":
            out.append(str(node[3]))
    return " ".join(out)
