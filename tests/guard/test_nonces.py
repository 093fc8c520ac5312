"""Every store of nonces keeps the same promise: one caller hears "never seen", once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Busy, Nonces, StoreDown
from ostiary.guard.stores.memory_nonces import MemoryNonces
from ostiary.guard.stores.redis_nonces import RedisNonces
from ostiary.guard.stores.sqlite_nonces import SqliteNonces
from tests.guard.redis_server import RedisServer

NOW = 1_800_000_000.0
END = NOW + 360
STORES = ("memory", "sqlite", "redis", "redis cluster", "postgres")
SHARED = ("sqlite", "redis", "redis cluster", "postgres")


def url_of(engine: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if engine.startswith("redis"):
        return str(request.getfixturevalue("redis_server" if engine == "redis" else "redis_cluster").url)
    if engine == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return "memory://" if engine == "memory" else f"sqlite:///{folder}/ostiary.db"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nonces]:
    opened = open_store(url_of(request.param, request, tmp_path), "nonces")
    yield opened
    opened.close()


@pytest.fixture(params=SHARED)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store that processes share."""
    return url_of(request.param, request, tmp_path)


def patiently(store: Nonces, key: bytes) -> bool:
    while True:
        try:
            return store.remember(key, NOW, END)
        except Busy:
            continue


def test_it_says_whether_it_answers_in_place(store: Nonces) -> None:
    """Memory does, SQLite waits for a disk, Redis and PostgreSQL for the network."""
    assert store.immediate is isinstance(store, MemoryNonces)


def test_once(store: Nonces) -> None:
    """The first hears True, whoever asks later hears False; another key is another matter."""
    assert [store.remember(b"a", NOW, END) for _ in range(3)] == [True, False, False]
    assert [store.remember(b"b", NOW, END) for _ in range(2)] == [True, False]


def test_whatever_bytes_a_key_is_made_of(store: Nonces) -> None:
    """None, zeros, no text, what looks like a number, a very long one: each is itself and no other."""
    keys = [b"", b"\0", b"\0\0", b"\xff\xfe", b"1", b"01", b"{a}b", b"a\nb", b"a b", b"x" * 1_000_000, b"x" * 1_000_001]
    assert [store.remember(key, NOW, END) for key in keys] == [True] * len(keys)
    assert not any(store.remember(key, NOW, END) for key in keys)


def test_an_end_that_has_passed_is_refused(store: Nonces) -> None:
    """What cannot be held is not accepted: not at its end, nor after it."""
    assert not store.remember(b"a", NOW, NOW)
    assert not store.remember(b"b", NOW, NOW - 1)
    assert store.remember(b"a", NOW, END)


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
def test_it_is_held_to_its_end(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Not a millisecond less, whatever else is remembered meanwhile; a clock that goes back forgets nothing."""
    store = open_store(url_of(engine, request, tmp_path), "nonces")
    assert store.remember(b"a", NOW, END)
    for number in range(300):
        store.remember(b"other %d" % number, NOW + number, END + 1)
    assert [store.remember(b"a", now, now + 360) for now in (NOW, END - 0.001, NOW - 100)] == [False] * 3
    assert store.remember(b"a", END, END + 360)
    assert not store.remember(b"a", END + 1, END + 360)
    store.close()


def test_redis_holds_it_to_its_end(redis_server: RedisServer) -> None:
    """By the server's clock, for as long as the caller's says is left; and then it goes by itself. No key holds what was remembered."""
    store = RedisNonces(redis_server.url, timeout=10)
    assert store.remember(b"sig-7Hq2xTz9", NOW, END)
    with redis_server.client() as client:
        (key,) = client.keys()
        assert 359_000 < client.pttl(key) <= 360_000
        assert b"7Hq2xTz9" not in key + client.get(key)
        assert not store.remember(b"sig-7Hq2xTz9", NOW - 1e9, NOW)
        assert client.pttl(key) <= 360_000
    store.close()


def test_ended_ones_leave(tmp_path: Path) -> None:
    """A flood that is over leaves nothing behind, without anybody asking for it."""
    memory, sqlite = MemoryNonces(), SqliteNonces(tmp_path / "n.db")
    for number in range(500):
        memory.remember(b"flood %d" % number, NOW, END)
        sqlite.remember(b"flood %d" % number, NOW, END)
    for number in range(200):
        memory.remember(b"later %d" % number, END, END + 360)
        sqlite.remember(b"later %d" % number, END, END + 360)
    assert len(memory) == 200
    with sqlite._database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM nonces WHERE expires < ?", ((END + 1) * 1000,)).fetchone() == (0,)
    sqlite.close()


def test_full_memory_refuses_and_forgets_nothing() -> None:
    """A flood never makes a nonce usable again: the store is down until the first has ended."""
    store = MemoryNonces(maximum=3)
    assert all(store.remember(key, NOW, END + place) for place, key in enumerate((b"a", b"b", b"c")))
    with pytest.raises(StoreDown, match="full"):
        store.remember(b"d", NOW, END)
    assert not any(store.remember(key, NOW, END) for key in (b"a", b"b", b"c"))
    assert store.remember(b"d", END, END + 360)
    with pytest.raises(UsageError, match="not 0"):
        MemoryNonces(0)


def test_a_full_file_refuses_and_forgets_nothing(tmp_path: Path) -> None:
    """SQLite says that it is full: StoreDown, and what it holds stays."""
    store = SqliteNonces(tmp_path / "n.db")
    assert store.remember(b"a", NOW, END)
    with store._database.connection() as connection:
        connection.execute("PRAGMA max_page_count=1")

    def flood() -> None:
        for number in range(1000):
            store.remember(b"more %d" % number, NOW, END)

    with pytest.raises(StoreDown, match="full"):
        flood()
    assert not store.remember(b"a", NOW, END)
    store.close()


def test_a_full_redis_refuses_and_forgets_nothing(redis_server: RedisServer) -> None:
    """``noeviction`` at ``maxmemory``."""
    store = RedisNonces(redis_server.url, timeout=10)
    assert store.remember(b"a", NOW, END)
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(StoreDown, match="maxmemory"):
                store.remember(b"b", NOW, END)
        finally:
            client.config_set("maxmemory", "0")
    assert not store.remember(b"a", NOW, END)
    store.close()


def test_one_of_many_threads(store: Nonces) -> None:
    """Eight threads offer the same hundred keys: each is new to exactly one."""
    heard: list[bytes] = []

    def offer() -> None:
        heard.extend(key for key in (b"%d" % number for number in range(100)) if patiently(store, key))

    threads = [threading.Thread(target=offer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == sorted(b"%d" % number for number in range(100))


OFFER = """
import sys
sys.path.insert(0, {folder!r})
from tests.guard.test_nonces import *
store = open_store(sys.argv[1], "nonces")
input()
print(*(number for number in range(200) if patiently(store, b"%d" % number)))
store.close()
"""


def test_one_of_many_processes(url: str) -> None:
    """Four processes offer the same two hundred keys: each is new to exactly one."""
    command = [sys.executable, "-c", OFFER.format(folder=str(Path(__file__).parents[2])), url]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    heard = [int(number) for worker in workers for number in worker.communicate(timeout=120)[0].split()]
    assert sorted(heard) == list(range(200))


def test_it_outlives_the_process(url: str) -> None:
    """Who opens the store next finds what was remembered."""
    store = open_store(url, "nonces")
    assert store.remember(b"a", NOW, END)
    store.close()
    again = open_store(url, "nonces")
    assert not again.remember(b"a", NOW, END)
    again.close()


def test_loops_and_threads_share(redis_server: RedisServer) -> None:
    """``aremember`` is ``remember``: for many tasks at once, and beside threads."""
    store = RedisNonces(redis_server.url, timeout=10)

    async def offer() -> list[bool]:
        heard = await asyncio.gather(*(store.aremember(b"a", NOW, END) for _ in range(30)))
        heard.append(await store.aremember(b"late", NOW, NOW))
        await store.aclose()
        return heard

    assert sum(asyncio.run(offer())) == 1
    assert not store.remember(b"a", NOW, END)
    store.close()


def test_a_redis_that_is_away_says_so() -> None:
    """StoreDown, for threads and for loops: nobody hears that a nonce is new."""
    store = RedisNonces("redis://127.0.0.1:1")
    with pytest.raises(StoreDown, match="does not answer"):
        store.remember(b"a", NOW, END)
    other = RedisNonces("redis://127.0.0.1:1")
    with pytest.raises(StoreDown, match="does not answer"):
        asyncio.run(other.aremember(b"a", NOW, END))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_lock_of_its_own() -> None:
    """A thread of the parent that is in the store when it forks holds up nobody in the child."""
    script = FORK.format(folder=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("True", "", 0)


FORK = """
import sys, os
sys.path.insert(0, {folder!r})
from tests.guard.test_nonces import *
store = MemoryNonces()
store._lock.acquire()
if os.fork() == 0:
    print(store.remember(b"a", NOW, END), flush=True)
    os._exit(0)
os.wait()
"""
