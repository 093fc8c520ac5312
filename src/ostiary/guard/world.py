"""The world as a flow asks it (``guard/ask.py``): stores, and functions of the app. One answer for threads, one for event loops."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ostiary.guard.ask import Ask, Call, Fetch, Find, Spend
from ostiary.guard.fetching import Fetcher

if TYPE_CHECKING:
    from ostiary.guard.stores.base import Counters
    from ostiary.guard.stores.keys_base import KeyStore

_Answers = Mapping[type, Callable[[Any], Any]]


class World:
    """Answers asks. Raises what the stores raise: Busy, StoreDown."""

    def __init__(self, counters: Counters, keys: KeyStore | None) -> None:
        self.counters = counters
        self.keys = keys
        self.fetcher = Fetcher()
        self._answers: _Answers = {Spend: self._spend, Find: self._find, Call: self._call, Fetch: self.fetcher.fetch}
        self._in_loop: _Answers = {**self._answers, Spend: self._spend_in_loop, Call: self._call_in_loop, Fetch: self.fetcher.afetch}

    def answer(self, ask: Ask) -> Any:
        """One answer, in a thread."""
        return self._answers[type(ask)](ask)

    def answer_in_loop(self, ask: Ask) -> Any:
        """The same where an event loop must not be held up: a store across a network answers with an awaitable."""
        return self._in_loop[type(ask)](ask)

    def _spend(self, ask: Spend) -> Any:
        return self.counters.spend(ask.charges, ask.now)

    def _spend_in_loop(self, ask: Spend) -> Any:
        spend = getattr(self.counters, "aspend", self.counters.spend)
        return spend(ask.charges, ask.now)

    def _find(self, ask: Find) -> Any:
        if self.keys is None:
            return None
        return self.keys.find_imported(ask.digests) if ask.digests else self.keys.find(ask.key_id)

    @staticmethod
    def _call(ask: Call) -> Any:
        reply = ask.function(*ask.arguments)
        return asyncio.run(reply) if inspect.iscoroutine(reply) else reply

    @staticmethod
    def _call_in_loop(ask: Call) -> Any:
        if ask.blocking and not inspect.iscoroutinefunction(ask.function):
            return asyncio.to_thread(ask.function, *ask.arguments)
        return ask.function(*ask.arguments)

    async def aclose(self) -> None:
        """Closes what belongs to the event loop that ends."""
        if (close := getattr(self.counters, "aclose", None)) is not None:
            await close()

    def close(self) -> None:
        """Closes the stores; they may be used again."""
        self.fetcher.close()
        self.counters.close()
        if self.keys is not None:
            self.keys.close()
