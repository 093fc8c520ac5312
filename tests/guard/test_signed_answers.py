"""Answers that leave signed (SIGN-7), over Flask, FastAPI and any other app: our client and another implementation verify them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ostiary.client import Signer, SignKey, Verifier
from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.guard.authn.signed import Signatures
from tests.guard.signing_sites import MASTER, _call, credential, nonce
from tests.guard.sites import HTTPS, PEER, Clock, Header, Reply, Site, _environ, _scope, settings

Make = Callable[..., Site]
MOST = 1_000
PUBLIC = ("GET", "HEAD", "POST", "PUT")


def pem() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Ed25519PrivateKey.from_private_bytes(b"the seed of a server in a test..").private_bytes(*form)


def public_pem() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    return load_pem_private_key(pem(), None).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


ANSWERS: dict[str, tuple[int, str, list[bytes]]] = {
    "plain": (200, "application/json", [b'{"ordered": 7}']),
    "pieces": (201, "text/plain", [b"one ", b"", b"two ", b"three"]),
    "empty": (204, "", []),
    "error": (500, "text/plain", [b"broken"]),
    "most": (200, "text/plain", [b"x" * 600, b"x" * 400]),
    "over": (200, "text/plain", [b"x" * 600, b"x" * 401]),
    "events": (200, "text/event-stream", [b"data: 1\n\n"]),
}


def _options(clock: Clock, more: dict[str, Any]) -> dict[str, Any]:
    signatures = Signatures(max_answer=MOST)
    return settings("memory://", clock, {"master_key": MASTER, "response_key": pem().decode(), "signatures": signatures, **more})


def _marks(require: Any, public: Any) -> list[tuple[str, str, Any]]:
    marks = [(f"/{name}", name, public("a test", sign_response=True)) for name in ANSWERS]
    marks += [("/bare", "plain", public("a test")), ("/demanding", "plain", require("a:b", sign_response=True))]
    return [
        *marks,
        ("/signed", "plain", require(signed=True, sign_response=True)),
        ("/watched", "over", require(sign_response=True, monitor=True)),
    ]


def flask_site(**more: Any) -> Site:
    from flask import Flask, Response

    from ostiary.flask import Guard, public, require

    clock = Clock()
    app = Flask(__name__, static_folder=None)
    guard = Guard(app, **_options(clock, more))
    for path, name, mark in _marks(require, public):

        def view(name: str = name) -> Response:
            status, kind, parts = ANSWERS[name]
            return Response(iter(parts), status, {"Content-Type": kind} if kind else {})

        app.add_url_rule(path, path, mark(view), methods=list(PUBLIC))
    return Site("flask", app.extensions["ostiary"].core, guard, clock, app, _in_wsgi(app))


def fastapi_site(**more: Any) -> Site:
    from fastapi import FastAPI
    from starlette.responses import Response, StreamingResponse

    from ostiary.fastapi import Guard, public, require

    clock = Clock()
    app = FastAPI()
    guard = Guard(app, **_options(clock, more))
    for path, name, mark in _marks(require, public):

        def made(name: str = name) -> Any:
            async def view() -> Response:
                status, kind, parts = ANSWERS[name]

                async def pieces() -> Any:
                    for part in parts:
                        yield part

                return (
                    StreamingResponse(pieces(), status, media_type=kind)
                    if len(parts) > 1
                    else Response(b"".join(parts), status, media_type=kind or None)
                )

            view.__annotations__ = {}
            return view

        app.add_api_route(path, mark(made()), methods=list(PUBLIC), name=path)
    runner = asyncio.Runner()
    return Site("fastapi", app.state.ostiary.core, guard, clock, app, _in_asgi(app, runner), [], runner)


POLICIES = "".join(f'[[policy]]\npath = "/{name}"\npublic = "a test"\nsign_response = true\n' for name in ANSWERS)
POLICIES += """
[[policy]]
path = "/bare"
public = "a test"
[[policy]]
path = "/demanding"
require = ["a:b"]
sign_response = true
[[policy]]
path = "/signed"
signed = true
sign_response = true
[[policy]]
path = "/watched"
require = []
sign_response = true
mode = "monitor"
"""


def _name(path: str) -> str:
    return {"/bare": "plain", "/demanding": "plain", "/signed": "plain", "/watched": "over"}.get(path, path[1:])


def wsgi_site(**more: Any) -> Site:
    from ostiary import wsgi

    def application(environ: Any, start_response: Any) -> Any:
        status, kind, parts = ANSWERS[_name(environ["PATH_INFO"])]
        write = start_response(f"{status} Whatever", [("Content-Type", kind)] if kind else [])
        if len(parts) > 1:
            # The old way, for the first of them.
            write(parts[0])
            parts = parts[1:]
        yield from parts

    clock = Clock()
    guard = wsgi.Guard(application, **_options(clock, more))
    return Site("wsgi", guard.core, guard, clock, guard, _in_wsgi(guard))


def asgi_site(**more: Any) -> Site:
    from ostiary import asgi

    async def application(scope: Any, receive: Any, send: Any) -> None:
        status, kind, parts = ANSWERS[_name(scope["path"])]
        headers = [(b"content-type", kind.encode())] if kind else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    clock, runner = Clock(), asyncio.Runner()
    guard = asgi.Guard(application, **_options(clock, more))
    return Site("asgi", guard.core, guard, clock, guard, _in_asgi(guard, runner), [], runner)


def _in_wsgi(app: Any) -> Callable[..., Reply]:
    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        started, parts = [], []

        def start(status: str, given: list[Header], exc_info: Any = None) -> Callable[[bytes], None]:
            started.append((int(status[:3]), tuple(given)))
            return parts.append

        answer = app(_environ(method, path, headers, base, peer, body), start)
        parts += answer
        answer.close()
        return Reply(*started[-1], b"".join(parts))

    return send


def _in_asgi(app: Any, runner: asyncio.Runner) -> Callable[..., Reply]:
    def send(method: str, path: str, headers: list[Header], base: str, peer: str, body: bytes) -> Reply:
        return runner.run(_call(app, _scope(method, path, headers, base, peer), body, False))

    return send


SITES = {"flask": flask_site, "fastapi": fastapi_site, "wsgi": wsgi_site, "asgi": asgi_site}


@pytest.fixture(params=list(SITES))
def make(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Make]:
    made: list[Site] = []
    file = tmp_path / "ostiary.toml"
    file.write_text(POLICIES)

    def build(**more: Any) -> Site:
        made.append(SITES[request.param](**({"policy_file": str(file)} if request.param.endswith("sgi") else {}), **more))
        return made[-1]

    yield build
    for one in made:
        one.close()


def verified(site: Site, reply: Reply, method: str, path: str, headers: list[Header] = []) -> bytes:  # noqa: B006
    verifier = Verifier.from_pem(public_pem())
    verifier = Verifier(verifier.keys, clock=site.clock)
    return verifier.verified(method, HTTPS + path, headers, reply.status, reply.headers, reply.body)


def ask(site: Site, path: str, method: str = "GET", headers: list[Header] | None = None) -> Reply:
    return site.send(method, path, headers or [], HTTPS, PEER, b"")


def content(name: str) -> bytes:
    return b"".join(ANSWERS[name][2])


@pytest.mark.parametrize("name", ["plain", "pieces", "empty", "error", "most"])
@pytest.mark.parametrize("query", ["", "?a=1&b=%20"])
def test_an_answer_leaves_signed(make: Make, name: str, query: str) -> None:
    """One piece, several, none, an error, and one of exactly the most: with status and length, and our client verifies it."""
    site = make()
    reply = ask(site, f"/{name}{query}")
    assert (reply.status, verified(site, reply, "GET", f"/{name}{query}")) == (ANSWERS[name][0], content(name))
    assert reply.get("Content-Length") == (None if name == "empty" else str(len(content(name))))


def test_an_answer_to_head_has_the_digest_of_no_content(make: Make) -> None:
    """RFC 9530, B.2: what is sent is nothing, and that is what is signed."""
    site = make()
    reply = ask(site, "/plain", "HEAD")
    assert (reply.status, reply.body, verified(site, reply, "HEAD", "/plain")) == (200, b"", b"")
    assert reply["Content-Digest"] == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"


def test_a_refusal_leaves_signed(make: Make) -> None:
    """No key: the 401 of the route is the server's own word; so is that of a request whose signature is missing."""
    site = make()
    for path in ("/demanding", "/signed"):
        reply = ask(site, path)
        assert (reply.status, verified(site, reply, "GET", path)) == (401, reply.body)


def test_other_routes_leave_as_they_are(make: Make) -> None:
    """No digest, no signature."""
    site = make()
    reply = ask(site, "/bare")
    assert (reply.status, {"signature", "signature-input", "content-digest"} & reply.names) == (200, set())


@pytest.mark.parametrize("what", ["content", "status", "type", "method", "path", "query", "host", "time", "key"])
def test_an_answer_fits_nothing_else(make: Make, what: str) -> None:
    """Another content, status, media type, method, path, query, host, an hour later, another server: refused by our client."""
    site = make()
    reply = ask(site, "/plain?a=1")
    status, headers, body, method, url = reply.status, list(reply.headers), reply.body, "GET", f"{HTTPS}/plain?a=1"
    keys, now = Verifier.from_pem(public_pem()).keys, site.clock.now
    if what == "key":
        keys = (SignKey.ed25519(keys[0].id, bytes(32)).verifier(),)
    headers = [(name, "text/html" if what == "type" and name.lower() == "content-type" else value) for name, value in headers]
    status, body, method = 201 if what == "status" else status, body + b" " * (what == "content"), "POST" if what == "method" else method
    url = {"path": f"{HTTPS}/pieces?a=1", "query": f"{HTTPS}/plain?a=2", "host": "https://other.test/plain?a=1"}.get(what, url)
    verifier = Verifier(keys, clock=lambda: now + 3600 * (what == "time"))
    with pytest.raises(BadSignature) as refused:
        verifier.verified(method, url, [], status, headers, body)
    expected = {"content": SignatureReason.DIGEST, "time": SignatureReason.STALE}
    assert refused.value.reason is expected.get(what, SignatureReason.WRONG)


def test_an_answer_fits_one_signed_request_alone(make: Make) -> None:
    """The same request, signed a second time: the first answer is none to it."""
    site = make()
    signer = Signer(credential(site), clock=site.clock, nonce=nonce)
    first, second = (list(signer.headers("GET", f"{HTTPS}/signed").items()) for _ in range(2))
    reply = ask(site, "/signed", headers=first)
    assert verified(site, reply, "GET", "/signed", first) == content("plain")
    with pytest.raises(BadSignature):
        verified(site, reply, "GET", "/signed", second)
    with pytest.raises(BadSignature):
        verified(site, reply, "GET", "/signed")


@pytest.mark.parametrize(("name", "code"), [("over", "answer_too_large"), ("events", "answer_streams")])
def test_what_cannot_be_held_is_withheld_and_said(make: Make, name: str, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """One byte over the most, an event stream: a signed 500 in its place, the log and the event say why; nothing of the answer leaves."""
    site = make()
    reply = ask(site, f"/{name}")
    assert (reply.status, reply.code, site.events()[-1].reason) == (500, "answer_unsigned", code)
    assert verified(site, reply, "GET", f"/{name}") == reply.body
    assert f"/{name}: " in caplog.text


def test_a_guard_that_watches_changes_nothing(make: Make) -> None:
    """In monitor mode, of the guard or of the route, an answer leaves as the app gave it, of whatever length."""
    assert ask(make(), "/watched").body == content("over")
    site = make(mode="monitor")
    for name in ("plain", "over", "events"):
        reply = ask(site, f"/{name}")
        assert (reply.status, reply.body) == (200, content(name))
        assert not {"signature", "signature-input", "content-digest"} & reply.names


def test_secrets_are_masked_before_the_digest(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The presented key comes back in the answer: masked, and the digest is of what was sent."""
    site = make()
    key = site.mint("a:b")
    monkeypatch.setitem(ANSWERS, "plain", (200, "text/plain", [b"you sent ", key[:20].encode(), key[20:].encode()]))
    reply = ask(site, "/demanding", headers=[("X-API-Key", key)])
    assert (reply.status, key[20:] in reply.body.decode()) == (200, False)
    assert verified(site, reply, "GET", "/demanding", [("X-API-Key", key)]) == reply.body


@pytest.mark.parametrize("signed", [False, True], ids=["bare", "signed"])
def test_another_implementation_verifies_it(make: Make, signed: bool) -> None:
    """http-message-signatures, with the public half alone."""
    import datetime

    import http_message_signatures as peer
    import requests

    site = make()
    path = "/signed" if signed else "/pieces"
    headers = list(Signer(credential(site), clock=site.clock, nonce=nonce).headers("GET", HTTPS + path).items()) if signed else []
    reply = ask(site, path, headers=headers)
    response = requests.Response()
    response.status_code, response._content = reply.status, reply.body
    response.headers.update(dict(reply.headers))
    response.request = requests.Request("GET", HTTPS + path, headers=dict(headers)).prepare()

    class Keys(peer.HTTPSignatureKeyResolver):
        def resolve_public_key(self, key_id: str) -> Any:
            return Verifier.from_pem(public_pem()).keys[0].material

    verifier = peer.HTTPMessageVerifier(signature_algorithm=peer.algorithms.ED25519, key_resolver=Keys())
    long = datetime.timedelta(days=100_000)
    verifier.max_clock_skew = long
    (result,) = verifier.verify(response, max_age=long, expect_tag="ostiary")
    covered = set(result.covered_components)
    assert {'"@status"', '"@method";req', '"@path";req', '"content-digest"'} <= covered
    assert ('"signature";req' in covered) is signed


@pytest.mark.parametrize(
    ("options", "said", "sentence"),
    [
        ({"response_key": None}, {}, "GET /x: sign_response needs a key: write Guard"),
        ({"response_key": "nonsense"}, {}, "response_key: a private key in PEM"),
        ({"response_key": 7}, {}, "response_key: a private key in PEM, not int"),
        ({}, {"sign_response": 1}, "sign_response: True or False"),
        ({"signatures": lambda: Signatures(max_answer=-1)}, {}, "max_answer is a number of bytes"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    options: dict[str, Any], said: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At start-up, with what to write instead."""
    from flask import Flask

    from ostiary.flask import Guard, public

    monkeypatch.delenv("OSTIARY_RESPONSE_KEY", raising=False)
    app = Flask(__name__, static_folder=None)

    def declared() -> None:
        made = {name: value() if callable(value) else value for name, value in options.items()}
        Guard(app, **settings("memory://", Clock(), {"response_key": pem(), **made}))
        app.add_url_rule("/x", "x", public("a test", **{"sign_response": True, **said})(lambda: "x"))
        app.extensions["ostiary"].problems()

    with pytest.raises(UsageError, match=sentence):
        declared()


def test_a_websocket_has_no_answer_to_sign() -> None:
    """Said at start-up."""
    from fastapi import FastAPI, WebSocket

    from ostiary.fastapi import Guard, public

    app = FastAPI()
    Guard(app, **settings("memory://", Clock(), {"response_key": pem()}))

    async def feed(socket: WebSocket) -> None:
        await socket.accept()

    feed.__annotations__ = {"socket": WebSocket}
    app.add_api_websocket_route("/feed", public("a test", sign_response=True)(feed))
    with pytest.raises(UsageError, match="a WebSocket has no answer"):
        app.state.ostiary.problems()


@pytest.mark.parametrize("how", ["text", "bytes", "secret", "variable", "file"])
def test_where_the_key_comes_from(how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Given as PEM, as a secret, in OSTIARY_RESPONSE_KEY, or in the file that OSTIARY_RESPONSE_KEY_FILE names: the same key."""
    from ostiary.guard.settings import Options, settings_of
    from ostiary.wire.secret import Secret

    monkeypatch.delenv("OSTIARY_RESPONSE_KEY", raising=False)
    file = tmp_path / "response.pem"
    file.write_bytes(pem())
    file.chmod(0o600)
    if how == "variable":
        monkeypatch.setenv("OSTIARY_RESPONSE_KEY", pem().decode())
    if how == "file":
        monkeypatch.setenv("OSTIARY_RESPONSE_KEY_FILE", str(file))
    given = {"text": pem().decode(), "bytes": pem(), "secret": Secret("KEY", pem().decode())}.get(how)
    found = settings_of(Options(response_key=given)).response_key
    assert found is not None
    assert found.id == Verifier.from_pem(public_pem()).keys[0].id
