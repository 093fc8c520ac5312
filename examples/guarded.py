"""Runs the hardened twins under real servers and calls them, for the demo and for the tests. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Keys = Callable[..., str]
START_SECONDS = 30.0


@dataclass(frozen=True)
class Service:
    """One twin. ``read`` and ``write`` are what its partners call; ``shown`` is its command for people."""

    name: str
    folder: Path
    command: tuple[str, ...]
    shown: tuple[str, ...]
    environment: dict[str, str]
    port: int
    log: Path
    read: str
    write: str
    scopes: tuple[str, str]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Started, ready to answer, and ended again."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(self.command, cwd=self.folder, env=os.environ | self.environment, stdout=log, stderr=log)
            try:
                self._wait(process)
                yield
            finally:
                process.terminate()
                try:
                    process.wait(timeout=START_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.ask("/api/v1/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise OSError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-6000:]}")

    def ask(self, path: str, key: str | None = None, method: str = "GET", body: object = None) -> tuple[int, dict[str, object]]:
        """Status and JSON of one call."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
        call = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(call, timeout=START_SECONDS) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, _json(refused.read())


@dataclass(frozen=True)
class Step:
    """One thing that was tried: what, what came, and whether it is what was promised."""

    what: str
    answer: str
    right: bool


def conversation(service: Service, keys: Keys) -> list[Step]:
    """The demo's questions. ``keys("create", …)`` runs ``ostiary keys create …`` and gives its standard output."""
    read_scope, _ = service.scopes
    key = keys("create", "--name", "demo reader", "--scope", read_scope)
    steps = [
        _step(service, "no key", 401),
        _step(service, "a key, and the scope that it needs", 200, key),
        _step(service, "the same key where another scope is needed", 403, key, service.write, "PUT"),
        _step(service, "the key in the URL", 400, None, f"{service.read}?api_key={key}"),
    ]
    steps += _sixth(service, key)
    fresh = keys("create", "--name", "soon revoked", "--scope", read_scope)
    steps.append(_step(service, "a second key", 200, fresh))
    keys("revoke", fresh.split("_")[3][:12])
    steps.append(_step(service, "the second key, revoked a moment ago", 401, fresh))
    steps.append(_silent(service, key, fresh))
    return steps


def _step(service: Service, what: str, wanted: int, key: str | None = None, path: str = "", method: str = "GET") -> Step:
    status, body = service.ask(path or service.read, key, method, {"stock": 7, "price": 7.5} if method == "PUT" else None)
    told = body.get("code") if isinstance(body, dict) and status >= 400 else ""
    return Step(what, f"{status} {told}".strip(), status == wanted)


def _sixth(service: Service, key: str) -> list[Step]:
    """Five calls a minute are allowed, and one was made already: whichever worker answers, the sixth is one too many."""
    found = [service.ask(service.read, key)[0] for _ in range(5)]
    return [Step("calls two to six within a minute, over all workers", " ".join(map(str, found)), found == [200] * 4 + [429])]


def _silent(service: Service, *keys: str) -> Step:
    """The access log has a line for every call, and no key."""
    lines = service.log.read_text(errors="replace")
    held = any(key in lines or key[-40:] in lines for key in keys)
    seen = "api_key=" in lines and "/api/v1/" in lines
    return Step("the access log", "holds a key" if held else "holds no key" if seen else "holds no calls", seen and not held)


def flask_service(examples: Path, state: Path) -> Service:
    """The bookshop under gunicorn with two workers."""
    from werkzeug.security import generate_password_hash

    customers = [{"name": "ada", "password_hash": generate_password_hash(secrets.token_urlsafe()), "staff": True}]
    own = {
        "BOOKSHOP_TOKEN_SECRET": secrets.token_hex(32),
        "BOOKSHOP_ORIGINS": "https://shop.example",
        "BOOKSHOP_CUSTOMERS_FILE": _file(state / "customers.json", customers),
    }
    port = _free_port()
    server = ("gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{port}", "--access-logfile", "-", "wsgi:app")
    return _service("hardened_flask", examples, state, server, own, port, "/api/v1/partners/stock", ("stock:read", "stock:write"))


def fastapi_service(examples: Path, state: Path) -> Service:
    """The orders service under uvicorn."""
    salt = secrets.token_hex(16)
    password = hashlib.scrypt(secrets.token_bytes(16), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()
    own = {
        "ORDERS_TOKEN_SECRET": secrets.token_hex(32),
        "ORDERS_ORIGINS": "https://shop.example",
        "ORDERS_HOSTS": "127.0.0.1",
        "ORDERS_USERS_FILE": _file(state / "users.json", [{"name": "ada", "salt": salt, "password_hash": password, "staff": True}]),
    }
    port = _free_port()
    server = ("uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-proxy-headers", "app.main:app")
    return _service("hardened_fastapi", examples, state, server, own, port, "/api/v1/partners/prices", ("prices:read", "prices:write"))


def _service(
    name: str, examples: Path, state: Path, server: tuple[str, ...], own: dict[str, str], port: int, read: str, scopes: tuple[str, str]
) -> Service:
    folder = state / name
    folder.mkdir()
    environment = own | {"OSTIARY_STORE": f"sqlite:///{folder / 'ostiary.db'}"}
    _pepper(environment)
    return Service(
        name,
        (examples / name).absolute(),
        (sys.executable, "-m", *server),
        server,
        environment,
        port,
        folder / "access.log",
        read,
        f"{read}/1",
        scopes,
    )


def _pepper(environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "ostiary.cli", "keys", "init"], env=os.environ | environment, check=True, stderr=subprocess.DEVNULL
    )


def _json(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _file(path: Path, value: object) -> str:
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
