"""What the doctor looks at, and what it says."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ostiary.guard.settings import DEFAULT_STORE

State = Literal["ok", "warning", "problem"]


class Line(NamedTuple):
    """``what`` is so, and what it means; ``write`` is what to write instead, empty where nothing has to be."""

    state: State
    what: str
    write: str = ""


def ok(what: str) -> Line:
    return Line("ok", what)


def warning(what: str, write: str = "") -> Line:
    return Line("warning", what, write)


def problem(what: str, write: str = "") -> Line:
    return Line("problem", what, write)


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


class Answer(NamedTuple):
    """What a running app answered: to a plain call, its status and headers (names in lower case), and our clock in the middle of it."""

    url: str
    status: int
    headers: Mapping[str, str]
    time: float


@dataclass(frozen=True, kw_only=True)
class Patient:
    """An app with its surroundings. ``installed`` is its guard, None where no app was named; ``version`` tells that of a distribution."""

    app: Any = None
    installed: Any = None
    answer: Answer | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    argv: Sequence[str] = field(default_factory=lambda: sys.argv)
    version: Callable[[str], str | None] = _installed
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.perf_counter

    @property
    def core(self) -> Any:
        return None if self.installed is None else self.installed.core

    @property
    def store(self) -> str:
        """The URL of the store that an app would take which names none."""
        return self.environ.get("OSTIARY_STORE") or DEFAULT_STORE

    def url(self, role: str) -> str:
        """The URL of the store of that role."""
        return self.store if self.core is None else str(getattr(self.core.settings, f"{role}_url"))
