"""Signed requests whose nonces and limits stand in one Redis: asked for together, and never open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.guard.redis_server import RedisServer
from tests.guard.signing_sites import BODY, SITES, Client, credential, keyring
from tests.guard.sites import HTTPS, PEER, Site

Make = Callable[..., Site]


@pytest.fixture(params=sorted(SITES))
def make(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Make]:
    made: list[Site] = []

    def build(**more: Any) -> Site:
        made.append(SITES[request.param]("memory://", **{"counters": redis_server.url, **more}))
        return made[-1]

    yield build
    for site in made:
        site.close()


def client(site: Site, *scopes: str) -> Client:
    return Client(site, credential(site, scopes=scopes))


def send(site: Site, path: str, headers: Any) -> int:
    return site.send("POST", path, headers, HTTPS, PEER, BODY).status


def asked(server: RedisServer, calls: Callable[[], None]) -> list[str]:
    """The commands that clients sent meanwhile, without what scripts call inside of the server."""
    with server.client() as watching, server.client() as other, watching.monitor() as monitor:
        other.ping()
        calls()
        other.echo("over")
        seen: list[str] = []
        for one in monitor.listen():
            if one["command"] == "ECHO over":
                return seen
            if one["client_type"] != "lua" and one["command"] != "PING":
                seen.append(one["command"].split()[0])
    raise ConnectionError("the server ended")


def test_a_signed_and_limited_call_costs_one_round_trip(make: Make, redis_server: RedisServer) -> None:
    """Key in place, nonce and limits in one command; the call before it has made the connection and sent the script."""
    site = make()
    caller = client(site)
    statuses = [caller.ask("/limited", BODY).status]
    commands = asked(redis_server, lambda: statuses.append(caller.ask("/limited", BODY).status))
    assert (statuses, [one for one in commands if one not in ("HELLO", "CLIENT")]) == ([200, 200], ["EVALSHA"])


@pytest.mark.parametrize("path", ["/limited", "/signed"])
def test_a_request_is_taken_once_by_all_guards_together(make: Make, path: str) -> None:
    """The second time is 401, spends nothing of the limit, and counts as nobody's use of the key."""
    site = make()
    caller = client(site)
    headers = caller.headers("POST", path, BODY)
    found = [send(site, path, headers) for _ in range(3)]
    assert found == [200, 401, 401]
    assert [(event.reason, bool(event.key_id)) for event in site.events()] == [("", True)] + [("signature_replayed", False)] * 2
    if path == "/limited":
        assert [caller.ask(path, BODY).status for _ in range(3)] == [200, 200, 429]


def test_while_redis_is_away_nothing_signed_is_let_in(make: Make, tmp_path: Path) -> None:
    """Whatever the policy says of limits: a nonce that cannot be checked is none."""
    server = RedisServer(tmp_path)
    try:
        site = make(counters=server.url, on_outage="open")
        caller = client(site)
        assert caller.ask("/limited", BODY).status == 200
    finally:
        server.stop()
    assert [caller.ask(path, BODY).status for path in ("/limited", "/signed")] == [503, 503]
    assert site.reached == ["limited"]


def test_scopes_come_before_the_nonce(make: Make) -> None:
    """A call that is refused for its scope can be sent again once the key holds it, and then once."""
    site = make()
    caller = client(site)
    headers = caller.headers("POST", "/scoped", BODY)
    found = [send(site, "/scoped", headers)]
    keyring(site).change(caller.key.id, scopes=["orders:write"])
    found += [send(site, "/scoped", headers) for _ in range(2)]
    assert found == [403, 200, 401]
