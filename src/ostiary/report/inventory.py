"""The routes as a table, JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ostiary.model.finding import Audience
from ostiary.model.route import Route, State
from ostiary.report.common import clean
from ostiary.report.json_report import SCHEMA, dump, route_value
from ostiary.scan.state import state_of

_STYLES = {State.PROTECTED: "green", State.PUBLIC: "cyan", State.OPEN: "red", State.UNKNOWN: "yellow"}
_WORDS = {State.UNKNOWN: "cannot tell"}
_COLUMNS = ("method", "path", "version", "state", "by", "why", "limits", "scopes", "app", "file", "line", "handler", "witnesses")


def table(routes: Sequence[Route], width: int = 80, color: bool = False) -> str:
    """Two lines for each route: what it is, and what protects it where."""
    from ostiary.report.page import Page

    page = Page(width, color)
    several = len({route.app for route in routes}) > 1
    for route in routes:
        state = state_of(route)
        page.line((f"{_WORDS.get(state, state.value):<11}", _STYLES[state]), f"  {route.method:<6} ", (route.path, "bold"), hang=20)
        page.line((" · ".join(_details(route, several)), "dim"), indent=13, hang=7)
    return str(page)


def as_json(routes: Sequence[Route]) -> str:
    """``{"schema", "routes"}``, each route as in the contract of a scan."""
    return dump({"schema": SCHEMA, "routes": [route_value(route) for route in routes]})


def as_csv(routes: Sequence[Route]) -> str:
    """One row for each route, with a header."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(value) for value in _row(route)] for route in routes)
    return file.getvalue()


def why(route: Route) -> str:
    """Why the route is in its state, in a few words."""
    if state_of(route) is State.PUBLIC and route.public:
        return f"{route.public.reason} ({route.public.by})"
    return ", ".join(gate.name for gate in route.protection.by) or route.protection.why or "; ".join(route.unresolved)


def _details(route: Route, several_apps: bool) -> list[str]:
    limits = ", ".join(limit.text for limit in route.limits)
    sample = "test or example" if route.audience == Audience.SAMPLE else ""
    parts = (str(route.at or ""), why(route), f"limit {limits}" if limits else "", route.app if several_apps else "", sample)
    return [part for part in parts if part]


def _row(route: Route) -> tuple[str, ...]:
    return (
        route.method,
        route.path,
        route.version or "",
        state_of(route).value,
        "; ".join(gate.name for gate in route.protection.by),
        why(route),
        "; ".join(limit.text for limit in route.limits),
        " ".join(route.policy.scopes),
        route.app,
        route.at.file if route.at else "",
        str(route.at.line) if route.at else "",
        route.handler,
        " ".join(witness.value for witness in route.witnesses),
    )


def _cell(value: str) -> str:
    # A spreadsheet runs what begins like a formula, and these names come from somebody's source.
    return f"'{clean(value)}" if value.startswith(("=", "+", "-", "@")) else clean(value)
