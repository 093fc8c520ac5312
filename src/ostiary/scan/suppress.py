"""Findings that somebody accepts with a reason, in a comment or in the configuration, and routes marked public by a comment.

``# ostiary: ignore[weakness, …] reason, until=YYYY-MM-DD, owner=name`` · ``# ostiary: public reason``
A comment means its own line; one that stands alone means the line below it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple, NoReturn

from ostiary import weaknesses
from ostiary.errors import ConfigError
from ostiary.model.finding import Confidence, Finding, Severity
from ostiary.scan.config import SuppressRule
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered, record

_ID = Pattern(r"[a-z]+(?:-[a-z]+)*")
_IGNORE = Pattern(r"ignore\s*\[([^\]]*)\](.*)", re.DOTALL)
_PUBLIC = Pattern(r"public\b[\s:,-]*(.*)", re.DOTALL)
_OPTION = Pattern(r"(.*?),\s*([A-Za-z_-]+)\s*=\s*([^,]*)$", re.DOTALL)


class Comment(NamedTuple):
    """An ``# ostiary:`` comment: ``text`` is what follows the colon, ``alone`` tells that no code is on its line."""

    file: str
    line: int
    text: str
    alone: bool


Comments = Sequence[tuple[str, int, str, bool]]


@record(frozen=True)
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
    meant = _meant(findings, valid)
    result = tuple(altered(finding, suppressed=_reason_for(finding, by)) for finding, by in zip(findings, meant, strict=True))
    still_open = [by for by, after in zip(meant, result, strict=True) if after.suppressed is None]
    return result, (*_expired_notices(every, today), *_refused(valid, _ids_of(still_open)), *_stale(valid, _ids_of(meant)))


def public_marks(comments: Comments) -> dict[tuple[str, int], str]:
    """(file, line) → reason, for every line that a ``public`` comment means."""
    marks: dict[tuple[str, int], str] = {}
    for comment, lines in _with_lines(comments):
        found = _PUBLIC.fullmatch(comment.text)
        if found and not _says_something(found.group(1)):
            _refuse(comment, "public needs a reason: # ostiary: public <reason>")
        marks.update(dict.fromkeys(lines, found.group(1).strip()) if found else {})
    return marks


def _meant(findings: Iterable[Finding], valid: Iterable[SuppressRule | _Ignore]) -> list[list[SuppressRule | _Ignore]]:
    """For each finding what means it, rules before comments. Comments are looked up by line: a file may hold thousands, and as many findings."""
    rules = [one for one in valid if isinstance(one, SuppressRule)]
    by_line: dict[tuple[str, int], list[_Ignore]] = {}
    for comment in (one for one in valid if isinstance(one, _Ignore)):
        for line in comment.lines:
            by_line.setdefault(line, []).append(comment)
    near = ((finding, by_line.get((finding.at.file, finding.at.line), ()) if finding.at else ()) for finding in findings)
    return [[one for one in (*rules, *comments) if one.matches(finding)] for finding, comments in near]


def _ids_of(meant: Iterable[Iterable[SuppressRule | _Ignore]]) -> frozenset[int]:
    return frozenset(id(one) for by in meant for one in by)


def _reason_for(finding: Finding, by: Iterable[SuppressRule | _Ignore]) -> str | None:
    return next((one.reason for one in by if not _too_grave(finding, one)), finding.suppressed)


def _too_grave(finding: Finding, by: SuppressRule | _Ignore) -> bool:
    """Whoever changes the code must not be able to wave the worst through in the same breath."""
    grave = finding.severity is Severity.CRITICAL or finding.confidence is Confidence.CONFIRMED
    return grave and isinstance(by, _Ignore)


def _expired(one: SuppressRule | _Ignore, today: date) -> bool:
    return one.until is not None and one.until < today


def _expired_notices(every: Iterable[SuppressRule | _Ignore], today: date) -> tuple[str, ...]:
    expired = (one for one in every if _expired(one, today))
    return tuple(f"{one.where}: {one} expired on {one.until} and is not applied{f'; ask {one.owner}' * bool(one.owner)}" for one in expired)


def _refused(valid: Iterable[SuppressRule | _Ignore], still_open: frozenset[int]) -> tuple[str, ...]:
    """An ignore comment on a grave finding that the configuration does not accept either."""
    refused = (one for one in valid if id(one) in still_open)
    return tuple(f"{one.where}: {one} is not applied: critical or confirmed findings are accepted in ostiary.toml only" for one in refused)


def _stale(valid: Iterable[SuppressRule | _Ignore], used: frozenset[int]) -> tuple[str, ...]:
    stale = (one for one in valid if id(one) not in used)
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
        from ostiary.model.toml_source import did_you_mean

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
