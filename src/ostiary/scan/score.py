"""The score: 0 to 100 and A to F, by the formula and the weights that ``docs/score.md`` publishes.

Pure: the same findings and routes give the same score in any order, and a further finding never raises it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import floor, fsum
from pathlib import Path
from typing import Any

from ostiary import weaknesses
from ostiary.model.finding import Audience, Finding
from ostiary.model.route import Route, State
from ostiary.model.scan import Score
from ostiary.scan.records import record

_WEIGHTS = Path(__file__).with_name("weights.json")
_BEST = 100
_SHOWN = 3


@record(frozen=True)
class Weights:
    """The published numbers, ``weights.json``. ``unknown_routes`` are (share of routes, highest score), strictest first."""

    version: str
    severity: Mapping[str, float]
    confidence: Mapping[str, float]
    exposure: Mapping[str, float]
    repetition: float
    half: float
    grades: tuple[tuple[str, int], ...]
    incomplete: int
    unknown_routes: tuple[tuple[float, int], ...]


@cache
def weights() -> Weights:
    """The weights in force."""
    data: dict[str, Any] = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    caps = data.pop("caps")
    return Weights(
        **data | {"grades": tuple((letter, least) for letter, least in data["grades"])},
        incomplete=caps["incomplete"],
        unknown_routes=tuple((cap["over"], cap["at_most"]) for cap in caps["unknown_routes"]),
    )


def points(finding: Finding) -> float:
    """What one finding weighs: severity times confidence times exposure."""
    table = weights()
    return table.severity[finding.severity] * table.confidence[finding.confidence] * table.exposure[finding.exposure]


def score_value(total: float) -> int:
    """The score, 0 to 100, that so many points leave."""
    return floor(round(_BEST * 2 ** (-total / weights().half), 6))


def grade(value: int) -> str:
    """A to F."""
    return next(letter for letter, least in weights().grades if value >= least)


def saturated(each: Mapping[float, int]) -> float:
    """P(weakness): points → how many findings have them; each next finding, from large to small, counts 0.6 of its place."""
    ratio = weights().repetition
    total, place = 0.0, 0
    for value in sorted(each, reverse=True):
        # The closed form of the geometric series: an app with 3,000 open routes costs as much time as one with three.
        total += value * ratio**place * (1 - ratio ** each[value]) / (1 - ratio)
        place += each[value]
    return total


def score(
    findings: Sequence[Finding],
    routes: Sequence[Route],
    *,
    incomplete: bool,
    tested: frozenset[str],
    category_of: Callable[[str], str] | None = None,
) -> Score | None:
    """The score of a scan, or None when it has no route. ``tested`` are the categories for which something ran.

    Findings and routes of samples never count; suppressed findings count in ``with_suppressed`` only.
    ``category_of`` tells a weakness's category; its page does when none is given.
    """
    own = [route for route in routes if route.audience != Audience.SAMPLE]
    if not own:
        return None
    scored = [finding for finding in findings if finding.audience is not Audience.SAMPLE]
    open_ = [finding for finding in scored if finding.suppressed is None]
    cap = _cap(own, incomplete)
    value = min(cap, score_value(_total(open_)))
    capped = cap < _BEST
    return Score(
        value=value,
        grade=grade(value) + "?" * capped,
        capped=capped,
        categories=_categories(open_, scored, tested, category_of or _category),
        raises=_raises(open_, cap),
        weights=weights().version,
        with_suppressed=min(cap, score_value(_total(scored))),
    )


def _category(weakness: str) -> str:
    return weaknesses.get(weakness).category


def _by_weakness(findings: Iterable[Finding]) -> dict[str, Counter[float]]:
    tally: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for finding in findings:
        tally[finding.weakness][points(finding)] += 1
    return tally


def _total(findings: Iterable[Finding]) -> float:
    # fsum, so that the order of the findings cannot move the last bit.
    return fsum(saturated(each) for each in _by_weakness(findings).values())


def _cap(routes: Sequence[Route], incomplete: bool) -> int:
    unknown = sum(route.protection.state is State.UNKNOWN and route.public is None for route in routes)
    caps = [at_most for over, at_most in weights().unknown_routes if unknown > over * len(routes)]
    if incomplete:
        caps.append(weights().incomplete)
    return min(caps, default=_BEST)


def _categories(
    open_: Sequence[Finding], scored: Sequence[Finding], tested: frozenset[str], category_of: Callable[[str], str]
) -> dict[str, int | None]:
    ran = tested | {category_of(finding.weakness) for finding in scored}
    totals: defaultdict[str, list[float]] = defaultdict(list)
    for weakness, each in _by_weakness(open_).items():
        totals[category_of(weakness)].append(saturated(each))
    return {category: score_value(fsum(totals[category])) if category in ran else None for category in weaknesses.CATEGORIES}


def _raises(findings: Sequence[Finding], cap: int) -> tuple[tuple[str, int], ...]:
    """The three weaknesses, routes or files without which the score would be highest, best first."""
    tally = _by_weakness(findings)
    worth = {weakness: saturated(each) for weakness, each in tally.items()}
    left: list[tuple[float, str]] = []
    for what, group in _groups(findings).items():
        less = {weakness: saturated(tally[weakness] - each) for weakness, each in _by_weakness(group).items()}
        left.append((fsum((worth | less).values()), what))
    return tuple((what, min(cap, score_value(total))) for total, what in sorted(left)[:_SHOWN])


def _groups(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """What could be mended as one, and its findings. Of two names for the very same findings the first stays: weakness, route, file."""
    costly = [finding for finding in findings if points(finding) > 0]
    several_apps = len({finding.app for finding in costly}) > 1
    members: dict[str, list[int]] = {}
    names = [_names(finding, several_apps) for finding in costly]
    for of_one_kind in zip(*names, strict=True):
        for index, name in enumerate(of_one_kind):
            members.setdefault(name, []).append(index)
    members.pop("", None)
    distinct: dict[tuple[int, ...], str] = {}
    for what, indexes in members.items():
        distinct.setdefault(tuple(indexes), what)
    return {what: [costly[index] for index in indexes] for indexes, what in distinct.items()}


def _names(finding: Finding, several_apps: bool) -> tuple[str, str, str]:
    """Weakness, route and file that a finding belongs to; empty where it has none."""
    route = " ".join(finding.route or ())
    if route and several_apps:
        route = f"{finding.app}: {route}"
    return (finding.weakness, route, finding.at.file if finding.at else "")
