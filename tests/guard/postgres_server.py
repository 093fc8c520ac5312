"""A PostgreSQL server of our own on a free port of the loopback, with its files in a folder of its own."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.guard.redis_server import free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}


class PostgresServer:
    """Started when it is made; ``stop`` (a crash) and ``start`` as often as wanted, on the same port.

    PostgreSQL refuses to run as root: root's tests run it as the user ``postgres``.
    """

    def __init__(self) -> None:
        self.psycopg: Any = importlib.import_module("psycopg")
        self.folder = Path(tempfile.mkdtemp(prefix="ostiary-postgres-"))
        self.port = free_port()
        self._binaries, self._databases = _binaries(), 0
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self.folder, "postgres", "postgres")
        command = [self._binaries / "initdb", "-D", self.folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
        subprocess.run([*self._as, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.start()

    def start(self) -> None:
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = [*self._as, self._binaries / "postgres", "-D", self.folder, "-p", str(self.port), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        deadline = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("PostgreSQL does not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """As a crash: nothing is written any more, and recovery has to run."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def database(self, like: str = "template", name: str = "") -> str:
        """The name of a new one."""
        self._databases += 1
        name = name or f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return name

    def execute(self, statement: str, *values: object, database: str = "postgres") -> list[tuple[Any, ...]]:
        """By hand, as an administrator would."""
        with self.psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        with contextlib.suppress(self.psycopg.OperationalError):
            return bool(self.execute("SELECT 1"))
        return False


def _binaries() -> Path:
    """Distributions hide initdb from the path."""
    found = shutil.which("initdb")
    if found is None:
        known = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        found = str(known[-1]) if known else None
    if found is None:
        raise RuntimeError("these tests start a PostgreSQL server of their own: install one")
    return Path(found).resolve().parent
