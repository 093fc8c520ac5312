"""Exit codes follow from the findings, the score and what was skipped, and from nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ostiary.errors import UsageError
from ostiary.model.finding import Audience, Confidence, Finding, Severity
from ostiary.model.route import Route
from ostiary.model.scan import Scan, Score, Skipped
from ostiary.scan.gate import Exit, Gates, incomplete, judge, severity_or_never

FOUND = Finding("debug-mode", Severity.HIGH, Confidence.MEDIUM, "")
SCORE = Score(70, "C", False, {}, (), "1", 70)
SCAN = Scan("x", routes=(Route("GET", "/"),), score=SCORE, files_read=1)
SERIOUS = (Skipped("a.py", "broken", serious=True),)


def code(*findings: Finding, scan: Scan = SCAN, **gates: object) -> Exit:
    return judge(replace(scan, findings=findings), replace(Gates(), **gates)).code


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        ({}, True),
        ({"severity": Severity.CRITICAL}, True),
        ({"severity": Severity.MEDIUM}, False),
        ({"confidence": Confidence.CONFIRMED}, True),
        ({"confidence": Confidence.LOW}, False),
        ({"audience": Audience.AUDITOR}, False),
        ({"audience": Audience.SAMPLE}, False),
        ({"suppressed": "why"}, False),
        ({"new": True}, True),
        ({"new": False}, False),
    ],
)
def test_what_counts_by_default(change: dict[str, object], fails: bool) -> None:
    """High or more, medium confidence or more, for developers, neither accepted nor in the baseline."""
    assert code(replace(FOUND, **change)) == (Exit.FAILED if fails else Exit.HOLD)


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("fail_on", [*Severity, None])
def test_fail_on_is_a_threshold(severity: Severity, fail_on: Severity | None) -> None:
    """A finding fails the gate exactly when it is as severe as demanded; never means never."""
    order = ["info", "low", "medium", "high", "critical"]
    fails = fail_on is not None and order.index(severity) >= order.index(fail_on)
    assert code(replace(FOUND, severity=severity), fail_on=fail_on) == (Exit.FAILED if fails else Exit.HOLD)


@pytest.mark.parametrize(("new", "fails"), [(True, True), (False, False), (None, False)])
def test_new_only_counts_what_is_known_to_be_new(new: bool | None, fails: bool) -> None:
    """Only a finding that a baseline does not have."""
    assert code(replace(FOUND, new=new), new_only=True) == (Exit.FAILED if fails else Exit.HOLD)


@pytest.mark.parametrize(("least", "fails"), [(69, False), (70, False), (71, True), (None, False)])
def test_min_score(least: int | None, fails: bool) -> None:
    """The score itself still passes; one less does not."""
    assert code(min_score=least) == (Exit.FAILED if fails else Exit.HOLD)


def test_a_demanded_score_that_is_not_there_fails() -> None:
    """A wrong path has no route and no score: with --min-score that is no pass, without it is."""
    empty = replace(SCAN, routes=(), score=None)
    assert (code(scan=empty, min_score=0), code(scan=empty)) == (Exit.FAILED, Exit.HOLD)


@pytest.mark.parametrize(
    ("scan", "expected"),
    [
        (replace(SCAN, skipped=SERIOUS), True),
        (replace(SCAN, skipped=(Skipped("*.ipynb: 1", "notebooks"),)), False),
        (Scan("x", skipped=(Skipped("a.py", "Python 2"),)), True),
        (Scan("x", skipped=(Skipped("a.py", "Python 2"),), files_read=1), False),
        (Scan("x"), False),
    ],
    ids=["serious", "harmless", "nothing could be read", "another file was read", "nothing there"],
)
def test_incomplete_where_it_matters(scan: Scan, expected: bool) -> None:
    """Exit code 3, unless that is accepted."""
    assert incomplete(scan) is expected
    assert judge(scan, Gates()).code == (Exit.INCOMPLETE if expected else Exit.HOLD)
    assert judge(scan, Gates(allow_incomplete=True)).code == Exit.HOLD


def test_a_failed_gate_counts_more_than_incompleteness() -> None:
    """1 and not 3 when both are true."""
    assert code(FOUND, scan=replace(SCAN, skipped=SERIOUS)) == Exit.FAILED


def test_each_failed_gate_gives_its_reason() -> None:
    """How many findings, and how far the score is off."""
    outcome = judge(replace(SCAN, findings=(FOUND, FOUND)), Gates(min_score=80))
    assert outcome.reasons == ("2 findings of severity high or more (--fail-on high)", "score 70 is below 80 (--min-score)")


def test_codes_are_the_published_ones() -> None:
    """0 1 2 3 4 130."""
    assert [int(one) for one in Exit] == [0, 1, 2, 3, 4, 130]


def test_severity_or_never() -> None:
    """The words of --fail-on."""
    assert severity_or_never("never") is None
    assert severity_or_never("low") is Severity.LOW
    with pytest.raises(UsageError, match="--fail-on is one of"):
        severity_or_never("grave")
