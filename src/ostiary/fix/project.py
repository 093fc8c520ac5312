"""The project's own tests over a copy of its tree, only ever by the command that the person typed; and a copy only, so that nothing is left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from ostiary.errors import UsageError

_LEFT_OUT = frozenset(
    (".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".venv", "venv", ".mypy_cache", ".pytest_cache")
)
_LIMIT = 1024 * 1024 * 1024
_PYTEST = re.compile(r"^\[tool\.pytest|^\[pytest\]|^\[tool:pytest\]", re.MULTILINE)
_TARGET = re.compile(r"^test\s*:", re.MULTILINE)


class Project:
    """A copy below a temporary folder while the context lasts; calling it runs the tests over changed files."""

    def __init__(self, root: Path, command: str) -> None:
        if not root.is_dir():
            raise UsageError("--test needs a folder to copy, not a file")
        if not command.strip():
            raise UsageError("--test is empty")
        self._root, self._command = root, command
        self._before: int | None = None

    def __enter__(self) -> Project:
        self._home = Path(tempfile.mkdtemp(prefix="ostiary-"))
        try:
            self._copy = self._home / (self._root.name or "tree")
            _copy(self._root, self._copy)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    def __call__(self, files: Mapping[str, bytes], variables: Mapping[str, str]) -> str | None:
        """Why the tests do not hold with these files, None when they hold as well as without."""
        if self._before is None:
            self._before = self._run({})
        for path in files:
            (self._copy / path).write_bytes(files[path])
        try:
            after = self._run(variables)
        finally:
            for path in files:
                shutil.copyfile(self._root / path, self._copy / path)
        if after in (0, self._before):
            return None
        return f"the tests end with {after} with it, and with {self._before} without"

    def _run(self, variables: Mapping[str, str]) -> int:
        """The exit code. What the tests print goes to standard error; they read nothing."""
        process = subprocess.Popen(  # noqa: S602  # the person typed this very command, for a shell
            self._command,
            shell=True,
            cwd=self._copy,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno() if sys.stderr is not None else subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait()
        except BaseException:
            _end(process)
            raise

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The copy comes first on the path, before an installed original; a secret that moved to the environment has its old value there,
        unless the person set another."""
        paths = [str(self._copy), str(self._copy / "src"), os.environ.get("PYTHONPATH", "")]
        ours = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**variables, **os.environ, **ours}


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _copy(root: Path, copy: Path) -> None:
    """Regular files, and links that stay inside; environments, caches and version control are left out."""
    size = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not (here / name / "pyvenv.cfg").exists()]
        there = copy / here.relative_to(root)
        there.mkdir(parents=True, exist_ok=True)
        for name in [*folders, *files]:
            if (here / name).is_symlink():
                _copy_link(here / name, there / name, root)
            elif (here / name).is_file():
                size += (here / name).stat().st_size
                if size > _LIMIT:
                    raise UsageError("--test: the tree is larger than 1 GB; name the folder of the service itself")
                shutil.copy2(here / name, there / name)


def _copy_link(link: Path, copy: Path, root: Path) -> None:
    target = Path(os.path.realpath(link))
    if target.is_relative_to(root.resolve()):
        copy.symlink_to(os.path.relpath(target, os.path.realpath(link.parent)))


def command_of(root: Path) -> str | None:
    """What looks like the command for the project's tests. It is told to the person and never run."""
    return next(_commands(root), None) if root.is_dir() else None


def _commands(root: Path) -> Iterator[str]:
    for name in ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini"):
        if _PYTEST.search(_head(root / name)):
            yield "python -m pytest -q"
    if _TARGET.search(_head(root / "Makefile")):
        yield "make test"
    if (root / "tests").is_dir():
        yield "python -m pytest -q"


def _head(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(100_000)
    except OSError:
        return ""
