"""Several charges at once, all or none, over cells that somebody else reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from ostiary.guard.limits import meter
from ostiary.guard.stores.base import Charge, Key, Spent


def cell_name(charge: Charge) -> bytes:
    """What a cell is called, in 16 bytes. ``repr`` tells every two keys apart, "1" from 1 and ("a", "b") from ("a, b",)."""
    return blake2b(repr((charge.limit.ident, charge.key)).encode(), digest_size=16).digest()


def nonce_name(key: bytes) -> bytes:
    """What a nonce is called, in 16 bytes: stores hold no part of a message."""
    return blake2b(key, digest_size=16, person=b"ostiary nonce").digest()


def settle(charges: Sequence[Charge], before: Sequence[int], now: int) -> tuple[Spent, list[int]]:
    """The answer and each charge's new cell, of the cells ``before``; ``now`` in ms. Charges of one cell are given it alike and see each other."""
    after, answers = _tried(charges, before, now)
    if not all(allowed for allowed, *_ in answers):
        return refused(charges, before, now), list(before)
    states = tuple((index, remaining, reset / 1000) for index, (_, remaining, reset) in enumerate(answers))
    return Spent(True, states), after


def refused(charges: Sequence[Charge], before: Sequence[int], now: int) -> Spent:
    """The state of each charge with nothing spent, and when all of them together would pass."""
    _, answers = _tried(charges, before, now)
    wait = max(reset for allowed, _, reset in answers if not allowed)
    peeked = (meter(limit).hit(cell, now, 0) for (_, limit, _), cell in zip(charges, before, strict=True))
    states = tuple((index, remaining, reset / 1000) for index, (_, _, remaining, reset) in enumerate(peeked))
    return Spent(False, states, wait / 1000)


def _tried(charges: Sequence[Charge], before: Sequence[int], now: int) -> tuple[list[int], list[tuple[bool, int, int]]]:
    cells: dict[tuple[str, Key], int] = {}
    answers = []
    for (key, limit, cost), cell in zip(charges, before, strict=True):
        if cost < 0:
            raise ValueError(f"a cost is not negative: {cost}")
        name = (limit.ident, key)
        allowed, after, remaining, reset = meter(limit).hit(cells.get(name, cell), now, cost)
        cells[name] = after if allowed else cells.get(name, cell)
        answers.append((allowed, remaining, reset))
    return [cells[limit.ident, key] for key, limit, _ in charges], answers
