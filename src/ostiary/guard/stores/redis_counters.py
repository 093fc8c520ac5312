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

import time
from collections.abc import Callable, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ostiary.errors import Defect
from ostiary.guard.limits import SKEW_MS
from ostiary.guard.stores._redis import TIMEOUT, Command, Server
from ostiary.guard.stores._redis_cells import arguments, caller_of, key_of, nonce_key, packed
from ostiary.guard.stores._spending import settle
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.stores.redis_nonces import remembering, rest

_SCRIPT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
_NAME = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()  # how Redis names scripts


_EVALSHA, _EVAL = ("EVALSHA", _NAME), ("EVAL", _SCRIPT)
_SEEN = b"2"


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


class _Nonce(NamedTuple):
    """What is remembered with the charges: its key, and for how many ms."""

    key: bytes
    held: int


class _Outcome(NamedTuple):
    """What came of a request: an answer, None for a nonce that was seen, or why there is none; and what has to be taken back first."""

    spent: Spent | StoreDown | None
    back: tuple[Command, ...] = ()

    def result(self) -> Spent | None:
        if isinstance(self.spent, StoreDown):
            raise self.spent
        return self.spent


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
        return _counted(self._asked(charges, now, None))

    async def aspend(self, charges: Sequence[Charge], now: float) -> Spent:
        """The same in an event loop, which never waits."""
        return _counted(await self._aasked(charges, now, None))

    def spend_and_remember(self, charges: Sequence[Charge], now: float, key: bytes, expires: float) -> Spent | None:
        """`Nonces.remember` and then `spend`, in one round trip; None where the nonce was seen: then nothing is spent.

        A call that its limits refuse has used its nonce, as it has where the two are asked one after the other. Raises StoreDown.
        """
        held = rest(now, expires)
        return self._asked(charges, now, _Nonce(key, held)) if held > 0 else None

    async def aspend_and_remember(self, charges: Sequence[Charge], now: float, key: bytes, expires: float) -> Spent | None:
        """The same in an event loop."""
        held = rest(now, expires)
        return await self._aasked(charges, now, _Nonce(key, held)) if held > 0 else None

    def close(self) -> None:
        """Close the connections of threads; the counters stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()

    def _asked(self, charges: Sequence[Charge], now: float, nonce: _Nonce | None) -> Spent | None:
        parts = self._parts(charges)
        outcome = self._outcome(parts, self._server.ask(self._commands(parts, now, nonce)))
        if outcome.back:
            self._server.ask(outcome.back)
        return outcome.result()

    async def _aasked(self, charges: Sequence[Charge], now: float, nonce: _Nonce | None) -> Spent | None:
        parts = self._parts(charges)
        outcome = self._outcome(parts, await self._server.aask(self._commands(parts, now, nonce)))
        if outcome.back:
            await self._server.aask(outcome.back)
        return outcome.result()

    def _parts(self, charges: Sequence[Charge]) -> list[_Part]:
        """One part, or in a cluster one for each caller."""
        for charge in charges:
            if charge.cost < 0:
                raise ValueError(f"a cost is not negative: {charge.cost}")
        if not self._server.cluster:
            return [_Part(tuple(range(len(charges))), tuple(charges), tuple([key_of(charge) for charge in charges]))] if charges else []
        groups: dict[str, list[int]] = {}
        for place, charge in enumerate(charges):
            groups.setdefault(caller_of(charge.key), []).append(place)
        found = [(tuple(places), tuple(charges[place] for place in places)) for places in groups.values()]
        return [_Part(places, own, tuple(key_of(charge) for charge in own)) for places, own in found]

    def _commands(self, parts: Sequence[_Part], now: float, nonce: _Nonce | None) -> list[Command]:
        """What is asked of each part; a nonce goes with the only one where there is one server, else it is a question of its own."""
        if nonce is None or self._server.cluster or not parts:
            commands = [self._command("spend", part, _ms(now)) for part in parts]
            return commands if nonce is None else [*commands, remembering(nonce.key, nonce.held)]
        return [self._command("spend", parts[0], _ms(now), nonce)]

    def _command(self, mode: str, part: _Part, now: int, nonce: _Nonce | None = None) -> Command:
        """EVALSHA, or EVAL: how many keys, the keys, the arguments.

        Where the callers' clocks count, cells stay for as long as one of them may be behind.
        """
        keys = list(dict.fromkeys(part.keys))
        places = {key: str(place) for place, key in enumerate(keys, 1)}
        time_of = str(now) if self._of_caller or mode == "refund" else ""
        told = [arguments(charge, places[key], now) for key, charge in zip(part.keys, part.charges, strict=True)]
        words = [mode, time_of, " ".join((str(SKEW_MS) if self._of_caller else "0", *told))]
        if nonce is not None:
            keys.append(nonce_key(nonce.key))
            words.append(str(nonce.held))
        given = (str(len(keys)), *keys, *words)
        return Command(keys[0], _EVALSHA + given, _EVAL + given)

    def _outcome(self, parts: Sequence[_Part], answers: Sequence[Any]) -> _Outcome:
        told = [_told(part, answer) for part, answer in zip(parts, answers, strict=False) if not isinstance(answer, StoreDown)]
        # Beyond the parts is the answer of a nonce that travelled alone.
        seen = None in told or None in answers[len(parts) :]
        known = [one for one in told if one is not None]
        down = next((answer for answer in answers if isinstance(answer, StoreDown)), None)
        if down is None and not seen and _allowed(known):
            return _Outcome(_joined(known))
        back = tuple(self._command("refund", one.part, one.now) for one in known if one.spent.allowed)
        return _Outcome(down or (None if seen else _joined(known)), back)


def _counted(spent: Spent | None) -> Spent:
    if spent is None:
        raise Defect("a nonce was seen where none was asked for")
    return spent


def _told(part: _Part, answer: Any) -> _Told | None:
    """The meaning of an answer; None for a nonce that was seen. Defect when the script decided otherwise than the arithmetic."""
    lines = (answer if isinstance(answer, bytes) else answer.encode()).split(b"\n")
    if lines[0] == _SEEN:
        return None
    allowed, now, cells = lines[0] == b"1", int(lines[1]), lines[2:]
    texts = dict(zip(dict.fromkeys(part.keys), cells, strict=True))
    before = tuple([packed(charge.limit, texts[key]) for key, charge in zip(part.keys, part.charges, strict=True)])
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
