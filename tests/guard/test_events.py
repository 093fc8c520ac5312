"""Events: what may be stored of them, and what every store of events counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard.event import Event, KeyUse, Usage, cleaned, spelled
from ostiary.guard.keeper import Keeper
from ostiary.guard.retention import age_of, erase, prune
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.guard.stores.keys_base import EventStore
from ostiary.guard.stores.memory_events import MemoryEvents
from ostiary.guard.stores.sqlite_events import SqliteEvents
from tests.guard.keys import DAY, ENGINES, NOW, Clock, url

CALL = Event(
    NOW,
    "r1",
    ("GET", "/orders/{id}"),
    "v1",
    "HEAD",
    "/orders/7",
    200,
    1234,
    "alice",
    "k" * 12,
    "203.0.113.7",
    "curl/8",
    "",
    "allow",
    "4/5",
    "n",
)
NIGHT = 1_799_971_200.0
"""Midnight, UTC."""


@pytest.fixture(params=(*ENGINES, "postgres"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    where = request.getfixturevalue("postgres_url") if request.param == "postgres" else url(request.param, tmp_path)
    opened = open_store(where, "events")
    yield opened
    opened.close()


def test_events_come_back_as_they_were_newest_first(store: EventStore) -> None:
    """And only as many as asked for."""
    rows = [CALL._replace(request_id=str(number)) for number in range(5)]
    store.write(rows[:3])
    store.write(rows[3:])
    assert list(store.recent(2)) == [rows[4], rows[3]]
    assert list(store.recent()) == rows[::-1]


def test_the_last_use_of_a_key_says_when_where_and_by_what(store: EventStore) -> None:
    """Also when events, and batches of several processes, come in the wrong order."""
    later = CALL._replace(time=NOW + 9, address="2001:db8::1", agent="app/2")
    store.write([later, CALL])
    store.write([CALL._replace(time=NOW + 1)])
    assert store.key_uses() == {CALL.key_id: KeyUse(CALL.key_id, NOW + 9, "2001:db8::1", "app/2", 3)}


def test_a_key_that_was_not_verified_was_not_used(store: EventStore) -> None:
    """A stranger who knows an id leaves no trace on the key; a refusal after verification is a use."""
    store.write([CALL._replace(principal="", verdict="deny", status=401)])
    assert store.key_uses() == {}
    assert [usage.key_id for usage in store.usage()] == [""]
    store.write([CALL._replace(verdict="deny", status=403)])
    assert store.key_uses()[CALL.key_id].calls == 1


def test_usage_is_counted_by_route_key_and_day(store: EventStore) -> None:
    """Days begin at midnight UTC; refusals are counted apart, would-be refusals are calls."""
    other = CALL._replace(key_id="", principal="", route=("GET", "/health"), version="")
    store.write([CALL._replace(time=NIGHT - 1), CALL._replace(time=NIGHT), other._replace(time=NIGHT)])
    store.write([CALL._replace(time=NIGHT + 5, verdict="deny"), CALL._replace(time=NIGHT + 4, verdict="monitor")])
    store.write([CALL._replace(time=NIGHT + 3, verdict="deny")])
    route, key = CALL.route, CALL.key_id
    assert list(store.usage()) == [
        Usage("2027-01-14", route, "v1", key, 1, 0, NIGHT - 1),
        Usage("2027-01-15", ("GET", "/health"), "", "", 1, 0, NIGHT),
        Usage("2027-01-15", route, "v1", key, 4, 2, NIGHT + 5),
    ]


def test_a_note_is_no_call(store: EventStore) -> None:
    """An event without a verdict is kept, and not counted."""
    note = Event(NOW, reason="events_dropped", verdict="", note="7")
    store.write([note])
    assert (list(store.recent()), list(store.usage())) == ([note], [])


def test_memory_is_bounded() -> None:
    """The newest stay; counts go on."""
    store = MemoryEvents(3)
    store.write([CALL._replace(request_id=str(number)) for number in range(10)])
    assert [row.request_id for row in store.recent()] == ["9", "8", "7"]
    assert store.usage()[0].calls == 10
    store.write([CALL._replace(time=NOW + number * DAY) for number in range(50_010)])
    assert len(store.usage()) == 50_000
    assert store.usage()[0].day > "2027-01-15"


def test_the_disk_is_bounded(tmp_path: Path) -> None:
    """The newest stay; counts go on; the file does not grow any more."""
    store = SqliteEvents(tmp_path / "events.db", keep=1000)
    sizes = []
    for batch in range(12):
        store.write([CALL._replace(request_id=f"{batch}-{number}") for number in range(500)])
        store.close()
        sizes.append((tmp_path / "events.db").stat().st_size)
    assert [row.request_id for row in store.recent(5000)] == [f"{batch}-{number}" for batch in (11, 10) for number in range(499, -1, -1)]
    assert store.usage()[0].calls == 6000
    assert len(set(sizes[-4:])) == 1


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """While another process writes nothing is lost: the same batch may be offered again."""
    store = open_store(url("sqlite", tmp_path), "events")
    other = sqlite3.connect(tmp_path / "ostiary-events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        store.write([CALL])
    other.close()
    store.write([CALL])
    assert (len(store.recent()), store.key_uses()[CALL.key_id].calls) == (1, 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a\r\nGET /forged", "/a\\r\\nGET /forged"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("\u202egnp.exe\u2066", "\\u202egnp.exe\\u2066"),
        ("nul\x00", "nul\\x00"),
        ("half \ud800", "half \\ud800"),
        ("/ünï/日本 \U0001f600", "/ünï/日本 \U0001f600"),
    ],
)
def test_no_text_of_an_event_forges_a_line(store: EventStore, text: str, shown: str) -> None:
    """Attack 13: line ends, escapes, U+2028, bidirectional marks; ordinary letters stay; every store takes the result."""
    names = [name for name in Event._fields if name not in ("time", "route", "status", "latency_us")]
    event = CALL._replace(route=(text, text), **dict.fromkeys(names, text))
    clean = cleaned(event)
    assert clean == event._replace(route=(shown, shown), **dict.fromkeys(names, shown))
    store.write([clean])
    assert list(store.recent()) == [clean]


def test_a_clean_event_is_not_copied() -> None:
    """The usual one costs a look."""
    assert cleaned(CALL) is CALL


def test_what_a_careless_caller_puts_in_does_not_stop_the_store(store: EventStore) -> None:
    """Other types, endless texts, numbers without bound: stored as texts and numbers of a size."""
    wrong = Event(int(NOW), None, (None, 5), b"\x1b", 7, "x" * 10_000, 2**80, -4, status_like := "9", note="é" * 5_000)  # type: ignore[arg-type]
    clean = cleaned(wrong)
    assert (clean.request_id, clean.route, clean.version, clean.method) == ("None", ("None", "5"), "b'\\x1b'", "7")
    assert (len(clean.path), len(clean.note), clean.status, clean.latency_us, clean.principal) == (1024, 1024, 2**53, 0, status_like)
    timeless = [cleaned(CALL._replace(time=when)) for when in (float("nan"), float("inf"), -1.0)]
    assert [row.time for row in timeless] == [0.0] * 3
    store.write([clean, *timeless])
    assert list(store.recent(4))[-1] == clean


def test_secrets_are_taken_out_before_an_event_is_stored() -> None:
    """Where the caller says what a text may hold."""
    clean = cleaned(
        CALL._replace(path="/a?key=hunter2", agent="hunter2", note="hunter2"), lambda text: text.replace("hunter2", "[redacted]")
    )
    assert (clean.path, clean.agent, clean.note) == ("/a?key=[redacted]", "[redacted]", "[redacted]")


def test_a_spelled_text_is_bounded() -> None:
    """Also when every character grows."""
    assert len(spelled("\u2028" * 10_000)) == 1024


def test_events_are_read_page_by_page(store: EventStore) -> None:
    """Oldest first, each with a number that says where the next page begins."""
    rows = [CALL._replace(request_id=str(number)) for number in range(5)]
    store.write(rows)
    first = store.read(0, 3)
    second = store.read(first[-1][0], 3)
    assert [row for _, row in (*first, *second)] == rows
    assert list(store.read(second[-1][0], 3)) == []


def test_the_last_use_of_a_scope_is_kept_by_key(store: EventStore) -> None:
    """Whatever order batches come in."""
    store.write([CALL], None, {("k1", "a:read"): NOW + 5, ("k1", "b:read"): NOW})
    store.write([CALL], None, {("k1", "a:read"): NOW})
    assert store.scopes_used() == {("k1", "a:read"): NOW + 5, ("k1", "b:read"): NOW}


@pytest.mark.parametrize(
    ("older", "keep", "left"), [(25.0, 100, [3, 4]), (None, 3, [2, 3, 4]), (25.0, 1, [4]), (5.0, 100, []), (None, 100, [0, 1, 2, 3, 4])]
)
def test_pruning_is_by_age_and_by_number(store: EventStore, older: float | None, keep: int, left: list[int]) -> None:
    """The stricter of the two; what is counted stays counted."""
    store.write([CALL._replace(time=NOW + 10 * number, request_id=str(number)) for number in range(5)])
    assert prune(store, older, NOW + 50, None, keep=keep, chunk=2) == 5 - len(left)
    assert [int(row.request_id) for row in reversed(store.recent())] == left
    assert sum(use.calls for use in store.usage()) == 5


def test_a_principal_is_erased_from_events_and_last_use(store: EventStore) -> None:
    """The others keep theirs."""
    bob = CALL._replace(principal="bob", key_id="b" * 12)
    store.write([CALL, bob, CALL])
    assert erase(store, "alice", None, chunk=1) == 2
    assert [(row.principal, row.address, row.agent) for row in store.recent()] == [
        ("alice", "", ""), ("bob", CALL.address, CALL.agent), ("alice", "", ""),
    ]  # fmt: skip
    uses = store.key_uses()
    assert (uses[CALL.key_id].address, uses[CALL.key_id].calls, uses["b" * 12].address) == ("", 2, CALL.address)


def test_a_lease_has_one_holder_at_a_time(store: EventStore) -> None:
    """Until it is over; its holder may ask for more."""
    assert store.lease("keeper", "one", NOW, 10.0)
    assert not store.lease("keeper", "two", NOW + 9, 10.0)
    assert store.lease("other", "two", NOW + 9, 10.0)
    assert store.lease("keeper", "one", NOW + 9, 10.0)
    assert not store.lease("keeper", "two", NOW + 18, 10.0)
    assert store.lease("keeper", "two", NOW + 19, 10.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90 days", 90 * DAY), ("90d", 90 * DAY), ("12 hours", DAY / 2), ("1 week", 7 * DAY), ("1 year", 365 * DAY)]
)
def test_an_age_is_written_as_people_do(text: str, seconds: float) -> None:
    """In hours, days, weeks or years."""
    assert age_of(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "0 days", "-1 days", "soon", "999999 days", 90])
def test_what_is_no_age_is_one_sentence(text: str) -> None:
    """With how it is written."""
    with pytest.raises(UsageError, match="written as 90 days"):
        age_of(text)


def test_one_process_keeps_the_record_clean(store: EventStore, caplog: pytest.LogCaptureFixture) -> None:
    """Two that share a store do not both; a failure is said and the next round tries again."""
    store.write([CALL, CALL._replace(time=NOW + 50)])
    clock, ticks = Clock(NOW + 60), Clock()
    one, two = (Keeper(store, older=30.0, clock=clock, monotonic=ticks) for _ in range(2))
    assert one.round()
    assert not two.round()
    assert [row.time for row in store.recent()] == [NOW + 50]
    clock.now += 1_000
    assert two.round()
    assert list(store.recent()) == []

    class Broken(MemoryEvents):
        def lease(self, name: str, holder: str, now: float, seconds: float) -> bool:
            raise StoreDown("out")

    assert not Keeper(Broken(), older=1.0).round()
    assert "housekeeping failed: out" in caplog.text
