"""The report for people: readable in 80 columns, with and without colours, and never a flood."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ostiary.model.finding import Audience, Confidence, Severity
from ostiary.model.scan import Scan, Skipped
from ostiary.report import View, render
from tests.report.golden import expected
from tests.report.scans import CLEAN, EMPTY, FINDINGS, FULL, PAGES, many

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
EVERYTHING = View(everything=True, audience=Audience.AUDITOR)


@pytest.mark.parametrize(
    ("name", "scan", "view"),
    [
        ("full.txt", FULL, View()),
        ("everything.txt", FULL, EVERYTHING),
        ("empty.txt", EMPTY, View()),
        ("clean.txt", CLEAN, View()),
        ("many.txt", many(300), View()),
        ("colour.txt", FULL, View(color=True)),
    ],
)
def test_says_every_word_of_the_golden_file(name: str, scan: Scan, view: View) -> None:
    """The whole report, word by word and column by column."""
    text = render("text", scan, view)
    assert text == expected(name, text)


@pytest.mark.parametrize("scan", [FULL, EMPTY, CLEAN, many(300)], ids=["full", "empty", "clean", "many"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_page(scan: Scan, width: int) -> None:
    """Nothing runs over the edge, and nothing trails in spaces."""
    long = replace(scan, notices=("word " * 60, "x" * 300), target="t" * 200)
    lines = render("text", long, View(width=width, everything=True)).splitlines()
    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []


def test_colours_change_no_word() -> None:
    """Without its escapes the coloured report is the plain one; the plain one has none."""
    plain = render("text", FULL)
    coloured = render("text", FULL, View(color=True))
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    assert [line.rstrip() for line in ESCAPES.sub("", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("variable", ["NO_COLOR", "FORCE_COLOR", "COLUMNS"])
def test_the_environment_changes_nothing(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report says depends on the scan and the view alone."""
    before = render("text", FULL)
    monkeypatch.setenv(variable, "30")
    assert render("text", FULL) == before


def test_three_hundred_open_routes_are_one_block() -> None:
    """Findings of one weakness are told once, with how many more there are."""
    text = render("text", many(300))
    assert text.count("Route without authentication") == 1
    assert "and 299 more routes: GET /r1 (shop/orders.py:2)" in text
    assert len(text.splitlines()) < 40


def test_all_names_every_place() -> None:
    """With everything shown each of the routes is there."""
    text = render("text", many(300), View(everything=True))
    assert all(f"GET /r{number}\n" in text for number in range(300))


def kinds(count: int, monkeypatch: pytest.MonkeyPatch) -> Scan:
    """As many weaknesses as asked for, one finding each."""
    for number in range(count):
        monkeypatch.setitem(PAGES, f"kind-{number}", replace(PAGES["debug-mode"], title=f"Kind {number}."))
    return replace(CLEAN, findings=tuple(replace(FINDINGS[1], weakness=f"kind-{number}") for number in range(count)))


def test_shows_the_ten_worst_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The eleventh kind is counted, not shown."""
    text = render("text", kinds(12, monkeypatch))
    assert ("Kind 9." in text, "Kind 10." in text) == (True, False)
    assert "and 2 further kinds of finding (--all shows everything)" in text


def test_the_worst_comes_first() -> None:
    """By severity, then by confidence, whatever the order of the scan."""
    low = replace(FINDINGS[3], severity=Severity.LOW)
    unsure = replace(FINDINGS[4], suppressed=None, confidence=Confidence.LOW)
    text = render("text", replace(CLEAN, findings=(low, unsure, FINDINGS[1])))
    titles = [PAGES[one].title for one in ("missing-authentication", "debug-mode", "hardcoded-secret")]
    assert [line[4:].partition("  ")[2] for line in text.splitlines() if re.match(r" \d  [A-Z]", line)] == titles


def test_accepted_findings_are_counted_and_not_shown() -> None:
    """A suppressed finding is no block; everything names it with its reason."""
    assert "Debugger left on" not in render("text", FULL)
    assert "1 accepted with a reason" in render("text", FULL)
    assert "started by hand only" in render("text", FULL, EVERYTHING)


def test_new_only_shows_what_the_baseline_does_not_have() -> None:
    """A finding of the baseline is left out, a new one is marked."""
    known, fresh = replace(FINDINGS[1], new=False), replace(FINDINGS[3], new=True)
    text = render("text", replace(CLEAN, findings=(known, fresh)), View(new_only=True))
    assert ("missing-authentication" in text, "hardcoded-secret · high confidence · new" in text) == (False, True)


def test_names_what_was_skipped_the_serious_first() -> None:
    """Ten lines of it, the serious ones in front, however many there are."""
    skipped = (*(Skipped(f"f{number}.py", "harmless") for number in range(20)), Skipped("last.py", "broken", serious=True))
    lines = render("text", replace(CLEAN, skipped=skipped)).splitlines()
    start = lines.index("Skipped  21: the scan is incomplete where it matters")
    assert lines[start + 1] == "  ! last.py: broken"
    assert lines[start + 11] == "    and 11 more (--all shows everything)"


def test_what_the_tree_says_moves_no_cursor() -> None:
    """Escapes, line feeds and right-to-left marks in names are spelled out."""
    hostile = replace(FINDINGS[0], message="a\x1b[2Jb\u202ec\rd", route=("GET", "/\x07"))
    text = render("text", replace(CLEAN, findings=(hostile,)))
    assert r"a\x1b[2Jb\u202ec\rd" in text
    assert not any(ord(char) < 32 and char != "\n" for char in text)


@pytest.mark.parametrize(
    ("scan", "path", "command"),
    [
        (FULL, ".", "ostiary explain missing-authentication --framework flask"),
        (CLEAN, "src", "ostiary lock src"),
        (EMPTY, ".", "ostiary scan PATH"),
    ],
)
def test_ends_with_the_next_command(scan: Scan, path: str, command: str) -> None:
    """The worst finding is to be read next; a clean tree to be locked; no route: another path."""
    assert command in render("text", scan, View(path=path)).partition("Next")[2]


def test_tests_and_examples_stand_apart() -> None:
    """Findings in samples are counted on a line of their own, and shown when asked for."""
    assert "a key of tests" not in render("text", FULL)
    assert "Tests and examples  1 route, 1 high; not scored (--audience sample shows them)" in render("text", FULL)
    assert "a key of tests" in render("text", FULL, View(audience=Audience.SAMPLE))
