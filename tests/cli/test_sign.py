"""``ostiary sign``: the command that it prints is run by a real shell and a real curl, and what arrives verifies.

These tests run sh and curl; where one is missing they fail.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ostiary.wire import signed_request, simple_signature
from ostiary.wire.digest import verified_content
from ostiary.wire.message import Message
from ostiary.wire.signing_key import SignKey
from tests.cli.run import ostiary
from tests.loopback import Server, listening

SECRET = "0123456789abcdef0123456789abcdef"
PAIR = SignKey.ed25519("shop", SECRET.encode())
SHARED = SignKey.hmac("shop", SECRET.encode())


@pytest.fixture
def server() -> Iterator[Server]:
    with listening() as running:
        yield running


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "signing.pem"
    key = Ed25519PrivateKey.from_private_bytes(SECRET.encode())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    return file


def run(command: str, folder: Path) -> None:
    # Only the flags that make a test quiet are added.
    quiet = command.replace("curl ", "curl --silent --show-error --output answer --noproxy '*' ", 1)
    done = subprocess.run(["sh", "-eu", "-c", quiet], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def verified(message: Message, body: bytes, key: SignKey) -> None:
    found = signed_request.presented(message)
    assert found is not None
    created = found.parameter("created")
    assert isinstance(created, int)
    signed_request.verify_request(message, found, key.verifier(), created, body=bool(body))
    if body:
        verified_content(message.value("content-digest") or b"", body)


@pytest.mark.parametrize(
    "words",
    [
        ["/"],
        ["/a/../b%2F/./c?x=[1]&y={a,b}&z=%20"],
        ["/a", "-X", "DELETE"],
        ["/a", "-X", "HEAD"],
        ["/a", "-H", "Host: api.example.com:8443", "-H", "X-Empty:"],
        ["/a", "-d", '{"it\'s": "$HOME `x` \\n"}', "-H", "Content-Type: application/json"],
        ["/a", "-d", "plain", "-X", "PUT"],
        ["/a", "-d", "@body.bin"],
        ["/a", "-d", "größe", "--lifetime", "60"],
        ["/a", "-d", ""],
    ],
    ids=str,
)
def test_the_printed_command_sends_a_signed_request(server: Server, pem: Path, words: list[str]) -> None:
    """Whatever curl or the shell would make of an address or a body."""
    (pem.parent / "body.bin").write_bytes(b"\x00\r\n\xff raw")
    done = ostiary("sign", server.address + words[0], *words[1:], "--key", pem, "--key-id", "shop", cwd=pem.parent)
    assert (done.returncode, done.stderr) == (0, "")
    run(done.stdout, pem.parent)
    ((message, body),) = server.received
    verified(message, body, PAIR)
    target, _, query = words[0].encode().partition(b"?")
    assert (message.path, message.query) == (target, query)
    if "-d" in words:
        data = words[words.index("-d") + 1]
        assert body == (b"\x00\r\n\xff raw" if data == "@body.bin" else data.encode())


def test_the_simple_scheme(server: Server, tmp_path: Path) -> None:
    """With the secret from the environment, which is not in the command."""
    done = ostiary(
        "sign", f"{server.address}/a?b=%20", "--simple", "-d", "x=1", "-H", "Content-Type: application/x-www-form-urlencoded",
        OSTIARY_SIGNING_KEY=SECRET, OSTIARY_SIGNING_KEY_ID="shop",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET not in done.stdout
    run(done.stdout, tmp_path)
    ((message, body),) = server.received
    created = int(message.values("x-timestamp")[0])
    assert simple_signature.verify_request(message, SHARED.verifier(), hashlib.sha256(body).digest(), created).key_id == "shop"


def test_no_key_is_in_the_command(pem: Path) -> None:
    """Nor is a line of its file."""
    done = ostiary("sign", "https://api.example.com/", "--key", pem, "--key-id", "shop")
    assert not [line for line in pem.read_text().splitlines() if line in done.stdout]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["https://h/"], "--key-id"),
        (["https://h/", "--key-id", "k"], "OSTIARY_SIGNING_KEY is missing"),
        (["https://h/", "--key-id", "k", "--key", "none.pem"], "none.pem: No such file"),
        (["https://h/", "--key-id", "k", "--key", "open.pem"], "chmod 600"),
        (["https://h/", "--key-id", "k", "--key", "short"], "32 are needed"),
        (["https://h/", "--key-id", "k", "--key", "junk.pem"], "no private key in PEM"),
        (["https://h/", "--key-id", "k k", "--key", "signing.pem"], "id of a signing key"),
        (["/a", "--key-id", "k", "--key", "signing.pem"], "absolute"),
        (["https://h/ü", "--key-id", "k", "--key", "signing.pem"], "percent-encoded"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "-H", "junk"], "not a header"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "-H", "X: a\nY: b"], "not a header"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "-d", "@none"], "none: No such file"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "--simple"], "shared secret"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "-X", "GET IT"], "no method"),
        (["https://h/", "--key-id", "k", "--key", "signing.pem", "--lifetime", "0"], "lifetime"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(pem: Path, words: list[str], said: str) -> None:
    """Exit code 2, nothing on standard output, no traceback, and nothing of a secret."""
    for name, text, mode in (
        ("open.pem", pem.read_text(), 0o644),
        ("short", "too-short", 0o600),
        ("junk.pem", "-----BEGIN PRIVATE KEY-----", 0o600),
    ):
        (pem.parent / name).write_text(text)
        os.chmod(pem.parent / name, mode)
    done = ostiary("sign", *words, cwd=pem.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "too-short" not in done.stderr
