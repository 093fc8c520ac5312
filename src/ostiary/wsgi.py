"""The outer shim for WSGI (PEP 3333): what needs no route on the way in, headers, body and event on the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from http import HTTPStatus
from typing import Any

from ostiary.errors import UsageError
from ostiary.guard import answers
from ostiary.guard.authn.certificate import HEADERS as CERTIFICATE
from ostiary.guard.body import Body, Watch, check_wsgi, read_wsgi
from ostiary.guard.bypath import PRINCIPAL, PathGuard
from ostiary.guard.core import Core
from ostiary.guard.decision import Decision, Deny
from ostiary.guard.leak import BodyWatch, harmless
from ostiary.guard.received import wsgi_fields, wsgi_path
from ostiary.guard.request import ENCRYPTED, Request, new_id
from ostiary.guard.signed_answers import Held, held
from ostiary.wire.digest import ContentCheck
from ostiary.wire.message import Message

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
KEY = "ostiary.request"
PHRASES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class WsgiRequest(Request):
    """A request as WSGI tells it. Servers join several headers of one name with commas, and fold ``-`` and ``_``."""

    def __init__(self, environ: Environ, started: float) -> None:
        self.environ = environ
        self.method = environ["REQUEST_METHOD"]
        self.path = _decoded(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
        self.query = environ.get("QUERY_STRING", "")
        self.peer = self.address = environ.get("REMOTE_ADDR") or ""
        self.scheme = scheme = environ.get("wsgi.url_scheme", "http")
        self.secure = scheme in ENCRYPTED
        self.started = started
        self.id = new_id()

    @cached_property
    def authority(self) -> str:  # type: ignore[override]
        """Few settings ask for it."""
        return str(self.environ.get("HTTP_HOST") or self.environ.get("SERVER_NAME", ""))

    def header(self, name: str) -> tuple[str, ...]:
        value = self.environ.get(_VARIABLES.get(name) or _variable(name))
        return () if value is None else (value,)

    def lone(self, header: str) -> str:
        environ = self.environ
        key, other = environ.get(_VARIABLES.get(header) or _variable(header)), environ.get("HTTP_AUTHORIZATION")
        if other is None:
            return key or ""
        return other[7:] if key is None and other[:7] == "Bearer " else ""

    def forwarded(self) -> bool:
        environ = self.environ
        return (
            "HTTP_X_FORWARDED_FOR" in environ
            or "HTTP_X_FORWARDED_PROTO" in environ
            or "HTTP_X_FORWARDED_HOST" in environ
            or "HTTP_FORWARDED" in environ
        )

    def message(self) -> Message:
        """Raises BadSignature for a path that this server has decoded and that could have been sent in several ways."""
        environ = self.environ
        query = self.query.encode("latin-1")
        return Message(self.method, self.scheme, self.authority, wsgi_path(environ), query, wsgi_fields(environ))

    def read_body(self, limit: int, seconds: float, watch: Watch) -> Body:
        self.body = read_wsgi(self.environ, limit, seconds, watch)
        return self.body

    def check_body(self, check: ContentCheck | None) -> None:
        check_wsgi(self.environ, check, self.cut_off)

    def agent(self) -> str:
        return self.environ.get("HTTP_USER_AGENT", "")  # type: ignore[no-any-return]


def _decoded(path: str) -> str:
    """PEP 3333 hands on bytes as Latin-1."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


_VARIABLES: dict[str, str] = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def _variable(name: str) -> str:
    made = _VARIABLES[name] = "HTTP_" + name.upper().replace("-", "_")
    return made


class Shim:
    """Stands around an app. The app, or its adapter, finds the request in ``environ["ostiary.request"]`` until the answer is out."""

    def __init__(self, app: App, core: Core, ready: Callable[[], None] = lambda: None) -> None:
        """``ready`` is called before the first request, and again until it raises nothing."""
        self.app = app
        self._core = core
        self._ready = ready
        self._is_ready = False
        self._settler = answers.Settler(core)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        core = self._core
        if core.forged is not None and core.forged(environ.get("REMOTE_ADDR") or ""):
            for name in CERTIFICATE:
                environ.pop(_variable(name), None)
        request = WsgiRequest(environ, core.clock())
        environ[KEY] = request
        denied = (None if self._is_ready else self._begin(request)) or core.arrive(request)
        answer = _Answer(core, self._settler, request, start_response)
        if denied is not None:
            core.after_arrive(request, denied)
            return answer.instead(answers.refusal(request, denied))
        try:
            return answer.of(self.app(environ, answer.start))
        except BaseException:
            answer.failed()
            raise

    def _begin(self, request: Request) -> Deny | None:
        denied = self._core.start(request, self._ready)
        self._is_ready = denied is None
        return denied


class _Answer:
    """One answer on its way out. An answer that starts without a decision is replaced by the uniform refusal."""

    _body: Iterable[bytes] = ()
    _held: Held | None = None
    _recorded = False
    _refused: answers.Refusal | None = None
    _size: str | None = None
    _status = 500
    _status_line = ""
    _watch: BodyWatch | None = None
    _write: Callable[[bytes], object]

    def __init__(self, core: Core, settler: answers.Settler, request: WsgiRequest, start_response: StartResponse) -> None:
        self._core = core
        self._settler = settler
        self._request = request
        self._start = start_response

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        code = int(status[:3])
        if (denied := self._core.stopped(self._request, code)) is not None:
            self._refused = refused = answers.refusal(self._request, denied)
            status, headers, code = PHRASES[refused.status], refused.headers, refused.status
        self._status = code
        settled, self._size = self._settler.settle(self._request, headers)
        self._status_line = status
        if (compiled := self._request.compiled) is not None and compiled.signer is not None:
            self._held = held(self._core, self._request, code, settled)
        else:
            self._write = self._start(status, settled, exc_info) if exc_info else self._start(status, settled)
        return self._written

    def _written(self, data: bytes) -> object:
        if self._refused is not None:
            return None
        cleaned = self._clean(data)
        return self._write(cleaned) if self._held is None else self._held.add(cleaned)

    def instead(self, refused: answers.Refusal) -> Iterable[bytes]:
        """A refusal in place of the app's answer."""
        self._refused = refused
        self._status = refused.status
        settled, _ = self._settler.settle(self._request, refused.headers)
        self._start(PHRASES.get(refused.status, str(refused.status)), settled)
        return self

    def of(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The app's body, watched. A list is looked at as a whole: no secret of it is cut in two."""
        self._body = [b"".join(body)] if isinstance(body, list) and len(body) > 1 and not self._core.settings.monitor else body
        return self

    def _clean(self, data: bytes) -> bytes:
        """What may leave now. An answer that came in one piece, as its length tells, needs no watch when nothing in it can be secret."""
        watch = self._watch
        if watch is None:
            request = self._request
            if self._core.settings.monitor:
                return data
            ours = not answers.issues(request)
            if str(len(data)) == self._size and harmless(data, request.credential, ours=ours):
                return data
            watch = self._watch = BodyWatch(request.credential, ours=ours)
            request.removed = watch.removed
        return watch.clean(data)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            # An app that is a generator starts its answer here.
            if self._refused is not None:
                break
            if self._held is None:
                yield self._clean(chunk)
            elif not self._held.add(self._clean(chunk)):
                break
        if self._held is not None:
            yield self._sealed(self._held)
        elif self._refused is not None:
            yield self._refused.body
        elif self._watch is not None and (rest := self._watch.rest()):
            yield rest

    def _sealed(self, answer: Held) -> bytes:
        """The answer as a whole, signed."""
        if self._refused is not None:
            answer.add(self._refused.body)
        elif self._watch is not None:
            answer.add(self._watch.rest())
        sealed = answer.sealed()
        line = self._status_line if sealed.status == self._status else PHRASES[sealed.status]
        self._status = sealed.status
        self._start(line, sealed.headers)
        return sealed.content

    def failed(self) -> None:
        """The app gave no answer."""
        self._core.record(self._request, 500)
        self._leave()

    def close(self) -> None:
        """PEP 3333: called by the server when the answer is out and logged, or the client is gone."""
        if self._recorded:
            return
        self._recorded = True
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._core.record(self._request, self._status)
            self._leave()

    def _leave(self) -> None:
        self._core.leave()
        # The two hold each other: they would wait for the garbage collector.
        self._request.environ.pop(KEY, None)


class Guard:
    """Guards any WSGI app by its policy file, and is the app to serve. Takes what ``ostiary.guard.settings.Options`` names.

        application = Guard(get_wsgi_application(), policy_file="ostiary.toml")

    Policies are matched against PATH_INFO. The app finds the caller in ``environ["ostiary.principal"]``: a Principal, or None.
    """

    def __init__(self, app: App, **options: Any) -> None:
        if not callable(app):
            raise UsageError(f"a WSGI app is a callable of environ and start_response, not {app!r}")
        self.app = app
        self.core = Core(**options)
        self.paths = PathGuard(self.core)
        self._shim = Shim(self._judged, self.core, self.paths.ready)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return self._shim(environ, start_response)

    def _judged(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request: WsgiRequest = environ[KEY]
        decision = self._decision(request, environ)
        if isinstance(decision, Deny):
            refused = answers.refusal(request, decision)
            start_response(PHRASES[refused.status], refused.headers)
            return [refused.body]
        if answers.issues(request):
            # What compresses inside of the guard is not asked to.
            environ.pop("HTTP_ACCEPT_ENCODING", None)
        environ[PRINCIPAL] = request.principal
        return self.app(environ, start_response)

    def _decision(self, request: WsgiRequest, environ: Environ) -> Decision:
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        try:
            found = self.paths.judge(request, request.method, _decoded(environ.get("PATH_INFO", "")) or "/", target)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return self.core.failed(request)
        return self.paths.stopped(request, found) if isinstance(found, Deny) else self.core.decide(request, found)
