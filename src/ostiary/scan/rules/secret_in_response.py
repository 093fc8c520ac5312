"""A secret in an answer: the server's own, or the caller's sent back."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.finding import Confidence, Severity
from ostiary.scan.code.ir import Expr, Function, last_name
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._flows import Flow, Source
from ostiary.scan.rules._leaving import returns
from ostiary.scan.rules._settings import secret, settings_dump
from ostiary.scan.rules._sources import credential, whole

rule = Rule("secret-in-response")

_FIX = "Leave it out of the answer, and name the fields that may go out instead of sending the whole object."
_FIX_ECHO = "Answer with what the caller does not know yet; never repeat a credential."


@rule.on_app
def answered(app: AppCode) -> Found:
    """What the handlers of an application return."""
    for function in _handlers(app):
        for stmt in returns(function.body):
            if stmt[2] is not None and stmt[2][0] not in ("const", "str"):
                yield from _judged(Site(app.world, function.module, function, stmt[1]), stmt[2])


def _handlers(app: AppCode) -> Iterator[Function]:
    seen: set[Function] = set()
    for code in app.routes:
        function = code.handler.function if code.handler is not None else None
        if function is not None and function not in seen:
            seen.add(function)
            yield function


@rule.on_call("HTTPException", "abort")
def refused(call: Call) -> Found:
    """``HTTPException(401, f"bad key {key}")``."""
    for expr in (*call.expr[3][1:], *[value for name, value in call.expr[4] if name in ("detail", "description")]):
        if expr[0] not in ("str", "const"):
            yield from _judged(call, expr)


def _judged(site: Site, expr: Expr) -> Found:
    flow = Flow.at(site)
    found = flow.trace(expr, _servers)
    if found is not None:
        place = Site(site.world, site.module, site.function, found.at if _near(site, found) else site.at)
        yield rule.finding(f"{found.what} goes into an answer", place, Confidence.HIGH if found.sure else Confidence.MEDIUM, fix=_FIX)
        return
    echoed = flow.trace(expr, _callers)
    if echoed is not None:
        confidence = Confidence.HIGH if echoed.sure else Confidence.MEDIUM
        yield rule.finding(f"{echoed.what} is sent back to the caller", site, confidence, severity=Severity.MEDIUM, fix=_FIX_ECHO)


def _near(site: Site, found: Source) -> bool:
    """The secret stands in the statement itself, so that its own line is the better place."""
    return found.at > site.at and found.kind in ("secret", "settings")


def _servers(flow: Flow, expr: Expr) -> Source | None:
    return secret(flow, expr) or settings_dump(flow, expr)


def _callers(flow: Flow, expr: Expr) -> Source | None:
    found = credential(flow, expr) or whole(flow, expr)
    if found is None or (expr[0] == "name" and not _is_text(flow, expr)):
        return None
    return found if found.kind != "query" or found.sure else None


def _is_text(flow: Flow, name: Expr) -> bool:
    found = flow.define(name)
    return found is not None and (found.param is None or last_name(found.param.annotation or ("const", 0, None)) != "Response")
