"""A baseline remembers findings, and nothing else."""

from __future__ import annotations

import json

import pytest

from ostiary.errors import ConfigError
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.model.route import Location
from ostiary.scan.baseline import apply_baseline, parse, render


def finding(print_: str, line: int = 1, suppressed: str | None = None) -> Finding:
    return Finding("debug-mode", Severity.HIGH, Confidence.HIGH, "", Location("a.py", line), fingerprint=print_, suppressed=suppressed)


def test_what_is_written_is_known_again() -> None:
    """Every finding of a baseline is not new, every other is."""
    known = parse(render([finding("aa"), finding("bb")]), "baseline.json")
    assert [one.new for one in apply_baseline((finding("bb"), finding("cc")), known)] == [False, True]


def test_without_a_baseline_nothing_is_said() -> None:
    """New is None without a baseline; an empty baseline makes everything new."""
    assert [one.new for one in apply_baseline((finding("aa"),), None)] == [None]
    assert [one.new for one in apply_baseline((finding("aa"),), parse(render([]), "b"))] == [True]


def test_lines_are_sorted_and_do_not_move() -> None:
    """The same findings give the same text in any order and on any line, one line each."""
    first = render([finding("aa", 1), finding("bb", 2)])
    assert first == render([finding("bb", 7), finding("aa", 9)])
    assert sum("fingerprint" in line for line in first.splitlines()) == 2
    assert json.loads(first)["schema"] == 1


def test_accepted_findings_are_left_out() -> None:
    """What is suppressed is not remembered: when the suppression ends it is new."""
    assert parse(render([finding("aa", suppressed="why")]), "b") == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "b.json:1: no baseline: "),
        ('{\n"schema": 1\n"findings": []}', "b.json:3: no baseline: "),
        ("[]", "b.json:1: no baseline of schema 1"),
        ('{"schema": 2, "findings": []}', "b.json:1: no baseline of schema 1"),
        ('{"schema": 1}', "b.json:1: a baseline has a list of findings"),
        ('{"schema": 1, "findings": [\n{"fingerprint": "aa"},\n{"weakness": "x"}]}', "b.json:3: a finding of a baseline has a fingerprint"),
        ('{"schema": 1, "findings": [\n7]}', "b.json:2: a finding of a baseline has a fingerprint"),
        ('{"schema": 1, "findings": [{"fingerprint": ""}]}', "b.json:1: a finding of a baseline has a fingerprint"),
    ],
)
def test_what_is_no_baseline_is_refused_with_its_line(text: str, said: str) -> None:
    """File, line, and what is wrong."""
    with pytest.raises(ConfigError) as refused:
        parse(text, "b.json")
    assert str(refused.value).startswith(said)
