"""The outer shim for WSGI (PEP 3333): what needs no route on the way in, headers, body and event on the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ostiary.guard import answers
from ostiary.guard.request import Request

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.leak import BodyWatch

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
KEY = "ostiary.request"
_PHRASES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class WsgiRequest(Request):
    """A request as WSGI tells it. Servers join several headers of one name with commas, and fold ``-`` and ``_``."""

    __slots__ = ("environ",)

    def __init__(self, environ: Environ, started: float) -> None:
        self.environ = environ
        super().__init__(
            environ["REQUEST_METHOD"],
            _path(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
            environ.get("QUERY_STRING", ""),
            environ.get("REMOTE_ADDR") or "",
            environ.get("wsgi.url_scheme", "http"),
            environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""),
            started,
        )

    def header(self, name: str) -> tuple[str, ...]:
        value = self.environ.get(_variable(name))
        return () if value is None else (value,)


def _path(text: str) -> str:
    """PEP 3333 hands on bytes as Latin-1."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "replace")


_VARIABLES: dict[str, str] = {}


def _variable(name: str) -> str:
    found = _VARIABLES.get(name)
    if found is None:
        found = _VARIABLES[name] = "HTTP_" + name.upper().replace("-", "_")
    return found


class Shim:
    """Stands around an app. The app, or its adapter, finds the request in ``environ["ostiary.request"]``."""

    def __init__(self, app: App, core: Core, ready: Callable[[], None] = lambda: None) -> None:
        """``ready`` is called before the first request."""
        self.app = app
        self._core = core
        self._ready = ready

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        core = self._core
        request = WsgiRequest(environ, core.clock())
        environ[KEY] = request
        denied = core.start(request, self._ready) or core.arrive(request)
        if denied is not None:
            core.after_arrive(request, denied)
        answer = _Answer(core, request, start_response)
        if denied is not None:
            return answer.instead(answers.refusal(request, denied))
        try:
            return answer.of(self.app(environ, answer.start))
        except BaseException:
            core.record(request, 500)
            core.leave()
            raise


class _Answer:
    """One answer on its way out. An answer that starts without a decision is replaced by the uniform refusal."""

    __slots__ = ("_body", "_core", "_recorded", "_refused", "_request", "_start", "_status", "_watch")

    def __init__(self, core: Core, request: Request, start_response: StartResponse) -> None:
        self._core = core
        self._request = request
        self._start = start_response
        self._status = 500
        self._watch: BodyWatch | None = None
        self._body: Iterable[bytes] = ()
        self._recorded = False
        self._refused: answers.Refusal | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        if (denied := self._core.stopped(self._request, int(status[:3]))) is not None:
            self._refused = refused = answers.refusal(self._request, denied)
            status, headers = _PHRASES[refused.status], refused.headers
        self._status = int(status[:3])
        settled, self._watch = answers.settle(self._core, self._request, headers)
        write = self._start(status, settled, exc_info) if exc_info else self._start(status, settled)
        return lambda data: None if self._refused is not None else write(self._clean(data))

    def instead(self, refused: answers.Refusal) -> Iterable[bytes]:
        """A refusal in place of the app's answer."""
        self._refused = refused
        self._status = refused.status
        settled, _ = answers.settle(self._core, self._request, refused.headers)
        self._start(_PHRASES.get(refused.status, str(refused.status)), settled)
        return self

    def of(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """The app's body, watched. A list is looked at as a whole: no secret of it is cut in two."""
        self._body = [b"".join(body)] if isinstance(body, list) and len(body) > 1 and self._watch is not None else body
        return self

    def _clean(self, data: bytes) -> bytes:
        return data if self._watch is None else self._watch.clean(data)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            # An app that is a generator starts its answer here.
            if self._refused is not None:
                break
            yield self._clean(chunk)
        if self._refused is not None:
            yield self._refused.body
        elif self._watch is not None and (rest := self._watch.rest()):
            yield rest

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
            self._core.leave()
