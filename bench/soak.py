"""A soak: the guard at full load for minutes, with 100,000 keys and 200,000 client addresses. Memory and latency are to stay flat.

    python bench/soak.py [--only flask] [--minutes 10] [--keys 100000] [--addresses 200000]

In one process, one call after the other, as fast as they go; two services take turns. Flask keeps keys and events in SQLite, FastAPI in
memory, both their counters in memory. Of a hundred calls 90 bring a good key, 4 a wrong one, 3 none, 3 ask for a path that is not there.
Told of each minute: calls, their wall time, cells in the counters, the process's CPU for each call and its resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import guard_apps
from guard_drive import PATH, environ

from ostiary.guard.keyring import Keyring

LIMITS = ("1000 per minute", "1000000 per day", "600 per minute by address")
# Steps that are prime to the numbers of keys and addresses: each is met once before any is met again, in no order.
KEY_STEP, ADDRESS_STEP = 7_919, 104_729
FRAMEWORKS = ("flask", "fastapi")
Ask = Callable[[str, str, str], Awaitable[int]]


async def main() -> None:
    asked = _asked()
    with tempfile.TemporaryDirectory() as folder:
        soaked = [Soaked(name, folder, asked.keys) for name in FRAMEWORKS if asked.only in (None, name)]
        print(f"{asked.keys:,} keys, {asked.addresses:,} addresses; {_rss():.0f} MB before the first call", flush=True)
        calls = _calls(asked.keys, asked.addresses)
        for minute in range(1, asked.minutes + 1):
            await _minute(soaked, calls)
            _tell(minute, soaked)
        for one in soaked:
            print(f"{one.name}: {one.lost():,} events lost")
            one.core.close()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=FRAMEWORKS)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--addresses", type=int, default=200_000)
    return parser.parse_args()


class Made:
    """Takes new keys in, so that they are written all at once."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def add(self, records: Any) -> None:
        self.records += records

    def find(self, _key_id: str) -> None:
        return None


class Soaked:
    """A guarded service with its keys, and what is known of the running minute."""

    def __init__(self, name: str, folder: str, keys: int) -> None:
        make, core_of, ask, store = _MADE[name]
        app, _ = make(limits=LIMITS, store=store.format(folder), counters="memory://", nonces="memory://")
        self.name, self.core, self.ask = name, core_of(app), ask(app)
        made = Made()
        ring = Keyring(made, self.core.peppers)
        self.keys = [ring.create(scopes=["orders:read"], owner=f"customer-{number}")[1] for number in range(keys)]
        self.core.key_store.add(made.records)
        self.begin()

    def begin(self) -> None:
        self.times, self.statuses, self.began = array("f"), Counter[int](), time.process_time()

    async def call(self, path: str, number: int, kind: str, address: str) -> None:
        good = self.keys[number]
        key = {"good": good, "wrong": good[:-6] + "000000", "none": ""}[kind]
        began = time.perf_counter()
        status = await self.ask(path, key, address)
        self.times.append(time.perf_counter() - began)
        self.statuses[status] += 1

    def lost(self) -> int:
        """Events that were dropped, as far back as events are kept."""
        self.core.recorder.flush()
        store, after, lost = self.core.recorder.store, 0, 0
        while found := store.read(after, 5_000):
            after = found[-1][0]
            lost += sum(int(event.note) for _, event in found if event.reason == "events_dropped")
        return lost


def _calls(keys: int, addresses: int) -> Iterator[tuple[str, int, str, str]]:
    """(path, number of the key, good, wrong or none, address), without end."""
    for number in count():
        part = (number + number // keys) % 100
        kind = "good" if part < 90 else "wrong" if part < 94 else "none" if part < 97 else "good"
        path = PATH if part < 97 else f"/nowhere/{number}"
        yield path, number * KEY_STEP % keys, kind, _address(number * ADDRESS_STEP % addresses)


def _address(number: int) -> str:
    """One half IPv4, one half IPv6 in a network each."""
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1" if number & 1 else f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}"


async def _minute(soaked: list[Soaked], calls: Iterator[tuple[str, int, str, str]]) -> None:
    for one in soaked:
        one.begin()
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        call = next(calls)
        for one in soaked:
            await one.call(*call)


def _tell(minute: int, soaked: list[Soaked]) -> None:
    cpu = (time.process_time() - soaked[0].began) / sum(len(one.times) for one in soaked) * 1e6
    for one in soaked:
        ordered = sorted(one.times)
        p50, p99 = (ordered[int(len(ordered) * part)] * 1e6 for part in (0.5, 0.99))
        told = f"{one.name:7}  {len(ordered):8,} calls  p50 {p50:4.0f} µs  p99 {p99:5.0f} µs  {len(one.core.counters):7,} cells"
        print(f"minute {minute:2}  {told}  {dict(sorted(one.statuses.items()))}")
        one.begin()
    del ordered
    gc.collect()
    print(f"minute {minute:2}  CPU {cpu:.0f} µs a call, {_rss():.1f} MB", flush=True)


def _rss() -> float:
    """Resident memory in MB (10⁶ bytes)."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024 / 1e6


def _flask(app: Any) -> Ask:
    base, status = environ("", "GET"), ""

    def start(told: str, _headers: Any, _error: Any = None) -> None:
        nonlocal status
        status = told

    async def ask(path: str, key: str, address: str) -> int:
        body = app({**base, "PATH_INFO": path, "HTTP_X_API_KEY": key, "REMOTE_ADDR": address}, start)
        b"".join(body)
        if hasattr(body, "close"):
            body.close()
        return int(status[:3])

    return ask


def _fastapi(app: Any) -> Ask:
    base = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https", "query_string": b""}
    base |= {"root_path": "", "server": ("10.0.0.1", 443)}
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    async def ask(path: str, key: str, address: str) -> int:
        headers = [(b"host", b"api.example.test"), (b"accept", b"*/*"), (b"x-api-key", key.encode())]
        await app({**base, "path": path, "raw_path": path.encode(), "headers": headers, "client": (address, 50_000)}, receive, send)
        return status

    return ask


_MADE: dict[str, Any] = {
    "flask": (guard_apps.flask_ours, lambda app: app.extensions["ostiary"].core, _flask, "sqlite:///{}/soak.db"),
    "fastapi": (guard_apps.fastapi_ours, lambda app: app.state.ostiary.core, _fastapi, "memory://"),
}


if __name__ == "__main__":
    asyncio.run(main())
