"""A small service in each framework over each store: what is promised is promised of all four."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary import redact
from ostiary.wire.redact import default
from tests.guard.postgres_server import PostgresServer
from tests.guard.redis_server import RedisCluster, RedisServer
from tests.guard.sites import SITES, Site

FRAMEWORKS = tuple(SITES)
STORES = ("memory", "sqlite")


def _url(store: str, folder: Path) -> str:
    return "memory://" if store == "memory" else f"sqlite:///{folder / 'ostiary.db'}"


@pytest.fixture(autouse=True)
def _nobody_is_calling() -> Iterator[None]:
    """A test that leaves an answer unclosed leaves its request to the log records of no other test."""
    yield
    redact.current.set(redact.NOBODY)


@pytest.fixture(params=FRAMEWORKS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Site]]:
    """Makes a site of the framework, in memory unless told otherwise; closed at the end."""
    made: list[Site] = []

    def build(store: str = "memory://", **more: Any) -> Site:
        made.append(SITES[request.param](store, **more))
        return made[-1]

    yield build
    for site in made:
        site.close()


@pytest.fixture(params=[(framework, store) for framework in FRAMEWORKS for store in STORES], ids="-".join)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    framework, store = request.param
    found = SITES[framework](_url(store, tmp_path))
    yield found
    found.close()


@pytest.fixture(scope="session")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests of a run."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """One cluster of three nodes for all tests of a run."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def redis_cluster(own_cluster: RedisCluster) -> RedisCluster:
    """That cluster, empty."""
    own_cluster.flushall()
    return own_cluster


@pytest.fixture
def redis_server(own_redis: RedisServer) -> RedisServer:
    """That server, empty."""
    with own_redis.client() as client:
        client.flushall()
    return own_redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests of a run; ``template`` is a database with the tables."""
    from ostiary.guard.stores._sql_migrate import upgrade

    server = PostgresServer()
    upgrade(server.url(server.database("template0", "template")))
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """A database of the test's own, with the tables."""
    return postgres.url(postgres.database())


@pytest.fixture(autouse=True)
def no_secret_of_others() -> None:
    """What another test has registered for redaction is forgotten: the registry belongs to the process."""
    for needle in default.needles:
        default.unregister(needle.value)
