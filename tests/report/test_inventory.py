"""The routes as table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

from ostiary.model.route import PublicMark
from ostiary.report import inventory
from tests.report.golden import expected
from tests.report.scans import FULL, ROUTES


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_says_every_word_of_the_golden_file() -> None:
    """State, method and path, then where, by what and how often."""
    text = inventory.table(ROUTES)
    assert text == expected("routes.txt", text)


def test_the_json_has_the_routes_of_a_scan() -> None:
    """One contract for both commands."""
    from ostiary.report import render

    assert json.loads(inventory.as_json(ROUTES)) == {"schema": 1, "routes": json.loads(render("json", FULL))["routes"]}


def test_the_csv_has_a_row_for_each_route() -> None:
    """Method, path, state and protection, in the order of the routes."""
    assert [(row["method"], row["path"], row["state"], row["by"]) for row in rows(inventory.as_csv(ROUTES))[:4]] == [
        ("GET", "/orders", "open", ""),
        ("POST", "/orders", "open", ""),
        ("DELETE", "/orders/{id}", "open", ""),
        ("GET", "/v1/me", "protected", "login_required"),
    ]


def test_the_csv_starts_no_formula() -> None:
    """A reason that begins like a formula is made text."""
    route = replace(ROUTES[0], public=PublicMark("comment", "=1+1"))
    assert rows(inventory.as_csv((route,)))[0]["why"] == "'=1+1 (comment)"


def test_the_why_of_each_state() -> None:
    """Gates for protected, the reason for public, what could not be followed for unknown."""
    assert [inventory.why(ROUTES[number]) for number in (3, 4, 5)] == [
        "login_required",
        "asked by the load balancer (comment)",
        "broken.py was not parsed",
    ]
