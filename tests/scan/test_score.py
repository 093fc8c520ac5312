"""The score is the published formula, cannot be gamed by what is added, and says when it is not sure."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary import weaknesses
from ostiary.model.finding import Audience, Confidence, Exposure, Finding, Severity
from ostiary.model.route import Location, Protection, PublicMark, Route, State
from ostiary.model.scan import Score
from ostiary.scan.score import grade, points, saturated, score, score_value, weights

NOTHING: frozenset[str] = frozenset()
OPEN_GET = Finding("missing-authentication", Severity.HIGH, Confidence.HIGH, "open")


def routes(count: int, unknown: int = 0) -> list[Route]:
    states = [State.UNKNOWN] * unknown + [State.PROTECTED] * (count - unknown)
    return [Route("GET", f"/{index}", protection=Protection(state)) for index, state in enumerate(states)]


def scored(findings: list[Finding], of: list[Route] | None = None, *, incomplete: bool = False, tested: frozenset[str] = NOTHING) -> Score:
    result = score(findings, of or routes(1), incomplete=incomplete, tested=tested)
    assert result is not None
    return result


def open_gets(count: int) -> list[Finding]:
    return [replace(OPEN_GET, route=("GET", f"/{index}")) for index in range(count)]


findings = st.lists(
    st.builds(
        Finding,
        st.sampled_from(("missing-authentication", "auth-fails-open", "debug-mode", "missing-rate-limit", "key-logged")),
        st.sampled_from(Severity),
        st.sampled_from(Confidence),
        st.just("a message"),
        at=st.none() | st.builds(Location, st.sampled_from(("a.py", "b.py")), st.integers(1, 3)),
        route=st.none() | st.tuples(st.just("GET"), st.sampled_from(("/a", "/b"))),
        exposure=st.sampled_from(Exposure),
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("cases", "of", "total", "value", "letter"),
    [
        ([replace(OPEN_GET, severity=Severity.LOW)], 1, 1.8, 96, "A"),
        ([Finding("missing-rate-limit", Severity.MEDIUM, Confidence.HIGH, "")], 1, 7.2, 88, "B"),
        ([replace(OPEN_GET, exposure=Exposure.AUTHENTICATED)], 1, 15.3, 76, "C"),
        ([OPEN_GET], 30, 18.0, 73, "C"),
        ([OPEN_GET], 300, 18.0, 73, "C"),
        ([Finding("debug-mode", Severity.CRITICAL, Confidence.CONFIRMED, "", exposure=Exposure.AUTHENTICATED)], 1, 34.0, 55, "F"),
        (open_gets(3), 3, 35.28, 54, "F"),
        (open_gets(300), 300, 45.0, 45, "F"),
        ([], 3, 0.0, 100, "A"),
    ],
)
def test_published_table(cases, of, total, value, letter):
    """Each row of the published table."""
    assert saturated(defaultdict(int, {points(case): len(cases) for case in cases})) == pytest.approx(total)
    result = scored(cases, routes(of))
    assert (result.value, result.grade, result.capped) == (value, letter, False)


@pytest.mark.parametrize(("least", "most", "letter"), [(90, 100, "A"), (80, 89, "B"), (70, 79, "C"), (60, 69, "D"), (0, 59, "F")])
def test_grades(least, most, letter):
    """A from 90, B from 80, C from 70, D from 60, F below."""
    assert {grade(value) for value in range(least, most + 1)} == {letter}


def test_points_are_the_product():
    """severity × confidence × exposure, with the published numbers."""
    finding = Finding("debug-mode", Severity.MEDIUM, Confidence.LOW, "", exposure=Exposure.UNREACHED)
    assert points(finding) == pytest.approx(8 * 0.15 * 0.2)


def test_weights_are_the_published_ones():
    """The numbers of version 1; a change of one needs a new version."""
    table = weights()
    assert table.version == "1"
    assert table.severity == {"critical": 40, "high": 20, "medium": 8, "low": 2, "info": 0}
    assert table.confidence == {"confirmed": 1.0, "high": 0.9, "medium": 0.5, "low": 0.15}
    assert table.exposure == {"anonymous": 1.0, "authenticated": 0.85, "privileged": 0.5, "unreached": 0.2}
    assert (table.repetition, table.half, table.incomplete) == (0.6, 40, 89)
    assert table.unknown_routes == ((0.5, 69), (0.1, 89))
    assert set(table.severity) == set(Severity)
    assert set(table.confidence) == set(Confidence)
    assert set(table.exposure) == set(Exposure)


def by_the_book(given_findings: list[Finding]) -> dict[str, float]:
    """Σ points_i × 0.6^(i-1) for each category, written as the formula reads."""
    each: dict[str, list[float]] = defaultdict(list)
    for finding in given_findings:
        each[finding.weakness].append(points(finding))
    totals: dict[str, float] = defaultdict(float)
    for weakness, values in each.items():
        totals[weaknesses.get(weakness).category] += sum(p * 0.6**i for i, p in enumerate(sorted(values, reverse=True)))
    return totals


@given(findings)
def test_score_is_the_formula(some):
    """The score is the product of its categories before rounding, and each category is scored likewise."""
    totals = by_the_book(some)
    result = scored(some)
    assert result.value == math.floor(round(100 * math.prod(2 ** (-total / 40) for total in totals.values()), 6))
    assert {name: value for name, value in result.categories.items() if value is not None} == {
        name: math.floor(round(100 * 2 ** (-total / 40), 6)) for name, total in totals.items()
    }


@given(findings, findings)
def test_more_findings_never_raise_it(some, more):
    """F ⊂ G implies score(F) ≥ score(G)."""
    assert scored(some).value >= scored(some + more).value


@given(findings.filter(bool), st.data())
def test_graver_never_raises_it(some, data):
    """A higher severity, confidence or exposure of one finding never raises the score."""
    index = data.draw(st.integers(0, len(some) - 1))
    field, ranks = data.draw(
        st.sampled_from((("severity", tuple(Severity)), ("confidence", tuple(Confidence)), ("exposure", tuple(Exposure))))
    )
    graver = data.draw(st.sampled_from(ranks[: ranks.index(getattr(some[index], field)) + 1]))
    raised = [*some[:index], replace(some[index], **{field: graver}), *some[index + 1 :]]
    assert scored(some).value >= scored(raised).value


@given(findings, st.randoms())
def test_order_does_not_matter(some, random):
    """The same findings in another order have the same score, to the last field."""
    shuffled = random.sample(some, len(some))
    assert scored(shuffled) == scored(some)


def test_no_route_no_score():
    """Nothing found to protect is not a perfect API."""
    assert score([OPEN_GET], [], incomplete=False, tested=NOTHING) is None


def test_only_sample_routes_no_score():
    """Routes of tests and examples are no API."""
    assert score([], [Route("GET", "/", audience="sample")], incomplete=False, tested=NOTHING) is None


def test_samples_do_not_count():
    """Code of tests and examples costs nothing."""
    result = scored([replace(OPEN_GET, audience=Audience.SAMPLE)])
    assert (result.value, result.with_suppressed, result.raises) == (100, 100, ())


def test_sample_routes_do_not_dilute():
    """Known routes of tests and examples do not make up for unknown ones of the API."""
    sample_routes = [replace(route, audience="sample") for route in routes(100)]
    assert scored([], [*routes(1, unknown=1), *sample_routes]).value == 69


def test_auditors_findings_count():
    """Who should act on a finding does not change what it weighs."""
    assert scored([replace(OPEN_GET, audience=Audience.AUDITOR)]) == scored([OPEN_GET])


def test_suppressed_is_left_out_and_shown():
    """A suppressed finding costs nothing; the second number counts it."""
    result = scored([replace(OPEN_GET, suppressed="public price list")])
    assert (result.value, result.with_suppressed, result.raises) == (100, 73, ())


@pytest.mark.parametrize(
    ("of", "unknown", "incomplete", "value", "letter", "capped"),
    [
        (10, 1, False, 100, "A", False),
        (10, 2, False, 89, "B?", True),
        (10, 5, False, 89, "B?", True),
        (10, 6, False, 69, "D?", True),
        (10, 0, True, 89, "B?", True),
        (10, 6, True, 69, "D?", True),
    ],
)
def test_what_was_not_seen_caps(of, unknown, incomplete, value, letter, capped):
    """At most 89 when incomplete or over 10 % of the routes "cannot tell", at most 69 over 50 %, and the grade carries a ?."""
    result = scored([], routes(of, unknown), incomplete=incomplete)
    assert (result.value, result.grade, result.capped, result.with_suppressed) == (value, letter, capped, value)


def test_a_cap_raises_nothing():
    """What is below the cap stays below it."""
    assert scored(open_gets(300), incomplete=True).value == 45
    assert scored(open_gets(300), incomplete=True).grade == "F?"


def test_public_routes_are_known():
    """Public on purpose is an answer, whatever the reader could follow."""
    public = [replace(route, public=PublicMark("config", "prices")) for route in routes(10, unknown=10)]
    assert scored([], public).value == 100


def test_category_that_did_not_run():
    """Without a run a category is None, never 100; with one and no finding it is 100."""
    result = scored([OPEN_GET], tested=frozenset({"tokens"}))
    assert tuple(result.categories) == tuple(weaknesses.CATEGORIES)
    assert {name: value for name, value in result.categories.items() if value is not None} == {"authentication": 73, "tokens": 100}


def test_suppressed_category_ran():
    """A category whose findings are all suppressed was tested."""
    result = scored([replace(OPEN_GET, suppressed="a reason")])
    assert result.categories["authentication"] == 100


def test_what_would_raise_it_most():
    """Each weakness, route and file is taken away in turn; the three best are shown with the score they would give."""
    some = [
        replace(OPEN_GET, route=("GET", "/a"), at=Location("a.py", 1)),
        replace(OPEN_GET, route=("GET", "/b"), at=Location("b.py", 1)),
        Finding("missing-rate-limit", Severity.MEDIUM, Confidence.HIGH, "", at=Location("a.py", 9)),
        Finding("key-logged", Severity.LOW, Confidence.HIGH, "", at=Location("b.py", 2)),
    ]
    # Points: 18 + 10.8 + 7.2 + 1.8. Without the weakness 7.2 + 1.8; without a.py 18 + 1.8; without b.py 18 + 7.2.
    assert scored(some).raises == (
        ("missing-authentication", score_value(9.0)),
        ("a.py", score_value(19.8)),
        ("b.py", score_value(25.2)),
    )


def test_one_cause_is_shown_once():
    """A weakness, a route and a file that are the same findings are one line."""
    assert scored([replace(OPEN_GET, route=("GET", "/a"), at=Location("a.py", 1))]).raises == (("missing-authentication", 100),)


def test_free_findings_raise_nothing():
    """What costs no points is not among what would raise the score."""
    assert scored([replace(OPEN_GET, severity=Severity.INFO)]).raises == ()


def test_raises_respect_the_cap():
    """No promise of a score that the scan cannot give."""
    assert scored([OPEN_GET], incomplete=True).raises == (("missing-authentication", 89),)


def test_routes_of_several_apps_are_told_apart():
    """The same path in two apps is two routes."""
    some = [
        replace(OPEN_GET, route=("GET", "/a"), app="shop", at=Location("x.py", 1)),
        replace(OPEN_GET, route=("GET", "/a"), app="admin", at=Location("x.py", 2)),
    ]
    assert [what for what, _ in scored(some).raises] == ["missing-authentication", "admin: GET /a", "shop: GET /a"]


def test_many_findings_take_no_time():
    """Five thousand open routes are scored with a few sums each, not with five thousand."""
    some = open_gets(5000)
    assert scored(some, routes(5000)).value == 45
