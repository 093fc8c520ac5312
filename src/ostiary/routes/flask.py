"""The route table of a Flask (or Quart) app object: its ``url_map``, and what a DispatcherMiddleware hangs beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ostiary.routes import ANY_METHOD, DEPTH, LiveRoute, bearer_of, name_of

# <name>, <converter:name>, <converter(arguments):name>
_PARAMETER = re.compile(r"<(?:[A-Za-z_]\w*(?:\(.*?\))?:)?([A-Za-z_]\w*)>")
# Libraries whose own views serve nothing but the document and its pages.
_DOCUMENTERS = frozenset(
    {"apiflask", "connexion", "flasgger", "flask_openapi3", "flask_restx", "flask_smorest", "flask_swagger_ui", "spectree"}
)


def table(app: Any) -> tuple[LiveRoute, ...]:
    """Every route of ``app``, in the order of its declaration. HEAD and OPTIONS only where somebody declared them."""
    return tuple(below(app, ""))


def below(app: Any, prefix: str) -> Iterator[LiveRoute]:
    """The routes of an app that another one serves under ``prefix``."""
    owner = bearer_of(app, "url_map")
    if owner is None:
        raise TypeError(f"{type(app).__name__} has no url_map: not a Flask app")
    for rule in owner.url_map.iter_rules():
        if not rule.build_only:
            yield from _of_rule(owner, rule, prefix)
    for place, mounted in _mounts(app, owner):
        yield from _of_mount(mounted, prefix + place.rstrip("/"))


def template(rule: Any) -> str:
    """The path of a rule with its parameters as ``{name}``."""
    return _PARAMETER.sub(r"{\1}", rule.rule)


def _of_rule(app: Any, rule: Any, prefix: str) -> Iterator[LiveRoute]:
    view = app.view_functions.get(rule.endpoint)
    path = prefix + template(rule)
    handler = name_of(view) if view is not None else rule.endpoint
    host = _PARAMETER.sub(r"{\1}", rule.host or rule.subdomain or "")
    for method in _methods(rule, view):
        yield LiveRoute(method, path, handler, _kind(rule, view), host)


def _methods(rule: Any, view: Any) -> list[str]:
    if getattr(rule, "websocket", False):
        return ["WEBSOCKET"]
    if rule.methods is None:
        return [ANY_METHOD]
    return sorted(set(rule.methods) - _automatic(rule, view))


def _automatic(rule: Any, view: Any) -> set[str]:
    """What nobody asked for. Werkzeug adds HEAD to every GET and keeps no note of it, so only a view class can declare both."""
    added = {"OPTIONS"} if getattr(rule, "provide_automatic_options", True) else set()
    if "GET" in rule.methods and not hasattr(getattr(view, "view_class", None), "head"):
        added.add("HEAD")
    return added


def _kind(rule: Any, view: Any) -> str:
    if getattr(rule, "websocket", False):
        return "websocket"
    if rule.endpoint.rpartition(".")[2] == "static" and "filename" in rule.arguments:
        return "static"
    package = (getattr(view, "__module__", None) or "").partition(".")[0]
    return "docs" if package in _DOCUMENTERS else "http"


def _mounts(app: Any, owner: Any) -> Iterator[tuple[str, Any]]:
    """Apps that a dispatcher around ``app``, or around its ``wsgi_app``, serves under a prefix."""
    for outermost in (app, vars(owner).get("wsgi_app")):
        dispatcher = bearer_of(outermost, "mounts")
        for _ in range(DEPTH):
            if dispatcher is None:
                break
            yield from dispatcher.mounts.items()
            dispatcher = bearer_of(dispatcher.app, "mounts")


def _of_mount(mounted: Any, prefix: str) -> Iterator[LiveRoute]:
    if bearer_of(mounted, "url_map") is not None:
        yield from below(mounted, prefix)
    else:
        yield LiveRoute(ANY_METHOD, prefix + "/{path}", name_of(mounted), "mount")
