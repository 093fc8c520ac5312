"""What every format says in the same way: fixes, places, characters that a terminal would obey."""

from __future__ import annotations

from itertools import takewhile

from ostiary import weaknesses
from ostiary.model.finding import Audience, Finding
from ostiary.model.records import dataclass
from ostiary.model.route import Location
from ostiary.model.scan import AppSeen, Scan

_FASTAPI = frozenset({"fastapi", "starlette"})
_FIX_LINES = 3
_AUDIENCES = {
    Audience.DEVELOPER: frozenset({Audience.DEVELOPER}),
    Audience.AUDITOR: frozenset({Audience.DEVELOPER, Audience.AUDITOR}),
    Audience.SAMPLE: frozenset({Audience.SAMPLE}),
}


@dataclass(frozen=True, slots=True)
class View:
    """How much to show, and how. ``path`` is what the next command names; width and colour are for terminals."""

    width: int = 80
    color: bool = False
    everything: bool = False
    new_only: bool = False
    audience: Audience = Audience.DEVELOPER
    path: str = "."


def for_audience(scan: Scan, audience: Audience) -> tuple[Finding, ...]:
    """Developers see what they must act on, auditors that and more; samples stand apart."""
    return tuple(finding for finding in scan.findings if finding.audience in _AUDIENCES[audience])


def framework_of(scan: Scan, finding: Finding) -> str:
    """``flask`` or ``fastapi``: of the finding's app, else of the app whose file is nearest."""
    app = _app_of(scan, finding)
    return "fastapi" if app is not None and app.framework in _FASTAPI else "flask"


def fix_of(scan: Scan, finding: Finding) -> str:
    """At most three lines: for this very place, else the essence of the page."""
    text = finding.fix or weaknesses.essence(weaknesses.get(finding.weakness), framework_of(scan, finding))
    return "\n".join(text.strip("\n").splitlines()[:_FIX_LINES])


def place_of(scan: Scan, finding: Finding) -> Location:
    """Where to show it: a finding about a whole app stands where the app does."""
    if finding.at is not None:
        return finding.at
    app = _app_of(scan, finding)
    places = [app.at if app else None, *(seen.at for seen in scan.apps), *(route.at for route in scan.routes)]
    return next((place for place in places if place is not None), Location(".", 0))


def clean(text: str) -> str:
    """Names and texts come from a tree that nobody vouches for: what is not printable is spelled out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text)


def plural(count: int, noun: str) -> str:
    """``1 route``, ``2 routes``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _app_of(scan: Scan, finding: Finding) -> AppSeen | None:
    named = next((app for app in scan.apps if app.name == finding.app), None)
    if named is not None or finding.at is None or not scan.apps:
        return named or next(iter(scan.apps), None)
    file = finding.at.file
    return max(scan.apps, key=lambda app: _nearness(app.at.file if app.at else "", file))


def _nearness(first: str, second: str) -> int:
    """How many folders and names two files share from the root on."""
    pairs = zip(first.split("/"), second.split("/"), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
