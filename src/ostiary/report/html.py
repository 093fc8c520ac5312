"""The scan as one HTML file: nothing is fetched, nothing runs, and it reads well on paper, on a phone and in the dark."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from ostiary import __version__, weaknesses
from ostiary.model.finding import Audience, Finding
from ostiary.model.scan import Scan
from ostiary.report import html_findings, html_overview, html_rest, html_routes
from ostiary.report.common import View
from ostiary.report.html_charts import PATTERNS
from ostiary.report.html_element import Html, anchor_of, element, section

_STYLE = Path(__file__).with_name("html.css")


def render(scan: Scan, view: View | None = None) -> str:
    """One document. It holds everything, whatever the audience; ``new_only`` leaves out what a baseline has."""
    return f"<!doctype html>\n{element('html', _head(scan), _body(scan, view or View()), lang='en')}\n"


def _head(scan: Scan) -> Html:
    style = _style()
    # The one style is named by its hash: what a scanned tree says cannot bring another, nor a script, nor a request.
    seal = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"Ostiary {__version__}"),
        element("title", f"Ostiary: {scan.target}" if scan.target else "Ostiary"),
        element("style", style),
    )


@cache
def _style() -> Html:
    return Html(_STYLE.read_text(encoding="utf-8"))


def _body(scan: Scan, view: View) -> Html:
    wanted = [finding for finding in scan.findings if finding.new or not view.new_only]
    found = _of(wanted, Audience.DEVELOPER)
    sections = dict(_sections(scan, wanted, found))
    return element(
        "body",
        element("a", "Skip to the report", href="#main", class_="skip"),
        PATTERNS,
        _header(scan),
        element(
            "div",
            _contents(sections, html_findings.anchors(found)),
            element("main", html_overview.warning(scan), *sections.values(), id="main"),
            class_="page",
        ),
        element("footer", element("p", f"Made by Ostiary {__version__}. This file loads nothing and runs nothing.")),
    )


def _header(scan: Scan) -> Html:
    title = element("h1", scan.target or "A scan without a name")
    return element("header", element("p", "Ostiary scan of", class_="label"), title, element("p", html_overview.apps(scan)))


def _of(findings: Sequence[Finding], audience: Audience) -> list[Finding]:
    return [finding for finding in findings if finding.audience is audience and finding.suppressed is None]


def _sections(scan: Scan, wanted: Sequence[Finding], found: Sequence[Finding]) -> Iterator[tuple[str, Html]]:
    """Title and body of each, what must be acted on first."""
    yield "Overview", html_overview.overview(scan, found, html_findings.anchors(found))
    if scan.score is not None:
        yield "Score by category", html_overview.categories(scan.score)
    yield "Findings", section("Findings", *(html_findings.blocks(scan, found) or [element("p", "None.")]))
    auditors = _of(wanted, Audience.AUDITOR)
    if auditors:
        intro = "They count in the score and fail no gate: an auditor asks for them, a developer need not act."
        yield "For auditors", section("For auditors", element("p", intro), *html_findings.blocks(scan, auditors, prefix="auditors-"))
    yield "Routes", html_routes.routes(scan)
    yield from html_rest.sections(scan, wanted)


def _contents(sections: Iterable[str], blocks: Mapping[str, Sequence[Finding]]) -> Html:
    rows = [
        element("li", element("a", title, href=f"#{anchor_of(title)}"), _kinds(blocks) if title == "Findings" and blocks else "")
        for title in sections
    ]
    return element("nav", element("p", "Contents", class_="label"), element("ol", *rows), aria_label="Contents")


def _kinds(blocks: Mapping[str, Sequence[Finding]]) -> Html:
    return element("ol", *(element("li", _kind(anchor, group)) for anchor, group in blocks.items()))


def _kind(anchor: str, group: Sequence[Finding]) -> Html:
    worst = group[0]
    about = element("span", f"{worst.severity}, {len(group)}", class_="label")
    return element("a", weaknesses.get(worst.weakness).title, " ", about, href=f"#{anchor}", class_=f"kind-{worst.severity}")
