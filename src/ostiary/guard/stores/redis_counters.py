"""Counters of all processes of all hosts, in Redis 6 or newer, or Valkey: one script, one round trip, all charges or none.

The time is the server's own: hosts never agree to the millisecond, and a counter that many of them write needs one clock. (A
server that takes over from another may be a little behind: a clock that goes back by up to a minute stands still.) The script
decides and tells the cells as they were; what is answered of them is worked out here, by the same arithmetic as for every store.

Every cell expires by itself. A server at ``maxmemory`` should refuse to write (``noeviction``), not forget live counters.

In a cluster the cells of one caller lie in one slot, and a request whose limits count one caller is one round trip. Where it counts
several (``by address``, ``by app``) each has a script of its own; when one refuses, what the others spent is taken back at once, and
in between somebody else may be refused who need not be. Nobody is let in who must not be.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ostiary.errors import Defect
from ostiary.guard.limits import SKEW_MS
from ostiary.guard.stores._redis import TIMEOUT, Server
from ostiary.guard.stores._redis_cells import arguments, caller_of, key_of, packed
from ostiary.guard.stores._spending import settle
from ostiary.guard.stores.base import Charge, Spent, StoreDown

_SCRIPT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
_NAME = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()  # how Redis names scripts


class _Part(NamedTuple):
    """The charges that one script settles, and their places in the request."""

    places: tuple[int, ...]
    charges: tuple[Charge, ...]
    keys: tuple[str, ...]


class _Told(NamedTuple):
    """What a script said of a part, and what that means."""

    part: _Part
    now: int
    before: tuple[int, ...]
    spent: Spent


class RedisCounters:
    """Counters shared by everybody who opens ``url``; see Counters. Connects on first use.

    ``url``: ``redis://``, ``rediss://`` (TLS), ``unix://`` as redis-py reads them, ``redis+cluster://``, ``rediss+cluster://``.
    ``clock``: whose time counts, the server's or the callers' (for tests, and traffic that is played again). ``timeout``: seconds
    for a connection, and for an answer. Raises UsageError, MissingExtra.
    """

    immediate = False

    def __init__(
        self,
        url: str,
        *,
        clock: Literal["server", "caller"] = "server",
        timeout: float = TIMEOUT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = Server(url, timeout, monotonic)
        self._of_caller = clock == "caller"

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none, in a thread. Raises StoreDown."""
        told: list[_Told] = []
        for part in self._parts(charges):
            try:
                told.append(_told(part, self._ask(self._call("spend", part, _ms(now)))))
            except StoreDown:
                self._take_back(told)
                raise
        if not _allowed(told):
            self._take_back(told)
        return _joined(told)

    async def aspend(self, charges: Sequence[Charge], now: float) -> Spent:
        """The same in an event loop, which never waits; the shards of a cluster are asked at once."""
        parts = self._parts(charges)
        answers = await asyncio.gather(*(self._aask(self._call("spend", part, _ms(now))) for part in parts), return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        told = [_told(part, answer) for part, answer in zip(parts, answers, strict=True) if not isinstance(answer, BaseException)]
        if failed or not _allowed(told):
            back = (self._aask(self._call("refund", one.part, one.now)) for one in told if one.spent.allowed)
            await asyncio.gather(*back, return_exceptions=True)
        if failed:
            raise failed[0]
        return _joined(told)

    def _take_back(self, told: Sequence[_Told]) -> None:
        for one in told:
            if one.spent.allowed:
                with contextlib.suppress(StoreDown):
                    self._ask(self._call("refund", one.part, one.now))

    def close(self) -> None:
        """Close the connections of threads; the counters stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()

    def _parts(self, charges: Sequence[Charge]) -> list[_Part]:
        """One part, or in a cluster one for each caller."""
        groups: dict[bytes, list[int]] = {}
        for place, charge in enumerate(charges):
            if charge.cost < 0:
                raise ValueError(f"a cost is not negative: {charge.cost}")
            groups.setdefault(caller_of(charge) if self._server.cluster else b"", []).append(place)
        found = [(tuple(places), tuple(charges[place] for place in places)) for places in groups.values()]
        return [_Part(places, own, tuple(key_of(charge) for charge in own)) for places, own in found]

    def _call(self, mode: str, part: _Part, now: int) -> list[int | str]:
        """What EVALSHA and EVAL are given after the script: how many keys, the keys, the arguments.

        Where the callers' clocks count, cells stay for as long as one of them may be behind.
        """
        places = {key: place for place, key in enumerate(dict.fromkeys(part.keys), 1)}
        time_of = str(now) if self._of_caller or mode == "refund" else ""
        told = (arguments(charge, places[key], now) for key, charge in zip(part.keys, part.charges, strict=True))
        return [len(places), *places, mode, time_of, " ".join((str(SKEW_MS) if self._of_caller else "0", *told))]

    def _ask(self, call: list[int | str]) -> Any:
        with self._server.asking():
            client = self._server.client()
            try:
                return client.evalsha(_NAME, *call)
            except self._server.no_script:
                return client.eval(_SCRIPT, *call)

    async def _aask(self, call: list[int | str]) -> Any:
        with self._server.asking():
            client = self._server.aclient()
            try:
                return await client.evalsha(_NAME, *call)
            except self._server.no_script:
                return await client.eval(_SCRIPT, *call)


def _told(part: _Part, answer: Any) -> _Told:
    """The meaning of an answer. Defect when the script decided otherwise than the arithmetic."""
    lines = (answer if isinstance(answer, bytes) else answer.encode()).split(b"\n")
    allowed, now, cells = lines[0] == b"1", int(lines[1]), lines[2:]
    texts = dict(zip(dict.fromkeys(part.keys), cells, strict=True))
    before = tuple(packed(charge.limit, texts[key]) for key, charge in zip(part.keys, part.charges, strict=True))
    spent, _ = settle(part.charges, before, now)
    if spent.allowed is not allowed:
        raise Defect("the counters' script and their arithmetic disagree")
    return _Told(part, now, before, spent)


def _allowed(told: Sequence[_Told]) -> bool:
    return all(one.spent.allowed for one in told)


def _joined(told: Sequence[_Told]) -> Spent:
    """The parts as one answer, in the order of the charges. What was taken back is told as if it had not been spent."""
    if len(told) == 1:
        return told[0].spent
    allowed = _allowed(told)
    states: dict[int, tuple[int, int, float]] = {}
    for part, now, before, spent in told:
        if spent.allowed and not allowed:
            spent, _ = settle([charge._replace(cost=0) for charge in part.charges], before, now)
        states.update((place, (place, left, reset)) for place, (_, left, reset) in zip(part.places, spent.states, strict=True))
    return Spent(allowed, tuple(states[place] for place in sorted(states)), max((one.spent.retry_after for one in told), default=0.0))


def _ms(now: float) -> int:
    return int(now * 1000 + 0.5)
