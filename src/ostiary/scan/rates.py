"""Compares rate limits as their authors wrote them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 2_592_000, "year": 31_536_000}
_RATE = re.compile(r"(\d+)\s*(?:/|per)\s*(?:(\d+)\s*)?([a-z]+?)s?", re.IGNORECASE)


def first_lost(before: Sequence[str], after: Sequence[str]) -> str:
    """The first limit of ``before`` that no limit of ``after`` holds as well; empty when all are held."""
    return next((old for old in before if not any(_holds(new, old) for new in after)), "")


def _holds(new: str, old: str) -> bool:
    """Does ``new`` allow no more than ``old``? Windows of different length are never weighed against each other."""
    if new == old:
        return True
    first, second = _rate(new), _rate(old)
    return first is not None and second is not None and first[1] == second[1] and first[0] <= second[0]


def _rate(text: str) -> tuple[int, int] | None:
    """(calls, seconds), or None for what is not a plain rate."""
    found = _RATE.fullmatch(text.strip())
    if found is None or found.group(3).lower() not in _UNITS:
        return None
    return int(found.group(1)), int(found.group(2) or 1) * _UNITS[found.group(3).lower()]
