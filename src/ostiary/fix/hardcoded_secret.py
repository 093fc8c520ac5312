"""The literal moves to the environment: ``os.environ["NAME"]``, a settings field without a default, a look-up without a fallback."""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from ostiary.fix.environment import OS, is_read, key_of, read, required
from ostiary.fix.naming import Names
from ostiary.fix.nodes import contains, dotted, keyword, last_name, method, without
from ostiary.fix.plan import Change, Declined, Need, Plan
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree, require
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import last_name as called
from ostiary.scan.code.ir import line_of
from ostiary.scan.rules._sources import read_of
from ostiary.scan.rules.hardcoded_secret import literals

_PASTIME = re.compile(r"dev|local|debug|test", re.IGNORECASE)
_TEXTS = (cst.SimpleString, cst.ConcatenatedString)
_COLLECTIONS = (cst.List, cst.Tuple, cst.Set)
_WRAPPERS = ("SecretStr", "SecretBytes", "Secret")


@dataclass(frozen=True, slots=True)
class _Edit:
    """``variable`` "" when nothing new is read."""

    node: cst.CSTNode
    change: Change
    variable: str
    needs: tuple[Need, ...] = ()


def is_guessable(finding: Finding, tree: Tree) -> bool:
    """A guessable key whose literal stands on the line of the finding: one finding speaks for both weaknesses."""
    at = finding.at
    if finding.weakness != "jwt-weak-secret" or at is None or at.file not in tree.modules:
        return False
    return any(line_of(suspect.at) == at.line for suspect, _ in literals(tree.site(at.file)))


def plan(finding: Finding, tree: Tree, names: Names) -> Plan:
    """Every secret on the line of the finding at once."""
    source, at = tree.place(finding)
    if "is compared with" in finding.message:
        return _compared(finding, tree, source, at, names)
    line = line_of(at)
    found = [(suspect.at, suspect.name, suspect.text) for suspect, _ in literals(tree.site(source.path)) if line_of(suspect.at) == line]
    edits: dict[cst.CSTNode, _Edit] = {}
    values: dict[str, str] = {}
    for place, name, text in dict.fromkeys(found):
        edit = _edit(tree, source, place, name, text, names)
        edits.setdefault(edit.node, edit)
        if edit.variable:
            values.setdefault(edit.variable, text)
    return _plan(finding, source, list(edits.values()), values)


def _plan(finding: Finding, source: Source, edits: list[_Edit], values: dict[str, str]) -> Plan:
    if not edits:
        raise Declined("the place is written in a way that the editor does not know")
    needs = tuple(need for edit in edits for need in edit.needs)
    several = " and ".join(dict.fromkeys(edit.variable for edit in edits if edit.variable)) or "it"
    note = f"set {several} where the program runs, and revoke the value that was committed: it stays in the history"
    return Plan((finding,), source.path, {edit.node: edit.change for edit in edits}, note, needs, variables=values)


def _edit(tree: Tree, source: Source, at: int, name: str, text: str, names: Names) -> _Edit:
    node = source.find(at, cst.BaseExpression, lambda n: isinstance(n, _TEXTS))  # type: ignore[type-abstract]
    parent = source.parent(node)
    if any(isinstance(n, cst.ClassDef) and _PASTIME.search(n.name.value) for n in source.above(node)):
        raise Declined("the class is for development, and other programs that import it would miss the variable")
    if isinstance(parent, cst.DictElement) and parent.key is node:
        raise Declined("the secrets are the keys of a dict: move the table out of the source as a whole")
    if contains(node, (cst.FormattedString,)):
        raise Declined("the secret is part of a computed text")
    fallback = _fallback(source, node)
    if fallback is not None:
        return fallback
    field = _settings_field(tree, source, node)
    if field is not None:
        return field
    collection = _collection(source, node)
    if collection is not None:
        return _listed(source, collection, names.name(source, collection, name, text), type(collection))
    variable = names.name(source, node, name, text)
    return _Edit(node, lambda old: _in_place(source, old, variable), variable, (require(source, OS),))


def _in_place(source: Source, old: cst.BaseExpression, variable: str) -> cst.BaseExpression:
    """Bytes stay bytes."""
    first = old.left if isinstance(old, cst.ConcatenatedString) else old
    quote = first.quote[0] if isinstance(first, cst.SimpleString) else source.quote
    fresh = read(variable, quote)
    return method(fresh, "encode") if isinstance(first, cst.SimpleString) and "b" in first.prefix.lower() else fresh


def _fallback(source: Source, node: cst.BaseExpression) -> _Edit | None:
    """``os.getenv("KEY", "…")``, ``os.environ.get("KEY") or "…"``, ``config("KEY", default="…")``."""
    parent = source.parent(node)
    if isinstance(parent, cst.BooleanOperation) and isinstance(parent.operator, cst.Or) and parent.right is node:
        left = parent.left
        if not isinstance(left, cst.Call) or not is_read(left):
            return None
        _, needs = required(source, left)
        return _Edit(parent, lambda new: required(source, new.left)[0], key_of(left), needs)
    call = source.parent(parent) if isinstance(parent, cst.Arg) else None
    if not isinstance(call, cst.Call) or not call.args or call.args[0] is parent:
        return None
    if is_read(call):
        _, needs = required(source, call)
        return _Edit(call, lambda new: required(source, new)[0], key_of(call), needs)
    if last_name(call.func) == "setdefault" and isinstance(call.func, cst.Attribute) and last_name(call.func.value) == "environ":
        raise Declined("it is put into the environment here: take the line away and set the variable outside")
    if last_name(call.func) in ("config", "env") or (isinstance(call.func, cst.Attribute) and last_name(call.func.value) == "env"):
        return _Edit(call, _without_default, key_of(call))
    return None


def _without_default(call: cst.Call) -> cst.Call:
    if keyword(call, "default") is not None:
        return without(call, "default")
    first, _, *rest = call.args
    return call.with_changes(args=[first if rest else first.with_changes(comma=cst.MaybeSentinel.DEFAULT), *rest])


def _settings_field(tree: Tree, source: Source, node: cst.CSTNode) -> _Edit | None:
    """A pydantic field without a default is read from the environment, and must be there."""
    above = list(source.above(node))
    field = next((n for n in above if isinstance(n, cst.AnnAssign)), None)
    cls = next((n for n in above if isinstance(n, (cst.ClassDef, cst.FunctionDef))), None)
    if field is None or not isinstance(cls, cst.ClassDef) or not tree.is_settings(source.path, source.line(cls)):
        return None
    variable = (_prefix(cls) + last_name(field.target)).upper()
    if field.value is node or (isinstance(field.value, cst.Call) and last_name(field.value.func) in _WRAPPERS):
        return _Edit(field, lambda new: new.with_changes(value=None, equal=cst.MaybeSentinel.DEFAULT), variable)
    if isinstance(field.value, cst.Call) and last_name(field.value.func) == "Field":
        return _Edit(field.value, _required_field, variable)
    raise Declined("the default of this setting is computed")


def _prefix(cls: cst.ClassDef) -> str:
    """``env_prefix`` of ``model_config`` or of the inner class ``Config``."""
    for statement in cls.body.body:
        found = _prefixes(statement) if not isinstance(statement, cst.FunctionDef) else None
        if found is not None:
            return found
    return ""


def _prefixes(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "env_prefix":
        return _value(node.value)
    if isinstance(node, cst.Assign) and last_name(node.targets[0].target) == "env_prefix":
        return _value(node.value)
    return next((found for child in node.children if (found := _prefixes(child)) is not None), None)


def _required_field(call: cst.Call) -> cst.Call:
    """``Field(…)`` without its default."""
    if keyword(call, "default") is not None:
        return without(call, "default")
    first, *rest = call.args
    return call.with_changes(args=[first.with_changes(value=cst.Ellipsis()), *rest])


def _collection(source: Source, node: cst.CSTNode) -> cst.BaseExpression | None:
    """The list, tuple or set that the text is a member of."""
    element = source.parent(node)
    above = source.parent(element) if isinstance(element, cst.Element) else None
    return above if isinstance(above, _COLLECTIONS) else None


def _listed(source: Source, collection: cst.BaseExpression, variable: str, kind: type[cst.CSTNode] = cst.List) -> _Edit:
    """All members together are one variable, with commas between them."""
    if any(not isinstance(element.value, _TEXTS) or _is_bytes(element.value) for element in collection.elements):  # type: ignore[attr-defined]
        raise Declined("the collection holds more than texts")
    several = variable if variable.endswith("S") else f"{variable}S"
    split = method(read(several, source.quote), "split", cst.SimpleString(source.text(",")))
    made = "tuple" if kind is cst.Tuple else "set" if kind is cst.Set else ""
    fresh = cst.Call(dotted(made), [cst.Arg(split)]) if made else split
    return _Edit(collection, lambda _: fresh, several, (require(source, OS),))


def _is_bytes(node: cst.BaseExpression) -> bool:
    first = node.left if isinstance(node, cst.ConcatenatedString) else node
    return isinstance(first, cst.SimpleString) and "b" in first.prefix.lower()


def _compared(finding: Finding, tree: Tree, source: Source, at: int, names: Names) -> Plan:
    """``if key != "…"``, ``if key in ("…", "…")``."""
    node = source.find(at, cst.Comparison)
    _, expr = tree.compare(source.path, at)
    right = node.comparisons[0].comparator
    if len(node.comparisons) > 1:
        raise Declined("it is a chain of comparisons")
    literal, asked = (right, expr[2]) if isinstance(right, (*_TEXTS, *_COLLECTIONS)) else (node.left, expr[4][0])
    known = read_of(asked)
    said = known[1] if known is not None else called(asked)
    edit, text = _literal(source, literal, said, names)
    return _plan(finding, source, [edit], {edit.variable: text})


def _literal(source: Source, literal: cst.BaseExpression, said: str, names: Names) -> tuple[_Edit, str]:
    if isinstance(literal, _COLLECTIONS):
        texts = [_value(element.value) for element in literal.elements]
        text = ",".join(texts)
        return _listed(source, literal, names.name(source, literal, said, text)), text
    text = _value(literal)
    variable = names.name(source, literal, said, text)
    return _Edit(literal, lambda old: _in_place(source, old, variable), variable, (require(source, OS),)), text


def _value(node: cst.CSTNode) -> str:
    value = node.evaluated_value if isinstance(node, _TEXTS) else None
    return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else ""
