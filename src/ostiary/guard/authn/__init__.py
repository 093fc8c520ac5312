"""Ways to prove who is calling, one file each.

An authenticator has three answers: a Principal; a Refusal; None, "not my kind of credential". Only None lets the next one try.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ostiary.guard.ask import Flow
from ostiary.guard.decision import Principal


class Refusal(NamedTuple):
    """The credential was of the right kind and is worth nothing; ``reason`` is for the record, never for the caller."""

    reason: str
    key_id: str = ""


Answer = Principal | Refusal | None


class Authenticator(Protocol):
    """``name`` is what a policy's ``schemes`` may ask for."""

    name: str

    def known(self, text: str, now: float) -> Principal | None:
        """Proved a moment ago, and still good."""

    def verify(self, text: str, now: float) -> Flow[Answer]: ...
