"""Rate limits per route, and what limits an application by default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ostiary.model.route import DeclaredLimit, Location
from ostiary.scan.code import ir
from ostiary.scan.code.frameworks.depends import dependencies_of, unwrap
from ostiary.scan.code.limit_home import HomeMade
from ostiary.scan.code.limit_libraries import FASTAPI, FLASK, LIBRARIES, SLOWAPI, Defaults, Libraries, Mark, limits_of
from ostiary.scan.code.limit_text import dependency_text
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import Func, Hook, Made, Obj, Value, name_of
from ostiary.scan.code.world import World

_MIDDLEWARE = ("middleware", "wsgi")


class Limits:
    """Answers what limits a route, and what limits an application by default."""

    def __init__(self, w: World) -> None:
        self.world = w
        self.home = HomeMade(w)
        self.libraries = Libraries(w)
        self._defaults: dict[int, Defaults] = {}
        self._home: dict[tuple[int, str, int], str] = {}

    def default_of(self, app: AppCode) -> str | None:
        """The default limits of all routes of an application, None when there are none."""
        found = self._defaults_of(app)
        by_hook = [by for h in app.hooks if h.kind in (*_MIDDLEWARE, "before_request") and (by := self._made_at_home(h.value, h.kind))]
        slow = self._of_middleware(app) if _has_slowapi(app.hooks) else []
        guard = app.guard.limits if app.guarded and app.guard is not None else ()
        limits = [limit.text for limit in (*found.always, *found.default, *slow, *guard)]
        return "; ".join(dict.fromkeys([*by_hook, *limits])) or None

    def of(self, code: RouteCode) -> tuple[DeclaredLimit, ...]:
        """Limits in force on a route, outermost first."""
        marks = [*self._marks(code), *self.libraries.inside(code)]
        above = self.libraries.above(code)
        around = list(self._around(code))
        flask = self._flask(code, [m for m in marks if m.library == FLASK], [m for m in above if m.library == FLASK])
        slow = self._slowapi(code, [m for m in marks if m.library == SLOWAPI], [m for m in above if m.library == SLOWAPI])
        rest = _limits(m for m in marks if m.library not in (FLASK, SLOWAPI) and m.holds)
        exempt = any(m.limit is None and m.library == FASTAPI for m in marks)
        return tuple(dict.fromkeys([*around, *flask, *slow, *rest, *self._dependencies(code, exempt), *self._handler(code)]))

    def _marks(self, code: RouteCode) -> Iterator[Mark]:
        for guard in code.guards:
            links: list[tuple[Value, Location]] = [(guard.value, guard.location)] if guard.kind in ("decorator", "base") else []
            if guard.kind == "hook" and isinstance(guard.value, Func):
                links = [(link.value, _place(link.module.path, link.at)) for link in guard.value.chain]
            for value, at in links:
                mark = self.libraries.mark(value, at, code)
                if mark is not None:
                    yield mark

    def _flask(self, code: RouteCode, marks: list[Mark], above: list[Mark]) -> list[DeclaredLimit]:
        """Its own limits replace those of the blueprint, and these the defaults, unless ``override_defaults=False``; limits of the application
        come on top. An exempt view is rid of its own, the default and the application's limits, and keeps its blueprint's."""
        defaults = self._defaults_of(code.app)
        outer, free = self._blueprints(code)
        own = [m for m in marks if m.limit is not None and m.holds]
        if any(m.limit is None for m in (*marks, *above)):
            return _limits(outer)
        always = [] if free else list(defaults.always)
        chosen = [*outer, *own] if all(m.keeps for m in own) else own
        if free or above or not all(m.keeps for m in chosen) or any(m.library == FLASK for m in self.libraries.beside(code)):
            return [*always, *_limits(chosen)]
        return [*always, *defaults.default, *_limits(chosen)]

    def _blueprints(self, code: RouteCode) -> tuple[list[Mark], bool]:
        """``limiter.limit("5/minute")(bp)`` also holds for blueprints nested in it, unless they have limits of their own; ``limiter.exempt(bp)``
        only for its own views."""
        chosen: list[Mark] = []
        free = False
        for depth, owner in enumerate(reversed(code.owners)):
            if not all(m.keeps for m in chosen) or owner is code.app.obj:
                break
            marks = [m for use in owner.wiring.uses if (m := self._applied(use, code)) is not None]
            free = free or (depth == 0 and any(m.limit is None for m in marks))
            chosen = [*(m for m in marks if m.limit is not None and m.holds), *chosen]
        return chosen, free

    def _applied(self, use: Made, code: RouteCode) -> Mark | None:
        """``limiter.limit("5/minute")(bp)`` is a call of what a call gave, ``limiter.exempt(bp)`` of the member itself."""
        found = self.libraries.mark(use.callee, _place(use.module.path, use.at), code)
        return found if found is not None and found.library == FLASK else None

    def _slowapi(self, code: RouteCode, marks: list[Mark], above: list[Mark]) -> list[DeclaredLimit]:
        """Decorators hold on every route, of included routers and mounted applications too. Without ``app.state.limiter`` the call that is one
        too many gets 500 instead of 429: limited all the same."""
        if any(m.limit is None for m in (*marks, *above)):
            return []
        own = [m for m in marks if m.holds]
        if not own:
            # the middleware leaves a view that has any decorator to it, also for methods that the decorator leaves out
            return [] if above or marks else self._slowapi_middleware(code)
        if not all(m.keeps for m in own):
            return _limits(own)
        # override_defaults=False adds the defaults also where no middleware is installed
        return [*[limit for limiter in self.libraries.slowapi(code.app) for limit in limits_of(limiter, "default_limits")], *_limits(own)]

    def _slowapi_middleware(self, code: RouteCode) -> list[DeclaredLimit]:
        """Defaults act through SlowAPIMiddleware or SlowAPIASGIMiddleware, which looks the view up in ``app.routes``: views of mounted
        applications were never found, and since FastAPI 0.137.0 (0.136.3 still found them) those of included routers are not either.
        FastAPI's version is not known from source, so the newest is taken."""
        holder = code.owners[-1] if code.owners else None
        if holder is None or holder.kind != "asgi.app" or not _has_slowapi(holder.wiring.hooks):
            return []
        return self._of_middleware(code.app)

    def _of_middleware(self, app: AppCode) -> list[DeclaredLimit]:
        found: list[DeclaredLimit] = []
        for limiter in self.libraries.slowapi(app):
            if not self.libraries.is_off(limiter, app):
                found += [*limits_of(limiter, "application_limits"), *limits_of(limiter, "default_limits")]
        return found

    def _around(self, code: RouteCode) -> Iterator[DeclaredLimit]:
        """Home-made limits on the way to the handler: middleware, hooks, decorators."""
        for guard in code.guards:
            if guard.kind in (*_MIDDLEWARE, "hook", "decorator", "base") and (
                by := self._made_at_home(guard.value, guard.kind, guard.wrapped)
            ):
                yield DeclaredLimit(by, guard.location)

    def _made_at_home(self, value: Value, kind: str, wrapped: Value | None = None) -> str:
        """``by name`` of what limits, "" when it does not or a library does. One guard stands before many routes, and is looked at once."""
        key = (id(value), kind, id(wrapped))
        if key not in self._home:
            self._home[key] = self._by_home(value, kind, wrapped)
        return self._home[key]

    def _by_home(self, value: Value, kind: str, wrapped: Value | None) -> str:
        if self.libraries.name(value).startswith(LIBRARIES) or _is_slowapi(value):
            return ""
        maker = self.home.maker(value) if kind in _MIDDLEWARE else ""
        return f"by {maker}" if maker else _by(value) if self.home.limits(value, wrapped) else ""

    def _dependencies(self, code: RouteCode, exempt: bool) -> Iterator[DeclaredLimit]:
        given = [(guard.value, guard.location) for guard in code.guards if guard.kind == "dependency"]
        given += dependencies_of(self.world, code.handler) if code.handler is not None else []
        for value, at in given:
            value = self.world.settle(unwrap(value)[0])
            name = self.libraries.name(value)
            if name.startswith((FASTAPI, "fastapi_throttle.")) and isinstance(value, (Made, Obj)):
                # fastapi-limiter answers 500 to everything where routers are included in FastAPI ≥ 0.137: nobody runs that
                if not exempt:
                    yield DeclaredLimit(dependency_text(value), at)
            elif self.home.limits(value):
                yield DeclaredLimit(_by(value), at)

    def _handler(self, code: RouteCode) -> Iterator[DeclaredLimit]:
        if code.handler is not None and self.home.function(code.handler.function):
            yield DeclaredLimit("in the handler", code.route.at)

    def _defaults_of(self, app: AppCode) -> Defaults:
        if id(app) not in self._defaults:
            self._defaults[id(app)] = self.libraries.defaults(app)
        return self._defaults[id(app)]


def _by(value: Value) -> str:
    if isinstance(value, Func):
        return f"by {value.function.qualname.partition('.')[0] if value.bound is None else value.function.qualname}"
    return f"by {name_of(value).rpartition('.')[2] or 'middleware'}"


def _limits(marks: Iterable[Mark]) -> list[DeclaredLimit]:
    return [mark.limit for mark in marks if mark.limit is not None]


def _is_slowapi(value: Value) -> bool:
    return name_of(value).startswith(SLOWAPI)


def _has_slowapi(hooks: Iterable[Hook]) -> bool:
    return any(hook.kind == "middleware" and _is_slowapi(hook.value) for hook in hooks)


def _place(path: str, at: int) -> Location:
    return Location(path, ir.line_of(at), ir.column_of(at))
