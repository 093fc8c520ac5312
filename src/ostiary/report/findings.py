"""Findings for people: one block for each weakness, so that three hundred open routes are one block and not three hundred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ostiary import weaknesses
from ostiary.model.finding import Finding, Severity
from ostiary.model.scan import Scan
from ostiary.report.common import fix_of, place_of, plural

if TYPE_CHECKING:
    # Its terminal library is not loaded for a report that only groups findings.
    from ostiary.report.page import Page

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_NAMED = 3


def groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings of one weakness together, the worst first; groups in the order of their worst."""
    found: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: (-one.severity.rank, -one.confidence.rank)):
        found.setdefault(finding.weakness, []).append(finding)
    return list(found.values())


def counts_by_severity(findings: Sequence[Finding]) -> str:
    """``2 critical, 1 low``; empty when there is none."""
    tally = Counter(finding.severity for finding in findings)
    return ", ".join(f"{tally[level]} {level.value}" for level in Severity if tally[level])


def write_group(page: Page, scan: Scan, number: int, group: Sequence[Finding], *, everything: bool) -> None:
    """The worst of the group in full, with its fix, and where the others are."""
    worst = group[0]
    style = _STYLES[worst.severity]
    page.gap()
    page.line(f"{number:>2}  ", (worst.severity.value.upper(), style), "  ", (weaknesses.get(worst.weakness).title, "bold"), hang=4)
    new = " · new" if worst.new else ""
    page.line((f"{worst.weakness} · {worst.confidence.value} confidence{new}", "dim"), indent=4)
    page.line(_place(scan, worst), indent=4, hang=2)
    page.line(worst.message, indent=4)
    for step in worst.evidence if everything else ():
        page.line((f"{step.kind}  {step.at or ''}  {step.text}", "dim"), indent=6, hang=2)
    for line in fix_of(scan, worst).splitlines():
        page.line(("│ ", "green"), line, indent=6, hang=2)
    _others(page, scan, group[1:], everything)


def _others(page: Page, scan: Scan, others: Sequence[Finding], everything: bool) -> None:
    if not others:
        return
    noun = "route" if all(finding.route for finding in others) else "place"
    if everything:
        page.line(f"and {plural(len(others), f'more {noun}')}:", indent=4)
        for finding in others:
            page.line(f"{finding.severity.value}, {finding.confidence.value} confidence  {_place(scan, finding)}", indent=6, hang=2)
        return
    named = ", ".join(_brief(finding) for finding in others[:_NAMED])
    page.line(f"and {plural(len(others), f'more {noun}')}: {named}{', …' if len(others) > _NAMED else ''}", indent=4, hang=2)


def _place(scan: Scan, finding: Finding) -> str:
    what = " ".join(finding.route or ()) or ("" if finding.at else f"the whole application {finding.app}".strip())
    at = place_of(scan, finding)
    return "  ".join(filter(None, (str(at) if at.line else "", what)))


def _brief(finding: Finding) -> str:
    route = " ".join(finding.route or ())
    place = str(finding.at) if finding.at else ""
    return f"{route} ({place})" if route and place else route or place or finding.app
