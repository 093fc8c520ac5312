"""Nonces of all processes of all hosts, in Redis or Valkey: SET with NX and PX, one round trip.

How long one is held is measured by the server, so hosts whose clocks differ count as one. A server at ``maxmemory`` should refuse to
write (``noeviction``), not forget what is held; one that restarts without its data (``appendonly no``) has forgotten it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Any

from ostiary.guard.stores._redis import TIMEOUT, Command, Server
from ostiary.guard.stores._redis_cells import nonce_key
from ostiary.guard.stores.base import StoreDown


class RedisNonces:
    """Nonces shared by everybody who opens ``url``; see Nonces, and RedisCounters for what the arguments mean. Raises UsageError, MissingExtra."""

    immediate = False

    def __init__(self, url: str, *, timeout: float = TIMEOUT, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server = Server(url, timeout, monotonic)

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """Was it never seen? See Nonces.remember, in a thread. Raises StoreDown."""
        return (held := rest(now, expires)) > 0 and is_new(*self._server.ask([remembering(key, held)]))

    async def aremember(self, key: bytes, now: float, expires: float) -> bool:
        """The same in an event loop."""
        return (held := rest(now, expires)) > 0 and is_new(*await self._server.aask([remembering(key, held)]))

    def close(self) -> None:
        """Close the connections of threads; the nonces stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()


def rest(now: float, expires: float) -> int:
    """How long a nonce is to be held, in whole ms."""
    return ceil((expires - now) * 1000)


def remembering(key: bytes, held: int) -> Command:
    """What remembers a nonce for so many ms."""
    name = nonce_key(key)
    return Command(name, ("SET", name, "", "NX", "PX", str(held)))


def is_new(answer: Any) -> bool:
    """What SET has said; raises the StoreDown that it is."""
    if isinstance(answer, StoreDown):
        raise answer
    return answer is not None
