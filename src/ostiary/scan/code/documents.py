"""Reads OpenAPI documents in YAML or JSON into nodes.

Read event by event with a stack of our own, so that neither depth nor aliases within aliases cost more than their bytes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from ostiary.scan.code.ir import pack
from ostiary.scan.code.nodes import Node, Unreadable
from ostiary.scan.lazy import Pattern

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 100
_TEMPLATE = Pattern(rb"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PLACEHOLDER = Pattern(rb"\{\{.*?\}\}", re.DOTALL)


def load(source: bytes) -> Node:
    """The root node of a document. Raises Unreadable."""
    try:
        return _compose(_without_template(source))
    except yaml.YAMLError as error:
        problem = error
    try:
        return _plain(json.loads(source))
    except (ValueError, RecursionError):
        mark = getattr(problem, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise Unreadable(f"neither YAML nor JSON{where}") from None


def _without_template(source: bytes) -> bytes:
    """connexion renders a document with Jinja first; what is computed becomes a word, and lines stay."""
    if b"{{" not in source and b"{%" not in source:
        return source
    source = _TEMPLATE.sub(lambda found: b"\n" * found.group().count(b"\n"), source)
    return _PLACEHOLDER.sub(lambda found: b"computed" + b"\n" * found.group().count(b"\n"), source)


def _compose(source: bytes) -> Node:
    anchors: dict[str, Node] = {}
    # what is open: a node, and for a mapping the key that waits for its value
    open_nodes: list[tuple[Node, list[str]]] = []
    root: Node | None = None
    for event in yaml.parse(source, Loader=_LOADER):
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event, anchors)
        if root is None:
            root = node
        elif open_nodes:
            _attach(*open_nodes[-1], node)
        else:
            break
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((node, []))
        if len(open_nodes) > _MAX_DEPTH:
            raise Unreadable("nested too deeply")
    if root is None:
        raise Unreadable("empty")
    return root


def _node(event: Any, anchors: dict[str, Node]) -> Node:
    if isinstance(event, yaml.AliasEvent):
        return anchors.get(event.anchor or "", Node(""))
    at = pack(event.start_mark.line + 1, event.start_mark.column)
    node = Node(event.value if isinstance(event, yaml.ScalarEvent) else {} if isinstance(event, yaml.MappingStartEvent) else [], at)
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _attach(holder: Node, key: list[str], node: Node) -> None:
    if isinstance(holder.value, list):
        holder.value.append(node)
    elif not key:
        key.append(node.text if node.text is not None else "")
    elif isinstance(holder.value, dict):
        holder.value[key.pop()] = node


def _plain(value: Any) -> Node:
    """JSON that is no YAML (surrogate pairs in escapes): no places."""
    if isinstance(value, dict):
        return Node({str(k): _plain(v) for k, v in value.items()})
    if isinstance(value, list):
        return Node([_plain(v) for v in value])
    return Node(value if isinstance(value, str) else "" if value is None else str(value))
