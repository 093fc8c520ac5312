"""Every rule finds exactly the marked lines of its fixtures, and nothing on the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ostiary.model.finding import Finding
from ostiary.scan.rules import all_rules
from ostiary.scan.run import scan_tree

HERE = Path(__file__).parent
KINDS = ("flask_bad", "flask_good", "fastapi_bad", "fastapi_good")
FIXTURES = sorted(HERE.glob("*/*.py"))
_MARK = re.compile(r"#.*?\b(expect|ok): ([a-z-]+)")


def scanned(fixture: Path, folder: Path) -> tuple[Finding, ...]:
    """The real engine over a copy, so that the fixture is nobody's test file."""
    (folder / "service.py").write_bytes(fixture.read_bytes())
    return scan_tree(folder).findings


def marked(fixture: Path, word: str) -> set[int]:
    """The numbers of the lines that are marked with a word for the fixture's weakness."""
    lines = enumerate(fixture.read_text(encoding="utf-8").splitlines(), 1)
    return {number for number, line in lines for kind, weakness in _MARK.findall(line) if (kind, weakness) == (word, fixture.parent.name)}


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_exactly_the_marked_lines_are_found(fixture: Path, tmp_path: Path) -> None:
    """Line by line: none missing, none too many."""
    found = {f.at.line for f in scanned(fixture, tmp_path) if f.weakness == fixture.parent.name and f.at is not None}
    assert found == marked(fixture, "expect")


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_fixture_marks_what_it_is_for(fixture: Path) -> None:
    """A bad one has lines to find, a good one has lines to leave alone and none to find."""
    if fixture.stem.endswith("_good"):
        assert marked(fixture, "ok")
        assert not marked(fixture, "expect")
    else:
        assert marked(fixture, "expect")


@pytest.mark.parametrize("weakness", [rule.weakness for rule in all_rules()])
def test_every_rule_has_bad_and_good_fixtures_in_both_frameworks(weakness: str) -> None:
    """No rule without proof."""
    assert {path.stem for path in (HERE / weakness).glob("*.py")} >= set(KINDS)


@pytest.mark.parametrize("fixture", [path for path in FIXTURES if path.parent.name == "hardcoded-secret"], ids=lambda path: path.stem)
def test_no_message_holds_a_character_of_a_secret(fixture: Path, tmp_path: Path) -> None:
    """Every literal of the fixture that is reported stays out of message, fix and evidence."""
    findings = [f for f in scanned(fixture, tmp_path) if f.weakness == "hardcoded-secret"]
    lines = fixture.read_text(encoding="utf-8").splitlines()
    for finding in findings:
        assert finding.at is not None
        said = " ".join([finding.message, finding.fix, *(step.text for step in finding.evidence)])
        for literal in re.findall(r'"([^"]*\d[^"]{7,})"', lines[finding.at.line - 1]):
            secret = literal.rpartition("@")[0].rpartition(":")[2] or literal
            assert secret[:6] not in said
