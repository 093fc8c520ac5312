"""The world as a flow asks it (``guard/ask.py``): stores, and functions of the app. One answer for threads, one for event loops."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ostiary.guard.ask import Ask, Call, Fetch, Find, ReadBody, Remember, Spend
from ostiary.guard.fetching import Fetcher
from ostiary.guard.stores.base import StoreDown

if TYPE_CHECKING:
    from ostiary.guard.stores.base import Counters, Nonces
    from ostiary.guard.stores.keys_base import KeyStore

_Answers = Mapping[type, Callable[[Any], Any]]


class World:
    """Answers asks. Raises what the stores raise: Busy, StoreDown."""

    def __init__(self, counters: Counters, keys: KeyStore | None) -> None:
        self.counters = counters
        self.keys = keys
        self.fetcher = Fetcher()
        self.nonces: Nonces | None = None
        self._answers: _Answers = {
            Spend: self._spend,
            Find: self._find,
            Call: self._call,
            Fetch: self.fetcher.fetch,
            Remember: self._remember,
            ReadBody: self._read_body,
        }
        self._in_loop: _Answers = {
            **self._answers,
            Spend: self._spend_in_loop,
            Find: self._find_in_loop,
            Call: self._call_in_loop,
            Fetch: self.fetcher.afetch,
            Remember: self._remember_in_loop,
        }

    def answer(self, ask: Ask) -> Any:
        """One answer, in a thread."""
        return self._answers[type(ask)](ask)

    def answer_in_loop(self, ask: Ask) -> Any:
        """The same where an event loop must not be held up: a store across a network answers with an awaitable."""
        return self._in_loop[type(ask)](ask)

    def _spend(self, ask: Spend) -> Any:
        if ask.once is None:
            return self.counters.spend(ask.charges, ask.now)
        # Asked of those stores alone that can.
        return self.counters.spend_and_remember(ask.charges, ask.now, ask.once.key, ask.once.expires)  # type: ignore[attr-defined]

    def _spend_in_loop(self, ask: Spend) -> Any:
        if ask.once is not None:
            return self.counters.aspend_and_remember(ask.charges, ask.now, ask.once.key, ask.once.expires)  # type: ignore[attr-defined]
        spend = getattr(self.counters, "aspend", self.counters.spend)
        return spend(ask.charges, ask.now)

    def _find(self, ask: Find) -> Any:
        if self.keys is None:
            return None
        return self.keys.find_imported(ask.digests) if ask.digests else self.keys.find(ask.key_id)

    def _find_in_loop(self, ask: Find) -> Any:
        if ask.digests:
            find = getattr(self.keys, "afind_imported", None)
            return self._find(ask) if find is None else find(ask.digests)
        find = getattr(self.keys, "afind", None)
        return self._find(ask) if find is None else find(ask.key_id)

    def _remember(self, ask: Remember) -> Any:
        return self._nonces().remember(*ask)

    def _remember_in_loop(self, ask: Remember) -> Any:
        nonces = self._nonces()
        remember = getattr(nonces, "aremember", nonces.remember)
        return remember(*ask)

    def _nonces(self) -> Nonces:
        if self.nonces is None:
            raise StoreDown("this guard has no store of nonces")
        return self.nonces

    @staticmethod
    def _read_body(ask: ReadBody) -> Any:
        return ask.request.read_body(ask.limit, ask.seconds, ask.watch)

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
        for store in (self.counters, self.nonces, self.keys):
            if (close := getattr(store, "aclose", None)) is not None:
                await close()

    def close(self) -> None:
        """Closes the stores; they may be used again."""
        self.fetcher.close()
        self.counters.close()
        for store in (self.keys, self.nonces):
            if store is not None:
                store.close()
