"""Request: one call as the guard sees it, whatever framework it came through."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ostiary.errors import SignatureReason
from ostiary.guard.decision import Deny
from ostiary.guard.stores.base import Spent
from ostiary.wire import problem
from ostiary.wire.needle import SHORTEST, Needle

if TYPE_CHECKING:
    from ostiary.guard.ask import Remember
    from ostiary.guard.body import Body
    from ostiary.guard.decision import Decision, Principal
    from ostiary.guard.limit_headers import Said
    from ostiary.guard.policies import Compiled
    from ostiary.model.limit import Limit
    from ostiary.wire.digest import ContentCheck
    from ostiary.wire.message import Message

_PROCESS = secrets.token_hex(4)
_NOTHING: Mapping[str, Any] = {}
_COUNT = itertools.count(1)
FORWARDING = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
ENCRYPTED = frozenset({"https", "wss"})


def _another_process() -> None:
    """A forked worker counts on from where its parent was: its ids begin differently."""
    global _PROCESS
    _PROCESS = secrets.token_hex(4)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_another_process)


def new_id() -> str:
    """An id that no other request of this host's workers has."""
    return f"{_PROCESS}{next(_COUNT):08x}"


class Request:
    """What an adapter fills in before ``arrive``, and what the flow adds on the way.

    As received: ``method``, ``path`` (decoded), ``query`` (raw), ``peer`` (address of the other end, "" when there is none),
    ``scheme``, ``authority`` (Host). After ``arrive``: ``address``, ``secure`` and ``authority`` as far as proxies are trusted.
    ``parameters`` are those of the route's path, ``held`` the places among running calls, ``nonce`` is still to be spent, ``given`` is what
    a schema made of the body, ``loaded`` the object that ``owner=`` loaded.
    ``limits`` are those that the answer tells of, ``spent`` what was spent of them; on the straight way it stands in ``left`` (what remains
    and the ms until more does, for each) and ``said`` is how to tell it.

    What most calls leave as it is stands on the class: a new request writes only what is its own. Adapters write it themselves.
    """

    compiled: Compiled | None = None
    credential: str = ""
    removed: Sequence[str] = ()
    """What was taken out of the body of the answer, by family."""
    removed_headers: Sequence[str] = ()
    """The headers of the answer of which something was taken out."""
    principal: Principal | None = None
    limits: tuple[Limit, ...] = ()
    parameters: Mapping[str, Any] = _NOTHING
    loaded: Any = None
    given: Any = None
    nonce: Remember | None = None
    held: tuple[tuple[tuple[str, ...], int], ...] = ()
    said: Said | None = None
    left: tuple[int, ...] = ()
    _spent: Spent | None = None
    decision: Decision | None = None
    verdict: str = "allow"
    reason: str = ""
    body: Body | None = None
    cut: Deny | None = None
    automatic: bool = False
    """Was the caller proved by what a browser sends by itself: a cookie, Basic, a client certificate?"""
    _needles: tuple[str, tuple[Needle, ...]] | None = None

    def __init__(self, method: str, path: str, query: str, peer: str, scheme: str, authority: str, started: float) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.peer = self.address = peer
        self.scheme = scheme
        self.secure = scheme in ENCRYPTED
        self.authority = authority
        self.started = started
        self.id = new_id()

    @property
    def spent(self) -> Spent | None:
        """What the counters answered; None when they were not asked."""
        if self._spent is None and self.said is not None:
            left = self.left
            self._spent = Spent(True, tuple([(at // 2, left[at], left[at + 1] / 1000) for at in range(0, len(left), 2)]))
        return self._spent

    @spent.setter
    def spent(self, spent: Spent | None) -> None:
        self._spent, self.said = spent, None

    @property
    def request_id(self) -> str:
        """What log records carry (``ostiary.redact.Seen``)."""
        return self.id

    @property
    def key_id(self) -> str:
        """The id of the verified key, ``-`` when there is none."""
        return (self.principal.key_id if self.principal is not None else "") or "-"

    @property
    def needles(self) -> tuple[Needle, ...]:
        """The credential that came with this request; made when the first log record asks."""
        if self._needles is None or self._needles[0] != self.credential:
            made = (Needle(self.credential, "credential"),) if len(self.credential) >= SHORTEST else ()
            self._needles = (self.credential, made)
        return self._needles[1]

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of a header, ``name`` in lower case; () when it was not sent."""
        raise NotImplementedError

    def lone(self, header: str) -> str:
        """The credential of a call that carries one in the plainest of ways, in ``header`` or as a bearer token, else ""."""
        keys, others = self.header(header), self.header("authorization")
        if len(keys) == 1 and not others:
            return keys[0]
        return others[0][7:] if len(others) == 1 and not keys and others[0].startswith("Bearer ") else ""

    def forwarded(self) -> bool:
        """Did somebody send a forwarding header?"""
        return any(self.header(name) for name in FORWARDING)

    def agent(self) -> str:
        """The User-Agent, "" when there is none."""
        return next(iter(self.header("user-agent")), "")

    def message(self) -> Message:
        """The request as a signature sees it: path and header lines as they were sent, the authority as far as proxies are trusted.

        Raises BadSignature where the path that was sent cannot be known.
        """
        raise NotImplementedError

    def read_body(self, limit: int, seconds: float, watch: Callable[[bytes], None]) -> Body | Awaitable[Body]:
        """Reads the content before the app does, which then reads it again (``ask.ReadBody``)."""
        raise NotImplementedError

    def check_body(self, check: ContentCheck | None) -> None:
        """Lets the app read on until the content turns out to be another; None: there may be none at all."""
        raise NotImplementedError

    def cut_off(self) -> bool:
        """The content that the app is reading is not the one that was signed: whatever it answers is a refusal. False where we only watch."""
        watched = self.compiled is not None and self.compiled.monitor
        self.verdict, self.reason = "monitor" if watched else "deny", SignatureReason.DIGEST.value
        if not watched:
            self.cut = Deny(problem.SIGNATURE, self.reason)
        return not watched
