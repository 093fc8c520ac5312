"""The way back: what an answer carries, and what a refusal looks like. ``settle`` is the second half of ``flow``; it does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary.guard import cors, transport
from ostiary.guard.decision import PREFLIGHT
from ostiary.guard.leak import clean_headers
from ostiary.guard.limit_headers import emit
from ostiary.wire.problem import CONTENT_TYPE
from ostiary.wire.redact import default

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ostiary.guard.core import Core
    from ostiary.guard.decision import Deny
    from ostiary.guard.request import Request

Headers = list[tuple[str, str]]
_BANNERS = frozenset({"server", "x-powered-by"})
_MOST_SHAPES = 512
_TYPE, _NO_STORE = ("Content-Type", CONTENT_TYPE), ("Cache-Control", "no-store")


class Refusal(NamedTuple):
    """A complete answer."""

    status: int
    headers: Headers
    body: bytes


def refusal(request: Request, denied: Deny) -> Refusal:
    """The problem document of a refusal (RFC 9457), without body for HEAD."""
    if denied.problem is PREFLIGHT:
        return Refusal(denied.problem.status, list(denied.headers), b"")
    body = denied.problem.body(request.id)
    headers = [_TYPE, ("Content-Length", str(len(body))), _NO_STORE, *denied.problem.headers, *denied.headers]
    return Refusal(denied.problem.status, headers, b"" if request.method == "HEAD" else body)


def settle(core: Core, request: Request, headers: Headers) -> Headers:
    """The headers that leave: those of the app without banners and secrets, and what the guard adds. The full way, which ``Settler`` shortens."""
    kept = [(name, _cookie(name, value, request.secure)) for name, value in headers if name.lower() not in _BANNERS]
    sent, kept = kept, clean_headers(kept, request.credential, ours=not issues(request))
    if sent != kept:
        request.removed_headers = [name.lower() for (name, value), (_, clean) in zip(sent, kept, strict=True) if value != clean]
    names = [name.lower() for name, _ in kept]
    content_type = next((value for name, value in kept if name.lower() == "content-type"), "")
    kept += transport.headers_for(request.secure, names, content_type, core.settings.transport, _private(request))
    if issues(request) and "content-encoding" not in names:
        # Whatever compresses outside of the guard leaves alone what has a coding (BREACH).
        kept.append(("Content-Encoding", "identity"))
    if (ends := core.settings.versions.lifecycle(request, request.compiled)) is not None:
        kept += [(name, value) for name, value in ends.headers if name == "Link" or name.lower() not in names]
    if (shared := request.compiled.cors if request.compiled is not None else core.settings.cors) is not None:
        kept += cors.answer(shared, request, names)
    kept.append(("X-Request-Id", request.id))
    if request.spent is not None:
        kept += emit(request.limits, request.spent, request.started, core.settings.limit_fields)
    return kept


def issues(request: Request) -> bool:
    """Does the route hand out keys?"""
    return request.compiled is not None and request.compiled.policy.issues


def _private(request: Request) -> bool:
    return request.principal is not None or bool(request.credential) or issues(request)


def _cookie(name: str, value: str, secure: bool) -> str:
    return transport.secure_cookie(value, secure) if name.lower() == "set-cookie" else value


class _Shape:
    """What the names of an answer's headers tell. ``plain``: nothing to take out and no cookie to mend. Places are -1 where there is none."""

    __slots__ = ("added", "length_at", "names", "plain", "type_at")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = [name.lower() for name in names]
        self.plain = not _BANNERS.intersection(self.names) and "set-cookie" not in self.names
        self.type_at = self.names.index("content-type") if "content-type" in self.names else -1
        self.length_at = self.names.index("content-length") if self.names.count("content-length") == 1 else -1
        self.added: dict[tuple[bool, bool, bool], list[tuple[Any, Any]]] = {}


class Settler:
    """``settle`` for the answers of one app, as texts (WSGI) or, ``raw``, as bytes with names in lower case (ASGI).

    Apps give few sets of header names: what a set demands is worked out once. An answer in which something has to be changed goes the
    full way.
    """

    def __init__(self, core: Core, *, raw: bool = False) -> None:
        self._core = core
        self._raw = raw
        self._shapes: dict[tuple[Any, ...], _Shape] = {}
        fields = core.settings.limit_fields
        self._usual_fields = fields.rate_limit and not fields.x_rate_limit
        self._always_in_full = core.settings.versions.header is not None
        self._cors = core.settings.cors is not None
        self._id_name: Any = b"x-request-id" if raw else "X-Request-Id"
        self._line: Any = b"\n" if raw else "\n"
        self._html: Any = b"text/html" if raw else "text/html"
        # In every key of ours.
        self._mark: Any = b"k_" if raw else "k_"

    def settle(self, request: Request, headers: Sequence[tuple[Any, Any]]) -> tuple[list[tuple[Any, Any]], Any]:
        """The headers that leave, and the value of the one Content-Length, None where there is none."""
        names, values = tuple([name for name, _ in headers]), [value for _, value in headers]
        shape = self._shapes.get(names) or self._shape(names)
        size = values[shape.length_at] if shape.length_at >= 0 else None
        compiled = request.compiled
        hands_out = compiled is not None and compiled.policy.issues
        more = self._always_in_full or (compiled.says_more if compiled is not None else self._cors)
        if more or hands_out or not shape.plain or self._suspicious(self._line.join(values), request.credential, not hands_out):
            return self._in_full(request, headers), size
        at = shape.type_at
        html = at >= 0 and values[at][:9].lower() == self._html
        private = request.principal is not None or hands_out or request.credential != ""
        added = shape.added.get((html, private, request.secure))
        if added is None:
            added = self._added(shape, html, private, request.secure)
        said = request.said
        if said is not None and self._usual_fields:
            told: Sequence[tuple[Any, Any]] = said.raw(request.left) if self._raw else said.text(request.left)
        else:
            told = self._limits(request)
        return [*headers, *added, (self._id_name, request.id.encode() if self._raw else request.id), *told], size

    def _suspicious(self, text: Any, credential: str, ours: bool) -> bool:
        """Can there be a secret in these values? True is right of all that ``clean_headers`` would change, and costs no more than its time."""
        # ``find``, because ``in`` of bytes first tries whether what is searched is a number.
        if ours and text.find(self._mark) >= 0:
            return True
        if credential and (not credential.isascii() or text.find(credential.encode() if self._raw else credential) >= 0):
            return True
        return bool(default.needles)

    def _in_full(self, request: Request, headers: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        if not self._raw:
            return settle(self._core, request, list(headers))
        return encoded(settle(self._core, request, decoded(headers)))

    def _shape(self, names: tuple[Any, ...]) -> _Shape:
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        found = _Shape([name.decode("latin-1") if self._raw else name for name in names])
        if self._raw and names != tuple(name.lower() for name in names):
            found.plain = False
        self._shapes[names] = found
        return found

    def _added(self, shape: _Shape, html: bool, private: bool, secure: bool) -> list[tuple[Any, Any]]:
        found = transport.headers_for(secure, shape.names, "text/html" if html else "", self._core.settings.transport, private)
        shape.added[html, private, secure] = made = self._of(found)
        return made

    def _limits(self, request: Request) -> Sequence[tuple[Any, Any]]:
        spent = request.spent
        return () if spent is None else self._of(emit(request.limits, spent, request.started, self._core.settings.limit_fields))

    def _of(self, found: Sequence[tuple[str, str]]) -> list[tuple[Any, Any]]:
        return encoded(found) if self._raw else list(found)


def encoded(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def decoded(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """The same as texts."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
