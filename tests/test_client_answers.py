"""Answers that a guard signed, over the wire: httpx (sync and async) and requests hand on what verifies, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
import requests

from ostiary import wsgi
from ostiary.client import Signer, SignKey, Verifier
from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire.signed_response import response_key
from ostiary.wire.signing_key import public_pem
from tests.guard.test_signed_answers import pem

TEXT = b'{"ordered": true}' * 40
SIGNER = Signer(SignKey.ed25519("a-shop-of-ours", b"0123456789abcdef0123456789abcdef"))
VERIFIER = Verifier.from_pem(public_pem(response_key(pem()).verifier()).encode())
POLICY = '[[policy]]\npath = "/**"\npublic = "a test"\nsign_response = true\n[[policy]]\npath = "/bare"\npublic = "a test"\nsign_response = false\n'
Ask = Callable[..., tuple[int, bytes]]


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/moved":
        start_response("307 Temporary Redirect", [("Location", "/plain?moved=1")])
        return []
    if path == "/none":
        start_response("204 No Content", [])
        return []
    coded = [("Content-Encoding", "gzip")] if path == "/coded" else []
    start_response("200 OK", [("Content-Type", "application/json"), *coded])
    return [gzip.compress(TEXT) if coded else TEXT]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def spoiled() -> list[tuple[bytes, bytes]]:
    """What somebody between server and client writes in place of what."""
    return []


@pytest.fixture
def address(tmp_path: Any, spoiled: list[tuple[bytes, bytes]]) -> Iterator[str]:
    file = tmp_path / "ostiary.toml"
    file.write_text(POLICY)
    guard = wsgi.Guard(application, store="memory://", pepper=b"p" * 32, policy_file=file, environment="development", response_key=pem())

    def between(environ: Any, start_response: Any) -> Iterator[bytes]:
        for piece in guard(environ, start_response):
            for old, new in spoiled:
                piece = piece.replace(old, new)
            yield piece

    with make_server("127.0.0.1", 0, between, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    guard.core.close()


def with_httpx(verifier: Verifier, method: str, url: str) -> tuple[int, bytes]:
    with httpx.Client(transport=verifier.httpx(), auth=SIGNER.httpx(), trust_env=False, follow_redirects=True) as client:
        answer = client.request(method, url)
        return answer.status_code, answer.content


def with_async_httpx(verifier: Verifier, method: str, url: str) -> tuple[int, bytes]:
    async def send() -> tuple[int, bytes]:
        async with httpx.AsyncClient(transport=verifier.httpx_async(), auth=SIGNER.httpx(), follow_redirects=True) as client:
            answer = await client.request(method, url)
            return answer.status_code, answer.content

    return asyncio.run(send())


def with_requests(verifier: Verifier, method: str, url: str) -> tuple[int, bytes]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, url, hooks={"response": verifier.requests()}, auth=SIGNER.requests(), allow_redirects=True)
        return answer.status_code, answer.content


CLIENTS: dict[str, Ask] = {"httpx": with_httpx, "async": with_async_httpx, "requests": with_requests}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/plain", (200, TEXT)),
        ("GET", "/plain?a=%20&b=ä", (200, TEXT)),
        ("POST", "/ä/b%20c", (200, TEXT)),
        ("HEAD", "/plain", (200, b"")),
        ("GET", "/none", (204, b"")),
        ("GET", "/coded", (200, TEXT)),
        ("GET", "/moved", (200, TEXT)),
    ],
)
def test_what_verifies_is_handed_on(address: str, client: str, method: str, path: str, expected: tuple[int, bytes]) -> None:
    """Content that is coded is decoded after it was verified; each answer on the way of a redirect is verified."""
    assert CLIENTS[client](VERIFIER, method, address + path) == expected


@pytest.mark.parametrize("client", CLIENTS)
def test_what_was_changed_on_the_way_is_not(address: str, client: str, spoiled: list[tuple[bytes, bytes]]) -> None:
    """One byte of the content: BadSignature in place of the answer."""
    spoiled.append((b"true", b"tru3"))
    with pytest.raises(BadSignature) as refused:
        CLIENTS[client](VERIFIER, "GET", f"{address}/plain")
    assert refused.value.reason is SignatureReason.DIGEST


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_not_signed_is_not_taken(address: str, client: str) -> None:
    """A route that does not sign."""
    with pytest.raises(BadSignature) as refused:
        CLIENTS[client](VERIFIER, "GET", f"{address}/bare")
    assert refused.value.reason is SignatureReason.INCOMPLETE


@pytest.mark.parametrize("client", CLIENTS)
def test_another_server_is_refused_and_two_keys_may_stand_in_for_each_other(address: str, client: str) -> None:
    """Whose key is not among the client's is nobody; while one key replaces the other the client has both."""
    other = SignKey.ed25519("other", bytes(32)).verifier()
    with pytest.raises(BadSignature) as refused:
        CLIENTS[client](Verifier((other,)), "GET", f"{address}/plain")
    assert refused.value.reason is SignatureReason.WRONG
    assert CLIENTS[client](Verifier((other, *VERIFIER.keys)), "GET", f"{address}/plain") == (200, TEXT)


def test_a_verifier_needs_a_key() -> None:
    """A sentence for none, and for what is none."""
    with pytest.raises(UsageError, match="takes one public key"):
        Verifier.from_pem()
    with pytest.raises(UsageError, match="no public key in PEM"):
        Verifier.from_pem(b"nonsense")
