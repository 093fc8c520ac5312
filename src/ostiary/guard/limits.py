"""The arithmetic of limits: a counter is one int, and a hit makes a new one of it. Nothing is stored here, no clock is read.

Times are whole milliseconds; an interval holds its start and not its end. 0 is the empty cell of every kind.

- ``window`` of N ≤ 16: the times of the last N spent units, 44 bits each, the newest lowest. Exact: a unit is free again W after
  it was spent.
- ``window`` of more: the number of the current sub-window (W/S long) and above it S + 1 counters, the newest lowest: who calls seldom
  has a small int. A counter counts in full until all that is in it is older than W: never over; a hit counts for up to W(1 + 1/S); at
  a steady rate under by at most 1/(S+1). The sum of all is the int modulo 2^bits − 1, because 2^bits ≡ 1.
- ``gcra``: the theoretical arrival time (ATM Forum, TM 4.1), in units of 1/N ms so that it is a whole number.
- ``calendar``: the start of the period and what was spent in it.

A clock that goes back a little (threads and processes never read it at quite the same moment) is taken to stand still; a cell from
further ahead than can be is of a clock that was set wrong, and counts as empty.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from math import gcd
from typing import Literal, NamedTuple

from ostiary.model.limit import DAY, Limit, zone_of

EXACT = 16
SKEW_MS = 60_000
_TIME_BITS = 44
_TIME = (1 << _TIME_BITS) - 1
_MARK = 1 << _TIME_BITS - 1  # on every time in a log, so that its length tells how many there are
_COUNT_BITS = 40
_COUNT = (1 << _COUNT_BITS) - 1
_INDEX_BITS = 48

Answer = tuple[bool, int, int, int]


class Meter(NamedTuple):
    """A limit made ready. All times in ms.

    ``hit(cell, now, cost)`` gives (allowed, new cell, remaining, reset): after an allowed hit the ms until more than ``remaining`` is
    available; after a refused one, which changes nothing, the ms until the same cost will be. Cost 0 tells the state.
    ``expires(cell)`` is when the cell counts for nothing any more. ``full`` is the most that can remain.
    """

    hit: Callable[[int, int, int], Answer]
    expires: Callable[[int], int]
    full: int


def hit(cell: int, limit: Limit, now_ms: int, cost: int = 1) -> Answer:
    """(allowed, cell, remaining, reset in ms) of one hit; see Meter."""
    return meter(limit).hit(cell, now_ms, cost)


@lru_cache(maxsize=4096)
def meter(limit: Limit) -> Meter:
    """The arithmetic of a limit with its constants worked out."""
    if limit.kind == "gcra":
        return _gcra(limit.count, limit.seconds * 1000, max(limit.burst, 1))
    if limit.kind == "calendar":
        return _calendar(limit.count, limit.seconds == DAY, zone_of(limit))
    if limit.count <= EXACT:
        return _log(limit.count, limit.seconds * 1000)
    return _parts(limit.count, limit.seconds * 1000, limit.parts)


def _log(count: int, window: int) -> Meter:
    masks = [(1 << _TIME_BITS * kept) - 1 for kept in range(count + 1)]

    def hit(cell: int, now: int, cost: int) -> Answer:
        now += _MARK
        newest = cell & _TIME
        if newest > now:
            if newest > now + window + SKEW_MS:
                cell = 0
            else:
                now = newest
        live = cell.bit_length() // _TIME_BITS
        reset = window
        while live:
            reset = (cell >> _TIME_BITS * (live - 1)) + window - now
            if reset > 0:
                break
            live -= 1
            cell &= masks[live]
            reset = window
        left = count - live - cost
        if left < 0:
            blocking = max(0, live + left)
            return False, cell, left + cost, ((cell >> _TIME_BITS * blocking) & _TIME) + window - now if live else window
        if cost == 1:
            return True, cell << _TIME_BITS | now, left, reset
        for _ in range(cost):
            cell = cell << _TIME_BITS | now
        return True, cell, left, reset

    return Meter(hit, lambda cell: (cell & _TIME) - _MARK + window if cell else 0, count)


def _parts(count: int, window: int, parts: int) -> Meter:
    bits = (count + 1).bit_length()
    one, counters_mask = (1 << bits) - 1, (1 << bits * (parts + 1)) - 1
    low = _low(bits)
    unit, low_mask = 1 << low, (1 << low) - 1
    # A sub-window is ``step`` ticks of 1/scale ms, so that it is a whole number of them.
    scale = parts // gcd(window, parts)
    step = window * scale // parts
    span = parts + 1

    def shifted(cell: int, index: int) -> int:
        """The cell with ``index`` as its newest sub-window; the cell's own where the clock went back."""
        last = cell & low_mask
        if last > index:
            return cell if last <= index + span + SKEW_MS * scale // step else index
        passed = index - last
        return (cell >> low << bits * passed & counters_mask) << low | index if passed < span else index

    def wait(cell: int, needed: int, now: int) -> int:
        """Ticks until ``needed`` of what was spent is out of the window; all of it where that is not enough."""
        newest, counters = cell & low_mask, cell >> low
        place = (counters.bit_length() - 1) // bits if counters else 0
        needed -= counters >> bits * place & one
        while needed > 0 and place:
            place -= 1
            needed -= counters >> bits * place & one
        return (newest - place + span) * step - now

    def hit(cell: int, now: int, cost: int) -> Answer:
        now *= scale
        index = now // step
        if cell & low_mask != index:
            cell = shifted(cell, index)
            index = cell & low_mask
        spent = (cell % one - index) % one + cost
        if spent > count:
            return False, cell, count - spent + cost, -(-wait(cell, spent - count, now) // scale)
        cell += unit if cost == 1 else cost << low
        length = cell.bit_length() - low
        if length <= 0:
            return True, 0, count, window
        ticks = (index - (length - 1) // bits + span) * step - now
        return True, cell, count - spent, ticks if scale == 1 else -(-ticks // scale)

    def expires(cell: int) -> int:
        return -(-((cell & low_mask) + span) * step // scale) if cell else 0

    return Meter(hit, expires, count)


def _low(bits: int) -> int:
    """How many bits hold the number of a sub-window: a multiple of ``bits``, so that what stands above counts the same in the sum."""
    return bits * -(-_INDEX_BITS // bits)


def parts_cell(limit: Limit, index: int, counters: int) -> int:
    """The cell of a ``window`` of more than 16: the number of its newest sub-window, the packed counters."""
    return counters << _low((limit.count + 1).bit_length()) | index


def _gcra(count: int, window: int, burst: int) -> Meter:
    most = burst * window

    def hit(cell: int, now: int, cost: int) -> Answer:
        scaled = now * count
        debt = cell - scaled if cell > scaled else 0
        if debt > most + SKEW_MS * count:
            debt = 0
        after = debt + cost * window
        if after > most:
            return False, cell, (most - debt) // window, -(-(after - most) // count)
        remaining = (most - after) // window
        wait = after - most + (remaining + 1) * window if remaining < burst else window
        return True, scaled + after, remaining, -(-wait // count)

    return Meter(hit, lambda cell: -(-cell // count), burst)


def _calendar(count: int, daily: bool, zone: tzinfo) -> Meter:
    bounds = lru_cache(maxsize=4)(lambda start: _period(start, daily, zone))
    current = (0, 0)

    def hit(cell: int, now: int, cost: int) -> Answer:
        nonlocal current
        start, end = current
        if not start <= now < end:
            current = start, end = _period(now, daily, zone)
        began, spent = cell >> _COUNT_BITS, cell & _COUNT
        if began > start and began <= now + SKEW_MS:
            start, end = bounds(began)
        elif began != start:
            spent = 0
        if spent + cost > count:
            return False, cell, count - spent, end - now
        return True, start << _COUNT_BITS | spent + cost, count - spent - cost, end - now

    return Meter(hit, lambda cell: bounds(cell >> _COUNT_BITS)[1] if cell else 0, count)


def period_starts(limit: Limit, now: int) -> tuple[int, int, int, int]:
    """For a calendar quota: when the period before, the one that holds ``now`` and the next one begin, and when that ends, in ms."""
    daily, zone = limit.seconds == DAY, zone_of(limit)
    start, end = _period(now, daily, zone)
    return _period(start - 1, daily, zone)[0], start, end, _period(end, daily, zone)[1]


def _period(now: int, daily: bool, zone: tzinfo) -> tuple[int, int]:
    """The start and end in ms of the day or month that holds ``now``. A midnight that is skipped is the moment after it, one that comes twice is the first."""
    today = datetime.fromtimestamp(now / 1000, zone).date()
    first = today if daily else today.replace(day=1)
    after = first + timedelta(days=1) if daily else (first + timedelta(days=32)).replace(day=1)
    end = _midnight(after, zone)
    return _midnight(first, zone), end if end > now else _midnight(after, zone, fold=1)


def _midnight(day: date, zone: tzinfo, fold: Literal[0, 1] = 0) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone, fold=fold).timestamp() * 1000)
