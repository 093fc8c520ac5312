"""OpenAPI documents as nodes with their places: every scalar is text, an alias is the node that it names, nothing is expanded.

Apart from ``documents``, which reads them: the YAML library takes as long to import as a small scan, and few projects need it.
"""

from __future__ import annotations

from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

_MAX_MERGES = 10
_NAMED = Pattern(rb"[\"']?(?:operationId|x-(?:openapi|swagger)-router-controller|x-[A-Za-z]+Func)[\"']?\s*:\s*[\"']?([A-Za-z_][\w.]*)")


class Unreadable(Exception):
    """No document; the message says why in a few words."""


@record
class Node:
    """``value`` is the text of a scalar, a list of nodes, or a dict of nodes by text; ``at`` packs line and column, 0 when unknown."""

    value: str | list[Node] | dict[str, Node]
    at: int = 0

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    @property
    def items(self) -> list[Node]:
        return self.value if isinstance(self.value, list) else []

    @property
    def pairs(self) -> dict[str, Node]:
        """The members of a mapping, those that ``<<`` brings in after its own."""
        return (
            self._merged(0) if isinstance(self.value, dict) and "<<" in self.value else self.value if isinstance(self.value, dict) else {}
        )

    def _merged(self, depth: int) -> dict[str, Node]:
        own = self.value if isinstance(self.value, dict) else {}
        merge = own.get("<<")
        if merge is None or depth > _MAX_MERGES:
            return own
        found: dict[str, Node] = {}
        for source in merge.items or [merge]:
            found = {**source._merged(depth + 1), **found}
        return {**found, **{k: v for k, v in own.items() if k != "<<"}}

    def get(self, *keys: str) -> Node | None:
        """The node below, key by key."""
        node: Node | None = self
        for key in keys:
            node = node.pairs.get(key) if node is not None else None
        return node


def named(source: bytes) -> set[str]:
    """Dotted names of the functions that a document leads to."""
    return {found.decode() for found in _NAMED.findall(source)}
