"""Times as people type them (``90d``, ``2027-01-31``) and as we print them (ISO 8601, UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ostiary.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
_HUNDRED_YEARS = 36_525 * 86_400.0


def duration(text: str) -> float:
    """Seconds of ``90d``, ``12h``, ``30m``, ``45s`` or ``2w``; raises UsageError."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"not a duration: {text!r}; write 90d, 12h, 30m or 2w")
    return min(int(found[1]) * _UNITS[found[2]], _HUNDRED_YEARS)


def moment(text: str, now: float) -> float:
    """Unix seconds of a duration from ``now``, a date (its first moment in UTC) or an ISO 8601 time (UTC without a zone); raises UsageError."""
    if _DURATION.fullmatch(text.strip().lower()):
        return now + duration(text)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"not a time: {text!r}; write 90d, 12h, 2027-01-31 or 2027-01-31T18:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def iso(seconds: float | None) -> str | None:
    """``2027-01-31T18:00:00Z``; None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
