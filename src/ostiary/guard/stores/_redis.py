"""What stores in Redis share: the URL, asking from threads and from event loops with bounded waiting, and errors in one kind.

A server that fails is left alone for a moment (stores/_breaker.py); in a cluster each node has a breaker of its own, so that the callers
of one shard do not suffer from another's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.stores._breaker import Breaker
from ostiary.guard.stores.base import StoreDown

TIMEOUT = 0.5
"""Seconds for a connection, for an answer, and for a free connection."""
_CONNECTIONS = 64  # for threads, each of which holds one while it waits
_LOOP_CONNECTIONS = 16  # for the tasks of a loop, which follow each other fast


class Command(NamedTuple):
    """``words`` are what is sent, ASCII; ``key`` decides the shard. ``instead``: for a server that does not know the script."""

    key: str
    words: Sequence[str]
    instead: Sequence[str] = ()


class Server:
    """Asks the server, or the cluster, of one URL. Connects on first use.

    Raises MissingExtra; UsageError for a URL that redis-py cannot read, without showing it.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT, monotonic: Callable[[], float] = time.monotonic) -> None:
        try:
            import redis
            import redis.asyncio

            from ostiary.guard.stores import _redis_lines
        except ImportError:
            raise MissingExtra("Redis", "redis") from None
        self._redis: Any = redis
        self._of_lines = _redis_lines
        self.cluster = "+cluster://" in url
        self._url = url.replace("+cluster://", "://", 1)
        self._timeout = timeout
        self._monotonic = monotonic
        self._breakers: dict[str, Breaker] = {"": Breaker("redis", monotonic)}
        self._lock = threading.Lock()
        self._client: Any = None
        self._lines: dict[str, Any] = {}
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = weakref.WeakKeyDictionary()
        try:
            redis.ConnectionPool.from_url(self._url)
        except (ValueError, TypeError):
            raise UsageError("not the URL of a Redis server; write redis://host:6379/0 or redis+cluster://host:6379") from None

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answer to each, or the StoreDown, in a thread. All are sent before the first answer is waited for."""
        sent = [self._guarded(self._send, command) for command in commands]
        return [
            one if isinstance(one, StoreDown) else self._guarded(self._receive, command, one)
            for command, one in zip(commands, sent, strict=True)
        ]

    async def aask(self, commands: Sequence[Command]) -> list[Any]:
        """The same in an event loop, which never waits."""
        if len(commands) == 1:
            return [await self._aguarded(commands[0])]
        return await asyncio.gather(*map(self._aguarded, commands))

    def close(self) -> None:
        """Close the connections of threads; the next use connects anew."""
        with self._lock:
            client, self._client = self._client, None
            lines, self._lines = self._lines, {}
        for one in lines.values():
            one.drop()
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        found = self._of_loops.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await (found.aclose() if self.cluster else found.drop(nowait=False))

    # Threads

    def _guarded(self, step: Callable[..., Any], command: Command, *more: Any) -> Any:
        try:
            return step(command, *more)
        except StoreDown as down:
            return down
        except (self._redis.exceptions.RedisError, OSError) as error:
            return self._down(error)

    def _send(self, command: Command) -> Any:
        node, lines = self._shard(command.key)
        breaker = self._breaker(node)
        breaker.check()
        try:
            return breaker, lines, lines.send(self._of_lines.packed(command.words))
        except (self._redis.exceptions.RedisError, OSError):
            self._failed(breaker)
            raise

    def _receive(self, command: Command, sent: Any) -> Any:
        breaker, lines, under_way = sent
        errors = self._redis.exceptions
        try:
            try:
                answer = under_way.answer()
            except errors.NoScriptError:
                answer = lines.send(self._of_lines.packed(command.instead)).answer()
        except errors.ResponseError as error:
            breaker.worked()
            if self.cluster and isinstance(error, (errors.AskError, errors.TryAgainError, errors.ClusterDownError)):
                # It has moved; the client of the cluster finds it, and learns where everything is.
                return self._cluster().execute_command(*(command.instead or command.words))
            raise
        except (errors.RedisError, OSError):
            self._failed(breaker)
            raise
        breaker.worked()
        return answer

    def _failed(self, breaker: Breaker) -> None:
        """In a cluster another node may have taken over: who is asked next is asked where."""
        breaker.failed()
        if self.cluster:
            with contextlib.suppress(self._redis.exceptions.RedisError, OSError):
                self._cluster().nodes_manager.initialize()

    def _shard(self, key: str) -> tuple[str, Any]:
        """The node that holds a key, "" where there is but one, and the connections to it."""
        if not self.cluster:
            return "", self._lines.get("") or self._new_lines("", self._pool(self._redis).make_connection)
        client = self._cluster()
        node = client.get_node_from_key(key)
        if node is None:
            raise StoreDown("redis: no node of the cluster holds this slot")
        found = self._lines.get(node.name)
        return node.name, found or self._new_lines(node.name, lambda: client.get_redis_connection(node).connection_pool.make_connection())

    def _new_lines(self, node: str, connect: Callable[[], Any]) -> Any:
        with self._lock:
            return self._lines.setdefault(node, self._of_lines.Lines(connect, _CONNECTIONS, self._timeout))

    def _cluster(self) -> Any:
        """Knows which node holds what. While nobody can be asked for it, the breaker without a name says so."""
        if self._client is None:
            breaker = self._breaker("")
            breaker.check()
            try:
                client = self._connected(self._redis)
            except (self._redis.exceptions.RedisError, OSError):
                breaker.failed()
                raise
            breaker.worked()
            with self._lock:
                self._client = client
        return self._client

    # Event loops

    async def _aguarded(self, command: Command) -> Any:
        try:
            return await self._aask(command)
        except StoreDown as down:
            return down
        except (self._redis.exceptions.RedisError, OSError) as error:
            return self._down(error)

    async def _aask(self, command: Command) -> Any:
        found = self._of_loop()
        breaker = self._breaker(await self._node(found, command.key) if self.cluster else "")
        breaker.check()
        errors = self._redis.exceptions
        try:
            try:
                answer = await self._exchange(found, command.words)
            except errors.NoScriptError:
                answer = await self._exchange(found, command.instead)
        except errors.ResponseError:
            breaker.worked()
            raise
        except (errors.RedisError, OSError):
            breaker.failed()
            raise
        breaker.worked()
        return answer

    async def _exchange(self, found: Any, words: Sequence[str]) -> Any:
        if self.cluster:
            return await found.execute_command(*words)
        return await found.ask(self._of_lines.packed(words))

    async def _node(self, client: Any, key: str) -> str:
        breaker = self._breaker("")
        breaker.check()
        try:
            await client.initialize()
        except (self._redis.exceptions.RedisError, OSError):
            breaker.failed()
            raise
        breaker.worked()
        return str(client.get_node_from_key(key).name)

    def _of_loop(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._of_loops:
            module = self._redis.asyncio
            make = self._connected if self.cluster else self._loop_lines
            self._of_loops[loop] = make(module)
        return self._of_loops[loop]

    # Both

    def _loop_lines(self, module: Any) -> Any:
        return self._of_lines.LoopLines(self._pool(module).make_connection, _LOOP_CONNECTIONS, self._timeout)

    def _breaker(self, node: str) -> Breaker:
        found = self._breakers.get(node)
        return found if found is not None else self._breakers.setdefault(node, Breaker("redis", self._monotonic))

    def _down(self, error: Exception) -> StoreDown:
        if isinstance(error, self._redis.exceptions.ResponseError):
            return StoreDown(f"redis: {str(error)[:200]}")
        return StoreDown(f"redis does not answer ({type(error).__name__})")

    def _pool(self, module: Any) -> Any:
        return module.ConnectionPool.from_url(self._url, **self._times(module, 0))

    def _connected(self, module: Any) -> Any:
        return module.RedisCluster.from_url(self._url, **self._times(module, 1))

    def _times(self, module: Any, retries: int) -> dict[str, Any]:
        from redis.asyncio.retry import Retry as LoopRetry
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        retry = (Retry if module is self._redis else LoopRetry)(NoBackoff(), retries)
        return {"socket_timeout": self._timeout, "socket_connect_timeout": self._timeout, "retry": retry, "protocol": 2}
