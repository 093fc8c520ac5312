"""Cors: which pages of other origins may read what a route answers (Fetch standard, section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ostiary.errors import UsageError

ORIGIN = re.compile(r"https?://(?:\*\.)?(?:\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]*)(?::\d{1,5})?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LONGEST_AGE = 86_400
EXPOSED = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")
SENT = ("Authorization", "Content-Type", "X-API-Key")


@dataclass(frozen=True, slots=True)
class Cors:
    """``origins`` None: every origin. ``methods`` None: those of the route. ``max_age``: seconds for which a preflight is remembered."""

    origins: tuple[str, ...] | None
    methods: tuple[str, ...] | None
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age: int

    def allows(self, origin: str) -> bool:
        """May a page of this origin read? ``https://*.example.com`` is any name below, not example.com itself."""
        if self.origins is None:
            return True
        origin = origin.lower()
        return origin in self.origins or any(_below(origin, one) for one in self.origins if "*" in one)


def cross_origin(
    *origins: str,
    methods: Iterable[str] | None = None,
    headers: Iterable[str] = SENT,
    expose: Iterable[str] = EXPOSED,
    credentials: bool = False,
    max_age: int = 600,
) -> Cors:
    """Origins as in ``https://app.example.com``, ``https://*.example.com``, or ``*`` alone; UsageError for what cannot be or is unsafe."""
    if not origins:
        raise UsageError('cors needs an origin, as in cors("https://app.example.com")')
    if "*" in origins and len(origins) > 1:
        raise UsageError("cors: * is every origin; leave out the others")
    if "*" in origins and credentials:
        raise UsageError("cors: every page of the web could act as your user: name the origins that may send credentials")
    if type(credentials) is not bool:
        raise UsageError(f"cors: credentials is True or False, not {credentials!r}")
    if type(max_age) is not int or not 0 <= max_age <= _LONGEST_AGE:
        raise UsageError(f"cors: max_age is seconds from 0 to {_LONGEST_AGE}, not {max_age!r}")
    known = None if origins == ("*",) else tuple(_checked(one) for one in origins)
    named = None if methods is None else tuple(one.upper() for one in _tokens("methods", methods))
    return Cors(known, named, _tokens("headers", headers), _tokens("expose", expose), credentials, max_age)


def _below(origin: str, pattern: str) -> bool:
    scheme, _, domain = pattern.partition("*")
    name = origin.removeprefix(scheme)
    return name != origin and name.endswith(domain) and name != domain and "/" not in name


def _checked(origin: str) -> str:
    if not isinstance(origin, str) or not ORIGIN.fullmatch(origin.lower()):
        raise UsageError(f"cors: an origin is written as https://app.example.com, or * for all, not {origin!r}")
    return origin.lower()


def _tokens(name: str, values: Iterable[str]) -> tuple[str, ...]:
    found = (values,) if isinstance(values, str) else tuple(values)
    for one in found:
        if not isinstance(one, str) or not _TOKEN.fullmatch(one) or one == "*":
            raise UsageError(f"cors: {name}: names, not {one!r}")
    return found
