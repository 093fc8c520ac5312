"""Scopes: what a caller may do, as tokens of RFC 6749, section 3.3, in parts divided by ``:``.

``orders:*`` covers ``orders:read`` and ``orders:read:own``, not ``orders``; ``*`` covers all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ostiary.errors import UsageError

_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}")


class ScopeError(UsageError):
    """A scope or role that cannot be; the message quotes it."""


def parse(text: str) -> str:
    """The scope itself when it is one (at most 128 characters, ``*`` only as its last part); ScopeError."""
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise ScopeError(f'{text!r} is not a scope: 1 to 128 printable ASCII characters without space, " and \\, as in orders:read')
    parts = text.split(":")
    if "" in parts:
        raise ScopeError(f"{text!r} is not a scope: a part between colons is empty")
    if "*" in "".join(parts[:-1]) or ("*" in parts[-1] and parts[-1] != "*"):
        raise ScopeError(f"{text!r} is not a scope: * stands alone as the last part, as in orders:*")
    return text


def covers(held: Iterable[str], needed: str) -> bool:
    """Does one of the held scopes contain ``needed``? Texts are taken as validated."""
    return any(scope == needed or (scope[-1:] == "*" and needed.startswith(scope[:-1])) for scope in held)


def admits(held: Iterable[str], all_of: Iterable[str], any_of: Iterable[str] = ()) -> bool:
    """True when every scope of ``all_of`` is covered and, unless ``any_of`` is empty, one of it too."""
    held, any_of = tuple(held), tuple(any_of)
    return all(covers(held, scope) for scope in all_of) and (not any_of or any(covers(held, scope) for scope in any_of))


def expand(roles: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> tuple[str, ...]:
    """The scopes of the named roles, each once, in order; ScopeError for a role that is not there or holds what is no scope."""
    found: dict[str, None] = {}
    for name in names:
        if name not in roles:
            close = get_close_matches(name, roles, n=1)
            raise ScopeError(f"no role is called {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
        found.update((parse(scope), None) for scope in roles[name])
    return tuple(found)
