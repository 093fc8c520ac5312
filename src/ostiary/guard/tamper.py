"""Tells change, removal, reordering and a cut tail of sealed events from lawful retention and erasure (AUDIT-5)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ostiary.guard import seal
from ostiary.guard.pepper import Peppers
from ostiary.guard.seal import Chain, StoredRow

_EVERY = 2_000
_MOST = 1_000


class Tampering(StrEnum):
    """What was done to a history."""

    CHANGED = "changed"
    REMOVED = "removed"
    REORDERED = "reordered"
    DUPLICATED = "duplicated"
    RETURNED = "returned"
    CUT = "cut"
    UNSEALED = "unsealed"
    HEAD = "head"
    MARK = "retention-mark"
    CHAIN = "chain-removed"
    NO_KEY = "no-key"
    CHECKPOINT = "checkpoint"


_AGAIN = {Tampering.RETURNED: "retention had removed", Tampering.DUPLICATED: "is there already"}


class Problem(NamedTuple):
    """One thing that does not fit. ``row`` is the id of the event where it was seen, 0 where there is none to name."""

    kind: Tampering
    writer: str
    row: int
    text: str


class Point(NamedTuple):
    """What a checkpoint knows of a chain: the MAC of its event ``seq``."""

    seq: int
    mac: bytes


@dataclass
class Verdict:
    """``events`` were looked at, ``sealed`` of them in ``chains`` chains; ``pruned`` were removed by retention, ``erased`` lost address and agent.

    At most 1,000 problems are kept; ``more`` counts the others.
    """

    events: int = 0
    sealed: int = 0
    chains: int = 0
    pruned: int = 0
    erased: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    @property
    def holds(self) -> bool:
        return not self.problems

    def add(self, kind: Tampering, writer: str, row: int, text: str) -> None:
        if len(self.problems) < _MOST:
            self.problems.append(Problem(kind, writer, row, text))
        else:
            self.more += 1


def verify(
    chains: Sequence[Chain],
    rows: Iterable[StoredRow],
    keys: Peppers,
    points: Mapping[str, Point] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """What ``EventStore.history()`` gave, judged under the audit keys; ``points`` are of a checkpoint that was kept elsewhere, by writer."""
    verdict, stored = Verdict(chains=len(chains)), {chain.writer: chain for chain in chains}
    known = dict(points or {})
    seen: set[str] = set()
    first_sealed: int | None = None
    for writer, group in _by_writer(rows, verdict, progress):
        if not writer:
            _unsealed(group, bool(chains), first_sealed, verdict)
            continue
        seen.add(writer)
        walk = _Walk(stored.get(writer), keys, known.get(writer), verdict, writer)
        lowest = walk.through(group)
        first_sealed = lowest if first_sealed is None else min(first_sealed, lowest)
    for writer in stored.keys() - seen:
        _Walk(stored[writer], keys, known.get(writer), verdict, writer).through(())
    for writer in known.keys() - stored.keys() - seen:
        verdict.add(Tampering.CHAIN, writer, 0, f"the chain {writer} is gone, which the checkpoint knows up to event {known[writer].seq}")
    return verdict


def _by_writer(rows: Iterable[StoredRow], verdict: Verdict, progress: Callable[[int], None]) -> Iterator[tuple[str, Iterator[StoredRow]]]:
    """Groups rows that stand together, so that none has to be kept."""
    iterator = iter(rows)
    row = next(iterator, None)

    def group(writer: str) -> Iterator[StoredRow]:
        nonlocal row
        while row is not None and row.writer == writer:
            verdict.events += 1
            if verdict.events % _EVERY == 0:
                progress(verdict.events)
            yield row
            row = next(iterator, None)

    while row is not None:
        writer = row.writer
        rest = group(writer)
        yield writer, rest
        for _ in rest:
            """What a group was not asked for is passed over."""


def _unsealed(rows: Iterable[StoredRow], chained: bool, first_sealed: int | None, verdict: Verdict) -> None:
    """Events from before there was an audit key prove nothing; later ones were put in, or written by a process without the key."""
    late = [row.id for row in rows if chained and (first_sealed is None or row.id > first_sealed)]
    if late:
        more = f" and {len(late) - 1} more" if len(late) > 1 else ""
        verdict.add(
            Tampering.UNSEALED, "", late[0], f"event {late[0]}{more} carries no seal: put in, or written by a process without the audit key"
        )


class _Walk:
    """Through one chain, from its first event to its head."""

    def __init__(self, chain: Chain | None, keys: Peppers, point: Point | None, verdict: Verdict, writer: str) -> None:
        self._chain, self._point, self._verdict, self._writer = chain, point, verdict, writer
        self._key = keys.get(chain.key_id) if chain is not None else None
        self._keys = keys
        self._first = 1 if chain is None else chain.first
        self._other: tuple[bytes, ...] = ()

    def through(self, rows: Iterable[StoredRow]) -> int:
        """Gives the lowest id seen."""
        first = next(iter(rows := iter(rows)), None)
        lowest = first.id if first is not None else 0
        if self._chain is None:
            self._add(Tampering.HEAD, lowest, f"the head of the chain {self._writer} is gone")
            return lowest
        if self._key is None:
            here = ", ".join(self._keys.ids)
            self._add(
                Tampering.NO_KEY, lowest, f"the chain {self._writer} was sealed under the audit key {self._chain.key_id}; here: {here}"
            )
            return lowest
        self._check_head(self._chain, self._key)
        last, mac = self._chain.first - 1, self._chain.before
        previous = 0
        while first is not None:
            lowest = min(lowest, first.id)
            last, mac = self._step(first, last, mac, previous, self._key)
            previous, first = first.id, next(rows, None)
        self._check_end(self._chain, last, mac)
        return lowest

    def _check_head(self, chain: Chain, key: bytes) -> None:
        self._verdict.pruned += max(0, chain.first - 1)
        if not hmac.compare_digest(chain.tag, seal.head_tag(key, chain.writer, chain.seq, chain.mac)):
            self._add(Tampering.HEAD, 0, f"the head of the chain {chain.writer} was changed")
        unmarked = chain.first == 1 and not chain.before and not chain.start_tag
        if not unmarked and not hmac.compare_digest(chain.start_tag, seal.start_tag(key, chain.writer, chain.first, chain.before)):
            self._add(Tampering.MARK, 0, f"the retention mark of the chain {chain.writer} was changed")

    def _step(self, row: StoredRow, last: int, mac: bytes, previous: int, key: bytes) -> tuple[int, bytes]:
        """Looks at one event; gives its number and the MAC that the next one builds on."""
        self._verdict.sealed += 1
        self._verdict.erased += bool(row.erased)
        if row.seq <= last:
            kind = Tampering.RETURNED if row.seq < self._first else Tampering.DUPLICATED
            self._add(kind, row.id, f"event {row.id} is number {row.seq} of its chain, which {_AGAIN[kind]}")
            return last, mac
        if row.id < previous:
            self._add(Tampering.REORDERED, row.id, f"event {row.id} stands before event {previous}, after which it was written")
        if row.seq > last + 1:
            self._add(
                Tampering.REMOVED, row.id, f"{row.seq - last - 1} events are missing before event {row.id} (number {row.seq} of its chain)"
            )
        elif not any(self._is_intact(row, before, key) for before in (mac, *self._other)):
            self._add(Tampering.CHANGED, row.id, f"event {row.id} was changed")
            # Was it the event or its MAC? The next one builds on one of the two.
            self._other = (seal.mac_of(key, mac, row.writer, row.seq, row.event, seal.committed_in(row)),)
            return self._compared(row)
        self._other = ()
        return self._compared(row)

    def _compared(self, row: StoredRow) -> tuple[int, bytes]:
        if self._point is not None and row.seq == self._point.seq and not hmac.compare_digest(row.mac, self._point.mac):
            self._add(Tampering.CHECKPOINT, row.id, f"event {row.id} is not the one that the checkpoint knows")
        return row.seq, row.mac

    def _is_intact(self, row: StoredRow, before: bytes, key: bytes) -> bool:
        if not seal.is_clean(row.event) or (row.erased and (row.event.address or row.event.agent or row.salt)):
            return False
        if row.erased and not seal.is_erasure(key, row):
            return False
        return hmac.compare_digest(row.mac, seal.mac_of(key, before, row.writer, row.seq, row.event, seal.committed_in(row)))

    def _check_end(self, chain: Chain, last: int, mac: bytes) -> None:
        if last < chain.seq:
            self._add(Tampering.CUT, 0, f"the last {chain.seq - last} events of the chain {chain.writer} are missing")
        elif last > chain.seq or not any(hmac.compare_digest(one, chain.mac) for one in (mac, *self._other)):
            self._add(Tampering.HEAD, 0, f"the head of the chain {chain.writer} does not belong to its last event")
        point = self._point
        if point is not None and chain.seq < point.seq:
            self._add(Tampering.CUT, 0, f"the chain {chain.writer} ends at {chain.seq}; the checkpoint knows it up to {point.seq}")
        if point is not None and point.seq == chain.first - 1 and not hmac.compare_digest(chain.before, point.mac):
            self._add(Tampering.CHECKPOINT, 0, f"what retention removed of the chain {chain.writer} is not what the checkpoint knows")

    def _add(self, kind: Tampering, row: int, text: str) -> None:
        self._verdict.add(kind, self._writer, row, text)
