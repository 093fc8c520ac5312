"""A key is exchanged for a token of minutes, in both frameworks; the token dies with the key, and verifies anywhere by what is published."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from ostiary.errors import UsageError
from ostiary.fastapi import Guard, require
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.tokens import Tokens
from ostiary.wire import jwks, token
from ostiary.wire.token import Expected
from tests.guard.sites import PEPPER, Reply, Site

Make = Callable[..., Site]
ORDERS = "/api/v1/orders"
API = "https://api.example.test"
MASTER = b"a master key that nobody else has, so"
NOW = 1_800_000_000.0
SAID = Tokens(issuer=API, audience=API)


def site_of(make: Make, store: str = "memory://", **more: Any) -> Site:
    return make(store, **{"tokens": SAID, "master_key": MASTER, **more})


def exchange(site: Site, key: str | None, basic: bool = False, **form: str) -> Reply:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if basic and key is not None:
        pair = f"{key_id(key)}:{key}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    body = urlencode({"grant_type": "client_credentials", **form}).encode()
    return site.ask("/oauth/token", None if basic else key, method="POST", headers=headers, body=body)


def key_id(key: str) -> str:
    return key.rsplit("_", 1)[1][:12]


def use(site: Site, text: str, **how: Any) -> Reply:
    return site.ask(ORDERS, headers={"Authorization": f"Bearer {text}"}, **how)


@pytest.mark.parametrize("basic", [False, True])
def test_a_key_becomes_a_token(make: Make, basic: bool) -> None:
    """By header or Basic; with the key's scopes, for fifteen minutes, not to be stored anywhere."""
    site = site_of(make)
    key = site.mint("orders:read", owner="ann")
    given = exchange(site, key, basic)
    assert given.status == 200
    assert {name: given.json[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "orders:read",
    }
    assert given["cache-control"] == "no-store"
    assert use(site, given.json["access_token"]).json["who"] == "ann"
    assert use(site, given.json["access_token"], method="POST").status == 403


def test_a_token_verifies_by_what_is_published(make: Make) -> None:
    """By anybody who knows RFC 7519, 7517 and 9068 and nothing of us."""
    site = site_of(make)
    key = site.mint("orders:*")
    text = exchange(site, key, scope="orders:read").json["access_token"]
    published = site.ask("/.well-known/jwks.json")
    assert published.status == 200
    assert all("d" not in one for one in published.json["keys"])
    expected = Expected(API, (API,), frozenset({"ES256"}), 0.0, "at+jwt")
    claims = token.verify(text, jwks.read_jwks(published.body, ["ES256"]), expected, NOW)
    assert (claims["client_id"], claims["scope"], claims["exp"]) == (key_id(key), "orders:read", NOW + 900)


def test_a_token_ends(make: Make) -> None:
    """After fifteen minutes (and what clocks may differ by), and never after its key."""
    site = site_of(make)
    text = exchange(site, site.mint("orders:read")).json["access_token"]
    short = exchange(site, site.mint("orders:read", expires=NOW + 60)).json
    assert short["expires_in"] == 60
    assert [use(site, one).status for one in (text, short["access_token"])] == [200, 200]
    site.clock.now = NOW + 60
    assert [use(site, one).status for one in (text, short["access_token"])] == [200, 401]
    site.clock.now = NOW + 905
    assert use(site, text).status == 401


def test_a_token_dies_with_its_key(make: Make, tmp_path: Path) -> None:
    """Revoked in one process, refused in the other at once, although it was good there a moment ago; a lost scope is lost."""
    url = f"sqlite:///{tmp_path / 'ostiary.db'}"
    first, second = site_of(make, url), site_of(make, url)
    key = first.mint("orders:read")
    text = exchange(first, key).json["access_token"]
    assert [use(site, text).status for site in (first, second)] == [200, 200]
    first.keyring.change(key_id(key), scopes=["other"])
    assert [use(site, text).status for site in (first, second)] == [403, 403]
    first.keyring.revoke(key_id(key))
    assert [use(site, text).status for site in (first, second)] == [401, 401]


def test_a_token_is_within_the_limits_and_networks_of_its_key(make: Make) -> None:
    """Key and token spend the same."""
    site = site_of(make)
    key = site.mint("orders:read", limits="3/minute", networks=["203.0.113.0/24"])
    text = exchange(site, key).json["access_token"]
    assert [use(site, text).status, site.ask(ORDERS, key).status, use(site, text).status] == [200, 200, 429]
    assert use(site, text, peer="198.51.100.1").status == 403


WRONG: list[tuple[dict[str, str], str]] = [
    ({"grant_type": "password"}, "unsupported_grant_type"),
    ({"grant_type": ""}, "invalid_request"),
    ({"scope": "orders:write"}, "invalid_scope"),
    ({"scope": "*"}, "invalid_scope"),
    ({"scope": "a::b"}, "invalid_scope"),
]


@pytest.mark.parametrize(("form", "error"), WRONG, ids=str)
def test_what_is_not_given(make: Make, form: dict[str, str], error: str) -> None:
    """400 with the codes of RFC 6749, 5.2, not to be stored either."""
    site = site_of(make)
    refused = exchange(site, site.mint("orders:read"), **form)
    assert (refused.status, refused.json["error"], refused["cache-control"]) == (400, error, "no-store")


def test_who_gets_none(make: Make) -> None:
    """Nobody without a key, with a bad key, with a publishable key, or with a token: no chain of tokens."""
    site = site_of(make)
    key = site.mint("orders:read")
    text = exchange(site, key).json["access_token"]
    assert exchange(site, None).status == 401
    assert exchange(site, key[:-1] + ("x" if key[-1] != "x" else "y")).status == 401
    page = site.mint("orders:read", kind="pk", origins=[API], limits="9/minute")
    assert exchange(site, page).status == 403
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {text}"}
    assert site.ask("/oauth/token", method="POST", headers=form, body=b"grant_type=client_credentials").status == 401
    assert site.ask("/oauth/token", key, method="POST", body=b'{"grant_type":"client_credentials"}').status == 400
    twice = {"Content-Type": "application/x-www-form-urlencoded"}
    assert site.ask("/oauth/token", key, method="POST", headers=twice, body=b"grant_type=client_credentials&scope=a&scope=b").status == 400
    assert site.ask("/oauth/token", key, method="POST", headers=twice, body=b"a=" + b"b" * 9000).status == 400


def test_signing_keys_are_sealed_and_shared(make: Make, tmp_path: Path) -> None:
    """One key for all workers; the database alone does not hold it, and with another master key nothing is signed or let in."""
    url = f"sqlite:///{tmp_path / 'ostiary.db'}"
    first, second = site_of(make, url), site_of(make, url)
    text = exchange(first, first.mint("orders:read")).json["access_token"]
    assert use(second, text).status == 200
    assert first.ask("/.well-known/jwks.json").json == second.ask("/.well-known/jwks.json").json
    (record,) = [one for one in first.keyring.list() if one.id == _header(text)["kid"]]
    assert record.sealed_under
    assert b"PRIVATE" not in record.material
    third = site_of(make, url, master_key=b"another master key, as long as it has to be")
    assert use(third, text).status == 503
    assert exchange(third, third.mint("orders:read")).status >= 500


def _header(text: str) -> dict[str, str]:
    part = text.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_signing_keys_rotate_with_overlap(make: Make) -> None:
    """The next one is published a period ahead, the last one for a period after; a token that was signed before goes on."""
    site = site_of(make)
    key = site.mint("orders:read")
    period = 30 * 86_400
    site.clock.now = (NOW // period + 1) * period - 60
    text = exchange(site, key).json["access_token"]
    ahead = {one["kid"] for one in site.ask("/.well-known/jwks.json").json["keys"]}
    site.clock.now += 120
    fresh = exchange(site, key).json["access_token"]
    assert _header(fresh)["kid"] != _header(text)["kid"]
    assert {_header(fresh)["kid"], _header(text)["kid"]} <= ahead
    assert use(site, text).status == 200
    assert _header(text)["kid"] in {one["kid"] for one in site.ask("/.well-known/jwks.json").json["keys"]}


def test_a_revoked_signing_key_is_replaced_at_once(make: Make) -> None:
    """What it signed is worth nothing, and it is not published any more."""
    site = site_of(make)
    key = site.mint("orders:read")
    text = exchange(site, key).json["access_token"]
    assert use(site, text).status == 200
    site.keyring.revoke(_header(text)["kid"])
    assert use(site, text).status == 401
    fresh = exchange(site, key).json["access_token"]
    assert use(site, fresh).status == 200
    assert _header(text)["kid"] not in {one["kid"] for one in site.ask("/.well-known/jwks.json").json["keys"]}


def test_forged_tokens(make: Make) -> None:
    """Another signature, another key's id, an API key's id as kid, no signature."""
    site = site_of(make)
    key = site.mint("orders:read")
    text = exchange(site, key).json["access_token"]
    head, body, mac = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def b64(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    wide = f"{head}.{b64({**claims, 'scope': '*'})}.{mac}"
    none = f"{b64({'alg': 'none', 'typ': 'at+jwt', 'kid': _header(text)['kid']})}.{body}."
    odd = f"{b64({**_header(text), 'kid': key_id(key)})}.{body}.{mac}"
    assert [use(site, one).status for one in (wide, none, odd)] == [401] * 3


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tokens": "yes"}, "Tokens"),
        ({"master_key": None}, "master key"),
        ({"keys": StaticKeys({"API_KEY": "a-key-of-the-environment"})}, "keys of a store"),
    ],
    ids=["words", "no master key", "static keys"],
)
def test_settings_that_cannot_be_are_sentences(make: Make, more: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At start-up."""
    monkeypatch.delenv("OSTIARY_MASTER_KEY", raising=False)
    with pytest.raises(UsageError, match=says):
        site_of(make, **more)


@pytest.mark.parametrize(
    "more", [{"seconds": 901}, {"seconds": 0}, {"seconds": "900"}, {"issuer": ""}, {"audience": None}, {"path": "token"}], ids=str
)
def test_tokens_that_cannot_be_are_sentences(more: dict[str, Any]) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match="tokens: "):
        Tokens(**{"issuer": API, "audience": API, **more})


def test_the_document_names_the_token_endpoint() -> None:
    """Swagger's *Authorize* asks there, with a key's id and the key, for the scopes that routes demand."""
    app = FastAPI()
    Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None, tokens=SAID, master_key=MASTER)
    app.get("/orders")(require("orders:read")(lambda: ""))
    document = app.openapi()
    flow = {"tokenUrl": "/oauth/token", "scopes": {"orders:read": ""}}
    assert document["components"]["securitySchemes"]["OAuth2"] == {"type": "oauth2", "flows": {"clientCredentials": flow}}
    assert {"OAuth2": ["orders:read"]} in document["paths"]["/orders"]["get"]["security"]
