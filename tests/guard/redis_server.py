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
    """Started when it is made; ``stop`` (SIGKILL) and ``start`` as often as wanted, on the same port. ``keeps``: its data over that."""

    def __init__(self, folder: Path, cluster: bool = False, slots: tuple[int, int] = (0, 16_383), keeps: bool = False) -> None:
        self.redis: Any = importlib.import_module("redis")
        self.binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if self.binary is None:
            raise RuntimeError("these tests start a redis-server (or valkey-server) of their own: install one")
        self.folder, self.cluster, self.keeps = folder, cluster, keeps
        # The cluster's own port is this one and 10,000.
        self.port = next(port for port in iter(free_port, None) if port < 55_000) if cluster else free_port()
        self.url = f"redis{'+cluster' if cluster else ''}://127.0.0.1:{self.port}"
        self.start()
        if cluster:
            with self.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
            if slots == (0, 16_383):
                self.until_complete()

    def until_complete(self) -> None:
        """Every slot of the cluster has a node that answers for it, as this one sees it."""
        with self.client() as client:
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
        if self.keeps:
            options += ["--appendonly", "yes", "--appendfsync", "always"]
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


class RedisCluster:
    """Three nodes, each with a third of the slots and no replica."""

    def __init__(self, folder: Path) -> None:
        bounds = ((0, 5460), (5461, 10_922), (10_923, 16_383))
        self.nodes = [RedisServer(folder, cluster=True, slots=slots) for slots in bounds]
        self.url = self.nodes[0].url
        with self.nodes[0].client() as client:
            for node in self.nodes[1:]:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port)
        for node in self.nodes:
            node.until_complete()

    def flushall(self) -> None:
        for node in self.nodes:
            with node.client() as client:
                client.flushall()

    def calls(self, command: str) -> list[int]:
        """How often each node was asked that since ``reset``."""
        found = []
        for node in self.nodes:
            with node.client() as client:
                found.append(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])
        return found

    def reset(self) -> None:
        for node in self.nodes:
            with node.client() as client:
                client.config_resetstat()

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()
