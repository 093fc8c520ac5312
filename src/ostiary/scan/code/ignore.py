"""Ignore rules, as in gitignore(5): which entries of a tree its .gitignore files or a user's exclude patterns leave out.

A tree is walked from the top down, and so are its patterns: each folder carries what is still to be matched below it, so an
entry costs one look at its name. (pathspec judges whole paths of files; a walk that prunes folders needs the folder's own
verdict, which ``*`` followed by ``!*/`` shows to be another.) Every step is linear, also for hostile patterns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate

from ostiary.errors import UsageError
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

# What is beyond these limits is not honoured: more is read, never less.
_BYTES_LIMIT = 256 * 1024
_LINES_LIMIT = 1000

_WILD = Pattern(r"[*?\[]")
_ESCAPED = Pattern(r"\\(.)")
_CLASS = Pattern(r"\[[!^]?\]?[^]]*\]")
_TRAILING_SPACES = Pattern(r"(?<!\\) +$")
_ANY_DEPTH = "**"


@record(frozen=True)
class _Pattern:
    """One line: ``above`` are the segments before the last one, which ``matches`` the name of an entry (``text`` is for look-ups)."""

    order: int
    negated: bool
    folders_only: bool
    above: tuple[Callable[[str], object] | None, ...]  # None: any number of folders
    text: str
    matches: Callable[[str], object]


# A pattern under way: which of its segments above may come next.
_UnderWay = tuple[_Pattern, frozenset[int]]


class _Floating:
    """Patterns without a slash: they hold in every folder below, so they are prepared once."""

    __slots__ = ("_names", "_suffixes", "_wild", "patterns")

    def __init__(self, patterns: tuple[_Pattern, ...]) -> None:
        texts = {pattern.text for pattern in patterns}
        wild = {text for text in texts if _WILD.search(text)}
        suffixes = {text for text in wild if text[0] == "*" and not _WILD.search(text, 1)}
        self.patterns = patterns
        self._names = texts - wild
        self._suffixes = tuple(text[1:] for text in suffixes)
        self._wild = re.compile("|".join(map(translate, wild - suffixes))) if wild - suffixes else None

    def may_match(self, name: str) -> bool:
        return name in self._names or name.endswith(self._suffixes) or bool(self._wild and self._wild.match(name))


class IgnoreRules:
    """The patterns of one file, as they stand in one folder at or below it."""

    __slots__ = ("_anchored", "_everything", "_floating", "_here")

    def __init__(self, floating: _Floating, anchored: tuple[_UnderWay, ...]) -> None:
        self._floating = floating
        self._anchored = anchored
        self._here = [pattern for pattern, steps in anchored if len(pattern.above) in steps]
        self._everything = sorted((*floating.patterns, *self._here), key=_latest_first) if self._here else floating.patterns

    def enter(self, name: str) -> IgnoreRules:
        """The same rules as they stand in the folder ``name`` of this folder."""
        if not self._anchored:
            return self
        moved = ((pattern, _step(pattern, steps, name)) for pattern, steps in self._anchored)
        return IgnoreRules(self._floating, tuple((pattern, steps) for pattern, steps in moved if steps))

    def verdict(self, name: str, is_folder: bool) -> bool | None:
        """Of an entry of this folder. True: left out; False: taken back in by ``!pattern``; None: no pattern speaks about it."""
        for pattern in self._everything if self._floating.may_match(name) else self._here:
            if (is_folder or not pattern.folders_only) and pattern.matches(name):
                return not pattern.negated
        return None


def read_rules(folder: str) -> IgnoreRules | None:
    """The rules of ``folder/.gitignore``, or None. A linked or unreadable one has none, as in git."""
    path = os.path.join(folder, ".gitignore")
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            text = file.read(_BYTES_LIMIT).decode("utf-8-sig", "surrogateescape")
    except OSError:
        return None
    return _rules(_patterns(text.split("\n")[:_LINES_LIMIT]))


def inherited_rules(root: str) -> tuple[IgnoreRules, ...]:
    """The rules between the top of the git work tree and ``root``; none if they leave out ``root``, which was named on purpose."""
    top, below = root, list[str]()
    while not os.path.exists(os.path.join(top, ".git")):
        top, name = os.path.split(top)
        if not name:
            return ()
        below.insert(0, name)
    chain: tuple[IgnoreRules, ...] = ()
    for name in below:
        chain = with_own(chain, read_rules(top))
        if is_ignored(name, True, chain):
            return ()
        chain = enter(chain, name)
        top = os.path.join(top, name)
    return chain


def exclude_rules(patterns: Sequence[str]) -> IgnoreRules | None:
    """A user's own patterns, written as in a .gitignore at the scanned root."""
    for pattern in patterns:
        if _pattern(0, pattern) is None:
            raise UsageError(f"exclude: {pattern!r} is not a pattern as in .gitignore")
    return _rules(_patterns(patterns))


def with_own(chain: tuple[IgnoreRules, ...], own: IgnoreRules | None) -> tuple[IgnoreRules, ...]:
    """The chain, outermost first, with a folder's own rules."""
    return chain if own is None else (*chain, own)


def enter(chain: tuple[IgnoreRules, ...], name: str) -> tuple[IgnoreRules, ...]:
    """The chain as it stands in the folder ``name``."""
    return tuple(rules.enter(name) for rules in chain)


def is_ignored(name: str, is_folder: bool, chain: Sequence[IgnoreRules]) -> bool:
    """Is this entry left out? The innermost rules that speak about it decide."""
    for rules in reversed(chain):
        verdict = rules.verdict(name, is_folder)
        if verdict is not None:
            return verdict
    return False


def _rules(patterns: Iterable[_Pattern]) -> IgnoreRules | None:
    ordered = sorted(patterns, key=_latest_first)
    if not ordered:
        return None
    floating = _Floating(tuple(pattern for pattern in ordered if pattern.above == (None,)))
    anchored = (pattern for pattern in ordered if pattern.above != (None,))
    return IgnoreRules(floating, tuple((pattern, _reach(pattern, [0])) for pattern in anchored))


def _latest_first(pattern: _Pattern) -> int:
    return -pattern.order


def _patterns(lines: Iterable[str]) -> Iterator[_Pattern]:
    for order, line in enumerate(lines):
        pattern = _pattern(order, line.removesuffix("\r"))
        if pattern is not None:
            yield pattern


def _pattern(order: int, line: str) -> _Pattern | None:
    """None: a comment, an empty line, or one that can match nothing."""
    text = _TRAILING_SPACES.sub("", line)
    if text.startswith("#"):
        return None
    body = text.removeprefix("!")
    segments = body.removesuffix("/").split("/")
    if len(segments) == 1:
        segments.insert(0, _ANY_DEPTH)
    elif not segments[0]:
        del segments[0]
    if not all(map(_is_sound, segments)):
        return None
    if segments[-1] == _ANY_DEPTH:
        segments.append("*")
    return _Pattern(
        order=order,
        negated=text != body,
        folders_only=body.endswith("/"),
        above=tuple(None if segment == _ANY_DEPTH else _matcher(segment) for segment in segments[:-1]),
        text=_as_fnmatch(segments[-1]),
        matches=_matcher(segments[-1]),
    )


def _is_sound(segment: str) -> bool:
    rest = _ESCAPED.sub("", segment)
    return bool(segment) and "[:" not in rest and not rest.endswith("\\") and "[" not in _CLASS.sub("", rest)


def _as_fnmatch(segment: str) -> str:
    plain = _ESCAPED.sub(lambda match: f"[{match[1]}]" if match[1] in "*?[" else match[1], segment)
    return plain.replace("[^", "[!")


def _matcher(segment: str) -> Callable[[str], object]:
    text = _as_fnmatch(segment)
    return re.compile(translate(text)).match if _WILD.search(text) else text.__eq__


def _step(pattern: _Pattern, steps: frozenset[int], name: str) -> frozenset[int]:
    """Where a pattern stands after one more folder."""
    after: list[int] = []
    for step in steps:
        if step == len(pattern.above):
            continue
        matches = pattern.above[step]
        if matches is None:
            after.append(step)
        elif matches(name):
            after.append(step + 1)
    return _reach(pattern, after)


def _reach(pattern: _Pattern, steps: Iterable[int]) -> frozenset[int]:
    """With every step that is reached by letting ``**`` stand for no folder at all."""
    reached = set(steps)
    for step, matches in enumerate(pattern.above):
        if matches is None and step in reached:
            reached.add(step + 1)
    return frozenset(reached)
