"""``ostiary fix``: diffs on standard output, what stays and why on standard error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from ostiary import api
from ostiary.cli.output import Progress, color, put, talk
from ostiary.errors import UsageError
from ostiary.fix import Fixes
from ostiary.report.common import plural

_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def fix(path: Path, only: tuple[str, ...], config_file: Path | None, test: str | None, *, write: bool, check: bool) -> int:
    if write and check:
        raise UsageError("--apply writes and --check only looks: choose one")
    config = api.configuration(path, config_file)
    with Progress() as progress:
        fixes = api.fix(path, config=config, only=only, test=test, progress=progress)
    _show(fixes)
    _tell(fixes, path, tested=test is not None)
    if write and fixes.patches:
        _write(path, fixes)
    elif fixes.patches:
        talk("nothing is written yet; --apply does it")
    return 1 if check and fixes.patches else 0


def _show(fixes: Fixes) -> None:
    from ostiary.fix.shown import diffs

    text = "\n".join(diffs(fixes))
    if text:
        put("".join(_painted(line) for line in text.splitlines(keepends=True)) if color() else text)


def _painted(line: str) -> str:
    if line.startswith("#"):
        return click.style(line, bold=True)
    return click.style(line, fg=_COLORS[line[0]]) if line[0] in _COLORS else line


def _tell(fixes: Fixes, path: Path, *, tested: bool) -> None:
    for left in fixes.left:
        talk(f"{left.finding.at or left.finding.app}: {left.finding.weakness}: {left.why}")
    for item in fixes.skipped:
        if item.serious:
            talk(f"{item.what}: {item.why}")
    mended = sum(len(patch.findings) for patch in fixes.patches)
    kinds = Counter(finding.weakness for patch in fixes.patches for finding in patch.findings)
    said = f" ({', '.join(f'{number} {name}' for name, number in sorted(kinds.items()))})" if kinds else ""
    talk(f"{_plural_patches(len(fixes.patches))} for {plural(mended, 'finding')}{said}; {plural(len(fixes.left), 'finding')} without")
    command = None if tested or not fixes.patches else _found_command(path)
    if command is not None:
        talk(f"no test was run; to let the project's tests decide as well: --test '{command}'")


def _plural_patches(count: int) -> str:
    return "1 patch" if count == 1 else f"{count} patches"


def _found_command(path: Path) -> str | None:
    from ostiary.fix.project import command_of

    return command_of(path)


def _write(path: Path, fixes: Fixes) -> None:
    from ostiary.fix.worktree import uncommitted

    root = path.resolve()
    home = root if root.is_dir() else root.parent
    for file in uncommitted(home, [home / name for name in fixes.files]):
        talk(f"{file}: holds changes that git does not have yet; the patches come on top of them")
    for file in api.apply_fixes(path, fixes):
        talk(f"wrote {file}")
