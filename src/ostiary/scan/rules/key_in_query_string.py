"""A key or token in a URL, where logs, histories and proxies keep it."""

from __future__ import annotations

import re
from itertools import pairwise

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, Param, last_name, walk
from ostiary.scan.code.sites import Call, Compare, Site
from ostiary.scan.code.values import Const, Func, Made
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._sources import is_endpoint, marker_of, read_of, request_part
from ostiary.scan.rules._words import listed, names_secret, words

rule = Rule("key-in-query-string")

_FIX = 'Take it from a header and refuse it in the URL:\nrequest.headers.get("X-API-Key")   # Flask\nAPIKeyHeader(name="X-API-Key")   # FastAPI'
_FIX_OUT = 'Send it in a header: headers={"Authorization": f"Bearer {KEY}"}'
_STRONG = listed(
    "api_key apikey access_token auth_token api_token client_secret secret password passwd secret_key authtoken auth_key"
    " authkey jwt private_key api_secret"
)
_WEAK = listed("token key auth bearer credential apitoken")
# One-time tokens in links that a person is sent are made for a URL; so are cursors.
_ONE_TIME = listed(
    "reset confirm confirmation activate activation verify verification invite invitation unsubscribe magic email signup"
    " register registration share shared download preview callback oauth oauth2 oidc saml sso webhook page pagination cursor"
    " continuation csrf embed unlock optout login redirect"
)
_USES = listed("verify validate check authenticate authorize decode compare digest lookup auth valid find load filter get_user")
_CALLS = listed("get post put patch delete request urlopen Request head stream fetch send")
_ID = Pattern(r"(?:^|_)(?:id|uuid|guid|slug)\Z")
_ACCOUNTS = listed("user account member customer principal identity tenant")
_IN_URL = Pattern(r"[?&](?:api_?key|access_?token|auth_?token|token|key|secret|password|client_secret|apikey)=\Z", re.IGNORECASE)


@rule.on_call("get", "getlist", "pop")
def read(call: Call) -> Found:
    """``request.args.get("api_key")``."""
    if call.expr[2][0] == "attr" and call.expr[3] and call.expr[3][0][0] == "str":
        yield from _read(call, call.expr)


@rule.on_module
def indexed(site: Site) -> Found:
    """``key = request.args["api_key"]``."""
    for item in facts(site).assignments:
        if item.value[0] == "sub":
            yield from _read(Site(site.world, site.module, item.function, item.value[1]), item.value)


def _read(site: Site, expr: Expr) -> Found:
    found = read_of(expr)
    if found is None or _grade(found[1]) is None:
        return
    mapping, name = found
    if last_name(mapping) not in ("args", "query_params", "values", "GET") and mapping[0] != "name":
        return
    flow = Flow.at(site)
    if request_part(flow, mapping) not in ("query", "field") or not _is_query(flow, mapping):
        return
    confidence = _confidence(site.function, name, _bound_to(site.function, expr))
    if confidence is not None:
        yield rule.finding(f"the credential {name} is taken from the query string", site, confidence, fix=_FIX)


def _is_query(flow: Flow, mapping: Expr) -> bool:
    return flow.path(mapping).rpartition(".")[2] in ("args", "query_params", "values")


def _grade(name: str) -> str | None:
    lower = name.lower().replace("-", "_")
    if lower in _STRONG or lower.removeprefix("x_") in _STRONG:
        return "strong"
    return "weak" if lower in _WEAK else None


def _confidence(function: Function, name: str, variable: str | None) -> Confidence | None:
    """A telling name is enough; ``token`` and ``key`` only when they are checked; links that people are sent are left alone."""
    if _ONE_TIME & set(words(f"{function.name} {function.module.name.rpartition('.')[2]}")):
        return None
    if _grade(name) == "weak" and _opens_one_thing(function, variable or name):
        return None
    checked = _is_checked(function, variable or name)
    if _grade(name) == "strong":
        return Confidence.HIGH if checked else Confidence.MEDIUM
    # In a route of its own, ``token`` may open this one thing only; in a dependency or hook it is what callers sign in with.
    return None if not checked else Confidence.MEDIUM if is_endpoint(function) else Confidence.HIGH


def _opens_one_thing(function: Function, variable: str) -> bool:
    """``token != survey.uuid``, ``read_link(token) == self.event.id``, ``opened != slug``: a link to one object, which a person is sent."""
    assigned = [s for s in walk(function.body) if s[0] == "assign" and s[3] is not None and s[3][0] == "call" and s[2][0][0] == "name"]
    made = {variable, *(str(s[2][0][2]) for s in assigned if _mentions(s[3], variable))}
    params = {param.name for param in function.params} - made
    for compare in function.compares:
        if compare[3][0] in ("==", "!="):
            for given, kept in ((compare[2], compare[4][0]), (compare[4][0], compare[2])):
                if _is_of(given, made, variable) and (_is_identifier(kept) or (kept[0] == "name" and kept[2] in params)):
                    return True
    return False


def _is_of(expr: Expr, made: set[str], variable: str) -> bool:
    return (expr[0] == "name" and expr[2] in made) or (expr[0] in ("call", "sub") and _mentions(expr, variable))


def _is_identifier(expr: Expr) -> bool:
    """The id of something that is no account: ``self.survey.uuid``."""
    return expr[0] == "attr" and bool(_ID.search(expr[3])) and not _ACCOUNTS & set(words(last_name(expr[2])))


def _bound_to(function: Function, expr: Expr) -> str | None:
    """The variable that the value goes into."""
    for stmt in walk(function.body):
        if stmt[0] == "assign" and stmt[3] is not None and stmt[2][0][0] == "name" and any(part is expr for part in walk(stmt[3])):
            return str(stmt[2][0][2])
    return None


def _is_checked(function: Function, variable: str) -> bool:
    """Compared, or handed to something that verifies."""
    for compare in function.compares:
        sides = (compare[2], *compare[4])
        if any(_mentions(side, variable) for side in sides) and not any(side[0] == "const" for side in sides):
            return True
    return any(
        _USES & set(words(last_name(call[2]))) and any(_mentions(a, variable) for a in (*call[3], *[v for _, v in call[4]]))
        for call in function.calls
    )


def _mentions(expr: Expr, variable: str) -> bool:
    return any((node[0] == "name" and node[2] == variable) or (node[0] == "str" and node[2] == variable) for node in walk(expr))


@rule.on_compare
def compared(site: Compare) -> Found:
    """``request.args["key"] != KEY``."""
    for side in (site.left, site.right):
        if side[0] == "sub":
            yield from _read(site, side)


@rule.on_call("APIKeyQuery")
def scheme(call: Call) -> Found:
    """FastAPI's security scheme for it."""
    name = text_of(call.arg(None, "name"))
    yield rule.finding(f"API keys are taken from the query parameter {name or 'of this scheme'}", call, Confidence.HIGH, fix=_FIX)


@rule.on_module
def parameters(site: Site) -> Found:
    """``api_key: str = Query()``, and plain parameters of a route's function that are named like a credential."""
    for function in site.module.functions:
        for param in function.params:
            if _grade(param.name) is not None or (param.default is not None and last_name(param.default) == "Query"):
                yield from _parameter(site, function, param)


def _parameter(site: Site, function: Function, param: Param) -> Found:
    flow = Flow(site.world, function)
    marker = marker_of(flow, function, param)
    name = param.name
    if marker is not None:
        if marker_name(marker) != "Query":
            return
        alias = marker.kwargs.get("alias")
        name = alias.value if isinstance(alias, Const) and isinstance(alias.value, str) else name
    elif not _is_plain_query(function, param):
        return
    confidence = _confidence(function, name, param.name) if _grade(name) is not None else None
    if confidence is not None:
        yield rule.finding(
            f"the credential {name} is taken from the query string",
            Site(site.world, site.module, function, _at(param, function)),
            confidence,
            fix=_FIX,
        )


def marker_name(marker: Made) -> str:
    """``Query`` of ``Query(…)``."""
    return last_name(marker.call[2]) if marker.call and marker.call[0] == "call" else ""


def _at(param: Param, function: Function) -> int:
    place = param.annotation or param.default
    return int(place[1]) if place is not None else function.at


def _is_plain_query(function: Function, param: Param) -> bool:
    """FastAPI takes an undeclared ``str`` from the query, unless the path names it. Flask and class views pass only path parameters."""
    if param.annotation is None or (last_name(param.annotation) not in ("str", "Optional") and param.annotation[0] != "bin"):
        return False
    if function.decorators and is_endpoint(function) and function.is_async | _is_asgi(function):
        return not any(f"{{{param.name}" in (text_of(a) or "") for d in function.decorators if d[0] == "call" for a in d[3][:1])
    return False


def _is_asgi(function: Function) -> bool:
    return any("fastapi" in module for _, module, _ in function.module.imports)


@rule.on_call("Depends", "Security")
def dependency(call: Call) -> Found:
    """A dependency with a plain parameter takes it from the query as well."""
    target = call.arg(0, "dependency")
    value = call.value(target) if target is not None and target[0] in ("name", "attr") else None
    function = value.function if isinstance(value, Func) else None
    if function is None or is_endpoint(function):
        return
    for param in function.params:
        if (
            _grade(param.name) == "strong"
            and param.default is None
            and param.annotation is not None
            and last_name(param.annotation) == "str"
        ):
            place = Site(call.world, function.module, function, _at(param, function))
            yield rule.finding(f"the credential {param.name} is taken from the query string", place, Confidence.HIGH, fix=_FIX)


@rule.on_call(*_CALLS)
def outbound(call: Call) -> Found:
    """``requests.get(f"https://…?api_key={KEY}")``, ``params={"api_key": KEY}``."""
    if not call.expr[3] and not call.expr[4]:
        return
    params = call.arg(None, "params")
    flow = Flow.at(call)
    if params is not None and _secret_in_params(params if params[0] == "dict" else flow.expand(params)):
        yield rule.finding("a key is sent in the query string of an outgoing request", call, Confidence.MEDIUM, fix=_FIX_OUT)
        return
    if any(_key_in_text(arg if arg[0] != "name" else flow.expand(arg)) for arg in call.expr[3][:2]):
        yield rule.finding("a key is sent in the query string of an outgoing request", call, Confidence.MEDIUM, fix=_FIX_OUT)


def _secret_in_params(params: Expr) -> bool:
    if params[0] != "dict":
        return False
    pairs = zip(params[2], params[3], strict=True)
    return any(_grade(text_of(key) or "") == "strong" and value[0] not in ("str", "const") for key, value in pairs)


def _key_in_text(expr: Expr) -> bool:
    """An f-string or a sum in which ``?api_key=`` stands right before a value that is named like a secret."""
    parts = expr[2] if expr[0] == "fstr" else _sum(expr) if expr[0] == "bin" and expr[2] == "+" else ()
    for literal, value in pairwise(parts):
        if literal[0] == "str" and value[0] != "str" and _IN_URL.search(literal[2]) and names_secret(last_name(value)):
            return True
    return False


def _sum(expr: Expr) -> tuple[Expr, ...]:
    return (*_sum(expr[3]), expr[4]) if expr[0] == "bin" and expr[2] == "+" else (expr,)
