"""Policies by path: ``routes={"/health": "why it is public"}`` in code, ``[[policy]]`` tables in ``ostiary.toml``. Both become Declarations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ostiary.errors import UsageError
from ostiary.guard.declaration import OF_POLICY, Declaration, PolicyError, nearest
from ostiary.guard.declare import public
from ostiary.guard.ownership import owned
from ostiary.model import policyfile
from ostiary.model.patterns import matches_route, route_pattern
from ostiary.model.policyfile import PathPolicy
from ostiary.model.route import Policy

FILE = "ostiary.toml"


class PathPolicies:
    """What is said of routes by their paths; code before file, in the file the most specific pattern first."""

    def __init__(self, in_code: Mapping[str, Declaration], in_file: tuple[PathPolicy, ...]) -> None:
        self._in_code = in_code
        self._in_file = in_file
        self._said = {id(one): _declaration(one.policy) for one in in_file}

    def find(self, method: str, template: str) -> Declaration | None:
        """What is said of a route; None when nothing is."""
        said = [one for pattern, one in self._in_code.items() if matches_route(pattern, (method, template))]
        said += [self._said[id(one)] for one in policyfile.matching(self._in_file, method, template)]
        return nearest(said) if said else None

    def ranked(self) -> list[tuple[str, tuple[str, ...] | None, Declaration]]:
        """Every pattern with its methods (None: all) and what it says, in the order in which they count."""
        parsed = [(route_pattern(pattern), one) for pattern, one in self._in_code.items()]
        said = [(of[1], None if of[0] is None else (of[0],), one) for of, one in parsed if of is not None]
        return said + [(one.path, one.methods, self._said[id(one)]) for one in policyfile.ranked(self._in_file)]

    def without_route(self, routes: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Patterns that mean none of these routes, as (pattern, place)."""
        listed = list(routes)
        for pattern in self._in_code:
            if not any(matches_route(pattern, route) for route in listed):
                yield pattern, ""
        for one in self._in_file:
            if not any(one.matches(*route) for route in listed):
                yield one.path, str(one.policy.at or "")


def by_path(routes: Mapping[str, Declaration | str] | None, file: str | os.PathLike[str] | None) -> PathPolicies:
    """``file`` None reads none; ``ostiary.toml`` need not be there, another name must. Raises ConfigError with file and line, PolicyError."""
    if routes is not None and not isinstance(routes, Mapping):
        raise PolicyError(f"routes: a dict of paths, as in {{'/health': 'why it is public'}}, not {routes!r}")
    return PathPolicies({path: _in_code(path, said) for path, said in (routes or {}).items()}, _in_file(file))


def _in_code(path: str, said: Declaration | str) -> Declaration:
    if not isinstance(path, str) or route_pattern(path) is None:
        raise PolicyError(f"routes: {path!r} is no path; write '/health', '/static/**' or 'GET /orders/*'")
    if not isinstance(said, (Declaration, str)):
        raise PolicyError(f"routes: {path}: require(...), public(...) or the reason why it is public, not {said!r}")
    return public(said) if isinstance(said, str) else said


def _in_file(file: str | os.PathLike[str] | None) -> tuple[PathPolicy, ...]:
    if file is not None and not isinstance(file, (str, os.PathLike)):
        raise UsageError(f"policy_file: a path, or None for no file, not {file!r}")
    if file is None or (os.fspath(file) == FILE and not os.path.lexists(file)):
        return ()
    path = Path(file)
    try:
        return policyfile.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None
    except ValueError:
        raise UsageError(f"policy_file: no file can be named {os.fspath(file)!r}") from None


def _declaration(policy: Policy) -> Declaration:
    shared = {name: getattr(policy, name) for name in OF_POLICY}
    return Declaration(
        **{
            **shared,
            "public": policy.reason if policy.public else None,
            "issues": policy.issues or None,
            "tickets": policy.tickets or None,
        },
        required=policy.declared and not policy.public,
        owned=owned(policy.owner) if policy.owner else None,
    )
