"""What the tests of keys have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ostiary.guard.keyring import Keyring
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores import open_store

DAY = 86_400.0
NOW = 1_800_000_000.0
PEPPERS = Peppers.of(bytes(range(32)))
ENGINES = ("memory", "sqlite")


class Clock:
    """Stands still until it is set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def url(engine: str, folder: Path) -> str:
    """A new store of this engine."""
    return "memory://" if engine == "memory" else f"sqlite:///{folder}/ostiary.db"


def keyring(store: Any = None, clock: Clock | None = None, **options: Any) -> Keyring:
    """In memory, unless a store is given."""
    return Keyring(open_store("memory://", "keys") if store is None else store, PEPPERS, clock or Clock(), **options)
