"""The JSON report keeps the contract that ``docs/scan.schema.json`` states."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ostiary.model.route import PublicMark, State
from ostiary.model.scan import Scan, Skipped
from ostiary.report import render
from tests.report.golden import expected
from tests.report.scans import CLEAN, EMPTY, FINDINGS, FULL, ROUTES, many

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "scan.schema.json").read_text(encoding="utf-8"))
TOP = {"schema", "tool", "target", "complete", "skipped", "score", "routes", "findings"}


def loaded(scan: Scan) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(render("json", scan))
    return value


def test_says_every_word_of_the_golden_file() -> None:
    """The whole report, word by word."""
    text = render("json", FULL)
    assert text == expected("scan.json", text)


@pytest.mark.parametrize("scan", [FULL, EMPTY, CLEAN, many(3)], ids=["full", "empty", "clean", "many"])
def test_is_valid_by_its_own_schema(scan: Scan) -> None:
    """Every scan is valid by the published schema, which is itself a schema."""
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(loaded(scan))] == []


@pytest.mark.parametrize("key", sorted(TOP))
def test_the_schema_demands_every_key_of_the_contract(key: str) -> None:
    """A report that lost a key would be refused."""
    value = loaded(FULL)
    del value[key]
    assert not Draft202012Validator(SCHEMA).is_valid(value)


@pytest.mark.parametrize("part", ["route", "finding"])
def test_the_schema_demands_every_key_of_routes_and_findings(part: str) -> None:
    """Each key that the contract names for a route or a finding is required, and rendered."""
    contract = {
        "route": "method path version handler witnesses at public protection limits policy unresolved",
        "finding": "weakness title category severity confidence audience exposure route at message evidence witnesses verdict "
        "cwe owasp references fix fingerprint new suppressed",
    }[part].split()
    assert set(SCHEMA["$defs"][part]["required"]) == set(contract)
    assert all(set(contract) <= one.keys() for one in loaded(FULL)[f"{part}s"])


def test_the_schema_refuses_unknown_words() -> None:
    """A severity that is none is no valid report."""
    value = loaded(FULL)
    value["findings"][0]["severity"] = "grave"
    assert not Draft202012Validator(SCHEMA).is_valid(value)


def test_a_fix_is_the_findings_own_else_that_of_the_framework() -> None:
    """A finding's own fix is kept; without one the page's first lines for the app's framework are given."""
    fixes = {one["message"]: one["fix"] for one in loaded(FULL)["findings"]}
    assert fixes["nothing checks who calls"].splitlines() == ["@app.get('/orders')", "@login_required", "def orders(): ..."]
    assert fixes["the key is compared with =="].splitlines() == ["@app.get('/orders')", "async def orders(user: CurrentUser): ..."]
    assert fixes["SECRET_KEY is a literal of 24 characters (generic, 24, fp 81b2)"] == 'SECRET_KEY = os.environ["SECRET_KEY"]'


def test_a_fix_has_at_most_three_lines() -> None:
    """The fourth line of a fix is cut."""
    long = replace(FINDINGS[0], fix="1\n2\n3\n4")
    assert loaded(replace(FULL, findings=(long,)))["findings"][0]["fix"] == "1\n2\n3"


def test_the_fix_of_a_finding_without_app_follows_the_nearest_app() -> None:
    """A finding in admin/ is fixed the FastAPI way, because the app in admin/ is one."""
    near = replace(FINDINGS[1], app="", at=replace(ROUTES[0].at, file="admin/keys.py"))
    assert "async def" in loaded(replace(FULL, findings=(near,)))["findings"][0]["fix"]


@pytest.mark.parametrize(
    ("scan", "complete"),
    [
        (FULL, False),
        (CLEAN, True),
        (replace(CLEAN, skipped=(Skipped("*.ipynb: 2", "notebooks"),)), True),
        (replace(EMPTY, skipped=(Skipped("a.py", "Python 2"),)), False),
        (EMPTY, True),
    ],
    ids=["serious", "nothing skipped", "harmless", "nothing could be read", "nothing there"],
)
def test_complete_is_false_only_where_it_matters(scan: Scan, complete: bool) -> None:
    """Complete: unless something serious was skipped, or nothing could be read at all."""
    assert loaded(scan)["complete"] is complete


@pytest.mark.parametrize(
    ("state", "marked", "said"),
    [
        (State.OPEN, True, "public"),
        (State.UNKNOWN, True, "public"),
        (State.PROTECTED, True, "protected"),
        (State.OPEN, False, "open"),
        (State.UNKNOWN, False, "unknown"),
    ],
)
def test_a_public_mark_counts_unless_a_gate_was_found(state: State, marked: bool, said: str) -> None:
    """A mark makes an open or unknown route public, never a protected one."""
    route = replace(ROUTES[0], public=PublicMark("config", "said so") if marked else None)
    route = replace(route, protection=replace(route.protection, state=state))
    assert loaded(replace(FULL, routes=(route,)))["routes"][0]["protection"]["state"] == said


def test_no_route_no_score() -> None:
    """The score is null when no route was found."""
    assert loaded(EMPTY)["score"] is None


def test_hostile_names_stay_json() -> None:
    """Control characters and lone surrogates in names come out as escapes, and come back the same."""
    name = 'a"\x1b[31m\udc80é.py'
    hostile = replace(FULL, findings=(replace(FINDINGS[0], message=name),))
    assert json.loads(render("json", hostile).encode("utf-8", "backslashreplace"))["findings"][0]["message"] == name
