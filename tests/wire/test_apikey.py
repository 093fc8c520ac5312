"""The form of keys: what is minted parses, what was mistyped does not, and everybody can compute it."""

from __future__ import annotations

import hashlib
import hmac
import re
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.wire import apikey

DOC = Path(__file__).resolve().parents[2] / "docs" / "key-format.md"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PEPPER = bytes(range(32))
PREFIXES = st.from_regex(r"[a-z][a-z0-9]{1,11}", fullmatch=True)
ENVS = st.from_regex(r"[a-z0-9]{2,8}", fullmatch=True)
KINDS = st.sampled_from(["sk", "pk"])
DRAWS = st.lists(st.integers(0, 61), min_size=45, max_size=45)


def minted(draws: list[int], **how: str) -> str:
    numbers = iter(draws)
    return apikey.mint(randbelow=lambda _: next(numbers), **how)


KEYS = st.builds(lambda draws, prefix, kind, env: minted(draws, prefix=prefix, kind=kind, env=env), DRAWS, PREFIXES, KINDS, ENVS)


def crc32_bit_by_bit(data: bytes) -> int:
    """ISO 3309 as the standard draws it: one bit at a time, reflected polynomial 0xEDB88320."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def vectors() -> list[tuple[str, ...]]:
    """The rows of the published table: prefix, kind, env, id, secret, CRC-32 in hex, key."""
    rows = (re.findall(r"`([^`]+)`", line) for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith("| `"))
    return [tuple(row) for row in rows if len(row) == 7]


@pytest.mark.parametrize("row", vectors(), ids=lambda row: row[6][:20])
def test_published_vectors(row: tuple[str, ...]) -> None:
    """Each published key is what the format gives for its parts, and parses back into them."""
    prefix, kind, env, key_id, secret, crc, key = row
    minted_key = minted([ALPHABET.index(c) for c in key_id + secret], prefix=prefix, kind=kind, env=env)
    assert minted_key == key
    assert apikey.parse(key) == apikey.Parts(prefix, kind, env, key_id, secret)
    assert f"{crc32_bit_by_bit(key[:-6].encode()):08x}" == crc


def test_three_vectors_are_published() -> None:
    """The page has three, and the zero padding of the checksum is among them."""
    assert len(vectors()) == 3
    assert any(row[6][-6] == "0" for row in vectors())


def test_published_digest() -> None:
    """The stored digest of the page's example, recomputed with the definition of HMAC (RFC 2104) and nothing of ours."""
    (_, _, _, _, secret, _, key) = vectors()[0]
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in PEPPER.ljust(64, b"\0")) + secret.encode()).digest()
    expected = hashlib.sha256(bytes(b ^ 0x5C for b in PEPPER.ljust(64, b"\0")) + inner).digest()
    parts = apikey.parse(key)
    assert parts is not None
    assert apikey.digest(parts.secret, PEPPER) == expected
    assert expected.hex() in DOC.read_text(encoding="utf-8")


@settings(deadline=None)
@given(DRAWS, PREFIXES, KINDS, ENVS)
def test_what_is_minted_parses(draws: list[int], prefix: str, kind: str, env: str) -> None:
    """Every minted key has our shape and comes apart into what it was made of."""
    drawn = "".join(ALPHABET[n] for n in draws)
    key = minted(draws, prefix=prefix, kind=kind, env=env)
    assert apikey.looks_like(key)
    assert apikey.parse(key) == apikey.Parts(prefix, kind, env, drawn[:12], drawn[12:])
    assert apikey.PATTERN.search(f"x {key}.").group() == key  # type: ignore[union-attr]
    assert apikey.PATTERN_BYTES.search(f"x {key}.".encode()).group() == key.encode()  # type: ignore[union-attr]


@settings(deadline=None)
@given(KEYS, st.integers(min_value=0), st.characters())
def test_one_changed_character_is_never_a_key(key: str, at: int, character: str) -> None:
    """CRC-32 catches every change of one symbol, the checksum's own included."""
    at %= len(key)
    changed = key[:at] + character + key[at + 1 :]
    assert (apikey.parse(changed) is None) == (changed != key)


@settings(deadline=None)
@given(KEYS, st.integers(min_value=0))
def test_two_neighbours_swapped_are_never_a_key(key: str, at: int) -> None:
    """Before the checksum a swap is a burst of 16 bits, which CRC-32 always catches."""
    at %= len(key) - apikey.CRC_LENGTH - 1
    changed = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    assert (apikey.parse(changed) is None) == (changed != key)


@settings(deadline=None)
@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    """Junk is no key and raises nothing."""
    assert apikey.parse(text) is None
    assert not apikey.looks_like(text)


def test_what_is_not_quite_a_key() -> None:
    """White space, a newline at the end, other digits that Unicode calls digits, and anything longer are refused."""
    key = minted([1] * 45)
    for wrong in (f" {key}", f"{key}\n", key + "0", key[:-1], key.replace("_sk_", "_ok_"), key.upper(), key.replace("1", "١"), ""):
        assert apikey.parse(wrong) is None
        assert not apikey.looks_like(wrong)


def test_shape_with_a_wrong_checksum_looks_like_a_key() -> None:
    """So that a mistyped key is still refused in a query and removed from a log."""
    key = minted([1] * 45)
    wrong = key[:-1] + ("1" if key[-1] == "0" else "0")
    assert apikey.looks_like(wrong)
    assert apikey.parse(wrong) is None


def test_longest_key_is_as_long_as_stated() -> None:
    """Nothing longer than LONGEST can be a key, and a key can be that long."""
    key = apikey.mint(prefix="a23456789012", env="a2345678")
    assert len(key) == apikey.LONGEST
    assert apikey.parse(key) is not None


def test_chance_reaches_every_digit() -> None:
    """Each of the 45 characters is drawn from all 62."""
    asked: list[int] = []
    numbers = count()

    def randbelow(limit: int) -> int:
        asked.append(limit)
        return next(numbers) % limit

    key = apikey.mint(randbelow=randbelow)
    assert asked == [62] * 45
    assert key.startswith("ost_sk_live_0123456789ABCDEFGHIJ")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"prefix": "Ost"}, "'Ost' is no prefix"),
        ({"prefix": "o"}, "2 to 12"),
        ({"prefix": "my_app"}, "'my_app'"),
        ({"prefix": "ost\n"}, "prefix"),
        ({"kind": "xx"}, "sk (secret) or pk"),
        ({"env": "production"}, "2 to 8"),
        ({"env": ""}, "environment"),
    ],
)
def test_mint_refuses_what_would_not_parse(how: dict[str, str], said: str) -> None:
    """A part outside the format is named, with a right one."""
    with pytest.raises(UsageError, match=re.escape(said)):
        apikey.mint(**how)


def test_parts_do_not_show_the_secret() -> None:
    """A log line with the parts in it holds the id and no secret."""
    parts = apikey.parse(minted(list(range(45))))
    assert parts is not None
    assert parts.id in repr(parts)
    assert parts.secret not in repr(parts)
    assert parts.secret not in f"{parts}"


def test_imported_key_is_found_by_its_text_or_its_sha256() -> None:
    """A team that only kept hashes and one that kept keys import to the same digest."""
    hashed = hashlib.sha256("schlüssel-1".encode()).digest()
    assert apikey.imported_digest("schlüssel-1", PEPPER) == apikey.imported_digest(hashed, PEPPER)
    assert apikey.imported_digest(hashed, PEPPER) == hmac.new(PEPPER, hashed, hashlib.sha256).digest()


def test_presenting_the_hash_finds_nothing() -> None:
    """A stolen table of SHA-256 values lets nobody in."""
    hashed = hashlib.sha256(b"legacy-key").digest()
    stored = apikey.imported_digest(hashed, PEPPER)
    for presented in (hashed.hex(), hashed.decode("latin-1"), hashed.decode("utf-8", "surrogateescape")):
        assert apikey.imported_digest(presented, PEPPER) != stored


def test_a_hash_of_the_wrong_length_is_refused() -> None:
    """Bytes are a SHA-256 or a mistake."""
    with pytest.raises(UsageError, match="32 bytes, this has 20"):
        apikey.imported_digest(b"x" * 20, PEPPER)
