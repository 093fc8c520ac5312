"""Signs the requests of httpx and requests.

    from ostiary.client import SignKey, Signer

    signer = Signer(SignKey.from_pem("7fKq2ZxLw0aB", pem))
    httpx.Client(auth=signer.httpx()).post("https://api.example.com/orders", json={"book": 7})
    requests.post("https://api.example.com/orders", json={"book": 7}, auth=signer.requests())

``Signer.headers`` signs for any other client.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from ostiary.errors import MissingExtra, UsageError
from ostiary.wire import signed_request, simple_signature
from ostiary.wire.message import Message
from ostiary.wire.signing_key import Algorithm, SignKey

if TYPE_CHECKING:
    import httpx
    import requests

__all__ = ["SignKey", "Signer"]

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
        try:
            given = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        except UnicodeEncodeError:
            raise UsageError("a header of a signed request holds what no header can") from None
        return {name.decode("ascii"): value.decode("latin-1") for name, value in self._lines(_message(method, url, given), content)}

    def httpx(self) -> httpx.Auth:
        """For ``auth=`` of httpx, sync and async. Raises MissingExtra."""
        try:
            import httpx
        except ModuleNotFoundError:
            raise MissingExtra("signing for httpx", "live") from None
        lines = self._lines

        class SignatureAuth(httpx.Auth):
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
