"""Routes that demand signed requests (SIGN-1 to SIGN-4, SIGN-8), over Flask and FastAPI: attacks 7 and 12, and what is refused how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.guard.signing_sites import BODY, SITES, Client, credential, keyring
from tests.guard.sites import HTTPS, PEER, Site

Make = Callable[..., Site]
SCHEMES = [("rfc9421", "ed25519"), ("rfc9421", "ecdsa-p256-sha256"), ("rfc9421", "hmac-sha256"), ("simple", "hmac-sha256")]


@pytest.fixture(params=list(SITES))
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Site] = []

    def build(store: str = "memory://", **more: Any) -> Site:
        made.append(SITES[request.param](store, **more))
        return made[-1]

    yield build
    for one in made:
        one.close()


def client(site: Site, scheme: str = "rfc9421", algorithm: str = "", **attributes: Any) -> Client:
    return Client(site, credential(site, algorithm or ("ed25519" if scheme == "rfc9421" else "hmac-sha256"), **attributes), scheme)


def reason(site: Site) -> str:
    return str(site.events()[-1].reason)


@pytest.mark.parametrize(("scheme", "algorithm"), SCHEMES)
@pytest.mark.parametrize("body", [b"", BODY, b"x" * 300_000], ids=["empty", "small", "spooled"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_signed_request_reaches_its_handler_with_its_body(make: Make, scheme: str, algorithm: str, body: bytes, chunked: bool) -> None:
    """By both schemes and with every kind of key; the handler reads what was signed, to the byte, and knows who calls."""
    if chunked and len(body) > 1_000:
        body = body[:1_000]
    site = make()
    reply = client(site, scheme, algorithm, owner="alice").ask("/signed?a=1&b=%20", body, method="POST", chunked=chunked)
    assert (reply.status, reply.body, reply.get("X-Who")) == (200, body, "alice")


def test_a_signature_is_demanded(make: Make) -> None:
    """Without one: 401, with Accept-Signature; an API key in its place changes nothing."""
    site = make()
    bare = site.send("GET", "/signed", [], HTTPS, PEER, b"")
    keyed = site.ask("/signed", site.mint())
    expected = 'ostiary=("@method" "@authority" "@path" "@query");created;tag="ostiary"'
    assert [(one.status, one["Accept-Signature"]) for one in (bare, keyed)] == [(401, expected)] * 2
    assert site.reached == []


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_a_request_with_both_is_refused_by_its_form(make: Make, scheme: str) -> None:
    """A signature and an API key, each of them good: 400, whichever the route wants."""
    site = make()
    caller = client(site, scheme)
    replies = [caller.ask(path, more=[("X-API-Key", site.mint())]) for path in ("/signed", "/either")]
    assert [(reply.status, reply.code) for reply in replies] == [(400, "bad_signature_form")] * 2


def test_a_route_may_take_either(make: Make) -> None:
    """``schemes=["api-key", "signed"]``: each of them is let in, junk of each is not."""
    site = make()
    caller = client(site)
    assert [site.ask("/either", site.mint()).status, caller.ask("/either").status] == [200, 200]
    assert site.ask("/either", "nonsense").status == 401
    assert Client(site, credential_of_nobody()).ask("/either").status == 401


def credential_of_nobody() -> Any:
    from ostiary.client import SignKey

    return SignKey.ed25519("0aB1cD2eF3gH", bytes(range(32)))


@pytest.mark.parametrize("algorithm", ["ed25519", "hmac-sha256"])
def test_a_signing_key_is_no_bearer(make: Make, algorithm: str) -> None:
    """Neither its text, nor its id, nor a key forged around its id is let in where an API key is."""
    from ostiary.wire import apikey

    site = make()
    record, text = keyring(site).create(signing=algorithm)
    own = f"ost_sk_live_{record.id}{'a' * apikey.SECRET_LENGTH}"
    forged = own + apikey.checksum(own)
    shown = text.replace("\n", "")[:200].replace(" ", "")
    assert {site.ask("/keys-only", one).status for one in (record.id, shown, forged)} <= {400, 401}
    assert site.ask("/keys-only", forged).status == 401
    assert site.reached == []


# 7: replay


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_a_request_is_taken_once(make: Make, scheme: str) -> None:
    """The same bytes a second time: 401, with a reason of its own in the event. Another nonce: let in."""
    site = make()
    caller = client(site, scheme)
    headers = caller.headers("POST", "/signed", BODY)
    replies = [site.send("POST", "/signed", headers, HTTPS, PEER, BODY).status for _ in range(2)]
    assert (replies, reason(site), site.reached) == ([200, 401], "signature_replayed", ["signed"])
    assert caller.ask("/signed", BODY).status == 200


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_only_a_valid_signature_spends_a_nonce(make: Make, scheme: str) -> None:
    """Somebody who sees a nonce and sends it first with a wrong signature, another body or another path takes nothing from its owner."""
    site = make()
    caller = client(site, scheme)
    once = "seen-by-somebody-else"
    headers = caller.headers("POST", "/signed", BODY, once=once)
    forged = [(name, value.replace(value[-9:-2], "AAAAAAA") if name == "Signature" else value) for name, value in headers]
    forged = [(name, "0" * 64 if name == "X-Signature" else value) for name, value in forged]
    assert site.send("POST", "/signed", forged, HTTPS, PEER, BODY).status in (400, 401)
    assert site.send("POST", "/signed", headers, HTTPS, PEER, BODY + b" ").status == 401
    assert site.send("POST", "/scoped", headers, HTTPS, PEER, BODY).status == 401
    assert site.send("POST", "/signed", headers, HTTPS, PEER, BODY).status == 200


def test_two_keys_do_not_share_nonces(make: Make) -> None:
    """The nonce of one key is free for another."""
    site = make()
    assert [client(site).ask("/signed", once="the-same-nonce-twice").status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
@pytest.mark.parametrize(
    ("age", "expected"), [(300, ""), (301, "signature_stale"), (-30, ""), (-31, "signature_future"), (-100_000, "signature_future")]
)
def test_a_signature_counts_for_its_window(make: Make, scheme: str, age: int, expected: str) -> None:
    """From 30 seconds before its time to 300 after; what is further ahead is refused."""
    site = make()
    reply = client(site, scheme).ask("/signed", at=site.clock.now - age)
    assert (reply.status, reason(site)) == ((401, expected) if expected else (200, ""))


def test_a_nonce_is_held_for_as_long_as_its_signature_counts(make: Make) -> None:
    """A request that was signed 30 seconds ahead is refused the second time to its very last second."""
    site = make()
    headers = client(site).headers("GET", "/signed", at=site.clock.now + 30)
    first = site.send("GET", "/signed", headers, HTTPS, PEER, b"").status
    site.clock.now += 330
    assert (first, site.send("GET", "/signed", headers, HTTPS, PEER, b"").status, reason(site)) == (200, 401, "signature_replayed")


def test_expires_is_honoured(make: Make) -> None:
    """A signature that ends after five seconds does."""
    site = make()
    caller = Client(site, credential(site), lifetime=5)
    headers = caller.headers("GET", "/signed")
    site.clock.now += 5
    assert (site.send("GET", "/signed", headers, HTTPS, PEER, b"").status, reason(site)) == (401, "signature_expired")


# 12: body against digest


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("sent", [b'{"book": 8}', b"", BODY + b" ", BODY[:-1]], ids=["changed", "dropped", "longer", "shorter"])
def test_another_body_is_refused(make: Make, scheme: str, chunked: bool, sent: bytes) -> None:
    """The digest is over the bytes that the handler would get, whatever the length says."""
    site = make()
    reply = client(site, scheme).ask("/signed", BODY, method="POST", sent=sent, chunked=chunked)
    assert (reply.status, site.reached) == (401, [])


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_that_was_added_is_refused(make: Make, scheme: str, chunked: bool) -> None:
    """A request that was signed without a body has none: no digest is covered that it could be held against."""
    site = make()
    reply = client(site, scheme).ask("/signed", b"", method="POST", sent=BODY, chunked=chunked)
    assert (reply.status, site.reached) == (401, [])


def test_a_digest_that_is_not_covered_is_none(make: Make) -> None:
    """A right Content-Digest beside a signature that does not cover it is refused."""
    from ostiary.wire.digest import content_digest

    site = make()
    headers = [*client(site).headers("POST", "/signed"), ("Content-Digest", content_digest(BODY).decode()), ("Content-Type", "a/b")]
    assert (site.send("POST", "/signed", headers, HTTPS, PEER, BODY).status, reason(site)) == (401, "signature_incomplete")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_a_body_over_the_limit_of_its_route_is_refused(make: Make, scheme: str, chunked: bool) -> None:
    """Counted bytes: 413 at the seventeenth, though it is rightly signed."""
    site = make()
    caller = client(site, scheme)
    found = [caller.ask("/small", b"x" * size, chunked=chunked).status for size in (16, 17)]
    assert (found, site.reached, reason(site)) == ([200, 413], ["small"], "body_too_large")


@pytest.mark.parametrize("what", ["method", "path", "query", "authority"])
@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_what_is_signed_cannot_be_changed(make: Make, scheme: str, what: str) -> None:
    """Method, path, query, host: 401 when one of them is another than was signed."""
    site = make()
    headers = client(site, scheme).headers("GET", "/signed?a=1")
    method, path, base = "GET", "/signed?a=1", HTTPS
    method = "POST" if what == "method" else method
    path = {"path": "/signed/x?a=1", "query": "/signed?a=2"}.get(what, path)
    base = "https://other.example.test" if what == "authority" else base
    assert (site.send(method, path, headers, base, PEER, b"").status, reason(site)) == (401, "signature_wrong")


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_the_authority_is_the_one_that_trusted_proxies_tell(make: Make, scheme: str) -> None:
    """With a trusted proxy the client's host counts, without one the header that claims it counts for nothing."""
    more = [("X-Forwarded-Host", "api.example.test"), ("X-Forwarded-For", PEER), ("X-Forwarded-Proto", "https")]
    found = []
    for proxies in (1, 0):
        site = make(proxies=proxies)
        headers = client(site, scheme).headers("GET", "/signed") + more
        found.append(site.send("GET", "/signed", headers, "https://inside.test", PEER, b"").status)
    assert found == [200, 401]


# The path


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
@pytest.mark.parametrize("path", ["/signed/a%2Fb", "/signed/a%5Cb", "/signed/%C3%A4", "/signed/a%20b", "/signed/%61"])
def test_the_path_is_signed_as_it_was_sent(make: Make, scheme: str, path: str) -> None:
    """Where the server keeps the raw path, every way of writing it can be signed, and none stands for another."""
    site = make()
    caller = client(site, scheme)
    assert caller.ask(path).status == 200
    other = path.replace("%61", "a").replace("%2F", "%2f").replace("%5C", "%5c").replace("%C3%A4", "%c3%a4").replace("%20", "+")
    headers = caller.headers("GET", path)
    assert site.send("GET", other, headers, HTTPS, PEER, b"").status == 401


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [("/signed/a", 200), ("/signed/%C3%A4%20b", 200), ("/signed/a%2Fb", 401), ("/signed/%61", 401), ("/signed/a%5Cb", 400)],
)
def test_where_the_path_was_decoded_nothing_is_guessed(make: Make, scheme: str, path: str, expected: int) -> None:
    """A server that keeps no raw path: the plain way of writing is taken, an encoded slash or backslash is refused."""
    site = make()
    assert client(site, scheme).ask(path, decoded=True).status == expected


# Components


def test_a_policy_adds_components(make: Make) -> None:
    """``signed=("x-tenant",)``: a signature that leaves it out is refused and told what is missing; the simple scheme cannot cover it."""
    site = make()
    key = credential(site)
    tenant = [("X-Tenant", "acme")]
    assert Client(site, key, more=("x-tenant",)).ask("/tenant", extra=tenant).status == 200
    refused = Client(site, key).ask("/tenant", extra=tenant)
    assert (refused.status, '"x-tenant"' in refused["Accept-Signature"], reason(site)) == (401, True, "signature_incomplete")
    assert client(site, "simple").ask("/tenant", extra=tenant).status == 401


def test_two_signatures_for_us_are_one_too_many(make: Make) -> None:
    """Two with our tag, or one of each scheme: 400."""
    site = make()
    one, two = client(site), client(site)
    first, second = dict(one.headers("GET", "/signed")), dict(two.headers("GET", "/signed"))
    double = [(name, f"{value}, {second[name].replace('ostiary=', 'again=', 1)}") for name, value in first.items()]
    both = [*first.items(), *client(site, "simple").headers("GET", "/signed")]
    found = [site.send("GET", "/signed", headers, HTTPS, PEER, b"") for headers in (double, both)]
    assert [(reply.status, reply.code) for reply in found] == [(400, "bad_signature_form")] * 2


def test_a_signature_for_somebody_else_is_left_alone(make: Make) -> None:
    """Another tag beside ours is no concern of ours; alone it is no signature."""
    site = make()
    ours = dict(client(site).headers("GET", "/signed"))
    theirs = {name: value.replace('tag="ostiary"', 'tag="proxy"').replace("ostiary=", "proxy=", 1) for name, value in ours.items()}
    mixed = [(name, f"{value}, {theirs[name]}") for name, value in ours.items()]
    assert site.send("GET", "/signed", mixed, HTTPS, PEER, b"").status == 200
    assert site.send("GET", "/signed", list(theirs.items()), HTTPS, PEER, b"").status == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature-Input", "ostiary=("),
        ("Signature-Input", 'ostiary=("@method");created="x";tag="ostiary"'),
        ("Signature", "ostiary=:AAAA"),
        ("Signature", "other=:AAAA:"),
    ],
)
def test_a_malformed_signature_is_a_bad_request(make: Make, name: str, value: str) -> None:
    """400, and never a failure of the guard."""
    site = make()
    headers = [(key, value if key == name else given) for key, given in client(site).headers("GET", "/signed")]
    assert (site.send("GET", "/signed", headers, HTTPS, PEER, b"").status, reason(site)) == (400, "signature_malformed")


@pytest.mark.parametrize("left_out", ["created", "nonce", "keyid"])
def test_every_parameter_is_needed(make: Make, left_out: str) -> None:
    """created, nonce and keyid: without one of them 401."""
    import re

    site = make()
    headers = client(site).headers("GET", "/signed")
    headers = [(name, re.sub(rf';{left_out}=("[^"]*"|\d+)', "", value) if name == "Signature-Input" else value) for name, value in headers]
    assert (site.send("GET", "/signed", headers, HTTPS, PEER, b"").status, reason(site)) == (401, "signature_incomplete")


def test_the_algorithm_is_the_keys(make: Make) -> None:
    """An alg of another kind is refused, though the signature would verify; a public key is never taken for a shared secret."""
    from ostiary.client import SignKey

    site = make()
    record, _ = keyring(site).create(signing="ed25519")
    forged = Client(site, SignKey.hmac(record.id, record.material))
    assert (forged.ask("/signed").status, reason(site)) == (401, "signature_wrong")


# 21: telling by difference


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_unknown_wrong_revoked_expired_and_disabled_are_told_the_same(make: Make, scheme: str) -> None:
    """Status, body but for the request id, and names of headers; the event knows which."""
    site = make(failures=None)
    kinds: dict[str, Client] = {name: client(site, scheme) for name in ("revoked", "disabled", "wrong")}
    kinds["expired"] = client(site, scheme, expires=site.clock.now + 10)
    ring = keyring(site)
    ring.revoke(kinds["revoked"].key.id)
    ring.disable(kinds["disabled"].key.id)
    site.clock.now += 10
    other = client(site, scheme).key
    kinds["wrong"] = Client(site, type(other)(kinds["wrong"].key.id, other.algorithm, other.material), scheme)
    kinds["unknown"] = Client(site, type(other)("0aB1cD2eF3gH", other.algorithm, other.material), scheme)
    replies, reasons = [], {}
    for name, one in kinds.items():
        reply = one.ask("/signed", BODY)
        replies.append((reply.status, reply.names, {**reply.json, "request_id": ""}))
        reasons[name] = reason(site)
    assert all(reply == replies[0] for reply in replies)
    assert reasons == {
        "revoked": "key_revoked",
        "disabled": "key_disabled",
        "expired": "key_expired",
        "wrong": "signature_wrong",
        "unknown": "signature_wrong",
    }


def test_scopes_networks_and_limits_hold_for_signers(make: Make) -> None:
    """403 without scope, 403 from another network, 429 at the fourth call; a refused call has spent its nonce all the same."""
    site = make()
    assert client(site, scopes=["orders:write"]).ask("/scoped").status == 200
    assert client(site, scopes=["orders:read"]).ask("/scoped").status == 403
    assert client(site, networks=["192.0.2.0/24"]).ask("/signed").status == 403
    caller = client(site)
    assert [caller.ask("/limited").status for _ in range(4)] == [200, 200, 200, 429]


def test_rotation_and_revocation_are_those_of_any_key(make: Make) -> None:
    """The new key is of the same kind, the old one works for the overlap and no longer."""
    from ostiary.client import SignKey

    site = make()
    old = client(site, owner="alice", scopes=["orders:write"])
    new, text = keyring(site).rotate(old.key.id, overlap_seconds=60)
    caller = Client(site, SignKey.from_pem(new.id, text.encode()))
    assert (new.algorithm, new.owner, caller.ask("/scoped").status, old.ask("/scoped").status) == ("ed25519", "alice", 200, 200)
    site.clock.now += 60
    assert (old.ask("/scoped").status, caller.ask("/scoped").status) == (401, 200)


# A route that streams


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_route_that_streams_gets_its_body(make: Make, chunked: bool) -> None:
    """What was signed reaches the handler whole."""
    site = make()
    reply = client(site).ask("/stream", BODY, chunked=chunked)
    assert (reply.status, reply.body) == (200, BODY)
    assert client(site).ask("/stream", method="POST", chunked=chunked).status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("sent", [b'{"book": 8}', b"", BODY + b" "], ids=["changed", "dropped", "longer"])
def test_a_stream_that_does_not_match_is_cut_off(make: Make, chunked: bool, sent: bytes) -> None:
    """The handler never sees the end of it, the answer is a refusal, the event says why."""
    site = make()
    reply = client(site).ask("/stream", BODY, sent=sent, chunked=chunked)
    assert (reply.status, site.reached, reason(site)) == (401, [], "digest_wrong")


def test_a_stream_without_digest_has_no_body(make: Make) -> None:
    """Nothing was signed about it: its first byte ends it. The simple scheme signs the body itself and cannot stream."""
    site = make()
    assert (client(site).ask("/stream", b"", method="POST", sent=BODY, chunked=True).status, site.reached) == (401, [])
    assert client(site, "simple").ask("/stream", BODY).status == 401


# Stores


def test_without_the_store_of_nonces_nobody_is_let_in(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that is not there: 503, and no handler runs."""
    site = make(nonces="redis://127.0.0.1:1/0")
    assert (client(site).ask("/signed").status, site.reached, reason(site)) == (503, [], "store_down")


def test_a_monitored_guard_lets_pass_and_the_handler_reads_everything(make: Make) -> None:
    """Unsigned, wrongly signed, over the limit: recorded as it would have been, with the body as it was sent."""
    site = make(mode="monitor")
    caller = client(site)
    over = caller.ask("/small", b"x" * 100_000)
    assert (over.status, len(over.body), site.events()[-1].verdict) == (200, 100_000, "monitor")
    chunked = caller.ask("/small", b"x" * 1_000, chunked=True)
    assert (chunked.status, len(chunked.body)) == (200, 1_000)
    assert caller.ask("/signed", BODY, sent=BODY + b"!").body == BODY + b"!"
    assert caller.ask("/stream", BODY, sent=BODY + b"!").body == BODY + b"!"


# Another implementation


def their_headers(site: Site, key: Any, algorithm: str, body: bytes) -> list[tuple[str, str]]:
    """A request as http-message-signatures signs it."""
    import datetime

    import http_message_signatures as peer
    import requests

    from ostiary.wire.digest import content_digest

    class Keys(peer.HTTPSignatureKeyResolver):
        def resolve_private_key(self, key_id: str) -> Any:
            return key.material

    algorithms = {"ed25519": peer.algorithms.ED25519, "hmac-sha256": peer.algorithms.HMAC_SHA256}
    given = {"Content-Type": "application/json", "Content-Digest": content_digest(body).decode()}
    prepared = requests.Request("POST", f"{HTTPS}/signed?a=1", headers=given, data=body).prepare()
    signer = peer.HTTPMessageSigner(signature_algorithm=algorithms[algorithm], key_resolver=Keys())
    signer.sign(
        prepared,
        key_id=key.id,
        label="theirs",
        tag="ostiary",
        nonce="made-by-another-0001",
        created=datetime.datetime.fromtimestamp(site.clock.now, datetime.UTC),
        covered_component_ids=("@method", "@authority", "@path", "@query", "content-digest", "content-type"),
        include_alg=False,
        use_existing_digest=True,
    )
    return [(name, prepared.headers[name]) for name in (*given, "Signature-Input", "Signature")]


@pytest.mark.parametrize("algorithm", ["ed25519", "hmac-sha256"])
def test_what_another_implementation_signs_is_let_in(make: Make, algorithm: str) -> None:
    """http-message-signatures, with each kind of key; once, and not with another body."""
    site = make()
    headers = their_headers(site, credential(site, algorithm), algorithm, BODY)
    found = [site.send("POST", "/signed?a=1", headers, HTTPS, PEER, body).status for body in (BODY + b" ", BODY, BODY)]
    assert found == [401, 200, 401]


# Any other app


def test_a_policy_file_demands_signatures_of_any_app(tmp_path: Any) -> None:
    """``signed = true`` in front of a WSGI and an ASGI app that know nothing of us; a body in chunks that nobody signed is refused, too."""
    import asyncio

    from ostiary import asgi, wsgi
    from tests.guard.signing_sites import MASTER, _call
    from tests.guard.sites import Clock, _environ, _scope, settings

    file = tmp_path / "ostiary.toml"
    file.write_text('[[policy]]\npath = "/signed"\nsigned = true\n')

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [environ["wsgi.input"].read()]

    async def awaited(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/octet-stream")]})
        await send({"type": "http.response.body", "body": body})

    def ask_wsgi(headers: Any, body: bytes) -> tuple[int, bytes]:
        from werkzeug.test import run_wsgi_app

        environ = _environ("POST", "/signed", headers, HTTPS, PEER, body)
        environ.pop("CONTENT_LENGTH", None)
        parts, status, _ = run_wsgi_app(guards[0], {**environ, "wsgi.input_terminated": True}, buffered=True)
        return int(status[:3]), b"".join(parts)

    def ask_asgi(headers: Any, body: bytes) -> tuple[int, bytes]:
        reply = runner.run(_call(guards[1], _scope("POST", "/signed", headers, HTTPS, PEER), body, True))
        return reply.status, reply.body

    clock = Clock()
    options = settings("memory://", clock, {"master_key": MASTER, "policy_file": str(file)})
    guards = [wsgi.Guard(application, **options), asgi.Guard(awaited, **options)]
    with asyncio.Runner() as runner:
        for guard, ask in zip(guards, (ask_wsgi, ask_asgi), strict=True):
            site = Site("any", guard.core, guard, clock, guard, ask)
            caller = client(site)
            assert ask(caller.headers("POST", "/signed", BODY), BODY) == (200, BODY)
            assert ask(caller.headers("POST", "/signed", BODY), BODY + b" ")[0] == 401
            assert ask(caller.headers("POST", "/signed"), BODY)[0] == 401
            assert ask([], BODY)[0] == 401
    for guard in guards:
        guard.core.close()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"signed": "X-Tenant"}, "no component"),
        ({"signed": 1}, "signed: a text"),
        ({"signed": True, "max_body": -1}, "max_body: a number of bytes"),
        ({"signed": True, "schemes": ["api-key"]}, "demands a signature"),
        ({"signed": True, "signed_stream": 1}, "signed_stream: True or False"),
    ],
)
def test_a_declaration_that_cannot_be_is_a_sentence(said: dict[str, Any], sentence: str) -> None:
    """At start-up, with what to write instead."""
    from flask import Flask

    from ostiary.errors import UsageError
    from ostiary.flask import Guard, require
    from tests.guard.sites import Clock, settings

    app = Flask(__name__, static_folder=None)
    Guard(app, **settings("memory://", Clock(), {}))

    def declared() -> None:
        app.add_url_rule("/x", "x", require(**said)(lambda: "x"))
        app.extensions["ostiary"].problems()

    with pytest.raises(UsageError, match=sentence):
        declared()


def test_the_document_says_that_a_signature_is_demanded() -> None:
    """OpenAPI: a signed route takes no key, one that takes either names both, a webhook is no public route."""
    from fastapi import FastAPI

    from ostiary.fastapi import Guard, require, webhook
    from ostiary.wire.secret import Secret
    from tests.guard.sites import Clock, settings

    app = FastAPI()
    Guard(app, **settings("memory://", Clock(), {}))
    marks = {
        "signed": require("orders:write", signed=True),
        "either": require(schemes=["api-key", "signed"]),
        "hook": webhook("github", secret=Secret("GITHUB", "a secret that is only for tests")),
    }
    for name, mark in marks.items():
        app.add_api_route(f"/{name}", mark(lambda: None), methods=["POST"], name=name)
    document = app.openapi()
    found = {path: document["paths"][path]["post"]["security"] for path in ("/signed", "/either", "/hook")}
    assert found == {
        "/signed": [{"Signature": ["orders:write"]}],
        "/either": [{"ApiKey": []}, {"Signature": []}],
        "/hook": [{"Webhook": []}],
    }
    assert {"ApiKey", "Signature", "Webhook"} <= document["components"]["securitySchemes"].keys()


@pytest.mark.parametrize("scheme", ["rfc9421", "simple"])
def test_admitted_exactly_when_everything_is_right(make: Make, scheme: str) -> None:
    """Every combination: admitted ⇔ identity valid ∧ scope held ∧ within the limit ∧ fresh ∧ not seen ∧ body intact."""
    from itertools import product

    site = make(failures=None)
    keys = {
        (good, held, within): client(site, scheme, scopes=["orders:write"] if held else ["x"], limits=None if within else "1 per day")
        for good, held, within in product((True, False), repeat=3)
    }
    for (good, held, within), one in keys.items():
        if not within:
            # Its one call is spent.
            assert one.ask("/scoped", BODY).status == (200 if held else 403)
            if not held:
                assert one.ask("/signed", BODY).status == 200
        if not good:
            keyring(site).revoke(one.key.id)
    for (good, held, within), fresh, new, intact in product(keys, *[(True, False)] * 3):
        one, once = keys[good, held, within], signing_nonce()
        if not new and good and within:
            # Seen: by a call to another route, which any scope may make.
            assert one.ask("/signed", BODY, once=once).status == 200
        at = site.clock.now - (0 if fresh else 301)
        reply = one.ask("/scoped", BODY, at=at, once=once, sent=BODY if intact else BODY + b" ")
        seen = not new and good and within
        assert (reply.status == 200) is (good and held and within and fresh and not seen and intact), (
            good,
            held,
            within,
            fresh,
            new,
            intact,
        )


def signing_nonce() -> str:
    from tests.guard.signing_sites import nonce

    return nonce()
