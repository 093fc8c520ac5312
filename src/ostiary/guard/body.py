"""The content of a request, read before the app reads it: into memory, above 256 KiB into a file, never above a limit, never for ever.

What was read is what the app gets. A route that streams gets its content as it comes, and an end only when the content was the right one.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from tempfile import SpooledTemporaryFile
from typing import Any

from ostiary.errors import BadSignature
from ostiary.guard.decision import Deny
from ostiary.wire import problem
from ostiary.wire.digest import ContentCheck

IN_MEMORY = 262_144
PIECE = 65_536
TOO_LARGE, TOO_SLOW, BROKEN = "body_too_large", "body_too_slow", "body_broken"
_REFUSED = {TOO_LARGE: problem.CONTENT_TOO_LARGE, TOO_SLOW: problem.CONTENT_TOO_SLOW}
Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Watch = Callable[[bytes], None]


class Body:
    """Content as received. ``reason`` is empty, or says why it was not read to the end; ``rest``: there is more of it."""

    def __init__(self, limit: int, watch: Watch) -> None:
        self.file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 closed at the end of the request
        self.size = 0
        self.reason = ""
        self.rest = False
        self._limit = limit
        self._watch = watch

    def add(self, piece: bytes) -> bool:
        """True while there is room; what is over the limit is kept for an app that is only watched."""
        self.size += len(piece)
        self.file.write(piece)
        if self.size > self._limit:
            self.reason = TOO_LARGE
            return False
        self._watch(piece)
        return True

    def rewind(self) -> None:
        """The app reads from the beginning."""
        self.file.seek(0)

    def close(self) -> None:
        self.file.close()


def read_wsgi(environ: Environ, limit: int, seconds: float, watch: Watch, monotonic: Callable[[], float] = time.monotonic) -> Body:
    """Reads ``wsgi.input`` and puts what was read in its place."""
    body, length = Body(limit, watch), content_length(environ)
    if length is not None and (length < 0 or length > limit):
        body.reason = BROKEN if length < 0 else TOO_LARGE
        return body
    end = monotonic() + seconds
    try:
        for piece in _pieces(_input(environ, length), length):
            if not body.add(piece):
                break
            if monotonic() > end:
                body.reason = TOO_SLOW
                break
    except Exception:  # noqa: BLE001 whatever the server says of a client that went away
        body.reason = BROKEN
    if not body.reason and length is not None and body.size < length:
        body.reason = BROKEN
    body.rewind()
    _hand_on(environ, body, length)
    return body


def content_length(environ: Environ) -> int | None:
    """What is announced; None where nothing is, -1 for what is no length."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1


def _input(environ: Environ, length: int | None) -> Any:
    """PEP 3333: without a length only what the server says to end by itself is read."""
    return io.BytesIO() if length is None and not environ.get("wsgi.input_terminated") else environ["wsgi.input"]


def _pieces(stream: Any, left: int | None) -> Iterator[bytes]:
    """Never past the announced length."""
    while left is None or left > 0:
        piece = stream.read(PIECE if left is None else min(PIECE, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def _hand_on(environ: Environ, body: Body, length: int | None) -> None:
    if body.reason:
        left = None if length is None else length - body.size
        environ["wsgi.input"] = io.BufferedReader(_Resumed(body.file, environ["wsgi.input"], left))
        return
    environ["wsgi.input"] = body.file
    _bounded(environ)
    if body.size:
        environ["CONTENT_LENGTH"] = str(body.size)


def _bounded(environ: Environ) -> None:
    """The input ends by itself, whatever the framework thinks of the headers."""
    environ["wsgi.input_terminated"] = True
    environ.pop("HTTP_TRANSFER_ENCODING", None)


class _Resumed(io.RawIOBase):
    """What was read already, and then the rest, for an app that is only watched."""

    def __init__(self, first: Any, rest: Any, left: int | None) -> None:
        self._first = first
        self._rest = rest
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._first.read(len(buffer))
        if not piece and self._left != 0:
            piece = self._rest.read(len(buffer) if self._left is None else min(len(buffer), self._left))
            self._left = None if self._left is None else self._left - len(piece)
        buffer[: len(piece)] = piece
        return len(piece)


async def read_asgi(receive: Receive, limit: int, seconds: float, watch: Watch) -> tuple[Body, Receive]:
    """The content, and the ``receive`` that gives it again."""
    body = Body(limit, watch)
    try:
        async with asyncio.timeout(seconds):
            await _received(receive, body)
    except TimeoutError:
        body.reason, body.rest = TOO_SLOW, True
    body.rewind()
    return body, _again(body, receive)


async def _received(receive: Receive, body: Body) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            body.reason, body.rest = BROKEN, True
            return
        more = message.get("more_body", False)
        if not body.add(message.get("body", b"")):
            body.rest = more
            return


def _again(body: Body, receive: Receive) -> Receive:
    left, gone = body.size, body.reason == BROKEN
    told = False

    async def replay() -> Message:
        nonlocal left, told
        if told:
            return {"type": "http.disconnect"} if gone else await receive()
        piece = body.file.read(PIECE)
        left -= len(piece)
        told = left <= 0
        return {"type": "http.request", "body": piece, "more_body": left > 0 or body.rest}

    return replay


def unread(body: Body) -> Deny:
    """The refusal of content that could not be read to its end."""
    return Deny(_REFUSED.get(body.reason, problem.CONTENT_BROKEN), body.reason)


Cut = Callable[[], bool]
"""Notes that the content is another; True when the app must not read on."""


def checked_asgi(receive: Receive, check: ContentCheck | None, cut: Cut) -> Receive:
    """``receive`` of a route that streams: the last message only after the content was checked, else the client is gone. None: no content may come."""

    async def checked() -> Message:
        message = await receive()
        if message["type"] != "http.request":
            return message
        fits = _fits(check, message.get("body", b""), last=not message.get("more_body", False))
        return message if fits or not cut() else {"type": "http.disconnect"}

    return checked


def _fits(check: ContentCheck | None, piece: bytes, *, last: bool) -> bool:
    if check is None:
        return not piece
    check.update(piece)
    if not last:
        return True
    try:
        check.finish()
    except BadSignature:
        return False
    return True


def check_wsgi(environ: Environ, check: ContentCheck | None, cut: Cut) -> None:
    """Puts in place of ``wsgi.input`` what hands on its last piece only after the content was checked, and raises OSError else."""
    length = content_length(environ)
    environ["wsgi.input"] = io.BufferedReader(_Checked(_pieces(_input(environ, length), length), check, cut))
    _bounded(environ)


class _Checked(io.RawIOBase):
    """One piece behind the client."""

    def __init__(self, pieces: Iterator[bytes], check: ContentCheck | None, cut: Cut) -> None:
        self._pieces = pieces
        self._check = check
        self._cut = cut
        self._piece: bytes | None = None
        self._next: bytes = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._piece:
            self._advance()
        given = self._piece or b""
        size = min(len(buffer), len(given))
        buffer[:size] = given[:size]
        self._piece = given[size:]
        return size

    def _advance(self) -> None:
        first = self._next if self._piece is not None else next(self._pieces, b"")
        following = next(self._pieces, b"") if first else b""
        if not _fits(self._check, first, last=not following) and self._cut():
            raise OSError("the content is not the one that was signed")
        self._piece, self._next = first, following
