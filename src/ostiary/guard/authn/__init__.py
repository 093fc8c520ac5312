"""Ways to prove who is calling, one file each.

An authenticator has three answers: a Principal; a Refusal; None, "not my kind of credential". Only None lets the next one try.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ostiary.guard.ask import Flow
from ostiary.guard.decision import Principal

if TYPE_CHECKING:
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request


class Refusal(NamedTuple):
    """The credential was of the right kind and is worth nothing; ``reason`` is for the record, never for the caller."""

    reason: str
    key_id: str = ""


Answer = Principal | Refusal | None


class Authenticator(Protocol):
    """Proves the key or bearer token of a call. ``name`` is what a policy's ``schemes`` may ask for."""

    name: str

    def known(self, text: str, now: float) -> Principal | None:
        """Proved a moment ago, and still good."""

    def verify(self, text: str, now: float) -> Flow[Answer]: ...

    def worthwhile(self, text: str) -> bool:
        """Is it to be asked for a caller who has failed too often: without a look-up, or because the credential was good before?"""


class Reader(Protocol):
    """Proves who calls by what it reads of the request itself: Basic, a client certificate, a signature, a function of the app's.

    ``ambient``: what it reads belongs to the connection, not to the call; it counts where the call brings nothing itself. ``automatic``: a
    browser may send it by itself, so that a page of another site can make it call; taken for true where it is not said.
    """

    name: str
    ambient: bool
    automatic: bool

    def find(self, request: Request, trust: Trust) -> str | None:
        """Its credential in this call; "" when there is none, None when only ``prove`` can tell. Raises presented.Malformed."""

    def prove(self, request: Request, text: str, now: float) -> Flow[Answer]: ...


def told_apart(named: Iterable[Authenticator | Reader]) -> tuple[tuple[Authenticator, ...], tuple[Reader, ...]]:
    """Those that judge the key or token of a call, and those that find their credential themselves."""
    authenticators: list[Authenticator] = []
    readers: list[Reader] = []
    for one in named:
        (readers if hasattr(one, "find") else authenticators).append(one)  # type: ignore[arg-type]
    return tuple(authenticators), tuple(readers)
