"""docs/signing.md: its vectors are what the format gives, and its snippets make them and are understood by a server.

These tests run sh, openssl, curl and node 20 or newer; where one is missing they fail, since the page promises that they work.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.errors import SignatureReason
from ostiary.wire import simple_signature
from ostiary.wire.digest import content_digest
from ostiary.wire.freshness import SKEW, WINDOW
from ostiary.wire.message import Message
from ostiary.wire.signed_request import sign_request
from ostiary.wire.signing_key import SignKey
from tests.loopback import Server, listening

DOC = (Path(__file__).resolve().parents[2] / "docs" / "signing.md").read_text(encoding="utf-8")
SECRET = "0123456789abcdef0123456789abcdef"
KEY = SignKey.hmac("7fKq2ZxLw0aB", SECRET.encode())
NOW = 1_800_000_000
NONCE = "AAECAwQFBgcICQoLDA0ODw"
BODY = '{"book": 7}'
GET = ("GET", "api.example.com", "/v1/orders", "", "", "")
POST = ("POST", "api.example.com", "/v1/orders%2F7", "book=7&note=%20", "application/json", BODY)
ENVIRONMENT = os.environ | {"KEY_ID": KEY.id, "SECRET": SECRET}


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)


def published() -> list[tuple[str, str]]:
    """What is to be signed, and the signature."""
    return re.findall(r"^```\n(22:ostiary[^\n]+)\n```\n\n`X-Signature: ([0-9a-f]{64})`$", DOC, re.MULTILINE)


@pytest.fixture
def server() -> Iterator[Server]:
    with listening() as running:
        yield running


def message(parts: tuple[str, ...]) -> Message:
    method, authority, path, query, kind, _ = parts
    fields = ((b"Content-Type", kind.encode()),) if kind else ()
    return Message(method, "https", authority, path.encode(), query.encode(), fields)


@pytest.mark.parametrize(("at", "parts"), [(0, GET), (1, POST)])
def test_published_vectors(at: int, parts: tuple[str, ...]) -> None:
    """The line to sign is put together here by the words of the page; its MAC is the published one; ours are both."""
    line, signature = published()[at]
    digest = hashlib.sha256(parts[5].encode()).hexdigest()
    by_hand = ["ostiary-hmac-sha256-v1", KEY.id, str(NOW), NONCE, *parts[:5], digest]
    assert line == "".join(f"{len(part)}:{part}" for part in by_hand)
    assert signature == hmac.new(SECRET.encode(), line.encode(), hashlib.sha256).hexdigest()
    assert simple_signature.string_to_sign(message(parts), KEY.id, str(NOW), NONCE, bytes.fromhex(digest)).decode() == line
    made = simple_signature.sign_request(message(parts), parts[5].encode(), KEY, created=NOW, nonce=NONCE)
    assert dict(made)[b"X-Signature"].decode() == signature


def test_two_vectors_are_published() -> None:
    """One with a body, one without."""
    assert len(published()) == 2
    assert all(part in DOC for part in (KEY.id, SECRET, str(NOW), NONCE))


def test_the_example_of_rfc_9421_is_what_we_send() -> None:
    """Digest and Signature-Input of the page."""
    lines = dict(sign_request(message(POST), BODY.encode(), KEY, created=NOW, nonce=NONCE))
    assert f"Content-Digest: {content_digest(BODY.encode()).decode()}\n" in DOC
    assert f"Signature-Input: {lines[b'Signature-Input'].decode()}\n" in DOC


def shell(code: str, folder: Path, **variables: str) -> str:
    run = subprocess.run(
        ["sh", "-eu", "-c", code], cwd=folder, env=ENVIRONMENT | variables, capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


@pytest.mark.parametrize(("at", "parts"), [(0, GET), (1, POST)])
def test_the_shell_snippet_makes_the_vectors(at: int, parts: tuple[str, ...], tmp_path: Path) -> None:
    """With openssl, under sh."""
    (tmp_path / "body").write_text(parts[5], encoding="utf-8")
    words = " ".join(f"'{part}'" for part in parts[:5])
    printed = shell(f"{snippets('sh')[0]}\nsign {words} body", tmp_path, TIMESTAMP=str(NOW), NONCE=NONCE)
    assert printed == f"X-Key-Id: {KEY.id}\nX-Timestamp: {NOW}\nX-Nonce: {NONCE}\nX-Signature: {published()[at][1]}\n"


def verified(server: Server) -> None:
    """The one request that came is signed, lately."""
    ((received, body),) = server.received
    stamp = int(received.values("x-timestamp")[0])
    signed = simple_signature.verify_request(received, KEY.verifier(), hashlib.sha256(body).digest(), stamp)
    assert (signed.key_id, json.loads(body)) == (KEY.id, {"book": 7})


def test_the_curl_snippet_is_understood(server: Server, tmp_path: Path) -> None:
    """As it stands on the page, but for the host."""
    define, use = snippets("sh")
    use = use.replace("https://api.example.com", server.address).replace("api.example.com", server.authority)
    shell(define + use.replace("curl ", "curl --silent --show-error --noproxy '*' "), tmp_path)
    verified(server)


def node(code: str, folder: Path) -> str:
    (folder / "signing.mjs").write_text(code, encoding="utf-8")
    run = subprocess.run(["node", "signing.mjs"], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


@pytest.mark.parametrize(("at", "parts"), [(0, GET), (1, POST)])
def test_the_javascript_snippet_makes_the_vectors(at: int, parts: tuple[str, ...], tmp_path: Path) -> None:
    """With nothing but what the language has."""
    method, authority, path, query, kind, body = parts
    how = {"type": kind, "body": body, "timestamp": NOW, "nonce": NONCE}
    address = f"https://{authority}{path}" + (f"?{query}" if query else "")
    call = f"console.log(JSON.stringify(await sign({json.dumps(KEY.id)}, {json.dumps(SECRET)}, {json.dumps(method)}, {json.dumps(address)}, {json.dumps(how)})));"
    printed = json.loads(node(snippets("js")[0] + call, tmp_path))
    assert printed == {"X-Key-Id": KEY.id, "X-Timestamp": str(NOW), "X-Nonce": NONCE, "X-Signature": published()[at][1]}


def test_the_fetch_snippet_is_understood(server: Server, tmp_path: Path) -> None:
    """As it stands on the page, but for the host."""
    define, use = snippets("js")
    known = f"const [keyId, secret] = {json.dumps([KEY.id, SECRET])};\n"
    node(define + known + use.replace("https://api.example.com", server.address), tmp_path)
    verified(server)


def test_every_reason_is_explained() -> None:
    """Each code has a row, and no row has no code; the window is the one that is kept."""
    rows = re.findall(r"^\| `((?:signature|digest)_[a-z]+)` \|", DOC, re.MULTILINE)
    assert sorted(rows) == sorted(reason.value for reason in SignatureReason)
    assert f"{SKEW} seconds before its time" in DOC
    assert f"to {WINDOW} seconds after" in DOC
    assert f"until {WINDOW + SKEW} seconds" in DOC
