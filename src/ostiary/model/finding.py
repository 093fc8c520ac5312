"""Finding: a weakness at a route or location, with evidence. Weakness: what can be wrong (its page is ``weaknesses/<id>.md``)."""

from __future__ import annotations

from enum import StrEnum

from ostiary.model.records import dataclass
from ostiary.model.route import Location, Witness


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for info up to 4 for critical."""
        return _SEVERITIES.index(self)


class Confidence(StrEnum):
    CONFIRMED = "confirmed"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for low up to 3 for confirmed."""
        return _CONFIDENCES.index(self)


_SEVERITIES = tuple(reversed(Severity))
_CONFIDENCES = tuple(reversed(Confidence))


class Audience(StrEnum):
    """Who should act: a developer always, an auditor only when asked for, sample is code of tests and examples (never scored)."""

    DEVELOPER = "developer"
    AUDITOR = "auditor"
    SAMPLE = "sample"


class Exposure(StrEnum):
    """Who can reach it (SCORE.md)."""

    ANONYMOUS = "anonymous"
    AUTHENTICATED = "authenticated"
    PRIVILEGED = "privileged"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Weakness:
    """A page of the catalogue. ``why``, ``attack`` are Markdown; ``fixes`` maps ``flask`` and ``fastapi`` to Markdown."""

    id: str
    title: str
    category: str
    severity: Severity
    cwe: tuple[int, ...]
    owasp: tuple[str, ...]
    subsumes: tuple[str, ...]
    references: dict[str, tuple[str, ...]]
    why: str
    attack: str
    fixes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One step of a proof: ``kind`` is flow, request, response or note. Never holds a character of a credential."""

    kind: str
    text: str
    at: Location | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """``route`` is (method, path) or None for app-wide and code matters. ``fix`` is at most three lines for this very place."""

    weakness: str
    severity: Severity
    confidence: Confidence
    message: str
    at: Location | None = None
    route: tuple[str, str] | None = None
    evidence: tuple[Evidence, ...] = ()
    exposure: Exposure = Exposure.ANONYMOUS
    audience: Audience = Audience.DEVELOPER
    witnesses: tuple[Witness, ...] = (Witness.CODE,)
    verdict: str | None = None
    fix: str = ""
    app: str = ""
    fingerprint: str = ""
    new: bool | None = None
    suppressed: str | None = None
