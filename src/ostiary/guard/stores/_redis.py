"""What stores in Redis share: the URL, clients for threads and for event loops with bounded waiting, and errors in one kind.

A server that did not answer is left alone for a moment (circuit breaker): meanwhile everybody hears at once that it is down. Then one
call tries it, and when that works all do. Nothing is retried: a script that was sent may have run.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.stores.base import StoreDown

TIMEOUT = 0.5
"""Seconds for a connection, for an answer, and for a free connection."""
PAUSE = 1.0
"""Seconds for which a server that did not answer is not asked again."""
_CONNECTIONS = 64  # for threads, each of which holds one while it waits
_LOOP_CONNECTIONS = 16  # for the tasks of a loop, which follow each other fast


class Server:
    """The clients of one URL: ``client()`` for threads, ``aclient()`` for the running event loop. Connects on first use.

    Raises MissingExtra; UsageError for a URL that redis-py cannot read, without showing it.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT, monotonic: Callable[[], float] = time.monotonic) -> None:
        try:
            import redis
            import redis.asyncio
            from redis.backoff import NoBackoff
        except ImportError:
            raise MissingExtra("Redis", "redis") from None
        self._redis: Any = redis
        self._no_backoff = NoBackoff()
        self.cluster = "+cluster://" in url
        self._url = url.replace("+cluster://", "://", 1)
        self._times = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
        self._breaker = Breaker(monotonic)
        self._lock = threading.Lock()
        self._client: Any = None
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = weakref.WeakKeyDictionary()
        try:
            redis.ConnectionPool.from_url(self._url)
        except (ValueError, TypeError):
            raise UsageError("not the URL of a Redis server; write redis://host:6379/0 or redis+cluster://host:6379") from None

    @property
    def no_script(self) -> type[Exception]:
        """What is raised for a script that the server does not know."""
        found: type[Exception] = self._redis.exceptions.NoScriptError
        return found

    def client(self) -> Any:
        """For threads. Ask it inside ``asking()``."""
        with self._lock:
            if self._client is None:
                self._client = self._connected(self._redis)
            return self._client

    def aclient(self) -> Any:
        """For the event loop that runs. Ask it inside ``asking()``."""
        loop = asyncio.get_running_loop()
        if loop not in self._of_loops:
            self._of_loops[loop] = self._connected(self._redis.asyncio)
        return self._of_loops[loop]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Raises StoreDown for whatever redis-py raises inside, and at once while the server is left alone."""
        self._breaker.check()
        try:
            yield
        except self._redis.exceptions.ResponseError as error:
            self._breaker.worked()
            raise StoreDown(f"redis: {str(error)[:200]}") from error
        except (self._redis.exceptions.RedisError, OSError) as error:
            self._breaker.failed()
            raise StoreDown(f"redis does not answer ({type(error).__name__})") from error
        self._breaker.worked()

    def close(self) -> None:
        """Close the connections of threads; the next use connects anew."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        client = self._of_loops.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _connected(self, module: Any) -> Any:
        from redis.asyncio.retry import Retry as LoopRetry
        from redis.retry import Retry

        threads = module is self._redis
        retry = (Retry if threads else LoopRetry)(self._no_backoff, 0)
        if self.cluster:
            return module.RedisCluster.from_url(self._url, **self._times)
        most = _CONNECTIONS if threads else _LOOP_CONNECTIONS
        settings = {**self._times, "retry": retry, "timeout": self._times["socket_timeout"], "max_connections": most}
        return module.Redis.from_pool(module.BlockingConnectionPool.from_url(self._url, **settings))


class Breaker:
    """Open for ``PAUSE`` after a failure; then one call goes through, and decides."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._until: float | None = None

    def check(self) -> None:
        """Raises StoreDown while it is open."""
        if self._until is None:
            return
        now = self._monotonic()
        if now < self._until:
            raise StoreDown("redis did not answer a moment ago")
        self._until = now + PAUSE

    def failed(self) -> None:
        self._until = self._monotonic() + PAUSE

    def worked(self) -> None:
        self._until = None
