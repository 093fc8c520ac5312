"""For the tests of a guarded app: speak as somebody, mint keys, turn the clock.

    with as_principal(app, "ann", scopes=["orders:read"]):
        assert client.get("/api/v1/orders").status_code == 200

An existing suite stays green with one fixture around it: ``with as_principal(app): yield``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ostiary.errors import UsageError
from ostiary.guard.appcheck import installed_on
from ostiary.guard.core import Core
from ostiary.guard.decision import Principal
from ostiary.guard.keyring import Keyring
from ostiary.model import scope as scope_text

__all__ = ["FakeClock", "as_principal", "guard_of", "mint"]


class FakeClock:
    """Time for ``Guard(clock=…)``: Unix seconds that move when they are told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Forward only. Raises UsageError for a negative number."""
        if seconds < 0:
            raise UsageError("a clock does not go backwards")
        self.now += seconds


def guard_of(app: Any) -> Core:
    """The guard of an app, or around it. Raises UsageError when it has none."""
    installed = installed_on(app)
    if installed is None:
        raise UsageError("this app has no guard")
    core: Core = installed.core
    return core


@contextmanager
def as_principal(app: Any, subject: str = "tester", *, scopes: Iterable[str] = ("*",), key_id: str = "") -> Iterator[Principal]:
    """Inside, every call that carries no credential comes from this principal; scopes, networks and limits hold as always.

    Calls with a credential are verified as always; public and undeclared routes stay what they are.
    """
    core = guard_of(app)
    before = core.stand_in
    core.stand_in = Principal(subject, "test", key_id, subject, tuple(scope_text.parse(text) for text in scopes))
    try:
        yield core.stand_in
    finally:
        core.stand_in = before


def mint(app: Any, *scopes: str, **attributes: Any) -> str:
    """A real key for the app's guard, as ``ostiary keys create`` makes it. Raises UsageError where keys are not in a store."""
    core = guard_of(app)
    if core.key_store is None or core.peppers is None:
        raise UsageError("the keys of this guard are static: send one of them")
    return Keyring(core.key_store, core.peppers, clock=core.clock).create(scopes=scopes, **attributes)[1]
