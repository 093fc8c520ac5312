"""Calls without a limit: once for an application that has no limiter, else for the routes that its limiter leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.finding import Confidence
from ostiary.model.route import State
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import name_of
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._rates import has_limiter
from ostiary.scan.rules._words import listed, words
from ostiary.scan.rules.ineffective_rate_limit import is_idle

rule = Rule("missing-rate-limit")

_FIX = {
    "flask": 'limiter = Limiter(get_remote_address, app=app, default_limits=["300 per minute"])   # Flask-Limiter',
    "": "Put a limit in front of every route, in middleware or as a dependency of the application.",
}
_EXPENSIVE = listed("search export report reports upload import download convert render chat completion completions predict bulk batch")


@rule.on_app
def nowhere(app: AppCode) -> Found:
    """No limiter at all."""
    routes = [code for code in app.routes if code.kind != "static"]
    if not routes or app.limiter is not None or any(code.route.limits for code in routes):
        return
    message = f"none of the {len(routes)} routes has a rate limit, and nothing limits the application"
    confidence = Confidence.HIGH
    if is_idle(app):
        # a limiter that nothing applies is a finding of its own, with the same cure
        return
    if has_limiter(app):
        message, confidence = f"a limiter is set up, and no limit was found on any of the {len(routes)} routes", Confidence.MEDIUM
    yield rule.finding(message, app, confidence, fix=_FIX["flask" if app.framework in ("flask", "quart", "apiflask") else ""])


@rule.on_app
def left_out(app: AppCode) -> Found:
    """The application limits some routes and by default none: those that strangers reach, and those that cost."""
    if app.limiter is None and any(code.route.limits for code in app.routes):
        for code in _once_a_handler(app):
            yield from _left_out(code)


def _once_a_handler(app: AppCode) -> Iterator[RouteCode]:
    """The first route of every handler: one decorator repairs them all."""
    seen: set[object] = set()
    for code in app.routes:
        key = code.handler.function if code.handler is not None else code.route.path
        if code.route.method not in ("HEAD", "OPTIONS") and _matters(code) and key not in seen:
            seen.add(key)
            yield code


def _left_out(code: RouteCode) -> Found:
    route = code.route
    if route.limits or _is_exempt(code):
        return
    message = f"{route.method} {route.path} has no rate limit, while other routes of the application have one"
    yield rule.finding(message, code, Confidence.LOW if route.protection.state is State.PROTECTED else Confidence.MEDIUM)


def _matters(code: RouteCode) -> bool:
    """Writes that strangers can make, and work that costs."""
    route = code.route
    open_ = route.protection.state in (State.OPEN, State.PUBLIC)
    return (open_ and route.method not in ("GET", "WEBSOCKET")) or _is_expensive(route.path)


def _is_expensive(path: str) -> bool:
    last = [part for part in path.split("/") if part and not part.startswith("{")][-1:]
    return bool(last) and bool(_EXPENSIVE & set(words(last[0])))


def _is_exempt(code: RouteCode) -> bool:
    return any(name_of(guard.value).endswith("exempt") for guard in code.guards)
