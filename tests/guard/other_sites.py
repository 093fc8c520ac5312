"""The small service of sites.py in frameworks whose routes the guard does not see: guarded by a policy file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from tests.guard.sites import Clock, Header, Reply, Site, _call, _environ, _scope, settings

POLICIES = """
[[policy]]
path = "/api/v1/orders"
methods = ["GET"]
require = ["orders:read"]

[[policy]]
path = "/api/v1/orders"
methods = ["POST"]
require = ["orders:write"]

[[policy]]
path = "/api/v1/orders/{order_id}"
methods = ["GET"]
require = ["orders:read"]

[[policy]]
path = "/api/v1/limited"
require = []
limits = "5 per minute"

[[policy]]
path = "/health"
public = "the load balancer asks without a key"

[[policy]]
path = "/public-limited"
public = "a shop window"
limits = "5 per minute"

[[policy]]
path = "/any-of"
any = ["a:read", "b:read"]

[[policy]]
path = "/networks"
require = []
networks = ["198.51.100.0/24"]

[[policy]]
path = "/outer/inner/deep"
require = ["deep:read"]

[[policy]]
path = "/echo"
require = []
"""
PATHS = {
    "/api/v1/orders": "orders",
    "/api/v1/limited": "limited",
    "/health": "health",
    "/public-limited": "public_limited",
    "/undeclared": "undeclared",
    "/any-of": "any_of",
    "/networks": "networks",
    "/outer/inner/deep": "deep",
    "/outer/inner/open": "open_deep",
    "/echo": "echo",
}
ORDER = "/api/v1/orders/"
REACHED: list[str] = []
"""The handlers that ran; the frameworks keep one app for the whole process, and sites are called one after the other."""


def said(name: str, who: Any, **more: Any) -> dict[str, Any]:
    """What a handler answers."""
    REACHED.append(name)
    return {"at": name, "who": who and who.subject, **more}


def plain_app(environ: dict[str, Any], start_response: Any) -> Any:
    """A WSGI app without a framework that takes paths as Bottle does: however many slashes are in front."""
    path = "/" + environ["PATH_INFO"].lstrip("/")
    name = PATHS.get(path) or ("order" if path.startswith(ORDER) else "")
    start_response("200 OK" if name else "404 Not Found", [("Content-Type", "application/json")])
    return [json.dumps(said(name, environ["ostiary.principal"])).encode() if name else b"{}"]


def django_urls() -> Any:
    from django.conf import settings as django_settings
    from django.http import JsonResponse
    from django.urls import path

    if not django_settings.configured:
        import django

        django_settings.configure(
            SECRET_KEY="used by nobody else",
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        )
        django.setup()

    def view(name: str) -> Callable[..., Any]:
        def answer(request: Any, **values: Any) -> Any:
            who = getattr(request, "scope", request.META)["ostiary.principal"]
            return JsonResponse(said(name, who, **values))

        return answer

    found = [path(place[1:], view(name)) for place, name in PATHS.items()]
    return [*found, path("api/v1/orders/<str:order_id>", view("order"))]


def __getattr__(name: str) -> Any:
    """Django looks for its URLs here."""
    if name != "urlpatterns":
        raise AttributeError(name)
    return django_urls()


def django_wsgi() -> Any:
    django_urls()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def django_asgi() -> Any:
    django_urls()
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def litestar_app() -> Any:
    import litestar

    def handler(path: str, name: str) -> Any:
        async def answer(request: litestar.Request[Any, Any, Any]) -> dict[str, Any]:
            return said(name, request.scope["ostiary.principal"])

        answer.__annotations__ = {"request": litestar.Request, "return": dict}
        methods = ["GET", "POST"] if name == "orders" else ["GET"]
        return litestar.route(path, http_method=methods, status_code=200)(answer)

    return litestar.Litestar(
        [*(handler(*pair) for pair in PATHS.items()), handler(ORDER + "{order_id:str}", "order")], openapi_config=None, logging_config=None
    )


def quart_app() -> Any:
    import quart

    app = quart.Quart(__name__, static_folder=None)

    def handler(name: str) -> Any:
        async def answer(**values: Any) -> Any:
            return said(name, quart.request.scope["ostiary.principal"], **values)

        return answer

    for path, name in PATHS.items():
        app.add_url_rule(path, name, handler(name), methods=["GET", "POST"])
    app.add_url_rule(ORDER + "<order_id>", "order", handler("order"))
    return app


APPS: dict[str, tuple[str, Callable[[], Any]]] = {
    "plain": ("wsgi", lambda: plain_app),
    "django": ("wsgi", django_wsgi),
    "django-asgi": ("asgi", django_asgi),
    "litestar": ("asgi", litestar_app),
    "quart": ("asgi", quart_app),
}


def other_site(framework: str, file: Path, store: str = "memory://", **more: Any) -> Site:
    """A site of one of these frameworks; ``policies`` replaces the policy file's text."""
    from ostiary.asgi import Guard as AsgiGuard
    from ostiary.wsgi import Guard as WsgiGuard

    kind, make = APPS[framework]
    file.write_text(more.pop("policies", POLICIES), encoding="utf-8")
    clock = Clock()
    given = {**settings(store, clock, more), "policy_file": file}
    del REACHED[:]
    if kind == "wsgi":
        guarded = WsgiGuard(more.pop("app", None) or make(), **given)
        return Site(framework, guarded.core, guarded, clock, guarded, wsgi_sender(guarded), REACHED)
    app = AsgiGuard(make(), **given)
    runner = asyncio.Runner()

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        return runner.run(_call(app, _scope(method, path, headers, base, peer), body))

    return Site(framework, app.core, app, clock, app, send, REACHED, runner)


def wsgi_sender(app: Any) -> Callable[..., Reply]:
    from werkzeug.test import run_wsgi_app

    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        environ = _environ(method, "/", headers, base, peer, body)
        target, _, environ["QUERY_STRING"] = path.partition("?")
        environ |= {"PATH_INFO": unquote_to_bytes(target).decode("latin-1"), "REQUEST_URI": path, "RAW_URI": path}
        parts, status, given = run_wsgi_app(app, environ, buffered=True)
        return Reply(int(status[:3]), tuple(given.items()), b"".join(parts))

    return send


@contextmanager
def sites(framework: str, folder: Path) -> Iterator[Callable[..., Site]]:
    """Makes sites of one framework; closes them at the end."""
    made: list[Site] = []

    def build(store: str = "memory://", **more: Any) -> Site:
        made.append(other_site(framework, folder / f"policies{len(made)}.toml", store, **more))
        return made[-1]

    yield build
    for site in made:
        site.close()
