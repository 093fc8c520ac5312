"""What the guard fetches from other people's servers: in time, in one piece, from nobody else, and once for all who wait."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ostiary.errors import UsageError
from ostiary.guard.ask import Fetch
from ostiary.guard.fetching import Fetcher, checked_url
from ostiary.guard.stores.base import StoreDown
from ostiary.wire.secret import Secret
from tests.guard.issuers import Issuer, issuing


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        yield found


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    found = Fetcher(timeout=0.4)
    yield found
    found.close()


def both(fetcher: Fetcher, ask: Fetch) -> list[object]:
    """What a thread and what an event loop is told."""
    told: list[object] = []
    for way in (lambda: fetcher.fetch(ask), lambda: asyncio.run(fetcher.afetch(ask))):
        try:
            told.append(way())
        except StoreDown as down:
            told.append(str(down).partition(": ")[2])
    return told


def test_a_document_is_fetched(fetcher: Fetcher, issuer: Issuer) -> None:
    """With its query, as JSON, uncompressed, without credentials."""
    issuer.answers["/jwks.json?tenant=7"] = b'{"keys":[]}'
    assert both(fetcher, Fetch(issuer.url("/jwks.json?tenant=7"))) == [b'{"keys":[]}'] * 2
    assert issuer.heads[0]["Accept-Encoding"] == "identity"
    assert "Authorization" not in issuer.heads[0]


def test_a_form_is_posted_with_the_clients_name(fetcher: Fetcher, issuer: Issuer) -> None:
    """Id and secret are form-encoded before they are Basic (RFC 6749, 2.3.1)."""
    issuer.answers["/introspect"] = lambda form: form["token"]
    ask = Fetch(issuer.url("/introspect"), (("token", "a b&c"),), ("shop:1", Secret("S", "p/ä :")))
    assert fetcher.fetch(ask) == b"a b&c"
    assert issuer.heads[0]["Authorization"] == "Basic c2hvcCUzQTE6cCUyRiVDMyVBNCslM0E="
    assert "a b&c" not in repr(ask)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404, 500, 503])
def test_only_200_is_an_answer(fetcher: Fetcher, issuer: Issuer, status: int) -> None:
    """And nobody is sent elsewhere."""
    issuer.answers["/a"] = (status, {"Location": "/b"}, b"x" if status != 204 else b"")
    issuer.answers["/b"] = b"elsewhere"
    assert both(fetcher, Fetch(issuer.url("/a"))) == [f"answered {status}"] * 2
    assert set(issuer.asked) == {"/a"}


def test_256_kib_and_no_more(fetcher: Fetcher, issuer: Issuer) -> None:
    """Counted while it comes in, whatever its head says."""
    issuer.answers["/fits"] = b"x" * 262_144
    issuer.answers["/more"] = b"x" * 262_145
    assert [len(one) for one in both(fetcher, Fetch(issuer.url("/fits"))) if isinstance(one, bytes)] == [262_144] * 2
    assert both(fetcher, Fetch(issuer.url("/more"))) == ["more than 256 KiB"] * 2


def test_a_server_that_does_not_answer_is_left_in_time(fetcher: Fetcher, issuer: Issuer) -> None:
    """By the caller, and by the thread that waits for it."""
    issuer.open.clear()
    began = time.monotonic()
    assert both(fetcher, Fetch(issuer.url("/a"))) == ["no answer in 0.4 s"] * 2
    assert time.monotonic() - began < 2
    deadline = time.monotonic() + 5
    while fetcher._under_way and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fetcher._under_way == {}


def test_a_server_that_sends_a_byte_now_and_then_is_left_in_time(fetcher: Fetcher, issuer: Issuer) -> None:
    """The time is that of the whole answer."""
    issuer.drip = 0.05
    issuer.answers["/a"] = b"x" * 100
    began = time.monotonic()
    assert both(fetcher, Fetch(issuer.url("/a"))) == ["no answer in 0.4 s"] * 2
    assert time.monotonic() - began < 2


def test_an_answer_that_is_cut_short_is_none(fetcher: Fetcher, issuer: Issuer) -> None:
    """Half a document may be a good one of another meaning."""
    issuer.answers["/a"] = (200, {"Content-Length": "20", "Connection": "close"}, b'{"active":true}')
    assert both(fetcher, Fetch(issuer.url("/a"))) == ["cut short"] * 2


def test_nobody_there(fetcher: Fetcher) -> None:
    """The message names the server and the kind of failure, and nothing else of the URL."""
    with pytest.raises(StoreDown) as caught:
        fetcher.fetch(Fetch("http://127.0.0.1:1/path?secret=1"))
    assert str(caught.value) == "http://127.0.0.1:1: ConnectionRefusedError"


def test_threads_that_ask_for_the_same_wait_for_one(issuer: Issuer) -> None:
    """Eight callers, one request; what is asked later is asked anew."""
    fetcher, told = Fetcher(), []
    issuer.answers["/a"] = b"once"
    issuer.open.clear()
    threads = [threading.Thread(target=lambda: told.append(fetcher.fetch(Fetch(issuer.url("/a"))))) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not issuer.asked:
        time.sleep(0.005)
    issuer.open.set()
    for thread in threads:
        thread.join()
    assert (told, issuer.asked) == ([b"once"] * 8, ["/a"])
    assert fetcher.fetch(Fetch(issuer.url("/a"))) == b"once"
    assert issuer.asked == ["/a", "/a"]
    fetcher.close()


def test_tasks_that_ask_for_the_same_wait_for_one_and_the_loop_for_none(issuer: Issuer) -> None:
    """One of them goes away: the others hear the answer all the same. The loop runs on meanwhile."""
    fetcher = Fetcher()
    issuer.answers["/a"] = b"once"
    issuer.open.clear()

    async def everybody() -> list[Any]:
        tasks = [asyncio.create_task(fetcher.afetch(Fetch(issuer.url("/a")))) for _ in range(8)]
        while not issuer.asked:
            await asyncio.sleep(0.005)
        tasks[0].cancel()
        await asyncio.sleep(0)
        issuer.open.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    told = asyncio.run(everybody())
    assert isinstance(told[0], asyncio.CancelledError)
    assert (told[1:], issuer.asked) == ([b"once"] * 7, ["/a"])
    fetcher.close()


def test_two_tokens_are_two_questions(issuer: Issuer) -> None:
    """Also while the first is under way."""
    fetcher = Fetcher()
    issuer.answers["/i"] = lambda form: form["token"]
    issuer.open.clear()

    async def two() -> list[bytes]:
        asks = [Fetch(issuer.url("/i"), (("token", text),)) for text in ("a", "b")]
        tasks = [asyncio.create_task(fetcher.afetch(ask)) for ask in asks]
        while len(issuer.asked) < 2:
            await asyncio.sleep(0.005)
        issuer.open.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(two()) == [b"a", b"b"]
    fetcher.close()


def test_a_forked_worker_fetches_with_threads_of_its_own(issuer: Issuer) -> None:
    """The threads of its parent are not there."""
    issuer.answers["/a"] = b"x"
    code = (
        "import os, sys; from ostiary.guard.fetching import Fetcher; from ostiary.guard.ask import Fetch\n"
        "fetcher, ask = Fetcher(), Fetch(sys.argv[1])\n"
        "fetcher.fetch(ask)\n"
        "child = os.fork()\n"
        "found = fetcher.fetch(ask)\n"
        "os._exit(found != b'x') if child == 0 else sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, issuer.url("/a")], check=False, timeout=30)
    assert (done.returncode, len(issuer.asked)) == (0, 3)


def test_a_certificate_that_nobody_vouches_for_is_refused(fetcher: Fetcher, tmp_path: Path) -> None:
    """Whoever sits in between gives no keys."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    pem = serialization.Encoding.PEM
    whole = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "both.pem").write_bytes(whole + made.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with issuing(context) as issuer:
        issuer.answers["/a"] = b"x"
        assert both(fetcher, Fetch(issuer.url("/a"))) == ["SSLCertVerificationError"] * 2
        assert issuer.asked == []


BAD_URLS = [
    "http://login.example.test/a",
    "http://127.0.0.1.example.test/a",
    "https://me:secret@login.example.test/a",
    "https://@login.example.test/a",
    "ftp://localhost/a",
    "file:///etc/passwd",
    "https://",
    "https://[::1",
    "https://login.example.test:99999/a",
    "https://login.example.test/a b",
    "https://login.example.test/\r\nHost: x",
    "https://lögin.example.test/",
    "",
    None,
    5,
]


@pytest.mark.parametrize("url", BAD_URLS, ids=repr)
def test_a_url_over_which_anybody_could_answer_is_refused(url: object) -> None:
    """At start-up, with a sentence that repeats nothing of it."""
    with pytest.raises(UsageError, match=r"^keys: an https URL without a password, as in https://x\.example$"):
        checked_url("keys", url, "https://x.example")


@pytest.mark.parametrize("url", ["https://login.example.test/a?b=c", "http://127.0.0.1:8080/a", "http://localhost/", "http://[::1]:80/a"])
def test_https_and_this_machine_are_good(url: str) -> None:
    assert checked_url("keys", url, "") == url
