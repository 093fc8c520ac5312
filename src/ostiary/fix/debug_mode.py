"""``debug=True`` is left out of calls, so that who starts the process decides; settings that say so are switched off."""

from __future__ import annotations

import re

import libcst as cst

from ostiary.fix.nodes import around, code, keyword, last_name, without, words_of
from ostiary.fix.plan import Change, Declined, Plan
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree
from ostiary.model.finding import Finding

_STARTED = "debug mode is off; on your own machine: flask run --debug, or FLASK_DEBUG=1"
_ASGI = "debug mode is off, as it is by default"
_SET = "debug mode is off here; on your own machine: flask run --debug"
_KEYWORDS = ("debug", "use_debugger")
_ASKED = re.compile(r"debug|dev(?:elop|_|$)|local", re.IGNORECASE)
_OFF = {"DEBUG": "False", "debug": "False", "FLASK_DEBUG": '"0"', "FLASK_ENV": '"production"'}


def plan(finding: Finding, tree: Tree) -> Plan:
    """One change at the place of the finding; Declined when it is not written in a known way."""
    source, at = tree.place(finding)
    _require_unconditional(source, finding)
    call = source.look(at, cst.Call, _has_debug)
    if call is None:
        return _setting(finding, source)
    name = next(name for name in _KEYWORDS if keyword(call, name) is not None)
    note = _STARTED if last_name(call.func) in ("run", "run_simple") else _ASGI
    return Plan((finding,), source.path, {call: lambda node: without(node, name)}, note)


def _require_unconditional(source: Source, finding: Finding) -> None:
    """``if settings.debug: app.debug = True`` is what a developer asked for."""
    here = next((n for n in source.positions if isinstance(n, cst.BaseSmallStatement) and source.holds(n, finding)), None)
    tests = [n.test for n in source.above(here) if isinstance(n, cst.If)] if here is not None else []
    if any(_ASKED.search(name) for test in tests for name in words_of(test)):
        raise Declined("it is on only where the condition around it asks for it")


def _has_debug(call: cst.Call) -> bool:
    return any(keyword(call, name) is not None for name in _KEYWORDS)


def _setting(finding: Finding, source: Source) -> Plan:
    """``app.debug = True``, ``app.config["DEBUG"] = True``, ``config.update(DEBUG=True)``, ``os.environ["FLASK_DEBUG"] = "1"``."""
    line = finding.at.line if finding.at is not None else 0
    found = [(name, value) for node in source.positions if source.line(node) == line for name, value in _settings(node)]
    if not found:
        raise Declined("the place is written in a way that the editor does not know")
    changes: dict[cst.CSTNode, Change] = {value: _off(name, source) for name, value in found}
    return Plan((finding,), source.path, changes, _SET)


def _off(name: str, source: Source) -> Change:
    text = _OFF[name].replace('"', source.quote)
    return lambda node: around(node, cst.parse_expression(text))


def _settings(node: cst.CSTNode) -> list[tuple[str, cst.BaseExpression]]:
    """(name, value) of what a node sets to an on."""
    if isinstance(node, cst.Assign):
        named = [(_target(target.target), node.value) for target in node.targets]
    elif isinstance(node, cst.AnnAssign) and node.value is not None:
        named = [(_target(node.target), node.value)]
    elif isinstance(node, cst.Arg) and node.keyword is not None:
        named = [(node.keyword.value, node.value)]
    elif isinstance(node, cst.DictElement):
        named = [(_text(node.key), node.value)]
    else:
        return []
    return [(name, value) for name, value in named if name in _OFF and code(value) not in ("False", "None", "0")]


def _target(target: cst.BaseExpression) -> str:
    """``DEBUG`` of ``app.config["DEBUG"]`` and of ``Config.DEBUG``."""
    if isinstance(target, cst.Subscript):
        index = target.slice[0].slice
        return _text(index.value) if isinstance(index, cst.Index) else ""
    return last_name(target)


def _text(node: cst.BaseExpression) -> str:
    value = node.evaluated_value if isinstance(node, cst.SimpleString) else ""
    return value if isinstance(value, str) else ""
