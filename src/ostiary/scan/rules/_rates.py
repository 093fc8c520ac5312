"""How tight a rate limit is, read from the way its author wrote it."""

from __future__ import annotations

import re

from ostiary.scan.code.sites import AppCode
from ostiary.scan.code.values import name_of
from ostiary.scan.lazy import Pattern

_LIMIT = Pattern(r"(\d+)\s*(?:/|per|every)\s*(\d+)?\s*(second|minute|hour|day|month|year|sec|min|[smhd]\b)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "month": 2_592_000, "y": 31_536_000}


def per_minute(text: str) -> float | None:
    """The tightest of the limits in ``200 per day; 5/minute`` as calls a minute, None when it names no number."""
    rates = [int(n) * 60 / (int(many or 1) * _seconds(unit)) for n, many, unit in _LIMIT.findall(text)]
    return min(rates, default=None)


def _seconds(unit: str) -> int:
    unit = unit.lower()
    return _SECONDS["month"] if unit.startswith("mon") else _SECONDS[unit[0]]


def has_limiter(app: AppCode) -> bool:
    """A limiter library was given the application: it may limit in a way that was not seen, a whole blueprint for instance."""
    return any(name_of(use).startswith(("flask_limiter.", "slowapi.", "quart_rate_limiter.")) for use in app.uses)
