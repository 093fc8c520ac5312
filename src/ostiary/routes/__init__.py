"""The true route table of a live app object, read by what the object looks like: no framework is imported here.

``flask.table(app)`` and ``starlette.table(app)`` answer a tuple of LiveRoute. The app must be ready to serve: what registers
routes at the first request (connexion) has to be started by the caller.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

ANY_METHOD = "*"
DEPTH = 16


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """One method on one path of a running app; parameters are ``{name}`` and ``handler`` is ``module:qualified.name``.

    ``kind`` is http, websocket (method ``WEBSOCKET``), static, docs (the framework's own document and its pages) or
    mount (another app that shows no routes: method ``*``, path ending in ``/{path}``).
    """

    method: str
    path: str
    handler: str
    kind: str = "http"
    host: str = ""


def name_of(view: Any) -> str:
    """``module:qualified.name`` of a function, class or callable object; of a partial what it calls, of a Flask view its class."""
    view = view.func if isinstance(view, functools.partial) else view
    view = getattr(view, "view_class", view)
    named = view if hasattr(view, "__qualname__") else type(view)
    return f"{named.__module__}:{named.__qualname__}"


def bearer_of(app: Any, attribute: str) -> Any:
    """The first of ``app``, the app that it wraps, the app that that one wraps, … which has ``attribute``; None without one."""
    for _ in range(DEPTH):
        if app is None or hasattr(app, attribute):
            return app
        app = getattr(app, "app", None)
    return None
