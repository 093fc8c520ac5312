"""Signers for clients: what arrives over the wire verifies, byte for byte, with httpx (sync and async) and requests."""

from __future__ import annotations

import asyncio
import hashlib
import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests

from ostiary.client import Signer, SignKey
from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signed_request, simple_signature
from ostiary.wire.digest import ContentCheck
from ostiary.wire.message import Message
from ostiary.wire.signed_request import Signed
from tests.loopback import Server, listening

NOW = 1_800_000_000
NONCE = "nonce-0123456789"
SHARED = SignKey.hmac("shop", b"0123456789abcdef0123456789abcdef")
PAIR = SignKey.ed25519("shop", b"0123456789abcdef0123456789abcdef")
SIGNERS = {
    "pair": Signer(PAIR, clock=lambda: NOW, nonce=lambda: NONCE),
    "shared": Signer(SHARED, lifetime=60, clock=lambda: NOW + 0.9, nonce=lambda: NONCE),
    "simple": Signer(SHARED, "simple", clock=lambda: NOW, nonce=lambda: NONCE),
}
Send = Callable[..., int]


def with_httpx(signer: Signer, method: str, url: str, **how: Any) -> int:
    with httpx.Client(auth=signer.httpx(), trust_env=False) as client:
        return client.request(method, url, **how).status_code


def with_async_httpx(signer: Signer, method: str, url: str, **how: Any) -> int:
    async def send() -> int:
        async with httpx.AsyncClient(auth=signer.httpx(), trust_env=False) as client:
            return (await client.request(method, url, **how)).status_code

    return asyncio.run(send())


def with_requests(signer: Signer, method: str, url: str, **how: Any) -> int:
    if isinstance(how.get("content"), bytes | str):
        how["data"] = how.pop("content")
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, auth=signer.requests(), allow_redirects=False, **how).status_code


CLIENTS: dict[str, Send] = {"httpx": with_httpx, "async": with_async_httpx, "requests": with_requests}


@pytest.fixture
def server() -> Iterator[Server]:
    with listening() as running:
        yield running


def verified(message: Message, body: bytes, scheme: str) -> Signed:
    """As a server does it, from what came over the wire."""
    key = (PAIR if scheme == "pair" else SHARED).verifier()
    if scheme == "simple":
        assert simple_signature.presented(message) == "shop"
        return simple_signature.verify_request(message, key, hashlib.sha256(body).digest(), NOW)
    found = signed_request.presented(message)
    assert found is not None
    signed = signed_request.verify_request(message, found, key, NOW, body=bool(body))
    if body:
        check = ContentCheck(signed.digests)
        check.update(body)
        check.finish()
    return signed


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/", {}),
    ("GET", "", {}),
    ("GET", "/?", {}),
    ("GET", "/a?x=1&y=%20&x=2", {}),
    ("GET", "/a/b?q=ä b&p=%2f", {}),
    ("GET", "/orders%2F7/%c3%a9/ä", {}),
    ("GET", "/a/./b/../c//d;v=1", {}),
    ("GET", "/a?x=1#part", {}),
    ("GET", "/a", {"params": {"z": "1 2", "a": "ü&="}}),
    ("DELETE", "/a/7", {}),
    ("HEAD", "/a", {}),
    ("OPTIONS", "/a", {}),
    ("POST", "/orders", {"json": {"book": 7}}),
    ("PUT", "/orders", {"content": b"\x00\xff raw"}),
    ("POST", "/orders", {"content": "größe", "headers": {"Content-Type": "text/plain; charset=utf-8"}}),
    ("POST", "/orders", {"content": b""}),
    ("PATCH", "/orders", {"data": {"a": "1 2", "b": "ä"}}),
    ("POST", "/files", {"files": {"file": ("a.txt", b"text", "text/plain")}}),
    ("GET", "/a", {"headers": {"Host": "API.Example.com:8443"}}),
]


@pytest.mark.parametrize("scheme", SIGNERS)
@pytest.mark.parametrize("client", CLIENTS)
def test_what_arrives_verifies(server: Server, client: str, scheme: str) -> None:
    """Odd paths, queries, hosts and every kind of body, whatever the client makes of them on the way."""
    for method, target, how in REQUESTS:
        assert CLIENTS[client](SIGNERS[scheme], method, server.address + target, **how) == 200
        message, body = server.received[-1]
        signed = verified(message, body, scheme)
        assert (signed.key_id, signed.nonce, signed.created, message.method) == ("shop", NONCE, NOW, method)
    bodies = [body for _, body in server.received]
    assert (bodies[13], bodies[14], bodies[16]) == (b"\x00\xff raw", "größe".encode(), b"a=1+2&b=%C3%A4")


@pytest.mark.parametrize("scheme", SIGNERS)
def test_a_file_is_signed_and_sent_from_where_it_stands(server: Server, scheme: str) -> None:
    """requests reads it once more afterwards."""
    file = io.BytesIO(b"skipped sent")
    file.seek(8)
    assert requests.post(f"{server.address}/a", data=file, auth=SIGNERS[scheme].requests(), timeout=10).status_code == 200
    message, body = server.received[-1]
    assert body == b"sent"
    verified(message, body, scheme)


def test_a_body_that_is_read_once_is_refused(server: Server) -> None:
    """By requests, before anything is sent, with what to do; text files, too."""
    for body in (iter([b"a"]), io.StringIO("a")):
        with pytest.raises(UsageError, match=r"bytes|binary"):
            requests.post(server.address, data=body, auth=SIGNERS["pair"].requests(), timeout=10)
    assert server.received == []


def test_httpx_reads_a_stream_before_it_signs(server: Server) -> None:
    """Sync and async."""

    async def pieces() -> Any:
        for piece in (b"one ", b"two"):
            yield piece

    async def send() -> None:
        async with httpx.AsyncClient(auth=SIGNERS["pair"].httpx(), trust_env=False) as client:
            await client.post(server.address, content=pieces(), headers={"Content-Length": "7"})

    with_httpx(SIGNERS["pair"], "POST", server.address, content=iter([b"one ", b"two"]), headers={"Content-Length": "7"})
    asyncio.run(send())
    for message, body in server.received:
        assert body == b"one two"
        verified(message, body, "pair")
    assert len(server.received) == 2


def test_each_request_has_its_own_nonce(server: Server) -> None:
    """Also when the same signer or request is used again: the signature is replaced, not added."""
    signer = Signer(PAIR)
    with httpx.Client(auth=signer.httpx(), trust_env=False) as client:
        request = client.build_request("POST", server.address, json=1)
        for _ in range(3):
            client.send(request)
    found = [signed_request.presented(message) for message, _ in server.received]
    assert len({one.parameter("nonce") for one in found if one is not None}) == 3
    assert all(
        len(message.values(name)) == 1 for message, _ in server.received for name in ("signature", "signature-input", "content-digest")
    )


def test_a_redirect_is_not_signed_by_the_first_signature(server: Server) -> None:
    """It goes out with the old signature, and that does not fit the new address."""
    with httpx.Client(auth=SIGNERS["pair"].httpx(), trust_env=False, follow_redirects=True) as client:
        client.get(f"{server.address}/moved")
    (first, _), (second, _) = server.received
    verified(first, b"", "pair")
    with pytest.raises(BadSignature) as refused:
        verified(second, b"", "pair")
    assert refused.value.reason is SignatureReason.WRONG


def test_headers_for_other_clients() -> None:
    """Without a Content-Type a body gets one that is signed; userinfo is no part of the authority."""
    signer = SIGNERS["pair"]
    added = signer.headers("POST", "https://user:pass@API.example.com:443/a?b=1#c", [("X-A", "1")], b"body")
    assert list(added) == ["Content-Type", "Content-Digest", "Signature-Input", "Signature"]
    assert added["Content-Type"] == "application/octet-stream"
    fields = tuple((name.encode(), value.encode()) for name, value in added.items())
    verified(Message("POST", "https", "api.example.com", b"/a", b"b=1", fields), b"body", "pair")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "api.example.com/a",
        "ftp://h/a",
        "https:///a",
        "https://h/a b",
        "https://h/ä",
        "https://h/a\n",
        "https://[h/",
        "https://h/\x7f",
    ],
)
def test_an_address_that_is_not_on_the_wire_like_that_is_refused(url: str) -> None:
    """Relative, of another scheme, with blanks, or not ASCII."""
    with pytest.raises(UsageError, match="absolute"):
        SIGNERS["pair"].headers("GET", url)


@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS)
def test_what_no_request_can_hold_is_refused(signer: Signer) -> None:
    """A method or a header that is not on any wire."""
    for method, headers in (("GÉT", []), ("GET", [("X-A", "€")])):
        with pytest.raises(UsageError):
            signer.headers(method, "https://h/", headers)


@pytest.mark.parametrize(
    "options",
    [
        {"scheme": "other"},
        {"lifetime": 0},
        {"lifetime": -1},
        {"scheme": "simple"},
        {"scheme": "simple", "key": SHARED, "lifetime": 5},
        {"scheme": "simple", "key": SHARED, "more": ("x",)},
    ],
    ids=str,
)
def test_options_that_do_not_go_together(options: dict[str, Any]) -> None:
    """Refused when the signer is made."""
    with pytest.raises(UsageError):
        Signer(**{"key": PAIR, **options})


def test_options_of_the_standard() -> None:
    """``lifetime`` becomes ``expires``, ``more`` is covered."""
    signer = Signer(PAIR, lifetime=60, more=("x-tenant",), clock=lambda: NOW, nonce=lambda: NONCE)
    added = signer.headers("GET", "https://h/", [("X-Tenant", "7")])
    assert added["Signature-Input"] == (
        'ostiary=("@method" "@authority" "@path" "@query" "x-tenant");created=1800000000;expires=1800000060;nonce="nonce-0123456789";keyid="shop";tag="ostiary"'
    )


def test_a_signer_shows_no_secret() -> None:
    """It stands in tracebacks of the application."""
    assert "0123456789abcdef" not in repr(SIGNERS["simple"])
    assert "0123456789abcdef" not in repr(vars(SIGNERS["simple"]))


def test_importing_the_client_loads_no_other_client() -> None:
    """Neither httpx nor requests nor cryptography, and without them a sentence says what is missing."""
    code = """
import sys
import ostiary.client
print(sorted({"httpx", "requests", "cryptography", "ostiary.scan", "ostiary.guard"} & set(sys.modules)))
sys.modules["httpx"] = sys.modules["requests"] = sys.modules["requests.auth"] = None
signer = ostiary.client.Signer(ostiary.client.SignKey.hmac("k", bytes(32)))
for make in (signer.httpx, signer.requests):
    try:
        make()
    except ostiary.client.UsageError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "[]",
        "signing for httpx needs: pip install 'ostiary[live]'",
        "signing for requests needs: pip install requests",
    ]
