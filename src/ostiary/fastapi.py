"""The guard for FastAPI.

    from ostiary.fastapi import Guard, public, require

    guard = Guard(app)

    @app.get("/api/v1/orders")
    @require("orders:read", limits="5 per minute")
    def orders(): ...

    reports = APIRouter(dependencies=[guard.caller("reports:read")])

    @reports.get("/mine")
    def mine(who: Annotated[Principal, guard.caller()]): ...

Documentation pages, mounts, raw routes, WebSockets and routers that are included later are all behind it, and the decision is made before
the body is parsed. A route about which nobody decided is refused.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ostiary.errors import MissingExtra

try:
    import fastapi as _fastapi  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.fastapi", "fastapi") from None

from fastapi import FastAPI, Security
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.security.base import SecurityBase
from starlette.applications import Starlette

from ostiary import starlette
from ostiary.guard.authn.statics import static
from ostiary.guard.core import Core, principal_of
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.declare import MARK, Declaration, Delegated, Refused, delegated, exempt, limit, merged, public, require

__all__ = ["Guard", "Principal", "delegated", "exempt", "limit", "public", "require", "static"]

SCHEME = "ApiKey"
_CAPTURED = "__ostiary_captured__"


class Guard(starlette.Guard):
    """Guards one FastAPI app. Takes what ``ostiary.guard.core.Core`` takes; without an app, ``init_app`` is called later."""

    def init_app(self, app: Starlette) -> None:
        """Checks the settings, opens the stores and puts the guard in front of the app. Raises UsageError for a bad setting."""
        super().init_app(app)
        if isinstance(app, FastAPI):
            _document(app, self._header)

    def caller(self, *scopes: str, **said: Any) -> Any:
        """A dependency that demands a credential with these scopes and gives the Principal; it stands in the OpenAPI document."""
        declaration = require(*scopes, **said)
        return Security(_Caller(declaration, self._header), scopes=list(declaration.scopes))

    @property
    def _header(self) -> str:
        return str(self._settings.get("header", "X-API-Key"))

    def _installed(self, app: Starlette, core: Core) -> starlette.Installed:
        return Installed(app, core)


class _Caller(SecurityBase):
    """What ``guard.caller(...)`` leaves on a route: a mark for the guard, a scheme for the document, the principal for the handler."""

    def __init__(self, declaration: Declaration, header: str) -> None:
        self.model = _model(header)
        self.scheme_name = SCHEME
        setattr(self, MARK, declaration)

    async def __call__(self) -> Principal | None:
        request = starlette.current()
        return request.principal if request is not None else None


def _model(header: str) -> APIKey:
    return APIKey.model_validate({"type": "apiKey", "in": APIKeyIn.header, "name": header})


class Installed(starlette.Installed):
    """The guard of one FastAPI app: it reads marks and gates off dependencies, too."""

    def said(self, route: Any, method: str) -> Declaration | None:
        """What the endpoint says, with what its dependencies and its routers' say; an endpoint that is public stays public."""
        own = super().said(route, method)
        if own is not None and own.public is not None:
            return own
        for dependency in _dependencies(getattr(route, "dependant", None)):
            mark = getattr(dependency.call, MARK, None)
            if mark is not None:
                own = mark if own is None else merged(own, mark)
        return own

    def gated(self, route: Any, method: str, delegate: Delegated) -> bool:
        """Is the app's own gate on the route? What it returns is taken down for limits and audit."""
        found = [one for one in _dependencies(getattr(route, "dependant", None)) if _gate_of(one.call) is delegate.gate]
        for dependency in found:
            dependency.call = _capturing(dependency.call, delegate, self.core)
        return bool(found) or super().gated(route, method, delegate)


def _dependencies(dependant: Any) -> Iterator[Any]:
    for one in getattr(dependant, "dependencies", ()):
        yield one
        yield from _dependencies(one)


def _gate_of(call: Any) -> Any:
    return getattr(call, _CAPTURED, call)


_captured: dict[tuple[int, int], tuple[Any, Callable[..., Any]]] = {}


def _capturing(gate: Callable[..., Any], delegate: Delegated, core: Core) -> Callable[..., Any]:
    """The gate itself, telling the guard who came through. One wrapper a gate, so that FastAPI calls it once a request."""
    if hasattr(gate, _CAPTURED):
        return gate
    made = _captured.get((id(gate), id(core)))
    if made is None:
        wrapper = _wrapper(gate, delegate, core)
        setattr(wrapper, _CAPTURED, gate)
        made = _captured[id(gate), id(core)] = (gate, wrapper)
    return made[1]


def _wrapper(gate: Callable[..., Any], delegate: Delegated, core: Core) -> Callable[..., Any]:
    """Of the same kind as the gate: FastAPI awaits, iterates or calls it in a thread, as it would the gate."""
    run: Any = gate if inspect.isroutine(gate) or inspect.isclass(gate) else gate.__call__  # type: ignore[operator]
    if inspect.isasyncgenfunction(run):
        return _async_generator(gate, delegate, core)
    if inspect.isgeneratorfunction(run):
        return _generator(gate, delegate, core)
    if inspect.iscoroutinefunction(run):

        @functools.wraps(gate)
        async def awaited(**values: Any) -> Any:
            subject = await gate(**values)
            await _admit_async(subject, delegate, core)
            return subject

        return awaited

    @functools.wraps(gate)
    def called(**values: Any) -> Any:
        subject = gate(**values)
        _admit(subject, delegate, core)
        return subject

    return called


def _async_generator(gate: Callable[..., Any], delegate: Delegated, core: Core) -> Callable[..., Any]:
    opened = contextlib.asynccontextmanager(gate)

    @functools.wraps(gate)
    async def yielded(**values: Any) -> Any:
        async with opened(**values) as subject:
            await _admit_async(subject, delegate, core)
            yield subject

    return yielded


def _generator(gate: Callable[..., Any], delegate: Delegated, core: Core) -> Callable[..., Any]:
    opened = contextlib.contextmanager(gate)

    @functools.wraps(gate)
    def yielded(**values: Any) -> Any:
        with opened(**values) as subject:
            _admit(subject, delegate, core)
            yield subject

    return yielded


async def _admit_async(subject: object, delegate: Delegated, core: Core) -> None:
    request, who = starlette.current(), principal_of(_named(subject, delegate), delegate)
    if request is None or request.compiled is None or who is None:
        return
    decision = await core.aadmit(request, request.compiled, who)
    if isinstance(decision, Deny):
        raise Refused(decision)


def _admit(subject: object, delegate: Delegated, core: Core) -> None:
    request, who = starlette.current(), principal_of(_named(subject, delegate), delegate)
    if request is None or request.compiled is None or who is None:
        return
    decision = core.admit(request, request.compiled, who)
    if isinstance(decision, Deny):
        raise Refused(decision)


def _named(subject: object, delegate: Delegated) -> object:
    """``delegated(gate, subject=lambda user: user.email)``: how the user is called; else the user itself."""
    return subject if subject is None or delegate.subject is None else delegate.subject(subject)


def _document(app: FastAPI, header: str) -> None:
    """Writes into the OpenAPI document what the guard demands, so that clients know and Swagger's *Authorize* works."""
    described = app.openapi

    @functools.wraps(described)
    def openapi() -> dict[str, Any]:
        document = described()
        _secure(document, app, header)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _secure(document: dict[str, Any], app: FastAPI, header: str) -> None:
    installed = getattr(app.state, starlette.STATE)
    guarded = False
    for one in installed.declared():
        operation = document.get("paths", {}).get(one.compiled.template, {}).get(one.compiled.method.lower())
        policy = one.compiled.policy
        if operation is None or policy.public or not policy.declared or one.compiled.delegate is not None:
            continue
        guarded = True
        operation.setdefault("security", [{SCHEME: list(policy.scopes)}])
    if guarded:
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes.setdefault(SCHEME, {"type": "apiKey", "in": "header", "name": header})
