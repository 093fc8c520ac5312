"""``ostiary fix`` as a person uses it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import COMMAND, environment, ostiary
from tests.cli.test_surface import heed_interrupts, on_terminal, wait_for_reader
from tests.fix.trees import FLASK, written

DEBUG = FLASK + "app.debug = True\n"
SECRET = FLASK + "app.secret_key = 'Zk3Lm9Qw7Rt5Yx2V'\n"
TWO = {"debug": DEBUG, "keyed": SECRET}


def state(tree: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def test_patches_are_shown_and_nothing_is_written(tmp_path: Path) -> None:
    """The diff on standard output, the rest on standard error, exit code 0."""
    before = state(written(tmp_path, service=DEBUG))
    run = ostiary("fix", tmp_path)
    assert run.stdout.splitlines() == [
        "# debug-mode service.py:6: every error answers with a stack trace and source code (debug is on for the whole application)",
        "# debug mode is off here; on your own machine: flask run --debug",
        "--- a/service.py",
        "+++ b/service.py",
        "@@ -3,4 +3,4 @@",
        " from flask import Flask, abort, request",
        " ",
        " app = Flask(__name__)",
        "-app.debug = True",
        "+app.debug = False",
    ]
    assert run.stderr.splitlines() == [
        "ostiary: 1 patch for 1 finding (1 debug-mode); 0 findings without",
        "ostiary: nothing is written yet; --apply does it",
    ]
    assert (run.returncode, state(tmp_path)) == (0, before)


def test_what_is_shown_is_what_git_applies(tmp_path: Path) -> None:
    """The same result as ``--apply``, by ``git apply`` of standard output, several patches of a file included."""
    tree = FLASK + "KEY = os.environ['KEY']\napp.debug = True\n\n\n@app.before_request\ndef check():\n"
    tree += "    if request.headers['X-Key'] != KEY:\n        abort(401)\n"
    shown = ostiary("fix", written(tmp_path, service=tree)).stdout
    git = subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=shown, text=True, capture_output=True, check=False)
    by_git = state(tmp_path)
    ostiary("fix", written(tmp_path, service=tree), "--apply")
    assert (git.returncode, git.stderr, by_git) == (0, "", state(tmp_path))


def test_apply_writes_and_a_second_run_has_nothing(tmp_path: Path) -> None:
    """Says what it wrote, leaves no other file, and then there is nothing to do."""
    written(tmp_path, **TWO)
    run, again = (ostiary("fix", tmp_path, "--apply") for _ in range(2))
    assert run.stderr.splitlines()[1:] == [f"ostiary: wrote {tmp_path / name}" for name in ("keyed.py", "debug.py")]
    assert set(state(tmp_path)) == {"debug.py", "keyed.py"}
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "ostiary: 0 patches for 0 findings; 0 findings without\n")


def test_check_ends_with_1_while_there_is_a_patch(tmp_path: Path) -> None:
    """For a pipeline: 1 before, 0 after; nothing is written by it."""
    written(tmp_path, service=DEBUG)
    assert ostiary("fix", tmp_path, "--check").returncode == 1
    assert (tmp_path / "service.py").read_text() == DEBUG
    ostiary("fix", tmp_path, "--apply")
    assert ostiary("fix", tmp_path, "--check").returncode == 0


def test_only_fixes_only_that(tmp_path: Path) -> None:
    """The other weakness stays as it is."""
    written(tmp_path, **TWO)
    ostiary("fix", tmp_path, "--only", "debug-mode", "--apply")
    assert state(tmp_path) == {"debug.py": DEBUG.replace("True", "False").encode(), "keyed.py": SECRET.encode()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "cors-permissive"], "no automatic fix for 'cors-permissive'; there are: auth-fails-open, debug-mode, "),
        (["--apply", "--check"], "--apply writes and --check only looks: choose one"),
        (["--test", " "], "--test is empty"),
        (["--config", "absent.toml"], "absent.toml"),
    ],
)
def test_wrong_use_ends_with_2_in_one_line(words: list[str], said: str, tmp_path: Path) -> None:
    """The tree is not even read."""
    before = state(written(tmp_path, service=DEBUG))
    run = ostiary("fix", tmp_path, *words)
    assert (run.returncode, run.stdout, state(tmp_path)) == (2, "", before)
    assert said in run.stderr.splitlines()[-1]


def test_a_tree_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    """One line names it."""
    run = ostiary("fix", tmp_path / "absent")
    assert (run.returncode, run.stderr) == (2, f"ostiary: no such file or folder: {tmp_path / 'absent'}\n")


def test_what_cannot_be_read_is_said_and_the_rest_is_fixed(tmp_path: Path) -> None:
    """A file with a syntax error stays as it is and is named."""
    written(tmp_path, service=DEBUG, broken=FLASK + "def f(:\n")
    run = ostiary("fix", tmp_path, "--apply")
    assert "ostiary: broken.py: invalid syntax (line 6)" in run.stderr
    assert (tmp_path / "service.py").read_text() == DEBUG.replace("True", "False")


def test_a_missing_extra_is_one_sentence(tmp_path: Path) -> None:
    """Without LibCST: the command that brings it, exit code 2."""
    written(tmp_path, service=DEBUG)
    code = "import sys; sys.modules['libcst'] = None; sys.argv[0] = 'ostiary'; from ostiary.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", code, "fix", str(tmp_path)], capture_output=True, text=True, check=False, env=environment())
    assert (run.returncode, run.stdout, run.stderr) == (2, "", "ostiary: ostiary fix needs: pip install 'ostiary[fix]'\n")


def test_other_commands_do_not_load_the_editor() -> None:
    """LibCST costs a quarter of a second: only ``fix`` pays it."""
    code = "import sys, ostiary.cli.app, ostiary.cli.commands, ostiary.fix, ostiary.scan.run; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_output_holds_a_secret(tmp_path: Path) -> None:
    """Not the one that goes, not one beside the change that no rule found, not one in a comment."""
    other, third = "Qp4Rn8Wx6Yt2Zb7Kc3Vd", "sk_live_4Jf8Gk2Hn6Pm9Qr3St7Uv"
    source = (
        f"{SECRET}QUEUE = '{other}'\n# Zk3Lm9Qw7Rt5Yx2V was {third}\nPEM = '''-----BEGIN RSA PRIVATE KEY-----\n"
        + "MIIEowIBAAKCAQEAv1x9aB3kQ7Lr2Zt8Wm4Nc6Yd0\n" * 4
        + "'''\n"
    )
    run = ostiary("fix", written(tmp_path, service=source))
    assert "+app.secret_key = os.environ['SECRET_KEY']" in run.stdout
    said = run.stdout + run.stderr
    assert [text for text in ("Zk3Lm9Qw", other, third, "MIIEow") if text in said] == []


def test_source_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    """Control characters of a context line are spelled out."""
    run = ostiary("fix", written(tmp_path, service=DEBUG + "# \x1b]0;title\x07\n"))
    assert "+app.debug = False" in run.stdout
    assert "\x1b" not in run.stdout


def test_diffs_are_coloured_on_a_terminal(tmp_path: Path) -> None:
    """Green in, red out."""
    said = on_terminal("fix", str(written(tmp_path, service=DEBUG)))
    assert "\x1b[32m+app.debug = False" in said
    assert "\x1b[31m-app.debug = True" in said


def test_tests_decide_when_a_command_is_given(tmp_path: Path) -> None:
    """The patch that breaks them is not kept, the other one is; all in a copy."""
    written(tmp_path, **TWO)
    command = f"{sys.executable} -c \"import pathlib, sys; sys.exit('os.environ' in pathlib.Path('keyed.py').read_text())\""
    run = ostiary("fix", tmp_path, "--test", command, "--apply")
    assert "ostiary: keyed.py:6: hardcoded-secret: the tests end with 1 with it, and with 0 without" in run.stderr
    assert state(tmp_path) == {"debug.py": DEBUG.replace("True", "False").encode(), "keyed.py": SECRET.encode()}


def test_tests_run_over_the_patched_copy_with_the_old_values(tmp_path: Path) -> None:
    """What moved to the environment has its old value there, so that the tests can run at all; the original is not imported."""
    flask = "import sys, types\nsys.modules['flask'] = types.SimpleNamespace(**dict.fromkeys(('Flask', 'abort', 'request'), lambda *_: types.SimpleNamespace()))\n"
    written(tmp_path, keyed=SECRET)
    digest = hashlib.sha256(b"Zk3Lm9Qw7Rt5Yx2V").hexdigest()
    check = f"{flask}import hashlib, os, keyed\nfirst = 'SECRET_KEY' not in os.environ\n"
    check += f"assert first or hashlib.sha256(keyed.app.secret_key.encode()).hexdigest() == '{digest}'\n"
    check += f"assert not keyed.__file__.startswith({str(tmp_path)!r})\nprint('asked', first)\n"
    (tmp_path / "check.txt").write_text(check)
    run = ostiary("fix", tmp_path, "--test", f"{sys.executable} check.txt")
    assert [line for line in run.stderr.splitlines() if line.startswith("asked")] == ["asked True", "asked False"]
    assert "1 patch for 1 finding" in run.stderr


def test_a_command_that_is_found_is_told_and_never_run(tmp_path: Path) -> None:
    """A tree cannot make Ostiary run anything."""
    (tmp_path / "Makefile").write_text(f"test:\n\ttouch {tmp_path}/ran\n")
    written(tmp_path, service=DEBUG)
    run = ostiary("fix", tmp_path)
    assert "to let the project's tests decide as well: --test 'make test'" in run.stderr
    assert not (tmp_path / "ran").exists()


def test_the_copy_leads_nowhere_else(tmp_path: Path) -> None:
    """Links out of the tree are not in the copy, those inside are, and version control is left out."""
    tree, outside = tmp_path / "tree", tmp_path / "outside.txt"
    (tree / ".git").mkdir(parents=True)
    outside.write_text("outside")
    (tree / "out.txt").symlink_to(outside)
    (tree / "data.txt").write_text("inside")
    (tree / "in.txt").symlink_to(tree / "data.txt")
    written(tree, service=DEBUG)
    command = f"{sys.executable} -c \"import os; print('holds', sorted(os.listdir()), open('in.txt').read(), os.path.realpath('in.txt').endswith('/data.txt'))\""
    run = ostiary("fix", tree, "--test", command)
    assert run.stderr.splitlines()[0] == "holds ['data.txt', 'in.txt', 'service.py'] inside True"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_interruption_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    """Ctrl-C while the tests run: they end with it, 130, no file is written, no copy left behind."""
    tree, fifo, temporary = tmp_path / "tree", tmp_path / "fifo", tmp_path / "temporary"
    tree.mkdir()
    temporary.mkdir()
    os.mkfifo(fifo)
    before = state(written(tree, service=DEBUG))
    words = [*COMMAND, "fix", str(tree), "--apply", "--test", f"exec cat {fifo}"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(TMPDIR=str(temporary)), preexec_fn=heed_interrupts
    )
    end = wait_for_reader(fifo)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    with pytest.raises(BrokenPipeError):
        os.write(end, b"x")
    os.close(end)
    assert (process.returncode, out, state(tree), list(temporary.iterdir())) == (130, "", before, [])


@pytest.mark.parametrize("staged", [True, False])
def test_uncommitted_changes_are_warned_about(staged: bool, tmp_path: Path) -> None:
    """A patch over work that git does not have is said; over a file as git has it, not."""
    written(tmp_path, service=DEBUG)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "other.py").write_text("")
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    if not staged:
        (tmp_path / "service.py").write_text(DEBUG + "# work\n")
    run = ostiary("fix", tmp_path, "--apply")
    said = f"ostiary: {tmp_path / 'service.py'}: holds changes that git does not have yet; the patches come on top of them"
    assert (said in run.stderr.splitlines()) is not staged
    assert "debug = False" in (tmp_path / "service.py").read_text()


def test_a_repository_cannot_make_git_run_anything(tmp_path: Path) -> None:
    """A hostile configuration names commands; git is not run."""
    written(tmp_path, service=DEBUG)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "config", "core.fsmonitor", f"touch {tmp_path}/ran"], cwd=tmp_path, check=True)
    ostiary("fix", tmp_path, "--apply")
    assert not (tmp_path / "ran").exists()
