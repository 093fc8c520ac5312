"""What a key may carry, checked before it is stored."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from ostiary.errors import UsageError
from ostiary.model import limit as limit_text
from ostiary.model import scope as scope_text
from ostiary.model.limit import Limit
from ostiary.wire.apikey import PUBLISHABLE

_LONGEST_TEXT = 200
_MOST_METADATA = 50
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(?::\d{1,5})?|[a-z][a-z0-9+.-]*://\[[0-9a-f:.]+\](?::\d{1,5})?")
_READ = "read"
# A key that somebody could find by trying, if the pepper were lost together with the database
_ENOUGH_BITS = 64


class WithoutEnd(TypedDict, total=False):
    """What the maker of a key chooses, but for its end."""

    name: str
    owner: str
    kind: str
    env: str
    prefix: str
    scopes: Iterable[str]
    networks: Iterable[str] | None
    origins: Iterable[str] | None
    limits: str | Sequence[str | Limit] | None
    not_before: float | None
    metadata: Mapping[str, str]


class Attributes(WithoutEnd, total=False):
    """Everything about a key that its maker chooses. Times are Unix seconds; ``limits`` is a notation or parsed limits."""

    expires: float | None


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a KeyRecord wants them. Raises UsageError (ScopeError, LimitError) that quotes what is wrong."""
    unknown = [name for name in given if name not in Attributes.__annotations__]
    if unknown:
        raise UsageError(f"a key has no {unknown[0]}; it has {', '.join(Attributes.__annotations__)}")
    return {name: _CHECKS[name](value) if name in _CHECKS else value for name, value in given.items()}


def check_times(not_before: float | None, expires: float | None, now: float) -> None:
    """A key must be good at some time to come. Raises UsageError."""
    if not all(math.isfinite(when) for when in (not_before, expires) if when is not None):
        raise UsageError("not_before and expires are Unix seconds")
    if expires is not None and expires <= now:
        raise UsageError("the key would have expired already")
    if not_before is not None and expires is not None and expires <= not_before:
        raise UsageError("the key would expire before it begins to work")


def check_publishable(kind: str, scopes: Sequence[str], origins: Sequence[str] | None, limits: Sequence[Limit] | None) -> None:
    """A key that everybody may know (``pk``) is for some origins, for reading, and within limits of its own. Raises UsageError."""
    if kind != PUBLISHABLE:
        return
    if not origins:
        raise UsageError("everybody knows a publishable key: say from where it may be used, as in --origin https://app.example.com")
    if not limits:
        raise UsageError("everybody knows a publishable key: give it a limit of its own, as in --limit 600/minute")
    wrong = [scope for scope in scopes if _READ not in scope.split(":")]
    if wrong:
        raise UsageError(f"a publishable key only reads: a scope with the part read, as in orders:read, not {wrong[0]}")


def low_entropy(value: str) -> bool:
    """Could the key be found by trying? By the frequency of its characters (Shannon), which flatters words and dates."""
    total = len(value)
    bits = sum(-count * math.log2(count / total) for count in Counter(value).values())
    return bits < _ENOUGH_BITS


def _text(what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not text.isprintable() or len(text) > _LONGEST_TEXT:
            raise UsageError(f"the {what} of a key is at most {_LONGEST_TEXT} printable characters")
        return text

    return check


def _several(what: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise UsageError(f"{what} is a list of texts, not one text: [{values!r}]")
    return tuple(values)


def _scopes(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scope_text.parse(value) for value in _several("scopes", values)))


def _networks(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(_network(value) for value in _several("networks", values)))


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise UsageError(f"not a network: {error}; written as 203.0.113.0/24 or 2001:db8::/48") from None


def _origins(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(dict.fromkeys(_origin(value) for value in _several("origins", values)))


def _origin(text: str) -> str:
    lowered = text.lower()
    if _ORIGIN.fullmatch(lowered) is None:
        raise UsageError(f"not an origin: {text!r}; written as https://app.example.com, without a path")
    return lowered


def _limits(values: str | Sequence[str | Limit] | None) -> tuple[Limit, ...] | None:
    return None if values is None else limit_text.parse_all(values)


def _metadata(values: Mapping[str, str]) -> dict[str, str]:
    known = dict(values)
    if len(known) > _MOST_METADATA or not all(isinstance(text, str) for pair in known.items() for text in pair):
        raise UsageError(f"metadata is at most {_MOST_METADATA} pairs of texts")
    check = _text("metadata")
    return {check(name): check(value) for name, value in known.items()}


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _text("name"),
    "owner": _text("owner"),
    "scopes": _scopes,
    "networks": _networks,
    "origins": _origins,
    "limits": _limits,
    "metadata": _metadata,
}
