"""Connections of redis-py without its client around them: half of what a call costs. One command on one connection at a time.

A connection that was used before and turns out to be closed is replaced, once, by a new one, and all that lie idle go with it: after a
restart of the server each of them is dead. The command may then have run twice, which spends more or refuses, and lets nobody in.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError as Lost
from redis.exceptions import ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as TooLate


def packed(words: Sequence[str]) -> bytes:
    """A command as it is sent (RESP, https://redis.io/docs/reference/protocol-spec/). All words are ASCII."""
    return "".join([f"*{len(words)}\r\n", *[f"${len(word)}\r\n{word}\r\n" for word in words]]).encode("ascii")


class Lines:
    """For threads: at most ``most`` connections, each made by ``connect`` (not yet connected). Raises what redis-py raises."""

    def __init__(self, connect: Callable[[], Any], most: int, timeout: float) -> None:
        self._connect, self._most, self._timeout = connect, most, timeout
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._idle: list[Any] = []
        self._slots = threading.BoundedSemaphore(self._most)

    def send(self, command: bytes) -> Sent:
        """The command is on its way; ``Sent.answer`` must be asked for."""
        if self._pid != os.getpid():
            # A forked child: the connections are its parent's.
            self._begin()
        if not self._slots.acquire(timeout=self._timeout):
            raise TooLate("no connection became free")
        try:
            return self._sent(command)
        except BaseException:
            self._slots.release()
            raise

    def _sent(self, command: bytes) -> Sent:
        try:
            line = self._idle.pop()
        except IndexError:
            return self._sent_anew(command)
        try:
            line.send_packed_command((command,), check_health=False)
        except Lost:
            return self._sent_anew(command)
        return Sent(self, line, command)

    def _sent_anew(self, command: bytes) -> Sent:
        self.drop()
        line = self._connect()
        line.send_packed_command((command,), check_health=False)
        return Sent(self, line, "")

    def drop(self) -> None:
        """Close what lies idle."""
        while self._idle:
            self._idle.pop().disconnect()


class Sent:
    """A command whose answer has not been read. ``again``: what is sent anew where the connection was an old one."""

    __slots__ = ("_again", "_line", "_lines")

    def __init__(self, lines: Lines, line: Any, again: bytes | str) -> None:
        self._lines, self._line, self._again = lines, line, again

    def answer(self) -> Any:
        """Raises what redis-py raises; to be called once."""
        lines, line = self._lines, self._line
        try:
            try:
                found = line.read_response()
            except Lost:
                if not isinstance(self._again, bytes):
                    raise
                self._line = line = lines._sent_anew(self._again)._line
                found = line.read_response()
        except ReadOnlyError:
            # The address has become that of another server: what is open leads to the old one.
            line.disconnect()
            lines.drop()
            raise
        except ResponseError:
            lines._idle.append(line)
            raise
        except BaseException:
            line.disconnect()
            raise
        else:
            lines._idle.append(line)
            return found
        finally:
            lines._slots.release()


class LoopLines:
    """The same for the tasks of one event loop, which never wait for it."""

    def __init__(self, connect: Callable[[], Any], most: int, timeout: float) -> None:
        self._connect, self._timeout = connect, timeout
        self._idle: list[Any] = []
        self._slots = asyncio.Semaphore(most)

    async def ask(self, command: bytes) -> Any:
        """The answer. Raises what redis-py raises."""
        if self._slots.locked():
            try:
                async with asyncio.timeout(self._timeout):
                    await self._slots.acquire()
            except TimeoutError:
                raise TooLate("no connection became free") from None
        else:
            await self._slots.acquire()
        try:
            if not self._idle:
                return await self._exchange(self._connect(), command)
            try:
                return await self._exchange(self._idle.pop(), command)
            except Lost:
                await self.drop()
                return await self._exchange(self._connect(), command)
        finally:
            self._slots.release()

    async def _exchange(self, line: Any, command: bytes) -> Any:
        keep = False
        try:
            await line.send_packed_command((command,), check_health=False)
            found = await line.read_response()
            keep = True
        except ReadOnlyError:
            await self.drop()
            raise
        except ResponseError:
            keep = True
            raise
        finally:
            if keep:
                self._idle.append(line)
            else:
                await line.disconnect(nowait=True)
        return found

    async def drop(self, nowait: bool = True) -> None:
        """Close what lies idle, and wait until it is closed or do not."""
        while self._idle:
            await self._idle.pop().disconnect(nowait=nowait)
