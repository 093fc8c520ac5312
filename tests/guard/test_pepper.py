"""Where the pepper comes from, and which ones are refused."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard import pepper
from ostiary.guard.pepper import Peppers

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))


def line(value: bytes, name: str = "") -> str:
    return (f"{name}:" if name else "") + base64.b64encode(value).decode()


def test_a_new_pepper_is_32_bytes_in_a_file_of_the_owner_alone(tmp_path: Path) -> None:
    """0600 whatever the umask says, and read back as the same."""
    file = tmp_path / "ostiary.pepper"
    before = os.umask(0)
    try:
        made = pepper.create(file, lambda count: FIRST[:count])
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.current == pepper.read(file).current == FIRST


def test_a_pepper_is_never_overwritten(tmp_path: Path) -> None:
    """Every key would be lost with it."""
    pepper.create(tmp_path / "p")
    before = (tmp_path / "p").read_bytes()
    with pytest.raises(UsageError, match="there already"):
        pepper.create(tmp_path / "p")
    assert (tmp_path / "p").read_bytes() == before


def test_two_new_peppers_differ(tmp_path: Path) -> None:
    """They are random."""
    assert pepper.create(tmp_path / "a").current != pepper.create(tmp_path / "b").current


def test_the_argument_counts_more_than_the_variable_and_that_more_than_the_files(tmp_path: Path) -> None:
    """pepper=, OSTIARY_PEPPER, OSTIARY_PEPPER_FILE, the file beside the store."""
    values = [bytes([number] * 24) + bytes(range(100, 116)) for number in range(4)]
    mounted, beside = tmp_path / "mounted", tmp_path / "ostiary.pepper"
    for file, value in ((mounted, values[2]), (beside, values[3])):
        file.write_text(line(value))
        file.chmod(0o600)
    every = {"OSTIARY_PEPPER": line(values[1]), "OSTIARY_PEPPER_FILE": str(mounted)}
    found = [
        pepper.load(tmp_path, values[0], every),
        pepper.load(tmp_path, None, every),
        pepper.load(tmp_path, None, {"OSTIARY_PEPPER_FILE": str(mounted)}),
        pepper.load(tmp_path, None, {}),
    ]
    assert [peppers.current for peppers in found] == values


def test_the_first_of_several_is_for_new_keys_and_the_others_still_verify() -> None:
    """Rotation: the new one is written above the old one."""
    peppers = pepper.parse(f"# newest first\n{line(SECOND, 'b')}\n\n{line(FIRST, 'a')}\n", "text")
    assert (peppers.current_id, peppers.current, peppers.get("a"), peppers.ids) == ("b", SECOND, FIRST, ("b", "a"))


def test_a_pepper_has_the_same_name_wherever_it_stands() -> None:
    """Keys keep working when a pepper moves from a file into a variable."""
    assert pepper.parse(line(FIRST), "x").current_id == Peppers.of(FIRST).current_id == pepper.fingerprint(FIRST)


def test_thirty_two_characters_are_a_pepper() -> None:
    """For platforms that know nothing but text."""
    text = "correct horse battery staple, and more"
    assert pepper.parse(text, "x").current == text.encode()


@pytest.mark.parametrize(
    "text",
    ["", "\n# nothing\n", "short", "x" * 40, line(bytes(16)), f"{line(FIRST, 'a')}\n{line(SECOND, 'a')}"],
    ids=["empty", "comment", "short", "one-character", "16-bytes", "same-id"],
)
def test_what_is_no_pepper_is_refused_with_its_source_and_without_its_value(text: str) -> None:
    """Empty, short, of one character, two of one id."""
    with pytest.raises(UsageError, match="OSTIARY_PEPPER: ") as refused:
        pepper.load(None, None, {"OSTIARY_PEPPER": text})
    assert not text.strip() or text.strip() not in str(refused.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_may_read_or_write_is_refused_with_the_repair(tmp_path: Path, mode: int) -> None:
    """The message is the command that repairs it."""
    pepper.create(tmp_path / "ostiary.pepper")
    (tmp_path / "ostiary.pepper").chmod(mode)
    with pytest.raises(UsageError, match=f"chmod 600 {tmp_path}/ostiary.pepper"):
        pepper.load(tmp_path, None, {})


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file of another user")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could replace it."""
    pepper.create(tmp_path / "p")
    os.chown(tmp_path / "p", 12345, -1)
    with pytest.raises(UsageError, match="chown"):
        pepper.read(tmp_path / "p")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file of root's")
@pytest.mark.parametrize(("mode", "good"), [(0o444, True), (0o644, True), (0o666, False)])
def test_a_mounted_secret_of_root_may_be_readable_but_not_writable(tmp_path: Path, mode: int, good: bool) -> None:
    """As container platforms mount them."""
    pepper.create(tmp_path / "secret")
    (tmp_path / "secret").chmod(mode)
    environ = {"OSTIARY_PEPPER_FILE": str(tmp_path / "secret")}
    if good:
        assert len(pepper.load(None, None, environ).current) == 32
    else:
        with pytest.raises(UsageError, match="chmod"):
            pepper.load(None, None, environ)


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere", "No such file"), ("pipe", "not a file of"), (".", "not a file of"), ("huge", "not a file of"), ("binary", "not text")],
)
def test_a_missing_file_folder_pipe_or_binary_file_is_one_sentence(tmp_path: Path, name: str, said: str) -> None:
    """And nothing hangs."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "binary").write_bytes(bytes([0xFF]) * 64)
    (tmp_path / "huge").write_bytes(b"x" * 65_537)
    for file in ("binary", "huge"):
        (tmp_path / file).chmod(0o600)
    with pytest.raises(UsageError, match=f"{tmp_path}.*: {said}"):
        pepper.load(None, None, {"OSTIARY_PEPPER_FILE": str(tmp_path / name)})


def test_without_any_pepper_the_message_says_how_to_get_one(tmp_path: Path) -> None:
    """The command, the variables and the file."""
    with pytest.raises(UsageError, match=r"OSTIARY_PEPPER or OSTIARY_PEPPER_FILE, or let ostiary keys init make .*ostiary\.pepper"):
        pepper.load(tmp_path, None, {})


def test_peppers_hide_their_values() -> None:
    """A log of one tells nothing."""
    assert FIRST.hex() not in repr(Peppers.of(FIRST))
    assert str(FIRST) not in repr(Peppers.of(FIRST))
