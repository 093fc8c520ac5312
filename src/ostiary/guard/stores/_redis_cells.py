"""How counters lie in Redis: the same whole numbers as in guard/limits.py, held apart, because Lua counts exactly to 2^53 only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import gcd

from ostiary.guard.limits import EXACT, parts_cell, period_starts
from ostiary.guard.stores._spending import cell_name, nonce_name
from ostiary.guard.stores.base import Charge, Key
from ostiary.model.limit import Limit

_HOUR = 3_600_000
_MOST = 1 << 40  # beyond every limit, and exact in Lua


@lru_cache(maxsize=8192)
def caller_of(key: Key) -> str:
    """Who is counted, in 16 hex digits: the end of the key (guard/flow.py puts the caller there). In a cluster a caller's cells lie together."""
    return blake2b(repr(key[-2:]).encode(), digest_size=8).hexdigest()


def key_of(charge: Charge) -> str:
    """The name of a cell in Redis; the part in braces decides the slot (Redis Cluster specification, hash tags)."""
    return _key_of(charge.key, charge.limit)


@lru_cache(maxsize=8192)
def _key_of(key: Key, limit: Limit) -> str:
    return f"ostiary:{{{caller_of(key)}}}:{cell_name(Charge(key, limit)).hex()}"


def nonce_key(key: bytes) -> str:
    """The name of a nonce in Redis."""
    return f"ostiary:nonce:{nonce_name(key).hex()}"


def arguments(charge: Charge, place: str, now: int) -> str:
    """What the script is told of a charge whose cell is the ``place``-th key."""
    limit = charge.limit
    given = _told(limit) if limit.kind != "calendar" else _told_calendar(limit, now // _HOUR)
    return f"{place} {min(charge.cost, _MOST)} {given}"


def packed(limit: Limit, text: bytes) -> int:
    """The cell as guard/limits.py has it; 0 for a cell that is not there."""
    numbers = [int(digits) for digits in text.split()]
    if not numbers:
        return 0
    if limit.kind == "calendar":
        return numbers[0] << 40 | numbers[1]
    if limit.kind == "gcra":
        time, debt, rest = numbers
        return time * limit.count + debt * limit.seconds * 1000 + rest
    if limit.count <= EXACT:
        return _joined([1 << 43 | time for time in numbers], 44)
    return parts_cell(limit, numbers[0], _joined(numbers[:0:-1], (limit.count + 1).bit_length()))


def _joined(numbers: Sequence[int], bits: int) -> int:
    whole = 0
    for number in numbers:
        whole = whole << bits | number
    return whole


@lru_cache(maxsize=4096)
def _told(limit: Limit) -> str:
    """The kind of a cell in the script, and the constants of its arithmetic."""
    window = limit.seconds * 1000
    if limit.kind == "gcra":
        return f"3 3 {limit.count} {window} {max(limit.burst, 1)}"
    if limit.count <= EXACT:
        return f"1 2 {limit.count} {window}"
    scale = limit.parts // gcd(window, limit.parts)
    return f"2 4 {limit.count} {scale} {window * scale // limit.parts} {limit.parts + 1}"


@lru_cache(maxsize=256)
def _told_calendar(limit: Limit, hour: int) -> str:
    """The same with the periods around an hour. The script chooses among three, so that neither the hour nor a clock a little off matters."""
    return f"4 5 {limit.count} {' '.join(map(str, period_starts(limit, hour * _HOUR)))}"
