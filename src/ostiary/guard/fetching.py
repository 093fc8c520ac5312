"""Documents of somebody else's over HTTPS: an issuer's keys, what an introspection endpoint says of a token. Off the event loop, in few threads.

Certificates are verified, redirects are not followed, proxies of the environment are not used. Who asks for what is being fetched
already waits for that.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import os
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from functools import cache
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from ostiary.errors import UsageError
from ostiary.guard.ask import Fetch
from ostiary.guard.stores.base import StoreDown
from ostiary.wire.jwks import LARGEST

TIMEOUT = 5.0
"""Seconds for one document, from the question to the last byte."""
AT_ONCE = 8
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CHUNK = 16 * 1024
_OK = 200


def checked_url(option: str, url: object, example: str) -> str:
    """The URL itself; UsageError for one over which anybody could slip in an answer: https, or http on this machine, without a password."""
    try:
        found = urlsplit(url) if isinstance(url, str) else urlsplit("")
        good = found.hostname and (found.scheme == "https" or (found.scheme == "http" and found.hostname in _LOOPBACK))
        good = good and found.username is None and found.port != 0 and found.geturl().isascii() and found.geturl().isprintable()
    except ValueError:
        good = False
    if not good or not isinstance(url, str) or " " in url:
        raise UsageError(f"{option}: an https URL without a password, as in {example}")
    return url


class Fetcher:
    """Answers ``Fetch``. At most ``AT_ONCE`` documents are under way; the same one is fetched once for all who ask meanwhile."""

    def __init__(self, timeout: float = TIMEOUT, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` counts seconds; only differences matter."""
        self._timeout = timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._pid = os.getpid()
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[object, _Exchange] = {}

    def fetch(self, ask: Fetch) -> bytes:
        """The document, in a thread. Raises StoreDown where it cannot be had in time."""
        exchange = self._joined(ask)
        try:
            return exchange.answer.result(self._timeout)
        except FutureTimeout:
            raise exchange.late() from None

    async def afetch(self, ask: Fetch) -> bytes:
        """The same in an event loop."""
        exchange = self._joined(ask)
        try:
            # Shielded: who goes away does not take the answer from the others.
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(exchange.answer)), self._timeout)
        except TimeoutError:
            raise exchange.late() from None

    def _joined(self, ask: Fetch) -> _Exchange:
        named = (ask.url, ask.form, ask.client and ask.client[0])
        with self._lock:
            if self._pid != os.getpid():
                # A forked worker has none of its parent's threads.
                self._forget()
            found = self._under_way.get(named)
            if found is None:
                found = self._under_way[named] = _Exchange(ask, self._clock, self._timeout)
                self._pool = self._pool or ThreadPoolExecutor(AT_ONCE, "ostiary-fetch")
                self._pool.submit(self._run, named, found)
            return found

    def _run(self, named: object, exchange: _Exchange) -> None:
        try:
            found = exchange.run()
        except BaseException as error:  # noqa: BLE001 told to everybody who waits
            self._ended(named)
            exchange.answer.set_exception(error)
        else:
            self._ended(named)
            exchange.answer.set_result(found)

    def _ended(self, named: object) -> None:
        with self._lock:
            self._under_way.pop(named, None)

    def close(self) -> None:
        """Waits for nobody; may be used again."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._forget()


class _Exchange:
    """One request and its answer."""

    def __init__(self, ask: Fetch, clock: Callable[[], float], timeout: float) -> None:
        self.answer: Future[bytes] = Future()
        self._ask = ask
        self._clock = clock
        self._timeout = timeout
        self._until = clock() + timeout
        self._url = urlsplit(ask.url)
        self._socket: socket | None = None
        self._cut = False

    def late(self) -> StoreDown:
        """Ends it: a server that sends a byte now and then must not keep the thread."""
        self._cut = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)
        return self._slow()

    def run(self) -> bytes:
        connection = self._connection()
        try:
            connection.connect()
            self._socket = connection.sock
            body, headers = _sent(self._ask)
            target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            connection.request("GET" if body is None else "POST", target, body, headers)
            with connection.getresponse() as answer:
                return self._read(answer)
        except TimeoutError:
            raise self._slow() from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Whoever joined late hears why it was ended, not how.
            raise (self._slow() if self._cut else self._down(type(error).__name__)) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        left = self._until - self._clock()
        if left <= 0:
            raise self._down("too many others are under way")
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=left)
        return http.client.HTTPSConnection(host, port, timeout=left, context=_context())

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        if answer.status != _OK:
            raise self._down(f"answered {answer.status}")
        data = b""
        while part := answer.read1(_CHUNK):
            data += part
            if len(data) > LARGEST:
                raise self._down(f"more than {LARGEST // 1024} KiB")
            if self._clock() > self._until:
                break
        # Also where the end is ours: who joined late must not be given half of it.
        if self._clock() > self._until:
            raise self._slow()
        if answer.length:
            raise self._down("cut short")
        return data

    def _slow(self) -> StoreDown:
        return self._down(f"no answer in {self._timeout:g} s")

    def _down(self, why: str) -> StoreDown:
        return StoreDown(f"{self._url.scheme}://{self._url.netloc}: {why}")


def _sent(ask: Fetch) -> tuple[bytes | None, dict[str, str]]:
    """Body and headers: a form where there is one (RFC 7662, 2.1), the client by HTTP Basic (RFC 6749, 2.3.1)."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ostiary"}
    if ask.client is not None:
        name, secret = ask.client
        pair = f"{quote_plus(name)}:{quote_plus(secret.reveal())}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if not ask.form:
        return None, headers
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return urlencode(ask.form).encode(), headers


@cache
def _context() -> Any:
    return ssl.create_default_context()
