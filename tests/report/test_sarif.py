"""The SARIF report is valid by the official schema and says what a code scanner needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ostiary.model.finding import Audience, Severity
from ostiary.model.route import Location
from ostiary.model.scan import Scan
from ostiary.report import View, render
from tests.report.golden import expected
from tests.report.scans import CLEAN, EMPTY, FINDINGS, FULL, many

SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8-sig"))


def run_of(scan: Scan, view: View | None = None) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(render("sarif", scan, view))["runs"][0]
    return run


def result_of(**changes: Any) -> dict[str, Any]:
    result: dict[str, Any] = run_of(replace(FULL, findings=(replace(FINDINGS[0], **changes),)))["results"][0]
    return result


def test_says_every_word_of_the_golden_file() -> None:
    """The whole log, word by word."""
    text = render("sarif", FULL)
    assert text == expected("scan.sarif", text)


@pytest.mark.parametrize("scan", [FULL, EMPTY, CLEAN, many(3)], ids=["full", "empty", "clean", "many"])
def test_is_valid_by_the_official_schema(scan: Scan) -> None:
    """Every log is valid by the schema of the standard."""
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(json.loads(render("sarif", scan)))] == []


def test_the_official_schema_refuses_what_is_wrong() -> None:
    """The schema in the suite really judges: a result without a message is refused."""
    log = json.loads(render("sarif", FULL))
    del log["runs"][0]["results"][0]["message"]
    assert not Draft202012Validator(SCHEMA).is_valid(log)


@pytest.mark.parametrize("scan", [FULL, many(3), replace(FULL, apps=()), replace(FULL, apps=(), routes=())])
def test_every_result_has_a_location(scan: Scan) -> None:
    """Even a finding about a whole application has one; below SRCROOT, relative."""
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run_of(scan)["results"]]
    assert places
    assert all(place["uriBaseId"] == "SRCROOT" and place["uri"] and not place["uri"].startswith("/") for place in places)


def test_an_app_wide_finding_stands_where_its_app_does() -> None:
    """No limiter at all: shown at the line that makes the application."""
    where = result_of(at=None)["locations"][0]["physicalLocation"]
    assert (where["artifactLocation"]["uri"], where["region"]) == ("shop/app.py", {"startLine": 7})


def test_file_names_are_uris() -> None:
    """Spaces, colons and hashes in a file name are escaped."""
    where = result_of(at=Location("a b/c:d#.py", 1))["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert where == "a%20b/c%3Ad%23.py"


def test_a_rule_is_as_grave_as_its_gravest_finding() -> None:
    """The rule's number follows the critical finding, not the page's default; only used rules are there."""
    rules = {rule["id"]: rule for rule in run_of(FULL)["tool"]["driver"]["rules"]}
    assert rules["missing-authentication"]["properties"]["security-severity"] == "9.5"
    assert rules["hardcoded-secret"]["properties"]["security-severity"] == "8.0"
    assert set(rules) == {"missing-authentication", "hardcoded-secret", "debug-mode", "missing-rate-limit", "timing-unsafe-comparison"}


def test_rules_are_tagged_and_explained() -> None:
    """CWE and OWASP are tags; help holds why, attack and both fixes."""
    rule = next(rule for rule in run_of(FULL)["tool"]["driver"]["rules"] if rule["id"] == "hardcoded-secret")
    assert rule["properties"]["tags"] == ["security", "secrets", "external/cwe/cwe-798", "external/cwe/cwe-540", "owasp/API8:2023"]
    assert all(part in rule["help"]["markdown"] for part in ("## Why", "## Attack", "## Fix: flask", "## Fix: fastapi"))


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.CRITICAL, "error"),
        (Severity.HIGH, "error"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "note"),
        (Severity.INFO, "note"),
    ],
)
def test_levels(severity: Severity, level: str) -> None:
    """Critical and high are errors, medium a warning, the rest notes."""
    assert result_of(severity=severity)["level"] == level


def test_fingerprints_are_handed_on() -> None:
    """A code scanner recognises a finding by our fingerprint."""
    assert result_of(fingerprint="00ff")["partialFingerprints"] == {"ostiary/v1": "00ff"}


def test_suppressions_are_handed_on() -> None:
    """An accepted finding carries its reason; an open one says that nobody accepted it."""
    accepted = [{"kind": "external", "status": "accepted", "justification": "by hand"}]
    assert result_of(suppressed="by hand")["suppressions"] == accepted
    assert result_of(suppressed=None)["suppressions"] == []


@pytest.mark.parametrize(("new", "state"), [(True, "new"), (False, "unchanged"), (None, None)])
def test_the_baseline_is_handed_on(new: bool | None, state: str | None) -> None:
    """New, unchanged, and nothing said without a baseline."""
    assert result_of(new=new).get("baselineState") == state


@pytest.mark.parametrize(("scan", "successful"), [(FULL, False), (CLEAN, True)])
def test_an_incomplete_scan_is_no_success(scan: Scan, successful: bool) -> None:
    """executionSuccessful tells a partial scan from a whole one."""
    assert run_of(scan)["invocations"][0]["executionSuccessful"] is successful


def test_what_was_skipped_is_notified() -> None:
    """Each skipped thing is a notification, an error when it is serious; notices stand beside."""
    told = run_of(FULL)["invocations"][0]
    assert [(one["level"], one["message"]["text"]) for one in told["toolExecutionNotifications"]] == [
        ("error", "broken.py: invalid syntax (line 3)"),
        ("note", "*.ipynb: 2: notebooks are not read yet"),
    ]
    assert [one["message"]["text"] for one in told["toolConfigurationNotifications"]] == list(FULL.notices)


@pytest.mark.parametrize(("audience", "count"), [(Audience.DEVELOPER, 7), (Audience.AUDITOR, 8), (Audience.SAMPLE, 1)])
def test_shows_whom_it_is_for(audience: Audience, count: int) -> None:
    """Developers see theirs, auditors theirs as well, samples stand apart."""
    assert len(run_of(FULL, View(audience=audience))["results"]) == count


def test_evidence_is_a_path_or_stands_beside() -> None:
    """Flow steps are a code flow in their order, other places are related locations."""
    result = next(one for one in run_of(FULL)["results"] if one["ruleId"] == "hardcoded-secret")
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == ["the literal", "signs the session"]
    assert [place["message"]["text"] for place in result["relatedLocations"]] == ["read here too"]


def test_a_message_is_no_link() -> None:
    """Brackets and parentheses in a message are text."""
    assert result_of(message="see [x](y)", route=None)["message"]["text"] == "see [x\\](y)"
