"""The guard for FastAPI.

    from ostiary.fastapi import Guard, public, require

    guard = Guard(app)

    @app.get("/api/v1/orders")
    @require("orders:read", limits="5 per minute")
    def orders(): ...

    reports = APIRouter(dependencies=[guard.requires("reports:read")])

    @reports.get("/mine")
    def mine(who: Annotated[Principal, guard.requires()]): ...

Documentation pages, mounts, raw routes, WebSockets and routers that are included later are all behind it, and the decision is made before
the body is parsed. A route about which nobody decided is refused.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
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
from ostiary.asgi import AsgiRequest, Scope
from ostiary.guard.authn.statics import static
from ostiary.guard.core import Core, principal_of
from ostiary.guard.decision import Decision, Deny, Principal
from ostiary.guard.declaration import MARK, Declaration, Delegated, PolicyError, Refused, merged
from ostiary.guard.declare import accepts, concurrent, cors, delegated, deprecated, distinct, exempt, limit, public, require, timeout
from ostiary.guard.describe import APIKEY, describe
from ostiary.guard.ownership import owned
from ostiary.guard.webhooks import webhook
from ostiary.model.limit import Limit

__all__ = [
    "Guard",
    "Principal",
    "accepts",
    "concurrent",
    "cors",
    "delegated",
    "deprecated",
    "distinct",
    "exempt",
    "limit",
    "owned",
    "public",
    "require",
    "static",
    "timeout",
    "webhook",
]

SCHEME = APIKEY


class Guard(starlette.Guard):
    """Guards one FastAPI app. Takes what ``ostiary.guard.settings.Options`` names; without an app, ``init_app`` is called later."""

    def init_app(self, app: Starlette) -> None:
        """Checks the settings, opens the stores and puts the guard in front of the app. Raises UsageError for a bad setting."""
        super().init_app(app)
        if isinstance(app, FastAPI):
            _document(app, self._header)

    def requires(self, *scopes: str, limit: str | Limit | Iterable[str | Limit] | None = None, **said: Any) -> Any:
        """A dependency that demands a credential with these scopes and gives the Principal; it stands in the OpenAPI document.

        ``limit="5/minute"``: one limit or several; all else as in ``require``. Raises PolicyError.
        """
        if limit is not None and "limits" in said:
            raise PolicyError("requires: write limit= or limits=, not both")
        declaration = require(*scopes, **(said if limit is None else {**said, "limits": limit}))
        return Security(_Required(declaration, self._header), scopes=list(declaration.scopes))

    @property
    def _header(self) -> str:
        return str(self._settings.get("header", "X-API-Key"))

    def _installed(self, app: Starlette, core: Core) -> starlette.Installed:
        return Installed(app, core)


class _Required(SecurityBase):
    """What ``guard.requires(...)`` leaves on a route: a mark for the guard, a scheme for the document, the principal for the handler."""

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

    async def judge(self, route: Any, scope: Scope, request: AsgiRequest) -> Decision:
        """The decision at a route. A gate that a test overrides tells nobody's name: ``as_principal`` does."""
        decision = await super().judge(route, scope, request)
        compiled = request.compiled
        if isinstance(decision, Deny) or compiled is None or compiled.delegate is None:
            return decision
        provider = getattr(getattr(route, "original_route", route), "dependency_overrides_provider", None) or self.app
        if compiled.delegate.gate not in getattr(provider, "dependency_overrides", ()):
            return decision
        return await self.core.aadmit(request, compiled, self.core.stand_in)

    def gated(self, route: Any, method: str, delegate: Delegated) -> bool:
        """Is the app's own gate on the route? What it returns is taken down for limits and audit."""
        found = [one for one in _dependencies(getattr(route, "dependant", None)) if _gate_of(one.call) == delegate.gate]
        for dependency in found:
            if not isinstance(dependency.call, _Watched):
                dependency.call = _watched(dependency.call)
        return bool(found) or super().gated(route, method, delegate)


def _dependencies(dependant: Any) -> Iterator[Any]:
    for one in getattr(dependant, "dependencies", ()):
        yield one
        yield from _dependencies(one)


class _Watched:
    """The gate itself, telling the guard who came through. It equals the gate, so that FastAPI calls it once a request and finds what overrides it."""

    def __init__(self, gate: Callable[..., Any]) -> None:
        functools.update_wrapper(self, gate, updated=())  # type: ignore[arg-type]  # nothing of the form matters
        self.gate = gate

    def __hash__(self) -> int:
        return hash(self.gate)

    def __eq__(self, other: object) -> bool:
        return bool(_gate_of(other) == self.gate)

    def told(self, subject: object) -> tuple[Any, Any, Principal | None] | None:
        """Guard and request of this call and who came through; None on a route that does not name the gate."""
        request = starlette.current()
        delegate = request.compiled.delegate if request is not None and request.compiled is not None else None
        if request is None or delegate is None or delegate.gate != self.gate:
            return None
        return request.site.core, request, principal_of(_named(subject, delegate), delegate)

    def admit(self, subject: object) -> None:
        """Raises Refused when the guard refuses whom the gate has let in; for gates that run in a thread."""
        if (told := self.told(subject)) is not None:
            core, request, who = told
            _raise(core.admit(request, request.compiled, who))

    async def aadmit(self, subject: object) -> None:
        """The same in an event loop."""
        if (told := self.told(subject)) is not None:
            core, request, who = told
            _raise(await core.aadmit(request, request.compiled, who))


def _raise(decision: Decision) -> None:
    if isinstance(decision, Deny):
        raise Refused(decision)


# One class for each kind of gate: FastAPI awaits, iterates or calls it in a thread, as it would the gate.


class _Called(_Watched):
    def __call__(self, **values: Any) -> Any:
        subject = self.gate(**values)
        self.admit(subject)
        return subject


class _Awaited(_Watched):
    async def __call__(self, **values: Any) -> Any:
        subject = await self.gate(**values)
        await self.aadmit(subject)
        return subject


class _Yielding(_Watched):
    def __call__(self, **values: Any) -> Iterator[Any]:
        with contextlib.contextmanager(self.gate)(**values) as subject:
            self.admit(subject)
            yield subject


class _YieldingAsync(_Watched):
    async def __call__(self, **values: Any) -> AsyncIterator[Any]:
        async with contextlib.asynccontextmanager(self.gate)(**values) as subject:
            await self.aadmit(subject)
            yield subject


def _gate_of(call: Any) -> Any:
    return call.gate if isinstance(call, _Watched) else call


def _watched(gate: Callable[..., Any]) -> _Watched:
    run: Any = gate if inspect.isroutine(gate) or inspect.isclass(gate) else gate.__call__  # type: ignore[operator]
    if inspect.isasyncgenfunction(run):
        return _YieldingAsync(gate)
    if inspect.isgeneratorfunction(run):
        return _Yielding(gate)
    return _Awaited(gate) if inspect.iscoroutinefunction(run) else _Called(gate)


def _named(subject: object, delegate: Delegated) -> object:
    """``delegated(gate, subject=lambda user: user.email)``: how the user is called; else the user itself."""
    return subject if subject is None or delegate.subject is None else delegate.subject(subject)


def _document(app: FastAPI, header: str) -> None:
    """Writes into the OpenAPI document what the guard demands, so that clients know and Swagger's *Authorize* works."""
    described = app.openapi

    @functools.wraps(described)
    def openapi() -> dict[str, Any]:
        document = described()
        installed = getattr(app.state, starlette.STATE)
        tokens = installed.core.tokens
        describe(document, header, [one.compiled for one in installed.declared()], "" if tokens is None else tokens.path)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
