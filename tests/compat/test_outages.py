"""The drop-ins for limiters over a real Redis that goes away and comes back."""

# FastAPI reads annotations of functions inside functions: no postponed evaluation here.

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from flask import Flask

from ostiary.compat import flask_limiter, slowapi
from ostiary.errors import UsageError
from ostiary.guard.stores.base import StoreDown
from tests.guard.proxy import Proxy
from tests.guard.redis_server import RedisServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    found = RedisServer(tmp_path_factory.mktemp("redis"))
    yield found
    found.stop()


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    with server.client() as client:
        client.flushall()
    with Proxy(server.port) as found:
        yield found


class OfFlask:
    def __init__(self, port: int, **options: Any) -> None:
        self.app = app = Flask(__name__)
        uri = f"redis://127.0.0.1:{port}"
        self.limiter = limiter = flask_limiter.Limiter(flask_limiter.get_remote_address, app=app, storage_uri=uri, **options)
        self.ran = 0

        @app.route("/t")
        @limiter.limit("2/hour")
        def t() -> str:
            self.ran += 1
            return "x"

    def statuses(self, times: int) -> list[int]:
        client = self.app.test_client()
        return [client.get("/t").status_code for _ in range(times)]

    def close(self) -> None:
        self.limiter.rates.counters.close()


class OfFastapi:
    def __init__(self, port: int, **options: Any) -> None:
        self.loop = asyncio.new_event_loop()
        uri = f"redis://127.0.0.1:{port}"
        self.limiter = limiter = slowapi.Limiter(slowapi.get_remote_address, storage_uri=uri, **options)
        self.app = app = FastAPI()
        app.state.limiter = limiter
        app.add_exception_handler(slowapi.RateLimitExceeded, slowapi._rate_limit_exceeded_handler)
        self.ran = 0

        @app.get("/t")
        @limiter.limit("2/hour")
        async def t(request: Request) -> str:
            self.ran += 1
            return "x"

    def statuses(self, times: int) -> list[int]:
        return self.loop.run_until_complete(self._statuses(times))

    async def _statuses(self, times: int) -> list[int]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return [(await client.get("/t")).status_code for _ in range(times)]

    def close(self) -> None:
        counters: Any = self.limiter.rates.counters
        self.loop.run_until_complete(counters.aclose())
        self.loop.close()


@pytest.fixture(params=[OfFlask, OfFastapi])
def kind(request: pytest.FixtureRequest) -> Iterator[Any]:
    made: list[Any] = []

    def make(port: int, **options: Any) -> Any:
        made.append(request.param(port, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_two_processes_count_together(kind: Any, proxy: Proxy) -> None:
    """What one has counted is spent for the other."""
    one, other = kind(proxy.port), kind(proxy.port)
    assert one.statuses(1) + other.statuses(2) == [200, 200, 429]


def test_two_services_in_one_store(kind: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """``key_prefix`` tells them apart; for slowapi it may stand in the environment."""
    one, other = kind(proxy.port, key_prefix="one"), kind(proxy.port, key_prefix="other")
    assert one.statuses(2) + other.statuses(3) == [200, 200, 200, 200, 429]
    twin = OfFastapi(proxy.port, key_prefix="third")
    monkeypatch.setenv("RATELIMIT_KEY_PREFIX", "third")
    third = OfFastapi(proxy.port)
    assert twin.statuses(2) + third.statuses(1) == [200, 200, 429]
    twin.close()
    third.close()


def test_without_a_word_an_outage_refuses(kind: Any, proxy: Proxy) -> None:
    """500, and no view runs; when the store is back its counters count on."""
    site = kind(proxy.port)
    assert site.statuses(1) == [200]
    proxy.refuse()
    assert (site.statuses(2), site.ran) == ([500, 500], 1)
    proxy.heal()
    assert (site.statuses(2), site.ran) == ([200, 429], 2)


def test_swallowed_errors_let_calls_pass_uncounted(kind: Any, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """As many as come; the log says that the store is down."""
    site = kind(proxy.port, swallow_errors=True)
    proxy.refuse()
    assert site.statuses(4) == [200] * 4
    assert all("store of limits is down" in record.getMessage() for record in caplog.records)
    assert len(caplog.records) == 4


def test_a_route_keeps_its_limit_in_memory(kind: Any, proxy: Proxy) -> None:
    """``in_memory_fallback_enabled``: the same limit, counted by each process alone."""
    site = kind(proxy.port, in_memory_fallback_enabled=True)
    assert site.statuses(2) == [200, 200]
    proxy.refuse()
    assert site.statuses(3) == [200, 200, 429]


def test_other_limits_hold_while_the_store_is_down(kind: Any, proxy: Proxy) -> None:
    """``in_memory_fallback=[…]``; when the store is back the route's own limit is what it was."""
    site = kind(proxy.port, in_memory_fallback=["1/hour", "5/day"])
    assert site.statuses(1) == [200]
    proxy.refuse()
    assert site.statuses(2) == [200, 429]
    proxy.heal()
    assert site.statuses(2) == [200, 429]


def test_a_silent_store_holds_nobody_up(kind: Any, proxy: Proxy) -> None:
    """A network that swallows everything: the fallback answers after the store's time-out of half a second."""
    site = kind(proxy.port, in_memory_fallback_enabled=True)
    assert site.statuses(1) == [200]
    proxy.black_hole()
    began = time.monotonic()
    assert site.statuses(1) == [200]
    assert time.monotonic() - began < 5


def test_meta_limits_go_on_in_memory(proxy: Proxy) -> None:
    """Flask-Limiter's: breaches of the limits that hold meanwhile are counted there."""
    site = OfFlask(proxy.port, in_memory_fallback=["1/hour"], meta_limits=["1/hour"])
    proxy.refuse()
    assert site.statuses(3) == [200, 429, 429]
    assert site.app.test_client().get("/t").status_code == 429
    site.close()


def test_a_deduction_that_the_store_does_not_take(proxy: Proxy) -> None:
    """``deduct_when`` while the store goes away between the call and its answer: an error, not an answer that nobody counted."""
    site = OfFlask(proxy.port)
    site.app.testing = True
    site.app.add_url_rule("/later", "later", site.limiter.limit("1/hour", deduct_when=lambda _: True)(lambda: proxy.refuse() or "x"))
    with pytest.raises(StoreDown):
        site.app.test_client().get("/later")
    site.close()


def test_the_password_of_a_store_may_stand_beside_its_url(kind: Any, tmp_path: Path) -> None:
    """``storage_options``; without it the server refuses us, and we the call."""
    server = RedisServer(tmp_path)
    try:
        with server.client() as client:
            client.config_set("requirepass", "for the tests")
        assert kind(server.port, storage_options={"password": "for the tests"}).statuses(3) == [200, 200, 429]
        assert kind(server.port).statuses(1) == [500]
    finally:
        server.stop()


def test_options_that_the_store_has_of_its_own_are_said(caplog: pytest.LogCaptureFixture) -> None:
    """Time-outs and pools; what is not known is an error."""
    slowapi.Limiter(slowapi.get_remote_address, storage_uri="redis://127.0.0.1:1", storage_options={"socket_timeout": 5})
    assert [record.getMessage() for record in caplog.records] == [
        "storage_options: socket_timeout not used; the store has limits of its own"
    ]
    with pytest.raises(UsageError, match="storage_options: cluster cannot be given here"):
        slowapi.Limiter(slowapi.get_remote_address, storage_uri="redis://127.0.0.1:1", storage_options={"cluster": 1})
