"""The end of the HTML report: what was accepted, what stands apart, what was not read, and how to read all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ostiary import weaknesses
from ostiary.model.finding import Audience, Finding
from ostiary.model.scan import Scan, Skipped
from ostiary.report.common import plural
from ostiary.report.html_element import Html, code, element, join, section
from ostiary.report.html_findings import where
from ostiary.report.html_table import table
from ostiary.scan.gate import incomplete

_IN_SIGHT = 20
_FORMULA = "100 × 2^(−points / 40)"


def sections(scan: Scan, wanted: Sequence[Finding]) -> Iterator[tuple[str, Html]]:
    """Title and body of each."""
    accepted = [finding for finding in wanted if finding.suppressed is not None and finding.audience is not Audience.SAMPLE]
    if accepted:
        yield "Accepted findings", section("Accepted findings", _accepted(scan, accepted))
    samples = [finding for finding in wanted if finding.audience is Audience.SAMPLE and finding.suppressed is None]
    routes = sum(route.audience == Audience.SAMPLE for route in scan.routes)
    if samples or routes:
        yield "Tests and examples", section("Tests and examples", *_samples(scan, samples, routes))
    yield "What was not read", section("What was not read", *_skipped(scan), *_notices(scan))
    yield "How to read this", section("How to read this", *_reading(scan))


def _accepted(scan: Scan, accepted: Sequence[Finding]) -> Html:
    names = ("Finding", "Severity", "Where", "Reason", "Fingerprint")
    return _folded(f"{plural(len(accepted), 'finding')} accepted with a reason", names, [_accepted_row(scan, one) for one in accepted])


def _accepted_row(scan: Scan, finding: Finding) -> tuple[str, ...]:
    return (*_row(scan, finding), finding.suppressed or "no reason given", code(finding.fingerprint))


def _samples(scan: Scan, samples: Sequence[Finding], routes: int) -> Iterator[Html]:
    yield element(
        "p",
        f"{plural(routes, 'route')} and {plural(len(samples), 'finding')} in code of tests and examples. They are not scored and fail no gate.",
    )
    if samples:
        names = ("Finding", "Severity", "Where", "What")
        yield _folded(plural(len(samples), "finding"), names, [(*_row(scan, one), one.message) for one in samples])


def _row(scan: Scan, finding: Finding) -> tuple[str, ...]:
    chip = element("span", finding.severity.value, class_=f"chip {finding.severity}")
    return (weaknesses.get(finding.weakness).title, chip, join(where(scan, finding), " "))


def _skipped(scan: Scan) -> Iterator[Html]:
    if not scan.skipped:
        yield element("p", "Nothing was skipped.")
        return
    if incomplete(scan):
        yield element(
            "p",
            element("strong", "The scan is incomplete where it matters: "),
            "routes or their protection could be in what is marked serious.",
        )
    rows = [_skipped_row(item) for item in sorted(scan.skipped, key=lambda item: not item.serious)]
    yield _folded(f"{plural(len(rows), 'place')} skipped", ("What", "Weight", "Why"), rows)


def _skipped_row(item: Skipped) -> tuple[str, ...]:
    return (code(item.what), element("strong", "serious") if item.serious else "harmless", item.why)


def _notices(scan: Scan) -> Iterator[Html]:
    if scan.notices:
        yield element("h3", "Notices")
        yield element("ul", *(element("li", notice) for notice in scan.notices), class_="notices")


def _folded(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """A long table is closed, a short one in sight."""
    whole = table(caption, names, rows)
    return whole if len(rows) <= _IN_SIGHT else element("details", element("summary", caption), whole)


def _reading(scan: Scan) -> Iterator[Html]:
    if scan.score is not None:
        weighed = f"A finding costs severity × confidence × exposure points, a repeated one less each time; the score is {_FORMULA}, rounded down. "
        yield element("p", weighed, f"Score weights: version {scan.score.weights}. Scores of different versions are not compared.")
    yield element(
        "p",
        "A scan reads the source. It does not see what a gateway or a proxy in front of the service does, and it is no proof that a "
        "check is correct, only that it is there and what it is made of.",
    )
    yield element("p", "Every weakness can be read again with ", code("ostiary explain WEAKNESS"), ".")
