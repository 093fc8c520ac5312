"""The route table of a live Starlette or FastAPI app is what the app serves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from flask import Flask
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from ostiary.routes import starlette as routes


async def view() -> None: ...


async def plain(request: Any) -> Response:
    return Response()


async def socket(websocket: WebSocket) -> None: ...


async def raw(scope: Any, receive: Any, send: Any) -> None: ...


class WSGIMiddleware:
    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app


def keys(app: Any, *kinds: str) -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in routes.table(app) if route.kind in (kinds or ("http",))}


def router(path: str, **options: Any) -> APIRouter:
    made = APIRouter(**options)
    made.add_api_route(path, view)
    return made


def test_included_routers_are_unfolded() -> None:
    """Prefixes of router and include add up over every level, and the same router may be included twice."""
    outer = APIRouter(prefix="/outer")
    outer.include_router(router("/{item:path}", prefix="/inner"), prefix="/between")
    app = FastAPI()
    app.include_router(outer, prefix="/a")
    app.include_router(outer, prefix="/b")
    assert keys(app) == {("GET", "/a/outer/between/inner/{item}"), ("GET", "/b/outer/between/inner/{item}")}


def test_routes_after_the_include_are_seen() -> None:
    """A router that grows after it was included is read as it is now (older FastAPI copies at the include, and serves that)."""
    late = APIRouter()
    app = FastAPI()
    app.include_router(late, prefix="/late")
    late.add_api_route("/x", view)
    assert keys(app) == ({("GET", "/late/x")} if serves(app, "/late/x") else set())


def serves(app: Any, path: str) -> bool:
    return TestClient(app).get(path).status_code != 404


def test_everything_inside_an_included_router_is_seen() -> None:
    """Raw routes, WebSockets, mounts and hosts in a router get its prefix as well."""
    inner = APIRouter()
    inner.add_route("/raw", plain)
    inner.add_websocket_route("/ws-raw", socket)
    inner.add_api_websocket_route("/ws/{room}", socket)
    inner.mount("/sub", FastAPI(docs_url=None, redoc_url=None, openapi_url=None, routes=[Route("/x", plain)]))
    app = FastAPI()
    app.include_router(inner, prefix="/p")
    assert {("GET", "/p/raw"), ("WEBSOCKET", "/p/ws-raw"), ("WEBSOCKET", "/p/ws/{room}")} <= keys(app, "http", "websocket")


def test_mounts_are_descended() -> None:
    """A mounted app's routes have the mount's prefix, through middleware and routers in between; converters are dropped."""
    inner = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    inner.include_router(router("/x"), prefix="/v1")
    app = Starlette(
        routes=[
            Mount("/{tenant:str}", app=GZipMiddleware(inner)),
            Mount("/list", routes=[Route("/y", plain), Mount("/deep", app=Router(routes=[Route("/z", plain)]))]),
            Mount("", routes=[Route("/root", plain)]),
        ]
    )
    assert keys(app) == {("GET", "/{tenant}/v1/x"), ("GET", "/list/y"), ("GET", "/list/deep/z"), ("GET", "/root")}


def test_a_mount_inside_an_included_router_has_its_prefix() -> None:
    """FastAPI serves it there since 0.137, and dropped it before: the table says what is served."""
    inner = APIRouter()
    inner.mount("/sub", Starlette(routes=[Route("/x", plain)]))
    app = FastAPI()
    app.include_router(inner, prefix="/p")
    assert (("GET", "/p/sub/x") in keys(app)) == serves(app, "/p/sub/x")


def test_raw_mounts_and_files_are_marked() -> None:
    """An app that shows no routes is one ``mount``; a folder is ``static``."""
    app = Starlette(routes=[Mount("/raw", app=raw), Mount("/files", app=StaticFiles(directory=Path(__file__).parent))])
    assert keys(app, "mount") == {("*", "/raw/{path}")}
    assert keys(app, "static") == {("GET", "/files/{path}")}


def test_a_flask_app_under_a_mount_shows_its_routes() -> None:
    """Behind a WSGI bridge the Flask table is read."""
    flask = Flask(__name__, static_folder=None)
    flask.add_url_rule("/old/<int:number>", view_func=lambda number: "")
    assert keys(Starlette(routes=[Mount("/legacy", app=WSGIMiddleware(flask))])) == {("GET", "/legacy/old/{number}")}


def test_websockets_are_a_method_of_their_own() -> None:
    """WebSocket routes of both kinds have the method WEBSOCKET and no other."""
    app = FastAPI()
    app.add_api_websocket_route("/a", socket)
    app.router.routes.append(WebSocketRoute("/b", socket))
    assert keys(app, "websocket") == {("WEBSOCKET", "/a"), ("WEBSOCKET", "/b")}


def test_hosts_are_told_apart() -> None:
    """Routes below a Host carry it."""
    app = Starlette(routes=[Host("{shop:str}.example", app=Router(routes=[Route("/x", plain)]))])
    assert [(route.path, route.host) for route in routes.table(app)] == [("/x", "{shop}.example")]


def test_head_is_shown_only_where_declared() -> None:
    """Starlette adds HEAD to GET; FastAPI's routes have what their author wrote."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_route("/plain", plain)
    app.add_api_route("/declared", view, methods=["GET", "HEAD"])
    assert keys(app) == {("GET", "/plain"), ("GET", "/declared"), ("HEAD", "/declared")}


def test_class_endpoints_give_their_verbs() -> None:
    """An HTTPEndpoint's methods are routes; a raw ASGI object answers any method."""

    class Page(HTTPEndpoint):
        async def get(self, request: Any) -> None: ...

        async def post(self, request: Any) -> None: ...

    class Raw:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    app = Starlette(routes=[Route("/page", Page), Route("/raw", Raw())])
    assert keys(app) == {("GET", "/page"), ("POST", "/page"), ("*", "/raw")}


def test_documents_are_marked() -> None:
    """FastAPI's document and its pages are ``docs``, wherever they were moved; a route called /docs of ours is not."""
    app = FastAPI(docs_url="/api/help", redoc_url=None)
    app.add_api_route("/docs", view)
    assert keys(app, "docs") == {("GET", "/openapi.json"), ("GET", "/api/help"), ("GET", "/docs/oauth2-redirect")}
    assert keys(app) == {("GET", "/docs")}


def test_frontends_are_static(tmp_path: Path) -> None:
    """Folders served by ``app.frontend`` and by an included router's are in the table."""
    app = FastAPI()
    if not hasattr(app, "frontend"):
        pytest.skip("this FastAPI has no frontends")
    inner = APIRouter(prefix="/inner")
    inner.frontend("/ui", directory=tmp_path)
    app.frontend("/", directory=tmp_path)
    app.include_router(inner, prefix="/p")
    app.mount("/m", mounted := FastAPI())
    mounted.frontend("/ui", directory=tmp_path)
    assert keys(app, "static") == {("GET", "/{path}"), ("GET", "/p/inner/ui/{path}"), ("GET", "/m/ui/{path}")}


def test_a_wrapped_app_is_found() -> None:
    """Middleware around the whole app hides nothing."""
    assert keys(GZipMiddleware(Starlette(routes=[Route("/x", plain)]))) == {("GET", "/x")}


def test_other_objects_are_refused() -> None:
    """Something without routes is an error, not an empty table."""
    with pytest.raises(TypeError, match="routes"):
        routes.table(object())


def test_an_own_route_class_is_not_dropped() -> None:
    """A route class that we do not know appears as what it says of itself."""

    class Odd:
        path = "/odd"

    class App:
        routes = (Odd(),)

    assert keys(App()) == {("*", "/odd")}


def test_no_framework_is_imported() -> None:
    """Reading tables needs no framework: importing these modules loads none."""
    code = "import sys, ostiary.routes.flask, ostiary.routes.starlette; print(*sys.modules)"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=paths)
    assert not {"flask", "starlette", "fastapi", "werkzeug"} & set(done.stdout.split())
