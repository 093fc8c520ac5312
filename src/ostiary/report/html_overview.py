"""The first screen: grade, what would raise it, findings by severity, routes by state; then the score by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from ostiary import weaknesses
from ostiary.model.finding import Audience, Finding, Severity
from ostiary.model.scan import Scan, Score
from ostiary.report.common import plural
from ostiary.report.html_charts import bar, ring, stack, swatch
from ostiary.report.html_element import Html, code, element, section
from ostiary.report.html_words import STATES
from ostiary.scan.gate import incomplete
from ostiary.scan.state import state_of

_APPS = 3


def warning(scan: Scan) -> Html:
    """Said first, so that nobody takes a partial scan for a clean one."""
    if not incomplete(scan):
        return Html()
    serious = sum(item.serious for item in scan.skipped) or len(scan.skipped)
    return element(
        "p",
        element("strong", "This scan is incomplete where it matters."),
        f" {plural(serious, 'place')} where routes or their protection could be {'was' if serious == 1 else 'were'} not read, ",
        "and what is not listed here may still be there. ",
        element("a", "What was skipped", href="#what-was-not-read"),
        class_="warning",
        role="note",
    )


def overview(scan: Scan, found: Sequence[Finding], linked: Collection[str]) -> Html:
    """Three cards. ``linked`` are the ids of the page that a name may lead to."""
    return section("Overview", element("div", _score(scan, linked), _severities(found), _states(scan), class_="cards"))


def _score(scan: Scan, linked: Collection[str]) -> Html:
    if scan.score is None:
        why = "No score, because no route was found. Name the folder or file that holds the application."
        return element("div", element("h3", "Score"), element("p", why), class_="card wide")
    score = scan.score
    about = element("div", *(element("p", line) for line in _about(scan, score)), *_raises(score, linked))
    return element("div", element("h3", "Score"), element("div", ring(score.value, score.grade), about, class_="score"), class_="card wide")


def _about(scan: Scan, score: Score) -> list[str]:
    lines = []
    if score.capped:
        why = "the scan is incomplete" if incomplete(scan) else "too many routes cannot be told"
        lines.append(f"Held down, because {why}: the grade carries a question mark.")
    if score.with_suppressed != score.value:
        lines.append(f"{score.with_suppressed} of 100 when the accepted findings are counted.")
    return lines


def _raises(score: Score, linked: Collection[str]) -> list[Html]:
    raises = [(what, value) for what, value in score.raises if value > score.value]
    if raises:
        return [element("h4", "What would raise it most"), element("ol", *(_raise(*one, linked) for one in raises), class_="raises")]
    if not score.raises:
        return []
    return [element("p", "No single repair raises it: several findings each cost that much. Begin with the first ones below.")]


def _raise(what: str, value: int, linked: Collection[str]) -> Html:
    anchor = next((one for one in (f"{level}-{what}" for level in Severity) if one in linked), None)
    name = element("a", code(what), href=f"#{anchor}") if anchor else code(what)
    return element("li", "to ", element("b", str(value)), " without ", name)


def _severities(found: Sequence[Finding]) -> Html:
    tally = Counter(finding.severity for finding in found)
    most = max(tally.values(), default=1)
    rows = [
        element(
            "li",
            element("span", level.value, class_=f"chip {level}"),
            bar(tally[level] / most, f"v-{level}"),
            element("b", str(tally[level])),
        )
        for level in Severity
        if tally[level] or level is not Severity.INFO
    ]
    return element(
        "div", element("h3", f"{plural(len(found), 'finding')} by severity"), element("ul", *rows, class_="severities"), class_="card"
    )


def _states(scan: Scan) -> Html:
    own = [route for route in scan.routes if route.audience != Audience.SAMPLE]
    if not own:
        return element("div", element("h3", "Routes by state"), element("p", "No route was found."), class_="card")
    tally = Counter(state_of(route) for route in own)
    rows = [
        element(
            "li",
            swatch(state.value),
            element("span", name),
            element("b", str(tally[state])),
            element("i", f"{100 * tally[state] / len(own):.0f} %"),
        )
        for state, name in STATES.items()
    ]
    chart = stack([(state.value, tally[state]) for state in STATES])
    return element(
        "div", element("h3", f"{plural(len(own), 'route')} by state"), chart, element("ul", *rows, class_="legend"), class_="card"
    )


def categories(score: Score) -> Html:
    """Each category's score, the lowest first; "not tested" is no score."""
    tested = sorted(((name, value) for name, value in score.categories.items() if value is not None), key=lambda one: one[1])
    missing = [_title(name) for name, value in score.categories.items() if value is None]
    rows = [
        element(
            "tr",
            element("th", _title(name), scope="row"),
            element("td", bar(value / 100, _level(value)), class_="chart"),
            element("td", str(value), class_="number"),
        )
        for name, value in tested
    ]
    head = element("tr", *(element("th", name, scope="col") for name in ("Category", "Chart", "Score of 100")))
    table = element("table", element("thead", head), element("tbody", *rows), class_="categories")
    untested = element("p", element("strong", "Not tested: "), ", ".join(missing), ". That is no score of 100.") if missing else Html()
    return section("Score by category", table, untested)


def _level(value: int) -> str:
    return "good" if value >= 90 else "fair" if value >= 60 else "poor"


def _title(category: str) -> str:
    return weaknesses.CATEGORIES.get(category, category)


def apps(scan: Scan) -> str:
    """What was read, in one line."""
    read = plural(scan.files_read, "file") + " read" + (f", {scan.files_unreached} more lead to no route" if scan.files_unreached else "")
    named = ", ".join(f"{app.name} ({app.framework}, {plural(app.routes, 'route')})" for app in scan.apps[:_APPS])
    more = f" and {len(scan.apps) - _APPS} more" if len(scan.apps) > _APPS else ""
    return f"{named}{more}; {read}." if named else f"No Flask or FastAPI application was found; {read}."
