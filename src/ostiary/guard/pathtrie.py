"""Which of many patterns mean a path: a trie of segments, walked once, whatever the number of patterns.

Patterns are those of ``model/patterns.py``; ``{name}`` stands for ``*``. Several may mean one path, and ``**`` may stand for any number of
segments, so a node of the trie is the set of all places in all patterns at which the path may be by now. Nodes are made when a path first
comes to them. Only segments that stand in a pattern lead to nodes of their own: what strangers write there makes the trie no bigger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MOST_NODES = 20_000
_PARAMETER = re.compile(r"\{[^/{}]*\}")
_Place = tuple[int, int]


class _Node:
    __slots__ = ("ends", "globs", "literals", "other", "places", "to")

    def __init__(self, places: frozenset[_Place]) -> None:
        self.places = places
        self.ends: tuple[int, ...] = ()
        self.literals: dict[str, list[_Place]] = {}
        self.globs: list[tuple[re.Pattern[str], _Place]] = []
        # For every segment that stands in a pattern; None until it is first met. ``other`` is where any further segment leads.
        self.to: dict[str, _Node | None] = {}
        self.other: _Node | None = None


class PathTrie:
    """``find`` gives the indices of the patterns that mean a path, in order. A pattern that ends in a slash means the path without it, too."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._ways: list[tuple[int, Sequence[str]]] = []
        for index, pattern in enumerate(patterns):
            self._ways += [(index, way) for way in _ways(_PARAMETER.sub("*", pattern))]
        self._nodes: dict[frozenset[_Place], _Node] = {}
        self._root = self._node([(way, 0) for way in range(len(self._ways))])

    def find(self, path: str) -> tuple[int, ...]:
        """``path`` begins with a slash; every segment counts, empty ones included."""
        node = self._root
        for segment in path[1:].split("/"):
            after = node.to.get(segment, node.other)
            node = self._step(node, segment) if after is None else after
        return node.ends

    def _step(self, node: _Node, segment: str) -> _Node:
        places = [(way, at) for way, at in node.places if self._part(way, at) == "**"]
        places += [(way, at + 1) for way, at in node.places if self._part(way, at) == "*"]
        places += node.literals.get(segment, [])
        places += [place for glob, place in node.globs if glob.fullmatch(segment)]
        after = self._node(places)
        if after.places in self._nodes:
            if segment in node.to:
                node.to[segment] = after
            elif not node.globs:
                node.other = after
        return after

    def _part(self, way: int, at: int) -> str | None:
        parts = self._ways[way][1]
        return parts[at] if at < len(parts) else None

    def _node(self, reached: Iterable[_Place]) -> _Node:
        places = frozenset(self._with_none(reached))
        found = self._nodes.get(places)
        if found is not None:
            return found
        made = self._made(places)
        if len(self._nodes) < _MOST_NODES:
            self._nodes[places] = made
        return made

    def _with_none(self, reached: Iterable[_Place]) -> Iterable[_Place]:
        """These places, and those that are reached where ``**`` stands for no segment."""
        for way, at in reached:
            yield way, at
            while self._part(way, at) == "**":
                at += 1
                yield way, at

    def _made(self, places: frozenset[_Place]) -> _Node:
        node = _Node(places)
        ends = set()
        for way, at in places:
            part = self._part(way, at)
            if part is None:
                ends.add(self._ways[way][0])
            elif "*" not in part:
                node.literals.setdefault(part, []).append((way, at + 1))
            elif part not in ("*", "**"):
                node.globs.append((_glob(part), (way, at + 1)))
        node.ends = tuple(sorted(ends))
        node.to = dict.fromkeys(node.literals)
        return node


def _ways(pattern: str) -> Iterable[list[str]]:
    parts = pattern[1:].split("/")
    yield parts
    if len(parts) > 1 and parts[-1] == "":
        yield parts[:-1]


def _glob(part: str) -> re.Pattern[str]:
    """Each piece where it comes first is as good as anywhere later, so nothing is tried twice: a segment of any length costs linear time."""
    first, *between, last = [re.escape(piece) for piece in part.split("*")]
    return re.compile(first + "".join(f"(?>[^/]*?{piece})" for piece in between) + "[^/]*" + last, re.DOTALL)
