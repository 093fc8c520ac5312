"""Django, Litestar, Quart and plain WSGI behind a policy file: the attacks of test_attacks.py, and what an app that routes apart could be tricked into."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.asgi import Guard as AsgiGuard
from ostiary.errors import UsageError
from ostiary.guard.declaration import merged
from ostiary.guard.declare import delegated, require, timeout
from ostiary.testing import guard_of, mint
from ostiary.wsgi import Guard as WsgiGuard
from tests.guard.other_sites import APPS, POLICIES, plain_app, sites, wsgi_sender
from tests.guard.signing_sites import MASTER, Client, credential
from tests.guard.sites import PEPPER, Clock, Site, _call, _scope, settings
from tests.guard.test_attacks import (  # noqa: F401 collected here again, over these frameworks
    test_a_business_parameter_named_key_is_left_alone,
    test_a_credential_with_odd_characters_is_refused,
    test_a_key_of_ours_in_the_query_is_refused_wherever_it_stands,
    test_a_limit_by_address_holds_before_authentication,
    test_a_percent_encoded_key_is_seen,
    test_a_revoked_key_stops_at_once,
    test_a_stranger_cannot_burn_a_key,
    test_a_whole_64_shares_a_bucket,
    test_an_empty_credential_is_none,
    test_an_endless_target_is_refused_before_anything_is_looked_at,
    test_an_ignored_forwarding_header_is_noted,
    test_an_underscored_header_beside_the_real_one_changes_nothing,
    test_by_default_no_forwarding_header_counts,
    test_connection_does_not_drop_the_credential,
    test_each_method_of_a_path_has_its_own_policy,
    test_every_401_carries_a_challenge_and_says_nothing_about_why,
    test_head_obeys_the_policy_of_get,
    test_no_spelling_of_a_path_reaches_a_handler,
    test_nobody_writes_lines_into_the_record,
    test_principals_have_limits_of_their_own,
    test_the_policy_is_of_the_matched_route_whatever_the_host_says,
    test_the_scheme_is_read_in_any_case,
    test_two_credentials_are_refused,
    test_unknown_methods_are_405,
    test_unknown_wrong_expired_disabled_and_revoked_look_the_same,
)

Make = Callable[..., Site]
CATCH_ALL = """
[[policy]]
path = "/**"
public = "a shop window"

[[policy]]
path = "/api/v1/orders/**"
require = ["orders:read"]

[[policy]]
path = "/outer/inner/{name}"
require = ["deep:read"]
"""


@pytest.fixture(params=tuple(APPS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    with sites(request.param, tmp_path) as build:
        yield build


@pytest.fixture(params=("memory", "sqlite"))
def site(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Site:
    return make("memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'ostiary.db'}")


def test_the_app_is_told_who_is_calling(make: Make) -> None:
    """``ostiary.principal`` is in the environ or scope: a Principal, None on a public path, and nothing that a stranger could send."""
    site = make()
    key = site.mint("orders:read", owner="ann")
    assert site.ask("/api/v1/orders/7", key).json["who"] == "ann"
    assert site.ask("/health", headers={"ostiary.principal": "ann", "Ostiary-Principal": "ann"}).json["who"] is None


def test_what_no_policy_names_is_refused(make: Make) -> None:
    """A path that the app serves and no policy names: 403, also with a key that may do everything."""
    site = make()
    key = site.mint("*")
    answers = [site.ask(path, key) for path in ("/undeclared", "/outer/inner/open", "/nothing", "/")]
    assert [(answer.status, answer.code) for answer in answers] == [(403, "forbidden")] * 4
    assert site.reached == []


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/orders",
        "/api//v1/orders",
        "/api/v1/./orders",
        "/x/../api/v1/orders",
        "/api/v1/orders/7/../../orders",
        "/x/%2e%2e/api/v1/orders",
        "/api%2fv1/orders",
        "/api%2Fv1%2Forders",
        "/api%5cv1/orders",
        "/api\\v1/orders",
        "/api/v1/orders;a=b",
        "/api;x/v1/orders",
        "/api/v1/%256frders",
        "/api/v1/%25256frders",
        "/API/v1/orders",
        "/api/v1/Orders",
        "/api/v1/order%C5%BF",
        "/api/v1/order%EF%BD%93",
        "/api/v1%EF%BC%8Forders",
        "/api/v1/orders%00",
        "/api/v1/orders%0a",
        "/api/v1/orders%ff",
        "/api/v1/orders%3fa",
        "/api/v1/orders%23a",
        "/outer/inner/",
    ],
)
def test_behind_an_open_catch_all_no_spelling_of_a_protected_path_passes(make: Make, path: str) -> None:
    """Everything is public but the orders: what any framework could take for them is refused, before the app is asked."""
    site = make(policies=CATCH_ALL)
    assert site.ask("/health").status == 200
    site.reached.clear()
    assert (site.ask(path).status, site.reached) in ((400, []), (401, []))


@pytest.mark.parametrize("path", ["/api/v1/orders/Ann's 100%25", "/api/v1/orders/%C3%BC", "/api/v1/orders/a.b~c", "/api/v1/orders/UPPER"])
def test_an_odd_path_passes_where_every_reading_is_under_the_same_policy(make: Make, path: str) -> None:
    """Capitals, umlauts and a percent sign in the name of an order are nobody's trick."""
    site = make()
    answer = site.ask(path, site.mint("orders:read"))
    assert (answer.status, answer.json["at"]) == (200, "order")


@pytest.mark.parametrize("path", ["/health%00", "/health%0d", "/health%ff", "/%ed%a0%80"])
def test_control_characters_and_broken_utf_8_are_refused_everywhere(make: Make, path: str) -> None:
    """400, under an open catch-all as well."""
    site = make(policies='[[policy]]\npath = "/**"\npublic = "all of it"')
    answer = site.ask(path)
    assert (answer.status, answer.code) == (400, "ambiguous_path")


def test_a_slash_at_the_end_is_the_same_where_one_policy_names_it(make: Make) -> None:
    """``/health/`` has the policy of ``/health``; what the app makes of it is its own business."""
    assert make().ask("/health/").status in (200, 301, 404)
    assert make(policies='[[policy]]\npath = "/health/"\npublic = "probe"').ask("/health").status == 200


def test_a_slash_at_the_end_is_refused_where_two_policies_could_hold(make: Make) -> None:
    """``/outer/inner/`` may be ``/outer/inner`` or an item without a name."""
    policies = '[[policy]]\npath = "/outer"\npublic = "list"\n[[policy]]\npath = "/outer/*"\nrequire = []'
    assert make(policies=policies).ask("/outer/").status == 400


@pytest.mark.parametrize("method", ["get", "Post", "GET "])
def test_a_method_in_another_spelling_is_none(make: Make, method: str) -> None:
    """Django makes capitals of it: ``post`` must not pass as "no POST"."""
    site = make()
    assert site.ask("/health", method=method).status == 405
    assert site.reached == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_override_is_refused_where_it_would_change_the_policy(make: Make, name: str) -> None:
    """GET that wants to be POST is refused on a path where they differ, and goes on where they do not."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key, headers=[(name, "POST")]).code == "method_overridden"
    assert site.ask("/api/v1/orders", key, headers=[(name, "purge")]).code == "method_overridden"
    assert site.ask("/api/v1/orders", key, headers=[(name, "get")]).status == 200
    assert site.ask("/health", headers=[(name, "GET")]).status == 200


def test_a_preflight_needs_a_policy_like_any_other_call(make: Make) -> None:
    """The guard does not know whether the app's OPTIONS reaches a view: it must be written down."""
    preflight = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "GET")]
    site = make()
    assert site.ask("/api/v1/orders", method="OPTIONS", headers=preflight).status == 403
    written = make(policies='[[policy]]\npath = "/api/v1/orders"\nmethods = ["OPTIONS"]\npublic = "preflight"')
    assert written.ask("/api/v1/orders", method="OPTIONS", headers=preflight).status in (200, 204, 404, 405)


def test_monitor_refuses_nothing_and_says_what_it_would(make: Make) -> None:
    """Undeclared and ambiguous calls go on; the events say why they would not."""
    site = make(mode="monitor")
    assert [site.ask(path).status for path in ("/undeclared", "/api/v1/orders")] == [200, 200]
    site.ask("/API/v1/orders")
    assert [(event.verdict, event.reason) for event in site.events()] == [
        ("monitor", "undeclared"),
        ("monitor", "credentials_missing"),
        ("monitor", "path_ambiguous"),
    ]


def test_a_gate_of_the_app_s_own_cannot_be_named(make: Make) -> None:
    """Nothing shows that it is on the route: said at start-up."""
    with pytest.raises(UsageError, match="delegated"):
        make(routes={"/login": delegated(print)})


def test_without_policies_everything_is_refused_and_said(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An empty file guards an app that serves nobody; the log says what to write."""
    site = make(policies="")
    assert site.ask("/health").status == 403
    assert "[[policy]]" in caplog.text


def test_events_name_the_pattern(make: Make) -> None:
    """The route of an event, and the bucket of a limit, is the most specific pattern."""
    site = make()
    site.ask("/api/v1/orders/7", site.mint("orders:read"))
    assert site.events()[-1].route == ("GET", "/api/v1/orders/{order_id}")


def test_every_framework_answers_alike(tmp_path: Path) -> None:
    """The same calls have the same answers, header names included, whatever is behind the guard."""

    def answers(framework: str) -> list[Any]:
        with sites(framework, tmp_path) as build:
            site = build()
            calls = (("/undeclared", None), ("/api/v1/orders", None), ("/API/v1/orders", None), ("/networks", site.mint()))
            return [(reply.status, reply.code, reply.names - {"content-length"}) for reply in (site.ask(*call) for call in calls)]

    found = [answers(framework) for framework in APPS]
    assert all(one == found[0] for one in found)


# WebSockets, root_path, lifespan, mounts

POLICIES_OF_SOCKETS = """
[[policy]]
path = "/feed"
methods = ["WEBSOCKET"]
require = ["feed:read"]

[[policy]]
path = "/feed"
methods = ["GET"]
public = "says what the feed is"
"""


def _sockets(framework: str) -> Any:
    """An app with a WebSocket at ``/feed`` that says who is there."""
    if framework == "quart":
        import quart

        app = quart.Quart(__name__, static_folder=None)

        @app.websocket("/feed")
        async def feed() -> None:
            await quart.websocket.send(quart.websocket.scope["ostiary.principal"].subject)

        return app
    import litestar

    async def listen(socket: litestar.WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text(socket.scope["ostiary.principal"].subject)
        await socket.close()

    listen.__annotations__ = {"socket": litestar.WebSocket, "return": None}
    return litestar.Litestar([litestar.handlers.websocket("/feed")(listen)], openapi_config=None, logging_config=None)


def _guarded(app: Any, text: str, file: Path, **more: Any) -> AsgiGuard:
    file.write_text(text, encoding="utf-8")
    return AsgiGuard(app, store="memory://", pepper=PEPPER, https="off", policy_file=file, **more)


def _connect(app: Any, path: str, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """Everything that the app sends to a WebSocket client that stays."""
    sent: list[Any] = []
    came = [{"type": "websocket.connect"}]

    async def receive() -> Any:
        if not came:
            await asyncio.Event().wait()
        return came.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**_scope("GET", path, [], "wss://api.example.test", "203.0.113.7"), "type": "websocket", "subprotocols": []}
    del scope["method"]
    asyncio.run(asyncio.wait_for(app({**scope, "headers": [*scope["headers"], *headers]}, receive, send), 10))
    return sent


@pytest.mark.parametrize("framework", ["quart", "litestar"])
def test_a_websocket_has_a_method_of_its_own(framework: str, tmp_path: Path) -> None:
    """``/feed`` is public for GET; the socket there demands a key, and is refused before it is accepted."""
    app = _guarded(_sockets(framework), POLICIES_OF_SOCKETS, tmp_path / "policies.toml")
    key = mint(app, "feed:read", owner="ann").encode()
    assert [message["type"] for message in _connect(app, "/feed", [])] == ["websocket.close"]
    assert [message["type"] for message in _connect(app, "/FEED", [(b"x-api-key", key)])] == ["websocket.close"]
    assert [message.get("text") for message in _connect(app, "/feed", [(b"x-api-key", key)]) if message["type"] == "websocket.send"] == [
        "ann"
    ]


async def _path_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.mark.parametrize(
    ("strips", "path", "status"),
    [
        (None, "/api/open", 200),
        (None, "/api/closed", 401),
        (None, "/open", 200),
        (None, "/api/api/open", 200),
        (None, "/closed/api/open", 400),
        (None, "/apis/open", 400),
        (None, "/api/both", 400),
        (True, "/api/both", 200),
        (False, "/api/both", 401),
        (False, "/api/open", 403),
    ],
)
def test_behind_a_root_path_both_readings_must_agree(strips: bool | None, path: str, status: int, tmp_path: Path) -> None:
    """The app may match with the prefix or without: what is said of both must be the same, unless the guard is told which it is."""
    policies = """
[[policy]]
path = "/open"
public = "open"
[[policy]]
path = "/api/open"
public = "only below the root"
[[policy]]
path = "/closed"
require = []
[[policy]]
path = "/both"
public = "below the root"
[[policy]]
path = "/api/both"
require = []
"""
    if strips is not False and path == "/api/api/open":
        policies = policies.replace('"/api/open"', '"/api/api/open"')
    elif path != "/api/api/open":
        policies = policies.replace('"/api/open"', '"/elsewhere"')
    app = _guarded(_path_app, policies, tmp_path / "policies.toml", strips_root_path=strips)
    scope = {**_scope("GET", path, [], "https://api.example.test", "203.0.113.7"), "root_path": "/api"}
    assert asyncio.run(_call(app, scope, b"")).status == status


@pytest.mark.parametrize("framework", ["django-asgi", "litestar", "quart"])
def test_start_and_end_of_a_server_reach_the_guard(framework: str, tmp_path: Path) -> None:
    """Also around Django, which knows no lifespan: the server is told that all is well, and the last events are written."""
    app = _guarded(APPS[framework][1](), POLICIES, tmp_path / "policies.toml")
    assert _lifespan(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_start_that_fails_in_the_app_stays_failed(tmp_path: Path) -> None:
    """The guard answers for an app only where the app has said nothing."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"):
        _lifespan(_guarded(failing, POLICIES, tmp_path / "policies.toml"))


def test_a_policy_that_cannot_be_ends_the_start(tmp_path: Path) -> None:
    """A scheme that this guard does not have is said to the server, with the path."""
    app = _guarded(_path_app, '[[policy]]\npath = "/a"\nschemes = ["jwt"]', tmp_path / "policies.toml")
    assert _lifespan(app) == ["lifespan.startup.failed"]


def _lifespan(app: Any) -> list[str]:
    sent: list[str] = []
    came = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> Any:
        return came.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(asyncio.wait_for(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send), 10))
    return sent


def test_a_mounted_app_is_judged_by_the_whole_path(tmp_path: Path) -> None:
    """Behind a dispatcher of werkzeug, inside the guard, the path is the one that the client wrote."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    (tmp_path / "policies.toml").write_text('[[policy]]\npath = "/shop/**"\nrequire = []\n[[policy]]\npath = "/health"\npublic = "probe"')
    app = WsgiGuard(
        DispatcherMiddleware(plain_app, {"/shop": plain_app}),
        store="memory://",
        pepper=PEPPER,
        https="off",
        policy_file=tmp_path / "policies.toml",
    )
    send = wsgi_sender(app)
    found = [
        send("GET", path, [], "https://a.test", "203.0.113.7", b"").status
        for path in ("/health", "/shop/health", "/shop//health", "//shop/health")
    ]
    assert found == [200, 401, 401, 400]


def test_a_framework_s_own_place_for_middleware_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``app.asgi_app = Guard(app.asgi_app)`` is found by ``ostiary guard check`` and by the tests' helpers as well."""
    app = _sockets("quart")
    app.asgi_app = _guarded(app.asgi_app, POLICIES_OF_SOCKETS, tmp_path / "policies.toml")
    assert guard_of(app) is app.asgi_app.core


def test_guard_check_lists_the_policies(tmp_path: Path) -> None:
    """One row a pattern and method, with file and line; 1 where a pattern is left undeclared or nothing is declared at all."""
    (tmp_path / "shop.py").write_text(
        f"from ostiary.wsgi import Guard\napp = Guard(print, store='memory://', pepper=b'{'p' * 32}', policy_file='policies.toml')\n"
    )

    def check(text: str) -> tuple[int, str]:
        (tmp_path / "policies.toml").write_text(text)
        command = [sys.executable, "-m", "ostiary.cli", "guard", "check", "shop:app", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout

    code, text = check(POLICIES)
    rows = json.loads(text)["routes"]
    assert (code, len(rows)) == (0, 10)
    assert [row for row in rows if row["path"] == "/any-of"] == [
        {"method": "*", "path": "/any-of", "demands": "credential, one of a:read b:read", "limits": "", "at": "policies.toml:32"}
    ]
    assert check('[[policy]]\npath = "/a"\nlimits = "5 per minute"')[0] == 1
    assert check("")[0] == 1


@pytest.mark.parametrize("guard", [AsgiGuard, WsgiGuard])
def test_what_is_no_app_is_a_sentence(guard: Any) -> None:
    """At start-up, as is a word for ``strips_root_path`` that is none."""
    with pytest.raises(UsageError, match="is a callable"):
        guard("app")
    with pytest.raises(UsageError, match="strips_root_path: True, False"):
        AsgiGuard(_path_app, strips_root_path="yes", store="memory://", pepper=PEPPER, policy_file=None)  # type: ignore[arg-type]


def test_the_guard_answers_preflights_where_a_policy_names_origins(make: Make) -> None:
    """The app is not asked; an origin that may not call hears nothing, and a path with two readings is no path."""
    policies = '[[policy]]\npath = "/api/v1/orders"\nrequire = []\n[policy.cors]\norigins = ["https://shop.test"]'
    site = make(policies=policies)
    asked = [("Access-Control-Request-Method", "GET")]
    reply = site.ask("/api/v1/orders", method="OPTIONS", headers=[("Origin", "https://shop.test"), *asked])
    assert (reply.status, reply["access-control-allow-origin"], site.reached) == (204, "https://shop.test", [])
    assert (
        site.ask("/api/v1/orders", method="OPTIONS", headers=[("Origin", "https://evil.test"), *asked]).get("access-control-allow-origin")
        is None
    )
    assert site.ask("/API/v1/orders", method="OPTIONS", headers=[("Origin", "https://shop.test"), *asked]).status == 400


@pytest.mark.parametrize(
    "path", ["/api/v1/orders/bob", "/api/v1/orders/ann%2f", "/api/v1/orders/ann;x", "/api/v1/orders/%2561nn", "/api/v1/orders/x/../ann"]
)
def test_an_object_belongs_to_its_owner_in_every_reading(make: Make, path: str) -> None:
    """``owner`` names a parameter of the pattern: ann has hers, nobody else's, and not by another spelling."""
    site = make(policies='[[policy]]\npath = "/api/v1/orders/{order_id}"\nrequire = []\nowner = "order_id"')
    key = site.mint(owner="ann")
    assert site.ask("/api/v1/orders/ann", key).status == 200
    site.reached.clear()
    assert site.ask(path, key).status in (400, 403, 404)
    assert site.reached == []


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_signed_request_reaches_the_app_with_its_body(kind: str, tmp_path: Path) -> None:
    """``signed = true`` in the file: the app reads what was signed, to the byte; without a signature nothing is read."""

    def echo(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [environ["wsgi.input"].read()]

    async def aecho(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    (tmp_path / "policies.toml").write_text('[[policy]]\npath = "/signed"\nsigned = true')
    clock = Clock()
    given = {**settings("memory://", clock, {"master_key": MASTER}), "policy_file": tmp_path / "policies.toml"}
    app = WsgiGuard(echo, **given) if kind == "wsgi" else AsgiGuard(aecho, **given)

    def send(method: str, path: str, headers: Any, base: str, peer: str, body: bytes, **how: Any) -> Any:
        if kind == "wsgi":
            return wsgi_sender(app)(method, path, headers, base, peer, body)
        return asyncio.run(_call(app, _scope(method, path, headers, base, peer), body))

    site = Site(kind, app.core, app, clock, app, send)
    signer = Client(site, credential(site, "ed25519", owner="ann"), "rfc9421")
    reply = signer.ask("/signed?a=1", b'{"book": 7}', method="POST")
    assert (reply.status, reply.body) == (200, b'{"book": 7}')
    assert site.ask("/signed", method="POST", body=b"x").status == 401


def test_a_time_out_that_nobody_would_hold_is_an_error(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and nothing is served, instead of a promise that is not kept."""
    site = make(policies="", routes={"/health": merged(require(), timeout(2))})
    assert site.ask("/health").status == 503
    assert "set it in the server" in caplog.text
