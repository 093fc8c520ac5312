"""The baseline: fingerprints of the findings that a team starts with, so that its gates speak of new ones only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ostiary.errors import ConfigError
from ostiary.model.finding import Finding
from ostiary.scan.records import altered

SCHEMA = 1


def render(findings: Iterable[Finding]) -> str:
    """The text of a baseline file: one sorted line for each finding that nobody has accepted otherwise."""
    kept = {finding.fingerprint: finding for finding in findings if finding.suppressed is None}
    lines = sorted(json.dumps(_entry(finding), ensure_ascii=False) for finding in kept.values())
    body = ",\n".join(f"    {line}" for line in lines)
    return f'{{\n  "schema": {SCHEMA},\n  "findings": [\n{body}\n  ]\n}}\n' if lines else f'{{"schema": {SCHEMA}, "findings": []}}\n'


def parse(text: str, file: str) -> frozenset[str]:
    """The fingerprints of a baseline file; ConfigError naming ``file`` when it is none."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"no baseline: {error}", file, getattr(error, "lineno", 0)) from None
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ConfigError(f"no baseline of schema {SCHEMA}; write one with: ostiary scan PATH --write-baseline FILE", file, 1)
    entries = data.get("findings")
    if not isinstance(entries, list):
        raise ConfigError("a baseline has a list of findings", file, 1)
    return frozenset(_fingerprint(entry, text, file) for entry in entries)


def apply_baseline(findings: Sequence[Finding], baseline: frozenset[str] | None) -> tuple[Finding, ...]:
    """The findings, each told whether it is new; untouched when there is no baseline."""
    if baseline is None:
        return tuple(findings)
    return tuple(altered(finding, new=finding.fingerprint not in baseline) for finding in findings)


def _entry(finding: Finding) -> dict[str, str]:
    """The names are for people who read the diff; only the fingerprint counts. No line, because lines move."""
    return {
        "weakness": finding.weakness,
        "file": finding.at.file if finding.at else "",
        "route": " ".join(finding.route or ()),
        "fingerprint": finding.fingerprint,
    }


def _fingerprint(entry: object, text: str, file: str) -> str:
    value = entry.get("fingerprint") if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value:
        raise ConfigError("a finding of a baseline has a fingerprint", file, _line_of(entry, text))
    return value


def _line_of(entry: object, text: str) -> int:
    written = json.dumps(entry, ensure_ascii=False)
    return next((number for number, line in enumerate(text.splitlines(), 1) if written in line), 1)
