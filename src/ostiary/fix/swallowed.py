"""An exception of the verification that ends in a yes: the handler refuses."""

from __future__ import annotations

import libcst as cst

from ostiary.fix.nodes import code
from ostiary.fix.plan import Declined, Plan
from ostiary.fix.refusal import by_framework
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree
from ostiary.model.finding import Finding
from ostiary.scan.rules._facts import facts

_NOTE = "a credential that fails the check is refused; a route that is meant for guests as well needs a check of its own"


def plan(finding: Finding, tree: Tree, source: Source, node: cst.ExceptHandler, at: int) -> Plan:
    """``return True`` says False; a handler that goes on to the view aborts instead."""
    last = node.body.body[-1] if node.body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    if isinstance(small, cst.Return) and small.value is not None and code(small.value) == "True":
        return Plan((finding,), source.path, {small.value: lambda _: cst.Name("False")}, _NOTE)
    caught = next((item for item in facts(tree.site(source.path)).caught if item.at == at), None)
    if caught is None:
        raise Declined("the place is written in a way that the editor does not know")
    says_no, needs = by_framework(source, caught.function)
    if isinstance(small, (cst.Return, cst.Pass)):
        return Plan((finding,), source.path, {small: lambda _: says_no}, _NOTE, needs)
    if not isinstance(node.body, cst.IndentedBlock) or isinstance(small, (cst.Continue, cst.Break)):
        raise Declined("the handler ends in a way that the editor does not know")
    fresh = cst.SimpleStatementLine([says_no])
    return Plan((finding,), source.path, {node.body: lambda new: new.with_changes(body=[*new.body, fresh])}, _NOTE, needs)
