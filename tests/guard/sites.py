"""One small service in each framework, behind the guard. What is promised of the guard is promised of both."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

PEPPER = b"a pepper that is used by nobody else"
PEER = "203.0.113.7"
HTTPS = "https://api.example.test"


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.headers if key.lower() == name.lower())

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def names(self) -> set[str]:
        return {key.lower() for key, _ in self.headers}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


Header = tuple[str, str]


@dataclass
class Site:
    """``ask`` calls the service; ``reached`` names the handlers that ran; ``core`` is the guard's."""

    framework: str
    core: Any
    guard: Any
    clock: Clock
    app: Any
    send: Callable[..., Reply]
    reached: list[str] = field(default_factory=list)
    runner: asyncio.Runner | None = None

    def ask(
        self,
        path: str,
        key: str | None = None,
        *,
        method: str = "GET",
        headers: list[Header] | Mapping[str, str] | None = None,
        base: str = HTTPS,
        peer: str = PEER,
        body: bytes = b"",
    ) -> Reply:
        listed = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        if key is not None:
            listed.append(("X-API-Key", key))
        return self.send(method, path, listed, base, peer, body)

    def mint(self, *scopes: str, **more: Any) -> str:
        """A new key, as a person would make one."""
        from ostiary.guard.keyring import Keyring

        ring = Keyring(self.core.key_store, self.core.peppers, clock=self.clock)
        return ring.create(scopes=scopes, **more)[1]

    @property
    def keyring(self) -> Any:
        from ostiary.guard.keyring import Keyring

        return Keyring(self.core.key_store, self.core.peppers, clock=self.clock)

    def events(self) -> list[Any]:
        """Every event so far, the oldest first."""
        self.core.recorder.flush()
        return list(reversed(self.core.recorder.store.recent(10_000)))

    def close(self) -> None:
        if self.runner is not None:
            if hasattr(self.core.counters, "aclose"):
                self.runner.run(self.core.counters.aclose())
            self.runner.close()
        self.core.close()


def settings(store: str, clock: Clock, more: dict[str, Any]) -> dict[str, Any]:
    return {"store": store, "pepper": PEPPER, "clock": clock, "environment": "production", "policy_file": None, **more}


def flask_site(store: str = "memory://", **more: Any) -> Site:
    from flask import Blueprint, Flask

    from ostiary.flask import Guard, limit, public, require

    clock, reached = Clock(), []
    app = Flask(__name__, static_folder=None)
    guard = Guard(app, **settings(store, clock, more))

    def handler(name: str, answer: Any = None) -> Callable[..., Any]:
        def view(**values: Any) -> Any:
            reached.append(name)
            who = guard.principal
            return answer if answer is not None else {"at": name, "who": who and who.subject, **values}

        view.__name__ = name
        return view

    def add(target: Any, path: str, name: str, mark: Any = None, methods: tuple[str, ...] = ("GET",), answer: Any = None) -> None:
        view = handler(name, answer)
        target.add_url_rule(path, name, mark(view) if mark is not None else view, methods=list(methods))

    add(app, "/api/v1/orders", "orders", require("orders:read"))
    add(app, "/api/v1/orders", "order_create", require("orders:write"), ("POST",))
    add(app, "/api/v1/orders/<order_id>", "order", require("orders:read"))
    add(app, "/api/v1/limited", "limited", require(limits="5 per minute"))
    add(app, "/health", "health", public("the load balancer asks without a key"))
    add(app, "/login", "login", public("asks for a password"), ("POST",))
    add(app, "/public-limited", "public_limited", public("a shop window", limits="5 per minute"))
    add(app, "/undeclared", "undeclared")
    add(app, "/any-of", "any_of", require(any_of=["a:read", "b:read"]))
    add(app, "/networks", "networks", require(networks=["198.51.100.0/24"]))
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    add(inner, "/deep", "deep", require("deep:read"))
    add(inner, "/open", "open_deep")
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    add(app, "/echo", "echo", require())
    _ = limit

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        from werkzeug.test import run_wsgi_app

        parts, status, given = run_wsgi_app(app, _environ(method, path, headers, base, peer, body), buffered=True)
        return Reply(int(status[:3]), tuple(given.items()), b"".join(parts))

    return Site("flask", app.extensions["ostiary"].core, guard, clock, app, send, reached)


def _environ(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Any:
    """As a server builds it: headers of one name joined with commas, ``-`` and ``_`` folded, the path decoded."""
    from werkzeug.test import EnvironBuilder

    environ = EnvironBuilder(method=method, path=path, base_url=base, input_stream=None, data=body).get_environ()
    environ["REMOTE_ADDR"] = peer
    for name, value in headers:
        variable = "HTTP_" + name.upper().replace("-", "_")
        variable = variable[5:] if variable in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH") else variable
        environ[variable] = f"{environ[variable]},{value}" if variable in environ and variable != "HTTP_HOST" else value
    return environ


def fastapi_site(store: str = "memory://", **more: Any) -> Site:
    from fastapi import APIRouter, FastAPI
    from starlette.responses import JSONResponse

    from ostiary.fastapi import Guard, public, require

    clock, reached = Clock(), []
    app = FastAPI()
    guard = Guard(app, **settings(store, clock, more))

    def handler(name: str) -> Callable[..., Any]:
        async def view(order_id: str | None = None) -> Any:
            reached.append(name)
            who = guard.principal
            found = {"at": name, "who": who and who.subject}
            return JSONResponse(found if order_id is None else {**found, "order_id": order_id})

        view.__name__ = name
        return view

    def add(target: Any, path: str, name: str, mark: Any = None, methods: tuple[str, ...] = ("GET",)) -> None:
        view = handler(name)
        target.add_api_route(path, mark(view) if mark is not None else view, methods=list(methods), name=name)

    add(app, "/api/v1/orders", "orders", require("orders:read"))
    add(app, "/api/v1/orders", "order_create", require("orders:write"), ("POST",))
    add(app, "/api/v1/orders/{order_id}", "order", require("orders:read"))
    add(app, "/api/v1/limited", "limited", require(limits="5 per minute"))
    add(app, "/health", "health", public("the load balancer asks without a key"))
    add(app, "/login", "login", public("asks for a password"), ("POST",))
    add(app, "/public-limited", "public_limited", public("a shop window", limits="5 per minute"))
    add(app, "/undeclared", "undeclared")
    add(app, "/any-of", "any_of", require(any_of=["a:read", "b:read"]))
    add(app, "/networks", "networks", require(networks=["198.51.100.0/24"]))
    outer, inner = APIRouter(), APIRouter()
    add(inner, "/deep", "deep", require("deep:read"))
    add(inner, "/open", "open_deep")
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/outer")
    add(app, "/echo", "echo", require())

    runner = asyncio.Runner()

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        return runner.run(_call(app, _scope(method, path, headers, base, peer), body))

    return Site("fastapi", app.state.ostiary.core, guard, clock, app, send, reached, runner)


def _scope(method: str, path: str, headers: list[Header], base: str, peer: str) -> dict[str, Any]:
    """As a server builds it: one entry for each header line, the path decoded."""
    target, _, query = path.partition("?")
    scheme, _, host = base.partition("://")
    listed = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if not any(name == b"host" for name, _ in listed):
        listed.insert(0, (b"host", host.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": unquote(target),
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": listed,
        "client": (peer, 50_000),
        "server": ("10.0.0.1", 443),
    }


async def _call(app: Any, scope: dict[str, Any], body: bytes) -> Reply:
    sent: list[Any] = []

    asked: list[None] = []

    async def receive() -> dict[str, Any]:
        if asked:
            # The client says nothing more and does not go.
            await asyncio.Event().wait()
        asked.append(None)
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    with contextlib.suppress(Exception):
        # What the app raises after its answer is the server's to log.
        await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
    return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in sent if message is not start))


SITES: dict[str, Callable[..., Site]] = {"flask": flask_site, "fastapi": fastapi_site}
