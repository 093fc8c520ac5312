"""Nonces of all processes of all hosts, in Redis or Valkey: SET with NX and PX, one round trip.

How long one is held is measured by the server, so hosts whose clocks differ count as one. A server at ``maxmemory`` should refuse to
write (``noeviction``), not forget what is held; one that restarts without its data (``appendonly no``) has forgotten it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from ostiary.guard.stores._redis import TIMEOUT, Server
from ostiary.guard.stores._redis_cells import nonce_key


class RedisNonces:
    """Nonces shared by everybody who opens ``url``; see Nonces, and RedisCounters for what the arguments mean. Raises UsageError, MissingExtra."""

    immediate = False

    def __init__(self, url: str, *, timeout: float = TIMEOUT, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server = Server(url, timeout, monotonic)

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """Was it never seen? See Nonces.remember, in a thread. Raises StoreDown."""
        if (held := rest(now, expires)) < 1:
            return False
        with self._server.asking():
            return self._server.client().set(nonce_key(key), b"", nx=True, px=held) is not None

    async def aremember(self, key: bytes, now: float, expires: float) -> bool:
        """The same in an event loop."""
        if (held := rest(now, expires)) < 1:
            return False
        with self._server.asking():
            return await self._server.aclient().set(nonce_key(key), b"", nx=True, px=held) is not None

    def close(self) -> None:
        """Close the connections of threads; the nonces stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()


def rest(now: float, expires: float) -> int:
    """How long a nonce is to be held, in whole ms."""
    return ceil((expires - now) * 1000)
