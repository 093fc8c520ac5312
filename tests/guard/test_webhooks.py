"""Webhooks on a route (SIGN-6), over Flask and FastAPI: who is let in, what comes twice, what cannot be declared."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.webhooks import webhook
from ostiary.wire.secret import Secret
from tests.guard import signing_sites
from tests.guard.signing_sites import SITES
from tests.guard.sites import HTTPS, PEER, Site

Make = Callable[..., Site]
TEXT = "whsec_" + base64.b64encode(b"a secret of a sender, long enough").decode()
BODY = b'{"event": "paid"}'
NOW = 1_800_000_000


def mac(data: bytes, key: bytes = TEXT.encode()) -> bytes:
    return hmac.digest(key, data, hashlib.sha256)


def stripe(body: bytes, at: int) -> list[tuple[str, str]]:
    return [("Stripe-Signature", f"t={at},v1={mac(b'%d.%b' % (at, body)).hex()}")]


def github(body: bytes, at: int) -> list[tuple[str, str]]:
    return [("X-Hub-Signature-256", f"sha256={mac(body).hex()}")]


def slack(body: bytes, at: int) -> list[tuple[str, str]]:
    return [("X-Slack-Signature", f"v0={mac(b'v0:%d:%b' % (at, body)).hex()}"), ("X-Slack-Request-Timestamp", str(at))]


def standard(body: bytes, at: int) -> list[tuple[str, str]]:
    key = base64.b64decode(TEXT.removeprefix("whsec_"))
    signature = base64.b64encode(mac(b"msg_1.%d.%b" % (at, body), key)).decode()
    return [("webhook-id", "msg_1"), ("webhook-timestamp", str(at)), ("webhook-signature", f"v1,{signature}")]


def generic(body: bytes, at: int) -> list[tuple[str, str]]:
    return [("X-Shop-Signature", mac(b"%d.%b" % (at, body)).hex()), ("X-Shop-Time", str(at))]


SENDERS: dict[str, Callable[[bytes, int], list[tuple[str, str]]]] = {
    "stripe": stripe,
    "github": github,
    "slack": slack,
    "standard": standard,
    "generic": generic,
}


@pytest.fixture(params=list(SITES))
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """The service of the signing tests, with a route for each sender besides."""
    plain, made = signing_sites._routes, []
    old, new = Secret("OLD", "whsec_" + base64.b64encode(b"the secret that was used before").decode()), Secret("NEW", TEXT)

    def routes(add: Any, require: Any) -> None:
        plain(add, require)
        for kind in SENDERS:
            more = {"header": "X-Shop-Signature", "timestamp": "X-Shop-Time"} if kind == "generic" else {}
            add(f"/{kind}", kind, webhook(kind, secret=[old, new], max_body=1_000, **more))

    monkeypatch.setattr(signing_sites, "_routes", routes)

    def build(**more: Any) -> Site:
        made.append(SITES[request.param](**more))
        return made[-1]

    yield build
    for one in made:
        one.close()


def ask(site: Site, kind: str, headers: list[tuple[str, str]], body: bytes = BODY, **how: Any) -> int:
    return site.send("POST", f"/{kind}", [*headers, ("Content-Type", "application/json")], HTTPS, PEER, body, **how).status


@pytest.mark.parametrize("kind", list(SENDERS))
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_delivery_is_taken_once_and_its_body_read(make: Make, kind: str, chunked: bool) -> None:
    """With the newer of two secrets; the same again is refused, with its reason in the event; the handler knows who sent it."""
    site = make()
    headers = [*SENDERS[kind](BODY, NOW), ("Content-Type", "application/json")]
    first = site.send("POST", f"/{kind}", headers, HTTPS, PEER, BODY, chunked=chunked)
    assert (first.status, first.body, first.get("X-Who")) == (200, BODY, kind)
    assert ask(site, kind, SENDERS[kind](BODY, NOW)) == 401
    assert (site.reached, site.events()[-1].reason) == ([kind], "signature_replayed")


@pytest.mark.parametrize("kind", list(SENDERS))
def test_whoever_does_not_know_the_secret_is_refused(make: Make, kind: str) -> None:
    """No signature, another body, a signature of another body, a key of ours: 401, and nothing is spent."""
    site = make()
    good = SENDERS[kind](BODY, NOW)
    found = [
        ask(site, kind, []),
        ask(site, kind, good, BODY + b" "),
        ask(site, kind, SENDERS[kind](BODY + b" ", NOW)),
        ask(site, kind, [("X-API-Key", site.mint("*"))]),
        ask(site, kind, good, b""),
    ]
    assert (found, site.reached) == ([401] * 5, [])
    assert ask(site, kind, good) == 200


@pytest.mark.parametrize("kind", ["stripe", "slack", "standard", "generic"])
@pytest.mark.parametrize(("age", "expected"), [(300, 200), (301, 401), (-300, 200), (-301, 401)])
def test_an_old_delivery_is_refused(make: Make, kind: str, age: int, expected: int) -> None:
    """Five minutes either way, where a time is signed."""
    assert ask(make(), kind, SENDERS[kind](BODY, NOW - age)) == expected


def test_a_delivery_without_time_is_remembered_for_a_month(make: Make) -> None:
    """GitHub signs no time: the same body is refused on the thirtieth day."""
    site = make()
    assert ask(site, "github", github(BODY, NOW)) == 200
    site.clock.now += 30 * 86_400 - 1
    assert ask(site, "github", github(BODY, NOW)) == 401


def test_a_large_delivery_is_refused(make: Make) -> None:
    """413 for more bytes than the route takes, counted as they come."""
    site = make()
    found = [ask(site, "github", github(b"x" * 1_001, NOW), b"x" * 1_001, chunked=chunked) for chunked in (False, True)]
    assert (found, site.reached) == ([413, 413], [])


def test_without_the_store_of_nonces_nothing_is_taken(make: Make) -> None:
    """503: the sender tries again."""
    site = make(nonces="redis://127.0.0.1:1/0")
    assert (ask(site, "stripe", stripe(BODY, NOW)), site.reached) == (503, [])


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        ("stripe", {"secret": "whsec_in_the_source"}, "ostiary.secret"),
        ("stripe", {"secret": []}, "ostiary.secret"),
        ("paypal", {}, "stripe, github, slack"),
        ("stripe", {"window": 0}, "window is 1 to"),
        ("stripe", {"header": "X"}, "header is for generic"),
        ("generic", {}, "header="),
        ("generic", {"header": "X", "digest": "md5"}, "sha256"),
        ("standard", {"secret": Secret("NOT_BASE64", "not base64 at all, is it")}, "base64"),
    ],
)
def test_a_webhook_that_cannot_be_is_a_sentence(kind: str, said: dict[str, Any], sentence: str) -> None:
    """At import, not at the first delivery."""
    with pytest.raises(UsageError, match=sentence):
        webhook(kind, **{"secret": Secret("SENDER", TEXT), **said})
