"""A scan, top to bottom."""

from __future__ import annotations

import datetime
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ostiary import weaknesses
from ostiary.model.finding import Exposure, Finding
from ostiary.model.route import Location, Protection, PublicMark, State
from ostiary.model.scan import AppSeen, Scan, Skipped
from ostiary.scan import baseline as baselines
from ostiary.scan import suppress
from ostiary.scan.code import index as indexing
from ostiary.scan.code.index import Index
from ostiary.scan.code.ir import line_of
from ostiary.scan.code.judge import judge
from ostiary.scan.code.link import link
from ostiary.scan.code.protect import protect
from ostiary.scan.code.reach import Reach, exposure_of
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.walk import Walk, walk
from ostiary.scan.code.world import World
from ostiary.scan.config import Config, public_reason, unused_public
from ostiary.scan.merge import merge, with_fingerprints
from ostiary.scan.records import altered
from ostiary.scan.rules import all_rules
from ostiary.scan.score import score

Progress = Callable[[str, int, int], None]


def scan_tree(root: Path, config: Config | None = None, *, progress: Progress | None = None, today: datetime.date | None = None) -> Scan:
    """Read the source below ``root``: routes, what protects them, findings, score. Nothing of it is imported or executed."""
    config = config or Config()
    with unhurried():
        walked = walk(root, include_tests=config.include_tests, exclude=config.exclude)
        return scan_files(walked, root, config, progress=progress, today=today)


def scan_files(walked: Walk, root: Path, config: Config, *, progress: Progress | None = None, today: datetime.date | None = None) -> Scan:
    """The same for files at hand, as they lie below ``root`` or as a patch would make them."""
    with unhurried():
        index, world, apps = read_files(walked, root, progress=progress)
        protect(world, apps)
        comments = [(m.path, *c) for m in index.modules.values() for c in m.comments]
        _mark_public(apps, config, suppress.public_marks(comments))
        found, broken = judge(world, apps, all_rules())
        routes = tuple(sorted((c.route for a in apps for c in a.routes), key=lambda r: (r.app, r.path, r.method)))
        findings = _finish(found, apps, Reach(world, apps), _Lines({f.path: f.source for f in walked.files}))
    findings, more = suppress.apply_suppressions(findings, comments, config.suppress, today or datetime.datetime.now(datetime.UTC).date())
    # what is accepted with a reason hides nothing, so causes swallow consequences only now
    findings = merge(findings)
    findings = baselines.apply_baseline(findings, config.baseline)
    skipped = (*walked.skipped, *index.skipped, *broken)
    notices = (*unused_public(config.public, routes), *more)
    scan = Scan(root.name, routes, findings, skipped, _seen(apps), None, len(index.modules), index.unreached, notices)
    tested = frozenset(weaknesses.get(rule.weakness).category for rule in all_rules())
    return altered(scan, score=score(findings, routes, incomplete=not scan.complete, tested=tested))


def read_files(walked: Walk, root: Path, *, progress: Progress | None = None) -> tuple[Index, World, list[AppCode]]:
    """Parsed and linked: the modules, what their names stand for, the applications."""
    index = indexing.build(walked.files, root.resolve(), documents=walked.documents, progress=_step(progress, "reading"))
    return (index, *link(index))


def _finish(found: Sequence[Finding], apps: list[AppCode], reach: Reach, lines: _Lines) -> tuple[Finding, ...]:
    by_route = {(c.app.name, c.route.key): exposure_of(c) for a in apps for c in a.routes}
    placed = [altered(f, exposure=_exposure(f, by_route, reach)) for f in found]
    return with_fingerprints(merge(placed, subsumes=lambda _: ()), lines.read)


def _exposure(finding: Finding, by_route: dict[tuple[str, tuple[str, str]], Exposure], reach: Reach) -> Exposure:
    if finding.route is not None:
        return by_route.get((finding.app, finding.route), Exposure.ANONYMOUS)
    if finding.app or finding.at is None:
        return Exposure.ANONYMOUS
    return reach.at(finding.at)


def _mark_public(apps: list[AppCode], config: Config, marks: dict[tuple[str, int], str]) -> None:
    """Routes that somebody wrote down as public; a mark on a protected route changes nothing."""
    for code in (c for a in apps for c in a.routes):
        mark = _comment_mark(code, marks)
        reason = public_reason(config.public, code.route.key)
        if mark is None and reason is not None:
            mark = PublicMark("config", reason)
        if mark is not None and code.route.protection.state is not State.PROTECTED:
            code.route = altered(code.route, public=mark, protection=Protection(State.PUBLIC, (), mark.reason))


def _comment_mark(code: RouteCode, marks: dict[tuple[str, int], str]) -> PublicMark | None:
    """A comment on the handler's ``def`` or on one of its decorators."""
    at, handler = code.route.at, code.handler
    if at is None or not marks:
        return None
    first = min([line_of(d[1]) for d in handler.function.decorators], default=at.line) if handler is not None else at.line
    reason = next((marks[at.file, n] for n in range(first, at.line + 1) if (at.file, n) in marks), None)
    return PublicMark("comment", reason) if reason is not None else None


def _seen(apps: list[AppCode]) -> tuple[AppSeen, ...]:
    return tuple(AppSeen(a.name, a.framework, a.location, len(a.routes)) for a in apps)


def _step(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(what, done, total)


class _Lines:
    """Source lines by place, split once a file."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        self._sources = sources
        self._split: dict[str, list[str]] = {}

    def read(self, place: Location) -> str:
        if place.file not in self._split:
            self._split[place.file] = self._sources.get(place.file, b"").decode("utf-8", "replace").splitlines()
        lines = self._split[place.file]
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


@contextmanager
def unhurried() -> Iterator[None]:
    """Room for deep code, and no garbage collection while millions of tuples are made that all stay."""
    limit, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, 20_000))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


__all__ = ["Progress", "Skipped", "scan_tree"]
