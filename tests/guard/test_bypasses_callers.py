"""Ways in that a reviewer found open, by what is told of the caller: each was seen to work before."""

from __future__ import annotations

import base64
import contextlib
import gzip
from collections.abc import Callable
from typing import Any

import flask
import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from werkzeug.test import EnvironBuilder

from ostiary import fastapi as fast
from ostiary import flask as flasky
from ostiary.asgi import Guard as AsgiGuard
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.own import authenticator
from ostiary.guard.decision import Principal
from ostiary.guard.declaration import merged
from ostiary.guard.declare import distinct, limit, require
from ostiary.testing import guard_of, mint
from ostiary.wire import apikey
from ostiary.wsgi import Guard as WsgiGuard
from tests.guard.other_sites import plain_app, wsgi_sender
from tests.guard.sites import HTTPS, PEER, PEPPER, Clock, Site, settings

Make = Callable[..., Site]
ORDERS = "/api/v1/orders"
FOREIGN = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")]
OWN = [("Origin", "https://api.example.test"), ("Sec-Fetch-Site", "same-origin")]


def session(request: Any) -> Principal | None:
    """A login of the app's own: a cookie."""
    known = any("session=ann" in line for line in request.header("cookie"))
    return Principal("ann", "whatever-it-likes", scopes=("orders:*",)) if known else None


def basic(site: Site) -> list[tuple[str, str]]:
    key = site.mint("orders:write")
    found = apikey.parse(key)
    assert found is not None
    return [("Authorization", "Basic " + base64.b64encode(f"{found.id}:{key}".encode()).decode())]


def test_a_page_of_another_site_cannot_use_the_basic_login_of_a_browser(make: Make) -> None:
    """The principal of a key says ``api-key``, however it came: what counts is that a browser sends Basic by itself."""
    site = make(authenticators=[Basic()])
    sent = basic(site)
    found = [site.ask(ORDERS, method="POST", headers=[*sent, *origin]).status for origin in (FOREIGN, OWN, [])]
    assert found == [403, 200, 200]
    assert site.reached == ["order_create", "order_create"]


def test_a_page_of_another_site_cannot_use_a_session_that_a_function_reads(make: Make) -> None:
    """``authenticator(...)`` may read a cookie, and may call its principals what it likes."""
    site = make(authenticators=[authenticator("session", session)])
    cookie = ("Cookie", "session=ann")
    found = [site.ask(ORDERS, method="POST", headers=[cookie, *origin]).status for origin in (FOREIGN, OWN, [])]
    assert found == [403, 200, 403]
    assert site.reached == ["order_create"]
    assert [one.reason for one in site.events()] == ["csrf", "", "csrf"]
    assert site.ask(ORDERS, method="GET", headers=[cookie, *FOREIGN]).status == 200


def test_a_key_beside_a_session_is_no_forged_call(make: Make) -> None:
    """No page of another site can know a key: what the browser adds to it does no harm, the first time and from the cache."""
    site = make(authenticators=[authenticator("session", session), Basic()])
    key = site.mint("orders:write")
    found = [site.ask(ORDERS, key, method="POST", headers=[("Cookie", "session=ann"), *FOREIGN]).status for _ in range(3)]
    assert found == [200, 200, 200]


def test_different_objects_are_counted_behind_a_policy_file_as_well() -> None:
    """``distinct`` without the parameter of the path counted nothing there."""
    clock, reached = Clock(), []
    routes = {f"{ORDERS}/{{order_id}}": merged(require(), distinct("order_id", "2 per hour"))}
    guard = WsgiGuard(plain_app, **settings("memory://", clock, {"routes": routes}))
    site = Site("wsgi", guard.core, guard, clock, guard, wsgi_sender(guard), reached)
    key = site.mint()
    assert [site.ask(f"{ORDERS}/{number}", key).status for number in (1, 2, 3, 1, 2)] == [200, 200, 429, 200, 200]
    site.close()


# Functions of the app that fail

ORDER = f"{ORDERS}/{{order_id}}"


def fails(*given: Any, **named: Any) -> Any:
    raise RuntimeError("the app's own")


BROKEN: dict[str, dict[str, Any]] = {
    "loader": {"routes": {ORDER: require("orders:read", owner=lambda order_id: fails())}},
    "plan": {"routes": {ORDER: limit(fails)}},
    "cost": {"routes": {ORDER: limit("5 per minute", cost=fails)}},
    "authenticator": {"authenticators": [authenticator("session", fails)]},
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_a_function_of_the_app_raises_opens_nothing_and_holds_no_place(make: Make, what: str) -> None:
    """503, the handler not reached, the refusal recorded; the places of running calls come back, as often as it happens."""
    site = make(concurrent=2, **BROKEN[what])
    key = None if what == "authenticator" else site.mint("orders:read")
    assert [site.ask(f"{ORDERS}/7", key).status for _ in range(4)] == [503] * 4
    assert (site.reached, len(site.core.running)) == ([], 0)
    assert [(one.verdict, one.reason) for one in site.events()] == [("deny", "guard_failed")] * 4


def test_an_app_that_fails_holds_no_place() -> None:
    """Neither an exception, nor an answer that breaks off, nor a client that is gone."""
    app = flask.Flask(__name__, static_folder=None)
    flasky.Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None, concurrent=1)
    app.add_url_rule("/raises", "raises", require()(fails))
    app.add_url_rule("/breaks", "breaks", require()(lambda: flask.Response(iter(fails, None))))
    app.add_url_rule("/streams", "streams", require()(lambda: flask.Response(iter(["a", "b"]))))
    key = mint(app)
    for path in ("/raises", "/breaks", "/streams") * 2:
        said: list[str] = []
        environ = EnvironBuilder(path=path, headers={"X-API-Key": key}).get_environ()
        # As servers do: the client goes before the end, and what was given is closed.
        with (
            contextlib.suppress(RuntimeError),
            contextlib.closing(app(environ, lambda status, *_, said=said: said.append(status))) as given,
        ):
            next(iter(given))
        assert said == ["500 INTERNAL SERVER ERROR" if path == "/raises" else "200 OK"]
    assert len(guard_of(app).running) == 0


# What is kept does not outlast what it was made of


def test_nothing_that_is_remembered_outlasts_a_change_of_the_key(make: Make) -> None:
    """The straight way keeps what a principal may do: fewer scopes, other networks, disabled, enabled and revoked count at the next call."""
    site = make()
    key = site.mint("orders:read")
    ring, found = site.keyring, apikey.parse(key)
    assert found is not None
    changes: list[tuple[Callable[[], object], int]] = [
        (lambda: None, 200),
        (lambda: ring.change(found.id, scopes=["orders:write"]), 403),
        (lambda: ring.change(found.id, scopes=["orders:read"]), 200),
        (lambda: ring.change(found.id, networks=["198.51.100.0/24"]), 403),
        (lambda: ring.change(found.id, networks=None), 200),
        (lambda: ring.disable(found.id), 401),
        (lambda: ring.enable(found.id), 200),
        (lambda: ring.revoke(found.id), 401),
    ]
    for change, status in changes:
        change()
        assert [site.ask(ORDERS, key).status for _ in range(3)] == [status] * 3


# What hands out keys is not compressed


def test_an_answer_that_hands_out_a_key_is_not_compressed_by_a_middleware_around_the_guard() -> None:
    """Of what a caller chose beside a secret the length would tell (BREACH); other answers are compressed as ever."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    fast.Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None)
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.add_api_route("/keys", require(issues=True)(lambda: "k" * 500), methods=["POST"])
    app.add_api_route("/other", require()(lambda: "k" * 500), methods=["POST"])
    given = {"X-API-Key": mint(app), "Accept-Encoding": "gzip"}
    found = [TestClient(app).post(path, headers=given).headers for path in ("/keys", "/other")]
    assert [one["content-encoding"] for one in found] == ["identity", "gzip"]
    assert found[0]["cache-control"] == "no-store"


def test_an_answer_that_hands_out_a_key_is_not_compressed_by_the_app() -> None:
    """An extension that compresses is not told that the caller would take it."""
    app = flask.Flask(__name__, static_folder=None)
    flasky.Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None)
    app.add_url_rule("/keys", "keys", require(issues=True)(lambda: "k" * 500), methods=["POST"])
    app.add_url_rule("/other", "other", require()(lambda: "k" * 500), methods=["POST"])

    @app.after_request
    def compress(response: Any) -> Any:
        if "gzip" in flask.request.accept_encodings and "Content-Encoding" not in response.headers:
            response.set_data(gzip.compress(response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
        return response

    given = {"X-API-Key": mint(app), "Accept-Encoding": "gzip"}
    found = [app.test_client().post(path, headers=given).headers for path in ("/keys", "/other")]
    assert [one["Content-Encoding"] for one in found] == ["identity", "gzip"]
    assert found[0]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("issues", [True, False])
def test_behind_a_policy_file_what_hands_out_a_key_is_not_compressed(issues: bool) -> None:
    """The app is not told that the caller takes compressed answers, in WSGI and ASGI."""
    told: list[bool] = []

    def app(environ: Any, start_response: Any) -> Any:
        told.append("HTTP_ACCEPT_ENCODING" in environ)
        return plain_app(environ, start_response)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        told.append(any(name == b"accept-encoding" for name, _ in scope["headers"]))
        await PlainTextResponse("key")(scope, receive, send)

    given = settings("memory://", Clock(), {"routes": {"/echo": require(issues=issues)}})
    for guard, client in ((WsgiGuard(app, **given), None), (AsgiGuard(asgi, **given), TestClient)):
        headers = [("X-API-Key", mint(guard)), ("Accept-Encoding", "gzip")]
        if client is None:
            coding = wsgi_sender(guard)("GET", "/echo", headers, HTTPS, PEER, b"").get("Content-Encoding")
        else:
            coding = client(guard, base_url=HTTPS).get("/echo", headers=dict(headers)).headers.get("Content-Encoding")
        assert coding == ("identity" if issues else None)
    assert told == [not issues] * 2
