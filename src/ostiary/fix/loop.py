"""The loop: findings → plans → applied in memory → scanned again → kept or not; until a round keeps nothing.

Nothing is written here. All plans of a round are tried together; when the scan says no to them, each half is tried by itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import libcst as cst

from ostiary.fix import WEAKNESSES, auth_fails_open, debug_mode, hardcoded_secret, key_in_query_string, timing_unsafe_comparison
from ostiary.fix.hidden import hidden
from ostiary.fix.naming import Names
from ostiary.fix.patch import Fixes, Left, Patch
from ostiary.fix.plan import Declined, Plan
from ostiary.fix.render import render
from ostiary.fix.source import parsed
from ostiary.fix.tree import Tree
from ostiary.fix.verdict import Verdict, judge
from ostiary.model.finding import Audience, Confidence, Finding
from ostiary.model.route import Location
from ostiary.model.scan import Scan
from ostiary.scan.code.walk import SourceFile, Walk, walk
from ostiary.scan.config import Config
from ostiary.scan.run import Progress, scan_files

_ROUNDS = 8
_NOWHERE = Location("", 0)
# How two sides are compared is settled when it is settled what they are.
_LAST = "timing-unsafe-comparison"
Tests = Callable[[Mapping[str, bytes], Mapping[str, str]], str | None]
"""Runs the project's tests over changed files, with environment variables; says why they do not hold, None when they do."""


@dataclass(frozen=True, slots=True)
class _State:
    """A tree as it would be, what a scan says of it, and the variables that it needs by now."""

    walked: Walk
    scan: Scan
    variables: Mapping[str, str]


class Loop:
    """One run over one tree. ``tests`` is there only when a person gave the command."""

    def __init__(
        self, root: Path, config: Config, only: Collection[str] = (), tests: Tests | None = None, progress: Progress | None = None
    ) -> None:
        self._root, self._config, self._tests, self._progress = root, config, tests, progress
        self._only = [name for name in WEAKNESSES if not only or name in only]
        names = Names()
        self._codemods: dict[str, Callable[[Finding, Tree], Plan]] = {
            "auth-fails-open": auth_fails_open.plan,
            "hardcoded-secret": partial(hardcoded_secret.plan, names=names),
            "debug-mode": debug_mode.plan,
            "key-in-query-string": key_in_query_string.plan,
            "timing-unsafe-comparison": timing_unsafe_comparison.plan,
        }
        self._refused: dict[str, str] = {}
        self._patches: list[Patch] = []
        walked = walk(root, include_tests=config.include_tests, exclude=config.exclude)
        self._first = {file.path: file.source for file in walked.files}
        self._begin(_State(walked, scan_files(walked, root, config, progress=progress), {}))

    def run(self) -> Fixes:
        """Every patch that holds, and of the other findings why they stay."""
        first = self._state.scan
        concealed = hidden(self._tree, first.findings)
        for _ in range(_ROUNDS):
            early, waiting = self._plans([name for name in self._only if name != _LAST])
            kept = self._keep(early)
            if not kept:
                late, more = self._plans([name for name in self._only if name == _LAST])
                kept, waiting = self._keep(late), [*waiting, *more]
            if not kept:
                break
            self._begin(self._state)
        left = [Left(f, why) for f, why in waiting]
        left += [Left(f, self._refused[f.fingerprint]) for f in self._wanted(self._only) if f.fingerprint in self._refused]
        return Fixes(tuple(self._patches), tuple(left), first.skipped, first.notices, concealed)

    def _begin(self, state: _State) -> None:
        """A new round reads the tree anew: what was text or None may be text now."""
        self._state = state
        self._kept: list[Plan] = []
        self._tree = Tree(state.walked, self._root)
        gc.collect()

    def _wanted(self, names: Sequence[str]) -> list[Finding]:
        found = [f for f in self._state.scan.findings if self._mends(f) in names and f.suppressed is None]
        found = [f for f in found if f.audience is Audience.DEVELOPER and f.confidence.rank >= Confidence.MEDIUM.rank]
        return sorted(found, key=lambda f: (names.index(self._mends(f)), f.at is None, f.at))

    def _mends(self, finding: Finding) -> str:
        """The codemod for a finding: a key of tokens that stands in the source is a secret in the source."""
        return "hardcoded-secret" if hardcoded_secret.is_guessable(finding, self._tree) else finding.weakness

    def _plans(self, names: Sequence[str]) -> tuple[list[Plan], list[tuple[Finding, str]]]:
        """What the codemods propose, and what they decline."""
        plans: list[Plan] = []
        declined: list[tuple[Finding, str]] = []
        for finding in self._wanted(names):
            if finding.fingerprint in self._refused:
                continue
            try:
                _join(plans, self._codemods[self._mends(finding)](finding, self._tree))
            except Declined as why:
                declined.append((finding, f"no automatic fix: {why}"))
        return plans, declined

    def _keep(self, plans: Sequence[Plan]) -> int:
        """How many of the plans hold; those that touch one node come one after the other, in later rounds."""
        now, later = _apart(plans)
        return self._try(now) or (self._keep(later) if later else 0)

    def _try(self, plans: Sequence[Plan]) -> int:
        if not plans:
            return 0
        why = self._attempt(plans)
        if why is None:
            return len(plans)
        if len(plans) == 1:
            self._refused.update((finding.fingerprint, why) for finding in plans[0].findings)
            return 0
        middle = len(plans) // 2
        return self._try(plans[:middle]) + self._try(plans[middle:])

    def _attempt(self, plans: Sequence[Plan]) -> str | None:
        """Applies, scans, tests; the state moves on only when all is well."""
        try:
            patches = self._render(plans)
        except (Declined, cst.CSTValidationError, RecursionError):
            return "the change would not be Python"
        files = {patch.file: patch.after for patch in patches}
        walked = _with(self._state.walked, files)
        scan = scan_files(walked, self._root, self._config, progress=self._progress)
        verdict = judge(self._state.scan, scan, plans)
        variables = {**self._state.variables, **{name: value for plan in plans for name, value in plan.variables.items()}}
        why = verdict.why or self._tested(walked, variables)
        if why is None:
            self._state = _State(walked, scan, variables)
            self._kept += plans
            self._patches += _revealing(patches, verdict)
        return why

    def _tested(self, walked: Walk, variables: Mapping[str, str]) -> str | None:
        if self._tests is None:
            return None
        changed = {file.path: file.source for file in walked.files if file.source != self._first[file.path]}
        return self._tests(changed, variables)

    def _render(self, plans: Sequence[Plan]) -> list[Patch]:
        """Each plan on top of those before it."""
        now = {file.path: file.source for file in self._state.walked.files}
        chosen, patches = list(self._kept), []
        for plan in plans:
            chosen.append(plan)
            after = render(self._tree.source(plan.file), [p for p in chosen if p.file == plan.file])
            parsed(after)
            patches.append(Patch(plan.findings, plan.file, now[plan.file], after, plan.note))
            now[plan.file] = after
        return patches


def _join(plans: list[Plan], plan: Plan) -> None:
    """One change may mend several findings: the secret that two checks compare with is read once."""
    for index, other in enumerate(plans):
        if other.file == plan.file and other.changes.keys() == plan.changes.keys() and other.note == plan.note:
            plans[index] = replace(other, findings=(*other.findings, *plan.findings))
            return
    plans.append(plan)


def _apart(plans: Iterable[Plan]) -> tuple[list[Plan], list[Plan]]:
    """Those that share no node, and the others."""
    now: list[Plan] = []
    later: list[Plan] = []
    claimed: set[cst.CSTNode] = set()
    for plan in plans:
        (later if claimed & plan.changes.keys() else now).append(plan)
        claimed |= plan.changes.keys()
    return now, later


def _with(walked: Walk, files: Mapping[str, bytes]) -> Walk:
    patched = tuple(SourceFile(f.path, files.get(f.path, f.source), f.audience) for f in walked.files)
    return Walk(patched, walked.documents, walked.skipped, walked.samples)


def _revealing(patches: list[Patch], verdict: Verdict) -> list[Patch]:
    """What came to light is told with the nearest patch."""
    told = list(patches)
    for finding in verdict.revealed:
        index = min(range(len(told)), key=lambda n: _distance(told[n], finding))
        told[index] = replace(told[index], revealed=(*told[index].revealed, finding))
    return told


def _distance(patch: Patch, finding: Finding) -> tuple[bool, int]:
    here, there = patch.finding.at or _NOWHERE, finding.at or _NOWHERE
    return here.file != there.file, abs(here.line - there.line)
