"""A finding's fingerprint stays while its code moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.model.route import Location
from ostiary.scan.merge import fingerprint, with_fingerprints

AT = Location("app.py", 10, 5)
OPEN = Finding("missing-authentication", Severity.HIGH, Confidence.MEDIUM, "GET /a is open", at=AT, route=("GET", "/a"), app="app")


def test_fingerprint_is_pinned():
    """Baselines of older versions stay valid: this value never changes."""
    assert fingerprint(OPEN, '@app.get("/a")', 0) == "a9e30410d5ebe3c5"


@pytest.mark.parametrize(
    "line",
    [
        '    @app.get("/a")  ',
        '@app.get("/elsewhere")',
        "@app.get(f'/{prefix}a')",
        '@app.get("""/a""")',
        '@app.get("/a")  # ostiary: ignore[x] a reason',
        '@app.get("a \\" quote # and no comment")',
        '@app.get("/a")\r\nsecond line',
    ],
)
def test_fingerprint_ignores_strings_space_and_comments(line):
    """Indentation, the text of strings and a comment at the end may change."""
    assert fingerprint(OPEN, line, 0) == fingerprint(OPEN, '@app.get("/a")', 0)


@pytest.mark.parametrize("line", ['KEY = """-----BEGIN', "KEY = '''", 'KEY = "ends on the next \\'])
def test_fingerprint_ignores_the_beginning_of_a_long_string(line):
    """A string that goes on in the next line is a string to the end of this one."""
    assert fingerprint(OPEN, line, 0) == fingerprint(OPEN, 'KEY = ""', 0)


def test_fingerprint_of_a_hostile_line_takes_no_time():
    """A line of a million backslashes and quotes is read once."""
    assert len(fingerprint(OPEN, '"' + "\\" * 1_000_000 + "\n'" * 1_000, 0)) == 16


def test_fingerprint_does_not_depend_on_place_or_rating():
    """Line, column, severity, confidence, message, app and evidence may change."""
    moved = replace(OPEN, at=Location("app.py", 99, 1), severity=Severity.LOW, confidence=Confidence.LOW, message="", app="other")
    assert fingerprint(moved, "x", 0) == fingerprint(OPEN, "x", 0)


@pytest.mark.parametrize(
    ("other", "line", "occurrence"),
    [
        (replace(OPEN, weakness="bola"), "x", 0),
        (replace(OPEN, at=Location("other.py", 10, 5)), "x", 0),
        (replace(OPEN, at=None), "x", 0),
        (replace(OPEN, route=("GET", "/b")), "x", 0),
        (replace(OPEN, route=None), "x", 0),
        (OPEN, "y", 0),
        (OPEN, "x", 1),
    ],
)
def test_fingerprint_tells_findings_apart(other, line, occurrence):
    """Weakness, file, route, line and which of its like it is make a finding what it is."""
    assert fingerprint(other, line, occurrence) != fingerprint(OPEN, "x", 0)


def test_fingerprint_parts_do_not_run_together():
    """("a", "bc") is not ("ab", "c"), and a route is not a text that looks like one."""
    first = Finding("a", Severity.LOW, Confidence.LOW, "", at=Location("bc", 1))
    second = Finding("ab", Severity.LOW, Confidence.LOW, "", at=Location("c", 1))
    assert fingerprint(first, "", 0) != fingerprint(second, "", 0)
    assert fingerprint(replace(first, route=("GET", "/ x")), "", 0) != fingerprint(replace(first, route=("GET /", "x")), "", 0)


SOURCE = ["import os", 'KEY = "one"', 'KEY = "two"', 'OTHER = "three"']


def secrets_in(source: list[str]) -> list[Finding]:
    return [
        Finding("hardcoded-secret", Severity.HIGH, Confidence.HIGH, "a key", at=Location("app.py", number))
        for number, line in enumerate(source, 1)
        if "=" in line
    ]


def fingerprints(source: list[str]) -> list[str]:
    return [finding.fingerprint for finding in with_fingerprints(secrets_in(source), lambda at: source[at.line - 1])]


def test_like_findings_get_different_fingerprints():
    """Two lines that differ in their strings only are counted, from the top."""
    assert len(set(fingerprints(SOURCE))) == 3


def test_fingerprints_survive_moved_lines():
    """Lines added above, and code moved to another indentation, change no fingerprint."""
    moved = ["", "", "if True:", *(f"    {line}" for line in SOURCE)]
    assert fingerprints(moved) == fingerprints(SOURCE)


def test_fixing_another_changes_nothing():
    """A finding that is fixed leaves the fingerprints of unlike ones alone."""
    assert fingerprints([SOURCE[0], SOURCE[3]]) == [fingerprints(SOURCE)[2]]


@given(st.permutations(secrets_in(SOURCE)))
def test_fingerprints_do_not_depend_on_order(some):
    """Findings come back in the order given, and each has the same fingerprint in any order."""
    result = with_fingerprints(some, lambda at: SOURCE[at.line - 1])
    assert [finding.at for finding in result] == [finding.at for finding in some]
    by_line = sorted(result, key=lambda finding: finding.at.line if finding.at else 0)
    assert [finding.fingerprint for finding in by_line] == fingerprints(SOURCE)


def test_finding_without_place_reads_no_line():
    """What has no location is fingerprinted by weakness and route."""
    nowhere = replace(OPEN, at=None)

    def read_line(at: Location) -> str:
        raise AssertionError(at)

    assert with_fingerprints([nowhere], read_line)[0].fingerprint == fingerprint(nowhere, "", 0)
