"""Redis killed, restarted, cut off, silent, slow and full under load: nothing passes beyond what is stated. The figures are printed (-s)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.guard.outages import Outages
from ostiary.guard.stores.base import Charge, StoreDown
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.guard.stores.redis_nonces import RedisNonces
from ostiary.model.limit import Limit
from tests.guard.proxy import Proxy
from tests.guard.redis_server import RedisServer

MOST = 300
CHARGE = (Charge(("orders", "api-key", "k"), Limit(MOST, 3600)),)
LONGEST = 3.0
"""Seconds: time-outs of half a second for connecting, sending and reading, and a machine that is busy."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that keeps its data over a SIGKILL."""
    found = RedisServer(tmp_path, keeps=True)
    yield found
    found.stop()


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    with Proxy(server.port) as found:
        yield found


def trouble(server: RedisServer, proxy: Proxy) -> None:
    """One fault after the other, each healed, with a pause in which the store is used again."""

    def full(bytes_: str) -> None:
        with server.client() as client:
            client.config_set("maxmemory", bytes_)

    faults: list[tuple[Callable[[], Any], float, Callable[[], Any]]] = [
        (server.stop, 0.4, server.start),
        (proxy.cut, 0.4, lambda: None),
        (proxy.refuse, 0.4, proxy.heal),
        (proxy.black_hole, 1.5, proxy.heal),
        (lambda: proxy.slow(0.2), 0.4, proxy.heal),
        (lambda: full("1"), 0.4, lambda: full("0")),
        (server.stop, 0.4, server.start),
    ]
    for begin, seconds, end in faults:
        time.sleep(0.3)
        begin()
        time.sleep(seconds)
        end()
    time.sleep(1.2)


class OnRoute:
    """A request on a route with this choice."""

    def __init__(self, on_outage: str) -> None:
        self.compiled, self.reason = self, ""
        self.on_outage = on_outage


class Tally:
    """What became of calls, and the longest that one took."""

    def __init__(self, choice: str) -> None:
        self.choice, self.outages, self.counts, self.longest = choice, Outages(choice, 1), Counter[str](), 0.0

    def note(self, began: float, spent: Any, down: StoreDown | None) -> None:
        if down is not None:
            try:
                found = self.outages.instead(OnRoute(self.choice), CHARGE, time.time(), down)  # type: ignore[arg-type]
                what = "let through" if found is None else "passed by share" if found.allowed else "refused by share"
            except StoreDown:
                what = "closed"
        else:
            what = "passed" if spent.allowed else "refused"
        self.counts[what] += 1
        self.longest = max(self.longest, time.monotonic() - began)

    def check(self) -> None:
        """The store passed at most its limit, the shares at most theirs, nothing passed uncounted unless it was to, nobody waited long."""
        print(f"\n{self.choice}: {dict(self.counts)}, longest wait {self.longest:.2f} s")
        assert self.counts["passed"] <= MOST
        assert self.counts["passed by share"] <= (MOST if self.choice == "share" else 0)
        assert (self.counts["let through"] > 0) is (self.choice == "open")
        assert (self.counts["closed"] > 0) is (self.choice == "closed")
        assert self.counts["refused"] > 0
        assert self.longest < LONGEST


@pytest.mark.parametrize("choice", ["closed", "open", "share"])
def test_under_load_in_threads(server: RedisServer, proxy: Proxy, choice: str) -> None:
    """Six threads call without a pause while everything happens to the server."""
    store, tally, over = RedisCounters(f"redis://127.0.0.1:{proxy.port}"), Tally(choice), threading.Event()

    def call() -> None:
        while not over.is_set():
            began, spent, down = time.monotonic(), None, None
            try:
                spent = store.spend(CHARGE, time.time())
            except StoreDown as error:
                down = error
            tally.note(began, spent, down)
            time.sleep(0.002)

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    trouble(server, proxy)
    over.set()
    for thread in threads:
        thread.join()
    tally.check()
    assert not store.spend(CHARGE, time.time()).allowed
    store.close()


@pytest.mark.parametrize("choice", ["closed", "share"])
def test_under_load_in_a_loop(server: RedisServer, proxy: Proxy, choice: str) -> None:
    """The same from twenty tasks of one event loop, which never stands still."""
    tally, worst = Tally(choice), 0.0

    async def call(store: RedisCounters, over: asyncio.Event) -> None:
        while not over.is_set():
            began, spent, down = time.monotonic(), None, None
            try:
                spent = await store.aspend(CHARGE, time.time())
            except StoreDown as error:
                down = error
            tally.note(began, spent, down)
            await asyncio.sleep(0.005)

    async def watch(over: asyncio.Event) -> None:
        nonlocal worst
        while not over.is_set():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - began - 0.01)

    async def run() -> bool:
        store, over = RedisCounters(f"redis://127.0.0.1:{proxy.port}", timeout=1.2), asyncio.Event()
        tasks = [asyncio.create_task(call(store, over)) for _ in range(20)] + [asyncio.create_task(watch(over))]
        await asyncio.to_thread(trouble, server, proxy)
        over.set()
        await asyncio.gather(*tasks)
        last = await store.aspend(CHARGE, time.time())
        await store.aclose()
        return last.allowed

    assert not asyncio.run(run())
    tally.check()
    print(f"the loop stood still for at most {worst * 1000:.0f} ms")
    # A call that blocked would stand for its time-out.
    assert worst < 1.0


def test_a_nonce_is_new_to_one_through_it_all(server: RedisServer, proxy: Proxy) -> None:
    """Four threads offer the same nonces while the server is killed, cut off, silenced and filled: no nonce is new twice."""
    store, over = RedisNonces(f"redis://127.0.0.1:{proxy.port}"), threading.Event()
    offered: set[int] = set()
    heard: list[int] = []
    downs: list[int] = []

    def offer() -> None:
        number = 0
        while not over.is_set():
            number += 1
            offered.add(number)
            try:
                if store.remember(b"%d" % number, time.time(), time.time() + 3600):
                    heard.append(number)
            except StoreDown:
                downs.append(number)
            time.sleep(0.002)

    threads = [threading.Thread(target=offer) for _ in range(4)]
    for thread in threads:
        thread.start()
    trouble(server, proxy)
    over.set()
    for thread in threads:
        thread.join()
    print(f"\nnonces: {len(offered)} offered, {len(heard)} new to somebody, {len(downs)} refused while the store was out")
    assert len(heard) == len(set(heard)) > 0
    assert downs
    store.close()
