"""When to fetch a document again, and how long an old one will do: arithmetic over Unix seconds, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
_NEVER = float("-inf")


class Pace(NamedTuple):
    """Seconds: fetched anew ``every`` so often; during an outage used until it is ``stale``; at least a ``pause`` between two tries.

    A key that its issuer withdrew is believed for up to ``every``, or ``stale`` while the issuer cannot be reached.
    """

    every: float = 600.0
    stale: float = 86_400.0
    pause: float = 30.0


@dataclass(frozen=True)
class Held(Generic[T]):
    """A document, when it was fetched, and when somebody last began to fetch it, or failed to."""

    document: T | None = None
    fetched: float = _NEVER
    tried: float = _NEVER

    def due(self, now: float, pace: Pace, missing: bool = False) -> bool:
        """Fetch it now? ``missing``: what was asked for is not in it, so that a new one may help, once in a pause."""
        if abs(now - self.tried) < pace.pause:
            return False
        if self.document is None or abs(now - self.fetched) >= pace.every:
            return True
        return missing and abs(now - self.fetched) >= pace.pause

    def usable(self, now: float, pace: Pace) -> T | None:
        """The document as long as it is not stale."""
        return self.document if abs(now - self.fetched) < pace.stale else None

    def asked(self, now: float) -> Held[T]:
        """Somebody fetches it; meanwhile the others use what there is. Where there is nothing everybody has to ask."""
        return self if self.document is None else replace(self, tried=now)

    def failed(self, now: float) -> Held[T]:
        """It could not be fetched, or was none."""
        return replace(self, tried=now)

    def got(self, document: T, now: float) -> Held[T]:
        """A new one."""
        return Held(document, now)
