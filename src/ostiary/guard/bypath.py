"""The guard of an app whose routes it cannot see: every call is judged by its path and method, by ``ostiary.toml`` and ``routes=`` alone.

What no policy names is undeclared. A path or method that the app might read in another way than we do (``guard/readings.py``) is refused,
unless the same policies hold for every reading. Case is a reading, and so is a slash at the end: ``/orders/`` may be ``/orders``, or an
item of ``/orders/*`` without a name; where only one of these two is named by a policy, that one holds.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.guard.checks import Declared, Problem, bursts, problems, warning
from ostiary.guard.cors import is_preflight, requested_method
from ostiary.guard.decision import ALLOW, Decision, Deny
from ostiary.guard.declaration import nearest
from ostiary.guard.pathtrie import PathTrie
from ostiary.guard.readings import below, readings
from ostiary.model.policyfile import METHODS
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request

PRINCIPAL = "ostiary.principal"
"""Where the app finds who is calling: in the WSGI environ or the ASGI scope. A Principal, or None."""
# TRACE hands a caller's headers back to scripts, and no API serves it.
_KNOWN = tuple(name for name in METHODS if name != "TRACE")
_ALLOW = (("Allow", ", ".join(name for name in _KNOWN if name != "WEBSOCKET")),)
_UNKNOWN_METHOD = Deny(dataclasses.replace(problem.METHOD, headers=_ALLOW), "method_unknown")
_AMBIGUOUS = Deny(problem.AMBIGUOUS_PATH, "path_ambiguous")
_OVERRIDDEN = Deny(problem.METHOD_OVERRIDDEN, "method_overridden")
_OVERRIDES = ("x-http-method-override", "x-method-override", "x-http-method")
# Only one reading, but for capitals: most paths of most services.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)+")
_SOME = "~"
_MANY = "/".join([_SOME] * 9)
Tables = tuple[int, ...]
logger = logging.getLogger("ostiary")


class PathGuard:
    """What ``ostiary.wsgi.Guard`` and ``ostiary.asgi.Guard`` share. ``strips_root_path`` None: the app may match with or without it."""

    def __init__(self, core: Core, strips_root_path: bool | None = None) -> None:
        if strips_root_path not in (None, True, False):
            raise UsageError(f"strips_root_path: True, False, or None where that is not known, not {strips_root_path!r}")
        self.core = core
        self._strips = strips_root_path
        self._entries = core.path_policies.ranked()
        patterns = [pattern for pattern, _, _ in self._entries]
        self._trie = PathTrie(patterns)
        self._any_case = PathTrie(pattern.casefold() for pattern in patterns)
        self._lower = all(pattern.casefold() == pattern for pattern in patterns)
        self._plain: dict[tuple[Tables, str], tuple[Compiled, bool]] = {}
        self._compiled: dict[tuple[Tables, str], Compiled] = {}
        self._checked = False
        self._lock = threading.Lock()
        for pattern, _, said in self._entries:
            if said.delegates:
                raise UsageError(f"{pattern}: delegated(...) needs the routes of Flask, Starlette or FastAPI; here the guard decides alone")

    # At start-up

    def ready(self) -> None:
        """Every policy is compiled, what cannot be is an error, what is wrong is said."""
        if self._checked:
            return
        with self._lock:
            if not self._checked:
                warning(logger, self.problems(), monitor=self.core.settings.monitor)
                for burst in bursts(self.declared()):
                    logger.warning("%s", burst)
                self._checked = True

    def problems(self) -> list[Problem]:
        """What ``ostiary guard check`` says. Raises UsageError for a policy that cannot be."""
        # Which routes there are is not known here.
        found = [one for one in problems(self.core, list(self.declared())) if one.kind != "no-route"]
        if not self._entries:
            found.append(
                Problem("no-policy", "nothing is declared", "write [[policy]] tables in ostiary.toml; until then every call is refused")
            )
        return found

    def declared(self) -> Iterator[Declared]:
        """Every pattern with what it demands, for each of its methods."""
        for pattern, methods, _ in self._entries:
            path = re.sub(r"\{[^/{}]*\}", _SOME, pattern).replace("**", _MANY).replace("*", _SOME)
            for method in methods or ("*",):
                yield Declared(self._of(self._holding(self._trie.find(path), method), method, pattern), None)

    # At a request

    def judge(self, request: Request, method: str, path: str, target: str = "", root: str = "") -> Compiled | Deny:
        """The policy that holds; a Deny where that cannot be said. ``path`` is decoded, ``target`` as it was sent, where the server tells."""
        if method == "OPTIONS" and is_preflight(request) and (answer := self._preflight(request, path, target, root)) is not None:
            return answer
        found = self._policy(request, method, path, target, root)
        if isinstance(found, Deny) or (found.owned is None and found.policy.distinct is None):
            return found
        # Which object is asked for must be read as the app reads it: one reading, or none.
        if len(self._places(path, root)) > 1 or readings(path, target) != frozenset((path,)):
            return _AMBIGUOUS
        match = self._named(found.template).fullmatch(self._places(path, root)[0])
        request.parameters = match.groupdict() if match is not None else {}
        return found

    def _policy(self, request: Request, method: str, path: str, target: str, root: str) -> Compiled | Deny:
        if not root and "%" not in target and self._lower and _PLAIN.fullmatch(path):
            tables = self._trie.find(path)
            if path.islower() or tables == self._any_case.find(path.casefold()):
                known = self._plain.get((tables, method)) or self._learn(tables, method)
                if known is None:
                    return _UNKNOWN_METHOD
                compiled, method_matters = known
                return (self._overridden(request, method, path, target, root) if method_matters else None) or compiled
        if method not in _KNOWN:
            return _UNKNOWN_METHOD
        agreed = self._agreed(path, target, root, method)
        if agreed is None:
            return _AMBIGUOUS
        return self._overridden(request, method, path, target, root) or self._of(agreed, method)

    def _preflight(self, request: Request, path: str, target: str, root: str) -> Deny | None:
        """The guard's own answer where a policy says something about other origins; the app is not asked."""
        asked = requested_method(request)
        if asked not in _KNOWN:
            return None
        agreed = {method: self._agreed(path, target, root, method) for method in _KNOWN if method not in ("OPTIONS", "WEBSOCKET")}
        if agreed.get(asked) is None:
            return None
        return self.core.preflight(request, {method: self._of(tables, method) for method, tables in agreed.items() if tables})

    @staticmethod
    @functools.cache
    def _named(pattern: str) -> re.Pattern[str]:
        """The pattern with its parameters as groups."""
        parts = re.split(r"(\{[^/{}]*\}|\*\*|\*)", pattern.rstrip("/"))
        kinds = {"**": ".*", "*": "[^/]*"}
        return re.compile(
            "".join(f"(?P<{one[1:-1]}>[^/]+)" if one[:1] == "{" else kinds.get(one, re.escape(one)) for one in parts) + "/?", re.DOTALL
        )

    def _learn(self, tables: Tables, method: str) -> tuple[Compiled, bool] | None:
        """The policy of a path that matches these; does another method have another? None for a method that nobody knows."""
        if method not in _KNOWN:
            return None
        matters = any(self._entries[index][1] is not None for index in tables)
        self._plain[tables, method] = known = (self._of(self._holding(tables, method), method), matters)
        return known

    def stopped(self, request: Request, denied: Deny) -> Decision:
        """A refusal before any policy was asked, in monitor mode the call goes on; or the answer to a preflight."""
        if request.decision is not None:
            return denied
        request.decision = self.core.refuse(request, denied) or ALLOW
        return request.decision

    def _agreed(self, path: str, target: str, root: str, method: str) -> Tables | None:
        """The policies that hold for every reading; None where there is more than one opinion."""
        places = self._places(path, root)
        said: set[Tables] = set()
        for place in places:
            found = readings(place, target)
            if found is None:
                return None
            for reading in found:
                said |= self._meant(self._trie, reading, method)
                said |= self._meant(self._any_case, reading.casefold(), method)
        if len(places) > 1:
            said = _not_empty(said)
        return said.pop() if len(said) == 1 else None

    def _places(self, path: str, root: str) -> tuple[str, ...]:
        """What the app may match: the path below ``root_path``, the whole path."""
        if not root or self._strips is False:
            return (path,)
        inner = below(path, root)
        if inner is None:
            return ("",)
        return (inner,) if self._strips or inner == path else (inner, path)

    def _meant(self, trie: PathTrie, reading: str, method: str) -> set[Tables]:
        found = {self._holding(trie.find(reading), method)}
        if not reading.endswith("/") or reading == "/":
            return found
        return _not_empty(found | {self._holding(trie.find(reading[:-1]), method)})

    def _holding(self, tables: Tables, method: str) -> Tables:
        """Those of the policies that hold for a method. HEAD is judged as GET."""
        method = "GET" if method == "HEAD" else method
        return tuple([index for index in tables if (methods := self._entries[index][1]) is None or method in methods])

    def _of(self, tables: Tables, method: str, shown: str = "") -> Compiled:
        method = "GET" if method == "HEAD" else method
        found = self._compiled.get((tables, method))
        if found is None:
            said = [self._entries[index] for index in tables]
            own = nearest(one for _, _, one in said) if said else None
            template = said[0][0] if said else shown
            found = self.core.policies.compile(method, template, own, listed=False)
            if found.policy.timeout is not None:
                raise UsageError(f"{template}: a time-out is held on routes of Starlette and FastAPI alone: set it in the server")
            self._compiled[tables, method] = found
        return found

    def _overridden(self, request: Request, method: str, path: str, target: str, root: str) -> Deny | None:
        """A header that asks the app to take the call for one of another method: refused where that would be under other policies."""
        for name in _OVERRIDES:
            for value in request.header(name):
                other = value.strip().upper()
                if other not in _KNOWN or self._agreed(path, target, root, other) != self._agreed(path, target, root, method):
                    return _OVERRIDDEN
        return None


def _not_empty(said: set[Tables]) -> set[Tables]:
    """Without "no policy", where there is another answer."""
    return {tables for tables in said if tables} or said
