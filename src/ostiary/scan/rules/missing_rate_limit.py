"""Calls without a limit: once for an application that has no limiter, else for the routes that its limiter leaves out."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.model.route import State
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import name_of
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._words import listed, words

rule = Rule("missing-rate-limit")

_FIX = {
    "flask": 'limiter = Limiter(get_remote_address, app=app, default_limits=["300 per minute"])   # Flask-Limiter',
    "": "Put a limit in front of every route, in middleware or as a dependency of the application.",
}
_EXPENSIVE = listed(
    "search export report reports upload import download generate convert render chat completion completions predict bulk batch"
)


@rule.on_app
def nowhere(app: AppCode) -> Found:
    """No limiter at all."""
    routes = [code for code in app.routes if code.kind != "static"]
    if not routes or app.limiter is not None or any(code.route.limits for code in routes):
        return
    message = (
        f"none of the {len(routes)} routes has a rate limit, and nothing limits the application"
        if len(routes) > 1
        else "no rate limit anywhere"
    )
    yield rule.finding(message, app, Confidence.HIGH, fix=_FIX["flask" if app.framework in ("flask", "quart", "apiflask") else ""])


@rule.on_route
def left_out(code: RouteCode) -> Found:
    """The application limits some routes and by default none: those that strangers reach, and those that cost."""
    route, app = code.route, code.app
    if (
        route.limits
        or app.limiter is not None
        or route.method in ("HEAD", "OPTIONS")
        or not any(other.route.limits for other in app.routes)
    ):
        return
    if _is_exempt(code) or not _matters(code):
        return
    yield rule.finding(
        f"{route.method} {route.path} has no rate limit, while other routes of the application have one", code, Confidence.MEDIUM
    )


def _matters(code: RouteCode) -> bool:
    route = code.route
    if route.protection.state in (State.OPEN, State.PUBLIC) and route.method not in ("GET", "WEBSOCKET"):
        return True
    return route.protection.state is State.OPEN or bool(_EXPENSIVE & set(words(route.path)))


def _is_exempt(code: RouteCode) -> bool:
    return any(name_of(guard.value).endswith("exempt") for guard in code.guards)
