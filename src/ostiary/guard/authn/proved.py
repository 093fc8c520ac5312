"""Credentials that proved good a moment ago: under a keyed hash, never in clear; bounded, the oldest is forgotten first."""

from __future__ import annotations

import hashlib
import secrets

from ostiary.guard.decision import Principal

SECONDS = 30.0
SIZE = 4096
Held = dict[bytes, tuple[Principal, float]]


class Proved:
    """Successes only. ``held`` is taken before verifying begins and given back with what it proved: after ``forget`` it is no longer looked at."""

    def __init__(self, size: int = SIZE) -> None:
        self.held: Held = {}
        self._size = size
        self._keyed = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)

    def find(self, text: str, now: float) -> Principal | None:
        # As in ``name_of``, without a call: every request comes by.
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "surrogatepass"))
        found = self.held.get(keyed.digest())
        return found[0] if found is not None and now < found[1] else None

    def remember(self, held: Held, text: str, who: Principal, until: float) -> None:
        """``until``: Unix seconds."""
        if len(held) >= self._size:
            held.pop(next(iter(held), b""), None)
        held[self.name_of(text)] = (who, until)

    def forget(self) -> None:
        """A new dict, so that a thread that is about to write into the old one does no harm."""
        self.held = {}

    def name_of(self, text: str) -> bytes:
        """What stands for a credential in memory."""
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "surrogatepass"))
        return keyed.digest()
