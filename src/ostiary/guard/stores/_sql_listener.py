"""How a process hears that a key was changed elsewhere: PostgreSQL's LISTEN on a connection and a thread of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from ostiary.guard.stores._sql import Server
from ostiary.guard.stores._sql_schema import CHANNEL

BEAT = 1.0
"""Seconds after which a connection on which nothing was heard is asked for the generation, so that one that died is noticed."""
TRUST = 3.0
"""Seconds for which silence is believed."""
BELIEF = 5.0
"""Seconds for which anything is believed while nobody listens."""
_RETRY = 0.5
_GENERATION = "SELECT value FROM ostiary_generation"
_LOG = logging.getLogger("ostiary")


class Listener:
    """Knows the generation of the keys. Begins to listen when it is first asked, anew in a forked child."""

    def __init__(self, server: Server, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._monotonic = monotonic
        self._connections = 0
        self.forget()
        _listeners.add(self)

    def forget(self) -> None:
        """Nobody listens: at the beginning, and in a forked child, where the parent's thread is not."""
        self._heard = float("-inf")
        self._value = 0
        self._lock = threading.Lock()
        self._closing: threading.Event | None = None

    def generation(self) -> int:
        """Moves with every change, with every new connection, and every ``BELIEF`` seconds while there is none. Never waits."""
        if self._closing is None:
            self._start()
        now = self._monotonic()
        if now - self._heard <= TRUST:
            return (self._connections << 48) + self._value
        return -1 - int(now / BELIEF)

    def changed(self, value: int) -> None:
        """The generation is at least this: told by a notification, or by whoever made a change in this process."""
        with self._lock:
            self._value = max(self._value, value)

    def close(self) -> None:
        """Listen no more; the next question begins anew."""
        with self._lock:
            closing, self._closing, self._heard = self._closing, None, float("-inf")
        if closing is not None:
            closing.set()

    def _start(self) -> None:
        with self._lock:
            if self._closing is not None:
                return
            closing = self._closing = threading.Event()
        threading.Thread(target=self._work, args=(closing,), name="ostiary-keys", daemon=True).start()

    def _work(self, closing: threading.Event) -> None:
        while not closing.is_set():
            try:
                with self._server.connect(BEAT + 1, statement_timeout=BEAT) as connection:
                    self._listen(connection, closing)
            except Exception as error:  # noqa: BLE001 whatever is wrong, nothing is heard and soon nothing believed
                _LOG.debug("nobody listens for changes of keys (%s)", type(error).__name__)
                closing.wait(_RETRY)

    def _listen(self, connection: Any, closing: threading.Event) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        self._begin(closing, *self._asked(connection))
        while not closing.is_set():
            notified = False
            for told in connection.notifies(timeout=BEAT, stop_after=1):
                notified = True
                self.changed(int(told.payload))
            if not notified:
                asked, value = self._asked(connection)
                self.changed(value)
                self._hear(closing, asked)

    def _asked(self, connection: Any) -> tuple[float, int]:
        """When it was asked, and the generation."""
        asked = self._monotonic()
        return asked, connection.execute(_GENERATION).fetchone()[0]

    def _begin(self, closing: threading.Event, asked: float, value: int) -> None:
        """What was believed before is dropped: a change in between was not heard."""
        with self._lock:
            self._connections += 1
            self._value = value
        self._hear(closing, asked)

    def _hear(self, closing: threading.Event, asked: float) -> None:
        with self._lock:
            if self._closing is closing:
                self._heard = asked


_listeners: weakref.WeakSet[Listener] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for listener in tuple(_listeners):
        listener.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
