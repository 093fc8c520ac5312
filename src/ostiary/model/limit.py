"""Limit: how often somebody may call, and the notation people know for it (``100/day;10/hour``, ``5 per minute``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from ostiary.errors import UsageError

Kind = Literal["window", "gcra", "calendar"]
BY = ("principal", "address", "app")
DAY = 86_400
MONTH = 31 * DAY  # a calendar month lasts at most this long
LONGEST = 366 * DAY
MOST = 10**9
PARTS = 20
UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}
_SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}
_RIGHT = "write it as '5 per minute', '100/day;10/hour' or '100 per 15 minutes'"
_SEPARATORS = re.compile(r"[;,|]")
_BUCKET = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
_LIMIT = re.compile(
    r"(?P<count>\d{1,12})\s*(?:/|per\b)\s*"
    r"(?:calendar\s+(?P<period>day|month)(?:\s+in\s+(?P<zone>[\w+/-]+))?|(?:(?P<many>\d{1,9})\s*)?(?P<unit>[a-z]+))"
    r"(?:\s+burst\s+(?P<burst>\d{1,12}))?"
    r"(?:\s+by\s+(?P<by>[a-z]+(?:\+[a-z]+)*))?"
    r"(?:\s+bucket\s+(?P<bucket>\S+))?"
    r"(?:\s+cost\s+(?P<cost>\d{1,12}))?"
    r"(?:\s+parts\s+(?P<parts>\d{1,12}))?",
    re.IGNORECASE | re.ASCII,
)


class LimitError(UsageError):
    """A limit that cannot be; the message quotes it and shows a right one."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``count`` calls in ``seconds`` (1 to 366 days); LimitError for what cannot be.

    ``kind``: ``window`` holds in every interval of that length; ``gcra`` spaces the calls evenly and lets ``burst`` (1 when not
    given) come at once; ``calendar`` counts from midnight, or the first of the month, in ``zone`` (IANA name).
    ``by``: whose calls are counted together: ``principal`` (the client address where there is none; IPv6 by /64), ``address``,
    ``app`` (everybody); several are counted by the tuple of them. ``bucket``: "" counts each route apart, a name is shared by all
    routes that name it. ``cost``: what one call spends. ``parts``: sub-windows of a window of more than 16 (8 to 64).
    ``ident`` names the arithmetic: limits that share it and a key share a counter.
    """

    count: int
    seconds: int
    kind: Kind = "window"
    burst: int = 0
    zone: str = "UTC"
    by: tuple[str, ...] = ("principal",)
    bucket: str = ""
    cost: int = 1
    text: str = field(default="", compare=False)
    parts: int = PARTS
    ident: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self)
        if not self.text:
            object.__setattr__(self, "text", str(self))
        ident = f"{self.kind} {self.count}/{self.seconds} {self.burst} {self.parts} {self.zone} {'+'.join(self.by)}"
        object.__setattr__(self, "ident", ident)

    def __hash__(self) -> int:
        return hash(self.ident)

    def __str__(self) -> str:
        """The limit in the notation of `parse`, which reads it back as an equal one."""
        words = [f"{self.count} per {_span(self)}"]
        if self.kind == "gcra":
            words.append(f"burst {self.burst or 1}")
        if self.by != ("principal",):
            words.append(f"by {'+'.join(self.by)}")
        if self.bucket:
            words.append(f"bucket {self.bucket}")
        if self.cost != 1:
            words.append(f"cost {self.cost}")
        if self.parts != PARTS:
            words.append(f"parts {self.parts}")
        return " ".join(words)


def parse(text: str) -> tuple[Limit, ...]:
    """The limits in ``100/day;10/hour`` (separators ``;`` ``,`` ``|``); LimitError quotes what is none.

    One limit is ``COUNT per [MANY] UNIT`` or ``COUNT per calendar day|month [in ZONE]``, then where wanted ``burst B`` (GCRA),
    ``by principal|address|app`` (joined by ``+``), ``bucket NAME``, ``cost C``, ``parts P``, in this order.
    """
    if not isinstance(text, str):
        raise LimitError(f"{text!r} is not a limit; {_RIGHT}")
    pieces = [piece.strip() for piece in _SEPARATORS.split(text)]
    if pieces[-1] == "" and len(pieces) > 1:
        del pieces[-1]
    return tuple(_one(piece, text) for piece in pieces)


def parse_all(limits: str | Limit | Sequence[str | Limit]) -> tuple[Limit, ...]:
    """What a person may write for limits: a text, a Limit, or a sequence of either; LimitError."""
    given: Sequence[object] = (limits,) if isinstance(limits, str | Limit) else limits
    if not isinstance(given, Sequence):
        raise LimitError(f"{limits!r} is not a limit; {_RIGHT}")
    found: list[Limit] = []
    for item in given:
        found.extend((item,) if isinstance(item, Limit) else parse(item))  # type: ignore[arg-type]  # parse refuses what is no text
    return tuple(found)


def distinct_of(parameter: object, rate: str | Limit) -> tuple[str, Limit]:
    """A path parameter, and how many of its values in a window; LimitError."""
    if not isinstance(parameter, str) or not parameter.isidentifier():
        raise LimitError(f"distinct: the name of a path parameter, not {parameter!r}")
    found = rate if isinstance(rate, Limit) else _alone(rate)
    if found.kind != "window" or found.cost != 1 or found.by != ("principal",):
        raise LimitError(f"distinct: a plain limit as '100 per hour', not {found}")
    return parameter, found


def gcra(text: str, burst: int = 1) -> Limit:
    """``gcra("10 per minute", burst=3)``: one call every six seconds, three at once after a pause; LimitError."""
    return replace(_alone(text), kind="gcra", burst=burst, text="")


def calendar(count: int, per: Literal["day", "month"], zone: str = "UTC") -> Limit:
    """``calendar(1000, "month", "Europe/Berlin")``: a quota that starts anew at midnight, or on the first, in that zone; LimitError."""
    if per not in ("day", "month"):
        raise LimitError(f"a calendar quota is per 'day' or 'month', not {per!r}")
    return Limit(count, DAY if per == "day" else MONTH, "calendar", zone=zone)


def worst_case(limit: Limit) -> int:
    """The most that can be spent in some half-open interval of ``limit.seconds``.

    ``window``: the count itself. ``gcra``: a full burst and the spaced calls after it, ``burst + count - 1``. ``calendar``: the end of
    one period and the start of the next; a third one where a period can be shorter than the interval (February, the day of a DST change).
    """
    if limit.kind == "gcra":
        return max(limit.burst, 1) + limit.count - 1
    if limit.kind == "calendar":
        return limit.count * (2 if limit.seconds == DAY and limit.zone == "UTC" else 3)
    return limit.count


def span_of(seconds: int) -> str:
    """In the longest unit that fits: ``minute``, ``15 minutes``."""
    name = next(name for name in ("day", "hour", "minute", "second") if seconds % UNITS[name] == 0)
    many = seconds // UNITS[name]
    return name if many == 1 else f"{many} {name}s"


def zone_of(limit: Limit) -> tzinfo:
    """The zone in which a calendar quota counts. UTC needs no time zone data."""
    return UTC if limit.zone == "UTC" else ZoneInfo(limit.zone)


def _alone(text: str) -> Limit:
    found = parse(text)
    if len(found) != 1:
        raise LimitError(f"{text!r} is several limits where one is meant")
    return found[0]


def _one(piece: str, text: str) -> Limit:
    found = _LIMIT.fullmatch(piece)
    if found is None:
        raise LimitError(f"{text!r} is not a limit; {_RIGHT}")
    try:
        return _read(found, piece)
    except LimitError as error:
        raise LimitError(f"{text!r}: {error}; {_RIGHT}") from None


def _read(found: re.Match[str], piece: str) -> Limit:
    period, burst = found["period"], found["burst"]
    if period and burst:
        raise LimitError("a calendar quota has no burst")
    seconds = (DAY if period.lower() == "day" else MONTH) if period else int(found["many"] or 1) * _unit(found["unit"])
    return Limit(
        count=int(found["count"]),
        seconds=seconds,
        kind="calendar" if period else "gcra" if burst else "window",
        burst=_at_least_one(burst, "burst") if burst else 0,
        zone=found["zone"] or "UTC",
        by=tuple(found["by"].lower().split("+")) if found["by"] else ("principal",),
        bucket=found["bucket"] or "",
        cost=int(found["cost"] or 1),
        parts=int(found["parts"] or PARTS),
        text=piece,
    )


def _at_least_one(digits: str, what: str) -> int:
    if int(digits) < 1:
        raise LimitError(f"the {what} is at least 1")
    return int(digits)


def _unit(word: str) -> int:
    name = word.lower()
    name = _SHORT.get(name) or name.removesuffix("s")
    name = _SHORT.get(name, name)
    if name not in UNITS:
        raise LimitError(f"{word!r} is no unit ({', '.join(UNITS)})")
    return UNITS[name]


def _span(limit: Limit) -> str:
    if limit.kind != "calendar":
        return span_of(limit.seconds)
    return f"calendar {'day' if limit.seconds == DAY else 'month'}" + (f" in {limit.zone}" if limit.zone != "UTC" else "")


def _check(limit: Limit) -> None:
    _whole(limit.count, "the count", 1, MOST)
    _whole(limit.seconds, "the window in seconds", 1, LONGEST)
    _whole(limit.burst, "the burst", 0, MOST)
    _whole(limit.cost, "the cost", 1, MOST)
    _whole(limit.parts, "the number of parts", 8, 64)
    if limit.kind not in ("window", "gcra", "calendar"):
        raise LimitError(f"{limit.kind!r} is no kind of limit: window, gcra or calendar")
    if limit.burst and limit.kind != "gcra":
        raise LimitError("only a gcra limit has a burst")
    if limit.cost > (max(limit.burst, 1) if limit.kind == "gcra" else limit.count):
        raise LimitError(f"no call could ever pass: it costs {limit.cost}")
    _check_by(limit.by)
    if limit.bucket and not _BUCKET.fullmatch(limit.bucket):
        raise LimitError(f"{limit.bucket!r} is no name for a bucket: up to 64 letters, digits and _ . : / -")
    _check_calendar(limit)


def _whole(value: object, what: str, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise LimitError(f"{what} is a whole number from {least} to {most}, not {value!r}")


def _check_by(by: tuple[str, ...]) -> None:
    if not isinstance(by, tuple) or not by or len(set(by)) != len(by) or not set(by) <= set(BY):
        raise LimitError(f"calls are counted by {', '.join(BY)}, or a tuple of several of them, not {by!r}")


def _check_calendar(limit: Limit) -> None:
    if limit.kind != "calendar":
        if limit.zone != "UTC":
            raise LimitError("only a calendar quota has a zone")
        return
    if limit.seconds not in (DAY, MONTH):
        raise LimitError("a calendar quota is per day or month")
    try:
        zone_of(limit)
    except (KeyError, ValueError, OSError, TypeError):
        raise LimitError(f"{limit.zone!r} is no time zone (a right one: Europe/Berlin)") from None
