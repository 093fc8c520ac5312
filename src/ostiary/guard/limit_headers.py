"""What an answer says about limits: the one emitter, so that the fields are easy to exchange while their draft moves.

``Retry-After`` (RFC 9110, 10.2.3); ``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers-11) as structured
fields (RFC 9651); the older ``X-RateLimit-*``. Policies are named after their numbers: no name holds a key, a caller or a bucket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ostiary.guard.stores.base import Spent
from ostiary.model.limit import MONTH, Limit, span_of

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LimitFields:
    """Which fields are sent. ``Retry-After`` goes with every refusal and is not among them."""

    rate_limit: bool = True
    x_rate_limit: bool = False


def emit(limits: Sequence[Limit], spent: Spent, now: float, fields: LimitFields = LimitFields()) -> Fields:
    """The fields of an answer for these limits, in the order of the charges. ``now``: Unix seconds, for ``X-RateLimit-Reset``."""
    found: list[tuple[str, str]] = []
    if not spent.allowed:
        found.append(("Retry-After", retry_after(spent.retry_after)))
    if limits and fields.rate_limit:
        found += [("RateLimit-Policy", policy_field(tuple(limits))), ("RateLimit", rate_limit_field(tuple(limits), spent))]
    if limits and fields.x_rate_limit:
        found += _x_fields(limits, spent, now)
    return tuple(found)


class Said:
    """What ``emit`` says of calls that these limits let in, ``RateLimit-Policy`` and ``RateLimit`` with gaps for the numbers: as text and as ASGI has it."""

    __slots__ = ("policy", "raw_policy", "raw_state", "state")

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        policy = policy_field(limits)
        self.policy = ("RateLimit-Policy", policy)
        self.raw_policy = (b"ratelimit-policy", policy.encode())
        self.state = ", ".join([f'"{name}";r=%d;t=%d' for name in policy_names(limits)])
        self.raw_state = self.state.encode()

    def text(self, left: tuple[int, ...]) -> Fields:
        """``left``: what remains, and the ms until more does, of each limit in turn."""
        return (self.policy, ("RateLimit", self.state % _in_seconds(left)))

    def raw(self, left: tuple[int, ...]) -> tuple[tuple[bytes, bytes], ...]:
        """The same for ASGI."""
        return (self.raw_policy, (b"ratelimit", self.raw_state % _in_seconds(left)))


@lru_cache(maxsize=1024)
def said_of(limits: tuple[Limit, ...]) -> Said:
    """One for each set of limits."""
    return Said(limits)


def _in_seconds(left: tuple[int, ...]) -> tuple[int, ...]:
    if len(left) == 4:
        first, wait, second, longer = left
        return first, -(-wait // 1000), second, -(-longer // 1000)
    return tuple([-(-number // 1000) if at % 2 else number for at, number in enumerate(left)])


def retry_after(seconds: float) -> str:
    """Whole seconds, rounded up and at least 1: whoever waits that long is not too early."""
    return str(max(_up(seconds), 1))


@lru_cache(maxsize=1024)
def policy_field(limits: tuple[Limit, ...]) -> str:
    """``"100-per-day";q=100;w=86400``: what is granted. A burst is told by a parameter of our own."""
    return ", ".join(
        f'"{name}";q={limit.count};w={limit.seconds}' + (f";ostiary-burst={max(limit.burst, 1)}" if limit.kind == "gcra" else "")
        for name, limit in zip(policy_names(limits), limits, strict=True)
    )


def rate_limit_field(limits: tuple[Limit, ...], spent: Spent) -> str:
    """``"100-per-day";r=99;t=86400``: what is left, and the seconds in which no more than that may be used.

    With a refusal, ``t`` is left out where it would lie after ``Retry-After`` (draft, section 6).
    """
    names = policy_names(limits)
    latest = None if spent.allowed else int(retry_after(spent.retry_after))
    return ", ".join(_item(names[index], remaining, _up(reset), latest) for index, remaining, reset in spent.states)


@lru_cache(maxsize=1024)
def policy_names(limits: tuple[Limit, ...]) -> tuple[str, ...]:
    """A name for each, made of its numbers and unit; equal ones are numbered."""
    seen: dict[str, int] = {}
    names = []
    for limit in limits:
        name = _name(limit)
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(names)


def _name(limit: Limit) -> str:
    period = "month" if limit.seconds == MONTH else "day"
    span = f"calendar-{period}" if limit.kind == "calendar" else span_of(limit.seconds).replace(" ", "-")
    return f"{limit.count}-per-{span}"


def _item(name: str, remaining: int, seconds: int, latest: int | None) -> str:
    window = f";t={seconds}" if latest is None or seconds <= latest else ""
    return f'"{name}";r={remaining}{window}'


def _x_fields(limits: Sequence[Limit], spent: Spent, now: float) -> list[tuple[str, str]]:
    """Of the limit that bites first: the least share left, then the longest to wait."""
    index, remaining, reset = min(spent.states, key=lambda state: (state[1] / limits[state[0]].count, -state[2]))
    numbers = {"Limit": limits[index].count, "Remaining": remaining, "Reset": _up(now + reset)}
    return [(f"X-RateLimit-{name}", str(number)) for name, number in numbers.items()]


def _up(seconds: float) -> int:
    # Milliseconds first, or the noise of a float makes a second of it.
    return -(-round(seconds * 1000) // 1000)
