"""Limits over processes (LIMIT-3): never more than stated and never fewer, from one process and from eight, over every store that they share."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Busy, Charge
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.model.limit import Limit, calendar, gcra

EXACT, COUNTED, ALONE, REFILLED, DAILY = (
    Limit(10, 600),
    Limit(1000, 600),
    Limit(300, 600),
    gcra("1 per 10 minutes", burst=40),
    calendar(50, "day"),
)
CALLS = 400
"""Of all processes together, so that each limit is passed."""

HAMMER = """
import sys
sys.path.insert(0, {folder!r})
from tests.guard import test_limits_shared as own
own.hammer(sys.argv[1], int(sys.argv[2]))
"""


def opened(url: str) -> Any:
    # On a busy machine a process waits longer for its turn than a store would be waited for.
    return RedisCounters(url, timeout=30) if url.startswith("redis") else open_store(url, "counters")


def hammer(url: str, calls: int) -> None:
    store = opened(url)
    print("ready", flush=True)
    input()
    together = [Charge(("exact",), EXACT), Charge(("counted",), COUNTED)]
    each = [together, [Charge(("alone",), ALONE)], [Charge(("refilled",), REFILLED)], [Charge(("daily",), DAILY)]]
    print(*[sum(allowed(store, charges) for _ in range(calls)) for charges in each])
    store.close()


def allowed(store: Any, charges: list[Charge]) -> bool:
    while True:
        try:
            return bool(store.spend(charges, time.time()).allowed)
        except Busy:
            continue


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/o.db"
    return str(request.getfixturevalue("redis_server").url if request.param == "redis" else request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize("processes", [1, 8])
def test_processes_admit_exactly_what_is_stated(url: str, processes: int) -> None:
    """All hammer the same five limits (exact and counted windows, two at once, GCRA, calendar): of each just its number passes in all."""
    command = [sys.executable, "-c", HAMMER.format(folder=str(Path(__file__).parents[2])), url, str(CALLS // processes)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    assert [worker.stdout and worker.stdout.readline() for worker in workers] == ["ready\n"] * processes
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    counts = [tuple(map(int, worker.communicate(timeout=120)[0].split())) for worker in workers]
    assert [sum(column) for column in zip(*counts, strict=True)] == [10, 300, 40, 50]
    store = opened(url)
    assert store.spend([Charge(("counted",), COUNTED, 0)], time.time()).states[0][1] == 990
    store.close()
