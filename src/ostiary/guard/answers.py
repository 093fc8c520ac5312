"""The way back: what an answer carries, and what a refusal looks like. ``settle`` is the second half of ``flow``; it does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ostiary.guard import transport
from ostiary.guard.leak import BodyWatch, clean_headers
from ostiary.guard.limit_headers import emit
from ostiary.wire.problem import CONTENT_TYPE

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.decision import Deny
    from ostiary.guard.request import Request

Headers = list[tuple[str, str]]
_BANNERS = frozenset({"server", "x-powered-by"})


class Refusal(NamedTuple):
    """A complete answer."""

    status: int
    headers: Headers
    body: bytes


def refusal(request: Request, denied: Deny) -> Refusal:
    """The problem document of a refusal (RFC 9457), without body for HEAD."""
    body = denied.problem.body(request.id)
    headers: Headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return Refusal(denied.problem.status, [*headers, *denied.problem.headers, *denied.headers], b"" if request.method == "HEAD" else body)


def settle(core: Core, request: Request, headers: Headers) -> tuple[Headers, BodyWatch | None]:
    """The headers that leave, and who watches the body (None: nothing of it can be secret to this guard)."""
    issues = request.compiled is not None and request.compiled.policy.issues
    kept = [(name, _cookie(name, value, request.secure)) for name, value in headers if name.lower() not in _BANNERS]
    kept = clean_headers(kept, request.credential, ours=not issues)
    names = [name.lower() for name, _ in kept]
    content_type = next((value for name, value in kept if name.lower() == "content-type"), "")
    private = request.principal is not None or bool(request.credential) or issues
    kept += transport.headers_for(request, names, content_type, core.settings.transport, private)
    if (ends := core.settings.versions.lifecycle(request, request.compiled)) is not None:
        kept += [(name, value) for name, value in ends.headers if name == "Link" or name.lower() not in names]
    kept.append(("X-Request-Id", request.id))
    if request.spent is not None:
        kept += emit(request.limits, request.spent, request.started, core.settings.limit_fields)
    return kept, None if core.settings.monitor else BodyWatch(request.credential, ours=not issues)


def _cookie(name: str, value: str, secure: bool) -> str:
    return transport.secure_cookie(value, secure) if name.lower() == "set-cookie" else value
