"""An issuer's keys from its URL, over HTTP, in both frameworks; what tokens are tried on them (attack 14)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostiary.guard.ask import Fetch
from ostiary.guard.authn.jwt import Jwt
from tests.guard.issuers import Issuer, issuing
from tests.guard.sites import HTTPS, PEER, Site, _call, _scope, fastapi_site
from tests.wire.tokens import AUDIENCE, ISSUER, NOW, b64, jwk, jwks, pem, private, raw
from tests.wire.tokens import make as token

Make = Callable[..., Site]
ORDERS = "/api/v1/orders"
ONE, TWO = jwk(private("RS256"), kid="one"), jwk(private("RS256", 1), kid="two")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        found.answers["/jwks.json"] = jwks(ONE)
        yield found


def guarded(make: Make, at: Issuer, **more: Any) -> Site:
    settings = {"keys": at.url("/jwks.json"), "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["RS256"], **more}
    return make(authenticators=[Jwt(**settings)])


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def calls(site: Site, *texts: str) -> list[int]:
    return [site.ask(ORDERS, headers=bearer(text)).status for text in texts]


def test_keys_come_from_the_url(make: Make, issuer: Issuer) -> None:
    """Once, for many tokens."""
    site = guarded(make, issuer)
    assert calls(site, *(token(jti=str(number), header={"kid": "one"}) for number in range(5))) == [200] * 5
    assert issuer.asked == ["/jwks.json"]


def test_a_new_key_is_fetched_when_a_token_names_it(make: Make, issuer: Issuer) -> None:
    """The issuer rotates: half a minute after the last fetch its new key is good, and the old one no longer, when it was taken away."""
    site = guarded(make, issuer)
    old = token(exp=NOW + 900, header={"kid": "one"})
    new = token(exp=NOW + 900, header={"kid": "two"}, key=private("RS256", 1))
    assert calls(site, old) == [200]
    issuer.answers["/jwks.json"] = jwks(TWO)
    site.clock.now += 31
    assert calls(site, new, old) == [200, 401]
    assert len(issuer.asked) == 2


def test_unknown_kids_do_not_flood_the_issuer(make: Make, issuer: Issuer) -> None:
    """A hundred tokens that name keys which are not there cost it one request in half a minute; good tokens pass all the while."""
    site = guarded(make, issuer)
    good = token(exp=NOW + 900, header={"kid": "one"})
    assert calls(site, good) == [200]
    for second in range(61):
        site.clock.now = NOW + second
        site.ask(ORDERS, headers=bearer(token(exp=NOW + 900, header={"kid": f"nobody-{second}"})))
        if second % 20 == 0:
            assert calls(site, good) == [200]
    assert len(issuer.asked) <= 3


def test_tokens_of_nobody_reach_no_issuer(make: Make, issuer: Issuer) -> None:
    """What another issuer made, what is no token, and what an algorithm that is not allowed signed."""
    site = guarded(make, issuer)
    assert calls(site, token(iss="https://other.example"), "nonsense", "a.b.c", token("HS256"), token("ES256")) == [401] * 5
    assert issuer.asked == []


def test_an_outage_of_the_issuer_is_bridged(make: Make, issuer: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    """For a day the keys of yesterday do; after that nobody is let in, until they can be fetched."""
    site = guarded(make, issuer)
    text = token(exp=NOW + 999_999)
    assert calls(site, text) == [200]
    issuer.answers["/jwks.json"] = (500, {}, b"")
    with caplog.at_level(logging.WARNING, "ostiary"):
        for later in (700, 40_000, 86_399):
            site.clock.now = NOW + later
            assert calls(site, text) == [200]
        site.clock.now = NOW + 86_431
        assert calls(site, text) == [503]
    assert "no new keys" in caplog.text
    issuer.answers["/jwks.json"] = jwks(ONE)
    site.clock.now += 31
    assert calls(site, text) == [200]


def test_an_issuer_that_is_down_is_asked_once_in_half_a_minute(make: Make, issuer: Issuer) -> None:
    """And no caller waits for it in between."""
    issuer.answers.clear()
    site = guarded(make, issuer)
    assert calls(site, *(token(jti=str(number)) for number in range(5))) == [503] * 5
    assert issuer.asked == ["/jwks.json"]


def test_discovery(make: Make, issuer: Issuer) -> None:
    """Without ``keys`` the issuer says itself where they are."""
    name = issuer.url("/")
    issuer.answers["/.well-known/openid-configuration"] = json.dumps({"issuer": name, "jwks_uri": issuer.url("/jwks.json")})
    site = guarded(make, issuer, keys=None, issuer=name)
    assert calls(site, token(iss=name)) == [200]
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks.json"]


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://evil.example", "jwks_uri": "{jwks}"},
        {"jwks_uri": "{jwks}"},
        {"issuer": "{issuer}", "jwks_uri": "http://evil.example/jwks.json"},
        {"issuer": "{issuer}", "jwks_uri": "file:///etc/keys"},
        {"issuer": "{issuer}"},
        ["{issuer}"],
    ],
    ids=str,
)
def test_a_discovery_document_that_is_about_something_else_is_no_use(make: Make, issuer: Issuer, said: Any) -> None:
    """OpenID Connect Discovery 1.0, 4.3: the issuer must be the one that was asked."""
    name = issuer.url("/")
    text = json.dumps(said).replace("{issuer}", name).replace("{jwks}", issuer.url("/jwks.json"))
    issuer.answers["/.well-known/openid-configuration"] = text
    assert calls(guarded(make, issuer, keys=None, issuer=name), token(iss=name)) == [503]
    assert issuer.asked == ["/.well-known/openid-configuration"]


def test_the_event_loop_runs_on_while_keys_are_fetched(issuer: Issuer) -> None:
    """Ten calls wait for one request; another route answers meanwhile."""
    site = fastapi_site(
        authenticators=[Jwt(keys=issuer.url("/jwks.json"), issuer=ISSUER, audience=AUDIENCE, algorithms=["RS256"])],
    )
    issuer.open.clear()

    def call(path: str, text: str = "") -> Any:
        headers = [("Authorization", f"Bearer {text}")] if text else []
        return _call(site.app, _scope("GET", path, headers, HTTPS, PEER), b"")

    async def everybody() -> tuple[int, list[int]]:
        waiting = [asyncio.create_task(call(ORDERS, token(jti=str(number)))) for number in range(10)]
        while not issuer.asked:
            await asyncio.sleep(0.005)
        meanwhile = (await call("/health")).status
        assert not any(task.done() for task in waiting)
        issuer.open.set()
        return meanwhile, [reply.status for reply in await asyncio.gather(*waiting)]

    began = time.monotonic()
    assert site.runner is not None
    assert site.runner.run(everybody()) == (200, [200] * 10)
    assert time.monotonic() - began < 4
    assert issuer.asked == ["/jwks.json"]
    site.close()


EVIL = private("RS256", 7)
HMAC_WITH_PUBLIC = {
    "the PEM": pem(private("RS256")).encode(),
    "the modulus": ONE["n"].encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("secret", HMAC_WITH_PUBLIC)
def test_attack_14_a_public_key_is_no_secret(make: Make, issuer: Issuer, secret: str) -> None:
    """HS256 under what everybody can read: the algorithm is bound to the key."""
    text = token("HS256", key=HMAC_WITH_PUBLIC[secret] or b"\0", header={"kid": "one"})
    assert calls(guarded(make, issuer), text) == [401]


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "RS256\0", "rs256"])
def test_attack_14_a_token_without_signature(make: Make, issuer: Issuer, alg: str) -> None:
    """In whatever case it is written."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": NOW + 300, "scope": "orders:read"}
    parts = b64(json.dumps({"alg": alg, "kid": "one"}).encode()), b64(json.dumps(claims).encode())
    site = guarded(make, issuer)
    assert calls(site, ".".join((*parts, "")), ".".join((*parts, b64(b"x" * 256)))) == [401, 401]
    assert site.reached == []


TRICKS: dict[str, Callable[[Issuer], dict[str, Any]]] = {
    "jku": lambda issuer: {"jku": issuer.url("/evil.json")},
    "x5u": lambda issuer: {"x5u": issuer.url("/evil.pem")},
    "jwk": lambda _: {"jwk": jwk(EVIL)},
    "x5c": lambda _: {"x5c": ["MIIB"]},
    "crit": lambda _: {"crit": ["exp"]},
    "b64": lambda _: {"b64": False, "crit": ["b64"]},
    "kid as a path": lambda _: {"kid": "../../../../dev/null"},
    "kid as a query": lambda _: {"kid": "one' OR '1'='1"},
    "kid as a URL": lambda issuer: {"kid": issuer.url("/evil.json")},
    "kid as a list": lambda _: {"kid": ["one"]},
    "kid of nobody": lambda _: {"kid": ""},
}


@pytest.mark.parametrize("trick", TRICKS)
def test_attack_14_a_token_chooses_no_key(make: Make, issuer: Issuer, trick: str) -> None:
    """What is in its header is looked up in the issuer's set and nowhere else: nothing else is ever fetched."""
    issuer.answers["/evil.json"] = jwks(jwk(EVIL, kid="one"))
    site = guarded(make, issuer)
    header = {"kid": "one", **TRICKS[trick](issuer)}
    assert calls(site, token(key=EVIL, header=header)) == [401]
    assert set(issuer.asked) <= {"/jwks.json"}
    assert site.reached == []


def test_attack_14_a_claim_twice(make: Make, issuer: Issuer) -> None:
    """Two readers may believe two different ones: refused, although the signature is good."""
    claims = f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"user-1","sub":"admin","exp":{NOW + 300}}}'
    assert calls(guarded(make, issuer), raw('{"alg":"RS256","kid":"one"}', claims, "RS256", private("RS256"))) == [401]


def test_what_is_asked_shows_no_token() -> None:
    """An ask may stand in a traceback."""
    assert repr(Fetch("https://login.example.test/i", (("token", "abc"),))) == "Fetch('https://login.example.test/i')"
