"""LIMIT-7 and LIMIT-8: how many different objects, how many calls at once, and for how long."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from ostiary import fastapi as fastapi_guard
from ostiary import flask as flask_guard
from ostiary.errors import ConfigError, UsageError
from ostiary.guard.concurrency import Running
from ostiary.guard.declaration import merged
from ostiary.guard.declare import concurrent, distinct, require, timeout
from tests.guard.delegating import QUIET
from tests.guard.sites import SITES, Site

Make = Callable[..., Site]
ORDER = "/api/v1/orders/{order_id}"


def statuses(site: Site, ids: str, key: str | None) -> list[int]:
    return [site.ask(f"/api/v1/orders/{one}", key).status for one in ids]


# Different objects


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_caller_reaches_so_many_different_objects(make: Make, tmp_path: Path, store: str) -> None:
    """Those it knows go on, a new one is 429; the event says why; another caller has its own."""
    url = "memory://" if store == "memory" else f"sqlite:///{tmp_path / 'a.db'}"
    site = make(url, routes={ORDER: distinct("order_id", "3 per hour")})
    ann, bob = site.mint("orders:read"), site.mint("orders:read")
    assert statuses(site, "abcabcdab", ann) == [200] * 6 + [429, 200, 200]
    assert site.events()[6].reason == "enumeration"
    assert statuses(site, "d", bob) == [200]


def test_what_is_refused_is_not_remembered(make: Make) -> None:
    """Asking for it again is refused again, until the window has passed; Retry-After says when."""
    site = make(routes={ORDER: distinct("order_id", "2 per hour")})
    ann = site.mint("orders:read")
    assert statuses(site, "abcc", ann) == [200, 200, 429, 429]
    reply = site.ask("/api/v1/orders/c", ann)
    assert (reply.code, reply["Retry-After"]) == ("too_many_requests", "3600")
    site.clock.now += 3600
    assert statuses(site, "cda", ann) == [200, 200, 429]


def test_on_a_public_route_strangers_are_counted_by_address() -> None:
    """IPv6 by /64."""
    app = Flask("catalogue")
    guard = flask_guard.Guard(app, **QUIET)

    @app.get("/items/<item_id>")
    @guard.public("a catalogue")
    @guard.distinct("item_id", "1 per hour")
    def item(item_id: str) -> str:
        return item_id

    asked = [("a", "2001:db8::1"), ("b", "2001:db8::2"), ("a", "2001:db8::2"), ("b", "2001:db8:0:1::2")]
    found = [app.test_client().get(f"/items/{one}", environ_overrides={"REMOTE_ADDR": peer}).status_code for one, peer in asked]
    assert found == [200, 429, 200, 200]
    app.extensions["ostiary"].core.close()


CALLS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40)), max_size=40)


@settings(max_examples=60, deadline=None)
@given(CALLS)
def test_never_more_new_ones_than_stated_and_never_fewer(calls: list[tuple[str, int]]) -> None:
    """Against a plain record of when each id was last new: 2 in 60 seconds."""
    site = SITES["flask"](routes={ORDER: distinct("order_id", "2 per minute")})
    try:
        key, new = site.mint("orders:read"), {}
        for one, pause in calls:
            site.clock.now += pause
            now = site.clock.now
            running = [at for at in new.values() if now - at < 60]
            known = one in new and now - new[one] < 60
            expected = 200 if known or len(running) < 2 else 429
            assert site.ask(f"/api/v1/orders/{one}", key).status == expected
            if expected == 200 and not known:
                new[one] = now
    finally:
        site.close()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (lambda: distinct("user_id", "5 per hour"), "distinct needs user_id, which is no parameter of this path"),
        (lambda: distinct("order id", "5 per hour"), "the name of a path parameter"),
        (lambda: distinct("order_id", "often"), "'often' is not a limit"),
        (lambda: distinct("order_id", "5 per hour cost 2"), "a plain limit"),
        (lambda: concurrent(0), "a whole number from 1 on"),
        (lambda: concurrent(True), "a whole number from 1 on"),
        (lambda: timeout(0), "seconds above 0"),
        (lambda: timeout(float("nan")), "seconds above 0"),
        (lambda: timeout("1"), "seconds above 0"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_stops_the_start(make: Make, word: Any, said: str) -> None:
    """A sentence, before the first call is answered."""
    with pytest.raises(UsageError, match=re.escape(said)):
        list(installed(make(routes={ORDER: word()})).declared())


def installed(site: Site) -> Any:
    return getattr(site.app, "extensions", {}).get("ostiary") or site.app.state.ostiary


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('distinct = {order_id = "1 per hour"}\nconcurrent = 5', ""),
        ('distinct = "1 per hour"', "distinct is a table"),
        ('distinct = {order_id = "1 per hour", id = "1 per day"}', "names one parameter"),
        ('distinct = {order_id = "often"}', "is not a limit"),
        ("concurrent = 0", "from 1 on"),
        ('concurrent = "5"', "a whole number"),
    ],
)
def test_the_file_may_say_it(make: Make, tmp_path: Path, written: str, said: str) -> None:
    """Or is refused with its line."""
    file = tmp_path / "ostiary.toml"
    file.write_text(f'[[policy]]\npath = "/api/v1/orders/*"\n{written}\n')
    if said:
        with pytest.raises(ConfigError, match=said):
            make(policy_file=file)
        return
    site = make(policy_file=file)
    assert statuses(site, "ab", site.mint("orders:read")) == [200, 429]


# At the same time


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["ann", "bob"])), max_size=60))
def test_as_many_are_inside_as_entered_and_did_not_leave(steps: list[tuple[bool, str]]) -> None:
    """Two places each, three for both; nothing is kept of who is not inside."""
    running, inside = Running(), {"ann": 0, "bob": 0}
    for entering, who in steps:
        asked = (((who,), 2), (("all",), 3))
        if entering:
            expected = inside[who] < 2 and sum(inside.values()) < 3
            assert running.enter(asked) is expected
            inside[who] += expected
        elif inside[who]:
            running.leave(asked)
            inside[who] -= 1
    assert len(running) == sum(count > 0 for count in inside.values()) + any(inside.values())


def flask_service(most: int, **more: Any) -> tuple[Any, threading.Event, threading.Semaphore]:
    app, go_on, inside = Flask("slow"), threading.Event(), threading.Semaphore(0)
    guard = flask_guard.Guard(app, **{**QUIET, **more})

    @app.get("/slow")
    @guard.require(limits="100 per minute")
    @guard.concurrent(most)
    def slow() -> str:
        inside.release()
        go_on.wait(10)
        return "done"

    return app, go_on, inside


def test_in_flask_a_caller_has_so_many_calls_at_once() -> None:
    """Two run, the third is 429 and costs nothing; when one has ended another may run. Another key has its own."""
    app, go_on, inside = flask_service(2)
    from ostiary.testing import mint

    ann, bob = mint(app), mint(app)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(call(app, ann).status_code)) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=10)
    refused = call(app, ann)
    assert (refused.status_code, refused.json["code"], refused.headers["Retry-After"]) == (429, "too_many_at_once", "1")
    other = threading.Thread(target=lambda: found.append(call(app, bob).status_code))
    other.start()
    assert inside.acquire(timeout=10)
    go_on.set()
    for thread in (*threads, other):
        thread.join(10)
    last = call(app, ann)
    assert found == [200, 200, 200]
    assert (last.status_code, last.headers["RateLimit"].split(";")[1]) == (200, "r=97")
    assert len(app.extensions["ostiary"].core.running) == 0
    app.extensions["ostiary"].core.close()


def call(app: Any, key: str) -> Any:
    with app.test_client().get("/slow", headers={"X-API-Key": key}) as reply:
        return reply


def test_in_fastapi_a_place_is_kept_until_the_answer_is_out() -> None:
    """A stream that still runs is a call that still runs; a client that goes away gives its place back."""
    app = FastAPI()
    guard = fastapi_guard.Guard(app, **QUIET, concurrent=1)
    seen: list[int] = []

    @app.get("/stream")
    @guard.public("news")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            seen.append(len(app.state.ostiary.core.running))
            yield b"a"
            seen.append(len(app.state.ostiary.core.running))
            raise ConnectionError("gone")

        return StreamingResponse(parts())

    with TestClient(app) as client:
        with pytest.raises(ConnectionError):
            client.get("/stream")
        assert seen == [1, 1]
        assert len(app.state.ostiary.core.running) == 0


# For how long


def timed(seconds: float, **more: Any) -> tuple[Any, list[str]]:
    app, ended = FastAPI(), []
    guard = fastapi_guard.Guard(app, **{**QUIET, **more})

    @app.get("/slow")
    @guard.public("why")
    @timeout(seconds)
    async def slow(late: float = 0.0) -> dict[str, bool]:
        try:
            await asyncio.sleep(late)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return {"ok": True}

    @app.get("/started")
    @guard.public("why")
    @timeout(seconds)
    async def started() -> StreamingResponse:
        async def parts() -> Any:
            yield b"a"
            await asyncio.sleep(60)

        return StreamingResponse(parts())

    return app, ended


def test_a_call_that_takes_too_long_is_ended() -> None:
    """503 with a problem document, the handler is cancelled, the event says why; one in time is let alone."""
    app, ended = timed(0.05)
    with TestClient(app) as client:
        assert client.get("/slow").status_code == 200
        reply = client.get("/slow?late=60")
        assert (reply.status_code, reply.json()["code"], ended) == (503, "timed_out", ["cancelled"])
        core = app.state.ostiary.core
        core.recorder.flush()
        assert [event.reason for event in core.recorder.store.recent()] == ["timeout", ""]


def test_an_answer_that_has_begun_is_broken_off() -> None:
    """Nothing can be taken back: the connection ends, so that no client takes a part for the whole."""
    app, _ = timed(0.05)
    with TestClient(app) as client, pytest.raises(TimeoutError):
        client.get("/started")


def test_in_monitor_mode_nothing_is_ended() -> None:
    """As everything there."""
    app, ended = timed(0.02, mode="monitor")
    with TestClient(app) as client:
        assert (client.get("/slow?late=0.1").status_code, ended) == (200, [])


def test_in_flask_a_time_out_is_the_server_s() -> None:
    """Nothing can end a thread: start-up says where to set it."""
    site = SITES["flask"](routes={"/undeclared": merged(require(), timeout(5))})
    with pytest.raises(UsageError, match="gunicorn --timeout"):
        list(installed(site).declared())
    site.close()
