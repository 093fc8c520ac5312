"""Lifecycle: since when a route is deprecated, when it goes, what takes its place (RFC 9745, RFC 8594)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import formatdate
from typing import Literal

from ostiary.errors import UsageError

After = Literal["gone", "serve"]
Moment = str | date | datetime
DAY = 86_400.0
SOON = 30 * DAY
_RIGHT = "write a date as 2027-01-31, or a moment as 2027-01-31T12:00:00Z"


class LifecycleError(UsageError):
    """A lifecycle that cannot be; the message shows a right one."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """``since`` and ``sunset`` are Unix seconds (sunset None: not decided), ``successor`` is a URL or path, "" for none.

    ``after``: once the sunset has come the route answers 410 (``gone``) or goes on (``serve``). ``headers`` go with every answer.
    """

    since: int
    sunset: int | None = None
    successor: str = ""
    after: After = "gone"
    headers: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "headers", tuple(_headers(self)))

    def ended(self, now: float) -> bool:
        """Is it gone at ``now`` (Unix seconds)?"""
        return self.sunset is not None and self.after == "gone" and now >= self.sunset

    def ends_soon(self, now: float) -> bool:
        """Will it be gone within thirty days?"""
        return self.sunset is not None and self.after == "gone" and now < self.sunset <= now + SOON


def lifecycle(since: Moment, sunset: Moment | None = None, successor: str = "", after_sunset: str = "gone") -> Lifecycle:
    """What a person writes; LifecycleError for what cannot be. A date is its midnight in UTC, a moment without a zone is in UTC."""
    return Lifecycle(moment(since), None if sunset is None else moment(sunset), successor, after_sunset)  # type: ignore[arg-type]  # checked there


def moment(written: Moment) -> int:
    """Unix seconds of a date or moment."""
    found: object = written
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found)
        except ValueError:
            raise LifecycleError(f"{written!r} is no date; {_RIGHT}") from None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)  # noqa: DTZ001 the zone is put on below
    if not isinstance(found, datetime):
        raise LifecycleError(f"{written!r} is no date; {_RIGHT}")
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())


def _check(one: Lifecycle) -> None:
    if one.after not in ("gone", "serve"):
        raise LifecycleError(f"after_sunset is gone or serve, not {one.after!r}")
    if one.sunset is not None and one.sunset < one.since:
        raise LifecycleError("the sunset lies before the deprecation")
    if not isinstance(one.successor, str) or not one.successor.isprintable() or any(sign in one.successor for sign in '<>" '):
        raise LifecycleError(f"successor is a URL or a path, not {one.successor!r}")


def _headers(one: Lifecycle) -> list[tuple[str, str]]:
    """RFC 9745: a structured date; RFC 8594: an HTTP-date; RFC 5829: the successor."""
    found = [("Deprecation", f"@{one.since}")]
    if one.sunset is not None:
        found.append(("Sunset", formatdate(one.sunset, usegmt=True)))
    if one.successor:
        found.append(("Link", f'<{one.successor}>; rel="successor-version"'))
    return found
