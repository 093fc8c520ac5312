"""Ways round the guard that a reviewer found open, and what closes them. Each was seen to work before."""

import asyncio
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Header
from flask import Blueprint, Flask, request, send_file
from flask.views import MethodView
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import EnvironBuilder, run_wsgi_app

from ostiary import fastapi as fast
from ostiary import flask as flasky
from ostiary.asgi import KEY
from ostiary.guard.core import Core
from ostiary.guard.decision import ALLOW
from ostiary.testing import as_principal, guard_of, mint
from ostiary.wsgi import KEY as ENVIRON_KEY
from ostiary.wsgi import Shim
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


def flask_app(**more: Any) -> Flask:
    app = Flask(__name__, static_folder=None)
    flasky.Guard(app, **{**SETTINGS, **more})
    return app


def fastapi_app(**more: Any) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    fast.Guard(app, **{**SETTINGS, **more})
    return app


# Flask and WSGI


def test_an_app_that_starts_late_beside_flask_is_not_let_out() -> None:
    """A WSGI app that is a generator says its status with its first part: the part does not leave either."""

    def beside(environ: Any, start: Any) -> Any:
        start("200 OK", [("Content-Type", "text/plain")])
        yield SECRET.encode()
        yield SECRET.encode()

    app = Flask(__name__, static_folder=None)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/beside": beside})  # type: ignore[method-assign]
    flasky.Guard(app, **SETTINGS)
    answer = app.test_client().get("/beside/x")
    assert (answer.status_code, answer.json["code"], SECRET in answer.text) == (403, "forbidden", False)


def test_a_middleware_inside_cannot_change_the_method_behind_the_policy() -> None:
    """Method override between shim and app: DELETE is judged as DELETE, and a preflight that becomes one is none."""

    class Override:
        def __init__(self, app: Any) -> None:
            self.app = app

        def __call__(self, environ: Any, start: Any) -> Any:
            environ["REQUEST_METHOD"] = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", environ["REQUEST_METHOD"])
            return self.app(environ, start)

    class Thing(MethodView):
        @flasky.public("a shop window")
        def get(self) -> str:
            return "window"

        @flasky.require("admin")
        def delete(self) -> str:
            return SECRET

    app = Flask(__name__, static_folder=None)
    app.wsgi_app = Override(app.wsgi_app)  # type: ignore[method-assign]
    flasky.Guard(app, **SETTINGS)
    app.add_url_rule("/thing", view_func=Thing.as_view("thing"))
    client, override = app.test_client(), {"X-HTTP-Method-Override": "DELETE"}
    preflight = {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"}
    found = [client.get("/thing"), client.get("/thing", headers=override), client.options("/thing", headers={**override, **preflight})]
    assert [answer.status_code for answer in found] == [200, 401, 401]


def test_a_nested_blueprint_keeps_its_own_protection() -> None:
    """``protect`` means the blueprint, under whatever name it is registered and inside of whatever other one."""
    app = Flask(__name__, static_folder=None)
    guard = flasky.Guard(app, **SETTINGS)
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)
    inner.get("/admin")(lambda: SECRET)
    guard.protect(outer, flasky.public("a shop window"))
    guard.protect(inner, flasky.require("admin"))
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/outer")
    app.register_blueprint(inner, url_prefix="/again", name="again")
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/outer/inner/admin", "/again/admin")] == [401, 401]


def test_head_of_a_class_is_judged_as_the_method_that_answers_it() -> None:
    """``get`` where there is no ``head``, ``head`` where there is one; the class is open, its methods are not."""
    ran: list[str] = []

    class Gets(HTTPEndpoint):
        @fast.require("admin")
        async def get(self, request: Request) -> PlainTextResponse:
            ran.append("get")
            return PlainTextResponse(SECRET)

    class Heads(MethodView):
        @flasky.public("a shop window")
        def get(self) -> str:
            return "window"

        @flasky.require("admin")
        def head(self) -> str:
            ran.append("head")
            return ""

    api = fastapi_app()
    api.router.routes.append(Route("/class", fast.public("others may")(Gets)))
    app = flask_app()
    app.add_url_rule("/class", view_func=Heads.as_view("heads"))
    assert [TestClient(api).head("/class").status_code, app.test_client().head("/class").status_code, ran] == [401, 401, []]


def test_what_no_route_gave_does_not_leave_as_a_success() -> None:
    """A hook or an error handler of Flask that answers 200 where no rule matched: 403; its 404 leaves."""
    app = flask_app()
    app.before_request(lambda: SECRET if request.path == "/hook" else None)
    app.register_error_handler(404, lambda error: (SECRET, 200) if request.path == "/page" else ("nothing here", 404))
    client = app.test_client()
    found = [client.get(path) for path in ("/hook", "/page", "/other")]
    assert [answer.status_code for answer in found] == [403, 403, 404]
    assert [SECRET in answer.text for answer in found] == [False] * 3
    assert found[2].text == "nothing here"


def test_what_is_written_through_write_leaves_whole_and_clean() -> None:
    """PEP 3333's old way, ``write()`` and an empty list: nothing is lost, and no credential leaves."""
    core = Core(**SETTINGS)
    key = "credential-of-this-call"

    def old(environ: Any, start: Any) -> list[bytes]:
        environ[ENVIRON_KEY].decision = ALLOW
        environ[ENVIRON_KEY].credential = key
        write = start("200 OK", [("Content-Type", "text/plain")])
        write(b"one " + key[:9].encode())
        write(key[9:].encode() + b" cred")
        return []

    parts, _, _ = run_wsgi_app(Shim(old, core), EnvironBuilder("/").get_environ())
    assert b"".join(parts) == b"one " + b"*" * len(key) + b" cred"


def test_an_answer_of_several_parts_in_a_list_is_watched() -> None:
    """A WSGI app that returns a list of two parts with a credential across them."""
    core = Core(**SETTINGS)

    def parted(environ: Any, start: Any) -> list[bytes]:
        environ[ENVIRON_KEY].decision = ALLOW
        environ[ENVIRON_KEY].credential = "credential-of-this-call"
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"credential-of", b"-this-call!"]

    parts, _, _ = run_wsgi_app(Shim(parted, core), EnvironBuilder("/").get_environ())
    assert b"".join(parts) == b"*" * 23 + b"!"


def test_a_generator_that_is_closed_early_is_closed_and_recorded_once() -> None:
    """The client goes after the first part: the app's ``close`` runs, one event is written."""
    app, closed = flask_app(), []

    @app.get("/stream")
    @flasky.public("a shop window")
    def stream() -> Any:
        from flask import Response

        response = Response(iter(["one", "two"]))
        response.call_on_close(lambda: closed.append("closed"))
        return response

    parts = app.wsgi_app(EnvironBuilder("/stream").get_environ(), lambda *_: lambda data: None)
    iterator = iter(parts)
    assert next(iterator) == b"one"
    parts.close()  # type: ignore[attr-defined]
    parts.close()  # type: ignore[attr-defined]
    recorder = guard_of(app).recorder
    recorder.flush()
    assert (closed, len(recorder.store.recent())) == (["closed"], 1)


def test_files_ranges_and_not_modified_stay_what_they_are(tmp_path: Path) -> None:
    """``send_file`` and FileResponse: 206 with the range, 304 and HEAD without body, lengths right."""
    file = tmp_path / "data.txt"
    file.write_text("0123456789")
    app, api = flask_app(), fastapi_app()
    app.get("/file")(flasky.public("a file")(lambda: send_file(file, conditional=True, etag=True)))
    api.router.routes.append(Route("/file", fast.public("a file")(_file(file)), methods=["GET"]))
    flask_client, client = app.test_client(), TestClient(api)
    part = flask_client.get("/file", headers={"Range": "bytes=2-4"}, buffered=True)
    assert (part.status_code, part.data, part.headers["Content-Range"], part.headers["Content-Length"]) == (
        206,
        b"234",
        "bytes 2-4/10",
        "3",
    )
    again = flask_client.get("/file", headers={"If-None-Match": part.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")
    head = flask_client.head("/file", buffered=True)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", "10")
    found = client.get("/file", headers={"Range": "bytes=2-4"})
    assert (found.status_code, found.content, found.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (client.head("/file").content, client.head("/file").headers["content-length"]) == (b"", "10")


def _file(path: Path) -> Callable[..., Any]:
    async def sent(request: Request) -> FileResponse:
        return FileResponse(path)

    return sent


def test_flask_called_past_its_wsgi_app_is_guarded() -> None:
    """``test_request_context`` and ``full_dispatch_request``: no shim was passed, the decision is made all the same."""
    app = flask_app()
    app.get("/orders")(flasky.require("orders:read")(lambda: SECRET))
    key = mint(app, "orders:read")
    for headers, status in (({}, 401), ({"X-API-Key": key}, 200)):
        with app.test_request_context("/orders", headers=headers):
            assert app.full_dispatch_request().status_code == status


@pytest.mark.parametrize("propagate", [True, False])
def test_a_hook_that_raises_opens_nothing(propagate: bool) -> None:
    """after_request functions that fail on a refusal leave it a refusal, whatever PROPAGATE_EXCEPTIONS says."""
    app = flask_app()
    app.config["PROPAGATE_EXCEPTIONS"] = propagate
    app.get("/orders")(flasky.require()(lambda: SECRET))

    @app.after_request
    def broken(response: Any) -> Any:
        raise RuntimeError(SECRET)

    answer = app.test_client().get("/orders")
    assert (answer.status_code, SECRET in answer.text) == (401, False)


def test_a_rule_without_methods_does_not_fill_the_memory() -> None:
    """Method names are the stranger's; the table of policies stays as it is."""
    from werkzeug.routing import Rule

    app, api = flask_app(), fastapi_app()
    app.url_map.add(Rule("/any", endpoint="any", methods=None))
    app.view_functions["any"] = flasky.require()(lambda: SECRET)

    class Anything(HTTPEndpoint):
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse(SECRET)

    api.router.routes.append(Route("/any", fast.require()(Anything)))
    flask_client, client = app.test_client(), TestClient(api)
    flask_client.open("/any", method="BREW")
    client.request("BREW", "/any")
    tables = [app.extensions["ostiary"]._compiled, api.state.ostiary._compiled]
    before = [len(table) for table in tables]
    for number in range(20):
        assert flask_client.open("/any", method=f"BREW{number}").status_code == 401
        assert client.request(f"BREW{number}", "/any").status_code == 401
    assert [len(table) for table in tables] == before


# FastAPI and ASGI


class User:
    """What an app's own login gives."""

    def __init__(self, name: str) -> None:
        self.id = name


def _delegating(gate: Callable[..., Any], mark: Any) -> FastAPI:
    app = fastapi_app()

    async def admin(user: Annotated[Any, Depends(gate)]) -> str:
        return SECRET

    app.get("/admin")(mark(admin))
    return app


@pytest.mark.parametrize("user", [None, {"name": "ann"}, object()])
def test_a_login_that_names_nobody_gives_no_scope(user: object) -> None:
    """The gate lets in somebody whom the guard cannot name: a route that demands a scope is refused, one without is not."""

    async def gate() -> object:
        return user

    scoped = _delegating(gate, lambda view: fast.require("admin")(fast.delegated(gate)(view)))
    plain = _delegating(gate, fast.delegated(gate))
    assert [TestClient(app).get("/admin").status_code for app in (scoped, plain)] == [403, 200]


def test_a_login_that_names_nobody_is_counted_by_address() -> None:
    """Its limits hold all the same: the third call of one address is 429."""

    async def gate() -> dict[str, str]:
        return {"name": "ann"}

    client = TestClient(_delegating(gate, fast.delegated(gate, limits="2 per minute")))
    assert [client.get("/admin").status_code for _ in range(3)] == [200, 200, 429]


def test_a_flask_login_that_names_nobody_gives_no_scope() -> None:
    """Scopes are demanded of a caller whom the guard knows: 401 before the login is asked."""

    def login_required(view: Any) -> Any:
        @wraps(view)
        def checked() -> Any:
            return view()

        return checked

    app = flask_app()
    app.add_url_rule("/admin", "admin", flasky.require("admin")(flasky.delegated(login_required)(login_required(lambda: SECRET))))
    assert app.test_client().get("/admin").status_code == 401


def test_a_scope_that_a_login_gives_as_one_text_is_one_scope() -> None:
    """``scopes=lambda user: "orders:*"`` is not taken letter by letter, of which ``*`` would be everything."""

    async def gate() -> User:
        return User("ann")

    app = _delegating(gate, lambda view: fast.require("admin")(fast.delegated(gate, scopes=lambda user: "orders:*")(view)))
    assert TestClient(app).get("/admin").status_code == 403


def test_two_routes_with_one_login_keep_their_own_delegation() -> None:
    """What one route makes of the user (all scopes) is not what the other makes of them (none)."""

    async def gate() -> User:
        return User("ann")

    app = fastapi_app()

    async def view(user: Annotated[Any, Depends(gate)]) -> str:
        return SECRET

    async def other(user: Annotated[Any, Depends(gate)]) -> str:
        return SECRET

    app.get("/all")(fast.require("admin")(fast.delegated(gate, scopes=lambda user: ["*"])(view)))
    app.get("/none")(fast.require("admin")(fast.delegated(gate, scopes=lambda user: [])(other)))
    client = TestClient(app)
    assert [client.get(path).status_code for path in ("/all", "/none", "/all")] == [200, 403, 200]


def test_a_router_in_two_apps_is_judged_by_each_apps_own_guard() -> None:
    """The same delegated routes included in two guarded apps in one process: each counts for itself."""

    async def gate() -> User:
        return User("ann")

    router = APIRouter()

    async def mine(user: Annotated[Any, Depends(gate)]) -> str:
        return SECRET

    router.get("/mine")(fast.delegated(gate, limits="1 per minute")(mine))
    apps = [fastapi_app(), fastapi_app()]
    for app in apps:
        app.include_router(router, prefix="/one")
        app.include_router(router, prefix="/two")
    clients = [TestClient(app) for app in apps]
    assert [client.get("/one/mine").status_code for client in clients for _ in range(2)] == [200, 429, 200, 429]
    assert [client.get("/two/mine").status_code for client in clients] == [200, 200]


def test_a_dependency_override_replaces_the_login_and_its_scopes_come_from_the_test() -> None:
    """``dependency_overrides`` works as without the guard; a route that demands scopes asks ``as_principal`` for them."""

    async def gate(x_user: Annotated[str | None, Header()] = None) -> str | None:
        return x_user

    app = fastapi_app()

    async def plain(user: Annotated[str, Depends(gate)]) -> str:
        return user

    async def scoped(user: Annotated[str, Depends(gate)]) -> str:
        return user

    app.get("/plain")(fast.delegated(gate)(plain))
    app.get("/scoped")(fast.require("admin")(fast.delegated(gate)(scoped)))
    client = TestClient(app)
    assert client.get("/plain", headers={"X-User": "bob"}).json() == "bob"
    app.dependency_overrides[gate] = lambda: "ann"
    assert [client.get("/plain").json(), client.get("/scoped").status_code] == ["ann", 403]
    with as_principal(app, "ann", scopes=["admin"]):
        assert client.get("/scoped").json() == "ann"
    app.dependency_overrides.clear()
    assert client.get("/plain", headers={"X-User": "bob"}).json() == "bob"


def test_a_bound_method_is_a_login_like_any_other() -> None:
    """``Depends(service.current)`` and ``delegated(service.current)`` are two objects and one gate."""

    class Service:
        async def current(self) -> User:
            return User("ann")

    service = Service()
    app = fastapi_app()

    async def mine(user: Annotated[Any, Depends(service.current)]) -> str:
        return SECRET

    app.get("/mine")(fast.delegated(service.current)(mine))
    assert (app.state.ostiary.problems(), TestClient(app).get("/mine").status_code) == ([], 200)


def test_no_http_answer_leaves_a_websocket_handshake_undecided() -> None:
    """``websocket.http.response``: an app below that answers a handshake with a page is replaced as any other."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 200, "headers": []})
        await send({"type": "websocket.http.response.body", "body": SECRET.encode()})

    app = fastapi_app()
    app.router.default = page
    sent = _asgi(app, {"type": "websocket", "path": "/x", "scheme": "ws", "extensions": {"websocket.http.response": {}}})
    assert sent[0]["status"] == 403
    assert SECRET.encode() not in b"".join(message.get("body", b"") for message in sent)


def test_no_file_leaves_past_the_watch(tmp_path: Path) -> None:
    """Servers that offer ``pathsend`` get the bytes instead, so that what is in them is seen."""
    file = tmp_path / "data.txt"
    file.write_text("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----")
    app = fastapi_app()
    app.router.routes.append(Route("/file", fast.public("a file")(_file(file)), methods=["GET"]))
    scope = {"type": "http", "method": "GET", "path": "/file", "scheme": "http", "extensions": {"http.response.pathsend": {}}}
    sent = _asgi(app, scope)
    assert {message["type"] for message in sent} == {"http.response.start", "http.response.body"}
    assert b"".join(message.get("body", b"") for message in sent) == b"*" * file.stat().st_size


def _asgi(app: Any, scope: dict[str, Any], sent: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    sent = [] if sent is None else sent
    asked = iter([True])

    async def receive() -> dict[str, Any]:
        if next(asked, None) is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    full = {"asgi": {"version": "3.0"}, "headers": [], "query_string": b"", "client": ("203.0.113.7", 1), "raw_path": b"", **scope}
    asyncio.run(app(full, receive, send))
    return sent


def test_a_server_sent_event_leaves_before_the_next_one_is_made() -> None:
    """Nothing of an event is held back: what the app has sent is out, in both kinds of server."""
    events = [b"data: 1\n\n", b'data: {"word": "credential"}\n\n', b": ping\n\n"]
    seen: list[list[bytes]] = []
    sent: list[dict[str, Any]] = []

    async def stream() -> Any:
        for event in events:
            yield event
            seen.append([message["body"] for message in sent if message["type"] == "http.response.body"])

    async def endpoint(request: Request) -> StreamingResponse:
        return StreamingResponse(stream(), media_type="text/event-stream")

    api, app = fastapi_app(), flask_app()
    api.router.routes.append(Route("/events", fast.require()(endpoint), methods=["GET"]))
    key = mint(api)
    _asgi(api, {"type": "http", "method": "GET", "path": "/events", "scheme": "http", "headers": [(b"x-api-key", key.encode())]}, sent)
    assert seen == [events[:1], events[:2], events]
    app.get("/events")(flasky.require()(lambda: (event for event in events)))
    environ = EnvironBuilder("/events", headers={"X-API-Key": mint(app)}).get_environ()
    parts = app.wsgi_app(environ, lambda *_: lambda data: None)
    assert list(parts) == events
    parts.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("own", [True, False])
def test_an_answer_to_an_exception_is_watched_too(own: bool) -> None:
    """What Starlette sends from outside of all middleware comes through the guard: no key in it, the request id on it; the error is raised on."""
    app = fastapi_app()
    if own:

        @app.exception_handler(Exception)
        async def said(request: Request, error: Exception) -> PlainTextResponse:
            return PlainTextResponse(str(error), 500)

    async def broken(request: Request) -> None:
        raise RuntimeError(f"no {request.headers['x-api-key']} here")

    app.router.routes.append(Route("/broken", fast.require()(broken), methods=["GET"]))
    key = mint(app)
    answer = TestClient(app, raise_server_exceptions=False).get("/broken", headers={"X-API-Key": key})
    assert (answer.status_code, key in answer.text, "no ***" in answer.text) == (500, False, own)
    assert answer.headers["x-request-id"]
    with pytest.raises(RuntimeError):
        TestClient(app).get("/broken", headers={"X-API-Key": key})


def test_middleware_of_a_mounted_app_decides_nothing() -> None:
    """It may answer before any route is found: refused; what its routes answer is judged as ever."""

    class Eager(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Any:
            return PlainTextResponse(SECRET) if request.url.path.endswith("/eager") else await call_next(request)

    from starlette.applications import Starlette
    from starlette.middleware import Middleware

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(SECRET)

    app = fastapi_app()
    app.router.routes.append(Mount("/sub", Starlette(routes=[Route("/page", fast.require()(page))], middleware=[Middleware(Eager)])))
    app.mount("/", Starlette(routes=[Route("/root", fast.require()(page))]))
    client, headers = TestClient(app), {"X-API-Key": mint(app)}
    assert [client.get(path).status_code for path in ("/sub/eager", "/sub/page", "/root")] == [403, 401, 401]
    assert [client.get(path, headers=headers).status_code for path in ("/sub/eager", "/sub/page", "/root")] == [403, 200, 200]


def test_a_mounted_app_with_a_guard_of_its_own_is_refused_by_the_outer_one() -> None:
    """Two guards do not answer for each other: nothing leaves that the outer one has not judged."""
    app, inner = fastapi_app(), fastapi_app()
    inner.get("/page")(fast.public("open there")(lambda: SECRET))
    app.mount("/inner", inner)
    assert TestClient(inner).get("/page").status_code == 200
    assert TestClient(app).get("/inner/page").status_code == 403


def test_middleware_around_the_guard_works_on_refusals_as_well() -> None:
    """CORS headers and compression are added outside; a background task runs after the answer."""
    app, ran = fastapi_app(), []
    app.add_middleware(GZipMiddleware, minimum_size=10)
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.test"])

    async def page(tasks: BackgroundTasks) -> str:
        tasks.add_task(ran.append, "task")
        return SECRET * 100

    app.get("/page")(fast.require()(page))
    client, headers = TestClient(app), {"Origin": "https://a.test", "Accept-Encoding": "gzip"}
    refused = client.get("/page", headers=headers)
    assert (refused.status_code, refused.headers["access-control-allow-origin"], ran) == (401, "https://a.test", [])
    answer = client.get("/page", headers={**headers, "X-API-Key": mint(app)})
    assert (answer.json(), answer.headers["content-encoding"], ran) == (SECRET * 100, "gzip", ["task"])


def test_partials_and_callable_objects_carry_their_own_marks() -> None:
    """A mark on the function inside a partial is not the partial's: undeclared, refused; a mark on the object itself counts."""

    @fast.public("marked inside")
    def inside(word: str = SECRET) -> str:
        return word

    class Callable_:
        def __call__(self) -> str:
            return SECRET

    app = fastapi_app()
    app.get("/partial")(partial(inside))
    app.get("/marked-partial")(fast.require()(partial(inside)))
    app.get("/object")(fast.require()(Callable_()))
    client, headers = TestClient(app), {"X-API-Key": mint(app)}
    paths = ("/partial", "/marked-partial", "/object")
    assert [client.get(path).status_code for path in paths] == [403, 401, 401]
    assert [client.get(path, headers=headers).status_code for path in paths] == [403, 200, 200]


def test_one_function_on_two_routes_is_one_declaration() -> None:
    """The mark stands on the function: saying something else about it for a second route is an error, not a second policy."""
    from ostiary.guard.declaration import PolicyError

    def view() -> str:
        return SECRET

    fast.require("a:read")(view)
    with pytest.raises(PolicyError, match="public and to require"):
        fast.public("on the second route")(view)


def test_nobody_outside_can_bring_a_decision_along() -> None:
    """Headers become ``HTTP_…`` and lower-case names: none is the key under which the guard keeps its request."""
    app = flask_app()
    app.get("/orders")(flasky.require()(lambda: SECRET))
    assert app.test_client().get("/orders", headers={ENVIRON_KEY: "x", "ostiary-request": "x"}).status_code == 401
    assert not KEY.startswith("HTTP_")


@pytest.mark.parametrize("root_path", ["", "/api"])
def test_a_root_path_changes_no_policy(root_path: str) -> None:
    """Behind a prefix the same route demands the same, with and without the prefix in the path."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    fast.Guard(app, **SETTINGS)
    app.get("/orders")(fast.require()(lambda: SECRET))
    key = mint(app)
    for path in ("/orders", f"{root_path}/orders"):
        client = TestClient(app, root_path=root_path)
        assert [client.get(path).status_code, client.get(path, headers={"X-API-Key": key}).status_code] == [401, 200]
