"""The store of counters is out: what the policy says happens, the event and the log say so, and it ends without a restart."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import ConfigError, UsageError
from ostiary.fastapi import limit, public, require
from ostiary.guard.outages import Outages
from ostiary.guard.stores.base import Charge, StoreDown
from ostiary.model.limit import Limit, calendar, gcra
from ostiary.model.policyfile import parse
from ostiary.wire import problem
from tests.guard.proxy import Proxy
from tests.guard.redis_server import RedisServer

NOW = 1_800_000_000.0
LIMITED = "/public-limited"  # five per minute by address


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    with Proxy(redis_server.port) as found:
        yield found


def url_of(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}"


def out(proxy: Proxy, site: Any) -> None:
    """The network is cut, and the guard has noticed."""
    proxy.refuse()
    site.ask("/nowhere")


def statuses(site: Any, path: str, count: int, *key: str) -> list[int]:
    return [site.ask(path, *key).status for _ in range(count)]


def test_closed_is_the_default(make: Any, proxy: Proxy) -> None:
    """503 for every call that has a limit; the handler is not reached, the event says store_down; afterwards all is as before."""
    site = make(counters=url_of(proxy))
    key = site.mint()
    assert statuses(site, LIMITED, 2) == [200, 200]
    reached = len(site.reached)
    proxy.refuse()
    assert statuses(site, LIMITED, 5) == [503] * 5
    assert statuses(site, "/api/v1/limited", 2, key) == [503, 503]
    assert len(site.reached) == reached
    assert {(event.status, event.reason, event.verdict) for event in site.events()[-7:]} == {(503, "store_down", "deny")}
    proxy.heal()
    recovered(site)
    assert statuses(site, LIMITED, 4) == [200, 200, 200, 429]


def recovered(site: Any) -> None:
    """The breaker of the store lets a call through after a second; here its clock goes forward at once."""
    breaker = site.core.counters._server._breaker("")
    breaker._until = 0.0


def test_open_lets_pass_uncounted(make: Any, proxy: Proxy) -> None:
    """Limits alone are open: who has no key is refused as ever. The event of a call that passed says store_down."""
    site = make(counters=url_of(proxy), on_outage="open")
    key = site.mint()
    out(proxy, site)
    assert statuses(site, LIMITED, 9) == [200] * 9
    assert statuses(site, "/api/v1/limited", 9, key) == [200] * 9
    assert {(event.reason, event.verdict) for event in site.events()[-18:]} == {("store_down", "allow")}
    assert statuses(site, "/api/v1/limited", 2) == [401, 401]
    assert statuses(site, "/api/v1/limited", 2, "ost_live_sk_" + "a" * 40) == [401, 401]
    proxy.heal()
    recovered(site)
    assert statuses(site, LIMITED, 6) == [200] * 5 + [429]


def test_a_share_is_counted_here(make: Any, proxy: Proxy) -> None:
    """Two workers and five per minute: each admits two, together no more than the limit; a refusal is a 429 that says why."""
    sites = [make(counters=url_of(proxy), on_outage="share", workers=2) for _ in range(2)]
    for site in sites:
        out(proxy, site)
    answers = [statuses(site, LIMITED, 4) for site in sites]
    assert answers == [[200, 200, 429, 429]] * 2
    refused = sites[0].events()[-1]
    assert (refused.reason, refused.verdict) == ("store_down:rate_limit", "deny")
    assert int(sites[0].ask(LIMITED)["retry-after"]) > 0
    proxy.heal()
    for site in sites:
        recovered(site)
    assert sum(status == 200 for site in sites for status in statuses(site, LIMITED, 5)) == 5


def test_a_share_goes_on_over_several_outages(make: Any, proxy: Proxy) -> None:
    """A store that comes and goes gives nobody a new share each time: with what it admits itself, at most twice the limit."""
    site = make(counters=url_of(proxy), on_outage="share", workers=1)
    passed = 0
    for _ in range(4):
        out(proxy, site)
        passed += statuses(site, LIMITED, 6).count(200)
        proxy.heal()
        recovered(site)
        passed += statuses(site, LIMITED, 6).count(200)
    assert passed == 10


def test_keys_that_cannot_be_read_are_never_open(make: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only limits are: who cannot be known is refused, whatever the policy says."""
    site = make(counters=url_of(proxy), on_outage="open")
    key = site.mint()

    def gone(_: str) -> None:
        raise StoreDown("the disk is gone")

    monkeypatch.setattr(site.core.key_store, "find", gone)
    out(proxy, site)
    assert statuses(site, "/api/v1/limited", 2, key) == [503, 503]
    assert site.events()[-1].reason == "store_down"


def test_each_route_as_it_says(make: Any, proxy: Proxy) -> None:
    """The route's own word counts before the guard's."""
    site = make(counters=url_of(proxy), on_outage="open", routes={LIMITED: public("a test", limits="5 per minute", on_outage="closed")})
    compiled = site.core.policies.compile("GET", LIMITED, None)
    assert compiled.on_outage == "closed"
    assert site.core.policies.compile("GET", "/x", limit("5 per minute", on_outage="closed")).on_outage == "closed"
    assert site.core.policies.compile("GET", "/x", require("a")).on_outage == "open"
    assert site.core.policies.unmatched.on_outage == "open"


def test_it_is_said_once_a_minute_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The first call of an outage, and then a line a minute with how many there were."""
    moments = iter([0.0, 1.0, 59.0, 60.0, 61.0])
    outages = Outages("closed", monotonic=lambda: next(moments))
    with caplog.at_level(logging.WARNING, "ostiary"):
        denied = [outages.refused(StoreDown("redis does not answer")) for _ in range(5)]
    assert {(one.problem, one.reason) for one in denied} == {(problem.UNAVAILABLE, "store_down")}
    assert [record.getMessage() for record in caplog.records] == [
        "a store does not answer (redis does not answer); calls so far: 1 refused",
        "a store does not answer (redis does not answer); calls so far: 4 refused",
    ]
    assert outages.calls == {"closed": 5}


def test_full_memory_is_an_outage_too(make: Any) -> None:
    """Counters of the process that are full of callers at their limits: refused, or as the policy says."""
    for choice, status in (("closed", 503), ("open", 200)):
        site = make(on_outage=choice)
        site.core.counters._maximum = 1
        site.core.counters.spend([Charge(("full",), Limit(1, 3600))], site.clock())
        assert site.ask(LIMITED).status == status


class Calling:
    """A request on a route that chose ``share``."""

    class compiled:
        on_outage = "share"

    reason = ""


@pytest.mark.parametrize("one", [Limit(8, 60), Limit(100, 60), gcra("100 per minute", 10), calendar(100, "day")])
def test_shares_add_up_to_no_more_than_the_limit(one: Limit) -> None:
    """Of three workers, each hammered: in all at most what the limit lets through at once."""
    passed = 0
    for _ in range(3):
        outages = Outages("share", 3)
        charge = (Charge(("r",), one),)
        for _ in range(120):
            spent = outages.instead(Calling(), charge, NOW, StoreDown("gone"))  # type: ignore[arg-type]
            passed += spent is not None and spent.allowed
    most = one.burst or one.count
    assert most - 2 <= passed <= most


def test_a_limit_smaller_than_the_workers_is_closed() -> None:
    """Two per minute among three workers is nobody's: the call is refused, not rounded up."""
    outages = Outages("share", 3)
    with pytest.raises(StoreDown, match="no share for each of 3 workers"):
        outages.instead(Calling(), (Charge(("r",), Limit(2, 60)),), NOW, StoreDown("gone"))  # type: ignore[arg-type]


def test_a_call_of_no_route_is_closed() -> None:
    """Where nobody said anything the outage goes on as one."""

    class Nowhere:
        compiled, reason = None, ""

    with pytest.raises(StoreDown, match="gone"):
        Outages("open").instead(Nowhere(), (), NOW, StoreDown("gone"))  # type: ignore[arg-type]


@pytest.mark.parametrize("said", ["Open", "", "shared", True, 1])
def test_a_choice_that_is_none(make: Any, said: Any) -> None:
    """In a guard, in code and in a file: said at start-up, with what to write."""
    for wrong in (lambda: make(on_outage=said), lambda: require(on_outage=said), lambda: limit("5/minute", on_outage=said)):
        with pytest.raises(UsageError, match="closed, open or share"):
            wrong()


def test_a_share_needs_the_number_of_workers(make: Any) -> None:
    """A share of nobody knows how many is no start; a number that is none neither."""
    with pytest.raises(UsageError, match="workers"):
        make(on_outage="share")
    for number in (0, -1, True, "4"):
        with pytest.raises(UsageError, match="how many processes"):
            make(on_outage="share", workers=number)
    site = make()
    with pytest.raises(UsageError, match=r"GET /x: on_outage='share' divides"):
        site.core.policies.compile("GET", "/x", limit("5 per minute", on_outage="share"))


def test_in_a_policy_file(tmp_path: Path) -> None:
    """``on-outage`` in a table; what is none is told with its place."""
    (one,) = parse('[[policy]]\npath = "/x"\nlimits = "5/minute"\non-outage = "share"\n', "ostiary.toml")
    assert one.policy.on_outage == "share"
    with pytest.raises(ConfigError, match=r"ostiary\.toml:3: on_outage: closed, open or share, not 'ajar'"):
        parse('[[policy]]\npath = "/x"\non-outage = "ajar"\n', "ostiary.toml")
