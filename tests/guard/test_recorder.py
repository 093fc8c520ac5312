"""The recorder: nothing is lost on a clean stop, nothing grows without bound, nothing waits on the request path."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
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
    """Twice is as good as once, and a record after it begins anew."""
    store = Gate()
    recorder = Recorder(store, batch=400, interval=NEVER)
    for number in range(1000):
        recorder.record(event(number))
    assert recorder.close()
    assert recorder.close()
    assert numbers(store) == [str(number) for number in range(1000)]
    assert max(store.sizes) <= 400
    recorder.record(event(1000))
    assert recorder.close()
    assert numbers(store)[-1] == "1000"


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


PROGRAM = """
import os, signal, sys, threading
from ostiary.guard.audit import Event, Recorder
from ostiary.guard.stores import open_store
recorder = Recorder(open_store({url!r}, "events"), interval=60.0)
def record(number):
    recorder.record(Event(1.0, request_id=str(number)))
"""


def run(folder: Path, program: str, end: int | None = None) -> tuple[int, list[str]]:
    """Its exit code and what was recorded; ``end`` is the signal it gets when it says that it is ready."""
    code = PROGRAM.format(url=url("sqlite", folder)) + textwrap.dedent(program)
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        if end is not None and process.stdout is not None:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(end)
        process.communicate(timeout=60)
    finally:
        process.kill()
    rows = open_store(url("sqlite", folder), "events").recent(100_000)
    return process.returncode, sorted(row.request_id for row in rows)


def test_a_process_that_ends_normally_loses_nothing(tmp_path: Path) -> None:
    """Nobody calls close()."""
    assert run(tmp_path, "for number in range(1200): record(number)") == (0, sorted(map(str, range(1200))))


def test_a_process_that_ends_by_an_exception_loses_nothing(tmp_path: Path) -> None:
    """A crash of the app's is no crash of the interpreter."""
    assert run(tmp_path, "record(1); sys.stderr = None; raise ValueError") == (1, ["1"])


def test_a_worker_that_is_told_to_stop_loses_nothing(tmp_path: Path) -> None:
    """As gunicorn's do: a handler of SIGTERM that ends by SystemExit."""
    program = """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        for number in range(700): record(number)
        print("ready", flush=True)
        signal.pause()
    """
    assert run(tmp_path, program, signal.SIGTERM) == (0, sorted(map(str, range(700))))


def test_forked_workers_write_their_own_events_and_nobody_elses(tmp_path: Path) -> None:
    """Pre-fork: made, and used, in the parent; each event is written once, by the process that recorded it."""
    program = """
        record("parent")
        children = []
        for child in range(3):
            pid = os.fork()
            if pid == 0:
                for number in range(600): record(f"{child}-{number}")
                sys.exit(0)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
        record("end")
    """
    expected = ["parent", "end", *(f"{child}-{number}" for child in range(3) for number in range(600))]
    assert run(tmp_path, program) == (0, sorted(expected))


def test_a_fork_while_threads_record_and_write_loses_nothing(tmp_path: Path) -> None:
    """Whatever lock is held at that moment."""
    program = """
        recorder._interval = 0.001
        stop = threading.Event()
        def work(name):
            number = 0
            while not stop.is_set() and number < 3000:
                record(f"{name}-{number}")
                number += 1
            counts[name] = number
        counts = {}
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads: thread.start()
        for child in range(10):
            pid = os.fork()
            if pid == 0:
                record(f"child-{child}")
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        for thread in threads: thread.join()
        for name, count in counts.items(): record(f"{name}={count}")
    """
    code, found = run(tmp_path, program)
    counts = dict(text.split("=") for text in found if "=" in text)
    expected = [f"{name}-{number}" for name, count in counts.items() for number in range(int(count))]
    expected += [f"{name}={count}" for name, count in counts.items()] + [f"child-{child}" for child in range(10)]
    assert (code, set(counts), found) == (0, {"a", "b"}, sorted(expected))


def test_a_child_of_multiprocessing_loses_nothing(tmp_path: Path) -> None:
    """It never comes to atexit."""
    program = """
        import multiprocessing
        context = multiprocessing.get_context("fork")
        def work():
            for number in range(600): record(number)
        child = context.Process(target=work)
        child.start()
        child.join()
        assert child.exitcode == 0
    """
    assert run(tmp_path, program) == (0, sorted(map(str, range(600))))


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
