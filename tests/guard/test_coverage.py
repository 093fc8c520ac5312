"""Attack 11, the whole matrix: every kind of route that a framework knows is behind the guard, declared or not.

A stranger reaches nothing that is not public; a key reaches what it was declared for; start-up knows every row.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import fastapi.routing
import pytest
from fastapi import APIRouter, Body, FastAPI
from flask import Blueprint, Flask
from flask.views import MethodView
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import BaseRoute, Host, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from ostiary import fastapi as fast
from ostiary import flask as flasky
from ostiary import starlette as star
from ostiary.errors import UsageError
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.certificate import ClientCertificate
from ostiary.guard.authn.jwt import Jwt
from ostiary.guard.authn.own import authenticator
from ostiary.testing import guard_of, mint
from ostiary.wire.problem import UNAUTHENTICATED
from tests.guard.sites import PEPPER

SETTINGS: dict[str, Any] = {
    "store": "memory://",
    "pepper": PEPPER,
    "https": "off",
    "policy_file": None,
    "unmatched": None,
    "failures": None,
}
SECRET = "reached"


def page() -> Any:
    """A new endpoint: marks are left on functions."""

    async def said(request: Request) -> PlainTextResponse:
        return PlainTextResponse(SECRET)

    return said


def greeting() -> Any:
    """A new WebSocket endpoint."""

    async def greeted(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(SECRET)
        await socket.close()

    return greeted


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """An app that shows no routes."""
    if scope["type"] == "http":
        await PlainTextResponse(SECRET)(scope, receive, send)


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(SECRET)


class OwnRoute(BaseRoute):
    """A route class of the project's own, with a ``handle`` that nobody knows."""

    def __init__(self, path: str) -> None:
        self.path = path

    def matches(self, scope: Any) -> tuple[Match, Any]:
        return (Match.FULL if scope["type"] == "http" and scope["path"] == self.path else Match.NONE), {}

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(SECRET)(scope, receive, send)


def fastapi_app(folder: Path, mark: Any) -> FastAPI:
    """Every kind of route of FastAPI and Starlette; ``mark`` is put on each handler that can carry one."""
    (folder / "style.css").write_text(SECRET)
    app = FastAPI()
    fast.Guard(app, **SETTINGS)
    app.get("/direct")(mark(lambda: SECRET))
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    inner.get("/nested")(mark(lambda: SECRET))
    inner.websocket("/socket")(mark(greeting()))
    inner.routes.append(Route("/raw", mark(page())))
    inner.mount("/mounted", raw)
    outer.include_router(inner)
    outer.get("/included")(mark(lambda: SECRET))
    app.include_router(outer)
    app.add_api_route("/added", mark(lambda: SECRET))
    app.router.routes.append(Route("/raw", mark(page())))
    app.router.routes.append(Route("/class", mark(type("Marked", (Endpoint,), {}))))
    app.router.routes.append(WebSocketRoute("/raw-socket", mark(greeting())))
    app.websocket("/socket")(mark(greeting()))
    child = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    child.get("/direct")(mark(lambda: SECRET))
    app.mount("/child", child)
    app.mount("/grandchild", Starlette(routes=[Mount("/deeper", routes=[Route("/raw", mark(page()))])]))
    app.mount("/asgi", raw)
    app.mount("/static", StaticFiles(directory=folder))
    app.router.routes.append(Host("other.test", Starlette(routes=[Route("/hosted", mark(page()))])))
    app.router.routes.append(OwnRoute("/own"))

    @app.get("/stream")
    @mark
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter([SECRET.encode()]))

    @app.post("/json")
    @mark
    async def posted(found: Annotated[dict[str, str], Body()]) -> str:
        return SECRET

    return app


# FastAPI before 0.137 forgets an included router's own prefix on raw routes, and its mounts altogether.
LATER = hasattr(fastapi.routing, "iter_route_contexts")
NESTED = "/outer" if LATER else ""
HTTP = [
    "/direct", "/outer/included", "/outer/inner/nested", f"{NESTED}/raw", "/added", "/raw", "/class", "/child/direct",
    "/grandchild/deeper/raw", "/asgi/x", "/static/style.css", "/own", "/stream", "/docs", "/redoc", "/openapi.json",
*([f"{NESTED}/mounted/x"] if LATER else []),
]  # fmt: skip
SOCKETS = ["/socket", "/raw-socket", "/outer/inner/socket"]


@pytest.mark.parametrize("path", HTTP)
@pytest.mark.parametrize("key", [None, "junk"])
def test_nothing_of_fastapi_answers_a_stranger(tmp_path: Path, path: str, key: str | None) -> None:
    """Declared as required or not declared at all, no handler, page, file or mount is reached without a key."""
    headers = {} if key is None else {"X-API-Key": key}
    for mark in (fast.require("a:read"), lambda view: view):
        answer = TestClient(fastapi_app(tmp_path, mark)).get(path, headers=headers)
        assert answer.status_code in (401, 403)
        assert SECRET not in answer.text


@pytest.mark.parametrize("path", SOCKETS)
def test_no_websocket_of_fastapi_opens_for_a_stranger(tmp_path: Path, path: str) -> None:
    """The handshake is refused before it is accepted, declared or not."""
    for mark in (fast.require("a:read"), lambda view: view):
        client = TestClient(fastapi_app(tmp_path, mark))
        with pytest.raises((WebSocketDisconnect, Exception)) as refused, client.websocket_connect(path):
            pass
        assert "reached" not in str(refused.value)


def test_a_key_opens_every_marked_route_of_fastapi(tmp_path: Path) -> None:
    """With the scope each of them answers; without it each is 403."""
    app = fastapi_app(tmp_path, fast.require("a:read"))
    client, good, poor = TestClient(app), mint(app, "a:read"), mint(app, "b:read")
    marked = [
        "/direct",
        "/outer/included",
        "/outer/inner/nested",
        f"{NESTED}/raw",
        "/added",
        "/raw",
        "/class",
        "/child/direct",
        "/grandchild/deeper/raw",
        "/stream",
    ]
    for path in marked:
        assert (path, client.get(path, headers={"X-API-Key": good}).status_code) == (path, 200)
        assert (path, client.get(path, headers={"X-API-Key": poor}).status_code) == (path, 403)
    for path in SOCKETS:
        with client.websocket_connect(path, headers={"X-API-Key": good}) as socket:
            assert socket.receive_text() == SECRET
    assert TestClient(app, base_url="http://other.test").get("/hosted", headers={"X-API-Key": good}).status_code == 200
    assert TestClient(app, base_url="http://other.test").get("/hosted").status_code == 401


def test_start_up_knows_every_route_of_fastapi(tmp_path: Path) -> None:
    """Each row of the matrix is in the table with its full path."""
    app = fastapi_app(tmp_path, fast.require("a:read"))
    seen = {one.compiled.template for one in app.state.ostiary.declared()}
    exact = {
        "/direct",
        "/outer/included",
        "/outer/inner/nested",
        f"{NESTED}/raw",
        "/added",
        "/raw",
        "/class",
        "/child/direct",
        "/own",
        "/hosted",
    }
    assert (
        exact
        | {
            "/grandchild/deeper/raw",
            "/asgi/{path}",
            "/static/{path}",
            *([f"{NESTED}/mounted/{{path}}"] if LATER else []),
            "/docs",
            "/socket",
        }
        <= seen
    )


def test_raw_mounts_and_files_are_declared_by_path(tmp_path: Path) -> None:
    """What cannot carry a mark is opened by ``routes=``, and nothing beside it."""
    (tmp_path / "style.css").write_text(SECRET)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    fast.Guard(app, **SETTINGS, routes={"/static/**": "style sheets", "/asgi/**": fast.require("raw:read")})
    app.mount("/static", StaticFiles(directory=tmp_path))
    app.mount("/asgi", raw)
    client, key = TestClient(app), mint(app, "raw:read")
    assert client.get("/static/style.css").text == SECRET
    assert [client.get("/asgi/x").status_code, client.get("/asgi/x", headers={"X-API-Key": key}).text] == [401, SECRET]
    assert app.state.ostiary.problems() == []


def test_malformed_json_is_not_read_for_a_stranger(tmp_path: Path) -> None:
    """401 before 422: the body is not parsed before the decision."""
    app = fastapi_app(tmp_path, fast.require("a:read"))
    client = TestClient(app)
    assert client.post("/json", content=b"{not json").status_code == 401
    assert client.post("/json", content=b"{not json", headers={"X-API-Key": mint(app, "a:read")}).status_code == 422


def test_routes_that_come_late_are_behind_the_guard_too(tmp_path: Path) -> None:
    """After the first request: included, mounted and added ones are refused until they are declared."""
    app = fastapi_app(tmp_path, fast.require("a:read"))
    client, key = TestClient(app), mint(app, "a:read")
    assert client.get("/direct").status_code == 401
    late = APIRouter(prefix="/late")
    late.get("/open")(lambda: SECRET)
    late.get("/marked")(fast.require("a:read")(lambda: SECRET))
    app.include_router(late)
    app.mount("/late-mount", raw)
    headers = {"X-API-Key": key}
    assert [client.get(path, headers=headers).status_code for path in ("/late/open", "/late/marked", "/late-mount/x")] == [403, 200, 403]


def test_an_answer_without_a_decision_is_replaced(tmp_path: Path) -> None:
    """A default app that answers what no route matched is not let out: the uniform refusal instead."""
    app = FastAPI()
    fast.Guard(app, **SETTINGS)
    app.router.default = raw
    answer = TestClient(app).get("/anything")
    assert (answer.status_code, answer.json()["code"], SECRET in answer.text) == (403, "forbidden", False)
    recorder = guard_of(app).recorder
    recorder.flush()
    assert recorder.store.recent()[0].reason == "no_decision"


def test_a_dependency_demands_and_gives_the_caller() -> None:
    """``guard.requires`` in a signature, on a router and on an include: all scopes are demanded, the principal comes, the document says it."""
    app = FastAPI()
    guard = fast.Guard(app, **SETTINGS)
    router = APIRouter(dependencies=[guard.requires("shop:enter")])

    @router.get("/mine")
    async def mine(who: Annotated[fast.Principal, guard.requires("mine:read")]) -> str:
        return who.subject

    app.include_router(router, prefix="/v1", dependencies=[guard.requires("v1:use")])
    client, all_of, some = TestClient(app), mint(app, "shop:*", "mine:*", "v1:*", owner="ann"), mint(app, "shop:*", "mine:*")
    assert client.get("/v1/mine", headers={"X-API-Key": all_of}).json() == "ann"
    assert client.get("/v1/mine", headers={"X-API-Key": some}).status_code == 403
    document = app.openapi()
    assert document["paths"]["/v1/mine"]["get"]["security"][0].keys() == {"ApiKey"}
    assert document["components"]["securitySchemes"]["ApiKey"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def test_marked_routes_stand_in_the_document() -> None:
    """A decorator alone is enough for Swagger's *Authorize*; public routes have no lock."""
    app = FastAPI()
    fast.Guard(app, **SETTINGS)
    app.get("/orders")(fast.require("orders:read")(lambda: SECRET))
    app.get("/health")(fast.public("asked by the load balancer")(lambda: SECRET))
    paths = app.openapi()["paths"]
    assert paths["/orders"]["get"]["security"] == [{"ApiKey": ["orders:read"]}]
    assert "security" not in paths["/health"]["get"]


def test_the_document_names_every_way_to_call() -> None:
    """Any of the schemes that a route takes, with its scopes, and the refusals as problem documents; what the app wrote itself stays."""
    app = FastAPI()
    own = authenticator("session", lambda request: None)
    ways = [
        Basic(),
        ClientCertificate({"a.example": []}),
        own,
        Jwt(keys="https://x.example/j", issuer="x", audience=None, algorithms="RS256"),
    ]
    guard = fast.Guard(app, **SETTINGS, authenticators=ways, proxies=1)

    @app.get("/all")
    async def everything(who: Annotated[fast.Principal, guard.requires("orders:read", limit="5/minute")]) -> str:
        return who.subject

    app.get("/basic", responses={401: {"description": "mine"}})(fast.require(schemes=["basic"])(lambda: SECRET))
    app.get("/open")(fast.public("a shop window", limits="5/minute")(lambda: SECRET))
    app.get("/quiet")(fast.public("a shop window")(lambda: SECRET))
    document = app.openapi()
    found = {path: item["get"] for path, item in document["paths"].items()}
    assert found["/all"]["security"] == [{name: ["orders:read"]} for name in ("Bearer", "ApiKey", "Basic", "Certificate")]
    assert found["/basic"]["security"] == [{"Basic": []}]
    assert document["components"]["securitySchemes"] == {
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "Basic": {"type": "http", "scheme": "basic", "description": "The id of a key, and the key."},
        "Bearer": {"type": "http", "scheme": "bearer"},
        "Certificate": {"type": "mutualTLS"},
    }
    refusals = {path: set(one["responses"]) - {"200", "422"} for path, one in found.items()}
    assert refusals == {"/all": {"401", "403", "429"}, "/basic": {"401", "403"}, "/open": {"429"}, "/quiet": set()}
    assert found["/basic"]["responses"]["401"] == {"description": "mine"}
    schema = {"$ref": "#/components/schemas/Problem"}
    assert found["/all"]["responses"]["429"]["content"] == {"application/problem+json": {"schema": schema}}
    assert set(document["components"]["schemas"]["Problem"]["required"]) <= set(json.loads(UNAUTHENTICATED.body("x")))
    assert app.openapi() == document


def test_a_limit_is_said_once() -> None:
    """``limit=`` or ``limits=``."""
    guard = fast.Guard(FastAPI(), **SETTINGS)
    with pytest.raises(UsageError, match="limit= or limits="):
        guard.requires(limit="5/minute", limits="6/minute")


def test_plain_starlette_is_guarded_alike() -> None:
    """The same guard without FastAPI."""
    app = Starlette(routes=[Route("/marked", star.require("a:read")(page())), Route("/open", page())])
    star.Guard(app, **SETTINGS)
    client, key = TestClient(app), mint(app, "a:read")
    headers = {"X-API-Key": key}
    found = [client.get(path, headers=sent).status_code for path in ("/marked", "/open") for sent in (headers, {})]
    assert found == [200, 401, 403, 403]


# Flask


class Things(MethodView):
    init_every_request = False

    @flasky.require("things:read")
    def get(self) -> str:
        return SECRET

    def post(self) -> str:
        return SECRET


def flask_app(folder: Path, mark: Any) -> Flask:
    """Every kind of route of Flask."""
    (folder / "style.css").write_text(SECRET)
    app = Flask(__name__, static_folder=str(folder), static_url_path="/static")
    flasky.Guard(app, **SETTINGS)
    app.get("/direct")(mark(_named("direct")))
    app.add_url_rule("/added", "added", mark(_named("added")))
    inner, outer = Blueprint("inner", __name__), Blueprint("outer", __name__)
    inner.get("/nested")(mark(_named("nested")))
    outer.register_blueprint(inner, url_prefix="/inner")
    outer.get("/blueprint")(mark(_named("blueprint")))
    app.register_blueprint(outer, url_prefix="/outer")
    app.register_blueprint(outer, url_prefix="/again", name="again")
    app.add_url_rule("/things", view_func=Things.as_view("things"))
    app.add_url_rule("/view-class", view_func=mark(Things.as_view("marked_things")))
    app.get("/stream")(mark(_named("stream", lambda: iter([SECRET]))))

    @app.get("/async")
    @mark
    def awaited() -> str:
        return SECRET

    return app


def _named(name: str, view: Any = None) -> Any:
    def called() -> Any:
        return view() if view else SECRET

    called.__name__ = name
    return called


FLASK = [
    "/direct",
    "/added",
    "/outer/inner/nested",
    "/outer/blueprint",
    "/again/inner/nested",
    "/things",
    "/view-class",
    "/stream",
    "/async",
    "/static/style.css",
]


@pytest.mark.parametrize("path", FLASK)
@pytest.mark.parametrize("key", [None, "junk"])
def test_nothing_of_flask_answers_a_stranger(tmp_path: Path, path: str, key: str | None) -> None:
    """Declared as required or not declared at all, no view and no file is reached without a key."""
    headers = {} if key is None else {"X-API-Key": key}
    for mark in (flasky.require("a:read"), lambda view: view):
        answer = flask_app(tmp_path, mark).test_client().get(path, headers=headers)
        assert answer.status_code in (401, 403)
        assert SECRET not in answer.text


def test_a_key_opens_every_marked_route_of_flask(tmp_path: Path) -> None:
    """With the scope each of them answers; without it each is 403."""
    app = flask_app(tmp_path, flasky.require("a:read"))
    client, good, poor = app.test_client(), mint(app, "a:read"), mint(app, "b:read")
    for path in ("/direct", "/added", "/outer/inner/nested", "/outer/blueprint", "/again/blueprint", "/stream", "/async"):
        assert (path, client.get(path, headers={"X-API-Key": good}).text) == (path, SECRET)
        assert (path, client.get(path, headers={"X-API-Key": poor}).status_code) == (path, 403)


def test_a_method_of_a_class_says_more_than_its_class(tmp_path: Path) -> None:
    """``get`` is marked, ``post`` is not: undeclared; where the view is marked, ``post`` has the view's policy."""
    app = flask_app(tmp_path, flasky.require("a:read"))
    client, things, plain = app.test_client(), {"X-API-Key": mint(app, "things:read")}, {"X-API-Key": mint(app, "a:read")}
    assert [client.get("/things", headers=things).status_code, client.post("/things", headers=things).status_code] == [200, 403]
    assert [client.get("/view-class", headers=things).status_code, client.post("/view-class", headers=plain).status_code] == [200, 200]


def test_a_blueprint_is_protected_as_a_whole() -> None:
    """``guard.protect`` holds for every route of the blueprint that says nothing itself, and for nested ones."""
    app = Flask(__name__, static_folder=None)
    guard = flasky.Guard(app, **SETTINGS)
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    outer.get("/silent")(_named("silent"))
    outer.get("/open")(flasky.public("a shop window")(_named("open")))
    inner.get("/deep")(_named("deep"))
    outer.register_blueprint(inner)
    guard.protect(outer, flasky.require("outer:read"))
    app.register_blueprint(outer)
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/silent", "/open", "/deep")] == [401, 200, 401]
    assert client.get("/deep", headers={"X-API-Key": mint(app, "outer:read")}).status_code == 200


def test_an_app_that_is_mounted_beside_is_its_own(tmp_path: Path) -> None:
    """A dispatcher around ``wsgi_app`` inside the guard's shim: what the other app answers is not let out undecided."""
    app, other = Flask("outer", static_folder=None), Flask("other", static_folder=None)
    other.get("/x")(lambda: SECRET)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/other": other})  # type: ignore[method-assign]
    flasky.Guard(app, **SETTINGS)
    answer = Client(app).get("/other/x")
    assert (answer.status_code, SECRET in answer.text) == (403, False)


def test_rules_that_come_late_are_behind_the_guard_too(tmp_path: Path) -> None:
    """Flask forbids late ``app.get``; a rule added to the map directly is refused until it is declared."""
    from werkzeug.routing import Rule

    app = flask_app(tmp_path, flasky.require("a:read"))
    client = app.test_client()
    assert client.get("/direct").status_code == 401
    app.url_map.add(Rule("/late", endpoint="late"))
    app.view_functions["late"] = lambda: SECRET
    assert client.get("/late").status_code == 403
    app.view_functions["late"] = flasky.public("now it is")(lambda: SECRET)
    assert client.get("/late").status_code == 200


def test_hooks_and_body_are_not_reached_before_the_decision(tmp_path: Path) -> None:
    """No before_request function and no url_value_preprocessor runs for a stranger."""
    app = flask_app(tmp_path, flasky.require("a:read"))
    ran: list[str] = []
    app.before_request(lambda: ran.append("hook"))
    app.url_value_preprocessor(lambda endpoint, values: ran.append("preprocessor"))
    app.test_client().get("/direct")
    assert ran == []
