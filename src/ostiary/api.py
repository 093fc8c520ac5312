"""What every surface calls: scan a tree, judge it, write files. Thin on purpose."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.model.finding import Finding
from ostiary.model.records import altered
from ostiary.model.route import Route
from ostiary.model.scan import Scan
from ostiary.scan.config import NAMES, Config, load
from ostiary.scan.gate import Gates, Outcome, incomplete, judge, severity_or_never
from ostiary.scan.state import state_of

if TYPE_CHECKING:
    from ostiary.fix import Fixes
    from ostiary.scan.lock import Change

# What one command needs and most do not is imported where it is needed: half of a small scan's time would be imports.

__all__ = [
    "CONFIG_NAME",
    "Config",
    "Gates",
    "Outcome",
    "Progress",
    "apply_fixes",
    "baseline_text",
    "compare_lock",
    "config_text",
    "configuration",
    "fix",
    "gates",
    "incomplete",
    "judge",
    "lock_file",
    "lock_text",
    "read_text",
    "routes_of",
    "scan_tree",
    "start_baseline",
    "state_of",
    "write_text",
]

CONFIG_NAME = NAMES[0]
Progress = Callable[[str, int, int], None]
"""Called now and then with what is being done, how many of it are done, and how many there are (0: not known)."""


def configuration(path: Path, file: Path | None = None) -> Config:
    """The configuration of a tree, of ``file`` when it is given."""
    return load(_existing(path), file)


def scan_tree(
    path: Path,
    *,
    config: Config | None = None,
    include_tests: bool = False,
    baseline: Path | None = None,
    progress: Progress | None = None,
) -> Scan:
    """Reads the source below ``path``. Nothing of it is imported or executed."""
    settings = config if config is not None else configuration(path)
    known = _baseline(baseline) if baseline else settings.baseline
    settings = altered(settings, include_tests=settings.include_tests or include_tests, baseline=known)
    from ostiary.scan import run

    return run.scan_tree(_existing(path).resolve(), settings, progress=progress)


def routes_of(path: Path, *, config: Config | None = None, progress: Progress | None = None) -> tuple[Route, ...]:
    """The inventory: every route below ``path``."""
    return scan_tree(path, config=config, progress=progress).routes


def baseline_text(findings: Iterable[Finding]) -> str:
    """A baseline of these findings."""
    from ostiary.scan import baseline

    return baseline.render(findings)


def start_baseline(scan: Scan, file: Path) -> Scan:
    """Writes the baseline of a scan; from then on none of its findings is new."""
    from ostiary.scan.baseline import apply_baseline

    write_text(file, baseline_text(scan.findings))
    return altered(scan, findings=apply_baseline(scan.findings, _baseline(file)))


def gates(config: Config, fail_on: str | None, min_score: int | None, new_only: bool, allow_incomplete: bool) -> Gates:
    """The gates of a configuration, with what a person typed in its place."""
    return Gates(
        fail_on=config.fail_on if fail_on is None else severity_or_never(fail_on),
        min_score=config.min_score if min_score is None else min_score,
        new_only=new_only,
        allow_incomplete=allow_incomplete,
    )


def config_text(scan: Scan) -> str:
    """A first configuration for what a scan saw."""
    from ostiary.scan import template

    return template.render(scan.routes)


def lock_file(path: Path) -> Path:
    """Where the lock of a tree is kept."""
    from ostiary.scan.lock import NAME

    return (path if path.is_dir() else path.parent) / NAME


def lock_text(routes: Iterable[Route]) -> str:
    """The lock of these routes."""
    from ostiary.scan import lock

    return lock.render(routes)


def compare_lock(file: Path, scan: Scan) -> list[Change]:
    """What is different from the lock file."""
    from ostiary.scan import lock

    return lock.check(read_text(file), scan.routes, file.name)


def fix(
    path: Path,
    *,
    config: Config | None = None,
    only: Collection[str] = (),
    test: str | None = None,
    progress: Progress | None = None,
) -> Fixes:
    """Patches that a second scan has proven; nothing is written. ``test`` is a shell command that a person typed, and no one else: it runs in
    a copy of the tree. Raises MissingExtra, UsageError."""
    from ostiary import fix as fixing

    fixing.require_libcst()
    fixing.require_known(only)
    settings = config if config is not None else configuration(path)
    root = _existing(path).resolve()
    from ostiary.fix.loop import Loop
    from ostiary.fix.project import Project

    if test is None:
        return Loop(root, settings, only, progress=progress).run()
    with Project(root, test) as tests:
        return Loop(root, settings, only, tests, progress).run()


def apply_fixes(path: Path, fixes: Fixes) -> list[Path]:
    """Writes every patched file or none; returns them. UsageError when one of them is no longer what was read."""
    root = _existing(path).resolve()
    home = root if root.is_dir() else root.parent
    files = {home / name: ends for name, ends in fixes.files.items()}
    for file, (before, _) in files.items():
        if not file.is_file() or file.read_bytes() != before:
            raise UsageError(f"{file}: has changed since it was read; nothing was written")
    begun: list[Path] = []
    try:
        for file, (_, after) in files.items():
            begun.append(file)
            write_bytes(file, after)
    except BaseException:
        for file in begun:
            if file.read_bytes() != files[file][0]:
                write_bytes(file, files[file][0])
        raise
    return list(files)


def _baseline(file: Path) -> frozenset[str]:
    from ostiary.scan import baseline

    return baseline.parse(read_text(file), str(file))


def _existing(path: Path) -> Path:
    try:
        path.stat()
    except (OSError, ValueError):
        raise UsageError(f"no such file or folder: {path}") from None
    return path


def read_text(path: Path) -> str:
    """The text of a file that a person named; UsageError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None


def write_text(path: Path, text: str) -> None:
    """Writes all of the text or nothing: an interrupted command leaves the old file as it was."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, data: bytes) -> None:
    """The same for bytes."""
    try:
        if path.exists() and not path.is_file():
            # A device or a pipe is written to, never replaced.
            path.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(fresh, "xb") as file:
            file.write(data)
        if path.exists():
            fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
