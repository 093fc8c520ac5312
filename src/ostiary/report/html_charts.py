"""Charts as SVG. Each is drawn beside the same numbers as text, so none of them is needed to understand the report."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

from ostiary.report.html_element import Html, element

_RADIUS = 52
_BAR_HEIGHT = 10
_STACK_HEIGHT = 28
_SILENT = {"aria_hidden": "true", "focusable": "false"}
# One look for each state that differs without colours: dense, crossed, dotted, striped.
PATTERNS = Html(
    '<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="p-open" width="8" height="8" patternUnits="userSpaceOnUse">'
    '<rect width="8" height="8" class="s-open"></rect><path d="M0 0L8 8M8 0L0 8" class="ink"></path></pattern>'
    '<pattern id="p-unknown" width="8" height="8" patternUnits="userSpaceOnUse">'
    '<rect width="8" height="8" class="s-unknown"></rect><path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" class="ink"></path></pattern>'
    '<pattern id="p-public" width="8" height="8" patternUnits="userSpaceOnUse">'
    '<rect width="8" height="8" class="s-public"></rect><circle cx="4" cy="4" r="1.6" class="dot"></circle></pattern>'
    '<pattern id="p-protected" width="8" height="8" patternUnits="userSpaceOnUse">'
    '<rect width="8" height="8" class="s-protected"></rect></pattern>'
    "</defs></svg>"
)


def ring(value: int, grade: str) -> Html:
    """The score, 0 to 100, as an arc around the grade."""
    around = 2 * pi * _RADIUS
    where: dict[str, str | int] = {"cx": 64, "cy": 64, "r": _RADIUS, "fill": "none"}
    return element(
        "svg",
        element("circle", class_="track", **where),
        element(
            "circle", class_="arc", stroke_dasharray=f"{around * value / 100:.2f} {around:.2f}", transform="rotate(-90 64 64)", **where
        ),
        element("text", grade, x=64, y=70, class_="letter"),
        element("text", f"{value} of 100", x=64, y=90, class_="number"),
        viewBox="0 0 128 128",
        class_=f"ring grade-{grade[:1].lower()}",
        role="img",
        aria_label=f"Score {value} of 100, grade {grade}",
    )


def bar(share: float, class_: str) -> Html:
    """A bar as long as the share, 0 to 1, of its place."""
    return element(
        "svg",
        element("rect", width="100%", height=_BAR_HEIGHT, rx=3, class_="track"),
        element("rect", width=f"{100 * share:.2f}%", height=_BAR_HEIGHT, rx=3, class_=class_),
        class_="bar",
        height=_BAR_HEIGHT,
        **_SILENT,
    )


def stack(parts: Sequence[tuple[str, int]]) -> Html:
    """One bar of (state, how many), in that order, each as wide as its part of all."""
    total = sum(count for _state, count in parts) or 1
    starts = [sum(count for _state, count in parts[:index]) / total for index in range(len(parts))]
    return element(
        "svg",
        *(
            element(
                "rect",
                x=f"{100 * start:.2f}%",
                width=f"{100 * count / total:.2f}%",
                height=_STACK_HEIGHT,
                fill=f"url(#p-{state})",
                class_="part",
            )
            for (state, count), start in zip(parts, starts, strict=True)
            if count
        ),
        class_="stack",
        height=_STACK_HEIGHT,
        **_SILENT,
    )


def swatch(state: str) -> Html:
    """The look of a state, for a legend."""
    square = element("rect", width=14, height=14, rx=2, fill=f"url(#p-{state})")
    return element("svg", square, class_="swatch", width=14, height=14, **_SILENT)
