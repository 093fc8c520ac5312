"""What is known of the request that is being answered: for the filters of logs, in the context of its thread or task."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from ostiary.wire.needle import SHORTEST, Needle


class Seen(Protocol):
    """What a filter of logs asks: the ids that records carry, and the credentials in all their forms."""

    @property
    def request_id(self) -> str: ...
    @property
    def key_id(self) -> str: ...
    @property
    def needles(self) -> tuple[Needle, ...]: ...


class Current:
    """``Seen`` of credentials as they came, for whoever has no guard."""

    __slots__ = ("_needles", "credentials", "key_id", "request_id")

    def __init__(self, credentials: tuple[str, ...] = (), request_id: str = "-", key_id: str = "-") -> None:
        self.credentials = credentials
        self.request_id = request_id
        self.key_id = key_id
        self._needles: tuple[Needle, ...] | None = None

    @property
    def needles(self) -> tuple[Needle, ...]:
        """The credentials of 8 characters or more; made when the first record asks."""
        if self._needles is None:
            self._needles = tuple(Needle(value, "credential") for value in self.credentials if len(value) >= SHORTEST)
        return self._needles


NOBODY: Seen = Current()
current: ContextVar[Seen] = ContextVar("ostiary_current", default=NOBODY)
