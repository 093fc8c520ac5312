"""Findings of the HTML report: by severity, one block for each weakness, each place with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostiary import weaknesses
from ostiary.model.finding import Audience, Evidence, Finding, Severity, Weakness
from ostiary.model.scan import Scan
from ostiary.report.common import framework_of, place_of, plural
from ostiary.report.findings import groups
from ostiary.report.html_element import Html, code, element, join, place, web_link
from ostiary.report.html_markdown import code_block, markdown
from ostiary.report.html_words import EXPOSURES, FRAMEWORKS, STANDARDS

_SHOWN = 10
_CWE = "https://cwe.mitre.org/data/definitions/{}.html"


def by_severity(findings: Sequence[Finding]) -> dict[Severity, list[list[Finding]]]:
    """The groups of each severity that has any, the worst first."""
    found = {level: groups(one for one in findings if one.severity is level) for level in Severity}
    return {level: each for level, each in found.items() if each}


def anchors(findings: Sequence[Finding]) -> dict[str, Sequence[Finding]]:
    """The id of every block of the section Findings → what is in it, in the order of the page."""
    return {_anchor("", group[0]): group for each in by_severity(findings).values() for group in each}


def blocks(scan: Scan, findings: Sequence[Finding], prefix: str = "") -> list[Html]:
    """All of them. What a page says is written once, at its first block; later ones lead there."""
    seen: dict[str, str] = {}
    return [_severity(scan, level, each, prefix, seen) for level, each in by_severity(findings).items()]


def _severity(scan: Scan, level: Severity, each: Sequence[Sequence[Finding]], prefix: str, seen: dict[str, str]) -> Html:
    title = element("h3", element("span", level.value, class_=f"chip {level}"), f" {plural(sum(map(len, each)), 'finding')}")
    return join([title, *(_group(scan, group, prefix, seen) for group in each)])


def _group(scan: Scan, group: Sequence[Finding], prefix: str, seen: dict[str, str]) -> Html:
    page = weaknesses.get(group[0].weakness)
    anchor = _anchor(prefix, group[0])
    first = seen.setdefault(page.id, anchor)
    same = _same_fix(group)
    return element(
        "article",
        element("h4", page.title, id=f"{anchor}-title"),
        _facts(page),
        join(_guidance(page, group, _frameworks(scan, group), same))
        if first == anchor
        else join((_see(first), _fix("Fix for each", same))),
        element("h5", plural(len(group), "place")),
        _places(scan, group, bool(same)),
        id=anchor,
        class_=f"block {group[0].severity}",
        aria_labelledby=f"{anchor}-title",
    )


def _same_fix(group: Sequence[Finding]) -> str:
    """The fix that all of several findings have: it is shown once."""
    fixes = {finding.fix.strip("\n") for finding in group}
    return fixes.pop() if len(fixes) == 1 and len(group) > 1 else ""


def _fix(label: str, source: str) -> Html:
    return element("div", element("p", label, class_="label"), code_block(source), class_="fix") if source.strip() else Html()


def _anchor(prefix: str, finding: Finding) -> str:
    return f"{prefix}{finding.severity}-{finding.weakness}"


def _see(anchor: str) -> Html:
    return element("p", element("a", "Why it matters, how it is attacked and how to fix it: see above", href=f"#{anchor}"))


def _facts(page: Weakness) -> Html:
    numbers = join((web_link(f"CWE-{number}", _CWE.format(number)) for number in page.cwe), ", ")
    facts: list[tuple[str, str]] = [
        ("Weakness", code(page.id)),
        ("Category", weaknesses.CATEGORIES.get(page.category, page.category)),
        ("CWE", numbers),
    ]
    facts.append(("OWASP API", ", ".join(page.owasp)))
    facts += [(name, ", ".join(page.references.get(key, ()))) for key, name in STANDARDS.items()]
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts if value), class_="facts")


def _guidance(page: Weakness, group: Sequence[Finding], frameworks: Sequence[str], same: str) -> Iterator[Html]:
    """The essence in sight, the rest of the page to be opened."""
    lead, _, more = page.why.partition("\n\n")
    yield markdown(lead)
    for name in () if all(finding.fix for finding in group) else frameworks:
        yield _fix(f"Fix in {FRAMEWORKS[name]}, in short", weaknesses.essence(page, name))
    yield _fix("Fix for each", same)
    parts = [("Why it matters, further", more), ("How it is attacked", page.attack)]
    parts += [(f"How to fix it in {FRAMEWORKS[name]}", page.fixes.get(name, "")) for name in frameworks]
    body = [join((element("h5", title), markdown(words))) for title, words in parts if words.strip()]
    yield element("details", element("summary", "How it is attacked and how to fix it, in full"), *body, *_links(page), class_="guidance")


def _links(page: Weakness) -> list[Html]:
    links = page.references.get("links", ())
    return [element("h5", "References"), element("ul", *(element("li", web_link(one, one)) for one in links))] if links else []


def _frameworks(scan: Scan, group: Sequence[Finding]) -> list[str]:
    return sorted({framework_of(scan, finding) for finding in group}, reverse=True)


def _places(scan: Scan, group: Sequence[Finding], fixed: bool) -> Html:
    """The first ten in sight, so that three hundred open routes do not hide what comes after them."""
    shown = [_place(scan, finding, fixed) for finding in group[:_SHOWN]]
    rest = [_place(scan, finding, fixed) for finding in group[_SHOWN:]]
    listed = element("ul", *shown, class_="places")
    if not rest:
        return listed
    return join((listed, element("details", element("summary", f"{len(rest)} more"), element("ul", *rest, class_="places"))))


def _place(scan: Scan, finding: Finding, fixed: bool) -> Html:
    return element(
        "li",
        element("p", *where(scan, finding), *_marks(finding), class_="where"),
        element("p", finding.message),
        _evidence(finding.evidence),
        Html() if fixed else _fix("Fix here", finding.fix.strip("\n")),
        element("p", *_details(finding), class_="details"),
    )


def where(scan: Scan, finding: Finding) -> list[Html]:
    """Route and line, or the application as a whole."""
    route = code(" ".join(finding.route), "route") if finding.route else Html()
    whole = element("span", "the whole application ", code(finding.app)) if not finding.route and not finding.at else Html()
    at = place_of(scan, finding)
    return [part for part in (route, whole, place(at if at.line else None)) if part]


def _marks(finding: Finding) -> list[Html]:
    if finding.new is None:
        return []
    return [element("span", "new" if finding.new else "in the baseline", class_="mark")]


def _details(finding: Finding) -> Iterator[Html]:
    yield join((element("b", finding.confidence.value), " confidence · ", EXPOSURES[finding.exposure]))
    yield join((" · seen in ", ", ".join(witness.value for witness in finding.witnesses)))
    if finding.verdict:
        yield join((" · probe: ", finding.verdict))
    if finding.audience is Audience.AUDITOR:
        yield Html(" · for auditors")
    if finding.fingerprint:
        yield join((" · fingerprint ", code(finding.fingerprint)))


def _evidence(steps: Sequence[Evidence]) -> Html:
    if not steps:
        return Html()
    rows = [element("li", element("span", step.kind, class_="kind"), " ", place(step.at), " ", step.text) for step in steps]
    listed = element("ol", *rows, class_="evidence")
    return listed if len(steps) <= _SHOWN else element("details", element("summary", f"Evidence in {len(steps)} steps"), listed)
