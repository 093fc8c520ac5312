"""A route that answers whoever asks, though nobody wrote down that it is public."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence, Severity
from ostiary.model.route import Route, State
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._words import listed, words
from ostiary.scan.rules.invalid_credential_accepted import extractors_of, read_in_handler

rule = Rule("missing-authentication")

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_TWINS = frozenset({"HEAD", "OPTIONS"})
_PERSONAL = listed(
    "user users customer customers account accounts profile profiles member members patient patients employee employees"
    " person people contact contacts order orders payment payments invoice invoices address addresses admin billing card"
    " cards email emails"
)
_PARAMETER = re.compile(r"\{[^}]*\}")
_FIX = {
    "flask": "Put the check under the route's decorator:\n@auth.login_required\nor write it down: # ostiary: public <reason>",
    "": "Add the dependency that verifies the caller:\ndependencies=[Depends(current_user)]\nor write it down: # ostiary: public <reason>",
}


@rule.on_route
def reachable(code: RouteCode) -> Found:
    """Open, with nothing that even reads a credential; a credential that is read and not verified is invalid-credential-accepted."""
    route = code.route
    if route.protection.state is not State.OPEN or route.public is not None or extractors_of(route) or route.method in _TWINS:
        return
    if read_in_handler(code) is not None:
        return
    severity = severity_of(code)
    confidence = Confidence.LOW if route.unresolved else Confidence.MEDIUM if _is_optional(route) else Confidence.HIGH
    message = f"{route.method} {route.path} answers anybody: {route.protection.why or 'no gate on the way to its handler'}{_grave(code, severity)}"
    yield rule.finding(message, code, confidence, severity=severity, fix=fix_of(code))


def _is_optional(route: Route) -> bool:
    """The route itself asks who is calling and takes nobody for an answer: somebody thought of strangers here."""
    return any(gate.kind in ("dependency", "decorator", "base") for gate in route.protection.extractors)


def severity_of(code: RouteCode) -> Severity | None:
    """Critical where it writes or is about people; None leaves the page's own."""
    return Severity.CRITICAL if code.route.method not in _READS or _is_personal(code.route.path) else None


def _is_personal(path: str) -> bool:
    return bool(_PERSONAL & set(words(_PARAMETER.sub("", path))))


def _grave(code: RouteCode, severity: Severity | None) -> str:
    if severity is None:
        return ""
    return "; it writes" if code.route.method not in _READS else "; its path speaks of personal data"


def fix_of(code: RouteCode) -> str:
    """Three lines for the framework of the application."""
    return _FIX["flask" if code.app.framework in ("flask", "quart", "apiflask") else ""]
