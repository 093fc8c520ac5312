"""AUTH-8: what pages of other sites may make a browser do. Here a site at https://api.example.test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import Cookie, Depends, FastAPI, HTTPException, Response, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ostiary.errors import UsageError
from ostiary.guard.declaration import merged
from ostiary.guard.declare import public, require
from tests.guard.delegating import QUIET
from tests.guard.sites import HTTPS, Site

Make = Callable[..., Site]
EVIL = "https://evil.example"
APP = "https://app.example.com"
COOKIE = ("Cookie", "session=1")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": HTTPS}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": HTTPS}, 200),
        ({"Origin": "https://API.example.test"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": EVIL}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": HTTPS}, 403),
        ({"Sec-Fetch-Site": "unheard-of"}, 403),
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://api.example.test"}, 403),
        ({"Origin": "https://api.example.test:8443"}, 403),
        ({"Origin": "https://api.example.test.evil.example"}, 403),
        ({"Cookie": "session=1"}, 403),
        ({"Cookie": "session=1", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Cookie": "session=1", "Origin": HTTPS}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": APP}, 200),
        ({"Origin": EVIL, "Authorization": "Bearer a-token-of-the-app"}, 200),
        ({"Cookie": "session=1", "Authorization": "Bearer a-token-of-the-app"}, 200),
    ],
)
def test_a_login_is_called_from_its_own_pages_and_by_no_others(make: Make, sent: dict[str, str], status: int) -> None:
    """Sec-Fetch-Site decides, else Origin; without both a cookie is what betrays a browser."""
    site = make(csrf_origins=[APP])
    reply = site.ask("/login", method="POST", headers=sent)
    assert reply.status == status
    assert site.reached == (["login"] if status == 200 else [])
    assert status == 200 or (reply.code, site.events()[-1].reason) == ("cross_site", "csrf")


def test_behind_a_proxy_the_address_that_browsers_see_counts(make: Make) -> None:
    """Origin is compared with the authority that the trusted proxy tells (NET-1)."""
    told = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example.com"}
    site = make(proxies=1)
    found = [
        site.ask("/login", method="POST", headers={**told, "Origin": origin}, base="http://10.0.0.5").status
        for origin in ("https://shop.example.com", "https://10.0.0.5", "http://10.0.0.5")
    ]
    assert found == [200, 403, 403]


def test_safe_methods_and_keys_in_headers_are_left_alone(make: Make) -> None:
    """No page can make a browser send a key in a header; reading changes nothing."""
    site = make()
    foreign = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Cookie": "session=1"}
    assert site.ask("/health", headers=foreign).status == 200
    assert site.ask("/api/v1/orders", site.mint("orders:write"), method="POST", headers=foreign).status == 200


def test_a_route_may_be_open_to_other_sites(make: Make, tmp_path: Any) -> None:
    """``csrf=False``, in code and in the file."""
    file = tmp_path / "ostiary.toml"
    file.write_text('[[policy]]\npath = "/login"\ncsrf = false\n')
    for settings in ({"routes": {"/login": public("any page may", csrf=False)}}, {"policy_file": file}):
        # The mark on the handler says nothing about csrf, so the path's word counts.
        assert make(**settings).ask("/login", method="POST", headers={"Origin": EVIL}).status == 200


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "*", "null", ""])
def test_an_origin_that_is_none_stops_the_start(make: Make, origin: Any) -> None:
    """It shows a right one."""
    with pytest.raises(UsageError, match=r"csrf_origins: .*https://app\.example\.com"):
        make(csrf_origins=[origin])


def test_one_flag_cannot_be_said_twice_differently() -> None:
    """As of all flags."""
    with pytest.raises(UsageError, match="csrf is said twice"):
        merged(require(csrf=False), require(csrf=True))


def flask_app() -> Iterator[Any]:
    from flask import Flask, jsonify
    from flask import request as asked

    from ostiary.flask import Guard, delegated, public

    app = Flask(__name__)
    guard = Guard(app, **QUIET)

    @app.before_request
    def login() -> Any:
        return None if asked.path == "/form" or asked.cookies.get("session") == "ann" else (jsonify(error="who are you?"), 401)

    @app.post("/orders")
    @delegated(login)
    def orders() -> Any:
        return {"ok": True}

    @app.get("/form")
    @public("a page")
    def form() -> Any:
        return guard.csrf_token()

    yield app.test_client()
    app.extensions["ostiary"].core.close()


def fastapi_app() -> Iterator[Any]:
    from ostiary.fastapi import Guard, delegated, public

    app = FastAPI()
    guard = Guard(app, **{**QUIET, "routes": {"/docs": "docs", "/docs/**": "docs", "/redoc": "docs", "/openapi.json": "docs"}})

    def login(session: str | None = Cookie(None)) -> str:
        if session != "ann":
            raise HTTPException(401)
        return session

    @app.post("/orders")
    @delegated(login)
    def orders(who: str = Depends(login)) -> Any:
        return {"ok": True}

    @app.get("/form")
    @public("a page")
    def form(response: Response) -> Any:
        return guard.csrf_token(response)

    @app.websocket("/live")
    @public("news")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    with TestClient(app, base_url="http://localhost") as client:
        yield client
    app.state.ostiary.core.close()


APPS = {"flask": flask_app, "fastapi": fastapi_app}


@pytest.fixture(params=sorted(APPS))
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from APPS[request.param]()


def cookie(client: Any, name: str, value: str) -> None:
    client.set_cookie(name, value) if hasattr(client, "set_cookie") else client.cookies.set(name, value)


def text(reply: Any) -> str:
    return str(reply.text).strip('"\n')


def test_a_login_of_the_app_s_own_is_asked_about(client: Any) -> None:
    """Its session is a cookie, which a browser sends for pages of any site."""
    cookie(client, "session", "ann")
    found = [client.post("/orders", headers={"Origin": origin}).status_code for origin in ("http://localhost", EVIL)]
    assert found == [200, 403]


def test_a_token_vouches_for_a_page(client: Any) -> None:
    """The one of the cookie in the header; another, a shortened or a made-up one does not, nor one that only repeats its cookie."""
    cookie(client, "session", "ann")
    assert client.post("/orders").status_code == 403
    token = text(client.get("/form"))
    made_up = "0" * 32 + "." + "1" * 32
    found = {sent: client.post("/orders", headers={"X-CSRF-Token": sent}).status_code for sent in (token, token[:-1], made_up, "")}
    assert found == {token: 200, token[:-1]: 403, made_up: 403, "": 403}
    newer = text(client.get("/form"))
    assert [client.post("/orders", headers={"X-CSRF-Token": sent}).status_code for sent in (token, newer)] == [403, 200]
    cookie(client, "ostiary-csrf", made_up)
    assert client.post("/orders", headers={"X-CSRF-Token": made_up}).status_code == 403


def test_websocket_handshakes_are_asked_about() -> None:
    """A page of another site opens none: 403 before the handler is reached."""
    for client in fastapi_app():
        with client.websocket_connect("/live", headers={"Origin": "http://testserver", "Host": "testserver"}):
            pass
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live", headers={"Origin": EVIL}):
            pass
