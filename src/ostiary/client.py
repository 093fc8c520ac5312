"""Signs the requests of httpx and requests, and verifies answers that were signed.

    from ostiary.client import SignKey, Signer

    signer = Signer(SignKey.from_pem("7fKq2ZxLw0aB", pem))
    httpx.Client(auth=signer.httpx()).post("https://api.example.com/orders", json={"book": 7})
    requests.post("https://api.example.com/orders", json={"book": 7}, auth=signer.requests())

``Signer.headers`` signs for any other client, ``Verifier.verified`` verifies for any other.
"""

from __future__ import annotations

import io
import re
import secrets
import time
from collections.abc import AsyncIterable, Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ostiary.errors import BadSignature, MissingExtra, SignatureReason, UsageError
from ostiary.wire import signed_request, simple_signature
from ostiary.wire.freshness import SKEW, WINDOW
from ostiary.wire.message import Message
from ostiary.wire.signed_response import response_verifier, verified_response
from ostiary.wire.signing_key import Algorithm, SignKey, VerifyKey

if TYPE_CHECKING:
    import httpx
    import requests
    from httpx import AsyncBaseTransport, BaseTransport
    from httpx import Request as Asked
    from httpx import Response as Answered

__all__ = ["SignKey", "Signer", "Verifier"]

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_Lines = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Signer:
    """Signs with ``key``. ``scheme`` is ``rfc9421``, or ``simple`` for a key that is a shared secret.

    ``lifetime`` (seconds) adds ``expires``, ``more`` covers further header fields; both are of RFC 9421 alone. ``clock`` gives Unix
    seconds, ``nonce`` 16 to 64 of A-Z, a-z, 0-9, _ and -. Raises UsageError for options that do not go together.
    """

    key: SignKey
    scheme: Literal["rfc9421", "simple"] = "rfc9421"
    lifetime: int | None = None
    more: tuple[str, ...] = ()
    clock: Callable[[], float] = time.time
    nonce: Callable[[], str] = secrets.token_urlsafe

    def __post_init__(self) -> None:
        if self.scheme not in ("rfc9421", "simple"):
            raise UsageError(f"{self.scheme!r} is no scheme: rfc9421 or simple")
        if self.lifetime is not None and self.lifetime <= 0:
            raise UsageError("a signature lives for a second or more")
        if self.scheme == "simple" and (self.lifetime is not None or self.more or self.key.algorithm is not Algorithm.HMAC_SHA256):
            raise UsageError("the simple scheme takes a shared secret, and neither lifetime nor more")

    def headers(self, method: str, url: str, headers: Iterable[tuple[str, str]] = (), content: bytes = b"") -> dict[str, str]:
        """What to set on a request besides ``headers``; a body without Content-Type gets ``application/octet-stream``.

        ``url`` is as it will stand on the wire: absolute, ASCII, percent-encoded. Raises UsageError.
        """
        message = _message(method, url, _lines(headers))
        return {name.decode("ascii"): value.decode("latin-1") for name, value in self._lines(message, content)}

    def httpx(self) -> httpx.Auth:
        """For ``auth=`` of httpx, sync and async. Raises MissingExtra."""
        library, lines = _httpx(), self._lines

        class SignatureAuth(library.Auth):  # type: ignore[misc, name-defined]
            requires_request_body = True

            def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
                message = _message(request.method, str(request.url), tuple(request.headers.raw), request.url.raw_path)
                for name, value in lines(message, request.content):
                    request.headers[name.decode("ascii")] = value.decode("latin-1")
                yield request

        return SignatureAuth()

    def requests(self) -> requests.auth.AuthBase:
        """For ``auth=`` of requests. A body has to be bytes, text or a file; a generator is refused with UsageError."""
        try:
            from requests.auth import AuthBase
        except ModuleNotFoundError:
            raise UsageError("signing for requests needs: pip install requests") from None
        signer = self

        class SignatureAuth(AuthBase):
            def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
                if isinstance(r.body, str):
                    r.body = r.body.encode("utf-8")
                given = [(_text(name), _text(value)) for name, value in r.headers.items()]
                r.headers.update(signer.headers(r.method or "", r.url or "", given, _content(r.body)))
                return r

        return SignatureAuth()

    def _lines(self, message: Message, content: bytes) -> _Lines:
        added: _Lines = ()
        if content and not message.values("content-type"):
            added = ((b"Content-Type", b"application/octet-stream"),)
            message = Message(message.method, message.scheme, message.authority, message.path, message.query, message.fields + added)
        created, nonce = int(self.clock()), self.nonce()
        if self.scheme == "simple":
            return added + simple_signature.sign_request(message, content, self.key, created=created, nonce=nonce)
        expires = None if self.lifetime is None else created + self.lifetime
        return added + signed_request.sign_request(
            message, content, self.key, created=created, nonce=nonce, expires=expires, more=self.more
        )


@dataclass(frozen=True)
class Verifier:
    """Takes answers only when one of ``keys`` signed them as the answers to these very requests, at most ``window`` seconds ago.

    What is not signed, or not rightly, raises ``ostiary.errors.BadSignature`` (``reason`` says why), and nothing of it is handed on.
    """

    keys: tuple[VerifyKey, ...]
    window: float = WINDOW
    skew: float = SKEW
    clock: Callable[[], float] = time.time

    @classmethod
    def from_pem(cls, *pems: bytes) -> Verifier:
        """With the public halves that ``ostiary keys public`` prints; two while one replaces the other. Raises UsageError, MissingExtra."""
        if not pems:
            raise UsageError("Verifier.from_pem(...) takes one public key in PEM, or two")
        return cls(tuple(response_verifier(pem) for pem in pems))

    def verified(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        status: int,
        answered: Iterable[tuple[str, str]],
        content: bytes,
    ) -> bytes:
        """``content``, as it came, before any Content-Encoding was undone. ``headers`` are those that were sent, ``answered`` came back.

        Raises BadSignature; UsageError for what was never sent.
        """
        return self._checked(_message(method, url, _lines(headers)), status, _lines(answered), content)

    def httpx(self, transport: BaseTransport | None = None) -> BaseTransport:
        """``httpx.Client(transport=verifier.httpx())``; a ``transport`` of your own goes inside. Raises MissingExtra."""
        library = _httpx()
        inner: BaseTransport = transport or library.HTTPTransport()
        checked = self._of_httpx

        class VerifyingTransport(library.BaseTransport):  # type: ignore[misc, name-defined]
            def handle_request(self, request: Asked) -> Answered:
                response = inner.handle_request(request)
                try:
                    return checked(request, response, b"".join(response.stream) if isinstance(response.stream, Iterable) else b"")
                finally:
                    response.close()

            def close(self) -> None:
                inner.close()

        return VerifyingTransport()

    def httpx_async(self, transport: AsyncBaseTransport | None = None) -> AsyncBaseTransport:
        """The same for ``httpx.AsyncClient``."""
        library = _httpx()
        inner: AsyncBaseTransport = transport or library.AsyncHTTPTransport()
        checked = self._of_httpx

        class VerifyingTransport(library.AsyncBaseTransport):  # type: ignore[misc, name-defined]
            async def handle_async_request(self, request: Asked) -> Answered:
                response = await inner.handle_async_request(request)
                try:
                    parts = [part async for part in response.stream] if isinstance(response.stream, AsyncIterable) else []
                    return checked(request, response, b"".join(parts))
                finally:
                    await response.aclose()

            async def aclose(self) -> None:
                await inner.aclose()

        return VerifyingTransport()

    def requests(self) -> Callable[..., requests.Response]:
        """A hook: ``requests.get(url, hooks={"response": verifier.requests()})``, or in ``session.hooks``."""

        def hook(response: requests.Response, **_: Any) -> requests.Response:
            from urllib3 import HTTPResponse

            sent, raw = response.request, response.raw
            content = raw.read(decode_content=False)
            given = [(_text(name), _text(value)) for name, value in sent.headers.items()]
            self.verified(sent.method or "", sent.url or "", given, raw.status, raw.headers.items(), content)
            origin = getattr(raw, "_original_response", None)
            kept = {"reason": raw.reason, "version": raw.version, "original_response": origin, "request_method": sent.method}
            response.raw = HTTPResponse(io.BytesIO(content), raw.headers, raw.status, preload_content=False, **kept)
            return response

        return hook

    def _of_httpx(self, request: Asked, response: Answered, content: bytes) -> Answered:
        message = _message(request.method, str(request.url), tuple(request.headers.raw), request.url.raw_path)
        self._checked(message, response.status_code, tuple(response.headers.raw), content)
        stream = _httpx().ByteStream(content)
        made: Answered = _httpx().Response(response.status_code, headers=response.headers, stream=stream, extensions=response.extensions)
        return made

    def _checked(self, request: Message, status: int, lines: _Lines, content: bytes) -> bytes:
        answer = Message(fields=lines, status=status, request=request)
        given = signed_request.presented(answer)
        named = None if given is None else given.parameter("keyid")
        key = next((one for one in self.keys if one.id == named), None)
        if given is not None and key is None:
            raise BadSignature(SignatureReason.WRONG, "the answer is signed with a key that is none of the server's")
        return verified_response(answer, content, key or self.keys[0], self.clock(), window=self.window, skew=self.skew)


def _httpx() -> Any:
    try:
        import httpx
    except ModuleNotFoundError:
        raise MissingExtra("signing for httpx", "live") from None
    return httpx


def _lines(headers: Iterable[tuple[str, str]]) -> _Lines:
    try:
        return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    except UnicodeEncodeError:
        raise UsageError("a header of a signed message holds what no header can") from None


def _message(method: str, url: str, fields: _Lines, target: bytes | None = None) -> Message:
    if _METHOD.fullmatch(method) is None:
        raise UsageError(f"{method[:40]!r} is no method of HTTP")
    try:
        parts = urlsplit(url)
        whole = url.encode("ascii")
    except ValueError:
        raise UsageError("the URL of a signed request is absolute, ASCII and percent-encoded") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or any(byte <= 0x20 or byte == 0x7F for byte in whole):
        raise UsageError("the URL of a signed request is absolute, ASCII and percent-encoded")
    path, _, query = (target or f"{parts.path or '/'}?{parts.query}".encode("ascii")).partition(b"?")
    host = next((value.decode("latin-1") for name, value in fields if name.lower() == b"host"), None)
    return Message(method, parts.scheme, host or parts.netloc.rpartition("@")[2], path, query, fields)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _content(body: Any) -> bytes:
    """All of it; a file is read and put back to where it stood."""
    if body is None or isinstance(body, bytes | bytearray):
        return bytes(body or b"")
    if not hasattr(body, "seek") or not hasattr(body, "tell"):
        raise UsageError("a body that can be read only once cannot be signed: give bytes or a file")
    start = body.tell()
    content = body.read()
    body.seek(start)
    if not isinstance(content, bytes):
        raise UsageError("a file whose content is signed is opened in binary mode")
    return content
