"""Refusals and failed logins that nobody can see afterwards.

A server's access log says that somebody got a 401, not whose account was tried: a login that writes nothing down is medium, other refusals are low.
"""

from __future__ import annotations

from ostiary.model.finding import Confidence, Severity
from ostiary.model.route import State
from ostiary.scan.code import habits
from ostiary.scan.code.ir import Function, last_name
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._traces import hints, inside, leaves_trace, on_the_way, seen_by_all

rule = Rule("missing-audit-log")

_FIX = 'logger.warning("login refused for %s from %s", account, address)'
_FIX_REFUSALS = 'logger.warning("refused %s %s for %s", method, path, caller)'
_KNOWN_CHECKS = frozenset({"login_user", "check_password_hash", "checkpw", "check_password", "verify_password", "verify_and_update"})


@rule.on_app
def logins(app: AppCode) -> Found:
    """A handler that checks a submitted password, and nothing of it remains."""
    if not app.routes or app.guard is not None or leaves_trace(app.world, seen_by_all(app)):
        return
    handlers = _login_handlers(app)
    silent = [code for code in handlers.values() if not leaves_trace(app.world, _involved(code))]
    for code in silent:
        message = f"{code.route.method} {code.route.path} checks a password and leaves no trace of who failed or got in"
        yield rule.finding(message, code, _sure(code), severity=Severity.MEDIUM, fix=_FIX)
    if not silent:
        yield from _refusals(app)


def _login_handlers(app: AppCode) -> dict[Function, RouteCode]:
    """The first route of each handler that is a login."""
    found: dict[Function, RouteCode] = {}
    for code in app.routes:
        if code.handler is not None and code.route.method not in ("GET", "HEAD", "OPTIONS") and _is_login(code):
            found.setdefault(code.handler.function, code)
    return found


def _is_login(code: RouteCode) -> bool:
    mark, name = code.route.public, code.handler.function.name if code.handler is not None else ""
    if habits.RESET.search(code.route.path.lower()) or habits.RESET.search(name):
        return False
    return mark is not None and mark.by == "behaviour" and mark.reason.startswith(("login:", "password login"))


def _involved(code: RouteCode) -> list[Function]:
    return [*([code.handler.function] if code.handler is not None else []), *on_the_way(code)]


def _sure(code: RouteCode) -> Confidence:
    """What checks the password may be a library's, and write a log of its own."""
    function = code.handler.function if code.handler is not None else None
    checks = {last_name(c[2]) for c in function.calls if habits.CHECKS.search(last_name(c[2]))} if function is not None else set()
    foreign = [name for name in checks - _KNOWN_CHECKS if name not in hints(code.world).by_name]
    return Confidence.LOW if foreign else Confidence.MEDIUM


def _refusals(app: AppCode) -> Found:
    """Once for an application: nothing that refuses in it writes anything down."""
    protected = [code for code in app.routes if code.route.protection.state is State.PROTECTED]
    places = {
        (gate.at.file, gate.at.line)
        for code in protected
        for gate in code.route.protection.by
        if gate.at is not None and gate.kind != "body"
    }
    gates = [f for m in app.world.modules.values() for f in m.functions if (m.path, f.line) in places]
    if any(hints(app.world).may_refuse(f) for f in (*gates, *inside(gates))) and not leaves_trace(app.world, gates):
        names = ", ".join(sorted({gate.name for gate in gates})[:3])
        message = f"a refused caller leaves no trace: {names} writes nothing down, and no hook or middleware does"
        yield rule.finding(message, app, Confidence.LOW, fix=_FIX_REFUSALS)
