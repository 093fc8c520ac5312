"""Modules as plain nested tuples, so that tests can compare them."""

from __future__ import annotations

from typing import Any

from ostiary.scan.code.convert import convert
from ostiary.scan.code.ir import ClassDef, Function, Module, line_of


def read(source: str | bytes) -> Module:
    return convert(source.encode() if isinstance(source, str) else source, "m", "m.py", False)


def shape(node: Any, *, places: bool = False) -> Any:
    """A node without its places; with ``places``, line numbers stay."""
    if isinstance(node, Function):
        params = [(p.name, shape(p.annotation, places=places), shape(p.default, places=places), p.kind) for p in node.params]
        inside = [shape(part, places=places) for part in (node.decorators, node.returns, node.body)]
        return ("function", line_of(node.at) * places, node.name, params, *inside)
    if isinstance(node, ClassDef):
        return ("class", line_of(node.at) * places, node.name, *[shape(p, places=places) for p in (node.bases, node.keywords, node.body)])
    if not isinstance(node, tuple):
        return node
    if len(node) > 1 and type(node[0]) is str and type(node[1]) is int:
        rest = [shape(part, places=places) for part in node[2:]]
        return (node[0], line_of(node[1]), *rest) if places else (node[0], *rest)
    return tuple(shape(part, places=places) for part in node)
