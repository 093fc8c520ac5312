"""Cross-origin resource sharing on the way back: what answers and preflights say (Fetch standard, section 3.2; NET-5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostiary.guard.request import Request
    from ostiary.model.cors import Cors

Headers = list[tuple[str, str]]


def answer(cors: Cors, request: Request, given: Iterable[str]) -> Headers:
    """What an answer says. ``given``: the names, in lower case, of what it has: an app that speaks for itself is left alone."""
    origin = _origin_of(request)
    vary: Headers = [] if cors.origins is None and not cors.credentials else [("Vary", "Origin")]
    if "access-control-allow-origin" in given or not origin or not cors.allows(origin):
        return vary
    found: Headers = [("Access-Control-Allow-Origin", origin if vary else "*"), *vary]
    if cors.credentials:
        found.append(("Access-Control-Allow-Credentials", "true"))
    return [*found, ("Access-Control-Expose-Headers", ", ".join(cors.expose))] if cors.expose else found


def preflight(cors: Cors, request: Request, methods: Iterable[str]) -> Headers:
    """What the answer to a preflight says: nothing where the origin may not call. ``methods``: those of the route."""
    if not cors.allows(_origin_of(request)):
        return []
    found = [("Access-Control-Allow-Methods", ", ".join(cors.methods or tuple(sorted(methods))))]
    if cors.headers:
        found.append(("Access-Control-Allow-Headers", ", ".join(cors.headers)))
    return [*found, ("Access-Control-Max-Age", str(cors.max_age))]


def is_preflight(request: Request) -> bool:
    """A real preflight: OPTIONS with Origin and Access-Control-Request-Method."""
    return request.method == "OPTIONS" and bool(_origin_of(request) and requested_method(request))


def requested_method(request: Request) -> str:
    """The method that a preflight asks about."""
    return next(iter(request.header("access-control-request-method")), "").strip()


def _origin_of(request: Request) -> str:
    found = request.header("origin")
    return found[0].strip() if len(found) == 1 else ""
