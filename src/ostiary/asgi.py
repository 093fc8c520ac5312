"""The outer shim for ASGI 3: what needs no route on the way in, headers, body and event on the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any

from ostiary.errors import Defect, UsageError
from ostiary.guard import answers
from ostiary.guard.authn.certificate import HEADERS
from ostiary.guard.body import Body, Watch, checked_asgi, read_asgi
from ostiary.guard.bypath import PRINCIPAL, PathGuard
from ostiary.guard.core import Core
from ostiary.guard.decision import Decision, Deny
from ostiary.guard.leak import BodyWatch, harmless
from ostiary.guard.lifespan import lifespan
from ostiary.guard.received import asgi_path
from ostiary.guard.request import ENCRYPTED, Request, new_id
from ostiary.guard.signed_answers import Held, held
from ostiary.wire.digest import ContentCheck
from ostiary.wire.message import Message as SignedMessage

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
KEY = "ostiary.request"
POLICY_VIOLATION = 1008
_CERTIFICATE = frozenset(name.encode() for name in HEADERS)
# What a router answers by itself where no route matched: nothing of the app was reached.
_ROUTERS_OWN = frozenset({307, 404})
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
_BODIES = frozenset({"http.response.body", "websocket.http.response.body"})
# Ways of sending a file that the watch over bodies would not see.
_UNSEEN = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


class AsgiRequest(Request):
    """A request as ASGI tells it: one entry for each header line."""

    site: Any = None
    prefix = ""
    judged = False
    raw_path: bytes | None = None
    receive: Receive | None = None

    def __init__(self, scope: Scope, started: float, site: Any = None) -> None:
        """``site`` is the adapter that judges routes; ``prefix`` is where the mounts passed so far hang, ``judged`` ends the search."""
        lines = scope["headers"]
        self._lines = lines
        # The last line of each name; where there is but one of each, that is all there is to know.
        self._last = last = dict(lines)
        self._single = len(last) == len(lines)
        self._server = scope.get("server")
        if site is not None:
            self.site = site
        self.method = scope.get("method", "GET")
        self.path = scope["path"]
        query = scope.get("query_string")
        self.query = query.decode("latin-1") if query else ""
        client = scope.get("client")
        self.peer = self.address = client[0] if client else ""
        self.scheme = scheme = scope.get("scheme", "http")
        self.secure = scheme in ENCRYPTED
        self.started = started
        self.id = new_id()

    @cached_property
    def authority(self) -> str:  # type: ignore[override]
        """Few settings ask for it."""
        return next(iter(self.header("host")), self._server[0] if self._server else "")

    def header(self, name: str) -> tuple[str, ...]:
        raw = _NAMES.get(name) or _raw_name(name)
        value = self._last.get(raw)
        if value is None:
            return ()
        if self._single:
            return (value.decode("latin-1"),)
        return tuple(value.decode("latin-1") for name, value in self._lines if name == raw)

    def lone(self, header: str) -> str:
        if not self._single:
            return super().lone(header)
        key, other = self._last.get(_NAMES.get(header) or _raw_name(header)), self._last.get(b"authorization")
        if other is None:
            return key.decode("latin-1") if key is not None else ""
        return other[7:].decode("latin-1") if key is None and other[:7] == b"Bearer " else ""

    def forwarded(self) -> bool:
        last = self._last
        return b"x-forwarded-for" in last or b"x-forwarded-proto" in last or b"x-forwarded-host" in last or b"forwarded" in last

    def agent(self) -> str:
        if not self._single:
            return super().agent()
        return self._last.get(b"user-agent", b"").decode("latin-1")  # type: ignore[no-any-return]

    def message(self) -> SignedMessage:
        """Raises BadSignature for a path that this server has decoded and that could have been sent in several ways."""
        path = asgi_path(self.raw_path, self.path)
        return SignedMessage(self.method, self.scheme, self.authority, path, self.query.encode("latin-1"), tuple(self._lines))

    async def read_body(self, limit: int, seconds: float, watch: Watch) -> Body:
        if self.receive is None:
            raise Defect("content is asked for where nobody gave it")
        self.body, self.receive = await read_asgi(self.receive, limit, seconds, watch)
        return self.body

    def check_body(self, check: ContentCheck | None) -> None:
        if self.receive is None:
            raise Defect("content is asked for where nobody gave it")
        self.receive = checked_asgi(self.receive, check, self.cut_off)

    async def judged_with(self, scope: Scope, receive: Receive, decision: Awaitable[Decision]) -> tuple[Decision, Receive]:
        """The decision, and the ``receive`` that gives the app again what was read for it."""
        http = scope["type"] == "http"
        self.raw_path, self.receive = scope.get("raw_path"), receive if http else _no_content
        try:
            made = await decision
            return made, self.receive if http else receive
        finally:
            # No circle: it leads to the scope, and that to the request.
            self.receive = None


async def _no_content() -> Message:
    """A WebSocket's."""
    return {"type": "http.request", "body": b"", "more_body": False}


_NAMES: dict[str, bytes] = {}


def _raw_name(name: str) -> bytes:
    made = _NAMES[name] = name.encode("latin-1")
    return made


class Shim:
    """Stands around an app. The app's adapter finds the request in ``scope["ostiary.request"]``."""

    def __init__(self, app: App, *, core: Core, ready: Callable[[], None] = lambda: None, site: Any = None) -> None:
        """``ready`` is called at start-up (lifespan), or before the first request where the server has no lifespan."""
        self.app = app
        self._core = core
        self._ready = ready
        self._is_ready = False
        self._site = site
        self._settler = answers.Settler(core, raw=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(self._core, self._ready, self.app, scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        core = self._core
        if scope.get("extensions") and not core.settings.monitor:
            scope["extensions"] = {name: value for name, value in scope["extensions"].items() if name not in _UNSEEN}
        if core.forged is not None and core.forged(scope["client"][0] if scope.get("client") else ""):
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in _CERTIFICATE]
        request = AsgiRequest(scope, core.clock(), self._site)
        scope[KEY] = request
        answer = Answer(core, self._settler, request, scope, send)
        denied = (None if self._is_ready else self._begin(request)) or core.arrive(request)
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

    def _begin(self, request: AsgiRequest) -> Deny | None:
        denied = self._core.start(request, self._ready)
        self._is_ready = denied is None
        return denied


class Answer:
    """One answer on its way out. An answer that starts without a decision is replaced by the uniform refusal."""

    started = False
    status = 500
    _held: Held | None = None
    _replaced = False
    _watch: BodyWatch | None = None

    def __init__(self, core: Core, settler: answers.Settler, request: AsgiRequest, scope: Scope, send: Send) -> None:
        self._core = core
        self._settler = settler
        self._request = request
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        """What the app is given for ``send``."""
        kind = message["type"]
        if self._replaced:
            return
        self.started = True
        if kind in _STARTS:
            request, status = self._request, message["status"]
            denied = await self._undecided(status) if request.decision is None else self._core.stopped(request, status)
            if denied is not None:
                self._replaced = True
                await self.refuse(denied)
                return
            self.status = status
            headers, _ = self._settler.settle(request, message.get("headers", ()))
            if request.compiled is not None and request.compiled.signer is not None:
                await self._hold(status, headers)
            else:
                await self._send({**message, "headers": headers})
        elif kind in _BODIES:
            cleaned = self._cleaned(message)
            await (self._send(cleaned) if self._held is None else self._add(self._held, cleaned))
        elif kind == "websocket.accept":
            await self._accept(message)
        else:
            self.status = message.get("status", 403 if kind == "websocket.close" and self.status == 500 else self.status)
            await self._send(message)

    def _cleaned(self, message: Message) -> Message:
        """What may leave now. An answer that came in one piece needs no watch when nothing in it can be secret."""
        if self._core.settings.monitor:
            return message
        data, last, watch = message.get("body", b""), not message.get("more_body", False), self._watch
        if watch is None:
            request = self._request
            ours = not answers.issues(request)
            if last and harmless(data, request.credential, ours=ours):
                return message
            watch = self._watch = BodyWatch(request.credential, ours=ours)
            request.removed = watch.removed
        return {**message, "body": watch.clean(data, last)}

    async def _hold(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._held = answer = held(self._core, self._request, status, answers.decoded(headers))
        if answer is not None and answer.over:
            await self._seal(answer)

    async def _add(self, answer: Held, message: Message) -> None:
        if not answer.add(message.get("body", b"")) or not message.get("more_body", False):
            await self._seal(answer)

    async def _seal(self, answer: Held) -> None:
        """The answer as a whole, signed; whatever follows is no part of it."""
        self._replaced = True
        sealed = answer.sealed()
        self.status = sealed.status
        await _respond(self._scope, self._send, answers.Refusal(*sealed), answers.encoded(sealed.headers))

    async def _accept(self, message: Message) -> None:
        if (denied := await self._undecided(101)) is not None:
            self._replaced = True
            await self.refuse(denied)
            return
        self.status = 101
        await self._send(message)

    async def _undecided(self, status: int) -> Deny | None:
        """Nothing was decided: right where the router found no route, a bypass everywhere else."""
        core, request = self._core, self._request
        if request.decision is None and status in _ROUTERS_OWN:
            decision = await core.adecide(request, core.policies.unmatched)
            return decision if isinstance(decision, Deny) else None
        return core.stopped(request, status)

    async def refuse(self, denied: Deny) -> None:
        """Answers with the problem document in place of the app."""
        self.status = denied.problem.status
        refused = answers.refusal(self._request, denied)
        headers, _ = self._settler.settle(self._request, answers.encoded(refused.headers))
        if (answer := held(self._core, self._request, refused.status, answers.decoded(headers))) is not None:
            answer.add(refused.body)
            await self._seal(answer)
            return
        await _respond(self._scope, self._send, refused, headers)


async def respond(scope: Scope, send: Send, refused: answers.Refusal) -> None:
    """Sends a refusal; a WebSocket is refused before it is accepted, with the same document where the server can."""
    await _respond(scope, send, refused, answers.encoded(refused.headers))


async def _respond(scope: Scope, send: Send, refused: answers.Refusal, headers: list[tuple[bytes, bytes]]) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": refused.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": refused.body})


class Guard:
    """Guards any ASGI app by its policy file, and is the app to serve. Takes what ``ostiary.guard.settings.Options`` names.

        app = Guard(get_asgi_application(), policy_file="ostiary.toml")

    Policies are matched against the path; behind a ``root_path`` against the path below it and the whole one, which must agree unless
    ``strips_root_path`` says which of them the app matches. A WebSocket has the method WEBSOCKET. The app finds the caller in
    ``scope["ostiary.principal"]``: a Principal, or None.
    """

    def __init__(self, app: App, *, strips_root_path: bool | None = None, **options: Any) -> None:
        if not callable(app):
            raise UsageError(f"an ASGI app is a callable of scope, receive and send, not {app!r}")
        self.app = app
        self.core = Core(**options)
        self.paths = PathGuard(self.core, strips_root_path)
        self._shim = Shim(self._judged, core=self.core, ready=self.paths.ready)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._shim(scope, receive, send)

    async def _judged(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request: AsgiRequest = scope[KEY]
        decision, receive = await request.judged_with(scope, receive, self._decision(request, scope))
        if isinstance(decision, Deny):
            await respond(scope, send, answers.refusal(request, decision))
            return
        if answers.issues(request):
            # What compresses inside of the guard is not asked to.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
        scope[PRINCIPAL] = request.principal
        await self.app(scope, receive, send)

    async def _decision(self, request: AsgiRequest, scope: Scope) -> Decision:
        method = "WEBSOCKET" if scope["type"] == "websocket" else request.method
        target = (scope.get("raw_path") or b"").decode("latin-1")
        try:
            found = self.paths.judge(request, method, scope["path"], target, scope.get("root_path") or "")
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return self.core.failed(request)
        return self.paths.stopped(request, found) if isinstance(found, Deny) else await self.core.adecide(request, found)
