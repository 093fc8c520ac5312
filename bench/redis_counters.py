"""What limits in Redis cost a call, beside a bare EVALSHA of the same script by redis-py's own client.

Two limits of one caller, on a server of its own on the loopback. A round measures every row once, in turn; medians over the rounds are
printed, in microseconds of time and of this process's CPU, and how they compare with the bare EVALSHA.

    python bench/redis_counters.py [--rounds 15] [--calls 500] [--check]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import redis
import redis.asyncio

from ostiary.guard.stores.base import Charge
from ostiary.guard.stores.leased import LeasedCounters
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.model.limit import Limit

MOST = 1.3
CALLER = ("", "GET", "/orders", "api-key", "7Hq2xTz9")
CHARGES = [Charge(CALLER, Limit(10**6, 60)), Charge(CALLER, Limit(10**8, 86_400))]
Row = tuple[float, float]
_numbers = itertools.count()


@contextmanager
def server() -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        sys.exit("this needs a redis-server or valkey-server")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _until_it_answers(port)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _until_it_answers(port: int) -> None:
    while True:
        with redis.Redis(port=port) as client:
            try:
                client.ping()
            except redis.exceptions.ConnectionError:
                time.sleep(0.02)
            else:
                return


def words(store: RedisCounters) -> tuple[str, ...]:
    """What a bare EVALSHA is given: the script's name, keys and arguments of a real call."""
    return tuple(store._command("spend", store._parts(CHARGES)[0], 0).words[1:])


def timed(call: Callable[[], Any], calls: int) -> Row:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    return (time.perf_counter() - wall) / calls * 1e6, (time.process_time() - cpu) / calls * 1e6


async def atimed(call: Callable[[], Awaitable[Any]], calls: int) -> Row:
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        await call()
    return (time.perf_counter() - wall) / calls * 1e6, (time.process_time() - cpu) / calls * 1e6


def nonce() -> bytes:
    return b"%d" % next(_numbers)


def in_threads(url: str, rounds: int, calls: int) -> dict[str, list[Row]]:
    store, client = RedisCounters(url), redis.Redis.from_url(url, socket_timeout=0.5)
    leased = LeasedCounters(RedisCounters(url), 0.05)
    store.spend(CHARGES, time.time())
    given = words(store)
    rows: dict[str, Callable[[], Any]] = {
        "EVALSHA, bare": lambda: client.evalsha(*given),
        "spend": lambda: store.spend(CHARGES, time.time()),
        "spend and remember": lambda: store.spend_and_remember(CHARGES, time.time(), nonce(), time.time() + 360),
        "spend, leased": lambda: leased.spend(CHARGES, time.time()),
    }
    found: dict[str, list[Row]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, call in rows.items():
            found[name].append(timed(call, calls))
    store.close()
    leased.close()
    client.close()
    return found


async def in_a_loop(url: str, rounds: int, calls: int) -> dict[str, list[Row]]:
    store, client = RedisCounters(url), redis.asyncio.Redis.from_url(url, socket_timeout=0.5)
    leased = LeasedCounters(RedisCounters(url), 0.05)
    await store.aspend(CHARGES, time.time())
    given = words(store)
    rows: dict[str, Callable[[], Awaitable[Any]]] = {
        "EVALSHA, bare": lambda: client.evalsha(*given),
        "spend": lambda: store.aspend(CHARGES, time.time()),
        "spend and remember": lambda: store.aspend_and_remember(CHARGES, time.time(), nonce(), time.time() + 360),
        "spend, leased": lambda: leased.aspend(CHARGES, time.time()),
    }
    found: dict[str, list[Row]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, call in rows.items():
            found[name].append(await atimed(call, calls))
    await store.aclose()
    await leased.aclose()
    await client.aclose()
    return found


def shown(title: str, found: dict[str, list[Row]]) -> float:
    """Prints a table; gives the worst ratio of times."""
    base = found["EVALSHA, bare"]
    worst = 0.0
    print(f"{title:<22}{'µs':>8}{'CPU µs':>9}{'× time':>9}{'× CPU':>8}")
    for name, rows in found.items():
        # Of each round by itself: a busy moment of the machine meets both.
        ratios = [median(row[place] / bare[place] for row, bare in zip(rows, base, strict=True)) for place in (0, 1)]
        worst = max(worst, ratios[0])
        print(f"  {name:<20}{median(row[0] for row in rows):8.1f}{median(row[1] for row in rows):9.1f}{ratios[0]:9.2f}{ratios[1]:8.2f}")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--check", action="store_true", help=f"exit with 1 above {MOST} × the time of a bare EVALSHA")
    chosen = parser.parse_args()
    with server() as url:
        worst = max(
            shown("threads", in_threads(url, chosen.rounds, chosen.calls)),
            shown("event loop", asyncio.run(in_a_loop(url, chosen.rounds, chosen.calls))),
        )
    if chosen.check and worst > MOST:
        sys.exit(f"{worst:.2f} × a bare EVALSHA; at most {MOST} is wanted")


if __name__ == "__main__":
    main()
