"""World: every module that is read, and what the names in it stand for. Evaluates without running; memoised; never raises on odd code.

Two ways of looking: *wiring* runs module bodies and the functions they call, so that applications, routers and routes come into being (``quiet`` is 0);
*asking* (``value``, ``inside``) runs the same code with ``quiet`` above 0, where nothing is registered and nothing shared is changed.
"""

from __future__ import annotations

from collections.abc import Callable

from ostiary.model.scan import Skipped
from ostiary.scan.code import apply, binding, classes, evaluate, execute
from ostiary.scan.code.index import Index
from ostiary.scan.code.ir import ClassDef, Expr, Function, Module
from ostiary.scan.code.values import Args, Cls, Either, Ext, Func, Later, Mod, Obj, Scope, Unknown, Value
from ostiary.scan.code.waiting import Waiting

_STEPS = 1_000_000
_STEPS_A_MODULE = 1_000
_JOINS = 50_000
_QUIET_DEPTH = 4
_DEPTH = 14


class _Asking:
    """``with world.asking():``, entered for every look at a value and often within itself; a generator would cost several times as much."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> None:
        self.world.quiet += 1

    def __exit__(self, *_: object) -> None:
        self.world.quiet -= 1


class World:
    """Holds module scopes, what each function closes over, and the objects that framework readers made."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.modules = index.modules
        self.scopes: dict[str, Scope] = {}
        self.defined: dict[Function | ClassDef, Scope] = {}
        self.ran: set[Function] = set()
        self.dull: dict[Function, int] = {}
        self.objects: list[Obj] = []
        self.stack: list[Function] = []
        self.steps = _STEPS + _STEPS_A_MODULE * len(index.modules)
        self.joins = _JOINS
        self.quiet = 0
        self.wired = 0
        self.conditions: list[str] = []
        self._inside: dict[Function, Scope] = {}
        self._instances: dict[ClassDef, Obj] = {}
        self._exts: dict[str, Ext] = {}
        self._asking = _Asking(self)

    def run(self) -> None:
        """Run every module once, in the order of their names; imports run first what they name."""
        for name in sorted(self.modules):
            execute.module(self, self.modules[name])

    def scope_of(self, name: str) -> Scope | None:
        """The scope of a module, run now if it was not, None when there is no such module."""
        module = self.modules.get(name)
        return execute.module(self, module) if module is not None else None

    def value(self, expr: Expr | None, scope: Scope) -> Value:
        """What an expression stands for in a scope; Unknown when it cannot be followed. Calls of the tree's functions are followed."""
        if expr is None:
            return Unknown()
        with self.asking():
            return evaluate.value(self, expr, scope)

    def inside(self, function: Function | Func) -> Scope:
        """Names inside a function: parameters (an instance of their annotated class, ``self`` an instance of the class, else Unknown), locals after
        one pass over the body, then the closure and the module."""
        code = function.function if isinstance(function, Func) else function
        if code.name == "<module>":
            return execute.module(self, code.module)
        if isinstance(function, Func) and function.scope is not self.defined.get(code):
            return self._look_inside(code, function.scope)
        found = self._inside.get(code)
        if found is None:
            found = self._inside[code] = Scope(code.module, self._outer(code), code)
            found.names = Waiting(found, code, self._later(code, found.parent or found))
        return found

    def _later(self, code: Function, outer: Scope) -> Callable[[], dict[str, Value]]:
        """Looks inside as if it were now: what is followed depends on who asks from where."""
        stack, conditions = list(self.stack), list(self.conditions)

        def look() -> dict[str, Value]:
            saved = self.stack, self.conditions
            self.stack, self.conditions = stack, conditions
            try:
                return self._look_inside(code, outer).names
            finally:
                self.stack, self.conditions = saved

        return look

    def _look_inside(self, code: Function, outer: Scope) -> Scope:
        scope = Scope(code.module, outer, code)
        with self.asking():
            binding.bind_unknown(self, code, scope)
            execute.body(self, code, scope)
        return scope

    def _outer(self, code: Function | ClassDef) -> Scope:
        if code in self.defined:
            return self.defined[code]
        parent = code.parent
        if isinstance(parent, Function):
            scope = self.inside(parent)
            return self.defined.get(code, scope)
        if isinstance(parent, ClassDef):
            outer = self._outer(parent)
            found = outer.names.get(parent.name)
            return classes.class_scope(self, found) if isinstance(found, Cls) else outer
        return execute.module(self, code.module)

    def func(self, function: Function) -> Func:
        """A function of the tree as a value, in the scope where it was last defined."""
        return Func(function, self._outer(function))

    def call(self, callee: Value, args: tuple[Value, ...] = (), kwargs: dict[str, Value] | None = None) -> Value:
        """What calling a value returns; registers nothing."""
        with self.asking():
            module = callee.function.module if isinstance(callee, Func) else Module("", "", False, "")
            return apply.call(self, callee, Args(args, kwargs or {}, 0, module, ("call", 0, ("const", 0, None), (), ())))

    def attribute(self, value: Value, name: str) -> Value:
        """``value.name``; methods come back bound."""
        with self.asking():
            return evaluate.attribute(self, value, name)

    def bases(self, value: Value) -> tuple[Value, ...]:
        """A Cls's or Obj's classes in method resolution order: Cls of the tree, then Ext of libraries."""
        return classes.mro(self, value)

    def instance(self, cls: Cls) -> Obj:
        """An instance of a class whose constructor's arguments are not known."""
        found = self._instances.get(cls.cls)
        if found is None:
            with self.asking():
                found = self._instances[cls.cls] = classes.blank(self, cls, Args((), {}, cls.cls.at, cls.cls.module, ()))
                classes.initialise(self, found)
        return found

    def ext(self, name: str) -> Ext:
        """The library name, one object a name."""
        found = self._exts.get(name)
        if found is None:
            found = self._exts[name] = Ext(name)
        return found

    def settle(self, value: Value) -> Value:
        """Resolve a Later; anything else is itself."""
        hops = 0
        while isinstance(value, Later) and hops < 10:
            value = value.scope.names.get(value.name) or Unknown(f"{value.name} was not found")
            hops += 1
        return value

    def mod(self, name: str) -> Value:
        """A module or folder of the tree as a value; a copy of a framework is the framework."""
        library = self.index.finder.library(name)
        if library is not None:
            return self.ext(library)
        scope = self.scope_of(name)
        if scope is not None:
            return Mod(scope.module, scope)
        if name in self.index.broken:
            return Unknown(f"{self.index.finder.files[name].path} could not be parsed")
        return Mod(Module(name, name, True, ""), Scope(Module(name, name, True, ""), None))

    def spend(self, steps: int = 1) -> bool:
        """Is there something left of the budget for following code? That it ran out is said once, in what was skipped."""
        had, self.steps = self.steps, self.steps - steps
        if had > 0 >= self.steps:
            self.give_up("it runs more code than is followed")
        return self.steps > 0

    def join(self, routes: int) -> bool:
        """Is there something left of the budget for putting routers with so many routes together?"""
        had, self.joins = self.joins, self.joins - routes - 1
        if had > 0 >= self.joins:
            self.give_up("it has more routes than are put together")
        return self.joins > 0

    def give_up(self, why: str) -> None:
        """Say, once, that a part of the application is not known."""
        said = Skipped("the rest of the application", why, serious=True)
        if said not in self.index.skipped:
            self.index.skipped.append(said)

    def asking(self) -> _Asking:
        """Look without registering."""
        return self._asking

    @property
    def too_deep(self) -> bool:
        """No further call is followed: the stack is deep (less when asking) or the budget is spent."""
        return len(self.stack) > (_QUIET_DEPTH if self.quiet else _DEPTH) or self.steps <= 0


def options(value: Value) -> tuple[Value, ...]:
    """The alternatives of an Either, anything else alone."""
    return value.options if isinstance(value, Either) else (value,)
