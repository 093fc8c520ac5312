"""Scan: routes, findings, what was skipped, and the score."""

from __future__ import annotations

from ostiary.model.finding import Finding
from ostiary.model.records import dataclass
from ostiary.model.route import Location, Route


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something a scan could not read or run. ``serious`` says it lies where routes or their protection could hide (exit code 3)."""

    what: str
    why: str
    serious: bool = False


@dataclass(frozen=True, slots=True)
class AppSeen:
    """One application object of the tree: framework is flask, fastapi, starlette, quart, connexion or another's name."""

    name: str
    framework: str
    at: Location | None
    routes: int


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100 and A to F (SCORE.md). ``categories`` maps a category to its score or None for "not tested"; ``raises`` are (what, new score)."""

    value: int
    grade: str
    capped: bool
    categories: dict[str, int | None]
    raises: tuple[tuple[str, int], ...]
    weights: str
    with_suppressed: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What was seen, found and skipped in one tree, and its score."""

    target: str
    routes: tuple[Route, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    apps: tuple[AppSeen, ...] = ()
    score: Score | None = None
    files_read: int = 0
    files_unreached: int = 0
    notices: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """False when something serious was skipped."""
        return not any(item.serious for item in self.skipped)
