"""What rules look at: a Call, a Compare, a RouteCode (one handler on one route), an AppCode (one application), each with its place.

Rules resolve names through ``value``; they see the compact form of ``ir`` and the values of ``values``, never ``ast``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ostiary.model.route import Location, Route
from ostiary.scan.code import ir
from ostiary.scan.code.ir import Expr, Function, Module
from ostiary.scan.code.values import Func, Hook, Made, Obj, Scope, Value, name_of
from ostiary.scan.records import field, record

if TYPE_CHECKING:
    from ostiary.scan.code.frameworks.declared import GuardCode
    from ostiary.scan.code.world import World


@record
class Site:
    """A place in the tree; ``function`` is the enclosing function, ``module.top`` at module and class level."""

    world: World
    module: Module
    function: Function
    at: int

    @property
    def location(self) -> Location:
        return Location(self.module.path, ir.line_of(self.at), ir.column_of(self.at))

    @property
    def scope(self) -> Scope:
        """Names as they stand inside the function (parameters, locals, closure)."""
        return self.world.inside(self.function)

    def value(self, expr: Expr | None) -> Value:
        """What an expression stands for here."""
        return self.world.value(expr, self.scope)


@record
class Call(Site):
    """A call in a function or at module level."""

    expr: Expr

    @property
    def last(self) -> str:
        """``c`` of ``a.b.c(…)``."""
        return ir.last_name(self.expr[2])

    @property
    def name(self) -> str:
        """Dotted name of the callee as resolved (``flask.Flask.run``, ``hmac.compare_digest``), "" when it cannot be told."""
        return name_of(self.value(self.expr[2]))

    def arg(self, position: int | None, keyword: str | None = None) -> Expr | None:
        return ir.argument(self.expr, position, keyword)


@record
class Compare(Site):
    """``left op right`` once per operator of a chain."""

    left: Expr
    op: str
    right: Expr


@record
class Guard:
    """Code on the way to a handler: ``kind`` is middleware, hook, dependency, base, decorator or document; ``wrapped`` what applying a decorator gave."""

    kind: str
    value: Value
    location: Location
    wrapped: Value | None = None


@record
class RouteCode:
    """One route with its code: ``handler`` is the function that answers (unwrapped), None when it could not be found.

    ``guards`` stand on the way to it, outermost first; ``kind`` is http, websocket or view; ``endpoint`` and ``blueprint`` are Flask's names;
    ``owners`` are the application, routers, blueprints that it hangs on, outermost first; ``view`` is the function as it was registered,
    with what wraps the handler.
    """

    world: World
    route: Route
    app: AppCode
    handler: Func | None
    kind: str = "http"
    guards: tuple[Guard, ...] = ()
    endpoint: str = ""
    blueprint: str = ""
    owners: tuple[Obj, ...] = ()
    view: Func | None = None


@record
class AppCode:
    """One application: ``config`` are values assigned to ``app.config`` and ``app.<attr>``; ``hooks`` its before_request, middleware,
    errorhandler…; ``uses`` the calls that were given it (``CORS(app)``, ``limiter.init_app(app)``).

    ``limiter`` is what limits all of it by default, as text, None when nothing does; ``guard`` is Ostiary's, None where there is none.
    """

    world: World
    name: str
    framework: str
    location: Location | None
    obj: Obj | None
    routes: list[RouteCode] = field(default_factory=list)
    config: dict[str, Value] = field(default_factory=dict)
    config_at: dict[str, Location] = field(default_factory=dict)
    hooks: Sequence[Hook] = ()
    uses: Sequence[Made] = ()
    limiter: str | None = None
    guard: GuardCode | None = None

    @property
    def guarded(self) -> bool:
        """Ostiary's guard stands before it, and enforces."""
        return self.guard is not None and self.guard.enforces is True
