"""Media types (RFC 9110, 8.3.1) as people write them."""

from __future__ import annotations

from collections.abc import Iterable

from ostiary.errors import UsageError


def media_types(given: Iterable[str]) -> tuple[str, ...]:
    """Media types as a person writes them, in lower case. Raises UsageError."""
    found = tuple(one.strip().lower() if isinstance(one, str) else "" for one in given)
    for one in found:
        kind, slash, name = one.partition("/")
        if not kind or not slash or not name or ";" in one or kind == "*" or not one.isascii() or not one.isprintable() or " " in one:
            raise UsageError(f"accepts: media types as in application/json, not {one!r}")
    return found
