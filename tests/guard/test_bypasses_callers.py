"""Ways in that a reviewer found open, by what is told of the caller: each was seen to work before."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from ostiary import flask as flasky
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.own import authenticator
from ostiary.guard.decision import Principal
from ostiary.guard.declare import distinct, limit, merged, require
from ostiary.testing import guard_of, mint
from ostiary.wire import apikey
from ostiary.wsgi import Guard as WsgiGuard
from tests.guard.other_sites import plain_app, wsgi_sender
from tests.guard.sites import Clock, Site, settings

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
    import flask

    app = flask.Flask(__name__, static_folder=None)
    flasky.Guard(app, store="memory://", pepper=b"a pepper that is used by nobody else", https="off", policy_file=None, concurrent=1)
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
