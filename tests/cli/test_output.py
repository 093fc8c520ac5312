"""Progress is a line for a waiting person, and nobody else."""

from __future__ import annotations

import io
import sys

import pytest

from ostiary.cli import output


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
