"""Findings that somebody accepts with a reason, in a comment or in the configuration, and routes marked public by a comment.

``# ostiary: ignore[weakness, …] reason, until=YYYY-MM-DD, owner=name`` · ``# ostiary: public reason``
A comment means its own line; one that stands alone means the line below it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple, NoReturn

from ostiary import weaknesses
from ostiary.errors import ConfigError
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.scan.config import SuppressRule

_ID = re.compile(r"[a-z]+(?:-[a-z]+)*")
_IGNORE = re.compile(r"ignore\s*\[([^\]]*)\](.*)", re.DOTALL)
_PUBLIC = re.compile(r"public\b[\s:,-]*(.*)", re.DOTALL)
_OPTION = re.compile(r"(.*?),\s*([A-Za-z_-]+)\s*=\s*([^,]*)$", re.DOTALL)


class Comment(NamedTuple):
    """An ``# ostiary:`` comment: ``text`` is what follows the colon, ``alone`` tells that no code is on its line."""

    file: str
    line: int
    text: str
    alone: bool


Comments = Sequence[tuple[str, int, str, bool]]


@dataclass(frozen=True, slots=True)
class _Ignore:
    """One ``# ostiary: ignore`` comment."""

    ids: frozenset[str]
    lines: frozenset[tuple[str, int]]
    reason: str
    until: date | None
    owner: str | None
    where: str

    def matches(self, finding: Finding) -> bool:
        return finding.at is not None and finding.weakness in self.ids and (finding.at.file, finding.at.line) in self.lines

    def __str__(self) -> str:
        return f"ignore[{', '.join(sorted(self.ids))}]"


def apply_suppressions(
    findings: Sequence[Finding], comments: Comments, rules: Sequence[SuppressRule], today: date
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings, accepted ones with the reason, and notices of suppressions that are expired, refused or stale."""
    every: list[SuppressRule | _Ignore] = [*rules, *_ignores(comments)]
    valid = [one for one in every if not _expired(one, today)]
    result = tuple(replace(finding, suppressed=_reason_for(finding, valid)) for finding in findings)
    return result, (*_expired_notices(every, today), *_refused(findings, result, valid), *_stale(findings, valid))


def public_marks(comments: Comments) -> dict[tuple[str, int], str]:
    """(file, line) → reason, for every line that a ``public`` comment means."""
    marks: dict[tuple[str, int], str] = {}
    for comment, lines in _with_lines(comments):
        found = _PUBLIC.fullmatch(comment.text)
        if found and not _says_something(found.group(1)):
            _refuse(comment, "public needs a reason: # ostiary: public <reason>")
        marks.update(dict.fromkeys(lines, found.group(1).strip()) if found else {})
    return marks


def _reason_for(finding: Finding, valid: Iterable[SuppressRule | _Ignore]) -> str | None:
    return next((one.reason for one in valid if one.matches(finding) and not _too_grave(finding, one)), finding.suppressed)


def _too_grave(finding: Finding, by: SuppressRule | _Ignore) -> bool:
    """Whoever changes the code must not be able to wave the worst through in the same breath."""
    grave = finding.severity is Severity.CRITICAL or finding.confidence is Confidence.CONFIRMED
    return grave and isinstance(by, _Ignore)


def _expired(one: SuppressRule | _Ignore, today: date) -> bool:
    return one.until is not None and one.until < today


def _expired_notices(every: Iterable[SuppressRule | _Ignore], today: date) -> tuple[str, ...]:
    expired = (one for one in every if _expired(one, today))
    return tuple(f"{one.where}: {one} expired on {one.until} and is not applied{f'; ask {one.owner}' * bool(one.owner)}" for one in expired)


def _refused(findings: Sequence[Finding], result: Sequence[Finding], valid: Sequence[SuppressRule | _Ignore]) -> tuple[str, ...]:
    """An ignore comment on a grave finding that the configuration does not accept either."""
    still_open = [finding for finding, after in zip(findings, result, strict=True) if after.suppressed is None]
    refused = (one for one in valid if any(one.matches(finding) for finding in still_open))
    return tuple(f"{one.where}: {one} is not applied: critical or confirmed findings are accepted in ostiary.toml only" for one in refused)


def _stale(findings: Sequence[Finding], valid: Iterable[SuppressRule | _Ignore]) -> tuple[str, ...]:
    stale = (one for one in valid if not any(one.matches(finding) for finding in findings))
    return tuple(f"{one.where}: {one} matches no finding; remove it" for one in stale)


def _ignores(comments: Comments) -> list[_Ignore]:
    return [_ignore(comment, lines) for comment, lines in _with_lines(comments) if not _PUBLIC.fullmatch(comment.text)]


def _ignore(comment: Comment, lines: frozenset[tuple[str, int]]) -> _Ignore:
    found = _IGNORE.fullmatch(comment.text)
    if found is None:
        _refuse(comment, "this is neither ignore[weakness] reason nor public reason")
    reason, options = _options(comment, found.group(2).strip())
    if not _says_something(reason):
        _refuse(comment, "ignore needs a reason: # ostiary: ignore[weakness] <reason>")
    until = _until(comment, options.get("until"))
    return _Ignore(_ids(comment, found.group(1)), lines, reason, until, options.get("owner"), f"{comment.file}:{comment.line}")


def _options(comment: Comment, text: str) -> tuple[str, dict[str, str]]:
    """The reason, and what stands behind it as ``, name=value``."""
    options: dict[str, str] = {}
    while found := _OPTION.fullmatch(text):
        text, name, value = found.groups()
        if name not in ("until", "owner") or name in options:
            _refuse(comment, "an option is unknown or there twice; there are until=YYYY-MM-DD and owner=name")
        if not value.strip():
            _refuse(comment, f"{name} is empty")
        options[name] = value.strip()
    return text.strip(), options


def _ids(comment: Comment, text: str) -> frozenset[str]:
    ids = frozenset(name.strip() for name in text.split(","))
    known = weaknesses.all_ids()
    for name in sorted(ids - set(known)):
        from ostiary.scan.config_reader import did_you_mean

        # a comment may hold anything, a credential included: only what looks like an id is quoted
        shown = repr(name) if _ID.fullmatch(name) else "that"
        _refuse(comment, f"no weakness is called {shown}{did_you_mean(name, known)}")
    return ids


def _until(comment: Comment, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse(comment, "until is a day, as in 2030-12-31")


def _with_lines(raw: Comments) -> list[tuple[Comment, frozenset[tuple[str, int]]]]:
    """Each comment with the lines that it means; comments that stand alone one below the other all mean the line below the last."""
    comments = [Comment(*one) for one in raw]
    alone = {(comment.file, comment.line) for comment in comments if comment.alone}
    result = []
    for comment in comments:
        line = comment.line
        while (comment.file, line) in alone:
            line += 1
        result.append((comment, frozenset({(comment.file, comment.line), (comment.file, line)})))
    return result


def _says_something(reason: str) -> bool:
    return any(character.isalnum() for character in reason)


def _refuse(comment: Comment, message: str) -> NoReturn:
    raise ConfigError(message, comment.file, comment.line)
