"""The recorder: nothing is lost on a clean stop, nothing grows without bound, nothing waits on the request path."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostiary.guard.audit import Event, Recorder
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import StoreDown
from ostiary.guard.stores.memory_events import MemoryEvents
from tests.guard.keys import NOW, Clock, url

LONG, NEVER = 60.0, 3_600.0


class Gate(MemoryEvents):
    """A store that can be out, and tells when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.out = False
        self.sizes: list[int] = []
        self.asked = threading.Semaphore(0)

    def write(self, rows: Sequence[Event]) -> None:
        try:
            if self.out:
                raise StoreDown("out")
            self.sizes.append(len(rows))
            super().write(rows)
        finally:
            self.asked.release()


def event(number: int = 0) -> Event:
    return Event(NOW, request_id=str(number))


def numbers(store: MemoryEvents) -> list[str]:
    """What was written, oldest first."""
    return [row.request_id for row in reversed(store.recent(100_000)) if row.verdict]


def test_recording_writes_nothing_before_the_batch_is_full() -> None:
    """The store is asked by another thread only, and at once when there is enough."""
    store = Gate()
    recorder = Recorder(store, batch=3, interval=NEVER)
    recorder.record(event(0))
    recorder.record(event(1))
    assert recorder.waiting == 2
    recorder.record(event(2))
    assert store.asked.acquire(timeout=LONG)
    recorder.close()
    assert numbers(store) == ["0", "1", "2"]


def test_events_are_written_after_the_interval_even_when_they_are_few() -> None:
    """One alone does not wait for company."""
    store = Gate()
    recorder = Recorder(store, interval=0.01)
    recorder.record(event())
    assert store.asked.acquire(timeout=LONG)
    recorder.close()
    assert numbers(store) == ["0"]


def test_close_writes_everything_in_order_and_in_batches() -> None:
    """Twice is as good as once."""
    store = Gate()
    recorder = Recorder(store, batch=400, interval=NEVER)
    for number in range(1000):
        recorder.record(event(number))
    assert recorder.close()
    assert recorder.close()
    assert numbers(store) == [str(number) for number in range(1000)]
    assert max(store.sizes) <= 400


def test_a_record_after_close_begins_anew() -> None:
    """With a thread of its own, as in an app that is started twice in one process."""
    store = Gate()
    recorder = Recorder(store, batch=2, interval=NEVER)
    recorder.close()
    recorder.record(event(0))
    recorder.record(event(1))
    assert store.asked.acquire(timeout=LONG)
    recorder.close()
    assert numbers(store) == ["0", "1"]


def test_two_who_write_at_once_write_each_event_once() -> None:
    """As close() and the thread may."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Gate):
        def write(self, rows: Sequence[Event]) -> None:
            if not entered.is_set():
                entered.set()
                assert go_on.wait(LONG)
            super().write(rows)

    store = Slow()
    recorder = Recorder(store, interval=NEVER)
    recorder.record(event(0))
    first, second = threading.Thread(target=recorder.flush), threading.Thread(target=recorder.flush)
    first.start()
    assert entered.wait(LONG)
    second.start()
    second.join(0.2)
    go_on.set()
    first.join()
    second.join()
    recorder.close()
    assert numbers(store) == ["0"]


def test_no_event_of_many_threads_is_lost_or_doubled() -> None:
    """Each is written once."""
    store = MemoryEvents(50_000)
    recorder = Recorder(store, maximum=50_000, batch=50, interval=0.001)

    def work(start: int) -> None:
        for number in range(start, start + 2000):
            recorder.record(event(number))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 16_000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    assert sorted(map(int, numbers(store))) == list(range(16_000))


def test_a_full_queue_drops_counts_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Memory is bounded; the count is written as an event when the store is back, and said once a minute."""
    store, ticks = Gate(), Clock()
    recorder = Recorder(store, maximum=10, batch=100, interval=NEVER, clock=lambda: NOW + 5, monotonic=ticks)
    for number in range(25):
        recorder.record(event(number))
    assert (recorder.waiting, recorder.dropped) == (10, 15)
    assert [record.getMessage() for record in caplog.records] == ["the queue of events is full: 1 dropped so far"]
    ticks.now += 61
    recorder.record(event(99))
    assert len(caplog.records) == 2
    recorder.close()
    assert numbers(store) == [str(number) for number in range(10)]
    assert store.recent(1)[0] == Event(NOW + 5, reason="events_dropped", verdict="", note="16")
    assert recorder.dropped == 0


def test_an_outage_keeps_events_and_says_so_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is lost, whatever the store raises; when it is back everything is written in order."""
    store, ticks = Gate(), Clock()
    store.out = True
    recorder = Recorder(store, batch=2, interval=NEVER, monotonic=ticks)
    for number in range(5):
        recorder.record(event(number))
    assert [recorder.flush() for _ in range(3)] == [False] * 3
    assert [record.getMessage() for record in caplog.records] == ["events cannot be written (out); 5 wait"]
    ticks.now += 61
    recorder.flush()
    assert len(caplog.records) == 2
    store.out = False
    assert recorder.close()
    assert numbers(store) == ["0", "1", "2", "3", "4"]


def test_during_an_outage_the_thread_does_not_try_without_a_pause() -> None:
    """Full batches wait, too."""
    store = Gate()
    store.out = True
    recorder = Recorder(store, batch=1, interval=NEVER)
    recorder.record(event())
    recorder.record(event())
    assert store.asked.acquire(timeout=LONG)
    for _ in range(100):
        recorder.record(event())
    assert not store.asked.acquire(timeout=0.2)
    store.out = False
    recorder.close()
    assert len(numbers(store)) == 102


def test_close_gives_up_in_time_and_says_how_many_are_lost(caplog: pytest.LogCaptureFixture) -> None:
    """A stop is not hung up by a store that is out."""
    store = Gate()
    store.out = True
    recorder = Recorder(store, interval=NEVER)
    recorder.record(event())
    assert not recorder.close(patience=0.05)
    assert "1 events could not be written and are lost" in caplog.text
    store.out = False
    recorder.close()


def test_a_locked_database_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The batch is offered again."""
    store = open_store(url("sqlite", tmp_path), "events")
    recorder = Recorder(store, interval=NEVER)
    other = sqlite3.connect(tmp_path / "ostiary-events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    recorder.record(event(1))
    assert not recorder.flush()
    assert "1 wait" in caplog.text
    other.close()
    assert recorder.close()
    assert [row.request_id for row in store.recent()] == ["1"]


def test_a_full_disk_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that may not grow stands in for it: the pages that SQLite may use are used up, then given back."""
    store = open_store(url("sqlite", tmp_path), "events")
    recorder = Recorder(store, interval=NEVER)
    with store._database.connection() as connection:  # type: ignore[attr-defined]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
    for number in range(300):
        recorder.record(event(number)._replace(agent="x" * 500))
    assert not recorder.flush()
    assert "full" in caplog.text
    with store._database.connection() as connection:  # type: ignore[attr-defined]
        connection.execute("PRAGMA max_page_count=1000000")
    assert recorder.close()
    assert len(store.recent(1000)) == 300


def test_texts_are_cleaned_on_the_way_in() -> None:
    """Attack 13, and redaction; not in the caller's thread."""
    store = Gate()
    threads: list[str] = []

    def redact(text: str) -> str:
        threads.append(threading.current_thread().name)
        return text.replace("hunter2", "[redacted]")

    recorder = Recorder(store, interval=0.01, redact=redact)
    recorder.record(event()._replace(path="/a\nhunter2"))
    assert store.asked.acquire(timeout=LONG)
    recorder.close()
    assert store.recent()[0].path == "/a\\n[redacted]"
    assert set(threads) == {"ostiary-events"}


def test_recording_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when no thread can be started: then close() writes."""
    store = MemoryEvents()
    recorder = Recorder(store, interval=NEVER)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        recorder.record(event(1))
    recorder.close()
    assert numbers(store) == ["1"]
