"""Progress is a line for a waiting person, and nobody else; an output that takes nothing is said."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ostiary.cli import output
from tests.cli.run import COMMAND, environment


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that is moved by hand."""
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    return now


def work(clock: list[float], stream: io.StringIO, *times: float, quiet: bool = False) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with output.Progress(quiet) as progress:
            for number, clock[0] in enumerate(times):
                progress("reading", number, 10)
    return stream.getvalue()


def test_appears_after_a_second_and_goes_away(clock: list[float]) -> None:
    """Nothing in the first second, one line that is written over, nothing left at the end."""
    assert work(clock, Terminal(), 0.5, 0.9) == ""
    clock[0] = 0.0
    assert work(clock, Terminal(), 0.5, 1.0, 1.01, 1.2) == "\r\x1b[Kreading 1 of 10\r\x1b[Kreading 3 of 10\r\x1b[K"


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO(), False), (Terminal(), True)], ids=["pipe", "quiet"])
def test_is_for_terminals_only(clock: list[float], stream: io.StringIO, quiet: bool) -> None:
    """Neither in a log nor for who wants quiet."""
    assert work(clock, stream, 5.0, 6.0, quiet=quiet) == ""


def test_talk_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    """Names from a tree are spelled out on standard error, too."""
    output.talk("a\x1b[2Jb")
    assert capsys.readouterr().err == "ostiary: a\\x1b[2Jb\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_no_defect_of_ours(tmp_path: Path) -> None:
    """What cannot be printed ends with 2 and the system's own reason."""
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [*COMMAND, "scan", str(tmp_path)], stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
        )
    assert (run.returncode, run.stderr) == (2, b"ostiary: standard output: No space left on device\n")


def test_a_closed_output_is_no_defect_of_ours(tmp_path: Path) -> None:
    """``ostiary scan . >&-`` says so in a line."""
    words = shlex.join([*COMMAND, "scan", str(tmp_path)])
    run = subprocess.run(["sh", "-c", f"{words} >&-"], stderr=subprocess.PIPE, env=environment(), timeout=60, check=False)
    assert (run.returncode, run.stderr) == (2, b"ostiary: standard output is closed\n")


def test_an_interrupt_while_loading_is_one(tmp_path: Path) -> None:
    """Ctrl-C in the first moments, while libraries are imported, ends with 130 and without a traceback."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    run = subprocess.run([*COMMAND, "version"], capture_output=True, env=environment(PYTHONPATH=str(tmp_path)), timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (130, b"", b"")
