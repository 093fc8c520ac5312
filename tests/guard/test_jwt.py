"""Tokens of an issuer as credentials, in both frameworks, beside API keys; and where their keys come from."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.ask import Fetch, run
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.jwt import Jwt
from ostiary.guard.authn.proved import SIZE
from ostiary.guard.decision import Principal
from ostiary.guard.stores.base import StoreDown
from ostiary.wire.refresh import Pace
from ostiary.wire.secret import Secret
from tests.guard.sites import Site
from tests.wire.tokens import AUDIENCE, ISSUER, NOW, SECRET, jwk, jwks, pem, private
from tests.wire.tokens import make as token

URL = "https://login.example.test/jwks.json"
SET = jwks(jwk(private("RS256"), kid="one"))
NEXT = jwks(jwk(private("RS256"), kid="one"), jwk(private("RS256", 1), kid="two"))
Make = Callable[..., Site]


def accepts(**more: Any) -> Jwt:
    settings: dict[str, Any] = {"keys": pem(private("RS256")), "issuer": ISSUER, "audience": AUDIENCE, "algorithms": ["RS256"]}
    return Jwt(**{**settings, **more})


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_token_is_let_in_as_its_subject(make: Make) -> None:
    """With the scopes it holds, and no further."""
    site = make(authenticators=[accepts()])
    assert site.ask("/api/v1/orders", headers=bearer(token())).json == {"at": "orders", "who": "user-1"}
    refused = site.ask("/api/v1/orders", method="POST", headers=bearer(token()))
    assert (refused.status, refused.code) == (403, "insufficient_scope")
    assert site.reached == ["orders"]


BAD = {
    "expired": {"exp": NOW - 60},
    "jwt_issuer": {"iss": "https://elsewhere.example"},
    "audience": {"aud": "https://elsewhere.example"},
    "endless": {"exp": None},
    "early": {"nbf": NOW + 60},
    "nobody": {"sub": None},
    "signature": {"key": private("RS256", 1)},
    "header": {"header": {"jku": "https://evil.example"}},
    "odd subject": {"sub": "a\nb"},
    "long subject": {"sub": "a" * 257},
    "no text": {"sub": 5},
}


@pytest.mark.parametrize("why", BAD)
def test_a_token_that_is_refused_looks_like_any_other(make: Make, why: str) -> None:
    """401 with the same status, body and header names as for a key that nobody knows; the record has the reason."""
    site = make(authenticators=[accepts()])
    unknown = site.ask("/api/v1/orders", headers=bearer("nobody-knows-this-key"))
    refused = site.ask("/api/v1/orders", headers=bearer(token(**BAD[why])))
    assert (refused.status, refused.names) == (401, unknown.names)
    assert {**refused.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert site.reached == []
    assert site.events()[-1].reason.startswith("jwt_") is (why != "jwt_issuer")


def test_a_token_is_nothing_to_a_guard_without_jwt(make: Make) -> None:
    """401, as for any text."""
    site = make()
    assert site.ask("/api/v1/orders", headers=bearer(token())).status == 401
    assert site.reached == []


def test_a_key_on_the_same_route_works(make: Make) -> None:
    """Any-of: whichever of the two a caller has. Both at once are one too many."""
    site = make(authenticators=[accepts()])
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key).status == 200
    assert site.ask("/api/v1/orders", headers=bearer(key)).status == 200
    assert site.ask("/api/v1/orders", headers=bearer(token())).status == 200
    assert site.ask("/api/v1/orders", key, headers=bearer(token())).status == 400


def test_a_token_is_refused_from_the_second_it_ends(make: Make) -> None:
    """Also one that was believed a moment ago; and the subject's limit counts all of its tokens."""
    site = make(authenticators=[accepts(leeway=0)])
    text = token(exp=NOW + 10)
    assert site.ask("/api/v1/orders", headers=bearer(text)).status == 200
    site.clock.now = NOW + 9.9
    assert site.ask("/api/v1/orders", headers=bearer(text)).status == 200
    site.clock.now = NOW + 10
    assert site.ask("/api/v1/orders", headers=bearer(text)).status == 401


def test_limits_are_by_subject(make: Make) -> None:
    """A new token of the same subject has no new limit; another subject has its own."""
    site = make(authenticators=[accepts()])
    answers = [site.ask("/api/v1/limited", headers=bearer(token(jti=str(number)))).status for number in range(6)]
    assert answers == [200] * 5 + [429]
    assert site.ask("/api/v1/limited", headers=bearer(token(sub="user-2"))).status == 200


def test_without_the_issuers_keys_nobody_is_let_in(make: Make) -> None:
    """503: it cannot be told whether the token is good. Keys of our own go on working."""
    site = make(authenticators=[accepts(keys="http://127.0.0.1:1/jwks.json")])
    assert site.ask("/api/v1/orders", headers=bearer(token())).status == 503
    assert site.ask("/api/v1/orders", site.mint("orders:read")).status == 200


class Issuer:
    """Answers what a flow asks, as the world would, and counts."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.asked: list[str] = []

    def __call__(self, ask: Any) -> Any:
        assert isinstance(ask, Fetch)
        self.asked.append(ask.url)
        if self.document is None:
            raise StoreDown("not to be had")
        return self.document

    def verify(self, jwt: Jwt, text: str, now: float = NOW) -> Answer:
        return jwt.known(text, now) or run(jwt.verify(text, now), self)


def refused(reason: str) -> Refusal:
    return Refusal(f"jwt_{reason}")


def test_keys_are_fetched_once() -> None:
    """For the first token, and then not for ten minutes."""
    issuer, jwt = Issuer(SET.encode()), accepts(keys=URL)
    for second in range(0, 600, 50):
        assert isinstance(issuer.verify(jwt, token(exp=NOW + 900, header={"kid": "one"}), NOW + second), Principal)
    assert issuer.asked == [URL]
    issuer.verify(jwt, token(exp=NOW + 900, header={"kid": "one"}), NOW + 600)
    assert issuer.asked == [URL, URL]


def test_while_one_fetches_the_others_use_what_there_is() -> None:
    """Keys that are due are asked for by one call; nobody waits for it."""
    issuer, jwt = Issuer(SET), accepts(keys=URL)
    text = token(exp=NOW + 900, header={"kid": "one"})
    issuer.verify(jwt, text)
    fetching = jwt.verify(text, NOW + 600)
    assert next(fetching) == Fetch(URL)
    assert isinstance(issuer.verify(jwt, text, NOW + 601), Principal)
    assert issuer.asked == [URL]
    with pytest.raises(StopIteration) as done:
        fetching.send(NEXT)
    assert isinstance(done.value.value, Principal)
    assert isinstance(issuer.verify(jwt, token(key=private("RS256", 1), header={"kid": "two"}), NOW + 1), Principal)


def test_an_issuer_changes_its_key() -> None:
    """A token of the new key is good as soon as the set has it, half a minute after the last look at the latest."""
    issuer, jwt = Issuer(SET), accepts(keys=URL)
    new = token(key=private("RS256", 1), header={"kid": "two"})
    assert issuer.verify(jwt, new) == refused("key_unknown")
    issuer.document = NEXT
    assert issuer.verify(jwt, new, NOW + 29) == refused("key_unknown")
    assert isinstance(issuer.verify(jwt, new, NOW + 30), Principal)
    assert len(issuer.asked) == 2


def test_a_key_that_was_withdrawn_is_forgotten_with_what_it_proved() -> None:
    """Also a token from the cache, once the new set is here."""
    issuer, jwt = Issuer(SET), accepts(keys=URL, pace=Pace(every=10))
    text = token(header={"kid": "one"})
    assert isinstance(issuer.verify(jwt, text), Principal)
    issuer.document = jwks(jwk(private("RS256", 1), kid="two"))
    assert jwt.known(text, NOW + 10) is not None
    assert isinstance(issuer.verify(jwt, token(key=private("RS256", 1), header={"kid": "two"}), NOW + 30), Principal)
    assert jwt.known(text, NOW + 29) is None
    assert issuer.verify(jwt, text, NOW + 31) == refused("key_unknown")


def test_unknown_ids_do_not_flood_the_issuer() -> None:
    """A thousand tokens with ids of their own make one fetch; tokens that cannot be ours, of another issuer, type or algorithm, none."""
    issuer, jwt = Issuer(SET), accepts(keys=URL)
    assert issuer.verify(jwt, token(iss="https://elsewhere.example", header={"kid": "x"})) is None
    assert issuer.verify(jwt, token("ES256", header={"kid": "x"})) == refused("algorithm")
    assert issuer.verify(jwt, "a.b.c") is None
    assert issuer.asked == []
    for number in range(1000):
        assert issuer.verify(jwt, token(header={"kid": str(number)}, key=private("RS256", 1)), NOW + number / 100) == refused("key_unknown")
    assert len(issuer.asked) == 1
    assert isinstance(issuer.verify(jwt, token(header={"kid": "one"})), Principal)


@pytest.mark.parametrize("answer", [None, b"<html>maintenance</html>", '{"keys":[]}', b""])
def test_an_outage_of_the_issuer_is_bridged(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Yesterday's keys serve for a day; a page that is no set does not replace them; it is said in the log; then the guard is closed."""
    issuer, jwt = Issuer(SET), accepts(keys=URL)
    text = token(exp=NOW + 100_000, header={"kid": "one"})
    issuer.verify(jwt, text)
    issuer.document = answer
    with caplog.at_level(logging.WARNING, "ostiary"):
        assert isinstance(issuer.verify(jwt, text, NOW + 3600), Principal)
    assert "no new keys" in caplog.text
    assert isinstance(issuer.verify(jwt, text, NOW + 86_399), Principal)
    with pytest.raises(StoreDown, match="no keys"):
        issuer.verify(jwt, text, NOW + 86_430)
    issuer.document = SET
    assert isinstance(issuer.verify(jwt, text, NOW + 86_500), Principal)


def test_an_issuer_that_is_down_at_the_start_is_asked_once_in_a_pause() -> None:
    """And never sleeps in a request for it twice."""
    issuer, jwt = Issuer(None), accepts(keys=URL)
    for second in (0, 1, 29):
        with pytest.raises(StoreDown):
            issuer.verify(jwt, token(), NOW + second)
    assert len(issuer.asked) == 1


def test_what_is_proved_is_remembered_for_half_a_minute_at_most() -> None:
    """And never beyond the token's own end; the memory for it is bounded."""
    jwt, issuer = accepts(leeway=0), Issuer(None)
    issuer.verify(jwt, token(exp=NOW + 100))
    assert jwt.known(token(exp=NOW + 100), NOW + 29.9) is not None
    assert jwt.known(token(exp=NOW + 100), NOW + 30) is None
    issuer.verify(jwt, token(exp=NOW + 5))
    assert jwt.known(token(exp=NOW + 5), NOW + 4.9) is not None
    assert jwt.known(token(exp=NOW + 5), NOW + 5) is None
    assert jwt.known(token(), NOW) is None
    shared = Jwt(keys=Secret("S", SECRET.decode()), issuer=ISSUER, audience=AUDIENCE, algorithms="HS256")
    for number in range(SIZE + 50):
        issuer.verify(shared, token("HS256", jti=number))
    assert len(shared._proved.held) == SIZE


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "a:read b:*"}, ("a:read", "b:*")),
        ({"scope": None, "scp": "a b"}, ("a", "b")),
        ({"scope": None, "scp": ["a", "b"]}, ("a", "b")),
        ({"scope": "a", "scp": ["b"]}, ("a",)),
        ({"scope": None}, ()),
        ({"scope": ""}, ()),
        ({"scope": 5}, ()),
        ({"scope": ["a", 5, "a b"]}, ("a",)),
        ({"scope": 'openid a:: https://x/y "q'}, ("openid", "https://x/y")),
    ],
    ids=str,
)
def test_scopes(claims: dict[str, Any], scopes: tuple[str, ...]) -> None:
    """``scope`` as a text, else ``scp`` as a text or list; what is none of ours grants nothing."""
    found = Issuer(None).verify(accepts(), token(**claims))
    assert isinstance(found, Principal)
    assert found.scopes == scopes


def test_a_client_speaks_for_itself() -> None:
    """Without a ``sub`` the ``client_id`` is the subject; the claims are at hand, and cannot be changed."""
    found = Issuer(None).verify(accepts(name="partners"), token(sub=None, client_id="robot", plan="gold"))
    assert isinstance(found, Principal)
    assert (found.subject, found.scheme, found.key_id, found.attributes["plan"]) == ("robot", "partners", "", "gold")
    with pytest.raises(TypeError):
        found.attributes["plan"] = "free"  # type: ignore[index]


def test_two_issuers(make: Make) -> None:
    """Each knows its own; a subject of one is not the subject of the other to a limit."""
    other = accepts(issuer="https://other.example", keys=pem(private("RS256", 1)), name="other")
    site = make(authenticators=[accepts(), other])
    theirs = {"iss": "https://other.example", "key": private("RS256", 1)}
    assert site.ask("/api/v1/orders", headers=bearer(token(**theirs))).status == 200
    assert site.ask("/api/v1/orders", headers=bearer(token(iss="https://other.example"))).status == 401
    assert site.ask("/api/v1/orders", headers=bearer(token(key=private("RS256", 1)))).status == 401
    for _ in range(5):
        site.ask("/api/v1/limited", headers=bearer(token()))
    assert site.ask("/api/v1/limited", headers=bearer(token())).status == 429
    assert site.ask("/api/v1/limited", headers=bearer(token(**theirs))).status == 200


def test_keys_from_files(tmp_path: Path) -> None:
    """A set, one key, PEM; by path or text; a shared secret."""
    (tmp_path / "set.json").write_text(SET)
    (tmp_path / "key.pem").write_text(pem(private("RS256")))
    one = json.dumps(jwk(private("RS256")))
    for keys in (tmp_path / "set.json", str(tmp_path / "key.pem"), SET, one, pem(private("RS256"))):
        assert isinstance(Issuer(None).verify(accepts(keys=keys), token(header={"kid": "one"})), Principal)
    shared = accepts(keys=Secret("S", SECRET.decode()), algorithms=["HS256"])
    assert isinstance(Issuer(None).verify(shared, token("HS256")), Principal)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"keys": "http://login.example.test/jwks"}, "https"),
    ({"keys": "https://user:pass@login.example.test/jwks"}, "https"),
    ({"keys": "ftp://x/y"}, "https"),
    ({"keys": "ftp://localhost/y"}, "https"),
    ({"keys": "https://"}, "https"),
    ({"keys": "no/such/file.pem"}, r"no/such/file\.pem"),
    ({"keys": "a\0b"}, "keys"),
    ({"keys": ""}, "keys"),
    ({"keys": None, "issuer": None}, "only an issuer"),
    ({"keys": None, "issuer": "http://login.example.test"}, "https"),
    ({"keys": 5}, "keys"),
    ({"keys": "/"}, "keys"),
    ({"keys": "{}"}, "keys"),
    ({"keys": "-----BEGIN PUBLIC KEY-----"}, "keys"),
    ({"keys": Secret("S", "x" * 40)}, "secret is for"),
    ({"keys": Secret("S", "x" * 31), "algorithms": ["HS256"]}, "31 bytes"),
    ({"algorithms": ["HS256"]}, r'secret\("NAME"\)'),
    ({"algorithms": ["RS256", "HS256"], "keys": URL}, r'secret\("NAME"\)'),
    ({"algorithms": ["ES256"]}, "no key"),
    ({"algorithms": []}, "algorithms"),
    ({"algorithms": None}, "algorithms"),
    ({"issuer": ""}, "issuer"),
    ({"audience": []}, "audience"),
    ({"audience": 5}, "audience"),
    ({"leeway": 3600}, "leeway"),
    ({"leeway": "30"}, "leeway"),
    ({"typ": None}, "typ"),
    ({"required": 5}, "required"),
    ({"required": [5]}, "required"),
    ({"name": ""}, "name"),
    ({"name": "a b"}, "name"),
]


@pytest.mark.parametrize(("settings", "says"), WRONG, ids=str)
def test_settings_that_cannot_be_are_sentences(settings: dict[str, Any], says: str) -> None:
    """At start-up, never at a request; and they hold nothing of a secret."""
    with pytest.raises(UsageError, match=says) as caught:
        accepts(**settings)
    assert "xxxx" not in str(caught.value)
    assert "pass" not in str(caught.value) or "password" in str(caught.value)


def test_a_loopback_issuer_needs_no_https() -> None:
    """For development and tests."""
    assert accepts(keys="http://127.0.0.1:8080/jwks")
    assert accepts(keys="http://localhost/jwks")


def test_required_claims_are_asked_for() -> None:
    """By name, or by value."""
    jwt = accepts(required={"token_use": "access", "level": [1, 2], "email": None}, endless=True, typ="at+jwt")
    good = {"token_use": "access", "level": 2, "email": "a@b.example", "exp": None, "header": {"typ": "at+jwt"}}
    issuer = Issuer(None)
    assert isinstance(issuer.verify(jwt, token(**good)), Principal)
    assert issuer.verify(jwt, token(**{**good, "token_use": "id"})) == refused("claim")
    assert issuer.verify(jwt, token(**{**good, "email": None})) == refused("claim")
    assert issuer.verify(jwt, token(**{**good, "header": {}})) == refused("type")
    assert isinstance(issuer.verify(accepts(required="jti"), token(jti="1")), Principal)
    assert issuer.verify(accepts(required="jti"), token()) == refused("claim")
