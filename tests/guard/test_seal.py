"""Tamper evidence: whatever is done to a history is told, and no lawful history is accused."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard import retention
from ostiary.guard.audit import Recorder
from ostiary.guard.event import Event
from ostiary.guard.pepper import AUDIT, Peppers
from ostiary.guard.seal import Chain, Sealer, StoredRow, commitment, erasure, start_tag
from ostiary.guard.stores.sqlite_events import SqliteEvents
from ostiary.guard.tamper import Point, Tampering, Verdict, verify
from tests.guard.keys import DAY, NOW

KEYS = Peppers.of(bytes(range(32, 64)), kind=AUDIT)
OTHER = Peppers.of(bytes(range(64, 96)), kind=AUDIT)
ROUTES = (("GET", "/orders/{id}"), ("POST", "/orders"), ("", ""))


def token(seed: int) -> random.Random:
    return random.Random(seed)


def event(number: int) -> Event:
    return Event(
        NOW + number,
        f"r{number}",
        ROUTES[number % 3],
        "v1",
        "GET",
        f"/orders/{number}",
        200,
        1_000 + number,
        "alice" if number % 2 else "bob",
        "k" * 12,
        f"203.0.113.{number % 250}",
        "curl/8",
        "",
        "allow",
        "3 of 5 per minute",
        "n" if number % 5 == 0 else "",
    )


@dataclass
class History:
    chains: list[Chain]
    rows: list[StoredRow]

    def judged(self, points: dict[str, Point] | None = None, keys: Peppers = KEYS) -> Verdict:
        order = sorted(self.rows, key=lambda row: (row.seq, row.id))
        order.sort(key=lambda row: row.writer, reverse=True)
        return verify(self.chains, order, keys, points)


def history(sizes: Sequence[int], seed: int = 1) -> History:
    """Several writers that take turns, batch by batch."""
    source, rows, heads = token(seed), [], {}
    sealers = [Sealer(KEYS, source.randbytes) for _ in sizes]
    left = list(sizes)
    while any(left):
        at = source.choice([at for at, number in enumerate(left) if number])
        size = source.randint(1, left[at])
        left[at] -= size
        batch = [event(len(rows) + number) for number in range(size)]
        sealed = sealers[at].seal(batch)
        heads[sealed.head.writer] = Chain(*sealed.head)
        rows += [
            StoredRow(len(rows) + number + 1, row, sealed.head.writer, *mark, b"")
            for number, (row, mark) in enumerate(zip(batch, sealed.seals, strict=True))
        ]
    return History(list(heads.values()), rows)


def pruned(found: History, bound: int) -> History:
    """What lawful retention leaves below which ids are gone."""
    chains = []
    for chain in found.chains:
        gone = [row for row in found.rows if row.id < bound and row.writer == chain.writer]
        if gone:
            last = max(gone, key=lambda row: row.seq)
            mark = start_tag(KEYS.current, chain.writer, last.seq + 1, last.mac)
            chain = chain._replace(first=last.seq + 1, before=last.mac, start_tag=mark)
        chains.append(chain)
    return History(chains, [row for row in found.rows if row.id >= bound])


def erased(found: History, principal: str) -> History:
    def without(row: StoredRow) -> StoredRow:
        if row.event.principal != principal:
            return row
        kept = erasure(KEYS.current, row.writer, row.seq, commitment(row.salt, row.event))
        return row._replace(event=row.event._replace(address="", agent=""), salt=b"", erased=kept)

    return History(found.chains, [without(row) for row in found.rows])


sizes = st.lists(st.integers(1, 12), min_size=1, max_size=3)


@given(sizes, st.integers(0, 99), st.integers(0, 40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_lawful_history_is_accused(sizes: list[int], seed: int, bound: int, forgotten: bool) -> None:
    """Several writers in any order, with retention and erasure, and with checkpoints of before."""
    found = history(sizes, seed)
    points = {chain.writer: Point(chain.seq, chain.mac) for chain in found.chains}
    after = pruned(erased(found, "alice") if forgotten else found, bound)
    verdict = after.judged(points)
    assert verdict.problems == []
    assert (verdict.events, verdict.pruned) == (len(after.rows), len(found.rows) - len(after.rows))


def _edited(row: StoredRow, field: str) -> StoredRow:
    event = row.event
    if field in Event._fields:
        value = getattr(event, field)
        changed = (value[0] + "X", value[1]) if field == "route" else value + ("X" if isinstance(value, str) else 1)
        return row._replace(event=event._replace(**{field: changed}))
    value = getattr(row, field)
    return row._replace(**{field: value + 1 if isinstance(value, int) else value[:-1] + bytes([value[-1] ^ 1]) if value else b"\0" * 64})


FIELDS = (*Event._fields, "seq", "salt", "mac", "erased")


@given(sizes, st.integers(0, 99), st.sampled_from(FIELDS), st.data())
@settings(max_examples=150, deadline=None)
def test_a_change_of_any_column_is_told_with_its_row(sizes: list[int], seed: int, field: str, data: st.DataObject) -> None:
    """Whichever column of whichever row, pruned and erased rows among them or not; a changed event is named, and no other."""
    found = history(sizes, seed)
    if data.draw(st.booleans()):
        found = erased(found, "alice")
    bound = data.draw(st.integers(0, len(found.rows) // 2))
    found = pruned(found, bound)
    at = data.draw(st.integers(0, len(found.rows) - 1))
    found.rows[at] = _edited(found.rows[at], field)
    verdict = found.judged()
    assert not verdict.holds
    if field != "seq":
        assert [(problem.kind, problem.row) for problem in verdict.problems] == [(Tampering.CHANGED, found.rows[at].id)]


@given(sizes, st.integers(0, 99), st.data())
@settings(max_examples=100, deadline=None)
def test_removal_is_told(sizes: list[int], seed: int, data: st.DataObject) -> None:
    """One row or several in a row, in the middle, at the start or at the end of a chain."""
    found = history(sizes, seed)
    first = data.draw(st.integers(0, len(found.rows) - 1))
    last = data.draw(st.integers(first, min(first + 3, len(found.rows) - 1)))
    del found.rows[first : last + 1]
    kinds = {problem.kind for problem in found.judged().problems}
    assert kinds
    assert kinds <= {Tampering.REMOVED, Tampering.CUT}


@given(st.integers(2, 12), st.integers(0, 99), st.data())
@settings(max_examples=60, deadline=None)
def test_reordering_and_doubling_are_told(size: int, seed: int, data: st.DataObject) -> None:
    """Two rows that change places, in their ids, numbers or contents; a row that is there twice."""
    found = history([size], seed)
    one, two = sorted(data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)))
    a, b = found.rows[one], found.rows[two]
    swaps = {
        Tampering.REORDERED: (a._replace(id=b.id), b._replace(id=a.id)),
        Tampering.CHANGED: (a._replace(seq=b.seq), b._replace(seq=a.seq)),
    }
    for kind, (left, right) in swaps.items():
        rows = list(found.rows)
        rows[one], rows[two] = left, right
        assert kind in {problem.kind for problem in History(found.chains, rows).judged().problems}
    rows = [*found.rows, a._replace(id=size + 1)]
    assert {problem.kind for problem in History(found.chains, rows).judged().problems} >= {Tampering.DUPLICATED}


@given(sizes, st.integers(0, 99), st.sampled_from(Chain._fields), st.data())
@settings(max_examples=80, deadline=None)
def test_a_change_of_a_head_or_mark_is_told(sizes: list[int], seed: int, field: str, data: st.DataObject) -> None:
    """Each column of a chain, and the loss of the whole row."""
    found = pruned(history(sizes, seed), data.draw(st.integers(0, 6)))
    at = data.draw(st.integers(0, len(found.chains) - 1))
    chain = found.chains[at]
    value = getattr(chain, field)
    changed = value + (1 if isinstance(value, int) else "X" if isinstance(value, str) else b"x")
    found.chains[at] = chain._replace(**{field: changed})
    assert not found.judged().holds
    del found.chains[at]
    if any(row.writer == chain.writer for row in found.rows):
        assert not found.judged().holds


def test_a_tail_that_was_cut_with_its_head_is_told_by_a_checkpoint() -> None:
    """Who puts back rows and head of yesterday is told by what was kept elsewhere; so is who removes a chain whole."""
    before, found = history([5]), history([5, 3], seed=1)
    old = History([found.chains[0]], [row for row in found.rows if row.writer == found.chains[0].writer])
    points = {chain.writer: Point(chain.seq, chain.mac) for chain in found.chains}
    assert found.judged(points).holds
    assert [problem.kind for problem in old.judged(points).problems] == [Tampering.CHAIN]
    longer = {before.chains[0].writer: Point(before.chains[0].seq + 2, b"m" * 32)}
    assert [problem.kind for problem in before.judged(longer).problems] == [Tampering.CUT]


def test_a_history_made_anew_under_the_stolen_key_is_told_by_a_checkpoint() -> None:
    """The chain binds: no row before the point can be another, nor what retention says it removed."""
    found = history([6])
    (chain,) = found.chains
    points = {chain.writer: Point(3, b"m" * 32)}
    assert [(problem.kind, problem.row) for problem in found.judged(points).problems] == [(Tampering.CHECKPOINT, 3)]
    assert [problem.kind for problem in pruned(found, 4).judged(points).problems] == [Tampering.CHECKPOINT]


def test_rows_put_in_are_told_and_rows_of_before_the_key_are_not() -> None:
    """A row without a seal may only stand before the first that has one."""
    found = history([4])
    later = StoredRow(99, event(1), "", 0, b"", b"", b"")
    rows = [row._replace(id=row.id + 10) for row in found.rows]
    assert History(found.chains, [later._replace(id=5), *rows]).judged().holds
    verdict = History(found.chains, [later, *rows]).judged()
    assert [(problem.kind, problem.row) for problem in verdict.problems] == [(Tampering.UNSEALED, 99)]


def test_retention_and_erasure_are_not_forged_without_the_key() -> None:
    """Pruning, or erasing, with another key than the guard's is a change."""
    found = history([6])
    (chain,) = found.chains
    cut = pruned(found, 4)
    forged = chain._replace(first=4, before=found.rows[2].mac, start_tag=start_tag(OTHER.current, chain.writer, 4, found.rows[2].mac))
    assert [problem.kind for problem in History([forged], cut.rows).judged().problems] == [Tampering.MARK]
    row = found.rows[1]
    bare = row._replace(event=row.event._replace(address="", agent=""), salt=b"")
    for kept in (b"", erasure(OTHER.current, row.writer, row.seq, commitment(row.salt, row.event))):
        found.rows[1] = bare._replace(erased=kept)
        assert [(problem.kind, problem.row) for problem in found.judged().problems] == [(Tampering.CHANGED, row.id)]


def test_pruned_rows_that_come_back_and_keys_that_are_not_here_are_told() -> None:
    """Each with its own word."""
    found = history([6])
    cut = pruned(found, 4)
    assert {problem.kind for problem in History(cut.chains, found.rows).judged().problems} == {Tampering.RETURNED}
    assert [problem.kind for problem in found.judged(keys=OTHER).problems] == [Tampering.NO_KEY]


def test_a_text_that_could_be_two_is_a_change() -> None:
    """The sign between two fields is in no clean text."""
    found = history([1])
    (row,) = found.rows
    found.rows[0] = row._replace(event=row.event._replace(limit=f"{row.event.limit}\x1f{row.event.note}", note=""))
    assert not found.judged().holds


# Over the real store


def recorded(file: Path, number: int, keep: int = 1_000_000, **more: object) -> SqliteEvents:
    store = SqliteEvents(file, keep=keep)
    recorder = Recorder(store, sealer=Sealer(KEYS), batch=7, interval=3_600.0, **more)  # type: ignore[arg-type]
    for at in range(number):
        recorder.record(event(at))
    assert recorder.close()
    return store


def judged(store: SqliteEvents) -> Verdict:
    with store.history() as (chains, rows):
        return verify(chains, rows, KEYS)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE events SET status = 500 WHERE id = 9", Tampering.CHANGED),
        ("UPDATE events SET address = '198.51.100.1' WHERE id = 9", Tampering.CHANGED),
        ("DELETE FROM events WHERE id = 9", Tampering.REMOVED),
        ("DELETE FROM events WHERE id > 15", Tampering.CUT),
        ("DELETE FROM events", Tampering.CUT),
        ("UPDATE events SET id = CASE id WHEN 3 THEN -9 ELSE -3 END WHERE id IN (3, 9)", Tampering.REORDERED),
        ("INSERT INTO events SELECT 99, time, request_id, route_method, route, version, method, path, status, latency_us, principal,"
         " key_id, address, agent, reason, verdict, limit_state, note, writer, seq, salt, mac, erased FROM events WHERE id = 9",
         Tampering.DUPLICATED),
        ("DELETE FROM chains", Tampering.HEAD),
    ],
)  # fmt: skip
def test_whatever_is_done_to_the_file_is_told(tmp_path: Path, statement: str, kind: Tampering) -> None:
    """With SQL, by who has the file and not the key."""
    store = recorded(tmp_path / "events.db", 20)
    assert judged(store).holds
    store.close()
    with sqlite3.connect(tmp_path / "events.db") as connection:
        connection.execute(statement)
    connection.close()
    assert kind in {problem.kind for problem in judged(store).problems}


def test_retention_by_age_and_by_number_leaves_a_history_that_holds(tmp_path: Path) -> None:
    """Several writers, in pieces; what is young enough stays, all of it."""
    for _ in range(2):
        store = recorded(tmp_path / "events.db", 20)
    assert retention.prune(store, 30.0, NOW + 40, KEYS, chunk=3) == 10
    assert [row.request_id for row in store.recent(100)][::-1] == [f"r{n}" for n in (*range(10, 20), *range(20))]
    verdict = judged(store)
    assert (verdict.problems, verdict.pruned, verdict.chains) == ([], 10, 2)
    assert retention.prune(store, None, NOW, KEYS, keep=5) == 25
    assert (judged(store).problems, len(store.recent(100))) == ([], 5)
    assert retention.prune(store, 1.0, NOW + 90 * DAY, KEYS) == 5
    assert (judged(store).problems, judged(store).pruned, list(store.recent())) == ([], 40, [])
    store = recorded(tmp_path / "events.db", 3)
    assert (judged(store).problems, judged(store).chains) == ([], 3)


def test_a_wrong_clock_neither_holds_retention_up_nor_hurries_it(tmp_path: Path) -> None:
    """One event of the year 3000 at the start, one of 1970 at the end."""
    store = SqliteEvents(tmp_path / "events.db")
    times = (32_503_680_000.0, NOW, NOW + 50, 0.0)
    store.write([event(at)._replace(time=when) for at, when in enumerate(times)])
    assert retention.prune(store, 30.0, NOW + 60, None) == 2
    assert [row.time for row in store.recent()] == [0.0, NOW + 50]


def test_sealed_events_are_neither_pruned_nor_erased_without_their_key(tmp_path: Path) -> None:
    """Nor by the bound of the store: the recorder's process would look like a thief."""
    store = recorded(tmp_path / "events.db", 20, keep=5)
    assert len(store.recent(100)) == 20
    for keys, said in ((None, "the audit key that sealed them is needed"), (OTHER, "were sealed under the audit key")):
        with pytest.raises(UsageError, match=said):
            retention.prune(store, 1.0, NOW + DAY, keys)
        with pytest.raises(UsageError, match=said):
            retention.erase(store, "alice", keys)
    assert judged(store).holds


def test_a_person_is_taken_out_and_the_chain_holds(tmp_path: Path) -> None:
    """Address and agent are in no file of the database any more; the events of others stay as they were."""
    store = recorded(tmp_path / "events.db", 20)
    assert retention.erase(store, "alice", KEYS, chunk=3) == 10
    assert retention.erase(store, "alice", KEYS) == 0
    assert {(row.address, row.agent) for row in store.recent(100) if row.principal == "alice"} == {("", "")}
    assert all(row.address and row.agent for row in store.recent(100) if row.principal == "bob")
    assert {(use.address, use.agent) for use in store.key_uses().values()} == {("", "")}
    verdict = judged(store)
    assert (verdict.problems, verdict.erased) == ([], 10)


CRASHING = """
import sys
from pathlib import Path
from ostiary.guard.audit import Recorder
from ostiary.guard.event import Event
from ostiary.guard.pepper import AUDIT, Peppers
from ostiary.guard.seal import Sealer
from ostiary.guard.stores.sqlite_events import SqliteEvents
recorder = Recorder(SqliteEvents(sys.argv[1]), sealer=Sealer(Peppers.of(bytes(range(32, 64)), kind=AUDIT)), batch=20, interval=0.001)
print("ready", flush=True)
number, said = 0, False
while True:
    recorder.record(Event(1_800_000_000.0 + number, request_id=str(number), address="203.0.113.7"))
    number += 1
    if not said and number % 1000 == 0 and len(recorder.store.recent(100)) == 100:
        said = True
        print("busy", flush=True)
"""


def test_a_writer_that_is_killed_leaves_a_chain_that_holds(tmp_path: Path) -> None:
    """SIGKILL while it writes, several times; the next one begins a chain of its own."""
    file = tmp_path / "events.db"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", CRASHING, str(file)], stdout=subprocess.PIPE, text=True)
        if process.stdout is None:
            raise OSError("no pipe")
        assert [process.stdout.readline(), process.stdout.readline()] == ["ready\n", "busy\n"]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        process.stdout.close()
    verdict = judged(recorded(file, 10))
    assert (verdict.problems, verdict.chains >= 2, verdict.events > 10) == ([], True, True)


def test_a_child_that_is_forked_begins_a_chain_of_its_own(tmp_path: Path) -> None:
    """Two processes never count in one chain."""
    store = SqliteEvents(tmp_path / "events.db")
    recorder = Recorder(store, sealer=Sealer(KEYS), interval=3_600.0)
    recorder.record(event(1))
    recorder.flush()
    child = os.fork()
    if child == 0:
        recorder.record(event(2))
        os._exit(0 if recorder.close() else 1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.record(event(3))
    recorder.close()
    verdict = judged(store)
    assert (verdict.problems, verdict.chains, verdict.events) == ([], 2, 3)
