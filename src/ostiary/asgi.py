"""The outer shim for ASGI 3: what needs no route on the way in, headers, body and event on the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.guard import answers
from ostiary.guard.decision import Deny
from ostiary.guard.request import Request

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.leak import BodyWatch

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
KEY = "ostiary.request"
POLICY_VIOLATION = 1008
# What a router answers by itself where no route matched: nothing of the app was reached.
_ROUTERS_OWN = frozenset({307, 404})
# Ways of sending a file that the watch over bodies would not see.
_UNSEEN = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


class AsgiRequest(Request):
    """A request as ASGI tells it: one entry for each header line."""

    __slots__ = ("_headers", "judged", "prefix", "site")

    def __init__(self, scope: Scope, started: float, site: Any = None) -> None:
        """``site`` is the adapter that judges routes; ``prefix`` is where the mounts passed so far hang, ``judged`` ends the search."""
        found: dict[str, tuple[str, ...]] = {}
        for raw_name, raw_value in scope["headers"]:
            name = raw_name.decode("latin-1")
            found[name] = (*found.get(name, ()), raw_value.decode("latin-1"))
        self._headers = found
        self.site = site
        self.prefix = ""
        self.judged = False
        client, server = scope.get("client"), scope.get("server")
        super().__init__(
            scope.get("method", "GET"),
            scope["path"],
            scope.get("query_string", b"").decode("latin-1"),
            client[0] if client else "",
            scope.get("scheme", "http"),
            next(iter(found.get("host", ())), server[0] if server else ""),
            started,
        )

    def header(self, name: str) -> tuple[str, ...]:
        return self._headers.get(name, ())


class Shim:
    """Stands around an app. The app's adapter finds the request in ``scope["ostiary.request"]``."""

    def __init__(self, app: App, *, core: Core, ready: Callable[[], None] = lambda: None, site: Any = None) -> None:
        """``ready`` is called at start-up (lifespan), or before the first request where the server has no lifespan."""
        self.app = app
        self._core = core
        self._ready = ready
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        core = self._core
        if not core.settings.monitor and scope.get("extensions"):
            scope["extensions"] = {name: value for name, value in scope["extensions"].items() if name not in _UNSEEN}
        request = AsgiRequest(scope, core.clock(), self._site)
        scope[KEY] = request
        answer = Answer(core, request, scope, send)
        denied = core.start(request, self._ready) or core.arrive(request)
        try:
            if denied is not None:
                await core.aafter_arrive(request, denied)
                await answer.refuse(denied)
            else:
                await self.app(scope, receive, answer.send)
        except BaseException as error:
            answer.status = 500
            if isinstance(error, Exception) and not answer.started and self._site is not None:
                await self._site.failed(error, scope, receive, answer.send)
            raise
        finally:
            core.record(request, answer.status)
            core.leave()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A declaration that cannot be ends the start with its sentence: a server that only saw an exception might go on without lifespan."""
        try:
            self._ready()
        except UsageError as error:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await self.app(scope, receive, self._closing(send))

    def _closing(self, send: Send) -> Send:
        """Writes the last events before the server ends: uvicorn ends by a signal, and nothing at exit would run."""

        async def closing(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                self._core.recorder.close()
                await self._core.aclose()
            await send(message)

        return closing


class Answer:
    """One answer on its way out. An answer that starts without a decision is replaced by the uniform refusal."""

    __slots__ = ("_core", "_replaced", "_request", "_scope", "_send", "_watch", "started", "status")

    def __init__(self, core: Core, request: AsgiRequest, scope: Scope, send: Send) -> None:
        self._core = core
        self._request = request
        self._scope = scope
        self._send = send
        self._watch: BodyWatch | None = None
        self._replaced = False
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """What the app is given for ``send``."""
        kind = message["type"]
        if self._replaced:
            return
        self.started = True
        if kind.endswith("http.response.start"):
            await self._start(message)
        elif kind.endswith("http.response.body") and self._watch is not None:
            last = not message.get("more_body", False)
            await self._send({**message, "body": self._watch.clean(message.get("body", b""), last)})
        elif kind == "websocket.accept":
            await self._accept(message)
        else:
            self.status = message.get("status", 403 if kind == "websocket.close" and self.status == 500 else self.status)
            await self._send(message)

    async def _start(self, message: Message) -> None:
        if (denied := await self._stopped(message["status"])) is not None:
            self._replaced = True
            await self.refuse(denied)
            return
        self.status = message["status"]
        given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        headers, self._watch = answers.settle(self._core, self._request, given)
        await self._send({**message, "headers": _raw(headers)})

    async def _accept(self, message: Message) -> None:
        if (denied := await self._stopped(101)) is not None:
            self._replaced = True
            await self.refuse(denied)
            return
        self.status = 101
        await self._send(message)

    async def _stopped(self, status: int) -> Deny | None:
        """Nothing was decided: right where the router found no route, a bypass everywhere else."""
        core, request = self._core, self._request
        if request.decision is None and status in _ROUTERS_OWN:
            decision = await core.adecide(request, core.policies.unmatched)
            return decision if isinstance(decision, Deny) else None
        return core.stopped(request, status)

    async def refuse(self, denied: Deny) -> None:
        """Answers with the problem document in place of the app."""
        self.status = denied.problem.status
        await respond(self._scope, self._send, self._settled(answers.refusal(self._request, denied)))

    def _settled(self, refused: answers.Refusal) -> answers.Refusal:
        headers, _ = answers.settle(self._core, self._request, refused.headers)
        return refused._replace(headers=headers)


async def respond(scope: Scope, send: Send, refused: answers.Refusal) -> None:
    """Sends a refusal; a WebSocket is refused before it is accepted, with the same document where the server can."""
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": refused.status, "headers": _raw(refused.headers)})
    await send({"type": f"{kind}.body", "body": refused.body})


def _raw(headers: answers.Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
