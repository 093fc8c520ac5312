"""Configuration: ``ostiary.toml``, or ``[tool.ostiary]`` of ``pyproject.toml``, in the scanned root. Data only: nothing in it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from ostiary.errors import ConfigError
from ostiary.model import patterns
from ostiary.model.finding import Finding, Severity
from ostiary.model.records import dataclass
from ostiary.model.route import Route
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

NAMES = ("ostiary.toml", "pyproject.toml")
SECTION = "tool.ostiary"
_HEADER = Pattern(r"^\s*(?:\[+\s*tool\s*\.\s*[\"']?|tool\s*\.\s*[\"']?|\[\s*tool\s*\]\s*[\"']?)ostiary\b", re.MULTILINE)
_SIZE_LIMIT = 1024 * 1024


@record(frozen=True)
class PublicRule:
    """A pattern of routes, ``GET /health`` or ``/docs/**``, that somebody declared public, and why. ``where`` is ``file:line``."""

    pattern: str
    reason: str
    where: str = ""

    def matches(self, method: str, path: str) -> bool:
        """Is this one of the routes that are meant?"""
        return patterns.matches_route(self.pattern, (method, path))


@dataclass(frozen=True, slots=True)
class SuppressRule:
    """Findings that somebody accepts. Every condition that is set must hold; ``where`` is ``file:line``."""

    reason: str
    weakness: str | None = None
    file: str | None = None
    route: str | None = None
    fingerprint: str | None = None
    until: date | None = None
    owner: str | None = None
    where: str = ""

    def matches(self, finding: Finding) -> bool:
        """Is this one of the findings that are meant?"""
        return (
            self.weakness in (None, finding.weakness)
            and self.fingerprint in (None, finding.fingerprint)
            and (self.file is None or (finding.at is not None and patterns.matches(self.file, finding.at.file)))
            and (self.route is None or (finding.route is not None and patterns.matches_route(self.route, finding.route)))
        )

    def __str__(self) -> str:
        return f"suppression of {self.weakness or self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file may say, and the fingerprints of a baseline when there is one. ``fail_on`` None is "never"."""

    exclude: tuple[str, ...] = ()
    include_tests: bool = False
    fail_on: Severity | None = Severity.HIGH
    min_score: int | None = None
    public: tuple[PublicRule, ...] = ()
    suppress: tuple[SuppressRule, ...] = ()
    file: str = ""
    baseline: frozenset[str] | None = None


def load(root: Path, file: Path | None = None) -> Config:
    """The configuration of a tree: of ``file`` when it is given, else of the root; ConfigError with file and line when it is bad."""
    if file is not None:
        return _parse(_read(file), str(file))
    folder = root if root.is_dir() else root.parent
    found = [(name, text) for name in NAMES if (text := _own_text(folder / name)) is not None]
    if len(found) > 1:
        raise ConfigError(f"{SECTION} in {NAMES[1]} is there too; keep one of them", NAMES[0])
    return _parse(found[0][1], found[0][0]) if found else Config()


def public_reason(rules: Sequence[PublicRule], route: tuple[str, str]) -> str | None:
    """Why (method, path) is public by configuration, or None."""
    return next((rule.reason for rule in rules if rule.matches(*route)), None)


def unused_public(rules: Iterable[PublicRule], routes: Sequence[Route]) -> tuple[str, ...]:
    """A notice for each pattern that means no route."""
    keys = [route.key for route in routes]
    idle = (rule for rule in rules if not any(rule.matches(*key) for key in keys))
    return tuple(f"{rule.where}: public pattern {rule.pattern!r} matches no route" for rule in idle)


def _own_text(path: Path) -> str | None:
    """The text of a file that configures Ostiary; None when there is none. Somebody else's broken pyproject.toml is none of our business."""
    if not path.is_file():
        return None
    if path.name == NAMES[0]:
        return _read(path, path.name)
    try:
        text = _read(path, path.name)
    except ConfigError:
        return None
    return text if _HEADER.search(text) else None


def _read(path: Path, shown: str = "") -> str:
    shown = shown or str(path)
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise ConfigError("a configuration over 1 MB is not read", shown)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", shown) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", shown) from None


def _parse(text: str, shown: str) -> Config:
    # Late, because most scans find no configuration and need no TOML parser.
    from ostiary.scan.config_reader import read_config

    return read_config(text, shown, SECTION if Path(shown).name == NAMES[1] else "")
