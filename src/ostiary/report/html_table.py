"""Tables that scroll in their box on a wide screen and become cards on a phone; the roles survive the change of display."""

from __future__ import annotations

from collections.abc import Sequence

from ostiary.report.html_element import Html, element


def table(caption: str, names: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[str] = ()) -> Html:
    """``names`` are the columns; the first cell of a row is its header. ``classes`` are one for each row, or none."""
    head = element("tr", *(element("th", name, scope="col", role="columnheader") for name in names), role="row")
    body = [_row(names, row, class_) for row, class_ in zip(rows, classes or [""] * len(rows), strict=True)]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        role="table",
        class_="stacking",
    )
    return element("div", whole, class_="box", role="region", aria_label=caption, tabindex=0)


def _row(names: Sequence[str], row: Sequence[str], class_: str) -> Html:
    first, *rest = row
    cells = [element("td", cell, role="cell", data_label=name) for name, cell in zip(names[1:], rest, strict=True)]
    return element("tr", element("th", first, scope="row", role="rowheader"), *cells, role="row", class_=class_ or None)
