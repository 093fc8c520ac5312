"""Request: one call as the guard sees it, whatever framework it came through."""

from __future__ import annotations

import itertools
import os
import secrets
from typing import TYPE_CHECKING

from ostiary.wire.needle import SHORTEST, Needle

if TYPE_CHECKING:
    from ostiary.guard.decision import Decision, Principal
    from ostiary.guard.policies import Compiled
    from ostiary.guard.stores.base import Spent
    from ostiary.model.limit import Limit

_PROCESS = secrets.token_hex(4)
_COUNT = itertools.count(1)


def _another_process() -> None:
    """A forked worker counts on from where its parent was: its ids begin differently."""
    global _PROCESS
    _PROCESS = secrets.token_hex(4)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_another_process)


class Request:
    """What an adapter fills in before ``arrive``, and what the flow adds on the way.

    As received: ``method``, ``path`` (decoded), ``query`` (raw), ``peer`` (address of the other end, "" when there is none),
    ``scheme``, ``authority`` (Host). After ``arrive``: ``address``, ``secure`` and ``authority`` as far as proxies are trusted.
    ``limits`` are those that the answer tells of, ``spent`` what was spent of them.
    """

    __slots__ = (
        "_needles",
        "address",
        "authority",
        "compiled",
        "credential",
        "decision",
        "id",
        "limits",
        "method",
        "path",
        "peer",
        "principal",
        "query",
        "reason",
        "scheme",
        "secure",
        "spent",
        "started",
        "verdict",
    )

    def __init__(self, method: str, path: str, query: str, peer: str, scheme: str, authority: str, started: float) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.peer = peer
        self.scheme = scheme
        self.authority = authority
        self.started = started
        self.id = f"{_PROCESS}{next(_COUNT):08x}"
        self.address = peer
        self.secure = scheme in ("https", "wss")
        self.compiled: Compiled | None = None
        self.credential = ""
        self.principal: Principal | None = None
        self.limits: tuple[Limit, ...] = ()
        self.spent: Spent | None = None
        self.decision: Decision | None = None
        self._needles: tuple[str, tuple[Needle, ...]] | None = None
        self.verdict = "allow"
        self.reason = ""

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
