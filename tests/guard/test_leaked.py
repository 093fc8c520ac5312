"""Leak response: which live keys are in a text, and nothing of them in what is said."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import Standing
from ostiary.guard.leaked import Search
from tests.guard.keys import DAY, Clock, keyring

OLD_KEY = "shop-7Hq2+Lx9/Zr4=Vb8"


def searched(ring: object, data: bytes, clock: Clock | None = None) -> Search:
    search = Search(ring, clock or Clock())  # type: ignore[arg-type]
    search.stream(io.BytesIO(data), "log")
    return search


def test_keys_are_found_wherever_they_stand() -> None:
    """In JSON, URLs, headers, without a space around, several times; the line is right."""
    ring = keyring()
    (one, first), (two, second) = ring.create(name="one"), ring.create()
    text = f'\n{{"k":"{first}"}}\nGET /x?key={second}&a=b\nX-API-Key: {first}\nxx{second}yy\n'.encode()
    search = searched(ring, text)
    assert [(leak.record.id, leak.live, leak.places, leak.times) for leak in search.leaks] == [
        (one.id, True, [("log", 2), ("log", 4)], 2),
        (two.id, True, [("log", 3)], 1),
    ]


def test_only_a_true_key_is_a_leak() -> None:
    """Not one of another service, of a wrong secret, or with a slip of the pen."""
    ring, other = keyring(), keyring()
    _, mine = ring.create()
    _, theirs = other.create()
    typo = mine[:-1] + ("A" if mine[-1] != "A" else "B")
    assert searched(ring, f"{theirs} {typo} {mine[:-3]}".encode()).leaks == []


@pytest.mark.parametrize("standing", [Standing.REVOKED, Standing.EXPIRED, Standing.DISABLED, Standing.NOT_YET])
def test_dead_keys_are_told_apart(standing: Standing) -> None:
    """A disabled key, or one that begins later, is live: it can come back."""
    clock = Clock()
    ring = keyring(clock=clock)
    record, text = ring.create(expires=clock.now + DAY, not_before=clock.now + 5 if standing is Standing.NOT_YET else None)
    if standing is Standing.REVOKED:
        ring.revoke(record.id)
    if standing is Standing.DISABLED:
        ring.disable(record.id)
    if standing is Standing.EXPIRED:
        clock.now += 2 * DAY
    (leak,) = searched(ring, text.encode(), clock).leaks
    assert (leak.standing, leak.live) == (standing, standing in (Standing.DISABLED, Standing.NOT_YET))


@pytest.mark.parametrize(
    "around", ["{}", "key={}", 'API_KEY="{}"', "Authorization: Bearer {}", "https://api.example.test/x?k={}&n=1", "[{}],", "a:{}"]
)
def test_imported_keys_are_found_among_tokens(around: str) -> None:
    """By their digest alone: the store has no text of them."""
    ring = keyring()
    ring.import_key(OLD_KEY, expires=None)
    (leak,) = searched(ring, around.format(OLD_KEY).encode()).leaks
    assert (leak.record.imported, leak.live) == ("plain", True)


@pytest.mark.parametrize("offset", [*range(-3, 4), -8_192, 8_000])
def test_a_key_across_two_pieces_is_found_once(offset: int) -> None:
    """Long lines without an end, too."""
    ring = keyring()
    _, text = ring.create()
    size = (1 << 20) - len(text) // 2 + offset
    for filler in (b"x\n", b"x "):
        data = (filler * size)[: size - 1] + b" " + text.encode() + b" " + filler * 10_000
        (leak,) = searched(ring, data).leaks
        assert (leak.times, leak.places) == (1, [("log", data[: data.index(text.encode())].count(b"\n") + 1)])


def test_a_folder_is_read_whole_but_for_version_control(tmp_path: Path) -> None:
    """Binary files and hidden ones are read, links are not followed."""
    ring = keyring()
    _, text = ring.create()
    (tmp_path / "src").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("src/a.py", ".env", "data.bin", ".git/packed"):
        (tmp_path / name).write_bytes(b"\x00\xff\n" + text.encode())
    (tmp_path / "link").symlink_to(tmp_path / ".env")
    search = Search(ring, Clock())
    search.path(tmp_path)
    (leak,) = search.leaks
    assert sorted(leak.places) == [(".env", 2), ("data.bin", 2), ("src/a.py", 2)]
    assert search.files == 3


def test_a_path_that_is_not_there_is_one_sentence() -> None:
    """Before anything is said."""
    with pytest.raises(UsageError, match="no such file or folder"):
        Search(keyring(), Clock()).path(Path("/nowhere/at/all"))
