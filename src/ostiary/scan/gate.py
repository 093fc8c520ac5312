"""The gates: does a scan pass, and with which exit code does the command end?"""

from __future__ import annotations

from enum import IntEnum

from ostiary.errors import UsageError
from ostiary.model.finding import Audience, Confidence, Finding, Severity
from ostiary.model.records import dataclass
from ostiary.model.scan import Scan

NEVER = "never"
FAIL_ON = ("critical", "high", "medium", "low", NEVER)


class Exit(IntEnum):
    """Exit codes of every command."""

    HOLD = 0
    FAILED = 1
    WRONG_USE = 2
    INCOMPLETE = 3
    DEFECT = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Gates:
    """What a scan is held to. ``fail_on`` None is "never"; ``new_only`` counts only what a baseline does not have."""

    fail_on: Severity | None = Severity.HIGH
    min_score: int | None = None
    new_only: bool = False
    allow_incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code, and a sentence for each gate that did not hold."""

    code: Exit
    reasons: tuple[str, ...] = ()


def judge(scan: Scan, gates: Gates) -> Outcome:
    """Holds the scan against the gates: a failed gate first, then incompleteness."""
    failed = tuple(filter(None, (_severity_gate(scan, gates), _score_gate(scan, gates))))
    if failed:
        return Outcome(Exit.FAILED, failed)
    if incomplete(scan) and not gates.allow_incomplete:
        return Outcome(Exit.INCOMPLETE, ("the scan is incomplete where it matters (--allow-incomplete accepts that)",))
    return Outcome(Exit.HOLD)


def severity_or_never(text: str) -> Severity | None:
    """``critical`` … ``low``, or None for ``never``; UsageError for anything else."""
    if text not in FAIL_ON:
        raise UsageError(f"--fail-on is one of {', '.join(FAIL_ON)}; not {text!r}")
    return None if text == NEVER else Severity(text)


def incomplete(scan: Scan) -> bool:
    """Was something left out where routes could hide? A tree of which nothing could be read has no route either."""
    nothing_read = not scan.routes and not scan.files_read and bool(scan.skipped)
    return not scan.complete or nothing_read


def counts(finding: Finding, new_only: bool = False) -> bool:
    """May this finding fail a gate?"""
    return (
        finding.audience is Audience.DEVELOPER
        and finding.suppressed is None
        and finding.confidence.rank >= Confidence.MEDIUM.rank
        and (finding.new is True if new_only else finding.new is not False)
    )


def _severity_gate(scan: Scan, gates: Gates) -> str:
    if gates.fail_on is None:
        return ""
    least = gates.fail_on
    grave = sum(counts(finding, gates.new_only) and finding.severity.rank >= least.rank for finding in scan.findings)
    return f"{grave} {'finding' if grave == 1 else 'findings'} of severity {least.value} or more (--fail-on {least.value})" if grave else ""


def _score_gate(scan: Scan, gates: Gates) -> str:
    if gates.min_score is None:
        return ""
    if scan.score is None:
        return f"no score, because no route was found (--min-score {gates.min_score})"
    return f"score {scan.score.value} is below {gates.min_score} (--min-score)" if scan.score.value < gates.min_score else ""
