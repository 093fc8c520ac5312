"""The report as one HTML page: well-formed, obeys nothing of the scanned tree, fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from ostiary.model.finding import Audience, Evidence
from ostiary.model.route import DeclaredLimit, Gate, Location, Policy, PublicMark, State
from ostiary.model.scan import AppSeen, Scan, Skipped
from ostiary.report import render
from tests.report.html_page import page
from tests.report.scans import CLEAN, EMPTY, FINDINGS, FULL, SCORE, many, route

SCANS = {"full": FULL, "empty": EMPTY, "clean": CLEAN, "many": many(300)}


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_every_tag_is_closed_in_its_place(scan: Scan) -> None:
    """A stack check over the whole document; no attribute is given twice, no id is used twice."""
    found = page(scan)
    ids = found.all("id")
    assert (found.wrong, found.open, [one for one in ids if ids.count(one) > 1]) == ([], [], [])


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_links_within_the_page_lead_somewhere(scan: Scan) -> None:
    """Every #link, label and url(#pattern) names an id of the page."""
    found = page(scan)
    targets = [one[1:] for one in found.all("href") if one.startswith("#")]
    targets += found.all("aria-labelledby") + [one[5:-1] for one in found.all("fill") if one.startswith("url(")]
    assert targets
    assert set(targets) <= set(found.all("id"))


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_headings_are_in_order(scan: Scan) -> None:
    """One h1, and no level is left out on the way down."""
    levels = [int(tag[1]) for tag, _attributes in page(scan).tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_nothing_is_fetched_and_nothing_runs(scan: Scan) -> None:
    """No element that loads, no handler, no inline style; an address is an https link that a person may follow."""
    found = page(scan)
    assert {tag for tag, _attributes in found.tags} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "use",
        "image",
    } == set()
    names = {name for _tag, attributes in found.tags for name in attributes}
    assert {name for name in names if name.startswith("on") or name in {"src", "srcset", "style", "action", "xlink:href", "ping"}} == set()
    assert {tag for tag, attributes in found.tags if "href" in attributes} == {"a"}
    assert [one for one in found.all("href") if not one.startswith(("#", "https://"))] == []
    style = re.search(r"(?s)<style>(.*)</style>", render("html", scan))
    assert style is not None
    assert re.search(r"@import|url\(|@font-face|expression", style[1]) is None


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    """The Content-Security-Policy names the style sheet by its hash; it stands before the style."""
    text = render("html", FULL)
    style = text.partition("<style>")[2].partition("</style>")[0]
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{seal}'; base-uri 'none'; form-action 'none'"
    metas = [attributes for tag, attributes in page(FULL).tags if tag == "meta"]
    assert [one["content"] for one in metas if one.get("http-equiv") == "Content-Security-Policy"] == [policy]
    assert text.index("http-equiv") < text.index("<style>")


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "closes": "</code></td></section></body></html><h1>Grade A</h1>",
    "double quote": '" onmouseover="alert(1)" x="',
    "single quote": "' onfocus='alert(1)' autofocus='",
    "link": "javascript:alert(1)",
    "markdown link": "[click](javascript:alert(1)) <https://evil.example> ![x](https://evil.example/x.png)",
    "data": "data:text/html,<script>alert(1)</script>",
    "comment": "<!-- --!> ]]> <![CDATA[",
    "style": "</style><style>*{display:none}",
    "entity": "&lt;script&gt; &#x202e; &amp",
    "bidi": "a\u202eb\u2066c\u200f",
    "control": "a\x00b\x1b[31mc\x07d\x7fe\x9bf",
    "line separators": "a\u2028b\u2029c\x85d",
    "surrogate": "a\udc80b",
}


def everywhere(text: str) -> Scan:
    """A scan with the text at each place that a tree or a server can fill."""
    at = Location(text, 3)
    gate = Gate(text, text, at)
    routes = tuple(
        replace(
            route("GET", "/x", 1, state, gate, app=text, why=text, at=at, limits=(DeclaredLimit(text, at),), policy=Policy(scopes=(text,))),
            method=text,
            path=text,
            unresolved=(text,),
            public=PublicMark(text, text) if state is State.PUBLIC else None,
        )
        for state in State
    )
    finding = replace(FINDINGS[0], message=text, at=at, route=(text, text), fix=text, app=text, fingerprint=text, verdict=text)
    finding = replace(finding, evidence=(Evidence(text, text, at),))
    whole = replace(finding, at=None, route=None)
    return Scan(
        target=text,
        routes=routes,
        findings=(
            finding,
            whole,
            replace(finding, suppressed=text),
            replace(finding, audience=Audience.SAMPLE),
            replace(finding, audience=Audience.AUDITOR),
        ),
        skipped=(Skipped(text, text, serious=True),),
        apps=(AppSeen(text, text, at, 1),),
        score=replace(SCORE, raises=((text, 90),), categories={text: 10}, weights=text),
        notices=(text,),
    )


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_the_tree_says_is_text(text: str) -> None:
    """Wherever a hostile text stands, the page has the same tags and attributes as with a harmless one, and shows the text."""
    hostile, harmless = page(everywhere(text)), page(everywhere("harmless"))
    shapes = [[(tag, sorted(attributes)) for tag, attributes in one.tags if tag != "wbr"] for one in (hostile, harmless)]
    assert shapes[0] == shapes[1]
    assert hostile.wrong == []
    assert [one for one in hostile.all("href") if not one.startswith(("#", "https://cwe.mitre.org/"))] == []
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    assert shown in "".join(hostile.words)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_character_that_reorders_or_commands(text: str) -> None:
    """Control and bidi characters are spelled out; the page can be written as UTF-8."""
    source = render("html", everywhere(text))
    source.encode("utf-8")
    assert [char for char in source if not char.isprintable() and char != "\n"] == []


def test_an_endless_text_is_cut() -> None:
    """A message of a million characters does not make a page of a million; what is missing is counted."""
    scan = replace(CLEAN, findings=(replace(FINDINGS[0], message="x" * 1_000_000),))
    assert len(render("html", scan)) < 100_000
    assert "x … (996000 more characters)" in page(scan).text
