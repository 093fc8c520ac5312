"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ostiary import api
from ostiary.errors import UsageError


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    """The text, as UTF-8, and no file beside it."""
    api.write_text(tmp_path / "a.txt", "é\n")
    assert (tmp_path / "a.txt").read_bytes() == "é\n".encode()
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or Ctrl-C at the last moment: the old text is there, and nothing beside it."""
    file = tmp_path / "a.txt"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((UsageError, KeyboardInterrupt)):
        api.write_text(file, "new")
    assert (file.read_text(), os.listdir(tmp_path)) == ("old", ["a.txt"])


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    """A link stays a link to the new text, and the file keeps its permissions."""
    file, link = tmp_path / "a.txt", tmp_path / "link.txt"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    api.write_text(link, "new")
    assert (link.is_symlink(), file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (True, "new", 0o640)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    """-o /dev/stdout, or any pipe or device, stays what it is."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    api.write_text(fifo, "text")
    assert (os.read(reader, 10), stat.S_ISFIFO(fifo.stat().st_mode)) == (b"text", True)
    os.close(reader)


def test_names_that_are_no_text_can_be_written(tmp_path: Path) -> None:
    """A lone surrogate, from a file name that is no UTF-8, becomes an escape."""
    api.write_text(tmp_path / "a.txt", "\udc80")
    assert (tmp_path / "a.txt").read_text() == "\\udc80"


@pytest.mark.parametrize("name", ["no/such/folder/a.txt", "."])
def test_where_nothing_can_be_written_is_said(name: str, tmp_path: Path) -> None:
    """A missing folder, a folder in place of a file."""
    with pytest.raises(UsageError, match=str(tmp_path)):
        api.write_text(tmp_path / name, "x")


@pytest.mark.parametrize("name", ["missing", "folder", "binary"])
def test_what_cannot_be_read_is_said(name: str, tmp_path: Path) -> None:
    """Missing, a folder, no UTF-8: the name and why."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=name):
        api.read_text(tmp_path / name)


@pytest.mark.parametrize("path", ["nowhere", "a\0b", "x" * 5000])
def test_a_path_that_is_none_is_said(path: str, tmp_path: Path) -> None:
    """Missing, impossible, too long."""
    with pytest.raises(UsageError, match="no such file or folder"):
        api.configuration(tmp_path / path)
