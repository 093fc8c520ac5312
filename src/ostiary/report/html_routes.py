"""The inventory of the HTML report: each route with what protects it. A row can be picked by state without a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ostiary.model.finding import Audience
from ostiary.model.route import Gate, Route
from ostiary.model.scan import Scan
from ostiary.report.html_charts import swatch
from ostiary.report.html_element import Html, code, element, join, place, section, text
from ostiary.report.html_table import table
from ostiary.report.html_words import MEANINGS, STATES
from ostiary.scan.state import state_of

_IN_SIGHT = 100
_COLUMNS = ("Route and source", "State", "Version", "Protection", "Limits")
_NONE = Html('<span class="none">none seen</span>')


def routes(scan: Scan) -> Html:
    """Applications, what the four states mean, and the table."""
    own = [route for route in scan.routes if route.audience != Audience.SAMPLE]
    return section("Routes", _apps(scan), *((_meanings(), _inventory(own)) if own else (element("p", "No route was found."),)))


def _apps(scan: Scan) -> Html:
    rows = [(code(app.name), app.framework, str(app.routes), place(app.at)) for app in scan.apps]
    return table("Applications", ("Application", "Framework", "Routes", "Source"), rows) if rows else Html()


def _meanings() -> Html:
    terms = [element("div", element("dt", swatch(state.value), name), element("dd", MEANINGS[state])) for state, name in STATES.items()]
    return element("dl", *terms, class_="meanings")


def _inventory(listed: Sequence[Route]) -> Html:
    """One table for each application."""
    own: dict[str, list[Route]] = {}
    for route in listed:
        own.setdefault(route.app, []).append(route)
    return element(
        "details",
        element("summary", f"Every route ({len(listed)})"),
        _picker(listed),
        *(table(f"Routes of {app}" if app else "Routes", _COLUMNS, *_rows(routes)) for app, routes in own.items()),
        open=len(listed) <= _IN_SIGHT,
        class_="inventory",
    )


def _rows(routes: Sequence[Route]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The rows, and the class of each, by which the style sheet picks."""
    return [_row(route) for route in routes], [f"is-{state_of(route)}" for route in routes]


def _picker(listed: Sequence[Route]) -> Html:
    """Radio buttons that the style sheet reads; without such a style sheet every row is shown."""
    tally = Counter(state_of(route) for route in listed)
    choices = [("all", "all", len(listed)), *((state.value, name, tally[state]) for state, name in STATES.items() if tally[state])]
    buttons = [
        element("label", element("input", type="radio", name="state", id=f"show-{key}", checked=key == "all"), f" {name} ({count})")
        for key, name, count in choices
    ]
    return element("fieldset", element("legend", "Show"), *buttons, class_="picker")


def _row(route: Route) -> tuple[str, ...]:
    state = state_of(route)
    return (
        join((element("div", element("b", route.method), " ", code(route.path)), place(route.at))),
        element("span", swatch(state.value), STATES[state], class_="state"),
        route.version or "",
        _protection(route),
        join((join((limit.text, " ", place(limit.at))) for limit in route.limits), ", ") or _NONE,
    )


def _protection(route: Route) -> Html:
    """Every gate with its line, then the reason; what reads a credential without verifying it is no protection and is said as such."""
    known = route.protection
    lines = [_gate(gate) for gate in known.by]
    lines += [text(reason) for reason in _reasons(route)]
    lines += [join(("read and not verified: ", _gate(gate))) for gate in known.extractors]
    lines += [join(("lets strangers through: ", _gate(gate))) for gate in known.optional]
    lines += [join(("scopes ", code(" ".join(route.policy.scopes))))] if route.policy.scopes else []
    return element("ul", *(element("li", line) for line in lines)) if len(lines) > 1 else join(lines)


def _reasons(route: Route) -> list[str]:
    """Each once: behaviour that makes a route public is often the reason of its state as well."""
    mark = f"{route.public.reason} ({route.public.by})" if route.public else ""
    said = route.public.reason if route.public else ""
    rest = [reason for reason in dict.fromkeys((route.protection.why, *route.unresolved)) if reason and reason != said]
    return [mark, *rest] if mark else rest


def _gate(gate: Gate) -> Html:
    return join((gate.kind, " ", code(gate.name), " ", place(gate.at)))
