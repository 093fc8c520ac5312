"""Nothing secret leaves in an answer: bodies in any pieces, and headers. What is overwritten keeps its length."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.guard import leak
from ostiary.guard.leak import BodyWatch, clean_headers
from ostiary.wire import apikey
from ostiary.wire.redact import default
from tests.guard.sites import Site

Make = Callable[..., Site]
CREDENTIAL = "credential-of-this-call"
OURS = apikey.mint(randbelow=lambda limit: 7 % limit)
PLAIN, ODD = "registered0secret1value", 'pass word/"with" ümlaut'
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nMIIEow+/==\n-----END RSA PRIVATE KEY-----"
WHOLE = "-----BEGIN PRIVATE KEY-----\nMIIEvQ==\n-----END PRIVATE KEY-----"
FILLERS = ["ordinary text ", "ost", "_sk_", "_sk_live_", "credential-of-", "registered0", "-----BEGIN ", "-----BEGIN CERTIFICATE-----\nMII", "%22", "\\", "\n\n", "pass", "*"]  # fmt: skip


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Two registered secrets: one of letters and digits, one that every format writes in another way."""
    for value in (PLAIN, ODD):
        default.register(value, "test secret")
    yield
    for value in (PLAIN, ODD):
        default.unregister(value)


def watched(pieces: list[bytes], *, ours: bool = True) -> tuple[bytes, BodyWatch]:
    watch = BodyWatch(CREDENTIAL, ours=ours)
    return b"".join([*(watch.clean(piece) for piece in pieces), watch.rest()]), watch


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


SECRETS = [CREDENTIAL, OURS, PLAIN, PEM, WHOLE, ODD, quote(ODD), json.dumps(ODD)[1:-1]]
bodies = st.lists(st.sampled_from([*SECRETS, *FILLERS]) | st.text(max_size=20), max_size=12).map("".join)


@given(bodies, st.lists(st.integers(0, 1500), max_size=40))
def test_however_a_body_is_cut_it_keeps_its_length_and_loses_its_secrets(text: str, places: list[int]) -> None:
    """The same bytes leave as when the body came in one piece; as many as came; none of the secrets in any form."""
    data = text.encode("utf-8", "surrogatepass")
    whole, _ = watched([data])
    found, _ = watched(cut(data, places))
    assert found == whole
    assert len(found) == len(data)
    for secret in SECRETS:
        assert secret.encode() not in found


@given(st.integers(0, 60), st.integers(0, 60))
def test_every_single_cut_of_every_secret_is_seen(before: int, after: int) -> None:
    """Two cuts anywhere in a secret between other text: nothing of it is left, everything around it is."""
    for secret in (CREDENTIAL, PLAIN, ODD, quote(ODD), json.dumps(ODD)[1:-1], WHOLE):
        raw = secret.encode()
        found, watch = watched(cut(b"<" + raw + b">", [before, after]))
        assert found == b"<" + b"*" * len(raw) + b">"
        assert watch.removed


def test_of_our_keys_the_public_prefix_stays() -> None:
    """``ost`` is printed on every page; from the underscore on all 63 characters go."""
    found, watch = watched([f"key: {OURS}.".encode()])
    assert found == b"key: ost" + b"*" * (len(OURS) - 3) + b"."
    assert watch.removed == ["key"]


def test_a_route_that_issues_keys_may_show_them() -> None:
    """``issues=True``: a key of our form leaves, the presented credential and the others do not."""
    found, _ = watched([f"{OURS} {CREDENTIAL} {PLAIN}".encode()], ours=False)
    assert found == f"{OURS} {'*' * len(CREDENTIAL)} {'*' * len(PLAIN)}".encode()


@pytest.mark.parametrize("shift", [b"", b"a", b"ab"])
def test_a_registered_secret_in_base64_is_seen(shift: bytes) -> None:
    """At each alignment, in one piece and byte by byte; the first and last characters hold bits of the neighbours."""
    encoded = base64.b64encode(shift + PLAIN.encode() + b"tail")
    for pieces in ([encoded], [encoded[place : place + 1] for place in range(len(encoded))]):
        found, _ = watched(pieces)
        assert len(found) == len(encoded)
        assert found.count(b"*") >= len(PLAIN) * 4 // 3 - 2


@pytest.mark.parametrize(
    "event", [b"data: 1\n\n", b"data: {\"a\": 1}\n\n", b"{}", b"word", b"/a/b.", b"x" * 100, b"ost", b"-----BEGIN CERTIFICATE-----\n"]
)  # fmt: skip
def test_what_cannot_be_the_beginning_of_a_secret_leaves_at_once(event: bytes) -> None:
    """A server-sent event, a word, a line: nothing of it waits for the next."""
    watch = BodyWatch(CREDENTIAL)
    assert [watch.clean(event) for _ in range(3)] == [event] * 3


@pytest.mark.parametrize(
    ("end", "held"),
    [
        (b"cred", 4),
        (b"x_", 1),
        (b"ost_sk_live_0123", 13),
        (b"--", 2),
        (b"-----BEGIN RSA PRIV", 19),
        (b"registered", 10),
        (b"pass%20wor", 10),
    ],
)
def test_what_may_be_the_beginning_of_a_secret_waits(end: bytes, held: int) -> None:
    """So many bytes are held, and they come with the rest when nothing became of them."""
    watch = BodyWatch(CREDENTIAL)
    assert watch.clean(b"text " + end) == (b"text " + end)[: 5 + len(end) - held]
    assert watch.rest() == end[len(end) - held :]


def test_a_stream_of_beginnings_is_not_held_without_end() -> None:
    """A credential of one repeated letter in an endless row of that letter: no more than its length waits."""
    watch = BodyWatch("aaaaaaaaaa")
    given_, out = 0, b""
    for _ in range(200):
        given_ += 7
        out += watch.clean(b"a" * 7)
        assert given_ - len(out) < 10
    assert out + watch.rest() == b"*" * given_


def test_a_private_key_that_breaks_off_is_overwritten() -> None:
    """What is there of it waits, and goes when the answer ends before the key does."""
    watch = BodyWatch("")
    assert watch.clean(b"<-----BEGIN PRIVATE KEY-----\nMII") == b"<"
    assert watch.rest() == b"*" * 31


def test_a_private_key_without_end_is_held_up_to_a_bound() -> None:
    """What only pretends to be one is released after 20,000 bytes, overwritten as far as its alphabet goes."""
    watch = BodyWatch("")
    assert watch.clean(b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 15_000) == b""
    assert watch.clean(b"A" * 10_000) == b"*" * 20_027 + b"A" * 5_001


def test_beyond_the_cap_an_answer_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stated bound: what is in its reach is overwritten, what comes later is passed on as it is."""
    monkeypatch.setattr(leak, "CAP", 100)
    watch = BodyWatch(CREDENTIAL)
    raw = CREDENTIAL.encode()
    assert watch.clean(b"." * 90 + raw) == b"." * 90 + b"*" * len(raw)
    assert watch.clean(raw) == raw


def test_a_short_credential_is_not_looked_for() -> None:
    """Seven characters and fewer would overwrite ordinary words."""
    assert BodyWatch("secret7").clean(b"secret7", last=True) == b"secret7"


def test_headers_lose_their_secrets_as_well() -> None:
    """Values of any header, each occurrence, names untouched; keys of our form stay where the route issues them."""
    headers = [("Location", f"/x?key={OURS}&again={OURS}"), ("X-Echo", f"{CREDENTIAL} {PLAIN}"), (CREDENTIAL, "name")]
    stars = "*" * len(OURS)
    rest = [("X-Echo", f"{'*' * len(CREDENTIAL)} {'*' * len(PLAIN)}"), (CREDENTIAL, "name")]
    assert clean_headers(headers, CREDENTIAL) == [("Location", f"/x?key={stars}&again={stars}"), *rest]
    assert clean_headers(headers, CREDENTIAL, ours=False) == [headers[0], *rest]


# Over both frameworks


def test_an_answer_that_echoes_the_credential_holds_stars(make: Make) -> None:
    """The path parameter comes back in the body, the key in it does not; Content-Length is right."""
    site = make()
    key = site.mint("orders:read")
    answer = site.ask(f"/api/v1/orders/{key}", key)
    assert (answer.status, key.encode() in answer.body) == (200, False)
    assert int(answer["content-length"]) == len(answer.body)
    assert b"*" * len(key) in answer.body
