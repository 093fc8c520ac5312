"""What a policy wants for its limits while the store of counters is out."""

from __future__ import annotations

from ostiary.errors import UsageError

CLOSED, OPEN, SHARE = "closed", "open", "share"
CHOICES = (CLOSED, OPEN, SHARE)


def choice(value: object) -> str:
    """One of ``CHOICES``; UsageError for anything else."""
    if not isinstance(value, str) or value not in CHOICES:
        raise UsageError(f"on_outage: closed, open or share, not {value!r}")
    return value
