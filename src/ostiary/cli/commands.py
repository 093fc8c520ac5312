"""What each command does once its words are parsed. Every function returns the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from ostiary import api, report
from ostiary.cli.output import Progress, color, put, talk, width
from ostiary.errors import UsageError
from ostiary.model.finding import Audience
from ostiary.model.records import dataclass
from ostiary.model.scan import Scan
from ostiary.report.common import plural


@dataclass(frozen=True, slots=True)
class ScanWords:
    """What was typed after ``ostiary scan``; what was not typed is the configuration's to say."""

    path: Path
    name: str
    output: Path | None
    json: Path | None
    sarif: Path | None
    html: Path | None
    fail_on: str | None
    min_score: int | None
    baseline: Path | None
    write_baseline: Path | None
    new_only: bool
    include_tests: bool
    allow_incomplete: bool
    config: Path | None
    everything: bool
    audience: str
    quiet: bool


def scan(typed: ScanWords) -> int:
    if typed.new_only and typed.baseline is None:
        raise UsageError("--new-only needs --baseline FILE")
    config = api.configuration(typed.path, typed.config)
    with Progress(typed.quiet) as progress:
        result = api.scan_tree(typed.path, config=config, include_tests=typed.include_tests, baseline=typed.baseline, progress=progress)
    if typed.write_baseline:
        result = api.start_baseline(result, typed.write_baseline)
        talk(f"wrote {typed.write_baseline}", quiet=typed.quiet)
    _write_reports(result, typed)
    if not result.routes:
        talk(_nothing(typed.path, result), quiet=typed.quiet)
    gates = api.gates(config, typed.fail_on, typed.min_score, typed.new_only, typed.allow_incomplete)
    outcome = api.judge(result, gates)
    for reason in outcome.reasons:
        talk(reason, quiet=typed.quiet)
    return outcome.code


def routes(path: Path, config_file: Path | None, include_tests: bool, name: str, output: Path | None, states: Collection[str]) -> int:
    from ostiary.report import inventory

    result = _scan(path, config_file, include_tests)
    shown = [route for route in result.routes if not states or api.state_of(route) in states]
    if name == "table":
        put(inventory.table(shown, 80 if output else width(), color() and output is None), output)
    else:
        put(inventory.as_json(shown) if name == "json" else inventory.as_csv(shown), output, data=True)
    talk(_count(result) if result.routes else _nothing(path, result))
    _warn_if_incomplete(result)
    return 0


def explain(weakness: str | None, framework: str | None) -> int:
    from ostiary.report import explain as pages

    if weakness is None:
        put(pages.catalogue())
        return 0
    text = pages.page(weakness, framework)
    put(pages.drawn(text, width()) if color() else text)
    return 0


def lock(path: Path, config_file: Path | None, output: Path | None, *, check: bool) -> int:
    file = output or api.lock_file(path)
    if check and not file.is_file():
        raise UsageError(f"{file}: there is no lock yet; write it with: ostiary lock {path}")
    result = _scan(path, config_file, include_tests=False)
    if not result.routes:
        talk(_nothing(path, result))
    code = _compare(file, result) if check else _write_lock(file, result)
    return code or _warn_if_incomplete(result)


def init(path: Path, *, force: bool) -> int:
    if not path.is_dir():
        raise UsageError(f"no such folder: {path}")
    file = path / api.CONFIG_NAME
    if file.exists() and not force:
        raise UsageError(f"{file} is there already; --force overwrites it")
    config = api.Config() if file.exists() else api.configuration(path)
    if config.file:
        raise UsageError(f"{path / config.file} configures Ostiary already, and one place is enough")
    result = api.scan_tree(path, config=config)
    api.write_text(file, api.config_text(result))
    talk(f"wrote {file}; {_count(result) if result.routes else _nothing(path, result)}")
    return 0


def _scan(path: Path, config_file: Path | None, include_tests: bool) -> Scan:
    with Progress() as progress:
        return api.scan_tree(path, config=api.configuration(path, config_file), include_tests=include_tests, progress=progress)


def _write_reports(result: Scan, typed: ScanWords) -> None:
    view = _view(typed)
    for other, file in (("json", typed.json), ("sarif", typed.sarif), ("html", typed.html)):
        if file is not None:
            put(report.render(other, result, view), file)
            talk(f"wrote {file}", quiet=typed.quiet)
    if typed.output is not None or not typed.quiet:
        put(report.render(typed.name, result, view), typed.output, data=typed.name != "text")


def _view(typed: ScanWords) -> report.View:
    """Colours and the terminal's width are for a terminal; no report names an absolute path."""
    return report.View(
        width=80 if typed.output else width(),
        color=color() and typed.output is None,
        everything=typed.everything,
        new_only=typed.new_only,
        audience=Audience(typed.audience),
        path="." if typed.path.is_absolute() else str(typed.path),
    )


def _write_lock(file: Path, result: Scan) -> int:
    api.write_text(file, api.lock_text(result.routes))
    talk(f"wrote {file}: {_count(result)}")
    return 0


def _compare(file: Path, result: Scan) -> int:
    changes = api.compare_lock(file, result)
    if changes:
        put("\n\n".join(map(str, changes)) + "\n")
    bad = sum(change.bad for change in changes)
    if bad:
        talk(f"{bad} {'route is' if bad == 1 else 'routes are'} less protected than {file} says")
        return 1
    talk(
        f"{plural(len(changes), 'change')}, none opens or loosens a route; ostiary lock writes them down" if changes else f"as {file} says"
    )
    return 0


def _warn_if_incomplete(result: Scan) -> int:
    if not api.incomplete(result):
        return 0
    serious = [item for item in result.skipped if item.serious] or list(result.skipped)
    talk(
        f"incomplete where it matters: {serious[0].what}: {serious[0].why}" + (f", and {len(serious) - 1} more" if len(serious) > 1 else "")
    )
    return 3


def _count(result: Scan) -> str:
    states = Counter(api.state_of(route) for route in result.routes)
    return f"{plural(len(result.routes), 'route')}: " + ", ".join(f"{number} {state}" for state, number in sorted(states.items()))


def _nothing(path: Path, result: Scan) -> str:
    files = result.files_read + result.files_unreached
    return f"no Flask or FastAPI route was found in {path} ({plural(files, 'Python file')})"
