"""Monitor mode, delegation to the app's own gate, the classical recipe."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from ostiary.errors import UsageError
from tests.guard.delegating import QUIET, fastapi_service
from tests.guard.sites import Site

Make = Callable[..., Site]


# monitor


def test_monitor_refuses_nobody_and_says_what_would_be_refused(make: Make) -> None:
    """Undeclared, unauthenticated, without scope: the handler runs; each event says ``monitor`` and why."""
    site = make(mode="monitor")
    key = site.mint("other:read")
    asked = [site.ask("/undeclared"), site.ask("/api/v1/orders"), site.ask("/api/v1/orders", key), site.ask("/api/v1/orders", "junk")]
    assert [answer.status for answer in asked] == [200] * 4
    assert site.reached == ["undeclared", "orders", "orders", "orders"]
    assert [(event.verdict, event.reason) for event in site.events()] == [
        ("monitor", "undeclared"),
        ("monitor", "credentials_missing"),
        ("monitor", "scope"),
        ("monitor", "key_unknown"),
    ]


def test_monitor_lets_the_sixth_call_pass_and_says_so(make: Make) -> None:
    """A spent limit is recorded, not enforced."""
    site = make(mode="monitor")
    assert [site.ask("/public-limited").status for _ in range(6)] == [200] * 6
    assert [event.verdict for event in site.events()] == ["allow"] * 5 + ["monitor"]


def test_monitor_changes_no_plain_http_and_no_body(make: Make) -> None:
    """Neither HTTPS nor the check of bodies gets in the way of an existing service."""
    site = make(mode="monitor")
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key, base="http://api.example.test").status == 200


def test_one_route_can_be_watched_while_the_rest_is_enforced(make: Make) -> None:
    """``routes={…: require(monitor=True)}`` watches that route alone."""
    from ostiary.guard.declare import require

    site = make(routes={"/undeclared": require("x:y", monitor=True)})
    assert site.ask("/undeclared").status == 200
    assert site.ask("/api/v1/orders").status == 401


# delegation in Flask


def _flask_service(**more: Any) -> Any:
    from functools import wraps

    from flask import Flask, abort, g, jsonify, request

    from ostiary.flask import Guard, delegated

    app = Flask(__name__, static_folder=None)
    guard = Guard(app, **{**QUIET, **more})

    def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(**values: Any) -> Any:
            if request.headers.get("X-User") is None:
                abort(401)
            g.user = request.headers["X-User"]
            return view(**values)

        return checked

    @app.get("/mine")
    @delegated(login_required, lambda: request.headers.get("X-User"), limits="2 per minute")
    @login_required
    def mine() -> Any:
        return jsonify(user=g.user, seen=guard.principal and guard.principal.subject)

    @app.get("/forgotten")
    @delegated(login_required)
    def forgotten() -> Any:
        return "no gate here"

    return app


def test_flask_login_decides_and_the_guard_counts() -> None:
    """The gate's 401 stays the gate's; whom it lets in is the principal of limits and events."""
    app = _flask_service()
    client = app.test_client()
    assert client.get("/mine").status_code == 401
    assert client.get("/mine", headers={"X-User": "ann"}).json == {"user": "ann", "seen": "ann"}
    assert [client.get("/mine", headers={"X-User": "ann"}).status_code for _ in range(2)] == [200, 429]
    assert client.get("/mine", headers={"X-User": "bob"}).status_code == 200


def test_a_flask_gate_that_is_not_on_its_route_is_found_at_start_up() -> None:
    """``guard check`` names the route whose gate was forgotten, and only that one."""
    installed = _flask_service().extensions["ostiary"]
    assert [(problem.kind, problem.what) for problem in installed.problems()] == [("gate-missing", "GET /forgotten")]


def test_a_route_whose_gate_is_missing_is_refused() -> None:
    """Delegation to a gate that is not there is no protection: 403."""
    assert _flask_service().test_client().get("/forgotten").status_code == 403


# delegation in FastAPI


@pytest.mark.parametrize("kind", ["async", "sync", "async-yield", "sync-yield"])
def test_a_fastapi_gate_of_any_kind_decides_and_the_guard_counts(kind: str) -> None:
    """The dependency's 401 stays its own; what it returns is the principal of limits and events, on included routers, too."""
    from starlette.testclient import TestClient

    client = TestClient(fastapi_service(kind))
    refused = client.get("/v1/mine")
    assert (refused.status_code, refused.json()) == (401, {"detail": "who are you?"})
    assert client.get("/v1/mine", headers={"X-User": "ann"}).json() == {"user": "ann", "seen": "ann"}
    assert [client.get("/v1/mine", headers={"X-User": "ann"}).status_code for _ in range(2)] == [200, 429]
    assert client.get("/v1/mine", headers={"X-User": "bob"}).status_code == 200


def test_a_fastapi_gate_that_is_not_on_its_route_is_found_and_refused() -> None:
    """``guard check`` names the route; a call to it is 403."""
    from starlette.testclient import TestClient

    app = fastapi_service()
    assert [(problem.kind, problem.what) for problem in app.state.ostiary.problems()] == [("gate-missing", "GET /v1/forgotten")]
    assert TestClient(app).get("/v1/forgotten").status_code == 403


def test_monitor_and_delegation_leave_an_existing_service_as_it_is() -> None:
    """The login answers as before, a spent limit is only recorded."""
    from starlette.testclient import TestClient

    app = fastapi_service(mode="monitor")
    client = TestClient(app)
    assert client.get("/v1/mine").status_code == 401
    assert [client.get("/v1/mine", headers={"X-User": "ann"}).status_code for _ in range(4)] == [200] * 4
    recorder = app.state.ostiary.core.recorder
    recorder.flush()
    assert [event.verdict for event in reversed(recorder.store.recent())] == ["allow", "allow", "allow", "monitor", "monitor"]


# the classical recipe


@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_the_classical_recipe(framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key from the environment, X-API-KEY, default limits, a tighter one on a route, below /api/v1/."""
    monkeypatch.setenv("API_KEY", "a-key-that-somebody-made")
    ask = _recipe(framework)
    assert ask("/api/v1/items", None) == 401
    assert ask("/api/v1/items", "a-key-that-somebody-mad") == 401
    assert [ask("/api/v1/items", "a-key-that-somebody-made") for _ in range(11)] == [200] * 10 + [429]
    assert [ask("/api/v1/search", "a-key-that-somebody-made") for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize("value", [None, "", "   ", "short"])
@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_without_its_key_the_app_refuses_to_start(framework: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, empty, blank or too short to be a key: an error that names the variable, never a value that matches nothing or all."""
    monkeypatch.delenv("API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("API_KEY", value)
    with pytest.raises(UsageError, match="API_KEY") as raised:
        _recipe(framework)
    assert value is None or not value.strip() or value not in str(raised.value)


def _recipe(framework: str) -> Callable[[str, str | None], int]:
    if framework == "flask":
        from flask import Flask

        from ostiary.flask import Guard, limit, require, static

        app = Flask(__name__, static_folder=None)
        Guard(app, keys=static("API_KEY"), default=require(), limits=["100 per day", "10 per hour"], **{**QUIET, "pepper": None})
        app.get("/api/v1/items")(lambda: "items")
        app.add_url_rule("/api/v1/search", "search", limit("5 per minute")(lambda: "found"))
        client = app.test_client()
        return lambda path, key: client.get(path, headers={"X-API-KEY": key} if key else {}).status_code

    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from ostiary.fastapi import Guard as FastGuard
    from ostiary.fastapi import limit as fast_limit
    from ostiary.fastapi import require as fast_require
    from ostiary.fastapi import static as fast_static

    api = FastAPI()
    FastGuard(api, keys=fast_static("API_KEY"), default=fast_require(), limits=["100 per day", "10 per hour"], **{**QUIET, "pepper": None})
    api.get("/api/v1/items")(_items)
    api.get("/api/v1/search")(fast_limit("5 per minute")(_found))
    fast = TestClient(api)
    return lambda path, key: fast.get(path, headers={"X-API-KEY": key} if key else {}).status_code


def _items() -> str:
    return "items"


def _found() -> str:
    return "found"


def test_undeclared_routes_are_said_at_start_up_with_the_line_that_declares_them(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """One warning that lists each of them with file and line and what to write."""
    site = make()
    with caplog.at_level(logging.WARNING, "ostiary"):
        site.ask("/health")
        site.ask("/health")
    said = [record.getMessage() for record in caplog.records if "nobody declared" in record.getMessage()]
    assert len(said) == 1
    assert "GET /undeclared: write @require()" in said[0]
    assert "tests/guard/sites.py:" in said[0]
