"""What a name stands for, as far as reading can tell.

Value
├── Unknown      could not be followed; ``why`` says so
├── Const        a str, number, bool, None, bytes known at reading time
├── Default      a Const that configuration may override
├── Ext          a name of a library that is not in the tree: ``flask.request.headers``
├── Member       an attribute of something Made or of a library object: ``limiter.limit``
├── Made         what a call of a library name or of an unknown callee returned: ``OAuth2PasswordBearer(tokenUrl=…)``
├── Seq, Map     lists, tuples, sets and dicts with known members
├── Mod          a module of the tree
├── Func         a function of the tree with the scope that it closes over (and ``self`` when bound)
├── Cls          a class of the tree
├── Obj          an instance of a class of the tree, or an application, router, blueprint (``kind``)
├── Native       a callable that a framework reader supplies: what ``app.route("/x")`` returns
├── Super        ``super()`` in a method
├── Later        a name imported from a module that is still running (an import cycle)
└── Either       one of several (branches of an if, several returns)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ostiary.scan.code.ir import ClassDef, Expr, Function, Module
from ostiary.scan.records import field, record


@record
class Scope:
    """Names in force; ``owner`` is the function or class whose body it is, None for a module's."""

    module: Module
    parent: Scope | None
    owner: Function | ClassDef | None = None
    names: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value | None:
        """The innermost binding; class scopes are not seen from functions inside them, as in Python."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not isinstance(scope.owner, ClassDef)):
                return scope.names[name]
            scope = scope.parent
        return None


class Value:
    """Base of all; compare by identity unless stated."""

    __slots__ = ()


@record
class Unknown(Value):
    """What could not be followed; ``why`` says so."""

    why: str = ""


@record(frozen=True)
class Const(Value):
    """A str, number, bool, None or bytes known at reading time."""

    value: Any


@record(frozen=True)
class Default(Const):
    """A constant that configuration may override: good for a path, not for deciding a branch."""


@record(frozen=True)
class Ext(Value):
    """A name of a library that is not in the tree."""

    name: str

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]


@record
class Made(Value):
    """``callee`` is Ext, Member or Unknown; ``args`` and ``kwargs`` are values; ``attrs`` what was assigned to it, and under
    ``@name`` the function that ``@made.name`` decorated first; ``when`` are the settings that decide whether it is called."""

    callee: Value
    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    at: int
    module: Module
    call: Expr
    attrs: dict[str, Value] = field(default_factory=dict)
    when: tuple[str, ...] = ()


@record
class Member(Value):
    """An attribute of something Made or of a library object."""

    base: Value
    name: str


@record
class Seq(Value):
    """A list, tuple or set; ``whole`` when every member is known."""

    items: list[Value]
    whole: bool = True


@record
class Map(Value):
    """A dict; ``whole`` when every member is known."""

    items: dict[Any, Value]
    whole: bool = True


@record
class Mod(Value):
    """A module of the tree."""

    module: Module
    scope: Scope


@record
class Decorated:
    """One decorator in force: ``value`` is the callable, ``result`` what applying it gave (the wrapper, where the tree's own)."""

    value: Value
    result: Value
    at: int
    module: Module


@record
class Func(Value):
    """``chain`` are the decorators that wrap it, innermost first; ``handler`` is the function inside them all."""

    function: Function
    scope: Scope
    bound: Value | None = None
    wraps: Func | Cls | None = None
    chain: tuple[Decorated, ...] = ()
    attrs: dict[str, Value] = field(default_factory=dict)
    partial: dict[str, Value] = field(default_factory=dict)

    @property
    def handler(self) -> Func | Cls:
        """The decorated function or class itself."""
        inner: Func | Cls = self
        while isinstance(inner, Func) and inner.wraps is not None:
            inner = inner.wraps
        return inner


@record
class Cls(Value):
    """``bases`` are Cls or Ext or Unknown in order; ``scope`` holds the body's names, run on first use; ``line`` is the method resolution order."""

    cls: ClassDef
    outer: Scope
    bases: tuple[Value, ...]
    scope: Scope | None = None
    chain: tuple[Decorated, ...] = ()
    line: tuple[Value, ...] | None = None


@record
class Obj(Value):
    """``kind`` "" for a plain instance; else app, router (APIRouter, Blueprint), api (flask-restful and kin), namespace, mount…

    ``base`` is the library class that made it that (``flask.Blueprint``); ``attrs`` its attributes; ``wiring`` what was registered on it.
    """

    kind: str
    base: str
    cls: Cls | None
    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    at: int
    module: Module
    attrs: dict[str, Value] = field(default_factory=dict)
    wiring: Wiring = field(default_factory=lambda: Wiring())


@record
class RouteDecl:
    """A route as declared: ``path`` None when it is computed; ``methods`` None when the handler decides; ``handler`` may be a function or class;
    ``bare``: without the prefix that its own router brings."""

    path: str | None
    methods: tuple[str, ...] | None
    handler: Value
    at: int
    module: Module
    kind: str = "http"
    endpoint: str = ""
    dependencies: tuple[Value, ...] = ()
    bare: bool = False
    when: tuple[str, ...] = ()


@record
class Child:
    """A blueprint, router, namespace or mounted application: ``prefix`` None when it is computed, "" when none is given."""

    value: Value
    prefix: str | None
    given: bool
    at: int
    module: Module
    mount: bool = False
    dependencies: tuple[Value, ...] = ()
    when: tuple[str, ...] = ()


@record
class Hook:
    """``kind``: before_request, before_app_request, after_request, errorhandler, middleware, wsgi…; ``options`` are keyword arguments."""

    kind: str
    value: Value
    at: int
    module: Module
    options: dict[str, Value] = field(default_factory=dict)


@record
class Wiring:
    """What was registered on an application, router, blueprint or api, in order."""

    routes: list[RouteDecl] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    uses: list[Made] = field(default_factory=list)
    config: dict[str, Value] = field(default_factory=dict)
    config_at: dict[str, tuple[int, Module]] = field(default_factory=dict)
    documents: list[Args] = field(default_factory=list)
    stranger: bool = False


@record(eq=True)
class Args:
    """Arguments of one call, with the place of the call; ``when`` are the settings that decide whether it happens."""

    args: tuple[Value, ...]
    kwargs: dict[str, Value]
    at: int
    module: Module
    call: Expr
    when: tuple[str, ...] = ()

    def get(self, position: int | None, keyword: str | None = None) -> Value | None:
        """The value at a position or under a keyword, None when absent."""
        if keyword is not None and keyword in self.kwargs:
            return self.kwargs[keyword]
        if position is not None and position < len(self.args):
            return self.args[position]
        return None


@record
class Native(Value):
    """A callable that a framework reader supplies."""

    name: str
    run: Callable[[Args], Value]


@record
class Super(Value):
    """``super()`` in a method of the class ``after``."""

    this: Value
    after: Cls


@record
class Later(Value):
    """A name imported from a module that is still running."""

    scope: Scope
    name: str


@record
class Either(Value):
    """One of several."""

    options: tuple[Value, ...]


def text(value: Value | None) -> str | None:
    """The string a Const holds, else None."""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def path_text(value: Value | None) -> str | None:
    """The string of a path or prefix; of several that configuration chooses from, the shortest."""
    if isinstance(value, Either):
        found = [t for option in value.options if (t := text(option)) is not None]
        return min(found, key=len) if found else None
    return text(value)


def members(value: Value | None) -> list[Value]:
    """Items of a Seq, values of a Map, options of an Either flattened; a lone value as itself; nothing for None."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return []
    if isinstance(value, Seq):
        return value.items
    if isinstance(value, Map):
        return list(value.items.values())
    if isinstance(value, Either):
        return [item for option in value.options for item in members(option)]
    return [value]


def name_of(value: Value | None) -> str:
    """Dotted name: ``flask_limiter.Limiter.limit`` for a Member of what that class made, ``pkg.module.f`` for the tree's own; "" if none."""
    if isinstance(value, Ext):
        return value.name
    if isinstance(value, Member):
        base = name_of(value.base)
        return f"{base}.{value.name}" if base else ""
    if isinstance(value, Made):
        return name_of(value.callee)
    if isinstance(value, Func):
        return f"{value.function.module.name}.{value.function.qualname}"
    if isinstance(value, Cls):
        return f"{value.cls.module.name}.{value.cls.qualname}"
    if isinstance(value, Obj):
        return value.base or name_of(value.cls)
    return value.module.name if isinstance(value, Mod) else ""
