"""Did the change do what it was made for, and nothing else? Two scans tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ostiary import weaknesses
from ostiary.fix.plan import Plan
from ostiary.model.finding import Finding
from ostiary.model.route import State
from ostiary.model.scan import Scan

_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``why`` is None when the change holds; ``revealed`` are findings that it brought to light and that do not speak against it."""

    why: str | None = None
    revealed: tuple[Finding, ...] = ()


def judge(before: Scan, after: Scan, plans: Sequence[Plan]) -> Verdict:
    """Findings are counted by weakness, file and route: their lines move."""
    if len(after.skipped) > len(before.skipped):
        return Verdict("after it a file could no longer be read")
    if Counter((r.app, r.key) for r in before.routes) != Counter((r.app, r.key) for r in after.routes):
        return Verdict("after it the routes were not the same")
    if _opened(before, after):
        return Verdict("after it a route that was protected no longer seems to be")
    was, now = Counter(map(_key, before.findings)), Counter(map(_key, after.findings))
    mended = Counter(_key(finding) for plan in plans for finding in plan.findings)
    if any(was[key] - now[key] < count for key, count in mended.items()):
        return Verdict("after it the finding was still there")
    fresh = _fresh(after.findings, now - was)
    removed = [finding for plan in plans for finding in plan.findings]
    worse = next((f for f in fresh if not _is_revealed(f, removed)), None)
    return Verdict(f"it would bring {worse.weakness} in its place: {worse.message}") if worse else Verdict(None, tuple(fresh))


def _opened(before: Scan, after: Scan) -> bool:
    """The same path may be served twice, so protected ones are counted."""
    was, now = (Counter((r.app, r.key) for r in scan.routes if r.protection.state is State.PROTECTED) for scan in (before, after))
    return bool(was - now)


def _key(finding: Finding) -> _Key:
    return finding.weakness, finding.at.file if finding.at is not None else "", finding.route, finding.app


def _fresh(findings: Iterable[Finding], more: Counter[_Key]) -> list[Finding]:
    """As many findings as a place has more than before, the first ones of their kind."""
    found: list[Finding] = []
    for finding in findings:
        if more[_key(finding)] > 0:
            more[_key(finding)] -= 1
            found.append(finding)
    return found


def _is_revealed(fresh: Finding, removed: Sequence[Finding]) -> bool:
    """It is lighter than all that went away, or one of these explained it until now."""
    explained = {name for finding in removed for name in weaknesses.get(finding.weakness).subsumes}
    return fresh.weakness in explained or all(fresh.severity.rank < finding.severity.rank for finding in removed)
