"""A check that must not pass when the secret is missing: the secret becomes required, or the clause that lets everybody through refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from ostiary.fix import swallowed
from ostiary.fix.environment import is_read, key_of, required
from ostiary.fix.nodes import bare, code, contains, enclosed, item, last_name
from ostiary.fix.plan import Change, Declined, Plan
from ostiary.fix.refusal import Refusal, refusal
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import ClassDef, Expr, Function, Stmt
from ostiary.scan.code.ir import last_name as called
from ostiary.scan.code.values import Cls, Const, Either, Made, Obj, Value
from ostiary.scan.rules._compares import pair
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._leaving import blocks
from ostiary.scan.rules._settings import from_environment
from ostiary.scan.rules._sources import read_of
from ostiary.scan.rules._unset import is_settings, unset

_DIGESTS = ("compare_digest", "safe_str_cmp")
_EFFECTS = (cst.Await, cst.Yield, cst.NamedExpr)


def plan(finding: Finding, tree: Tree) -> Plan:
    """By what stands at the place: a comparison, a clause, a handler of exceptions."""
    source, at = tree.place(finding)
    handler, clause = source.look(at, cst.ExceptHandler), source.look(at, cst.If)
    if handler is not None:
        return swallowed.plan(finding, tree, source, handler, at)
    if clause is not None:
        return _clause(finding, tree, source, clause, at)
    return _compared(finding, tree, source, at)


def _compared(finding: Finding, tree: Tree, source: Source, at: int) -> Plan:
    flow, left, right = sides(tree, source.path, at)
    found = pair(flow, left, right)
    if found is None:
        raise Declined("which of the two sides is the server's cannot be told")
    configured = _configured(tree, flow.expand(found.kept))
    if configured is not None and configured.module.path == source.path:
        return _require_both(finding, tree, source, flow.expand(found.kept), configured)
    origin = _origin(flow, found.kept)
    if origin is not None:
        return _require(finding, tree, *origin)
    return _guard(finding, source, at, found.kept)


def sides(tree: Tree, path: str, at: int) -> tuple[Flow, Expr, Expr]:
    """What is compared at a place, by an operator or by ``compare_digest``."""
    try:
        flow, expr = tree.compare(path, at)
        return flow, expr[2], expr[4][0]
    except Declined:
        flow, expr = tree.call(path, at, *_DIGESTS)
    if len(expr[3]) < 2:
        raise Declined("the two sides are not both in the call")
    return flow, expr[3][0], expr[3][1]


Origin = tuple[str, int, str]
"""Where a secret that may be unset is read: file, place, and the name of the settings field or "" for a read of the environment."""


def _origin(flow: Flow, expr: Expr) -> Origin | None:
    expr = flow.expand(expr)
    if expr[0] == "bool":
        return _origin(flow, expr[3][0])
    if expr[0] == "fstr":
        return next((_origin(flow, part) for part in expr[2] if part[0] != "str" and unset(flow, part) is not None), None)
    if expr[0] == "call":
        base = called(expr[2][2]) if expr[2][0] == "attr" else ""
        return (flow.function.module.path, expr[1], "") if base != "config" else None
    if expr[0] == "attr":
        field = _field(flow, expr)
        if field is not None:
            return field
    value = flow.world.value(expr, flow.world.inside(flow.function))
    made = next((option for option in _options(value) if _may_miss(option)), None)
    return (made.module.path, made.at, "") if isinstance(made, Made) else None


def _options(value: Value) -> tuple[Value, ...]:
    return tuple(value.options) if isinstance(value, Either) else (value,)


def _may_miss(value: Value) -> bool:
    found = from_environment(value)
    return found is not None and not found[2]


def _field(flow: Flow, expr: Expr) -> Origin | None:
    """The field of a pydantic settings class."""
    value = flow.world.value(expr[2], flow.world.inside(flow.function))
    for option in _options(value):
        bases = flow.world.bases(option) if isinstance(option, (Obj, Cls)) else ()
        if not is_settings(bases):
            continue
        for base in bases:
            at = _declared(base.cls, expr[3]) if isinstance(base, Cls) else None
            if at is not None and isinstance(base, Cls):
                return base.cls.module.path, at, expr[3]
    return None


def _declared(cls: ClassDef, name: str) -> int | None:
    return next((s[1] for s in cls.body if s[0] == "assign" and s[2][0][0] == "name" and s[2][0][2] == name and s[3] is not None), None)


def _require(finding: Finding, tree: Tree, path: str, at: int, field: str) -> Plan:
    source = tree.source(path)
    if field:
        return _require_field(finding, source, source.find(at, cst.AnnAssign), field)
    call = source.find(at, cst.Call, is_read)
    _, needs = required(source, call)
    name = key_of(call) or "the variable"
    note = f"{name} must be set: without it the program stops instead of letting everybody in"
    return Plan((finding,), path, {call: lambda node: required(source, node)[0]}, note, needs)


def _configured(tree: Tree, expr: Expr) -> Made | None:
    """What ``config.get("KEY")`` reads, when an application's configuration takes it from the environment."""
    read = read_of(expr)
    if read is None or called(read[0]) != "config":
        return None
    found = [option for app in tree.apps for option in _options(app.config.get(read[1], Const(None))) if _may_miss(option)]
    return found[0] if len(found) == 1 and isinstance(found[0], Made) else None


def _require_both(finding: Finding, tree: Tree, source: Source, kept: Expr, made: Made) -> Plan:
    """Where the setting is made it must be there, and so where it is read."""
    plan = _require(finding, tree, source.path, made.at, "")
    call = source.find(kept[1], cst.Call, lambda node: last_name(node.func) == "get")
    return replace(plan, changes={**plan.changes, call: _item})


def _item(call: cst.Call) -> cst.Subscript:
    return item(cst.ensure_type(call.func, cst.Attribute).value, call.args[0].value)


def _require_field(finding: Finding, source: Source, node: cst.AnnAssign, field: str) -> Plan:
    note = f"the setting {field} must be given: without it the program stops instead of letting everybody in"
    return Plan((finding,), source.path, {node: _without_default}, note)


def _without_default(node: cst.AnnAssign) -> cst.AnnAssign:
    annotation = node.annotation.with_changes(annotation=_not_none(node.annotation.annotation))
    return node.with_changes(annotation=annotation, value=None, equal=cst.MaybeSentinel.DEFAULT)


def _not_none(annotation: cst.BaseExpression) -> cst.BaseExpression:
    """``str`` of ``str | None`` and ``Optional[str]``."""
    if isinstance(annotation, cst.BinaryOperation) and code(annotation.right) == "None":
        return annotation.left
    if isinstance(annotation, cst.BinaryOperation) and code(annotation.left) == "None":
        return annotation.right
    if isinstance(annotation, cst.Subscript) and last_name(annotation.value) == "Optional":
        index = annotation.slice[0].slice
        return index.value if isinstance(index, cst.Index) else annotation
    return annotation


def _guard(finding: Finding, source: Source, at: int, kept: Expr) -> Plan:
    """``KEY and given == KEY``: where it is not known who leaves the secret unset, the comparison itself asks for it."""
    node = source.find(at, cst.Comparison)
    operator = node.comparisons[0].operator
    stored = source.find(kept[1], cst.BaseExpression, lambda n: n in (node.left, node.comparisons[0].comparator))  # type: ignore[type-abstract]
    if len(node.comparisons) > 1 or not isinstance(operator, (cst.Equal, cst.NotEqual)) or contains(stored, _EFFECTS):
        raise Declined("where the secret is read could not be followed")
    note = "the comparison refuses while the secret is not set"
    return Plan((finding,), source.path, {node: lambda new: _guarded(new, stored, isinstance(operator, cst.Equal))}, note)


def _guarded(node: cst.Comparison, stored: cst.BaseExpression, equal: bool) -> cst.BaseExpression:
    missing: cst.BaseExpression = bare(stored.deep_clone())
    if not equal:
        missing = cst.UnaryOperation(cst.Not(), missing)
    joined = cst.BooleanOperation(missing, cst.And() if equal else cst.Or(), bare(node))
    return enclosed(joined) if node.lpar or not equal else joined


def _clause(finding: Finding, tree: Tree, source: Source, node: cst.If, at: int) -> Plan:
    """``if not KEY: return`` refuses; ``if KEY and given != KEY`` becomes ``if not KEY or given != KEY``; ``if KEY:`` gets an else."""
    function = next((f for f in tree.functions(source.path) if _holds(f, at)), None)
    if function is None:
        raise Declined("the function around it could not be found")
    note = "while the secret is not set, nobody passes"
    if isinstance(node.test, cst.BooleanOperation):
        return Plan((finding,), source.path, {node.test: _turned(node.test)}, note)
    says_no, needs = _instead(source, function, node, at)
    if _asks_for_nothing(node.test):
        last = _last_of(node.body)
        return Plan((finding,), source.path, {last: lambda _: says_no.deep_clone()}, note, needs)
    other = cst.Else(cst.IndentedBlock([cst.SimpleStatementLine([says_no])]))
    return Plan((finding,), source.path, {node: lambda new: new.with_changes(orelse=other)}, note, needs)


def _holds(function: Function, at: int) -> bool:
    return function.name != "<module>" and any(stmt[1] == at for stmt in _statements(function.body))


def _statements(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    for stmt in body:
        yield stmt
        for block in blocks(stmt):
            yield from _statements(block)


def _turned(test: cst.BooleanOperation) -> Change:
    """De Morgan on the first half only: the secret must be there *and* match."""
    if not isinstance(test.operator, cst.And) or not isinstance(test.left, (cst.Name, cst.Attribute)) or test.lpar:
        raise Declined("the condition asks for more than the secret")
    either = cst.Or(test.operator.whitespace_before, test.operator.whitespace_after)
    return lambda new: new.with_changes(left=cst.UnaryOperation(cst.Not(), new.left), operator=either)


def _asks_for_nothing(test: cst.BaseExpression) -> bool:
    return not isinstance(test, (cst.Name, cst.Attribute))


def _instead(source: Source, function: Function, node: cst.If, at: int) -> Refusal:
    last = _last_of(node.body) if _asks_for_nothing(node.test) else None
    if isinstance(last, cst.Return) and last.value is not None and code(last.value) == "True":
        return cst.Return(cst.Name("False")), ()
    return refusal(source, function, at)


def _last_of(body: cst.BaseSuite) -> cst.BaseSmallStatement:
    line = body.body[-1] if body.body else None
    last = line.body[-1] if isinstance(line, cst.SimpleStatementLine) else line
    if not isinstance(last, cst.BaseSmallStatement):
        raise Declined("the clause ends in a way that the editor does not know")
    return last
