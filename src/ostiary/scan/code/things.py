"""What a stranger's call carries through a function: a caller who has no valid credential, but sends whatever helps, or nothing.

Thing
├── unknown   anything
├── const     known at reading time
├── value     a function, class, object or library name of ``values``
├── raw       a credential as the stranger sends it: present or not as he likes (``Path.given``), never a valid one
├── nobody    what verifying it gave, or who he is: no user, False; ``soft`` when that is only supposed
├── flag      a setting; its default is known or not
├── address   where he calls from
├── part      a part of the request that decides which route it is: path, method, endpoint
├── asked     a test of such a part that could not be decided
├── bag       headers, cookies, query, body, session, g, state, scope, environ, config: ``name`` says which
├── request   the request, or a WebSocket
├── some         something that is there
├── onward    calling it leads to the handler
├── answer    a response or exception with a status
└── seq, dict members known one by one
"""

from __future__ import annotations

from typing import Any

from ostiary.scan.records import field, record

NO_DEFAULT = object()


@record(frozen=True)
class Thing:
    """``name`` says which header, setting, status…; ``truth`` of a nobody: is it True to a test?"""

    kind: str
    name: str = ""
    value: Any = None
    soft: bool = False
    truth: bool = False

    def __hash__(self) -> int:
        # asked for everything that every way knows: the other fields seldom tell two things apart
        return hash((self.kind, self.name))


UNKNOWN = Thing("unknown")
NONE = Thing("const", value=None)
TRUE = Thing("const", value=True)
FALSE = Thing("const", value=False)
SOME = Thing("some")
REQUEST = Thing("request")
ONWARD = Thing("onward")
ADDRESS = Thing("address")
NOBODY = Thing("nobody", "verify")
SUPPOSED = Thing("nobody", "verify", soft=True)
ANYBODY = Thing("nobody", "identity", soft=True)

TAINTED = ("raw", "nobody")


def const(value: Any) -> Thing:
    return Thing("const", value=value)


def bag(name: str) -> Thing:
    return Thing("bag", name)


def raw(origin: str, weak: bool = False) -> Thing:
    """``weak``: by its name it need not be a credential; only a comparison with a secret makes it one."""
    return Thing("raw", origin, soft=weak)


def claim(origin: str) -> Thing:
    """What a caller says of himself, unsigned: a user id in a cookie, a token that nobody verified. Looking it up proves nothing."""
    return Thing("raw", origin, "claim")


def answer(status: int | None, how: str = "") -> Thing:
    """``how``: "login" for a redirect to a login page, "redirect" for another, else ""."""
    return Thing("answer", how, status)


def flag(name: str, default: Any = NO_DEFAULT) -> Thing:
    return Thing("flag", name, default)


@record(frozen=True)
class Choice:
    """A fork that a verification decides, where nothing says which way junk goes."""

    fork: int
    went: bool


@record(eq=True)
class Path:
    """One way through a function. Never changed in place once others may see it: every change is a copy."""

    env: dict[str, Thing] = field(default_factory=dict)
    given: dict[str, bool] = field(default_factory=dict)
    labels: frozenset[tuple[str, str]] = frozenset()
    tested: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()

    def bind(self, name: str, thing: Thing) -> Path:
        if self.env.get(name) == thing:
            return self
        return Path({**self.env, name: thing}, self.given, self.labels, self.tested, self.choices)

    def assume(self, origin: str, present: bool) -> Path:
        return Path(self.env, {**self.given, origin: present}, self.labels, self.tested, self.choices)

    def label(self, kind: str, text: str) -> Path:
        """Note that this way depends on a setting, an address, the route or something unresolved."""
        if (kind, text) in self.labels:
            return self
        return Path(self.env, self.given, self.labels | {(kind, text)}, self.tested, self.choices)

    def test(self, kind: str) -> Path:
        """Note that a credential was looked at: presence, lookup (given to somebody), verify, identity or login."""
        if kind in self.tested:
            return self
        return Path(self.env, self.given, self.labels, (*self.tested, kind), self.choices)

    def choose(self, choice: Choice) -> Path:
        return Path(self.env, self.given, self.labels, self.tested, (*self.choices, choice))

    def key(self) -> tuple[Any, ...]:
        """Two ways of one key go on alike."""
        return (frozenset(self.env.items()), frozenset(self.given.items()), self.labels, self.tested, self.choices)

    def graft(self, other: Path) -> Path | None:
        """This path after a call that took ``other``; None when they contradict each other."""
        if any(self.given.get(k, v) is not v for k, v in other.given.items()):
            return None
        tested = (*self.tested, *(t for t in other.tested if t not in self.tested))
        given = {**self.given, **other.given} if other.given else self.given
        return Path(self.env, given, self.labels | other.labels, tested, self.choices + other.choices)


@record(frozen=True)
class End:
    """How one path ended: ``how`` is return, raise or onward."""

    how: str
    thing: Thing
    path: Path

    def __hash__(self) -> int:
        return id(self)


Ways = list[tuple[Path, Thing]]


def join(things: list[Thing]) -> Thing:
    """What a value made of several things carries."""
    best = UNKNOWN
    for thing in things:
        if thing.kind == "nobody":
            return Thing("nobody", thing.name, soft=True)
        if thing.kind == "raw" and (best.kind != "raw" or _weight(thing) > _weight(best)):
            best = thing
        elif thing.kind in ("seq", "dict"):
            inner = join(parts(thing))
            if inner.kind in TAINTED:
                best = inner
        elif thing.kind in ("flag", "address") and best.kind == "unknown":
            best = thing
    return best


def _weight(thing: Thing) -> int:
    return 0 if thing.soft else 1 if thing.value == "claim" else 2


def parts(thing: Thing) -> list[Thing]:
    """Members of a seq, values of a dict."""
    if thing.kind == "seq":
        return list(thing.value)
    return [v for _, v in thing.value] if thing.kind == "dict" else []
