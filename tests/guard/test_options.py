"""Settings of the guard that change who is let through, who is counted, and what is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.declaration import merged
from ostiary.guard.declare import limit, require
from tests.guard.sites import PEER, Site

Make = Callable[..., Site]
PLAIN = "http://api.example.test"


# AUTH-4: roles


def test_a_role_is_a_named_set_of_scopes(make: Make) -> None:
    """A key with ``role:clerk`` may what the clerk may, one with an unknown role nothing."""
    site = make(roles={"clerk": ["orders:read"]})
    clerk, stranger = site.mint("role:clerk"), site.mint("role:baron")
    asked = [(clerk, "GET"), (clerk, "POST"), (stranger, "GET")]
    assert [site.ask("/api/v1/orders", key, method=method).status for key, method in asked] == [200, 403, 403]


def test_a_role_with_a_scope_that_is_none_stops_the_start(make: Make) -> None:
    """The message quotes it."""
    with pytest.raises(UsageError, match="not a scope"):
        make(roles={"clerk": ["orders read"]})


# LIMIT-1: by plan, and at a cost


def test_a_limit_may_be_chosen_by_the_callers_plan(make: Make) -> None:
    """Each principal has the limit that the function gives for it; None is no limit."""
    plans = {"small": "1 per minute", "large": "2 per minute", "endless": None}
    chosen: Any = limit(lambda who: plans[who.attributes["plan"]])
    site = make(routes={"/undeclared": merged(require(), chosen)})
    keys = {plan: site.mint(metadata={"plan": plan}) for plan in plans}
    found = {plan: [site.ask("/undeclared", key).status for _ in range(3)] for plan, key in keys.items()}
    assert found == {"small": [200, 429, 429], "large": [200, 200, 429], "endless": [200, 200, 200]}


def test_a_plan_that_gives_no_limit_text_refuses(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A function that answers nonsense is a failure of the guard: 503, the reason in the log, the handler not reached."""
    site = make(routes={"/undeclared": merged(require(), limit(lambda who: "often"))})
    with caplog.at_level(logging.ERROR, "ostiary"):
        assert site.ask("/undeclared", site.mint()).status == 503
    assert "often" in caplog.text
    assert site.reached == []


def test_a_call_may_cost_more_than_one(make: Make) -> None:
    """By number, and by a function of the request: a search for five spends five."""
    by_number = limit("10 per minute", cost=5)
    by_function = limit("10 per minute", cost=lambda request: int(request.query.partition("n=")[2] or 1))
    first, second = (make(routes={"/undeclared": merged(require(), said)}) for said in (by_number, by_function))
    key = first.mint()
    assert [first.ask("/undeclared", key).status for _ in range(3)] == [200, 200, 429]
    key = second.mint()
    assert [second.ask(f"/undeclared?n={n}", key).status for n in (7, 4, 3, 1)] == [200, 429, 200, 429]


def test_routes_share_a_bucket_by_name(make: Make) -> None:
    """What one route spends is gone for the other."""
    shared = limit("2 per minute", bucket="searches")
    site = make(routes={"/undeclared": merged(require(), shared), "/outer/inner/open": merged(require(), shared)})
    key = site.mint()
    assert [site.ask(path, key).status for path in ("/undeclared", "/outer/inner/open", "/undeclared")] == [200, 200, 429]


def test_a_key_brings_limits_of_its_own(make: Make) -> None:
    """They hold over all routes together, beside the routes' own."""
    site = make()
    key = site.mint("orders:read", limits="3 per minute")
    assert [site.ask(path, key).status for path in ("/api/v1/orders", "/echo", "/echo", "/api/v1/orders")] == [200, 200, 200, 429]


def test_a_key_may_be_bound_to_networks(make: Make) -> None:
    """From elsewhere it is 403, and the event says why."""
    site = make()
    key = site.mint("orders:read", networks=["198.51.100.0/24"])
    assert [site.ask("/api/v1/orders", key, peer=peer).status for peer in ("198.51.100.9", PEER)] == [200, 403]
    assert site.events()[-1].reason == "key_network"


def test_a_route_may_be_bound_to_networks(make: Make) -> None:
    """The network is asked before the credential."""
    site = make()
    key = site.mint()
    assert [site.ask("/networks", sent, peer=peer).status for sent, peer in ((key, "198.51.100.9"), (key, PEER), (None, PEER))] == [
        200,
        403,
        403,
    ]


# NET-3: a key over plain HTTP


def test_a_good_key_in_clear_text_is_refused_and_marked(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """403, never a redirect; the key is marked as exposed and goes on working over HTTPS."""
    site = make()
    key = site.mint("orders:read")
    with caplog.at_level(logging.WARNING, "ostiary"):
        assert site.ask("/api/v1/orders", key, base=PLAIN, peer="8.8.8.8").code == "https_required"
    assert site.keyring.list()[0].exposed_where == "clear text"
    assert "rotate it" in caplog.text
    assert key not in caplog.text
    assert site.ask("/api/v1/orders", key, peer="8.8.8.8").status == 200


def test_a_wrong_key_in_clear_text_marks_nothing(make: Make) -> None:
    """A stranger cannot burn a key by sending its id."""
    from tests.guard.test_attacks import _with_other_secret

    site = make()
    key = _with_other_secret(site.mint("orders:read"))
    assert site.ask("/api/v1/orders", key, base=PLAIN, peer="8.8.8.8").status == 403
    assert site.keyring.list()[0].exposed is None


def test_behind_an_unknown_proxy_nothing_is_marked_and_the_log_says_what_to_set(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A private peer may be a proxy that ends TLS: refused, said once, not held against the key."""
    site = make()
    key = site.mint("orders:read")
    with caplog.at_level(logging.WARNING, "ostiary"):
        assert [site.ask("/api/v1/orders", key, base=PLAIN, peer="10.0.0.5").status for _ in range(2)] == [403, 403]
    assert site.keyring.list()[0].exposed is None
    assert caplog.text.count("proxies=1") == 1


# AUDIT-1: addresses


@pytest.mark.parametrize(
    ("how", "peer", "kept"),
    [("whole", PEER, PEER), ("truncated", PEER, "203.0.113.0/24"), ("truncated", "2001:db8:1:2::3", "2001:db8:1::/48")],
)
def test_addresses_are_kept_as_it_is_set(make: Make, how: str, peer: str, kept: str) -> None:
    """Whole, or cut to a network."""
    site = make(event_addresses=how)
    site.ask("/health", peer=peer)
    assert site.events()[-1].address == kept


def test_hashed_addresses_tell_callers_apart_and_nothing_else(make: Make) -> None:
    """The same caller has the same 16 digits, another other ones, and neither is its address."""
    site = make(event_addresses="hashed")
    for peer in (PEER, PEER, "198.51.100.9"):
        site.ask("/health", peer=peer)
    first, again, other = (event.address for event in site.events())
    assert first == again != other
    assert len(first) == 16
    assert "203" not in first or PEER not in first


@pytest.mark.parametrize(
    "settings",
    [
        {"event_addresses": "none"},
        {"mode": "watch"},
        {"https": "maybe"},
        {"proxies": -1},
        {"ipv6_prefix": 129},
        {"header": "X API Key"},
        {"hsts": -1},
        {"allow": ["10.0.0.0/33"]},
    ],
)
def test_a_setting_that_cannot_be_stops_the_start(make: Make, settings: dict[str, Any]) -> None:
    """UsageError that names the setting, not a request that fails."""
    with pytest.raises(UsageError):
        make(**settings)


def test_the_event_holds_what_is_left_of_the_tightest_limit(make: Make) -> None:
    """AUDIT-1: after the second of five calls three are left; where no limit was asked there is nothing."""
    site = make()
    for path in ("/public-limited", "/public-limited", "/health"):
        site.ask(path)
    assert [event.limit for event in site.events()] == ["4 of 5 per minute", "3 of 5 per minute", ""]


def test_the_worst_case_of_a_burst_is_said_at_start_up(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """LIMIT-3: ten a minute with a burst of three lets through twelve in some minute, said once."""
    site = make(routes={"/undeclared": merged(require(), limit("10 per minute burst 3"))})
    with caplog.at_level(logging.WARNING, "ostiary"):
        site.ask("/health")
        site.ask("/health")
    assert caplog.text.count("10 per minute burst 3 lets through at most 12 in some 60 seconds") == 1
