"""Ways to say who is calling, beside keys and tokens: Basic, client certificates, functions of the app; which of them a route takes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ostiary.errors import UsageError
from ostiary.guard.authn import Refusal
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.certificate import ClientCertificate
from ostiary.guard.authn.own import authenticator
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.decision import Principal
from ostiary.guard.declare import require
from ostiary.guard.network import trust
from ostiary.model.limit import LimitError
from tests.guard.sites import PEER, Site

Make = Callable[..., Site]
ORDERS, ECHO = "/api/v1/orders", "/echo"
NOW = 1_800_000_000.0


def basic(name: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def key_id(key: str) -> str:
    return key.rsplit("_", 1)[1][:12]


# Basic


def test_basic_takes_a_keys_id_and_the_key(make: Make) -> None:
    """As the principal that the key itself proves, within the same limits."""
    site = make(authenticators=[Basic()])
    key = site.mint("orders:read", owner="ann")
    for scheme in ("Basic", "basic", "BASIC"):
        assert site.ask(ORDERS, headers=basic(key_id(key), key, scheme)).json == {"at": "orders", "who": "ann"}
    assert site.ask(ORDERS, method="POST", headers=basic(key_id(key), key)).status == 403
    statuses = [site.ask("/api/v1/limited", headers=basic(key_id(key), key)).status for _ in range(3)]
    statuses += [site.ask("/api/v1/limited", key).status for _ in range(3)]
    assert statuses == [200] * 5 + [429]


def test_basic_with_another_name_is_refused(make: Make) -> None:
    """Also with a name that is another key's, and for a key that was good a moment ago."""
    site = make(authenticators=[Basic()])
    key, other = site.mint("orders:read"), site.mint("orders:read")
    assert site.ask(ORDERS, key).status == 200
    for name in ("", "admin", key_id(other), key_id(key) + "x", "ä"):
        assert site.ask(ORDERS, headers=basic(name, key)).status in (400, 401)
    assert site.ask(ORDERS, headers=basic(key_id(key), other)).status == 401
    assert site.reached == ["orders"]
    assert "basic_name" in [event.reason for event in site.events()]


@pytest.mark.parametrize(
    "sent", ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic Og==", "Basic YTpiIGM=", "Basic /w==", "Basic YTpi,Basic YTpi"]
)
def test_what_is_no_name_and_key_is_400(make: Make, sent: str) -> None:
    """Or nothing at all; never an exception."""
    site = make(authenticators=[Basic()])
    assert site.ask(ORDERS, headers={"Authorization": sent}).status in (400, 401)
    assert site.reached == []


def test_basic_and_a_key_are_two_credentials(make: Make) -> None:
    """400, even if both are the same key."""
    site = make(authenticators=[Basic()])
    key = site.mint("orders:read")
    assert site.ask(ORDERS, key, headers=basic(key_id(key), key)).status == 400
    assert site.ask(ORDERS, key).status == 200
    assert site.ask(ORDERS, key, headers=basic(key_id(key), key)).status == 400


def test_a_guard_without_basic_knows_none_of_it(make: Make) -> None:
    """It is nothing: neither let in nor challenged for; beside a key it is the proxy's business."""
    site = make()
    key = site.mint("orders:read")
    refused = site.ask(ORDERS, headers=basic(key_id(key), key))
    assert (refused.status, refused["www-authenticate"]) == (401, "Bearer")
    assert site.ask(ORDERS, key, headers=basic("proxy", "x")).status == 200


def test_basic_is_challenged_for_where_it_is_taken(make: Make) -> None:
    """RFC 7617: with a realm and the character set; and not on a route that names other schemes."""
    site = make(authenticators=[Basic()], routes={"/undeclared": require(schemes=["api-key"])})
    said = [value for name, value in site.ask(ORDERS).headers if name.lower() == "www-authenticate"]
    assert said == ["Bearer", 'Basic realm="api", charset="UTF-8"']
    key = site.mint()
    refused = site.ask("/undeclared", headers=basic(key_id(key), key))
    assert [value for name, value in refused.headers if name.lower() == "www-authenticate"] == ["Bearer"]


def test_a_revoked_key_is_dead_in_basic_too(make: Make) -> None:
    """At once, although it was proved a moment ago."""
    site = make(authenticators=[Basic()])
    key = site.mint("orders:read")
    assert site.ask(ORDERS, headers=basic(key_id(key), key)).status == 200
    site.keyring.revoke(key_id(key))
    assert site.ask(ORDERS, headers=basic(key_id(key), key)).status == 401


def test_basic_in_clear_marks_the_key_as_exposed(make: Make) -> None:
    """Refused, and the key that was really good is known to have been seen."""
    site = make(authenticators=[Basic()])
    key = site.mint("orders:read")
    assert site.ask(ORDERS, headers=basic(key_id(key), key), base="http://api.example.test", peer="8.8.8.8").status == 403
    assert site.keyring.show(key_id(key)).exposed_where == "clear text"


def test_basic_works_with_a_static_key(make: Make) -> None:
    """Its name is the variable's."""
    site = make(authenticators=[Basic()], keys=StaticKeys({"API_KEY": "a-key-of-the-environment"}))
    assert site.ask(ORDERS, headers=basic("API_KEY", "a-key-of-the-environment")).status == 200
    assert site.ask(ORDERS, headers=basic("API_KEY", "another-key-altogether")).status == 401


# Client certificates


@cache
def certificate(*names: str, begins: float = NOW - 60, ends: float = NOW + 60) -> bytes:
    """DER of a certificate for these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    kinds = [x509.UniformResourceIdentifier(name) if "://" in name else x509.DNSName(name) for name in names]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "billing")])
    times = [datetime.fromtimestamp(when, UTC) for when in (begins, ends)]
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *times)
    if kinds:
        made = made.add_extension(x509.SubjectAlternativeName(kinds), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def client_cert(der: bytes) -> dict[str, str]:
    return {"Client-Cert": f":{base64.b64encode(der).decode()}:"}


BILLING = {"spiffe://shop/billing": ["orders:read"]}


def test_a_certificate_from_a_trusted_proxy(make: Make) -> None:
    """Is whom it names, with the scopes that were given to that name."""
    site = make(authenticators=[ClientCertificate({**BILLING, "pay.example": ["orders:*"]})], proxies=1)
    billing, paying = certificate("spiffe://shop/billing"), certificate("other.example", "pay.example")
    assert site.ask(ORDERS, headers=client_cert(billing)).json["who"] == "spiffe://shop/billing"
    assert site.ask(ORDERS, method="POST", headers=client_cert(billing)).status == 403
    assert site.ask(ORDERS, method="POST", headers=client_cert(paying)).json["who"] == "pay.example"


def test_a_certificate_by_its_digest(make: Make) -> None:
    """For those without a name."""
    der = certificate()
    site = make(authenticators=[ClientCertificate({f"sha256:{hashlib.sha256(der).hexdigest()}": ["orders:read"]})], proxies=1)
    assert site.ask(ORDERS, headers=client_cert(der)).status == 200
    assert site.ask(ORDERS, headers=client_cert(certificate("a.example"))).status == 401


@pytest.mark.parametrize("proxies", [0, "10.0.0.0/8", ["192.0.2.1"]], ids=str)
def test_a_certificate_from_anybody_else_is_nothing(make: Make, proxies: Any) -> None:
    """RFC 9440, 4: who is no proxy of ours only claims to have one; the app does not see it either."""
    site = make(authenticators=[ClientCertificate(BILLING)], proxies=proxies)
    headers = {**client_cert(certificate("spiffe://shop/billing")), "Client-Cert-Chain": ":AAAA:"}
    assert site.ask(ORDERS, headers=headers).status == 401
    assert site.ask(ORDERS, headers=headers, peer="10.1.2.3").status == (200 if proxies == "10.0.0.0/8" else 401)


@pytest.mark.parametrize(("peer", "seen"), [("10.1.2.3", True), (PEER, False)])
def test_the_app_sees_the_header_of_a_trusted_proxy_alone(make: Make, peer: str, seen: bool) -> None:
    """Stripped from everybody else, in either spelling."""
    heard: list[bool] = []
    functions = [
        authenticator("look", lambda request: heard.append(bool(request.header("client-cert") or request.header("client-cert-chain"))))
    ]
    site = make(authenticators=[*functions, ClientCertificate(BILLING)], proxies="10.0.0.0/8")
    site.ask(ORDERS, headers={"Client-Cert": ":AA==:", "Client-Cert-Chain": ":AA==:"}, peer=peer)
    assert heard == [seen]


BAD = {
    "unknown": certificate("spiffe://shop/stranger"),
    "its common name alone": certificate(),
    "a name that begins the same": certificate("spiffe://shop/billing/x"),
    "ended": certificate("spiffe://shop/billing", begins=NOW - 60, ends=NOW),
    "not begun": certificate("spiffe://shop/billing", begins=NOW + 1, ends=NOW + 60),
    "cut": certificate("spiffe://shop/billing")[:-1],
    "none": b"",
    "noise": b"\x30\x82" + bytes(40),
}


@pytest.mark.parametrize("which", BAD)
def test_a_certificate_that_is_no_good_is_refused(make: Make, which: str) -> None:
    """401 like any other."""
    site = make(authenticators=[ClientCertificate(BILLING)], proxies=1)
    assert site.ask(ORDERS, headers=client_cert(BAD[which])).status == 401
    assert site.events()[-1].reason.startswith("certificate_")


@pytest.mark.parametrize("text", ["AAAA", ":AAAA", ":A:", ":*:", "::", ":", ":AAAA:;a=1", ":AAAA:, :AAAA:", "x" * 20_000, ":ä:"])
def test_a_header_that_is_no_certificate_is_refused(make: Make, text: str) -> None:
    """400 or 401, never an exception."""
    site = make(authenticators=[ClientCertificate(BILLING)], proxies=1)
    assert site.ask(ORDERS, headers={"Client-Cert": text}).status in (400, 401)
    assert site.reached == []


def test_a_certificate_ends_while_it_is_remembered(make: Make) -> None:
    """What was proved is believed for half a minute, and never past the end."""
    site = make(authenticators=[ClientCertificate(BILLING)], proxies=1)
    headers = client_cert(certificate("spiffe://shop/billing", begins=NOW - 60, ends=NOW + 10))
    assert site.ask(ORDERS, headers=headers).status == 200
    site.clock.now = NOW + 10
    assert site.ask(ORDERS, headers=headers).status == 401


def test_a_key_counts_before_the_certificate_of_the_line(make: Make) -> None:
    """The certificate belongs to the connection: a call that brings a key is the key's, and a bad key is not saved by it."""
    site = make(authenticators=[ClientCertificate(BILLING)], proxies=1)
    headers = client_cert(certificate("spiffe://shop/billing"))
    assert site.ask(ORDERS, site.mint("orders:read", owner="ann"), headers=headers).json["who"] == "ann"
    assert site.ask(ORDERS, "nonsense", headers=headers).status == 401


@pytest.mark.parametrize("clients", [None, {}, [], {"": ["a"]}, {5: ["a"]}, {"a": "orders:read"}, {"a": 5}, {"sha256:AB": ["a"]}], ids=repr)
def test_clients_that_cannot_be_are_sentences(clients: Any) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match="ClientCertificate"):
        ClientCertificate(clients)


def test_whom_a_guard_trusts() -> None:
    """A number of hops says that whoever connects is one of them."""
    assert [trust(proxies).vouches(PEER) for proxies in (0, 1, "10.0.0.0/8", "203.0.113.0/24", [])] == [False, True, False, True, False]


# A function of the app's own


def session(request: Any) -> Any:
    found = next(iter(request.header("x-session")), "")
    known = {"ann": "ann", "bob": Principal("bob", "session", scopes=("orders:*",)), "bad": Refusal("session_ended"), "odd": 5}
    if found == "boom":
        raise RuntimeError("the session store is on fire")
    return known.get(found)


async def asession(request: Any) -> Any:
    return session(request)


def test_an_own_function(make: Make) -> None:
    """A text is a subject without scopes; a Principal is what it is; None is nobody; a Refusal is 401, what it raises 503."""
    site = make(authenticators=[authenticator("session", session)])
    found = {name: site.ask(ORDERS, headers={"X-Session": name}).status for name in ("ann", "bob", "bad", "odd", "boom", "nobody")}
    assert found == {"ann": 403, "bob": 200, "bad": 401, "odd": 503, "boom": 503, "nobody": 401}
    assert site.ask(ECHO, headers={"X-Session": "ann"}).json["who"] == "ann"
    reasons = [event.reason for event in site.events()]
    assert reasons == ["scope", "", "session_ended", "guard_failed", "guard_failed", "credentials_missing", ""]


def test_an_async_function(make: Make) -> None:
    """Awaited over ASGI; over WSGI it has a loop of its own."""
    site = make(authenticators=[authenticator("session", asession)])
    assert site.ask(ORDERS, headers={"X-Session": "bob"}).status == 200


def test_an_own_function_is_not_asked_about_a_key_of_ours(make: Make) -> None:
    """Such a key is the keyring's business; another text is offered to the function first."""
    asked: list[str] = []

    def mine(request: Any) -> Any:
        (text,) = request.header("x-api-key")
        asked.append(text)
        return "ann" if text == "my-own-key" else None

    site = make(authenticators=[authenticator("mine", mine)])
    key = site.mint()
    assert [site.ask(ECHO, text).status for text in (key, "my-own-key", "nonsense")] == [200, 200, 401]
    assert asked == ["my-own-key", "nonsense"]


def test_a_route_takes_the_schemes_that_it_names(make: Make) -> None:
    """Any of them; nothing else is looked at."""
    routes = {"/undeclared": require(schemes=["session", "basic"]), "/outer/inner/open": require(schemes=["api-key"])}
    site = make(authenticators=[authenticator("session", session), Basic()], routes=routes)
    key = site.mint()
    ways: list[dict[str, Any]] = [{"key": key}, {"headers": basic(key_id(key), key)}, {"headers": {"X-Session": "ann"}}]
    assert [site.ask("/undeclared", **way).status for way in ways] == [401, 200, 200]
    assert [site.ask("/outer/inner/open", **way).status for way in ways] == [200, 401, 401]
    assert [site.ask(ECHO, **way).status for way in ways] == [200, 200, 200]


@pytest.mark.parametrize(
    ("name", "function"), [("", session), ("a b", session), (None, session), ("x" * 41, session), ("mine", None), ("mine", "f")]
)
def test_an_own_way_that_cannot_be_is_a_sentence(name: Any, function: Any) -> None:
    """At start-up."""
    with pytest.raises(UsageError, match="authenticator"):
        authenticator(name, function)


def test_what_is_no_authenticator_is_a_sentence(make: Make) -> None:
    """A function alone, or a class that lacks a method."""
    for wrong in (session, object(), "basic"):
        with pytest.raises(UsageError, match=r"authenticators: Jwt\(\.\.\.\), Basic\(\)"):
            make(authenticators=[wrong])


# RFC 6750


def test_a_token_without_the_scope_is_told_which(make: Make) -> None:
    """RFC 6750, 3: error and scope."""
    site = make()
    refused = site.ask(ORDERS, site.mint("x"), method="POST")
    assert refused["www-authenticate"] == 'Bearer error="insufficient_scope", scope="orders:write"'
    assert site.ask("/any-of", site.mint("x"))["www-authenticate"] == 'Bearer error="insufficient_scope", scope="a:read b:read"'


def test_a_caller_who_is_known_brings_no_key_in_the_query(make: Make) -> None:
    """A good key in the header that was proved a moment ago, another one in the URL: refused as at the first call; any other query is none of our concern."""
    site = make()
    key, other = site.mint("orders:read"), site.mint("orders:read")
    assert [site.ask(ORDERS, key).status for _ in range(2)] == [200, 200]
    assert site.ask(f"{ORDERS}?k={other}", key).code == "key_in_query"
    assert site.ask(f"{ORDERS}?page=2", key).status == 200


# KEY-10: publishable keys

APP = "https://app.example.test"
PUBLISHABLE = {"kind": "pk", "origins": [APP], "limits": "600/minute"}


def origin(value: str) -> dict[str, str]:
    return {"Origin": value}


def test_a_publishable_key_works_from_its_origins(make: Make) -> None:
    """In whatever case a browser writes them; twice, so that the remembered key obeys as well."""
    site = make()
    key = site.mint("orders:read", **PUBLISHABLE)
    for _ in range(2):
        assert site.ask(ORDERS, key, headers=origin(APP)).status == 200
        assert site.ask(ORDERS, key, headers=origin("HTTPS://App.Example.Test")).status == 200


ELSEWHERE = [
    "https://evil.example",
    "http://app.example.test",
    "https://app.example.test:8443",
    "https://app.example.test.evil.example",
    "https://app.example.test/",
    "null",
    "",
    "https://app.example.test, https://evil.example",
    "*",
]


@pytest.mark.parametrize("kind", ["pk", "sk"])
@pytest.mark.parametrize("sent", ELSEWHERE)
def test_a_key_with_origins_works_from_nowhere_else(make: Make, sent: str, kind: str) -> None:
    """403, for a fresh and for a remembered key; a secret key with origins obeys the same."""
    site = make()
    key = site.mint("orders:read", **{**PUBLISHABLE, "kind": kind})
    for _ in range(2):
        refused = site.ask(ORDERS, key, headers=origin(sent))
        assert (refused.status, refused.code) == (403, "origin_not_allowed")
        assert site.ask(ORDERS, key).code == "origin_not_allowed"
        assert site.ask(ORDERS, key, headers=[("Origin", APP), ("Origin", "https://evil.example")]).status == 403
        assert site.ask(ORDERS, key, headers=origin(APP)).status == 200
    assert "key_origin" in [event.reason for event in site.events()]


def test_a_publishable_key_writes_nowhere(make: Make) -> None:
    """Also where a route demands no scope at all, with a method that changes something."""
    site = make(routes={"/undeclared": require()})
    key, secret = site.mint("orders:read", **PUBLISHABLE), site.mint()
    for _ in range(2):
        assert site.ask(ORDERS, key, method="POST", headers=origin(APP)).status == 403
        assert site.ask(ECHO, key, headers=origin(APP)).status == 200
    assert site.ask(ECHO, secret).status == 200


def test_a_publishable_key_has_limits_of_its_own(make: Make) -> None:
    """However many pages use it."""
    site = make()
    key = site.mint("orders:read", **{**PUBLISHABLE, "limits": "3/minute"})
    assert [site.ask(ORDERS, key, headers=origin(APP), peer=f"198.51.100.{n}").status for n in range(4)] == [200] * 3 + [429]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"origins": None}, "--origin"),
        ({"origins": []}, "--origin"),
        ({"limits": None}, "--limit"),
        ({"scopes": ["orders:write"]}, "only reads"),
        ({"scopes": ["orders:read", "orders:*"]}, r"only reads.*orders:\*"),
        ({"scopes": ["*"]}, "only reads"),
        ({"scopes": ["role:clerk"]}, "only reads"),
        ({"scopes": ["orders:readwrite"]}, "only reads"),
    ],
    ids=str,
)
def test_a_publishable_key_that_could_do_harm_is_not_made(make: Make, more: dict[str, Any], says: str) -> None:
    """By nobody, in no way: neither made nor changed nor imported."""
    site = make()
    ring = site.keyring
    good = {**PUBLISHABLE, "scopes": ["orders:read"]}
    with pytest.raises((UsageError, LimitError), match=says):
        ring.create(**{**good, **more})
    record, _ = ring.create(**good)
    with pytest.raises((UsageError, LimitError), match=says):
        ring.change(record.id, **more)
    with pytest.raises((UsageError, LimitError), match=says):
        ring.import_key("some-old-key-of-theirs", expires=None, **{**good, **more})
    assert ring.create(**{**good, "scopes": ["orders:read", "read", "orders:read:own", "orders:read:*"]})


# AUTH-9: brute force


def test_a_key_that_is_guessed_at_is_held_up_by_address_and_id(make: Make) -> None:
    """Ten wrong secrets a minute for one id from one address; its owner goes on, from there too, and so does every other id."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask(ORDERS, key).status == 200
    wrong = [_wrong(key, number) for number in range(30)]
    found = [site.ask(ORDERS, one).status for one in wrong[:11]]
    assert found == [401] * 10 + [429]
    assert site.ask(ORDERS, key).status == 200
    assert site.ask(ORDERS, site.mint("orders:read")).status == 200
    assert site.ask(ORDERS, wrong[12], peer="198.51.100.9").status == 401
    assert site.ask(ORDERS, _wrong(site.mint(), 1)).status == 401


def _wrong(key: str, number: int) -> str:
    """The same id, another secret, a right checksum."""
    from ostiary.wire import apikey

    head, tail = key.rsplit("_", 1)
    text = f"{head}_{tail[:12]}{number:033d}"
    return text + apikey.checksum(text)


def test_a_flood_of_failures_is_not_looked_up(make: Make) -> None:
    """Five look-ups a second are left to an address that has failed too often: enough for a good key that was never seen, not for a flood."""
    site = make()
    for number in range(20):
        site.ask(ORDERS, f"nonsense-{number}")
    asked: list[object] = []
    find = site.core.key_store.find_imported
    site.core.key_store.find_imported = lambda digests: asked.append(digests) or find(digests)
    assert {site.ask(ORDERS, f"nonsense-again-{number}").status for number in range(50)} == {429}
    assert len(asked) == 5
    site.clock.now += 1.01
    assert site.ask(ORDERS, site.mint("orders:read")).status == 200


def test_a_key_that_was_good_is_looked_up_in_any_flood(make: Make) -> None:
    """Half a minute later it is not remembered as proved, but as once good."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask(ORDERS, key).status == 200
    site.clock.now += 31
    for number in range(60):
        site.ask(ORDERS, f"nonsense-{number}")
    assert site.ask(ORDERS, key).status == 200


def test_a_key_that_is_tried_from_everywhere_alerts_and_works(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A hundred failures an hour with one id, whatever the addresses: one warning that names the id. Ids of nobody alert nobody."""
    site = make()
    key = site.mint("orders:read")
    for number in range(130):
        site.ask(ORDERS, _wrong(key, number), peer=f"198.51.{number}.9")
    said = [record.getMessage() for record in caplog.records if "failed attempts" in record.getMessage()]
    assert len(said) == 1
    assert key_id(key) in said[0]
    assert site.ask(ORDERS, key, peer="198.51.100.200").status == 200
