"""A credential that ends up in a log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, Function, dotted, last_name, walk
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule, sites_of
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._flows import Flow, Source
from ostiary.scan.rules._settings import by_name, minted, secret
from ostiary.scan.rules._sources import body_model, credential, read_of, request_part, whole
from ostiary.scan.rules._words import SURE, listed, names_secret

rule = Rule("key-logged")

_FIX = 'Log who called, not with what: an id of the key, or nothing.\nlogger.info("call with key %s", key_id)'
_LOGGERS = Pattern(r"(?:^|[._])(?:log|logger|logging|logs|loguru|structlog|_?log)(?:$|[._(])", re.IGNORECASE)
_HELPER = Pattern(r"log|debug|trace|audit|dump|notify|record", re.IGNORECASE)
_KEYWORDS = listed("exc_info stack_info stacklevel file sep end flush")


@rule.on_call("debug", "info", "warning", "warn", "error", "exception", "critical", "log", "fatal", "success", "trace", "bind")
def logged(call: Call) -> Found:
    """``logger.info("key %s", key)`` and its kin."""
    func = call.expr[2]
    if func[0] != "attr" or not (_says_something(call.expr)):
        return
    base = dotted(func[2]) or last_name(func[2])
    is_log = _LOGGERS.search(base) is not None or call.name.startswith(("logging.", "loguru.", "structlog."))
    if is_log and (call.last != "bind" or call.expr[4]):
        yield from _spoken(call, "logged")


@rule.on_call("print", "pprint")
def printed(call: Call) -> Found:
    """Standard output is a log in every container."""
    if call.expr[2][0] == "name" and _says_something(call.expr):
        yield from _spoken(call, "printed")


def _says_something(call: Expr) -> bool:
    return any(a[0] not in ("str", "const") for a in call[3]) or any(k not in _KEYWORDS for k, _ in call[4])


def _spoken(call: Call, verb: str) -> Found:
    flow = Flow.at(call)
    for expr in _spoken_parts(call.expr):
        found = flow.trace(expr, _source)
        if found is not None:
            yield rule.finding(f"{found.what} is {verb}", call, Confidence.HIGH if found.sure else Confidence.MEDIUM, fix=_FIX)
            return


def _spoken_parts(call: Expr) -> Iterator[Expr]:
    yield from call[3]
    for name, value in call[4]:
        if name not in _KEYWORDS:
            yield value


def _source(flow: Flow, expr: Expr) -> Source | None:
    return (
        credential(flow, expr)
        or whole(flow, expr)
        or secret(flow, expr)
        or minted(flow, expr)
        or _body(flow, expr)
        or body_model(flow, expr)
        or by_name(flow, expr)
    )


def _body(flow: Flow, expr: Expr) -> Source | None:
    """The whole body, in a function that takes a password out of it."""
    if expr[0] not in ("name", "attr", "call") or request_part(flow, expr) != "field":
        return None
    path = flow.path(expr)
    for call in (*flow.function.calls, *(node for node in walk(flow.function.body) if node[0] == "sub")):
        read = read_of(call)
        if read is not None and names_secret(read[1]) == SURE and flow.path(read[0]) == path:
            return Source("field", f"the request's body, {read[1]} included,", expr[1])
    return None


@rule.on_module
def through_helpers(site: Site) -> Found:
    """A helper of the same module that logs what it is given, called with a credential."""
    helpers = {
        f.name: f for f in site.module.functions if _HELPER.search(f.name) and f.params and f.name not in _OWN and _logs_parameters(f)
    }
    if not helpers:
        return
    for function in sites_of(site.module):
        for call in function.calls:
            helper = helpers.get(last_name(call[2]))
            if helper is not None and helper is not function:
                yield from _handed_over(Site(site.world, site.module, function, call[1]), helper, call)


_OWN = listed("debug info warning error exception critical log")


def _logs_parameters(function: Function) -> bool:
    return any(_is_log(call) and _says_something(call) for call in function.calls)


def _is_log(call: Expr) -> bool:
    last = last_name(call[2])
    return last == "print" or (
        last in _OWN and call[2][0] == "attr" and _LOGGERS.search(dotted(call[2][2]) or last_name(call[2][2])) is not None
    )


def _handed_over(site: Site, helper: Function, call: Expr) -> Found:
    names = [p.name for p in helper.params if p.name not in ("self", "cls")]
    given = [*zip(names, call[3], strict=False), *[(k, v) for k, v in call[4] if k is not None]]
    flow = Flow.at(site)
    for name, expr in given:
        found = flow.trace(expr, _known)
        if found is not None and found.sure and _logs(site, helper, name):
            yield rule.finding(f"{found.what} is logged by {helper.name}", site, Confidence.HIGH, fix=_FIX)
            return


def _known(flow: Flow, expr: Expr) -> Source | None:
    return credential(flow, expr) or whole(flow, expr) or secret(flow, expr) or minted(flow, expr)


def _logs(site: Site, helper: Function, name: str) -> bool:
    flow = Flow(site.world, helper)

    def is_it(flow: Flow, expr: Expr) -> Source | None:
        found = flow.define(expr) if expr[0] == "name" and expr[2] == name else None
        return Source("param", name, expr[1]) if found is not None and found.how == "param" else None

    return any(flow.trace(part, is_it) is not None for call in helper.calls if _is_log(call) for part in _spoken_parts(call))


@rule.on_module
def in_exceptions(site: Site) -> Found:
    """``raise ValueError(f"bad key {key}")``: whoever catches it logs it. What an HTTP exception says goes to the caller instead."""
    for function, stmt in facts(site).raises:
        raised = stmt[2]
        if raised is None or raised[0] != "call" or not raised[3] or raised[3][0][0] not in ("fstr", "bin", "call"):
            continue
        if last_name(raised[2]) in _ANSWERS:
            continue
        found = Flow(site.world, function).trace(raised[3][0], _known)
        if found is not None and found.sure:
            place = Site(site.world, site.module, function, stmt[1])
            yield rule.finding(f"{found.what} stands in the text of an exception, which is logged", place, Confidence.MEDIUM, fix=_FIX)


_ANSWERS = listed("HTTPException WebSocketException Unauthorized Forbidden BadRequest NotFound abort")
