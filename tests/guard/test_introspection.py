"""Opaque tokens, about which their issuer is asked (RFC 7662), over HTTP, in both frameworks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.authn.introspection import Introspection
from ostiary.wire.secret import Secret
from tests.guard.issuers import Issuer, issuing
from tests.guard.sites import Site

Make = Callable[..., Site]
ORDERS = "/api/v1/orders"
NOW = 1_800_000_000.0
AUDIENCE = "https://api.example.test"
GOOD: dict[str, Any] = {"active": True, "sub": "ann", "scope": "orders:read", "aud": AUDIENCE, "exp": NOW + 300}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        found.answers["/introspect"] = lambda form: json.dumps(GOOD if form["token"].startswith("good") else {"active": False})
        yield found


def guarded(make: Make, at: Issuer, **more: Any) -> Site:
    settings = {"client_id": "orders", "client_secret": Secret("S", "s3cret-of-this-api"), "audience": AUDIENCE, **more}
    return make(authenticators=[Introspection(at.url("/introspect"), **settings)], routes={"/undeclared": "open"})


def status(site: Site, text: str, **how: Any) -> int:
    return site.ask(ORDERS, headers={"Authorization": f"Bearer {text}"}, **how).status


def test_an_active_token_is_let_in(make: Make, issuer: Issuer) -> None:
    """As its subject, with its scopes; the issuer is asked with this API's own name, by POST, and once."""
    site = guarded(make, issuer)
    for _ in range(3):
        assert site.ask(ORDERS, headers={"Authorization": "Bearer good-1"}).json["who"] == "ann"
    assert status(site, "good-1", method="POST") == 403
    assert issuer.forms == [{"token": "good-1", "token_type_hint": "access_token"}]
    assert issuer.heads[0]["Authorization"].startswith("Basic ")


def test_an_inactive_token_is_refused_like_any_other(make: Make, issuer: Issuer) -> None:
    """401 with invalid_token; and it is asked about again, for only successes are remembered."""
    site = guarded(make, issuer)
    refused = site.ask(ORDERS, headers={"Authorization": "Bearer bad"})
    assert (refused.status, refused["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert status(site, "bad") == 401
    assert len(issuer.asked) == 2
    assert site.events()[-1].reason == "token_inactive"


def test_a_good_answer_is_believed_for_half_a_minute_and_never_past_the_end(make: Make, issuer: Issuer) -> None:
    """What the issuer took back meanwhile is noticed then."""
    site = guarded(make, issuer)
    assert status(site, "good") == 200
    issuer.answers["/introspect"] = json.dumps({"active": False})
    site.clock.now = NOW + 29.9
    assert status(site, "good") == 200
    site.clock.now = NOW + 30
    assert status(site, "good") == 401
    issuer.answers["/introspect"] = json.dumps({**GOOD, "exp": NOW + 35})
    assert status(site, "good") == 200
    site.clock.now = NOW + 35
    assert status(site, "good") == 401


WRONG: dict[str, dict[str, Any]] = {
    "token_audience": {"aud": "https://other.example"},
    "no audience": {"aud": None},
    "token_expired": {"exp": NOW},
    "token_not_yet": {"nbf": NOW + 1},
    "token_issuer": {"iss": "https://evil.example"},
    "odd exp": {"exp": "tomorrow"},
    "true exp": {"exp": True},
    "no subject": {"sub": None},
    "odd subject": {"sub": "a\nb"},
}


@pytest.mark.parametrize("why", WRONG)
def test_an_active_token_that_is_not_for_us(make: Make, issuer: Issuer, why: str) -> None:
    """Active for somebody else, or at another time."""
    issuer.answers["/introspect"] = json.dumps({name: value for name, value in {**GOOD, **WRONG[why]}.items() if value is not None})
    site = guarded(make, issuer, issuer="https://login.example.test")
    assert status(site, "good") == 401
    assert site.reached == []


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b""),
        (401, {}, b"{}"),
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"active":"true"}',
        b'{"active":1}',
        b'{"active":false,"active":true}',
    ],
    ids=str,
)
def test_what_is_no_answer_lets_nobody_in(make: Make, issuer: Issuer, answer: Any) -> None:
    """503, and for five seconds nobody waits for that issuer; keys of our own go on working."""
    issuer.answers["/introspect"] = answer
    site = guarded(make, issuer)
    assert [status(site, "good") for _ in range(3)] == [503] * 3
    assert len(issuer.asked) == 1
    assert site.ask(ORDERS, site.mint("orders:read")).status == 200
    issuer.answers["/introspect"] = json.dumps(GOOD)
    site.clock.now += 5
    assert status(site, "good") == 200


def test_keys_of_ours_and_endless_texts_are_shown_to_no_issuer(make: Make, issuer: Issuer) -> None:
    """A key is this service's secret."""
    site = guarded(make, issuer)
    key = site.mint("orders:read")
    site.keyring.revoke(key.rsplit("_", 1)[1][:12])
    assert status(site, key) == 401
    assert status(site, "x" * 5000) == 401
    assert issuer.asked == []


def test_a_flood_of_tokens_does_not_reach_the_issuer(make: Make, issuer: Issuer) -> None:
    """Twenty failures from an address, then five a second."""
    site = guarded(make, issuer)
    found = [status(site, f"bad-{number}") for number in range(60)]
    assert found == [401] * 20 + [429] * 40
    assert len(issuer.asked) == 25


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"url": "http://login.example.test/i"}, "https"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": "in clear"}, "client_secret"),
        ({"seconds": 301}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": "30"}, "seconds"),
        ({"name": "a b"}, "name"),
    ],
)
def test_settings_that_cannot_be_are_sentences(more: dict[str, Any], says: str) -> None:
    """At start-up, without the secret."""
    settings: dict[str, Any] = {"url": "https://x.example/i", "client_id": "a", "client_secret": Secret("S", "x" * 20), "audience": None}
    with pytest.raises(UsageError, match=says) as caught:
        Introspection(**{**settings, **more})
    assert "in clear" not in str(caught.value)
