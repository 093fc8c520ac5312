"""Source: one file as a tree that keeps every character, and where its nodes stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from ostiary.fix.imports import imported
from ostiary.fix.plan import Declined
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import column_of, line_of

_BREAK = re.compile(r"\r\n?|\n")
N = TypeVar("N", bound=cst.CSTNode)


class Source:
    """``places`` in the compact form of ``scan.code.ir`` (line, column in UTF-8 bytes) find nodes, which count in characters."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.module = parsed(data)
        wrapper = MetadataWrapper(self.module, unsafe_skip_copy=True)
        self.positions = wrapper.resolve(PositionProvider)
        self.parents = wrapper.resolve(ParentNodeProvider)
        self._lines = _BREAK.split(self.module.code)

    @cached_property
    def _nodes(self) -> dict[tuple[int, int], list[cst.CSTNode]]:
        found: dict[tuple[int, int], list[cst.CSTNode]] = {}
        for node, place in self.positions.items():
            found.setdefault((place.start.line, place.start.column), []).append(node)
        return found

    def look(self, at: int, kind: type[N], fits: Callable[[N], bool] = lambda _: True) -> N | None:
        """The outermost node of a kind that begins at a place."""
        line, column = line_of(at), column_of(at) - 1
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        characters = len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))
        found = [node for node in self._nodes.get((line, characters), ()) if isinstance(node, kind) and fits(node)]
        return max(found, key=self._end, default=None)

    def find(self, at: int, kind: type[N], fits: Callable[[N], bool] = lambda _: True) -> N:
        """The same; Declined when there is none."""
        node = self.look(at, kind, fits)
        if node is None:
            raise Declined("the place is written in a way that the editor does not know")
        return node

    def _end(self, node: cst.CSTNode) -> tuple[int, int]:
        end = self.place(node).end
        return end.line, end.column

    def place(self, node: cst.CSTNode) -> CodeRange:
        place: CodeRange = self.positions[node]
        return place

    def line(self, node: cst.CSTNode) -> int:
        return self.place(node).start.line

    def holds(self, node: cst.CSTNode, finding: Finding) -> bool:
        """Does a finding's line lie within the node?"""
        place = self.place(node)
        return finding.at is not None and place.start.line <= finding.at.line <= place.end.line

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.parents.get(node)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The node's parent, its parent, and so on."""
        parent = self.parents.get(node)
        while parent is not None:
            yield parent
            parent = self.parents.get(parent)

    @cached_property
    def quote(self) -> str:
        """The kind of quotation mark that the file prefers."""
        return "'" if self.module.code.count("'") > 2 * self.module.code.count('"') else '"'

    def text(self, value: str) -> str:
        """A string literal in the file's style; ``value`` holds no quotation marks."""
        return f"{self.quote}{value}{self.quote}"

    @cached_property
    def imported(self) -> frozenset[str]:
        """What the imports at the top bind."""
        return frozenset(local for _, _, local in imported(self.module))

    @cached_property
    def names(self) -> _Names:
        names = _Names()
        self.module.visit(names)
        return names


def parsed(data: bytes) -> cst.Module:
    """The tree of a file; Declined when LibCST cannot read it."""
    try:
        return cst.parse_module(data)
    except (cst.ParserSyntaxError, RecursionError, UnicodeError, LookupError, cst.CSTValidationError):
        raise Declined("the editor cannot read this file's syntax") from None


class _Names(cst.CSTVisitor):
    """Names that are bound by anything but an import, or by an import inside a function."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self._depth = 0

    def visit_ImportAlias(self, node: cst.ImportAlias) -> None:
        if self._depth and isinstance(node.name, cst.Name) and node.asname is None:
            self.bound.add(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: ARG002  # the name and form are LibCST's
        self._depth -= 1

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._bind(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target)

    def visit_CompFor(self, node: cst.CompFor) -> None:
        self._bind(node.target)

    def visit_AsName(self, node: cst.AsName) -> None:
        self._bind(node.name)

    def visit_Param(self, node: cst.Param) -> None:
        self.bound.add(node.name.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.bound.add(node.name.value)
        self._depth += 1

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.bound.add(node.name.value)

    def _bind(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Name):
            self.bound.add(target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value)
