"""Rate limits per route as libraries apply them: Flask-Limiter, slowapi, fastapi-limiter, and home-made ones by what they do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ostiary.model.route import DeclaredLimit, Location
from ostiary.scan.code import ir
from ostiary.scan.code.frameworks.depends import dependencies_of
from ostiary.scan.code.sites import AppCode, Guard, RouteCode
from ostiary.scan.code.values import Cls, Const, Ext, Func, Hook, Made, Member, Obj, Value, members, name_of, text
from ostiary.scan.code.world import World

FLASK = "flask_limiter."
SLOWAPI = "slowapi."
_LIMITERS = (FLASK, SLOWAPI, "fastapi_limiter.", "quart_rate_limiter.", "limits.", "ratelimit.", "fastapi_throttle.", "asgi_ratelimit.")
_HOME_MADE = re.compile(r"rate_?limit|throttl|too_?many|limiter", re.IGNORECASE)
_EXEMPT = DeclaredLimit("exempt")


class Limits:
    """Answers what limits a route, and what limits an application by default."""

    def __init__(self, w: World) -> None:
        self.world = w
        self._home: dict[ir.Function, bool] = {}

    def default_of(self, app: AppCode) -> str | None:
        """The default limit of all routes of an application, None when there is none."""
        defaults = [t for maker in self._limiters(app) for t in self._defaults(maker, app)]
        if defaults:
            return "; ".join(dict.fromkeys(defaults))
        for hook in app.hooks:
            if hook.kind in ("middleware", "wsgi", "before_request") and self._limits_by_name(hook.value):
                return f"by {name_of(hook.value).rpartition('.')[2] or 'middleware'}"
        return None

    def of(self, code: RouteCode) -> tuple[DeclaredLimit, ...]:
        """Limits in force on a route, outermost first; its own replace the default ones, as the libraries do."""
        own = list(self._own(code))
        if _EXEMPT in own:
            return ()
        if own:
            return tuple(dict.fromkeys(own))
        if code.app.limiter is not None and self._reaches(code):
            return (DeclaredLimit(code.app.limiter, code.app.location),)
        return ()

    def _own(self, code: RouteCode) -> Iterator[DeclaredLimit]:
        for guard in code.guards:
            yield from self._guard(guard, code)
        if code.handler is None:
            return
        for value, at in dependencies_of(self.world, code.handler):
            yield from self._dependency(value, at)
        if code.handler is not None and self._is_home_made(code.handler.function, 2):
            yield DeclaredLimit("in the handler", code.route.at)

    def _guard(self, guard: Guard, code: RouteCode) -> Iterator[DeclaredLimit]:
        if guard.kind == "dependency":
            yield from self._dependency(guard.value, guard.location)
        elif guard.kind in ("decorator", "base"):
            yield from self._decorator(guard, code)
        elif guard.kind == "hook" and isinstance(guard.value, Func) and self._is_home_made(guard.value.function, 2):
            yield DeclaredLimit(f"by {guard.value.function.name}", guard.location)

    def _decorator(self, guard: Guard, code: RouteCode) -> Iterator[DeclaredLimit]:
        value = guard.value
        name = name_of(value)
        if name.startswith(_LIMITERS):
            yield from self._of_library(value, name, guard.location)
        elif isinstance(value, Func) and self._limits_by_name(value):
            yield DeclaredLimit(f"by {value.function.qualname.partition('.')[0]}", guard.location)
        elif name and _HOME_MADE.search(name.rpartition(".")[2]):
            yield DeclaredLimit(f"by {name.rpartition('.')[2]}", guard.location)

    def _of_library(self, value: Value, name: str, at: Location) -> Iterator[DeclaredLimit]:
        last = name.rpartition(".")[2]
        if last == "exempt":
            yield _EXEMPT
        elif last in ("limit", "shared_limit", "rate_limit", "limits", "RateLimiter") and isinstance(value, Made):
            yield DeclaredLimit(limit_text(value), at)

    def _dependency(self, value: Value, at: Location) -> Iterator[DeclaredLimit]:
        if isinstance(value, Made) and value.args and name_of(value).rpartition(".")[2] in ("Depends", "Security"):
            value = value.args[0]
        if isinstance(value, Made) and name_of(value).startswith("fastapi_limiter."):
            yield DeclaredLimit(_times(value), at)
        elif self._limits_by_name(value):
            yield DeclaredLimit(f"by {name_of(value).rpartition('.')[2]}", at)

    def _reaches(self, code: RouteCode) -> bool:
        """slowapi finds no limit on routes of included routers since FastAPI 0.137; mounted ones it never saw."""
        return not any(g.kind == "exempt" for g in code.guards)

    def _limiters(self, app: AppCode) -> Iterator[Made]:
        for use in app.uses:
            if isinstance(use.callee, Ext) and use.callee.name.startswith((FLASK, SLOWAPI)):
                yield use
            elif isinstance(use.callee, Member) and isinstance(use.callee.base, Made) and name_of(use.callee.base).startswith(FLASK):
                yield use.callee.base
        state = app.obj.attrs.get("state") if app.obj is not None else None
        if state is None and app.obj is not None:
            yield from self._slowapi(app)

    def _slowapi(self, app: AppCode) -> Iterator[Made]:
        """slowapi's defaults act only through its middleware."""
        if not any("SlowAPI" in name_of(h.value) for h in app.hooks):
            return
        for made in self.world.made:
            if name_of(made) == "slowapi.Limiter" or name_of(made) == "slowapi.extension.Limiter":
                yield made

    def _defaults(self, maker: Made, app: AppCode) -> Iterator[str]:
        for name in ("default_limits", "application_limits", "default_limits_per_method"):
            for value in members(maker.kwargs.get(name)):
                yield text(value) or "computed"
        for key in ("RATELIMIT_DEFAULT", "RATELIMIT_APPLICATION"):
            if key in app.config:
                yield text(app.config[key]) or "computed"

    def _limits_by_name(self, value: Value) -> bool:
        if isinstance(value, (Ext, Made, Member)):
            return bool(_HOME_MADE.search(name_of(value)))
        if isinstance(value, Obj):
            return bool(_HOME_MADE.search(name_of(value.cls)))
        if isinstance(value, Func):
            return self._is_home_made(value.function, 3)
        return isinstance(value, Cls) and (bool(_HOME_MADE.search(value.cls.name)) or self._class_limits(value))

    def _class_limits(self, value: Cls) -> bool:
        return any(s[0] == "def" and self._is_home_made(s[2], 1) for s in value.cls.body)

    def _is_home_made(self, function: ir.Function, depth: int) -> bool:
        """It answers 429 itself, or through a function of the tree."""
        if function in self._home:
            return self._home[function]
        self._home[function] = False
        found = any(_answers_429(s) for s in ir.walk(function.body))
        if not found and depth > 0:
            scope = None
            for call in function.calls:
                if not _HOME_MADE.search(ir.last_name(call[2])):
                    continue
                scope = scope or self.world.inside(function)
                callee = self.world.value(call[2], scope)
                found = found or (isinstance(callee, Func) and self._is_home_made(callee.function, depth - 1))
        self._home[function] = found
        return found


def _answers_429(node: tuple[object, ...]) -> bool:
    if node[0] == "const" and node[2] == 429:
        return True
    return node[0] == "attr" and node[3] in ("HTTP_429_TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS", "TooManyRequests")


def limit_text(made: Made) -> str:
    """``5 per minute`` as its author wrote it, ``computed`` when it is not a literal."""
    value = made.args[0] if made.args else made.kwargs.get("limit_value")
    texts = [t for v in members(value) if (t := text(v)) is not None]
    return "; ".join(texts) if texts else "computed"


def _times(made: Made) -> str:
    def number(key: str) -> object:
        value = made.kwargs.get(key)
        return value.value if isinstance(value, Const) else None

    times = number("times") or (made.args[0].value if made.args and isinstance(made.args[0], Const) else 1)
    for unit in ("milliseconds", "seconds", "minutes", "hours"):
        if number(unit):
            return f"{times} per {number(unit)} {unit}"
    return f"{times} per computed time"


__all__: Iterable[str] = ["Hook", "Limits", "limit_text"]
