"""The notation of limits means what people take it to mean, and what is no limit is refused with a right one shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.model.limit import BY, DAY, MONTH, Limit, LimitError, calendar, gcra, parse, parse_all, worst_case


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5 per minute", [(5, 60)]),
        ("5/minute", [(5, 60)]),
        ("1/second", [(1, 1)]),
        ("100/day;10/hour", [(100, 86_400), (10, 3_600)]),
        ("1/second|2/minute, 3/hour;", [(1, 1), (2, 60), (3, 3_600)]),
        ("100 per 15 minutes", [(100, 900)]),
        ("10 / 2 Hours", [(10, 7_200)]),
        ("7 per week", [(7, 604_800)]),
        ("7 per month", [(7, 2_592_000)]),
        ("7 per year", [(7, 31_536_000)]),
        ("5/s; 5/sec; 5/min; 5/h; 5/hr; 5/d", [(5, 1), (5, 1), (5, 60), (5, 3_600), (5, 3_600), (5, 86_400)]),
    ],
)
def test_the_notation_people_know(text: str, meant: list[tuple[int, int]]) -> None:
    """Each text is a window of so many calls in so many seconds."""
    assert [(limit.count, limit.seconds) for limit in parse(text)] == meant
    assert {limit.kind for limit in parse(text)} == {"window"}


def test_every_word_of_the_notation() -> None:
    """Burst, whose calls, bucket, cost and parts are read; a calendar quota knows its zone."""
    (found,) = parse("50 per minute burst 3 by principal+address bucket search cost 2 parts 40")
    assert found == Limit(50, 60, "gcra", burst=3, by=("principal", "address"), bucket="search", cost=2, parts=40)
    assert parse("9 per calendar month in Europe/Berlin") == (calendar(9, "month", "Europe/Berlin"),)
    assert parse("9/calendar day") == (calendar(9, "day"),)
    assert gcra("10 per minute", burst=3) == Limit(10, 60, "gcra", burst=3)


def test_the_author_reads_his_own_words() -> None:
    """``text`` is the piece as it was written; a limit made from numbers writes its own."""
    assert [limit.text for limit in parse("5/min ;  7 per hour")] == ["5/min", "7 per hour"]
    assert Limit(100, 900).text == "100 per 15 minutes"


LIMITS = st.builds(
    lambda count, seconds, kind, burst, by, bucket, cost, parts, zone: Limit(
        count=count,
        seconds={"calendar": DAY if seconds % 2 else MONTH}.get(kind, seconds),
        kind=kind,
        burst=burst if kind == "gcra" else 0,
        zone=zone if kind == "calendar" else "UTC",
        by=tuple(by),
        bucket=bucket,
        cost=min(cost, burst if kind == "gcra" else count),
        parts=parts,
    ),
    st.integers(1, 10**9),
    st.integers(1, 366 * DAY),
    st.sampled_from(["window", "gcra", "calendar"]),
    st.integers(1, 10**9),
    st.lists(st.sampled_from(BY), min_size=1, unique=True),
    st.sampled_from(["", "search", "a-b.c:d/e_f"]),
    st.integers(1, 1000),
    st.integers(8, 64),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12"]),
)


@given(LIMITS)
def test_a_limit_written_is_read_back(limit: Limit) -> None:
    """``parse(str(limit))`` is the limit: nothing of it is lost in a file or a database."""
    assert parse(str(limit)) == (limit,)
    assert hash(parse(str(limit))[0]) == hash(limit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "5",
        "5 per",
        "per minute",
        "five/minute",
        "0/minute",
        "-5/minute",
        "5.5/minute",
        "5/fortnight",
        "5/m",
        "5/0 minutes",
        "5 per 367 days",
        "5perminute",
        "5/minute;;6/hour",
        "5/minute burst 0",
        "5/minute cost 6",
        "5/minute cost 0",
        "5/minute by me",
        "5/minute by address+address",
        "5/minute bucket a\x00b",
        "5/calendar week",
        "5/calendar day in Mars/Olympus",
        "5/calendar day in ../../etc/passwd",
        "5 per calendar day burst 2",
        "100/minute parts 7",
        "٥/minute",
        "9" * 5000 + "/minute",
    ],
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    """The error is a UsageError that quotes the text and shows a right one."""
    with pytest.raises(LimitError) as caught:
        parse(text)
    assert isinstance(caught.value, UsageError)
    assert repr(text) in str(caught.value)
    assert "'5 per minute'" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"count": True},
        {"count": 2.0},
        {"count": 10**9 + 1},
        {"seconds": 0},
        {"seconds": 366 * DAY + 1},
        {"kind": "leaky"},
        {"burst": 2},
        {"zone": "Europe/Berlin"},
        {"kind": "calendar"},
        {"by": ()},
        {"by": "principal"},
        {"by": ("key",)},
        {"bucket": "a b"},
        {"cost": 6},
        {"parts": 65},
    ],
)
def test_a_limit_that_cannot_be_is_not_made(change: dict[str, object]) -> None:
    """Wrong numbers, names and combinations are refused where the limit is made, not when the first call comes."""
    with pytest.raises(LimitError):
        replace(Limit(5, 60), **change)  # type: ignore[arg-type]


def test_parse_all_takes_what_people_write() -> None:
    """A text, a Limit, or a list of both; something else is an error and no crash."""
    assert parse_all("5/minute") == parse_all(["5/minute"]) == parse_all(Limit(5, 60)) == (Limit(5, 60),)
    assert parse_all(["5/minute", calendar(9, "day")]) == (Limit(5, 60), calendar(9, "day"))
    assert parse_all([]) == ()
    for wrong in (5, None, [5], {"5/minute"}):
        with pytest.raises(LimitError):
            parse_all(wrong)  # type: ignore[arg-type]


def test_limits_that_count_differently_never_share_a_counter() -> None:
    """``ident`` differs with everything that the arithmetic or the callers depend on, and only with that."""
    base = Limit(50, 60)
    changed = [
        replace(base, count=51),
        replace(base, seconds=61),
        replace(base, kind="gcra"),
        replace(base, kind="gcra", burst=2),
        replace(base, parts=21),
        replace(base, by=("address",)),
        calendar(50, "day"),
        calendar(50, "day", "Europe/Berlin"),
    ]
    assert len({limit.ident for limit in (base, *changed)}) == len(changed) + 1
    assert replace(base, cost=5, bucket="b", text="x").ident == base.ident


def test_the_worst_case_is_told() -> None:
    """The most in any interval: the count itself, a burst and the spaced calls after it, or the ends of calendar periods that meet."""
    assert worst_case(Limit(100, 60)) == 100
    assert worst_case(gcra("100 per minute", burst=10)) == 109
    assert worst_case(calendar(100, "day")) == 200
    assert worst_case(calendar(100, "day", "Europe/Berlin")) == 300
    assert worst_case(calendar(100, "month")) == 300


def test_several_limits_where_one_is_meant() -> None:
    """``gcra`` takes one limit."""
    with pytest.raises(LimitError, match="several"):
        gcra("1/second;2/minute")
    with pytest.raises(LimitError, match="'day' or 'month'"):
        calendar(5, "year")  # type: ignore[arg-type]
