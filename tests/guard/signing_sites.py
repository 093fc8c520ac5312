"""A small service with routes that demand signatures, in each framework, and clients that sign its calls."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from ostiary.client import Signer, SignKey
from ostiary.wire.signing_key import Algorithm
from tests.guard.sites import HTTPS, PEER, Clock, Header, Reply, Site, _environ, _scope, settings

MASTER = b"a master key that nobody else uses"
JSON = "application/json"
BODY = b'{"book": 7}'
_numbers = itertools.count()


def nonce() -> str:
    return f"nonce-{next(_numbers):016d}"


def flask_site(store: str = "memory://", **more: Any) -> Site:
    from flask import Flask, request

    from ostiary.flask import Guard, require

    clock, reached = Clock(), []
    app = Flask(__name__, static_folder=None)
    guard = Guard(app, **settings(store, clock, {"master_key": MASTER, **more}))

    def add(path: str, name: str, mark: Any) -> None:
        def view(**values: Any) -> Any:
            content = request.get_data()
            reached.append(name)
            return content, 200, {"X-Who": guard.principal.subject if guard.principal else "", "Content-Type": "application/octet-stream"}

        view.__name__ = name
        app.add_url_rule(path, name, mark(view), methods=["GET", "POST"])

    _routes(add, require)

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes, **how: Any) -> Reply:
        from werkzeug.test import run_wsgi_app

        environ = _environ(method, path, headers, base, peer, body)
        if how.get("decoded"):
            del environ["RAW_URI"], environ["REQUEST_URI"]
        if how.get("chunked"):
            environ.pop("CONTENT_LENGTH", None)
            environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
        parts, status, given = run_wsgi_app(app, environ, buffered=True)
        return Reply(int(status[:3]), tuple(given.items()), b"".join(parts))

    return Site("flask", app.extensions["ostiary"].core, guard, clock, app, send, reached)


def _routes(add: Callable[[str, str, Any], None], require: Any) -> None:
    add("/signed", "signed", require(signed=True))
    add("/signed/<path:rest>", "below", require(signed=True))
    add("/scoped", "scoped", require("orders:write", signed=True))
    add("/tenant", "tenant", require(signed=("x-tenant",)))
    add("/either", "either", require(schemes=["api-key", "signed"]))
    add("/keys-only", "keys_only", require())
    add(
        "/guarded",
        "guarded",
        require("orders:read", schemes=["api-key", "signed"], limits="3 per minute", networks=["203.0.113.0/24"]),
    )
    add("/small", "small", require(signed=True, max_body=16))
    add("/stream", "stream", require(signed=True, signed_stream=True))
    add("/limited", "limited", require(signed=True, limits="3 per minute"))


def fastapi_site(store: str = "memory://", **more: Any) -> Site:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

    from ostiary.fastapi import Guard, require

    clock, reached = Clock(), []
    app = FastAPI()
    guard = Guard(app, **settings(store, clock, {"master_key": MASTER, **more}))

    def add(path: str, name: str, mark: Any) -> None:
        async def view(request: Request) -> Response:
            content = await request.body()
            reached.append(name)
            return Response(content, headers={"X-Who": guard.principal.subject if guard.principal else ""})

        # What FastAPI reads: the names here are local ones.
        view.__name__, view.__annotations__ = name, {"request": Request}
        app.add_api_route(path.replace("<path:rest>", "{rest:path}"), mark(view), methods=["GET", "POST"], name=name)

    _routes(add, require)
    runner = asyncio.Runner()

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes, **how: Any) -> Reply:
        scope = _scope(method, path, headers, base, peer)
        if how.get("decoded"):
            del scope["raw_path"]
        scope["headers"].append((b"transfer-encoding", b"chunked") if how.get("chunked") else (b"content-length", b"%d" % len(body)))
        return runner.run(_call(app, scope, body, how.get("chunked", False)))

    return Site("fastapi", app.state.ostiary.core, guard, clock, app, send, reached, runner)


async def _call(app: Any, scope: dict[str, Any], body: bytes, chunked: bool) -> Reply:
    """In one message, or byte by byte."""
    pieces = [body[index : index + 1] for index in range(len(body))] + [b""] if chunked else [body]
    messages = [{"type": "http.request", "body": piece, "more_body": index < len(pieces) - 1} for index, piece in enumerate(pieces)]
    waiting, sent = iter([*messages, *itertools.repeat({"type": "http.disconnect"}, 5)]), []

    async def receive() -> Any:
        return next(waiting)

    async def send(message: Any) -> None:
        sent.append(message)

    with contextlib.suppress(Exception):
        await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
    return Reply(start["status"], headers, b"".join(message.get("body", b"") for message in sent if message is not start))


SITES = {"flask": flask_site, "fastapi": fastapi_site}


@contextlib.contextmanager
def site(framework: str, store: str = "memory://", **more: Any) -> Iterator[Site]:
    found = SITES[framework](store, **more)
    try:
        yield found
    finally:
        found.close()


def keyring(found: Site) -> Any:
    from ostiary.guard.keyring import Keyring
    from ostiary.guard.pepper import parse

    masters = parse(MASTER.decode(), "test")
    return Keyring(found.core.key_store, found.core.peppers, clock=found.clock, masters=masters)


def credential(found: Site, algorithm: str = "ed25519", **attributes: Any) -> SignKey:
    """A new signing key, as its owner holds it."""
    record, text = keyring(found).create(signing=algorithm, **attributes)
    if algorithm == Algorithm.HMAC_SHA256:
        return SignKey.hmac(record.id, text.encode())
    return SignKey.from_pem(record.id, text.encode())


class Client:
    """Signs as a customer's program would; ``change`` may spoil what is sent."""

    def __init__(self, found: Site, key: SignKey, scheme: str = "rfc9421", **more: Any) -> None:
        self.site = found
        self.key = key
        self._options = {"scheme": scheme, **more}

    def headers(
        self, method: str, path: str, body: bytes = b"", *, at: float | None = None, once: str = "", extra: list[Header] | None = None
    ) -> list[Header]:
        """What is sent besides the body."""
        given = [*(extra or []), *([("Content-Type", JSON)] if body else [])]
        clock = self.site.clock if at is None else lambda: at
        signer = Signer(self.key, **{"clock": clock, "nonce": lambda: once or nonce(), **self._options})
        return [*given, *signer.headers(method, HTTPS + path, given, body).items()]

    def ask(self, path: str, body: bytes = b"", *, method: str = "", sent: bytes | None = None, more: Any = None, **how: Any) -> Reply:
        """Signs ``body`` and sends it, or ``sent`` in its place."""
        method = method or ("POST" if body else "GET")
        signing = {name: how.pop(name) for name in ("at", "once", "extra") if name in how}
        headers = self.headers(method, path, body, **signing)
        return self.site.send(method, path, headers + (more or []), HTTPS, PEER, body if sent is None else sent, **how)
