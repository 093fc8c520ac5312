"""The route table of a Starlette or FastAPI app object: included routers, mounts, hosts, WebSockets, frontends."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ostiary.routes import ANY_METHOD, LiveRoute, bearer_of, flask, name_of

_CONVERTER = re.compile(r"\{([A-Za-z_]\w*):[^}]*\}")
_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Where FastAPI defines the functions that serve the document and its pages.
_DOCUMENTER = "fastapi.applications"


def table(app: Any) -> tuple[LiveRoute, ...]:
    """Every route of ``app``, in the order of its declaration, mounted apps included. HEAD only where somebody declared it."""
    owner = bearer_of(app, "routes")
    if owner is None:
        raise TypeError(f"{type(app).__name__} has no routes: not a Starlette or FastAPI app")
    return tuple(_of_app(owner, "", ""))


def _of_app(app: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    for route in flat(app.routes):
        yield from _reader(route)(route, prefix, host)
    for path in _frontends(app):
        yield LiveRoute("GET", f"{prefix}{path.rstrip('/')}/{{path}}", "fastapi:frontend", "static", host)


def template(path: str) -> str:
    """A path with its parameters as ``{name}``."""
    return _CONVERTER.sub(r"{\1}", path)


def flat(routes: Iterable[Any]) -> Iterable[Any]:
    """Routes as they are served, included routers unfolded. From 0.137 on FastAPI hides included routers in one object each; from 0.137.2 on it has a function that unfolds them."""
    unfold = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", None)
    return unfold(routes) if unfold else (leaf for route in routes for leaf in _leaves(route))


def _leaves(route: Any) -> Iterator[Any]:
    candidates = getattr(route, "effective_candidates", None)
    if candidates is None:
        yield getattr(route, "starlette_route", None) or route
        return
    for candidate in candidates():
        yield from _leaves(candidate)


def _classes(thing: Any) -> set[str]:
    return {f"{cls.__module__}.{cls.__qualname__}" for cls in type(thing).__mro__}


def _reader(route: Any) -> Callable[[Any, str, str], Iterator[LiveRoute]]:
    classes = _classes(getattr(route, "original_route", route))
    found = (reader for name, reader in _READERS.items() if f"starlette.routing.{name}" in classes)
    return next(found, _of_unknown)


def _of_http(route: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    path = prefix + template(route.path)
    kind = "docs" if getattr(route.endpoint, "__module__", None) == _DOCUMENTER else "http"
    for method in _methods(route):
        yield LiveRoute(method, path, name_of(route.endpoint), kind, host)


def _methods(route: Any) -> list[str]:
    if route.methods is not None:
        # Starlette adds HEAD to every GET; FastAPI's own routes (they have a ``dependant``) answer what was declared.
        added = {"HEAD"} if "GET" in route.methods and not hasattr(route, "dependant") else set()
        return sorted(set(route.methods) - added)
    declared = [verb for verb in _VERBS if hasattr(route.endpoint, verb.lower())]
    return sorted(declared) or [ANY_METHOD]


def _of_websocket(route: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    path = prefix + template(route.path)
    yield LiveRoute("WEBSOCKET", path, name_of(route.endpoint), "websocket", host)


def _of_mount(route: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    below = prefix + template(route.path)
    yield from _of_asgi(route.app, below, host)


def _of_host(route: Any, prefix: str, _outer: str) -> Iterator[LiveRoute]:
    yield from _of_asgi(route.app, prefix, template(route.host))


def _of_asgi(app: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    """What another app serves under ``prefix``: its routes where it shows them, one raw mount where it does not."""
    if (owner := bearer_of(app, "routes")) is not None:
        yield from _of_app(owner, prefix, host)
    elif (owner := bearer_of(app, "url_map")) is not None:
        yield from flask.below(owner, prefix)
    elif "starlette.staticfiles.StaticFiles" in _classes(app):
        yield LiveRoute("GET", f"{prefix}/{{path}}", name_of(app), "static", host)
    else:
        yield LiveRoute(ANY_METHOD, f"{prefix}/{{path}}", name_of(app), "mount", host)


def _of_unknown(route: Any, prefix: str, host: str) -> Iterator[LiveRoute]:
    """A route class of the project's own: what it says of itself, never nothing."""
    path = prefix + template(str(getattr(route, "path", None) or "/{path}"))
    for method in sorted(getattr(route, "methods", None) or [ANY_METHOD]):
        yield LiveRoute(method, path, name_of(getattr(route, "endpoint", None) or route), "http", host)


def _frontends(app: Any) -> Iterator[str]:
    """Folders that FastAPI serves after every route (``app.frontend``): only its router's private list knows them."""
    router = getattr(app, "router", app)
    for entry in getattr(router, "_iter_low_priority_routes", tuple)():
        group = getattr(entry, "original_route", entry)
        for route in getattr(group, "routes", ()):
            yield getattr(entry, "frontend_prefix", "") + route.path


_READERS: dict[str, Callable[[Any, str, str], Iterator[LiveRoute]]] = {
    "Route": _of_http,
    "WebSocketRoute": _of_websocket,
    "Mount": _of_mount,
    "Host": _of_host,
}
