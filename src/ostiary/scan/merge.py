"""One cause, one finding: joins what several rules or witnesses say of one thing, drops what another explains, and names what is left.

Order of the result: severity and confidence from high to low, then file, line, weakness, route.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from ostiary import weaknesses
from ostiary.model.finding import Audience, Confidence, Exposure, Finding, Severity
from ostiary.model.route import Location, Witness
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered

Subsumes = Callable[[str], tuple[str, ...]]

_HEX = 16
_STRING = Pattern(r"""(?:(?<!\w)[rbfu]{1,2})?(\"{3}|'{3}|"|')(?:\\.|(?!\1).)*(?:\1|$)""", re.IGNORECASE)
_COMMENT = Pattern(r"#.*")
_SPACE = Pattern(r"\s+")
_NOWHERE = Location("", 0)
_AUDIENCES = list(Audience)
_GRAVE = {severity: -severity.rank for severity in Severity}
_SURE = {confidence: -confidence.rank for confidence in Confidence}
_VERDICTS = ("vulnerable", "inconclusive", "safe")


def merge(findings: Iterable[Finding], subsumes: Subsumes | None = None) -> tuple[Finding, ...]:
    """One finding for each cause, in their order. ``subsumes`` tells what a weakness explains; its page does when none is given."""
    kept: dict[tuple[object, ...], Finding] = {}
    for finding in sorted(findings, key=_order):
        key = (finding.weakness, finding.app, finding.route, finding.at)
        kept[key] = _join(kept[key], finding) if key in kept else finding
    witnessed = _join_witnesses(sorted(kept.values(), key=_order))
    return tuple(sorted(_explained(witnessed, subsumes or _from_page), key=_order))


def fingerprint(finding: Finding, line_text: str, occurrence: int) -> str:
    """16 hex digits that stay while the finding moves: of weakness, file, route, its line without strings, and which of its like it is."""
    import hashlib
    import json

    file = finding.at.file if finding.at else ""
    parts = [finding.weakness, file, list(finding.route or ()), _normal(line_text), occurrence]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_HEX]


def with_fingerprints(findings: Sequence[Finding], read_line: Callable[[Location], str]) -> tuple[Finding, ...]:
    """The same findings in the same order, each with its fingerprint. ``read_line`` gives the text of a finding's line."""
    seen: Counter[str] = Counter()
    prints: dict[int, str] = {}
    for index in sorted(range(len(findings)), key=lambda index: _place(findings[index])):
        finding = findings[index]
        text = read_line(finding.at) if finding.at else ""
        like = fingerprint(finding, text, 0)
        prints[index] = fingerprint(finding, text, seen[like])
        seen[like] += 1
    return tuple(altered(finding, fingerprint=prints[index]) for index, finding in enumerate(findings))


def _normal(line: str) -> str:
    # Strings may be the secret itself, and a comment may be the suppression: neither may change who a finding is.
    first, _, _ = line.partition("\n")
    bare = _COMMENT.sub("", _STRING.sub("…", first))
    return _SPACE.sub(" ", bare).strip()


def _order(finding: Finding) -> tuple[object, ...]:
    return (_GRAVE[finding.severity], _SURE[finding.confidence], *_place(finding))


def _place(finding: Finding) -> tuple[object, ...]:
    at = finding.at or _NOWHERE
    return (at.file, at.line, finding.weakness, finding.route or (), finding.app, at.column, finding.message)


def _from_page(weakness: str) -> tuple[str, ...]:
    return weaknesses.get(weakness).subsumes if weakness in weaknesses.all_ids() else ()


def _join_witnesses(findings: Iterable[Finding]) -> list[Finding]:
    """A route's weakness seen by witnesses that share nothing is one finding, wherever each of them saw it."""
    kept: list[Finding] = []
    places: dict[tuple[object, ...], list[int]] = {}
    for finding in findings:
        if finding.route is None:
            kept.append(finding)
            continue
        indexes = places.setdefault((finding.weakness, finding.app, finding.route), [])
        other = next((index for index in indexes if _independent(kept[index], finding)), None)
        if other is None:
            indexes.append(len(kept))
            kept.append(finding)
        else:
            kept[other] = _join(kept[other], finding)
    return kept


def _independent(first: Finding, second: Finding) -> bool:
    return set(first.witnesses).isdisjoint(second.witnesses)


def _join(first: Finding, second: Finding) -> Finding:
    """Both as one; ``first`` speaks, being the graver."""
    witnesses = tuple(witness for witness in Witness if witness in (*first.witnesses, *second.witnesses))
    return altered(
        first,
        severity=min(first.severity, second.severity, key=_GRAVE.__getitem__),
        confidence=_surer(first, second, len(witnesses)),
        at=first.at or second.at,
        evidence=tuple(dict.fromkeys((*first.evidence, *second.evidence))),
        exposure=min(first.exposure, second.exposure, key=list(Exposure).index),
        audience=min(first.audience, second.audience, key=_AUDIENCES.index),
        witnesses=witnesses,
        verdict=_worse_verdict(first.verdict, second.verdict),
        fix=first.fix or second.fix,
        suppressed=first.suppressed if second.suppressed is not None else None,
    )


def _surer(first: Finding, second: Finding, witnesses: int) -> Confidence:
    if witnesses > 1:
        return Confidence.CONFIRMED
    return min(first.confidence, second.confidence, key=_SURE.__getitem__)


def _worse_verdict(first: str | None, second: str | None) -> str | None:
    return next((verdict for verdict in _VERDICTS if verdict in (first, second)), None)


def _explained(findings: Sequence[Finding], subsumes: Subsumes) -> list[Finding]:
    """Without those that another weakness on the same route explains."""
    explains = {name: _reach(name, subsumes) for name in {finding.weakness for finding in findings}}
    covered: defaultdict[tuple[object, ...], set[str]] = defaultdict(set)
    for finding in findings:
        # One that is suppressed, or that speaks to fewer people, would hide the other from its readers.
        if finding.route is not None and finding.suppressed is None:
            for audience in _AUDIENCES[_AUDIENCES.index(finding.audience) :]:
                covered[finding.app, finding.route, audience] |= explains[finding.weakness]
    left = [finding for finding in findings if finding.weakness not in covered[finding.app, finding.route, finding.audience]]
    return _one_a_place(left, explains)


def _one_a_place(findings: Sequence[Finding], explains: Mapping[str, frozenset[str]]) -> list[Finding]:
    """Where there is no route, one line has one cause: of a weakness and what it explains the graver speaks (a literal that is a guessable key)."""
    places: defaultdict[tuple[str, int], list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.route is None and finding.at is not None:
            places[finding.at.file, finding.at.line].append(finding)

    def is_spoken_for(finding: Finding) -> bool:
        at = finding.at if finding.route is None else None
        return at is not None and any(_speaks_for(other, finding, explains) for other in places[at.file, at.line])

    return [finding for finding in findings if not is_spoken_for(finding)]


def _speaks_for(one: Finding, other: Finding, explains: Mapping[str, frozenset[str]]) -> bool:
    explained = other.weakness in explains[one.weakness]
    if not explained and one.weakness not in explains[other.weakness]:
        return False
    if one.suppressed is not None or _AUDIENCES.index(one.audience) > _AUDIENCES.index(other.audience):
        return False
    # a guess does not hide what is certain
    weight, against = [(f.confidence is not Confidence.LOW, f.severity.rank) for f in (one, other)]
    return weight > against or (weight == against and explained)


def _reach(name: str, subsumes: Subsumes) -> frozenset[str]:
    found: set[str] = set()
    todo = list(subsumes(name))
    while todo:
        weakness = todo.pop()
        if weakness not in found:
            found.add(weakness)
            todo.extend(subsumes(weakness))
    return frozenset(found)
