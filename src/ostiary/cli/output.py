"""Standard output is data, standard error is talk; colours and progress are for terminals only."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType

from ostiary import api
from ostiary.errors import UsageError
from ostiary.report.common import clean

_WIDEST = 120
_PLAIN = str.maketrans({"█": "#", "·": "-", "│": "|", "…": "...", "→": "->"})
_PATIENCE = 1.0
_EVERY = 0.1


def put(text: str, file: Path | None = None, *, data: bool = False) -> None:
    """Writes to the file, or to standard output; ``data`` is UTF-8 whatever the terminal speaks."""
    if file is not None:
        api.write_text(file, text)
        return
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    encoding = "utf-8" if data else sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(_encoded(text, encoding, data))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has seen enough, as in ``| head``: the exit code still tells the result.
        _discard_the_rest()
    except OSError as error:
        _discard_the_rest()
        raise UsageError(f"standard output: {error.strerror}") from None


def _discard_the_rest() -> None:
    """Python flushes standard output once more at the end, and would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def talk(text: str, *, quiet: bool = False) -> None:
    """Says something to the person, not to the pipe."""
    if not quiet:
        print(f"ostiary: {clean(text)}", file=sys.stderr)


def color() -> bool:
    """May standard output be coloured?"""
    return _on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """The terminal's width within reason; 80 where there is none."""
    if not _on_terminal():
        return 80
    # Late: it brings compression along, which a report in a pipe does not need.
    import shutil

    return min(shutil.get_terminal_size().columns, _WIDEST)


def _on_terminal() -> bool:
    # None when the caller closed it
    return sys.stdout is not None and sys.stdout.isatty()


class Progress:
    """One line on a terminal's standard error that appears after a second and goes away at the end."""

    def __init__(self, quiet: bool = False) -> None:
        self._on = sys.stderr is not None and sys.stderr.isatty() and not quiet
        self._next = time.monotonic() + _PATIENCE
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if self._on and now >= self._next:
            self._next, self._shown = now + _EVERY, True
            count = f" {done} of {total}" if total else f" {done}"
            print(f"\r\x1b[K{what}{count}", end="", file=sys.stderr, flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _encoded(text: str, encoding: str, data: bool) -> bytes:
    if data:
        return text.encode("utf-8", "backslashreplace")
    try:
        "█│·".encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN)
    return text.encode(encoding, "backslashreplace")
