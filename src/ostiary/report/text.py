"""The scan for people: what was found, the worst first, in 80 columns, with and without colours."""

from __future__ import annotations

from collections import Counter

from ostiary.model.finding import Audience, Finding, Severity
from ostiary.model.route import State
from ostiary.model.scan import Scan, Score
from ostiary.report.common import View, for_audience, framework_of, plural
from ostiary.report.findings import counts_by_severity, groups, write_group
from ostiary.report.page import Page
from ostiary.scan.gate import incomplete
from ostiary.scan.state import state_of

_STATES = (
    (State.PROTECTED, "protected", "green"),
    (State.PUBLIC, "public on purpose", "cyan"),
    (State.OPEN, "open", "red"),
    (State.UNKNOWN, "cannot tell", "yellow"),
)
_BAR = 30
_WORST = 10
_SKIPPED = 10


def render(scan: Scan, view: View | None = None) -> str:
    """The whole report."""
    view = view or View()
    page = Page(view.width, view.color)
    _apps(page, scan)
    _routes(page, scan)
    _findings(page, scan, view)
    _score(page, scan)
    _skipped(page, scan, view)
    _notices(page, scan, view)
    _samples(page, scan, view)
    _next(page, scan, view)
    return str(page)


def _apps(page: Page, scan: Scan) -> None:
    read = plural(scan.files_read, "file") + " read" + (f", {scan.files_unreached} more lead to no route" if scan.files_unreached else "")
    page.heading("Apps", f"in {scan.target} ({read})" if scan.target else read)
    if not scan.apps:
        page.line("none: no Flask or FastAPI application was found", indent=2)
    for app in scan.apps:
        place = str(app.at) if app.at else ""
        page.line((app.name, "bold"), f"  {app.framework}  {plural(app.routes, 'route')}  ", (place, "dim"), indent=2, hang=2)


def _routes(page: Page, scan: Scan) -> None:
    own = [route for route in scan.routes if route.audience != Audience.SAMPLE]
    page.heading("Routes", str(len(own)))
    states = Counter(state_of(route) for route in own)
    for state, name, style in _STATES:
        if not own:
            return
        bar = max(round(_BAR * states[state] / len(own)), states[state] > 0)
        page.line(f"{name:<18}{states[state]:>6}  ", ("█" * bar, style), indent=2)


def _findings(page: Page, scan: Scan, view: View) -> None:
    findings = _wanted(scan, view)
    found = [finding for finding in findings if finding.suppressed is None]
    accepted = [finding for finding in findings if finding.suppressed is not None]
    page.heading("Findings", " · ".join([*_summary(found, accepted), *_unseen(scan, view)]))
    shown = groups(found)
    for number, group in enumerate(shown if view.everything else shown[:_WORST], 1):
        write_group(page, scan, number, group, everything=view.everything)
    if view.everything:
        _accepted(page, accepted)
    elif len(shown) > _WORST:
        page.gap()
        page.line(f"and {plural(len(shown) - _WORST, 'further kind')} of finding (--all shows everything)", indent=2)


def _wanted(scan: Scan, view: View) -> list[Finding]:
    return [finding for finding in for_audience(scan, view.audience) if finding.new or not view.new_only]


def _accepted(page: Page, accepted: list[Finding]) -> None:
    if not accepted:
        return
    page.gap()
    page.line(("Accepted", "bold"), indent=2)
    for finding in accepted:
        page.line(f"{finding.weakness}  {finding.at or ''}  ", (str(finding.suppressed), "dim"), indent=4, hang=2)


def _unseen(scan: Scan, view: View) -> list[str]:
    count = sum(finding.audience is Audience.AUDITOR for finding in scan.findings)
    return [f"{count} for auditors (--audience auditor)"] if count and view.audience is Audience.DEVELOPER else []


def _summary(found: list[Finding], accepted: list[Finding]) -> list[str]:
    new = sum(finding.new is True for finding in found)
    known = sum(finding.new is False for finding in found)
    parts = [counts_by_severity(found) or "none"]
    parts += [f"{new} new, {known} in the baseline"] if new or known else []
    return parts + ([f"{len(accepted)} accepted with a reason"] if accepted else [])


def _score(page: Page, scan: Scan) -> None:
    if scan.score is None:
        page.heading("Score", "none, because no route was found")
        return
    score = scan.score
    page.heading("Score", f"{score.value} of 100, grade {score.grade}{_second_number(score)}")
    if score.capped:
        page.line(f"held down, because {'the scan is incomplete' if incomplete(scan) else 'too many routes cannot be told'}", indent=2)
    costly = [f"{name} {value}" for name, value in score.categories.items() if value is not None and value < 100]
    if costly:
        page.line("by category: " + ", ".join(costly), indent=2, hang=2)
    raises = [(what, value) for what, value in score.raises if value > score.value]
    if raises:
        page.line("What would raise it most:", indent=2)
    for what, value in raises:
        page.line(f"{value:>3}", "  without ", (what, "bold"), indent=4, hang=5)


def _second_number(score: Score) -> str:
    return f" ({score.with_suppressed} with what is accepted)" if score.with_suppressed != score.value else ""


def _skipped(page: Page, scan: Scan, view: View) -> None:
    if not scan.skipped:
        return
    page.heading("Skipped", f"{len(scan.skipped)}" + (": the scan is incomplete where it matters" if incomplete(scan) else ""))
    worst = sorted(scan.skipped, key=lambda item: not item.serious)
    for item in worst if view.everything else worst[:_SKIPPED]:
        page.line(("! " if item.serious else "  ", "yellow"), f"{item.what}: {item.why}", indent=2, hang=2)
    if not view.everything and len(worst) > _SKIPPED:
        page.line(f"  and {len(worst) - _SKIPPED} more (--all shows everything)", indent=2)


def _notices(page: Page, scan: Scan, view: View) -> None:
    if not scan.notices:
        return
    page.heading("Notices", str(len(scan.notices)))
    for notice in scan.notices if view.everything else scan.notices[:_SKIPPED]:
        page.line(notice, indent=2, hang=2)
    if not view.everything and len(scan.notices) > _SKIPPED:
        page.line(f"and {len(scan.notices) - _SKIPPED} more (--all shows everything)", indent=2)


def _samples(page: Page, scan: Scan, view: View) -> None:
    found = [finding for finding in for_audience(scan, Audience.SAMPLE) if finding.suppressed is None]
    routes = sum(route.audience == Audience.SAMPLE for route in scan.routes)
    if view.audience is Audience.SAMPLE or not (found or routes):
        return
    what = counts_by_severity(found) or "no finding"
    page.heading("Tests and examples", f"{plural(routes, 'route')}, {what}; not scored (--audience sample shows them)")


def _next(page: Page, scan: Scan, view: View) -> None:
    page.heading("Next")
    shown = groups([finding for finding in _wanted(scan, view) if finding.suppressed is None])
    if not scan.routes and not shown:
        page.line("name the folder or file that holds the application: ", ("ostiary scan PATH", "bold"), indent=2, hang=2)
    elif shown and shown[0][0].severity.rank > Severity.LOW.rank:
        worst = shown[0][0]
        page.line((f"ostiary explain {worst.weakness} --framework {framework_of(scan, worst)}", "bold"), indent=2, hang=4)
    else:
        page.line((f"ostiary lock {view.path}", "bold"), "  so that a change cannot open a route unseen", indent=2, hang=4)
