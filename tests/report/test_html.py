"""The report as one HTML page: what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from ostiary.model.finding import Finding
from ostiary.model.route import PublicMark, State
from ostiary.model.scan import Scan, Skipped
from ostiary.report import View, render
from tests.report.golden import expected
from tests.report.html_page import Page, page
from tests.report.scans import CLEAN, EMPTY, FINDINGS, FULL, SCORE, many, route


@pytest.mark.parametrize(("name", "scan"), [("full.html", FULL), ("empty.html", EMPTY)])
def test_says_every_word_of_the_golden_file(name: str, scan: Scan) -> None:
    """The whole page, byte by byte, but for the style sheet, which says nothing."""
    text = re.sub(r"(?s)<style>.*</style>|sha256-[\w+/=]+", "", render("html", scan)).replace("><", ">\n<")
    assert text == expected(name, text)


def test_the_same_scan_gives_the_same_bytes() -> None:
    """In another process with other hash seeds as well."""
    code = "from tests.report.scans import FULL; from ostiary.report import render; import hashlib, ostiary.weaknesses as w; "
    code += "from tests.report.scans import PAGES; w.get = PAGES.__getitem__; "
    code += "print(hashlib.sha256(render('html', FULL).encode()).hexdigest())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_an_empty_scan_says_what_is_missing() -> None:
    """No application, no score, no route: in words, and without a chart."""
    text = page(EMPTY).text
    assert "No Flask or FastAPI application was found; 0 files read." in text
    assert "No score, because no route was found." in text
    assert "No route was found." in text
    assert "Score by category" not in text


def test_findings_without_a_score_are_shown() -> None:
    """A tree without routes can have a secret: the finding is there, the score is not."""
    found = page(replace(FULL, routes=(), score=None))
    assert "SECRET_KEY is a literal of 24 characters" in found.text
    assert not [one for one in found.all("aria-label") if one.startswith("Score ")]


@pytest.mark.parametrize(
    ("scan", "said"),
    [(FULL, True), (CLEAN, False), (replace(EMPTY, skipped=(Skipped("a.py", "unreadable"),)), True)],
    ids=["serious", "complete", "nothing read"],
)
def test_an_incomplete_scan_says_so_first(scan: Scan, said: bool) -> None:
    """Before everything else of the report; never on a complete scan."""
    before = render("html", scan).partition('<section id="overview"')[0]
    assert ("This scan is incomplete where it matters." in before) is said


def test_not_tested_is_no_hundred() -> None:
    """A category for which nothing ran has no bar and no number."""
    text = page(FULL).text
    assert "Not tested: Tokens. That is no score of 100." in text
    assert re.search(r"Exposure ?100", text)


def test_no_repair_is_promised_where_none_helps() -> None:
    """With a score that no single repair raises the page says that instead of a list."""
    scan = replace(FULL, score=replace(SCORE, raises=(("missing-authentication", SCORE.value),)))
    assert "No single repair raises it" in page(scan).text
    assert "What would raise it most" not in page(scan).text


def test_every_route_is_in_the_inventory() -> None:
    """Method, path, state, what protects it where, its limits and its line; the state can be picked without a script."""
    source = render("html", FULL).replace("<wbr>", "")
    row = re.search(r'<tr role="row" class="is-protected">.*?</tr>', source)
    assert row is not None
    words = Page(row[0]).text
    for part in ("GET", "/v1/me", "shop/orders.py:40", "protected", "v1", "login_required", "shop/auth.py:12", "5 per minute", "me:read"):
        assert part in words
    assert page(FULL).all("for") == []
    assert [one for one in page(FULL).all("id") if one.startswith("show-")] == [
        "show-all",
        "show-open",
        "show-unknown",
        "show-public",
        "show-protected",
    ]
    assert source.count('class="is-') == 6


def test_hundreds_of_routes_are_folded() -> None:
    """Ten places of one weakness are in sight and the others behind a summary; so is a long inventory, and none is missing."""
    source = render("html", many(300))
    assert "<summary>290 more</summary>" in source
    assert '<details class="inventory"><summary>Every route (300)</summary>' in source
    names = Page(source.replace("<wbr>", "")).words
    assert all((names.count(f"GET /r{number}"), names.count(f"/r{number}")) == (1, 1) for number in range(300))


@pytest.mark.parametrize(
    "text",
    [
        "critical 1 finding",
        "Weakness: missing-authentication",
        "CWE-306",
        "API2:2023",
        "v5.0.0-6.3.4",
        "6.2.4",
        "CC6.1",
        "Whoever can reach the server can call this route.",
        "The request is simply sent.",
        "@login_required",
        "high confidence · anybody can reach it · seen in code · fingerprint missin0000000031",
        "low confidence · whoever is signed in can reach it · seen in code, app",
        'SECRET_KEY = os.environ["SECRET_KEY"]',
        "flow shop/app.py:9 signs the session",
        "started by hand only",
        "broken.py",
        "invalid syntax (line 3)",
        "ignore[debug-mode] matches no finding",
        "Score weights: version 1.",
        "29 of 100 when the accepted findings are counted.",
        "to 71 without missing-authentication",
    ],
)
def test_says(text: str) -> None:
    """What a reader must be able to find."""
    spaced = re.sub(r"<(dt|dd|h3|li|span|td|th|p)\b", r" <\1", render("html", FULL)).replace("</dt>", ":</dt>")
    words = " ".join("".join(Page(spaced).words).split())
    assert " ".join(text.split()) in words


def test_new_only_leaves_out_what_the_baseline_has() -> None:
    """As in the text report; what is new is marked."""
    known, fresh = replace(FINDINGS[1], new=False), replace(FINDINGS[3], new=True)
    scan = replace(CLEAN, findings=(known, fresh))
    assert page(scan, View(new_only=True)).text.count("in the baseline") == 0
    assert "Secret written into the source" in page(scan, View(new_only=True)).text
    assert "Route without authentication" not in page(scan, View(new_only=True)).text
    assert "in the baseline" in page(scan).text


def test_every_fix_is_of_the_framework() -> None:
    """A finding of a FastAPI app brings the fix for FastAPI and not the one for Flask."""
    only = replace(CLEAN, apps=FULL.apps[1:], findings=(one_of("timing-unsafe-comparison"),))
    assert "async def orders(user: CurrentUser)" in page(only).text
    assert "@login_required" not in page(only).text


def one_of(weakness: str) -> Finding:
    return next(finding for finding in FINDINGS if finding.weakness == weakness)


def test_what_is_public_by_nature_gives_its_reason_once() -> None:
    """The mark's reason and the reason of the state are often the same words."""
    known = route("GET", "/health", 5, State.PUBLIC, public=PublicMark("behaviour", "health check"), why="health check")
    assert page(replace(CLEAN, routes=(known,))).text.count("health check") == 1
