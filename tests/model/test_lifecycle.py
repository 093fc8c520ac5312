"""Lifecycles: when a route is deprecated and when it goes, as people write it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ostiary.model.lifecycle import LifecycleError, lifecycle

NEW_YEAR = 1_798_761_600  # 2027-01-01T00:00:00Z


@pytest.mark.parametrize(
    "written",
    [
        "2027-01-01",
        "2027-01-01T00:00:00Z",
        "2027-01-01T01:00:00+01:00",
        date(2027, 1, 1),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_moment_may_be_a_text_a_date_or_a_datetime(written: str | date | datetime) -> None:
    """A date is its midnight in UTC."""
    assert lifecycle(written).since == NEW_YEAR


def test_the_headers_are_those_of_the_standards() -> None:
    """RFC 9745: @ and Unix seconds. RFC 8594: an HTTP-date. RFC 5829: successor-version."""
    one = lifecycle("2027-01-01", "2027-06-30T12:00:00Z", "/api/v2/orders")
    assert one.headers == (
        ("Deprecation", f"@{NEW_YEAR}"),
        ("Sunset", "Wed, 30 Jun 2027 12:00:00 GMT"),
        ("Link", '</api/v2/orders>; rel="successor-version"'),
    )
    assert lifecycle("2027-01-01").headers == (("Deprecation", f"@{NEW_YEAR}"),)


def test_it_is_gone_from_the_second_of_its_sunset_on() -> None:
    """Not before; never where it goes on or where no sunset is decided."""
    one = lifecycle("2026-01-01", "2027-01-01")
    assert [one.ended(NEW_YEAR + moment) for moment in (-0.001, 0, 1)] == [False, True, True]
    assert not lifecycle("2026-01-01", "2027-01-01", after_sunset="serve").ended(NEW_YEAR + 1)
    assert not lifecycle("2026-01-01").ended(NEW_YEAR + 1)


def test_it_ends_soon_in_its_last_thirty_days() -> None:
    """From thirty days before to the second before."""
    one, day = lifecycle("2026-01-01", "2027-01-01"), 86_400
    assert [one.ends_soon(NEW_YEAR - left) for left in (30 * day + 1, 30 * day, 1, 0)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("soon",), "'soon' is no date; write a date as 2027-01-31"),
        ((5,), "5 is no date"),
        (("2027-01-01", "2026-12-31"), "the sunset lies before the deprecation"),
        (("2027-01-01", None, "</evil>"), "successor is a URL or a path"),
        (("2027-01-01", None, "/a\r\nSet-Cookie: b"), "successor is a URL or a path"),
        (("2027-01-01", None, "", "stay"), "after_sunset is gone or serve, not 'stay'"),
    ],
)
def test_what_cannot_be_is_a_sentence(arguments: tuple[object, ...], said: str) -> None:
    """It quotes what was written and shows a right one."""
    with pytest.raises(LifecycleError, match=said.replace("(", r"\(")):
        lifecycle(*arguments)  # type: ignore[arg-type]
