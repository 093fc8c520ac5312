"""The recorder in processes of their own: whatever way they end or fork, each event is written once."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from ostiary.guard.stores import open_store
from tests.guard.keys import url

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
