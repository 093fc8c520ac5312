"""The command line without a scan: help, mistakes, defects, interruptions, and what is loaded."""

from __future__ import annotations

import errno
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from ostiary import __version__, api, cli, weaknesses
from ostiary.cli.app import app
from tests.cli.run import COMMAND, environment, ostiary

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")
COMMANDS = sorted(app.commands)


def test_help_names_every_command() -> None:
    """Help is data, ends with 0 and has an example of each."""
    run = ostiary("--help")
    assert (run.returncode, run.stderr) == (0, "")
    assert all(re.search(rf"^  {name}\b", run.stdout, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "version"])
def test_help_of_a_command_has_an_example(command: str) -> None:
    """Something that can be typed."""
    assert f"  ostiary {command}" in ostiary(command, "--help").stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_reference(command: str) -> None:
    """Each command and each of its options is documented."""
    options = [name for option in app.commands[command].params if isinstance(option, click.Option) for name in option.opts]
    assert [name for name in (f"ostiary {command}", *options) if f"`{name}" not in REFERENCE] == []


def test_every_exit_code_is_in_the_reference() -> None:
    """0, 1, 2, 3, 4 and 130."""
    assert re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


def test_version() -> None:
    """The version of the package, on standard output."""
    assert ostiary("version").stdout == f"ostiary {__version__}\n"


LOADED = "import sys; from ostiary.cli.app import app; app.main({words!r}, standalone_mode=False); print(*sys.modules, file=sys.stderr)"
HEAVY = {"rich", "typer", "pydantic", "ostiary.api", "ostiary.scan", "ostiary.report", "tomllib", "json"}


@pytest.mark.parametrize("words", [["--help"], ["scan", "--help"], ["version"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    """Neither scanner nor terminal library is needed to say how the command is used."""
    run = subprocess.run([sys.executable, "-c", LOADED.format(words=words)], capture_output=True, text=True, check=True)
    assert set(run.stderr.split()) & HEAVY == set()


@pytest.mark.parametrize(
    "words",
    [
        ["scan", "nowhere"],
        ["routes", "nowhere"],
        ["lock", "nowhere"],
        ["lock", ".", "--check"],
        ["init", "nowhere"],
        ["scan", ".", "--config", "nowhere.toml"],
        ["scan", ".", "--config", "bad.toml"],
        ["scan", ".", "--baseline", "nowhere.json"],
        ["scan", ".", "--baseline", "bad.toml"],
        ["scan", ".", "--new-only"],
        ["explain", "missing-authentcation"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_and_ends_with_2(words: list[str], tmp_path: Path) -> None:
    """No traceback, nothing on standard output."""
    (tmp_path / "bad.toml").write_text("min-score = 'x'")
    run = ostiary(*words, cwd=tmp_path)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert run.stderr.startswith("ostiary: ")


@pytest.mark.parametrize(
    "words",
    [
        ["scna"],
        ["scan", ".", "--fail-on", "grave"],
        ["scan", ".", "--min-score", "101"],
        ["scan", ".", "--format", "pdf"],
        ["routes", ".", "--state", "ajar"],
        ["explain", "--framework", "django"],
        ["scan", "a", "b"],
    ],
    ids=" ".join,
)
def test_a_wrong_word_ends_with_2(words: list[str]) -> None:
    """With how it is used, and no traceback."""
    run = ostiary(*words)
    assert (run.returncode, run.stdout) == (2, "")
    assert "Error: " in run.stderr
    assert "Traceback" not in run.stderr


def test_a_mistake_names_the_word_that_was_meant() -> None:
    """Did you mean."""
    assert "did you mean missing-authentication" in ostiary("explain", "missing-authentcation").stderr


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_defect_ends_with_4(debug: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and how to see more; the traceback only when it is asked for."""
    monkeypatch.setattr(api, "configuration", lambda *_: {}["no\x1b such key"])
    monkeypatch.setattr(sys, "argv", ["ostiary", "scan", "."])
    monkeypatch.setenv("OSTIARY_DEBUG", debug)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (4, "")
    assert ("Traceback" in said.err, "OSTIARY_DEBUG=1" in said.err) == (bool(debug), not debug)
    assert "\x1b" not in said.err


def wait_for_reader(fifo: Path) -> int:
    """Opens the pipe for writing as soon as the command reads it: then it is where it can be interrupted."""
    for _ in range(600):
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.05)
    raise TimeoutError


def heed_interrupts() -> None:
    """A suite that runs in the background of a shell ignores SIGINT, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_interruption_ends_with_130_and_breaks_nothing(tmp_path: Path) -> None:
    """Ctrl-C in the middle: no traceback, the old report is whole, no other file is left."""
    fifo, report = tmp_path / "baseline.json", tmp_path / "report.json"
    os.mkfifo(fifo)
    report.write_text("old")
    words = ["scan", str(tmp_path), "--baseline", str(fifo), "--format", "json", "-o", str(report)]
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), preexec_fn=heed_interrupts
    )
    end = wait_for_reader(fifo)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    os.close(end)
    assert (process.returncode, out, err.strip()) == (130, "", "")
    assert (report.read_text(), sorted(path.name for path in tmp_path.iterdir())) == ("old", ["baseline.json", "report.json"])


def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    """``ostiary explain | head`` says nothing on standard error and keeps its exit code."""
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run([*COMMAND, "explain"], stdout=write, stderr=subprocess.PIPE, text=True, check=False, env=environment())
    os.close(write)
    assert (run.returncode, run.stderr) == (0, "")


def on_terminal(*words: str, **variables: str) -> str:
    """What the command prints when a person looks."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, *words], stdout=theirs, stderr=theirs, env=environment(TERM="xterm", **variables)) as process:
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            said += piece
    os.close(ours)
    assert process.returncode == 0
    return said.decode()


def test_colours_are_for_terminals_and_can_be_refused() -> None:
    """On a terminal yes; with NO_COLOR, on a dumb terminal and in a pipe no."""
    words = ("explain", "missing-authentication")
    assert "\x1b[" in on_terminal(*words)
    assert "\x1b[" not in on_terminal(*words, NO_COLOR="1")
    assert "\x1b" not in ostiary(*words).stdout


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """No mojibake, no crash."""
    run = subprocess.run(
        [*COMMAND, "explain", "missing-authentication"], capture_output=True, check=False, env=environment(PYTHONIOENCODING="ascii")
    )
    assert run.returncode == 0
    assert run.stdout.isascii()


def test_explain_lists_every_page() -> None:
    """Without a name, each weakness with its title."""
    listed = ostiary("explain").stdout
    assert [name for name in weaknesses.all_ids() if f"  {name} " not in listed] == []


@pytest.mark.parametrize(("framework", "shown"), [(None, (True, True)), ("flask", (True, False)), ("fastapi", (False, True))])
def test_explain_shows_the_fix_that_is_asked_for(framework: str | None, shown: tuple[bool, bool]) -> None:
    """Both, or one."""
    words = ["--framework", framework] if framework else []
    text = ostiary("explain", "missing-authentication", *words).stdout
    assert ("## Fix in Flask" in text, "## Fix in FastAPI" in text) == shown
    assert all(part in text for part in ("# Route without authentication", "## Why", "## Attack", "CWE-306"))
