"""An answer in pieces is cleaned as the whole answer would be."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ostiary.wire import apikey
from ostiary.wire.needle import Needle
from ostiary.wire.redact import Redactor
from ostiary.wire.stream import CleanStream

DRAWN = iter(range(7, 7 + 45 * 17, 17))
KEY = apikey.mint(randbelow=lambda n: next(DRAWN) % n)
MARK = f"[redacted:key {KEY[12:24]}]"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n" * 28 + "-----END PRIVATE KEY-----\n"
SECRET = "größe/42+ways"
PARTS = st.sampled_from([KEY, PEM, SECRET, SECRET.replace("/", "\\/"), "seen-before", "x", " text ", "\n", "ü", "a" * 200, "_sk_", "-----"])


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@settings(deadline=None)
@given(st.lists(PARTS, max_size=8), st.binary(max_size=3), st.lists(st.integers(0, 120), max_size=40))
def test_pieces_are_cleaned_like_the_whole(parts: list[str], noise: bytes, sizes: list[int]) -> None:
    """Wherever it is cut, also inside a character, a key, an escape or a private key."""
    redactor = Redactor()
    redactor.register(SECRET, "S")
    seen = (Needle("seen-before", "credential"),)
    data = "".join(parts).encode() + noise
    stream = CleanStream(redactor, seen=seen)
    given_back = b"".join([*map(stream.feed, cut(data, sizes)), stream.end()])
    assert given_back == redactor.data(data, seen=seen, answer=True)
    assert stream.removed == [one.family for one in redactor.examine(data, seen=seen, answer=True).removed]


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 50), max_size=20))
def test_other_bytes_pass(data: bytes, sizes: list[int]) -> None:
    """Nothing is lost, doubled or changed."""
    assume(Redactor().data(data, answer=True) == data)
    stream = CleanStream(Redactor())
    assert b"".join([*map(stream.feed, cut(data, sizes)), stream.end()]) == data
    assert stream.removed == []


def test_no_more_is_held_than_stated() -> None:
    """After each piece all but the longest pattern has left."""
    redactor = Redactor()
    stream = CleanStream(redactor)
    out = b""
    for count in range(1, 100):
        out += stream.feed(b"0123456789")
        assert len(out) >= count * 10 - redactor.longest


def test_what_pretends_to_be_a_private_key_is_not_held_forever() -> None:
    """An endless stream behind a first line does not gather in memory."""
    stream = CleanStream(Redactor())
    stream.feed(b"-----BEGIN PRIVATE KEY-----")
    for _ in range(300):
        stream.feed(b"A" * 1000)
        assert len(stream._held) < 30_000
    assert stream.removed[:1] == ["private key"]


def test_a_key_cut_in_two_does_not_pass() -> None:
    """At every place where a key can be cut."""
    data = f"<{KEY}>".encode()
    for at in range(len(data)):
        stream = CleanStream(Redactor())
        assert stream.feed(data[:at]) + stream.feed(data[at:]) + stream.end() == f"<{MARK}>".encode()
