"""A Redis server of our own on a free port of the loopback, with its files in a folder of the test's."""

from __future__ import annotations

import importlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class RedisServer:
    """Started when it is made; ``stop`` and ``start`` as often as wanted, on the same port."""

    def __init__(self, folder: Path, cluster: bool = False) -> None:
        self.redis: Any = importlib.import_module("redis")
        self.binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if self.binary is None:
            raise RuntimeError("these tests start a redis-server (or valkey-server) of their own: install one")
        self.folder, self.cluster = folder, cluster
        # The cluster's own port is this one and 10,000.
        self.port = next(port for port in iter(free_port, None) if port < 55_000) if cluster else free_port()
        self.url = f"redis{'+cluster' if cluster else ''}://127.0.0.1:{self.port}"
        self.start()
        if cluster:
            with self.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                self._until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))

    def start(self) -> None:
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
            "--enable-debug-command",
            "yes",
        ]
        if self.cluster:
            options += ["--cluster-enabled", "yes", "--cluster-config-file", f"{self.port}.conf"]
        self.process = subprocess.Popen([str(self.binary), *options], stdout=subprocess.DEVNULL)
        self._until(self._answers)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self) -> Any:
        return self.redis.Redis(port=self.port)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except self.redis.exceptions.RedisError:
            return False

    @staticmethod
    def _until(true: Any) -> None:
        deadline = time.monotonic() + 30
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError("redis-server does not start")
            time.sleep(0.02)
