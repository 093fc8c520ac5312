"""The credential comes in a header, which no log, history or proxy keeps; callers have to send it there."""

from __future__ import annotations

import re

import libcst as cst

from ostiary.fix.imports import has
from ostiary.fix.nodes import code, dotted, last_name, name_of, with_keyword
from ostiary.fix.plan import Change, Declined, Need, Plan
from ostiary.fix.source import Source
from ostiary.fix.tree import Tree, require
from ostiary.model.finding import Confidence, Finding

_HEADERS = {
    "api_key": "X-API-Key", "apikey": "X-API-Key", "key": "X-API-Key", "api_token": "X-API-Token", "apitoken": "X-API-Token",
    "token": "X-API-Token", "api_secret": "X-API-Secret", "secret": "X-API-Secret", "authtoken": "X-Auth-Token",
}  # fmt: skip
_OUTBOUND = "whether the other service takes its key in a header is its own affair"
_WEAK = re.compile(r"credential (?:token|key|auth|bearer|credential) is")
_QUERY = ("args", "query_params", "values")
_SENT = ("post", "put", "patch", "POST", "PUT", "PATCH")


def plan(finding: Finding, tree: Tree) -> Plan:
    """A parameter, a security scheme, or a read of the request."""
    source, at = tree.place(finding)
    if "outgoing" in finding.message:
        raise Declined(_OUTBOUND)
    around = [n for n in source.positions if isinstance(n, (cst.FunctionDef, cst.ClassDef)) and source.holds(n, finding)]
    sure = finding.confidence is Confidence.HIGH and not any(isinstance(n, cst.ClassDef) for n in around)
    if _WEAK.search(finding.message) and not sure:
        raise Declined("it may be a link that a person is sent, and a link has no headers")
    if any(isinstance(n, cst.FunctionDef) and _is_socket(n) for n in around):
        raise Declined("browsers send no header of their own with a WebSocket")
    param = _param_at(source, at)
    if param is not None:
        return _parameter(finding, tree, source, param)
    node = source.find(at, cst.BaseExpression, lambda n: isinstance(n, (cst.Call, cst.Subscript)) and _is_known(n))  # type: ignore[type-abstract]
    if isinstance(node, cst.Call) and last_name(node.func) == "APIKeyQuery":
        return _scheme(finding, tree, source, node)
    return _read(finding, source, node)


def _is_socket(function: cst.FunctionDef) -> bool:
    return any("WebSocket" in code(p.annotation.annotation) for p in function.params.params if p.annotation is not None)


def header_for(name: str) -> str:
    """``api_key`` → ``X-API-Key``, ``access_token`` → ``X-Access-Token``."""
    plain = name.lower().replace("-", "_").removeprefix("x_")
    return _HEADERS.get(plain) or "X-" + "-".join(word.capitalize() for word in plain.split("_"))


def _note(name: str, header: str) -> str:
    return f"breaks callers: they must send the header {header} instead of {name} in the address"


def _is_known(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Subscript):
        return True
    return isinstance(node, cst.Call) and last_name(node.func) in ("get", "getlist", "pop", "APIKeyQuery")


def _read(finding: Finding, source: Source, node: cst.BaseExpression) -> Plan:
    """``request.args.get("api_key")``, ``request.query_params["token"]``."""
    base, name = _mapping(node)
    if not isinstance(base, cst.Attribute) or base.attr.value not in _QUERY:
        raise Declined("the query string is held under a name of its own here")
    if base.attr.value == "values" and _takes_body(source, node):
        note = f"breaks callers that send {name} in the address: it is read from the form only"
        return Plan((finding,), source.path, {base: lambda new: new.with_changes(attr=cst.Name("form"))}, note)
    header = header_for(name)
    parent = source.parent(node)
    if isinstance(parent, cst.BooleanOperation) and isinstance(parent.operator, cst.Or):
        return _or_header(finding, source, node, parent, name, header)
    return Plan((finding,), source.path, {node: _to_header(source, header)}, _note(name, header))


def _mapping(node: cst.BaseExpression) -> tuple[cst.BaseExpression, str]:
    """(``request.args``, ``api_key``)."""
    if isinstance(node, cst.Subscript):
        index = node.slice[0].slice
        return node.value, _text(index.value) if isinstance(index, cst.Index) else ""
    call = cst.ensure_type(node, cst.Call)
    if last_name(call.func) == "pop" or not isinstance(call.func, cst.Attribute):
        raise Declined("the place is written in a way that the editor does not know")
    return call.func.value, _text(call.args[0].value) if call.args else ""


def _text(node: cst.BaseExpression) -> str:
    value = node.evaluated_value if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)) else None
    if not isinstance(value, str):
        raise Declined("the parameter's name is computed")
    return value


def _to_header(source: Source, header: str) -> Change:
    key = cst.SimpleString(source.text(header))

    def change(node: cst.BaseExpression) -> cst.BaseExpression:
        if isinstance(node, cst.Subscript):
            base = cst.ensure_type(node.value, cst.Attribute)
            return node.with_changes(value=_headers(base), slice=[cst.SubscriptElement(cst.Index(key))])
        call = cst.ensure_type(node, cst.Call)
        func = cst.ensure_type(call.func, cst.Attribute)
        args = [call.args[0].with_changes(value=key), *call.args[1:]]
        return call.with_changes(func=func.with_changes(value=_headers(cst.ensure_type(func.value, cst.Attribute))), args=args)

    return change


def _headers(base: cst.Attribute) -> cst.Attribute:
    return base.with_changes(attr=cst.Name("headers"))


def _or_header(finding: Finding, source: Source, node: cst.BaseExpression, either: cst.BooleanOperation, name: str, header: str) -> Plan:
    """``headers.get(…) or args.get(…)``: the header is read already, the other half goes."""
    other = either.right if either.left is node else either.left
    if ".headers" not in code(other):
        return Plan((finding,), source.path, {node: _to_header(source, header)}, _note(name, header))
    left = either.left is node
    note = f"breaks callers that send {name} in the address; the header is read already"
    return Plan((finding,), source.path, {either: lambda new: _half(new, left)}, note)


def _half(either: cst.BooleanOperation, first_goes: bool) -> cst.BaseExpression:
    kept = either.right if first_goes else either.left
    return kept.with_changes(lpar=either.lpar, rpar=either.rpar) if either.lpar and not kept.lpar else kept


def _takes_body(source: Source, node: cst.CSTNode) -> bool:
    """The view answers POST or its like, so ``values`` may be a form."""
    function = next((n for n in source.above(node) if isinstance(n, cst.FunctionDef)), None)
    return function is not None and any(verb in code(d) for d in function.decorators for verb in _SENT)


def _scheme(finding: Finding, tree: Tree, source: Source, call: cst.Call) -> Plan:
    """``APIKeyQuery(name="api_key")``."""
    if any("APIKeyHeader" in code(node) for node in source.positions if isinstance(node, cst.Call)):
        raise Declined("a header is taken already beside it: take this scheme, its dependency and its branch away by hand")
    name = next((_text(arg.value) for arg in call.args if arg.keyword is not None and arg.keyword.value == "name"), "")
    header = header_for(name or "api_key")
    key = cst.SimpleString(source.text(header))
    needs, drops = _renamed(tree, source, call, "APIKeyQuery", "APIKeyHeader")

    def change(node: cst.Call) -> cst.Call:
        return with_keyword(node.with_changes(func=_called(node.func, "APIKeyHeader")), "name", key)

    return Plan((finding,), source.path, {call: change}, _note(name, header), needs, drops)


def _called(func: cst.BaseExpression, name: str) -> cst.BaseExpression:
    return func.with_changes(attr=cst.Name(name)) if isinstance(func, cst.Attribute) else cst.Name(name)


def _renamed(tree: Tree, source: Source, call: cst.Call, old: str, new: str) -> tuple[tuple[Need, ...], frozenset[str]]:
    """What must be imported and what perhaps no longer, when ``new`` is called in place of ``old``."""
    if isinstance(call.func, cst.Attribute):
        return (), frozenset()
    homes = ("fastapi", "fastapi.params", "fastapi.security", "fastapi.security.api_key")
    home = next((home for home in homes if has(source.module, Need(home, old))), None)
    if home is None or name_of(call.func) != old:
        raise Declined(f"where {old} comes from cannot be told")
    drops = frozenset() if tree.imports_from_here(source.path, old) else frozenset({old})
    return (require(source, Need(home, new)),), drops


def _param_at(source: Source, at: int) -> cst.Param | None:
    """The parameter whose annotation or default begins at the place."""
    node = source.look(at, cst.BaseExpression)  # type: ignore[type-abstract]
    if node is None:
        return None
    above = next((n for n in source.above(node) if not isinstance(n, cst.Annotation)), None)
    return above if isinstance(above, cst.Param) else None


def _parameter(finding: Finding, tree: Tree, source: Source, param: cst.Param) -> Plan:
    """``api_key: str = Query()``, ``Annotated[str, Query()]``, and plain ``api_key: str``."""
    query = _query_in(param)
    if query is not None:
        name = next((_text(a.value) for a in query.args if a.keyword is not None and a.keyword.value == "alias"), param.name.value)
        header = header_for(name)
        needs, drops = _renamed(tree, source, query, "Query", "Header")
        key = cst.SimpleString(source.text(header))
        change: Change = lambda new: with_keyword(new.with_changes(func=_called(new.func, "Header")), "alias", key)  # noqa: E731
        return Plan((finding,), source.path, {query: change}, _note(name, header), needs, drops)
    if param.annotation is None:
        raise Declined("the parameter has no annotation")
    header = header_for(param.name.value)
    homes = (Need("typing_extensions", "Annotated"), Need("typing", "Annotated"))
    needs = (require(source, Need("fastapi", "Header")), require(source, next((n for n in homes if has(source.module, n)), homes[1])))
    note = _note(param.name.value, header)
    return Plan((finding,), source.path, {param.annotation.annotation: lambda new: _annotated(new, source.text(header))}, note, needs)


def _query_in(param: cst.Param) -> cst.Call | None:
    inside: list[cst.BaseExpression] = [param.default] if param.default is not None else []
    annotation = param.annotation.annotation if param.annotation is not None else None
    if isinstance(annotation, cst.Subscript):
        inside += [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
    return next((call for call in inside if isinstance(call, cst.Call) and last_name(call.func) == "Query"), None)


def _annotated(annotation: cst.BaseExpression, header: str) -> cst.BaseExpression:
    marker = cst.parse_expression(f"Header(alias={header})")
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    elements = [cst.SubscriptElement(cst.Index(annotation), comma=comma), cst.SubscriptElement(cst.Index(marker))]
    return cst.Subscript(dotted("Annotated"), elements)
