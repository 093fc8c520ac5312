"""Two worker processes over one SQLite store, under each server (DX-6): a limit is exact over all of them, a revoked key is dead in all, and no event is lost."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from ostiary.guard.admin import Admin
from ostiary.guard.stores import open_store
from tests.guard.redis_server import free_port

FLASK = """
import os
from flask import Flask
from ostiary.flask import Guard, public, require
app = Flask("many", static_folder=None)
Guard(app, policy_file=None, failures=None)
app.add_url_rule("/limited", "limited", require(limits="20 per day")(lambda: "in"))
app.add_url_rule("/health", "health", public("asked by the test")(lambda: "ok"))
def served(environ, start):
    return app(environ, lambda status, fields, error=None: start(status, [*fields, ("X-Pid", str(os.getpid()))], error))
"""
FASTAPI = """
import os
from fastapi import FastAPI
from ostiary.fastapi import Guard, public, require
app = FastAPI(openapi_url=None)
Guard(app, policy_file=None, failures=None)
@app.get("/limited")
@require(limits="20 per day")
async def limited(): return "in"
@app.get("/health")
@public("asked by the test")
def health(): return "ok"
async def served(scope, receive, send):
    async def tell(message):
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-pid", str(os.getpid()).encode())]
        await send(message)
    await app(scope, receive, tell)
"""
PYTHON = [sys.executable, "-m"]
GUNICORN = [*PYTHON, "gunicorn", "app:served", "--workers", "2", "--bind", "127.0.0.1:{port}", "--no-control-socket"]
COMMANDS = {
    "gunicorn, pre-fork": [*GUNICORN, "--preload"],
    "gunicorn, threads": [*GUNICORN, "--worker-class", "gthread", "--threads", "4"],
    "gunicorn, gevent": [*GUNICORN, "--worker-class", "gevent"],
    "gunicorn, gevent, pre-fork": [*GUNICORN, "--worker-class", "gevent", "--preload"],
    "uvicorn": [*PYTHON, "uvicorn", "app:served", "--workers", "2", "--port", "{port}", "--no-access-log"],
    "hypercorn": [*PYTHON, "hypercorn", "app:served", "--workers", "2", "--bind", "127.0.0.1:{port}"],
}
LIMIT, CALLS = 20, 60


class Answered(NamedTuple):
    status: int
    pid: str


class Running(NamedTuple):
    port: int
    key: str
    key_id: str
    store: str

    def ask(self, path: str) -> Answered:
        """On a connection of its own, so that any worker may take it."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(line):
            line.request("GET", path, headers={"X-API-Key": self.key, "Connection": "close"})
            answer = line.getresponse()
            answer.read()
            return Answered(answer.status, answer.headers["X-Pid"])

    def ask_many(self, path: str, number: int) -> list[Answered]:
        """At the same time, by eight threads."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: self.ask(path), range(number)))

    def ask_everyone(self, path: str) -> list[Answered]:
        """Again and again, until each of the two workers has answered."""
        found: list[Answered] = []
        deadline = time.monotonic() + 60
        while len({one.pid for one in found}) < 2:
            assert time.monotonic() < deadline, "one worker takes every call"
            found += self.ask_many(path, 8)
        return found


@contextlib.contextmanager
def serving(server: str, folder: Path) -> Iterator[Running]:
    """Until the block ends; then it is told to stop, and does."""
    (folder / "app.py").write_text(FASTAPI if server in ("uvicorn", "hypercorn") else FLASK)
    store = f"sqlite:///{folder}/ostiary.db"
    admin = Admin.open(store, create=True, environ={})
    record, key = admin.keyring.create(owner="ann")
    admin.close()
    running = Running(free_port(), key, record.id, store)
    command = [word.format(port=running.port) for word in COMMANDS[server]]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")} | {"OSTIARY_STORE": store}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        _until_it_answers(running, process, folder / "log")
        yield running
        process.terminate()
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def _until_it_answers(running: Running, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if running.ask("/health").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("server", list(COMMANDS))
def test_two_workers_are_one_guard(server: str, tmp_path: Path) -> None:
    """Of sixty calls at once exactly twenty pass; a revoked key hears 401 of both workers from the next call on; every call is one event."""
    with serving(server, tmp_path) as running:
        asked = running.ask_many("/limited", CALLS)
        assert Counter(one.status for one in asked) == {200: LIMIT, 429: CALLS - LIMIT}
        both = running.ask_everyone("/limited")
        assert {one.status for one in both} == {429}
        admin = Admin.open(running.store, environ={})
        admin.keyring.revoke(running.key_id)
        admin.close()
        dead = running.ask_everyone("/limited")
        assert {one.status for one in dead} == {401}
    events = open_store(running.store, "events")
    written = [event for event in events.recent(10_000) if event.route == ("GET", "/limited")]
    events.close()
    assert len(written) == len({event.request_id for event in written}) == len(asked) + len(both) + len(dead)
    assert Counter(event.status for event in written) == Counter(one.status for one in [*asked, *both, *dead])
