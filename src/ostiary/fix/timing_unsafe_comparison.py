"""``given == KEY`` becomes ``hmac.compare_digest(given.encode(), KEY.encode())``, whatever may be None or bytes on either side."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from ostiary.fix.imports import has
from ostiary.fix.kinds import Kind, kind_of
from ostiary.fix.nodes import around, bare, contains, dotted, enclosed, last_name, method, names_in
from ostiary.fix.plan import Change, Declined, Need, Plan
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree, available
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import Expr
from ostiary.scan.rules._compares import pair
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._sources import credential

_NOTE = "compared in constant time"
_TIED = (cst.Await, cst.Yield, cst.NamedExpr)
_OPERATORS = (cst.Equal, cst.NotEqual, cst.In, cst.NotIn)
_NAMES = ("key", "kept", "known", "candidate")
_WAYS = (Need("hmac"), Need("secrets"), Need("hmac", "compare_digest"), Need("secrets", "compare_digest"))


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is known of the two sides; ``given`` is the caller's, on the left when ``swapped`` is False."""

    given: Kind
    kept: Kind
    swapped: bool


def plan(finding: Finding, tree: Tree) -> Plan:
    """``==`` and ``!=`` by the kinds of both sides, ``in`` and ``not in`` member by member."""
    source, at = tree.place(finding)
    node = source.find(at, cst.Comparison)
    flow, expr = tree.compare(source.path, at)
    if len(node.comparisons) > 1 or not isinstance(node.comparisons[0].operator, _OPERATORS):
        raise Declined("it is a chain of comparisons")
    if _may_be_query(source, node):
        raise Declined("the comparison is handed on, perhaps to a database, which compares by itself")
    digest, needs = _digest(source)
    if isinstance(node.comparisons[0].operator, (cst.In, cst.NotIn)):
        change = _member(flow, expr, node, digest, source.text(""))
    else:
        change = _equal(flow, expr, node, digest, source)
    return Plan((finding,), source.path, {node: change}, _NOTE, needs)


def _may_be_query(source: Source, node: cst.Comparison) -> bool:
    """``filter(User.token == token)``: what looks like a comparison is a part of a query."""
    sides = (node.left, node.comparisons[0].comparator)
    if any(
        isinstance(side, cst.Attribute) and last_name(side.value)[:1].isupper() and not last_name(side.value).isupper() for side in sides
    ):
        return True
    above = next(
        (n for n in source.above(node) if not isinstance(n, (cst.BooleanOperation, cst.BinaryOperation, cst.UnaryOperation))), None
    )
    return isinstance(above, (cst.Arg, cst.Element))


def _digest(source: Source) -> tuple[str, tuple[Need, ...]]:
    """``compare_digest`` as the file can call it: what it imports already, else ``hmac``."""
    usable = [need for need in _WAYS if available(source, need)]
    found = next((need for need in usable if has(source.module, need)), next(iter(usable), None))
    if found is None:
        raise Declined("the names hmac and secrets mean something else in this file")
    return (found.name or f"{found.module}.compare_digest"), (found,)


def _equal(flow: Flow, expr: Expr, node: cst.Comparison, digest: str, source: Source) -> Change:
    sides = _sides(flow, expr[2], expr[4][0])
    stored = node.left if sides.swapped else node.comparisons[0].comparator
    if _is_unsure(sides.kept) and (contains(stored, (*_TIED, cst.Call)) or contains(node, (cst.NamedExpr,))):
        raise Declined("the stored side may be None, and asking twice for it would compute it twice; give it a name first")
    equal = isinstance(node.comparisons[0].operator, cst.Equal)
    tight = _binds_tighter(source.parent(node), equal)
    return lambda new: _compared(new, sides, digest, source.text(""), equal=equal, tight=tight)


def _binds_tighter(parent: cst.CSTNode | None, equal: bool) -> bool:
    """``A is not None and B`` needs parentheses inside an ``or``, ``A is None or B`` inside an ``and``, both behind a ``not``."""
    if isinstance(parent, cst.BooleanOperation):
        return isinstance(parent.operator, cst.Or if equal else cst.And)
    return isinstance(parent, (cst.UnaryOperation, cst.Comparison))


def _is_unsure(kept: Kind) -> bool:
    return kept in (Kind.MAYBE, Kind.ANY)


def _sides(flow: Flow, left: Expr, right: Expr) -> _Sides:
    kinds = kind_of(flow, left), kind_of(flow, right)
    swapped = not _left_is_given(flow, left, right, kinds)
    given, kept = reversed(kinds) if swapped else kinds
    if given is Kind.ANY and kept in (Kind.ANY, Kind.MAYBE):
        raise Declined("whether the two sides are text or bytes cannot be told")
    if (given is Kind.BYTES and kept in (Kind.TEXT, Kind.MAYBE)) or (kept is Kind.BYTES and given not in (Kind.BYTES, Kind.ANY)):
        raise Declined("one side is bytes and the other text: they are never equal as it stands")
    return _Sides(given, kept, swapped)


def _left_is_given(flow: Flow, left: Expr, right: Expr, kinds: tuple[Kind, Kind]) -> bool:
    found = pair(flow, left, right)
    if found is not None:
        return found.given is left
    if flow.trace(left, credential) is not None:
        return True
    # of a digest just made and something else, the other is the caller's
    return flow.trace(right, credential) is None and kinds[0] not in (Kind.TEXT, Kind.BYTES)


def _compared(node: cst.Comparison, sides: _Sides, digest: str, empty: str, *, equal: bool, tight: bool) -> cst.BaseExpression:
    left, right = node.left, node.comparisons[0].comparator
    given, kept = (right, left) if sides.swapped else (left, right)
    as_bytes = sides.given is Kind.BYTES or sides.kept is Kind.BYTES
    first, second = (given, kept) if as_bytes else (_encoded(given, sides.given, empty), method(kept, "encode"))
    args = (second, first) if sides.swapped else (first, second)
    call: cst.BaseExpression = cst.Call(dotted(digest), [cst.Arg(_plain(arg)) for arg in args])
    result = call if equal else cst.UnaryOperation(cst.Not(), call)
    if _is_unsure(sides.kept):
        result = _when_kept(kept, result, equal=equal)
        result = enclosed(result) if tight else result
    return around(node, result)


def _plain(arg: cst.BaseExpression) -> cst.BaseExpression:
    """Parentheses that a call makes superfluous go; those around ``:=`` stay."""
    return arg if isinstance(arg, (cst.NamedExpr, cst.Yield, cst.GeneratorExp)) else bare(arg)


def _when_kept(kept: cst.BaseExpression, result: cst.BaseExpression, *, equal: bool) -> cst.BaseExpression:
    operator = cst.IsNot() if equal else cst.Is()
    there = cst.Comparison(kept.deep_clone(), [cst.ComparisonTarget(operator, cst.Name("None"))])
    return cst.BooleanOperation(there, cst.And() if equal else cst.Or(), result)


def _encoded(given: cst.BaseExpression, kind: Kind, empty: str) -> cst.BaseExpression:
    """Bytes of what the caller sent; nothing sent is no bytes."""
    if kind is Kind.TEXT:
        return method(given, "encode")
    if kind is Kind.MAYBE:
        return method(_or_empty(given, empty), "encode")
    sent = _with_default(given, empty) or given
    return method(cst.Call(cst.Name("str"), [cst.Arg(_plain(sent))]), "encode")


def _or_empty(given: cst.BaseExpression, empty: str) -> cst.BaseExpression:
    """``headers.get("X-Key", "")``, ``(key or "")``."""
    return _with_default(given, empty) or enclosed(cst.BooleanOperation(given, cst.Or(), cst.SimpleString(empty)))


def _with_default(given: cst.BaseExpression, empty: str) -> cst.Call | None:
    if not isinstance(given, cst.Call) or last_name(given.func) not in ("get", "getenv") or len(given.args) != 1:
        return None
    only = given.args[0]
    if only.keyword is not None or only.star:
        return None
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return given.with_changes(args=[only.with_changes(comma=comma), cst.Arg(cst.SimpleString(empty))])


def _member(flow: Flow, expr: Expr, node: cst.Comparison, digest: str, empty: str) -> Change:
    """``any(hmac.compare_digest(given.encode(), key.encode()) for key in KEYS)``."""
    given = kind_of(flow, expr[2])
    if given not in (Kind.TEXT, Kind.MAYBE, Kind.JSON):
        raise Declined("whether the caller's side is text cannot be told")
    if contains(node, _TIED):
        raise Declined("the caller's side is computed in the condition; give it a name first")
    name = next((name for name in _NAMES if name not in set(names_in(node))), None)
    if name is None or not _all_text(flow, expr[4][0]):
        raise Declined("what the collection holds besides text cannot be told")
    inside = isinstance(node.comparisons[0].operator, cst.In)
    return lambda new: _any(new, digest, _encoded(new.left, given, empty), name, inside)


def _all_text(flow: Flow, expr: Expr) -> bool:
    """A collection that may hold None would end the search with an error."""
    expr = flow.expand(expr)
    if expr[0] == "seq":
        return all(kind_of(flow, item) is Kind.TEXT for item in expr[3])
    return expr[0] != "dict" or all(key is not None and kind_of(flow, key) is Kind.TEXT for key in expr[2])


def _any(node: cst.Comparison, digest: str, sent: cst.BaseExpression, name: str, inside: bool) -> cst.BaseExpression:
    call = cst.Call(dotted(digest), [cst.Arg(sent), cst.Arg(method(cst.Name(name), "encode"))])
    each = cst.CompFor(cst.Name(name), node.comparisons[0].comparator)
    found = cst.Call(cst.Name("any"), [cst.Arg(cst.GeneratorExp(call, each, lpar=[], rpar=[]))])
    return around(node, found if inside else cst.UnaryOperation(cst.Not(), found))
