"""The guard for Starlette, and what ``ostiary.fastapi`` builds on.

The decision is made in ``handle`` of the route that the framework itself matched: wrapped once on the route classes, active only in a
scope that carries our request. A mount of an app with routes defers to those; a raw mount is judged at the mount.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from ostiary.errors import MissingExtra, UsageError

try:
    import starlette as _starlette  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.starlette", "fastapi") from None

from starlette import routing
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ostiary import redact
from ostiary.asgi import KEY, AsgiRequest, Message, Receive, Scope, Send, Shim, respond
from ostiary.guard import answers
from ostiary.guard.authn.statics import static
from ostiary.guard.checks import Declared, Problem, bursts, endings, gate_reached, problems, warning
from ostiary.guard.core import Core
from ostiary.guard.cors import is_preflight
from ostiary.guard.decision import Decision, Deny, Principal
from ostiary.guard.declaration import MARK, Declaration, Delegated, Refused, nearest
from ostiary.guard.declare import accepts, concurrent, cors, delegated, deprecated, distinct, exempt, limit, public, require, timeout
from ostiary.guard.facade import Facade
from ostiary.guard.ownership import owned
from ostiary.guard.policies import Compiled
from ostiary.guard.tokens import ENDPOINT, HEADERS, JWKS, LARGEST_FORM, PUBLISHED, KeyTokens
from ostiary.guard.webhooks import webhook
from ostiary.routes import bearer_of
from ostiary.routes.starlette import flat, template
from ostiary.wire import problem

__all__ = [
    "Guard",
    "Principal",
    "accepts",
    "concurrent",
    "cors",
    "delegated",
    "deprecated",
    "distinct",
    "exempt",
    "limit",
    "owned",
    "public",
    "require",
    "static",
    "timeout",
    "webhook",
]

STATE = "ostiary"
_ANY = "*"
_WRAPPED = "__ostiary_wrapped__"
_VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
logger = logging.getLogger("ostiary")


def current() -> AsgiRequest | None:
    """The request of this task or thread, from its decision to its end; None outside one."""
    seen = redact.current.get()
    return seen if isinstance(seen, AsgiRequest) and seen.judged else None


class Guard(Facade):
    """Guards one app. Takes what ``ostiary.guard.settings.Options`` names; without an app, ``init_app`` is called later."""

    def __init__(self, app: Starlette | None = None, **settings: Any) -> None:
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Starlette) -> None:
        """Checks the settings, opens the stores and puts the guard in front of the app. Raises UsageError for a bad setting."""
        if getattr(app.state, STATE, None) is not None:
            raise UsageError("this app has a guard already")
        if getattr(app, "middleware_stack", None) is not None:
            raise UsageError("the app is serving already: make the guard before the first request")
        installed = self._installed(app, Core(**self._settings, gates_run_later=True))
        setattr(app.state, STATE, installed)
        wrap_route_classes()
        # The innermost middleware: what the app's own ones add (CORS, compression) is added to refusals as well.
        app.user_middleware.append(Middleware(Shim, core=installed.core, ready=installed.ready, site=installed))
        if installed.core.tokens is not None:
            _hand_out(app, installed.core.tokens)

    def _installed(self, app: Starlette, core: Core) -> Installed:
        return Installed(app, core)

    def csrf_token(self, response: Response) -> str:
        """A token for a page: its scripts send it in X-CSRF-Token. ``response`` carries its cookie. Raises UsageError outside a request."""
        request = current()
        if request is None:
            raise UsageError("a token is made for the answer to a request")
        csrf = request.site.core.csrf
        token: str = csrf.token()
        response.headers.append("Set-Cookie", csrf.set_cookie(token, secure=request.secure))
        return token

    def _current(self) -> AsgiRequest | None:
        return current()

    def _core(self) -> Core:
        request = current()
        if request is None:
            raise UsageError("only while a call is being handled")
        core: Core = request.site.core
        return core


class Installed:
    """The guard of one app: in ``app.state.ostiary``."""

    def __init__(self, app: Starlette, core: Core) -> None:
        self.app = app
        self.core = core
        self._compiled: dict[tuple[int, str, str], tuple[Any, Compiled]] = {}
        self._checked = False
        self._lock = threading.Lock()

    def ready(self) -> None:
        """At start-up: every declaration is compiled, what cannot be is an error, what nobody declared is said."""
        if self._checked:
            return
        with self._lock:
            if not self._checked:
                warning(logger, self.problems(), monitor=self.core.settings.monitor)
                for said in (*bursts(self.declared()), *endings(self.declared(), self.core.clock())):
                    logger.warning("%s", said)
                self._checked = True

    def problems(self) -> list[Problem]:
        """What ``ostiary guard check`` says of this app. Raises UsageError for a declaration that cannot be."""
        return problems(self.core, list(self.declared()))

    def declared(self) -> Iterator[Declared]:
        """Every method of every route with its policy."""
        return self._below(self.app.routes, "")

    def _below(self, routes: Iterable[Any], prefix: str) -> Iterator[Declared]:
        for listed in flat(routes):
            route = _as_served(listed)
            wrap(type(getattr(route, "original_route", route)))
            inner = _inner_routes(route)
            if inner is not None:
                yield from self._below(inner, prefix + template(getattr(route, "path", "")))
                continue
            for method in _methods(route):
                yield Declared(self._policy(route, method, prefix), getattr(route, "endpoint", None))

    def at_once(self, route: Any, scope: Scope, request: AsgiRequest) -> Decision | None:
        """The decision where the policy is known and nothing has to be waited for, else None."""
        # Only methods that a route was found to answer stand in the table.
        found = self._compiled.get((id(route), scope.get("method", "WEBSOCKET"), request.prefix))
        return None if found is None else self.core.at_once(request, found[1])

    async def judge(self, route: Any, scope: Scope, request: AsgiRequest) -> Decision:
        """The decision at a route, where ``at_once`` gave none."""
        request.parameters = scope.get("path_params", {})
        method, offered = _method(route, scope), getattr(route, "methods", None)
        if not offered and not hasattr(getattr(route, "endpoint", None), _verb(route, method)) and method != "WEBSOCKET":
            # Whatever a stranger writes there; the table of policies must not grow with it.
            method = _ANY
        if offered and method not in offered and scope["type"] == "http":
            if is_preflight(request) and (answered := self.core.preflight(request, self._offered(request.prefix + _path(route)))):
                return answered
            # The route itself answers 405; its endpoint is not reached.
            return await self.core.in_turn(request, self.core.policies.unmatched)
        try:
            compiled = self._policy(route, method, request.prefix)
        except Exception:  # noqa: BLE001 a declaration that cannot be, of a route that came late
            return self.core.failed(request)
        return await self.core.in_turn(request, compiled)

    def _offered(self, path: str) -> dict[str, Compiled]:
        """The policies of all methods of a path."""
        return {one.compiled.method: one.compiled for one in self.declared() if one.compiled.template == path}

    async def failed(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        """The app's own answer to an exception, sent through the guard: what gives it otherwise stands outside of all middleware."""
        if scope["type"] != "http" or self.app.debug:
            return
        handlers = self.app.exception_handlers
        handler: Any = handlers.get(500) or handlers.get(Exception) or _server_error
        request = Request(scope)
        made = handler(request, error) if inspect.iscoroutinefunction(handler) else run_in_threadpool(handler, request, error)
        response: Response = await made
        await response(scope, receive, send)

    def _policy(self, route: Any, method: str, prefix: str) -> Compiled:
        """The policy of a method on a route (of FastAPI: as it was included)."""
        found = self._compiled.get((id(route), method, prefix))
        if found is None:
            gated = functools.partial(self.gated, route, method)
            compiled = self.core.policies.compile(method, prefix + _path(route), self.said(route, method), owner=route, gated=gated)
            # The route is kept beside it, so that its id stays its own.
            found = self._compiled[id(route), method, prefix] = (route, compiled)
        return found[1]

    def said(self, route: Any, method: str) -> Declaration | None:
        """What a route says of itself: its method's word before its endpoint's."""
        endpoint = getattr(route, "endpoint", None)
        marks = [getattr(thing, MARK, None) for thing in (getattr(endpoint, _verb(route, method), None), endpoint)]
        found = [mark for mark in marks if mark is not None]
        return nearest(found) if found else None

    def gated(self, route: Any, method: str, delegate: Delegated) -> bool:
        """Is the app's own gate on the route?"""
        endpoint = getattr(route, "endpoint", None)
        return gate_reached(delegate.gate, getattr(endpoint, _verb(route, method), None), endpoint)


def _hand_out(app: Starlette, tokens: KeyTokens) -> None:
    """The token endpoint, and what verifies tokens."""

    async def token(request: Request) -> Response:
        body, called = b"", current()
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_FORM:
                break
        who = called.principal if called is not None else None
        given = await run_in_threadpool(tokens.exchange, who, request.headers.get("content-type", ""), body)
        return JSONResponse(given.document, given.status, HEADERS)

    async def published(request: Request) -> Response:  # noqa: ARG001 the form of every endpoint
        return JSONResponse(await run_in_threadpool(tokens.keys.published))

    app.router.add_route(tokens.path, ENDPOINT(token), methods=["POST"])
    app.router.add_route(JWKS, PUBLISHED(published), methods=["GET"])


async def _server_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 the form of every handler
    return PlainTextResponse("Internal Server Error", 500)


def _verb(route: Any, method: str) -> str:
    """The method of a class-based endpoint that answers: ``get`` for HEAD where there is no ``head``."""
    endpoint = getattr(route, "endpoint", None)
    return "get" if method == "HEAD" and not hasattr(endpoint, "head") else method.lower()


def wrap_route_classes() -> None:
    """Every route class of Starlette, and of FastAPI where it is loaded."""
    for cls in (routing.Route, routing.WebSocketRoute, routing.Mount, routing.Host):
        wrap(cls)
    loaded = sys.modules.get("fastapi.routing")
    for name in ("APIRoute", "APIWebSocketRoute", "_FrontendRoute", "_FrontendRouteGroup"):
        if (found := getattr(loaded, name, None)) is not None:
            wrap(found)


def wrap(cls: type) -> None:
    """Puts the decision before ``handle`` of a route class, once, where the class defines one itself."""
    own = vars(cls).get("handle")
    if own is None or hasattr(own, _WRAPPED):
        return

    @functools.wraps(own)
    async def handle(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        request: AsgiRequest | None = scope.get(KEY)
        if request is None or request.judged:
            await own(self, scope, receive, send)
            return
        route = _included(self, scope)
        if _inner_routes(route) is not None:
            request.prefix += template(getattr(route, "path", ""))
            await own(self, scope, receive, send)
            return
        request.judged = True
        decision = request.site.at_once(route, scope, request)
        if decision is None:
            decision, receive = await request.judged_with(scope, receive, request.site.judge(route, scope, request))
        try:
            if not isinstance(decision, Deny):
                compiled = request.compiled
                if compiled is None or compiled.monitor or compiled.policy.timeout is None:
                    await own(self, scope, receive, send)
                else:
                    await _in_time(functools.partial(own, self, scope, receive), send, request, compiled.policy.timeout)
                return
        except Refused as late:
            decision = late.denied
        await respond(scope, send, answers.refusal(request, decision))

    setattr(handle, _WRAPPED, True)
    cls.handle = handle  # type: ignore[attr-defined]


async def _in_time(answer: Callable[[Send], Awaitable[None]], send: Send, request: AsgiRequest, seconds: float) -> None:
    """Ends what takes longer. Raises Refused, or TimeoutError where a part of the answer has left already."""
    started = False

    async def noting(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await answer(noting)
    except TimeoutError:
        denied = Deny(problem.TIMED_OUT, "timeout")
        if started or not limit.expired():
            raise
        request.site.core.refuse(request, denied)
        raise Refused(denied) from None


def _included(route: Any, scope: Scope) -> Any:
    """A route of an included router as FastAPI serves it: with its prefix and with the dependencies of all routers around it."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    return context if context is not None and context.original_route is route and context.starlette_route is None else route


def _as_served(listed: Any) -> Any:
    """The same of what ``flat`` lists."""
    context = getattr(listed, "_route_context", None)
    if context is None:
        return getattr(listed, "route", listed)
    return context.starlette_route or context


def _inner_routes(route: Any) -> list[Any] | None:
    """The routes of a mounted app; None for what is judged itself."""
    if not isinstance(route, (routing.Mount, routing.Host)):
        return None
    owner = bearer_of(route.app, "routes")
    return None if owner is None else list(owner.routes)


def _path(route: Any) -> str:
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    if path is None:
        return f"{getattr(route, 'frontend_prefix', '')}/{{path}}"
    return template(path)


def _method(route: Any, scope: Scope) -> str:
    if scope["type"] == "websocket":
        return "WEBSOCKET"
    return str(scope["method"]) if hasattr(route, "endpoint") else _ANY


def _methods(route: Any) -> list[str]:
    if isinstance(getattr(route, "original_route", route), routing.WebSocketRoute):
        return ["WEBSOCKET"]
    if (endpoint := getattr(route, "endpoint", None)) is None:
        return [_ANY]
    offered = getattr(route, "methods", None) or [verb for verb in _VERBS if hasattr(endpoint, verb.lower())]
    return sorted(set(offered) - {"HEAD"}) or [_ANY]
