"""The apps that are compared: bare, behind the floor, behind what one would put together, behind Ostiary."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import deque
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from flask import Flask, abort, request
from guard_drive import PATH

KEY = "theirs-is-a-key-of-forty-characters-0001"
RATES = ("1000000 per minute", "100000000 per day")
ANSWER = {"orders": [1, 2, 3]}
METHODS = ["GET", "POST"]
_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store"))
_FIVE = (*_HEADERS, ("Content-Security-Policy", "default-src 'none'"), ("Strict-Transport-Security", "max-age=31536000"))
_RAW = [(name.lower().encode(), value.encode()) for name, value in _FIVE]
_OURS: dict[str, Any] = {"store": "memory://", "pepper": b"a pepper that is used by nobody else", "policy_file": None}


def flask_bare(routes: int = 1, view: Any = lambda: ANSWER) -> Flask:
    """The service alone: the measured route is the last of ``routes``."""
    app = Flask("bare", static_folder=None)
    for number in range(routes - 1):
        app.add_url_rule(f"/api/v1/other{number}/<int:id>", f"other{number}", lambda id: ANSWER, methods=METHODS)  # noqa: A006, ARG005
    app.add_url_rule(PATH, "orders", view, methods=METHODS)
    return app


def fastapi_bare(routes: int = 1, mark: Any = lambda endpoint: endpoint) -> FastAPI:
    app = FastAPI()

    async def orders() -> JSONResponse:
        return JSONResponse(ANSWER)

    async def other(id: int) -> JSONResponse:  # noqa: A002, ARG001
        return JSONResponse(ANSWER)

    for number in range(routes - 1):
        app.add_api_route(f"/api/v1/other{number}/{{id}}", other, methods=METHODS)
    app.add_api_route(PATH, mark(orders), methods=METHODS)
    return app


class Floor:
    """The least that does the work at all: SHA-256, a dict, GCRA, five headers, a line in a buffer."""

    def __init__(self, key: str = KEY) -> None:
        self.known = {hashlib.sha256(key.encode()).digest(): "one"}
        self.arrival: dict[str, float] = {}
        self.lines: deque[str] = deque(maxlen=10_000)

    def admits(self, key: bytes, path: str) -> bool:
        who = self.known.get(hashlib.sha256(key).digest())
        now = time.time()
        due = max(self.arrival.get(who or "", 0.0), now) + 60 / 1_000_000
        allowed = who is not None and due - now <= 60
        if allowed:
            self.arrival[str(who)] = due
        self.lines.append(f"{now} {who} {path} {allowed}")
        return allowed


class FloorWsgi:
    def __init__(self, app: Any) -> None:
        self.app, self.floor = app, Floor()

    def __call__(self, environ: Any, start: Any) -> Any:
        if not self.floor.admits(environ.get("HTTP_X_API_KEY", "").encode(), environ["PATH_INFO"]):
            start("401 Unauthorized", [*_FIVE, ("Content-Length", "0")])
            return [b""]
        return self.app(environ, lambda status, headers, error=None: start(status, [*headers, *_FIVE], error))


class FloorAsgi:
    def __init__(self, app: Any) -> None:
        self.app, self.floor = app, Floor()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        key = next((value for name, value in scope["headers"] if name == b"x-api-key"), b"")
        if not self.floor.admits(key, scope["path"]):
            await send({"type": "http.response.start", "status": 401, "headers": _RAW})
            await send({"type": "http.response.body", "body": b""})
            return

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_RAW]}
            await send(message)

        await self.app(scope, receive, sending)


def flask_ours(routes: int = 1, *, limits: Any = RATES, **settings: Any) -> tuple[Flask, str]:
    """The app and a key for it. The other routes are guarded, too."""
    from ostiary.flask import Guard, require

    app = flask_bare(routes, require("orders:read")(lambda: ANSWER))
    Guard(app, default=require(), limits=limits and list(limits), **(_OURS | settings))
    return app, _minted(app.extensions["ostiary"].core)


def fastapi_ours(routes: int = 1, *, limits: Any = RATES, **settings: Any) -> tuple[FastAPI, str]:
    from ostiary.fastapi import Guard, require

    app = fastapi_bare(routes, require("orders:read"))
    Guard(app, default=require(), limits=limits and list(limits), **(_OURS | settings))
    return app, _minted(app.state.ostiary.core)


def _minted(core: Any) -> str:
    from ostiary.guard.keyring import Keyring

    return Keyring(core.key_store, core.peppers).create(scopes=["orders:read"])[1]


def flask_theirs(routes: int = 1) -> Flask:
    """hmac.compare_digest in a hook, Flask-Limiter, Flask-Talisman."""
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address
    from flask_talisman import Talisman

    app = flask_bare(routes)
    Talisman(app)
    Limiter(get_remote_address, app=app, default_limits=list(RATES), storage_uri="memory://", headers_enabled=True)

    @app.before_request
    def check() -> None:
        if not hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), KEY.encode()):
            abort(401)

    return app


_header = APIKeyHeader(name="X-API-Key")


async def _check(key: Annotated[str, Security(_header)]) -> None:
    if not hmac.compare_digest(key.encode(), KEY.encode()):
        raise HTTPException(401)


def fastapi_theirs(routes: int = 1) -> FastAPI:
    """APIKeyHeader with hmac.compare_digest, slowapi."""
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = fastapi_bare(routes)
    app.router.routes = [route for route in app.router.routes if getattr(route, "path", "") != PATH]
    limiter = app.state.limiter = Limiter(key_func=get_remote_address, storage_uri="memory://", headers_enabled=True)

    async def orders(request: Request) -> JSONResponse:  # noqa: ARG001 slowapi wants it
        return JSONResponse(ANSWER)

    for rate in RATES:
        orders = limiter.limit(rate)(orders)
    app.add_api_route(PATH, orders, methods=METHODS, dependencies=[Depends(_check)])
    return app


def flask_until_dispatch() -> Flask:
    """Flask with nothing behind its routing but an answer: what a refusal cannot save."""
    app = flask_bare()
    app.full_dispatch_request = lambda *_: app.response_class(b"", 401)  # type: ignore[method-assign]
    return app


def fastapi_until_dispatch() -> FastAPI:
    from starlette.responses import Response
    from starlette.routing import Route

    class Ended(Route):
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await Response(b"", 401)(scope, receive, send)

    app = FastAPI()
    app.router.routes.append(Ended(PATH, lambda _: Response(), methods=METHODS))
    return app
