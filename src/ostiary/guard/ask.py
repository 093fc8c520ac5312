"""What a decision asks of the world, and the two drivers that answer: one sync, one async.

A flow is a generator that yields asks and is sent answers. Where a store answers in memory the flow calls it straight and yields
nothing. A store that is busy (another process holds its lock) is asked again until the deadline; after that it is down.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ostiary.guard.stores.base import Busy, StoreDown

if TYPE_CHECKING:
    from ostiary.wire.secret import Secret

PATIENCE = 1.0
"""Seconds after which a store that stays busy counts as down."""
_PAUSE = 0.002
_LONGEST_PAUSE = 0.05


class Find(NamedTuple):
    """A key by its id, or by what an imported key was stored as. Answer: KeyRecord or None."""

    key_id: str = ""
    digests: tuple[bytes, ...] = ()


class Spend(NamedTuple):
    """All limits of a phase in one: all or none is spent. Answer: Spent.

    With ``once`` a nonce goes along in the same round trip: None is the answer where it was seen.
    """

    charges: tuple[Any, ...]
    now: float
    once: Remember | None = None


class Call(NamedTuple):
    """A user's function, sync or async. Answer: what it returns. ``blocking``: it may wait for something, and no event loop may wait for it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    blocking: bool = False


class Fetch(NamedTuple):
    """A document of somebody else's by its URL. Answer: its bytes; raises StoreDown where it cannot be had.

    ``form`` is posted where there is one; ``client`` (id and secret) is whom the other side knows us as.
    """

    url: str
    form: tuple[tuple[str, str], ...] = ()
    client: tuple[str, Secret] | None = None

    def __repr__(self) -> str:
        return f"Fetch({self.url!r})"


class Remember(NamedTuple):
    """A nonce, to be used once and held until ``expires`` (Unix seconds). Answer: was it new?"""

    key: bytes
    now: float
    expires: float


class ReadBody(NamedTuple):
    """The content of the request, at most ``limit`` bytes within ``seconds``; ``watch`` sees every piece. Answer: Body (``guard/body.py``)."""

    request: Any
    limit: int
    seconds: float
    watch: Callable[[bytes], None]


Ask = Find | Spend | Call | Fetch | Remember | ReadBody
T = TypeVar("T")
Flow = Generator[Ask, Any, T]
Answer = Callable[[Ask], Any]


def _pauses() -> Generator[float, None, None]:
    """Growing pauses, PATIENCE long in all."""
    pause, left = _PAUSE, PATIENCE
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause = min(2 * pause, _LONGEST_PAUSE)


def run(flow: Flow[T], answer: Answer, wait: Callable[[float], None] = time.sleep) -> T:
    """Drives a flow in a thread. An awaitable answer is a mistake of the app's and counts as an outage."""
    try:
        ask = next(flow)
        while True:
            try:
                reply = _patiently(answer, ask, wait)
                if inspect.isawaitable(reply):
                    raise StoreDown("an async function was given to a synchronous app")
            except StoreDown as down:
                ask = flow.throw(down)
            else:
                ask = flow.send(reply)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _patiently(answer: Answer, ask: Ask, wait: Callable[[float], None]) -> Any:
    for pause in _pauses():
        try:
            return answer(ask)
        except Busy:
            wait(pause)
    raise StoreDown("the store is locked")


async def arun(flow: Flow[T], answer: Answer) -> T:
    """Drives a flow in an event loop: it never blocks the loop while it waits for a lock."""
    try:
        ask = next(flow)
        while True:
            try:
                reply = await _patiently_async(answer, ask)
            except StoreDown as down:
                ask = flow.throw(down)
            else:
                ask = flow.send(reply)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def _patiently_async(answer: Answer, ask: Ask) -> Any:
    for pause in _pauses():
        try:
            reply = answer(ask)
            return await reply if inspect.isawaitable(reply) else reply
        except Busy:
            await asyncio.sleep(pause)
    raise StoreDown("the store is locked")
