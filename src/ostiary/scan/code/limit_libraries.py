"""What Flask-Limiter, slowapi and their kin limit, as measured: real requests to Flask-Limiter 4.1.1 on Flask 3.1.3, slowapi 0.1.10 on FastAPI
0.120 to 0.165, fastapi-limiter 0.1.6 and 0.2.0. Where it surprises, a comment says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.route import DeclaredLimit, Location
from ostiary.scan.code import ir
from ostiary.scan.code.ir import ClassDef
from ostiary.scan.code.limit_text import COMPUTED, limit_text, texts
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import Const, Ext, Made, Member, Obj, Value, members, name_of, text
from ostiary.scan.code.world import World, options
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

FLASK, SLOWAPI, FASTAPI = "flask_limiter.", "slowapi.", "fastapi_limiter."
LIBRARIES = (FLASK, SLOWAPI, FASTAPI, "quart_rate_limiter.", "ratelimit.", "fastapi_throttle.")
_FLASK_LIMITER = Pattern(r"flask_limiter\.(.*\.)?Limiter$|quart_rate_limiter\.(.*\.)?RateLimiter$")
_LIMITS = ("limit", "shared_limit", "rate_limit", "limits")
_EXEMPTS = ("exempt", "rate_exempt", "skip_limiter")


@record(frozen=True)
class Mark:
    """What one decorator says: ``limit`` None says exempt; ``keeps``: the limits further out hold too (``override_defaults=False``);
    ``holds`` is False when it is for other methods than the route's."""

    library: str
    limit: DeclaredLimit | None = None
    keeps: bool = False
    holds: bool = True


@record(frozen=True)
class Defaults:
    """What limits all routes of an application: ``default`` those without a limit of their own, ``always`` every one."""

    default: tuple[DeclaredLimit, ...] = ()
    always: tuple[DeclaredLimit, ...] = ()


class Libraries:
    def __init__(self, w: World) -> None:
        self.world = w
        self._initialised: bool | None = None

    def name(self, value: Value) -> str:
        """Dotted library name, also for what a class of the tree inherits: ``flask_limiter.Limiter.limit`` for a project's own ``Limiter``."""
        if isinstance(value, Member):
            base = self.name(value.base)
            return f"{base}.{value.name}" if base else ""
        if isinstance(value, Made):
            return self.name(value.callee)
        if isinstance(value, Obj) and value.cls is not None:
            return next((b.name for b in self.world.bases(value) if isinstance(b, Ext) and b.name.startswith(LIBRARIES)), name_of(value))
        return name_of(value)

    def mark(self, value: Value, at: Location, code: RouteCode) -> Mark | None:
        """What a decorator of a library says about a route, None when it is no such decorator."""
        for option in options(value):
            found = self._mark(option, at, code)
            if found is not None:
                return found
        return None

    def _mark(self, value: Value, at: Location, code: RouteCode) -> Mark | None:
        name = self.name(value)
        if not name.startswith(LIBRARIES) or self.is_off(value, code.app):
            return None
        library, last = name.partition(".")[0] + ".", name.rpartition(".")[2]
        if last in _EXEMPTS:
            return Mark(library)
        if last not in _LIMITS or not isinstance(value, Made):
            return None
        verbs = [t.upper() for v in members(value.kwargs.get("methods")) if (t := text(v)) is not None]
        holds = not verbs or code.route.method in verbs
        return Mark(library, DeclaredLimit(limit_text(value), at), is_false(value.kwargs.get("override_defaults")), holds)

    def is_off(self, value: Value, app: AppCode) -> bool:
        """The limiter is switched off for certain, or no application was ever given to it."""
        limiter = limiter_of(value)
        if is_false(given(limiter).get("enabled")):
            return True
        if not self.name(value).startswith(FLASK):
            return False
        return is_false(app.config.get("RATELIMIT_ENABLED")) or not self._is_bound(limiter)

    def _is_bound(self, limiter: Value | None) -> bool:
        """Flask-Limiter limits nothing, decorators included, until an application is given to it."""
        if not isinstance(limiter, Made) or "app" in limiter.kwargs or len(limiter.args) > 1:
            return True
        if self._initialised is None:
            functions = (f for m in self.world.modules.values() for f in (m.top, *m.functions))
            self._initialised = any(ir.last_name(call[2]) == "init_app" for f in functions for call in f.calls)
        return self._initialised or any(isinstance(arg, Obj) for arg in limiter.args)

    def above(self, code: RouteCode) -> list[Mark]:
        """Decorators over the route decorator. A limit there limits nothing, since the view was registered without it; and with Flask-Limiter
        and slowapi it even takes the default limit away, since the view counts as one that has a limit of its own. An exemption works anywhere."""
        if code.handler is None:
            return []
        below = {guard.location for guard in code.guards}
        function = code.handler.function
        found: list[Mark] = []
        for expr in function.decorators:
            at = Location(function.module.path, ir.line_of(expr[1]), ir.column_of(expr[1]))
            if ir.last_name(expr) in (*_LIMITS, *_EXEMPTS) and at not in below:
                mark = self.mark(self.world.value(expr, code.handler.scope), at, code)
                found += [mark] if mark is not None else []
        return found

    def beside(self, code: RouteCode) -> list[Mark]:
        """Decorators on other methods of the handler's class: the first call of one of them tells Flask-Limiter that the view has a limit of its
        own, and from then on the default holds for none of its methods."""
        handler = code.handler
        parent = handler.function.parent if handler is not None else None
        if handler is None or not isinstance(parent, ClassDef):
            return []
        others = [s[2] for s in parent.body if s[0] == "def" and s[2] is not handler.function]
        exprs = [expr for function in others for expr in function.decorators if ir.last_name(expr) in _LIMITS]
        at = Location(parent.module.path, ir.line_of(parent.at))
        marks = [self.mark(self.world.value(expr, handler.scope), at, code) for expr in exprs]
        return [mark for mark in marks if mark is not None and mark.limit is not None]

    def inside(self, code: RouteCode) -> Iterator[Mark]:
        """``with limiter.limit("5/minute"):`` in the handler."""
        function = code.handler.function if code.handler is not None else None
        if function is None or not any(ir.last_name(call[2]) in _LIMITS for call in function.calls):
            return
        for node in ir.walk(function.body):
            for expr, _ in node[2] if node[0] == "with" else ():
                at = Location(function.module.path, ir.line_of(expr[1]), ir.column_of(expr[1]))
                mark = self.mark(self.world.value(expr, self.world.inside(function)), at, code)
                if mark is not None:
                    yield mark

    def defaults(self, app: AppCode) -> Defaults:
        """Flask-Limiter's defaults, from the constructor or else from the configuration; its application limits come on top of everything."""
        default: list[DeclaredLimit] = []
        always: list[DeclaredLimit] = []
        for limiter in self._limiters(app):
            if self.is_off(limiter, app):
                continue
            default += limits_of(limiter, "default_limits") or _configured(app, "RATELIMIT_DEFAULT")
            always += limits_of(limiter, "application_limits") or _configured(app, "RATELIMIT_APPLICATION")
        return Defaults(tuple(dict.fromkeys(default)), tuple(dict.fromkeys(always)))

    def _limiters(self, app: AppCode) -> Iterator[Value]:
        """``Limiter(app=app)``, ``limiter.init_app(app)``."""
        for use in app.uses:
            for value in (use, use.callee.base) if isinstance(use.callee, Member) else (use,):
                for option in options(value):
                    if _FLASK_LIMITER.match(self.name(option)):
                        yield option

    def slowapi(self, app: AppCode) -> list[Value]:
        """The limiters of slowapi that an application uses: ``app.state.limiter``, or any that a module holds."""
        held = app.obj.attrs.get("state.limiter") if app.obj is not None else None
        found = [held] if held is not None else [v for scope in self.world.scopes.values() for v in scope.names.values()]
        return [o for v in found for o in options(self.world.settle(v)) if self.name(o) in ("slowapi.Limiter", "slowapi.extension.Limiter")]


def limiter_of(value: Value) -> Value | None:
    """The limiter of ``limiter.limit("5/minute")``, ``limiter.exempt``; a limiter itself."""
    callee = value.callee if isinstance(value, Made) else value
    if isinstance(callee, Made):
        return limiter_of(callee)
    return callee.base if isinstance(callee, Member) else value


def given(limiter: Value | None) -> dict[str, Value]:
    """Keyword arguments of a limiter's constructor."""
    return limiter.kwargs if isinstance(limiter, (Made, Obj)) else {}


def limits_of(limiter: Value, keyword: str) -> list[DeclaredLimit]:
    at = Location(limiter.module.path, ir.line_of(limiter.at), ir.column_of(limiter.at)) if isinstance(limiter, (Made, Obj)) else None
    return [DeclaredLimit(t, at) for t in texts(given(limiter).get(keyword))]


def _configured(app: AppCode, key: str) -> list[DeclaredLimit]:
    value = app.config.get(key)
    return [DeclaredLimit(text(value) or COMPUTED, app.config_at.get(key))] if value is not None else []


def is_false(value: Value | None) -> bool:
    """False for certain: a default that configuration may override does not count."""
    return type(value) is Const and value.value is False
