"""The text of a file with some plans applied, in one pass over its tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from ostiary.fix import imports
from ostiary.fix.plan import Change, Plan
from ostiary.fix.source import Source


class _Rewriter(cst.CSTTransformer):
    def __init__(self, changes: dict[cst.CSTNode, Change]) -> None:
        self._changes = changes

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> Any:
        change = self._changes.get(original_node)
        return updated_node if change is None else change(updated_node)


def render(source: Source, plans: Iterable[Plan]) -> bytes:
    """Encoding, byte order mark and line endings are the file's own."""
    chosen = list(plans)
    changes = {node: change for plan in chosen for node, change in plan.changes.items()}
    module = cst.ensure_type(source.module.visit(_Rewriter(changes)), cst.Module)
    module = imports.add(module, (need for plan in chosen for need in plan.needs))
    return imports.drop(module, {name for plan in chosen for name in plan.drops}).bytes
