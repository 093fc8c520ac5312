"""The four stores: reachable, of the schema that this Ostiary knows, writable, fast, shared by all workers, and of our time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.request import pathname2url

from ostiary.errors import MissingExtra, OstiaryError
from ostiary.guard import workers as servers
from ostiary.guard.admin import database
from ostiary.guard.doctor.line import Line, Patient, ok, problem, warning
from ostiary.guard.stores import Role, file_of, is_sql, open_store, role_path
from ostiary.guard.stores.base import Busy, Charge, StoreDown
from ostiary.model.limit import parse

_SLOW_MS = 20.0
_OFF_SECONDS = 2.0
_EARLIEST = 1_767_225_600  # 2026: a clock that says less was never set
_LITTLE_ROOM = 100 * 2**20
_OVER_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.glusterfs"})
_MODE = 0o077
(_LIMIT,) = parse("1 per minute")
_ASK: dict[str, Callable[[Any, float], Any]] = {
    "keys": lambda store, _: store.find("doctor"),
    "counters": lambda store, now: store.spend([Charge(("doctor",), _LIMIT, 0)], now),
    "nonces": lambda store, now: store.remember(os.urandom(16), now, now + 1.0),
    "events": lambda store, _: store.recent(1),
}


def keys(patient: Patient) -> Iterator[Line]:
    if patient.core is not None and patient.core.key_store is None:
        yield ok("keys: one from the environment")
    else:
        yield from _examined(patient, "keys")


def counters(patient: Patient) -> Iterator[Line]:
    yield from _examined(patient, "counters")


def nonces(patient: Patient) -> Iterator[Line]:
    """Opened at its first use, and so the one whose mistake shows latest."""
    yield from _examined(patient, "nonces")


def events(patient: Patient) -> Iterator[Line]:
    yield from _examined(patient, "events")


def workers(patient: Patient) -> Iterator[Line]:
    """Several of them share nothing that lies in memory."""
    found = servers.configured(patient.environ, patient.argv)
    roles = [role for role in ("keys", "counters", "nonces", "events") if patient.url(role).startswith("memory:")]
    if found.number > 1 and roles:
        yield problem(
            f"{found.number} workers ({found.source}), each with {' and '.join(roles)} of its own", "sqlite:///ostiary.db for one host"
        )
    elif found.number > 1:
        yield ok(f"{found.number} workers ({found.source}) share their stores")
    elif roles:
        yield warning(f"{' and '.join(roles)} in memory: gone with the process, right for one worker only", "sqlite:///ostiary.db")
    else:
        yield ok("one worker, as far as the environment says; the stores are shared if there are more")


def clocks(patient: Patient) -> Iterator[Line]:
    """Our clock, and those of the servers that count for us. Whether NTP runs cannot be seen from here."""
    if patient.clock() < _EARLIEST:
        yield problem("the clock was never set: keys end and signatures age by it", "start NTP (chrony, systemd-timesyncd)")
        return
    asked = dict.fromkeys(patient.url(role) for role in ("keys", "counters", "nonces", "events"))
    remote = [url for url in asked if _kind(url) in ("Redis", "PostgreSQL")]
    for url in remote:
        yield from _clock(patient, url)
    if not remote:
        yield ok("the stores go by this machine's clock; several hosts need NTP")


def _clock(patient: Patient, url: str) -> Iterator[Line]:
    before = patient.clock()
    theirs = _redis_time(url) if _kind(url) == "Redis" else _sql_time(url)
    off = theirs - (before + patient.clock()) / 2
    if abs(off) > _OFF_SECONDS:
        yield problem(f"the clock of {_kind(url)} is {off:+.1f} s off ours: limits and lifetimes go by both", "start NTP on both")
    else:
        yield ok(f"the clock of {_kind(url)} agrees with ours within {_OFF_SECONDS:g} s")


def _examined(patient: Patient, role: Role) -> Iterator[Line]:
    url = patient.url(role)
    if url.startswith("memory:"):
        return
    if _kind(url) == "SQLite":
        yield from _file(patient, role, cast("Path", file_of(url)))
    else:
        yield from _server(patient, role, url)


def _file(patient: Patient, role: Role, named: Path) -> Iterator[Line]:
    file = role_path(named, role).absolute()
    if not file.parent.is_dir():
        yield problem(f"{role}: no such folder: {file.parent}", "make it, writable for the user of the server")
        return
    if not file.exists():
        yield from _yet_to_be_made(role, file)
        return
    yield from _around(role, file)
    yield from _asked(patient, role, f"SQLite {file}, of the schema known here, writable", lambda: _write(file))


def _yet_to_be_made(role: Role, file: Path) -> Iterator[Line]:
    if not os.access(file.parent, os.W_OK):
        yield problem(f"{role}: {file} is not there, and {file.parent} cannot be written", "let the user of the server write there")
    elif role == "keys":
        yield warning(f"keys: {file} is not there yet", "ostiary keys init, or start the app")
    else:
        yield ok(f"{role}: {file} will be made at its first use")


def _around(role: Role, file: Path) -> Iterator[Line]:
    """Who may read the file, on what it lies, how much room there is."""
    rights = stat.S_IMODE(file.stat().st_mode)
    if rights & _MODE:
        yield problem(f"{role}: others may read {file} (mode {rights:04o})", f"chmod 600 {file}")
    if (system := _file_system(file)) in _OVER_NETWORK:
        yield problem(f"{role}: {file} lies on {system}, where SQLite's locks do not hold", "a local disk, postgresql:// or redis://")
    if shutil.disk_usage(file.parent).free < _LITTLE_ROOM:
        yield problem(f"{role}: less than 100 MB are free beside {file}", "make room: a full disk is an outage")


def _file_system(file: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system, "" where the system does not tell."""
    try:
        lines = [line.split() for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    held = [(len(words[1]), words[2]) for words in lines if file.is_relative_to(words[1])]
    return max(held, default=(0, ""))[1]


def _write(file: Path) -> None:
    """Takes the lock for writing and gives it back."""
    try:
        with closing(sqlite3.connect(f"file:{pathname2url(str(file))}?mode=rw", uri=True, timeout=1.0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise OstiaryError(f"{file} cannot be written: {error}") from None


def _server(patient: Patient, role: Role, url: str) -> Iterator[Line]:
    if is_sql(url):
        database(url).check(url)
        if _asked_sql(url, "SELECT current_setting('transaction_read_only')") == "on":
            yield problem(f"{role}: PostgreSQL only reads here", "the URL of the primary, with target_session_attrs=read-write")
    yield from _asked(patient, role, _kind(url), lambda: None)
    if _kind(url) == "Redis":
        yield from _evicting(role, url)


def _asked(patient: Patient, role: Role, where: str, write: Callable[[], None]) -> Iterator[Line]:
    """Opened as the guard opens it, which compares the schema, and asked for what costs nothing."""
    try:
        store = open_store(patient.url(role), role)
        try:
            write()
            taken = min(_timed(patient, lambda: _ASK[role](store, patient.clock())) for _ in range(3))
        finally:
            store.close()
    except MissingExtra:
        raise
    except Busy:
        yield warning(f"{role}: {where} is locked by another process", "ask again; if it lasts, look who holds it")
    except OstiaryError as error:
        yield problem(f"{role}: {error}", "until it answers, calls that need it are refused (503)")
    else:
        yield from _latency(role, where, taken)


def _timed(patient: Patient, ask: Callable[[], Any]) -> float:
    """Milliseconds."""
    before = patient.timer()
    ask()
    return (patient.timer() - before) * 1000


def _latency(role: Role, where: str, taken: float) -> Iterator[Line]:
    if taken > _SLOW_MS:
        yield warning(
            f"{role}: {where}, takes {taken:.0f} ms to answer, and calls wait for it", "a store that is nearer, or lease= for limits"
        )
    else:
        yield ok(f"{role}: {where}, answers in {taken:.1f} ms")


def _evicting(role: Role, url: str) -> Iterator[Line]:
    """A server that forgets counters when it is full forgets limits. One that tells nobody its settings is believed."""
    with _client(url) as client:
        try:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
        except _redis().exceptions.RedisError:
            return
    if policy not in ("noeviction", ""):
        yield problem(f"{role}: Redis forgets live {role} when it is full (maxmemory-policy {policy})", "maxmemory-policy noeviction")


def _redis_time(url: str) -> float:
    with _reached(url), _client(url) as client:
        seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


def _sql_time(url: str) -> float:
    return float(_asked_sql(url, "SELECT extract(epoch FROM clock_timestamp())"))


def _asked_sql(url: str, question: str) -> Any:
    from ostiary.guard.stores._sql import server_of

    with _reached(url), server_of(url).connect() as connection:
        return connection.execute(question).fetchone()[0]


@contextmanager
def _reached(url: str) -> Iterator[None]:
    """StoreDown for whatever a driver raises; none of its words, since they may hold the URL."""
    try:
        yield
    except OstiaryError:
        raise
    except Exception as error:  # noqa: BLE001 two drivers, whose errors have nothing in common
        raise StoreDown(f"{_kind(url)} does not answer ({type(error).__name__})") from None


def _redis() -> Any:
    try:
        import redis
    except ModuleNotFoundError:
        raise MissingExtra("Redis", "redis") from None
    return redis


def _client(url: str) -> Any:
    """Of any node of a cluster."""
    return _redis().Redis.from_url(url.replace("+cluster", "", 1), socket_timeout=1.0, socket_connect_timeout=1.0, decode_responses=True)


def _kind(url: str) -> str:
    if is_sql(url):
        return "PostgreSQL"
    return "Redis" if url.startswith(("redis", "unix:")) else "SQLite"
