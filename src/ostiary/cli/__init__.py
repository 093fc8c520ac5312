"""The command line. Parses, calls ``ostiary.api``, prints; no judgement about security is made here."""

from __future__ import annotations

import gc
import os
import sys

from ostiary.errors import Defect, OstiaryError

_WRONG_USE, _DEFECT, _INTERRUPTED = 2, 4, 130


def main() -> None:
    """The ``ostiary`` command: a person's mistake ends with 2, a defect of ours with 4, Ctrl-C with 130; never a traceback."""
    # A command ends soon and keeps what it reads: looking for garbage among modules and millions of tuples would take a sixth of its time.
    gc.disable()
    code = _run()
    if sys.argv[1:2] == ["scan"] and code != _DEFECT:
        _end(code)
    # The interpreter looks once more when it ends; what is frozen it passes over.
    gc.freeze()
    sys.exit(code)


def _end(code: int) -> None:
    """Ends the process without freeing millions of tuples one by one; a scan has nothing left to do. Returns when output cannot be flushed."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def _run() -> int:
    try:
        return _obey()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 the last place where a defect can still be said in one line
        return _tell(error)


def _obey() -> int:
    from ostiary.cli import quick

    words = quick.scan_words(sys.argv[2:]) if sys.argv[1:2] == ["scan"] else None
    if words is None:
        return _ask_click()
    from ostiary.cli import commands

    return commands.scan(commands.ScanWords(**words))


def _ask_click() -> int:
    # Not at the top of the file: an interrupt while this is imported is one, too.
    import click

    from ostiary.cli.app import app

    try:
        return int(app.main(standalone_mode=False) or 0)
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return _WRONG_USE


def _tell(error: Exception) -> int:
    if isinstance(error, OstiaryError) and not isinstance(error, Defect):
        print(f"ostiary: {_one_line(error)}", file=sys.stderr)
        return _WRONG_USE
    if os.environ.get("OSTIARY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    else:
        print(f"ostiary: a defect of ours: {type(error).__name__}: {_one_line(error)}", file=sys.stderr)
        print("ostiary: OSTIARY_DEBUG=1 shows where; please report it", file=sys.stderr)
    return _DEFECT


def _one_line(error: Exception) -> str:
    """Messages may quote files and paths that nobody vouches for."""
    text = str(error)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
