"""Trees that nobody wrote for us: no traceback, no hang, a word about what was not read, and the right exit code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.run import ostiary

HEAD = b"from flask import Flask\napp = Flask(__name__)\n"
GOOD = b"from flask import Flask\nfrom flask_login import login_required\napp = Flask(__name__)\n\n\n@app.get('/v1/x')\n@login_required\ndef x(): ...\n"
BOMB = b"x = " + b"(" * 5000 + b")" * 5000 + b"\n"


def loop(tree: Path) -> None:
    (tree / "inner").mkdir()
    (tree / "inner" / "back").symlink_to(tree, target_is_directory=True)
    (tree / "self.py").symlink_to(tree / "self.py")


def unreadable(tree: Path) -> None:
    (tree / "secret.py").write_bytes(HEAD)
    (tree / "secret.py").chmod(0)


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda tree: (tree / name).write_bytes(content) and None


BAD = {
    "syntax error": (write("bad.py", HEAD + b"def broken(:\n"), 3, r"bad\.py: .+ \(line 3\)"),
    "Python 2": (write("bad.py", HEAD + b"print 'hello'\n"), 3, r"bad\.py: Python 2"),
    "binary": (write("bad.py", HEAD + b"\0\1\2"), 3, r"bad\.py: binary"),
    "wrong encoding": (write("bad.py", b"# coding: klingon\n" + HEAD), 3, r"bad\.py: "),
    "50 MB": (write("bad.py", HEAD + b"#" * 50 * 1024 * 1024), 3, r"bad\.py: larger than 2 MB"),
    "deep nesting": (write("bad.py", HEAD + BOMB), 3, r"bad\.py: "),
    "template": (write("bad.py", HEAD + b"{% if x %}\n"), 0, r"bad\.py: a template"),
    "notebook": (write("bad.ipynb", b"{}"), 0, r"\*\.ipynb: 1: notebooks are not read yet"),
    "symbolic links in a circle": (loop, 0, None),
    "no permission": (unreadable, 3, r"secret\.py: cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_said_and_the_rest_is_read(kind: str, tmp_path: Path) -> None:
    """The good file beside it is read, the bad one named; 3 when a route could hide in it (a template is no code)."""
    make, code, said = BAD[kind]
    if kind == "no permission" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "good.py").write_bytes(GOOD)
    make(tmp_path)
    run = ostiary("scan", tmp_path)
    assert "Traceback" not in run.stderr
    assert "good:app  flask  1 route" in run.stdout
    assert (said is None) or re.search(rf"^  (!|  ?) ?{said}", run.stdout, re.MULTILINE)
    assert run.returncode == code


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_neither_file_nor_folder_is_refused(kind: str, tmp_path: Path) -> None:
    """Exit 2 in one line, and no waiting for it."""
    path = Path("/dev/null")
    if kind == "fifo":
        path = tmp_path / "fifo"
        os.mkfifo(path)
    run = ostiary("scan", path)
    assert (run.returncode, run.stderr) == (2, f"ostiary: neither a file nor a folder: {path}\n")
