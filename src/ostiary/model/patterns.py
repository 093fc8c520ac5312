"""Patterns of paths: ``*`` stands for one segment or a part of it, ``**`` for any number of segments, none included."""

from __future__ import annotations

import re
from functools import cache


def matches(pattern: str, path: str) -> bool:
    """Is ``path`` (of a route or of a file below the root) one that ``pattern`` means?"""
    return _compiled(pattern.lstrip("/")).fullmatch("/" + path.lstrip("/")) is not None


@cache
def route_pattern(text: str) -> tuple[str | None, str] | None:
    """``GET /orders/*`` as (method, path pattern), the method None when there is none; None when it is not of that form."""
    method, _, path = text.strip().rpartition(" ")
    if not path.startswith("/") or not (method == "" or method.strip().isalpha()):
        return None
    return (method.strip().upper() or None, path)


def matches_route(pattern: str, route: tuple[str, str]) -> bool:
    """Does ``GET /orders/*`` or ``/orders/*`` mean this (method, path)? What is no pattern means none."""
    parsed = route_pattern(pattern)
    return parsed is not None and parsed[0] in (None, route[0].upper()) and matches(parsed[1], route[1])


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # Every segment is matched with the slash before it, so that ** may stand for none.
    return re.compile("".join("(?:/[^/]*)*" if segment == "**" else f"/{_segment(segment)}" for segment in pattern.split("/")))


def _segment(segment: str) -> str:
    return "[^/]*".join(re.escape(piece) for piece in segment.split("*"))
