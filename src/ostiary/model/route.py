"""Route: one method on one path template, what protects it, and what it demands (Policy).

The guard executes a Policy; the scanner infers one. Paths always write parameters as ``{name}``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from ostiary.model.records import dataclass

if TYPE_CHECKING:
    from ostiary.model.cors import Cors
    from ostiary.model.lifecycle import Lifecycle
    from ostiary.model.limit import Limit

_VERSION = re.compile(r"(?:^|/)(v\d+(?:\.\d+)?)(?=/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file: ``file`` is posix and relative to the scanned root; ``line`` and ``column`` count from 1, 0 is unknown."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Witness(StrEnum):
    """How a route or finding is known."""

    CODE = "code"
    SPEC = "spec"
    APP = "app"
    LIVE = "live"
    TRAFFIC = "traffic"


class State(StrEnum):
    """Is a caller's credential verified before the handler's work is done?"""

    PROTECTED = "protected"
    PUBLIC = "public"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gate:
    """Code that lets only some callers through: ``kind`` is decorator, dependency, hook, middleware, base, body, library or document."""

    kind: str
    name: str
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Protection:
    """What protects a route, and why the reader says so.

    ``extractors`` read a credential that nothing verifies: junk passes. ``optional`` ones ask who is calling and let nobody through too.
    """

    state: State
    by: tuple[Gate, ...] = ()
    why: str = ""
    extractors: tuple[Gate, ...] = ()
    optional: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicMark:
    """Public on purpose: ``by`` is behaviour, comment, config, document or guard."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeclaredLimit:
    """A rate limit as its author wrote it, for example ``5 per minute``."""

    text: str
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What a route demands. ``UNDECLARED`` and ``PUBLIC`` are different things: nobody decided, and somebody did.

    ``schemes`` () is every scheme that the guard knows, any of them; ``scopes`` are all demanded, of ``any_scopes`` one.
    ``limits`` None is the guard's default, () is exempt. ``networks`` None is everywhere, () is nowhere. ``monitor`` None is as
    the guard's mode. ``issues`` says that the answer may hold a new credential, ``tickets`` that one-time tickets are taken in the query,
    ``csrf`` that a browser's calls must not come from pages of other sites, ``on_outage`` (closed, open, share) what becomes of limits
    while their store is out; None is as the guard's. ``signed`` None or False demands no signature, a tuple one that covers these
    components besides what every one covers; ``signed_stream``: its body is not read before; ``max_body``: how many bytes of it may be.
    ``sign_response``: the answer leaves signed.
    ``distinct``: how many different values of a path parameter, ``concurrent``: how many calls at the same time, of one caller;
    ``timeout`` in seconds. ``accepts``: media types of content, None for any; ``json_depth``: how deep JSON may be nested. ``reason`` is why a public route is public.
    """

    declared: bool = True
    public: bool = False
    schemes: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    owner: str | None = None
    signed: tuple[str, ...] | bool | None = None
    signed_stream: bool = False
    max_body: int | None = None
    sign_response: bool = False
    networks: tuple[str, ...] | None = None
    lifecycle: Lifecycle | None = None
    cors: Cors | None = None
    distinct: tuple[str, Limit] | None = None
    concurrent: int | None = None
    timeout: float | None = None
    accepts: tuple[str, ...] | None = None
    json_depth: int | None = None
    any_scopes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] | None = None
    monitor: bool | None = None
    issues: bool = False
    tickets: bool = False
    csrf: bool = True
    on_outage: str | None = None
    reason: str = ""
    at: Location | None = None


UNDECLARED = Policy(declared=False)
PUBLIC = Policy(public=True)


@dataclass(frozen=True, slots=True)
class Route:
    """One method on one path template. ``unresolved`` lists what a reader could not follow; ``reader`` names code, spec or app object it hangs on."""

    method: str
    path: str
    handler: str = ""
    at: Location | None = None
    app: str = ""
    witnesses: tuple[Witness, ...] = (Witness.CODE,)
    public: PublicMark | None = None
    protection: Protection = Protection(State.UNKNOWN)
    limits: tuple[DeclaredLimit, ...] = ()
    policy: Policy = UNDECLARED
    audience: str = "developer"
    unresolved: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """(method, path): what a finding names."""
        return (self.method, self.path)

    @property
    def version(self) -> str | None:
        """The API version in the path (``v1``), if there is one."""
        found = _VERSION.search(self.path)
        return found.group(1).lower() if found else None
