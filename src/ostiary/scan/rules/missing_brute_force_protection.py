"""A route that checks a password, a code or a token somebody guesses, as often as they like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ostiary.model.finding import Confidence
from ostiary.model.route import State
from ostiary.scan.code.ir import Function, last_name, walk
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.code.values import Func
from ostiary.scan.code.world import options
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._rates import has_limiter, per_minute
from ostiary.scan.rules._words import listed, words

rule = Rule("missing-brute-force-protection")

_TIGHT = 30.0
_FIX = 'Limit tries by account and by address:\n@limiter.limit("5 per minute")'
_PLACES = listed("login signin logon authenticate otp totp mfa 2fa verifycode passcode pin")
_PAIRS = (
    ("sign", "in"),
    ("log", "in"),
    ("log", "on"),
    ("verify", "code"),
    ("two", "factor"),
    ("second", "factor"),
    ("access", "token"),
    ("reset", "password"),
)
_CHECKS = Pattern(
    r"check_password|verify_password|verify_and_update_password|check_password_hash|checkpw|authenticate|verify_otp|verify_totp|check_otp|verify_code|validate_password"
    r"|password_matches|is_correct_password|verify_hash|valid_password"
)
_DEFENCES = Pattern(r"attempt|lockout|locked|lock_out|throttl|rate_?limit|captcha|too_many|brute|backoff|cooldown", re.IGNORECASE)


@rule.on_route
def guessable(code: RouteCode) -> Found:
    """It checks what was just submitted, on behalf of a stranger, with no tight limit."""
    route = code.route
    if (
        code.handler is None
        or route.method not in ("POST", "PUT", "PATCH")
        or route.protection.state is State.PROTECTED
        or _is_limited(code)
    ):
        return
    checks, named = _checks(code.handler), _is_named(code)
    if not checks and not (named and _takes_password(code.handler.function)):
        return
    if _defends(code, code.handler.function):
        return
    confidence = Confidence.HIGH if checks and named and not has_limiter(code.app) else Confidence.MEDIUM
    yield rule.finding(f"{route.method} {route.path} checks a secret that callers may guess without limit", code, confidence, fix=_FIX)


def _is_limited(code: RouteCode) -> bool:
    for limit in code.route.limits:
        rate = per_minute(limit.text)
        if rate is None or rate <= _TIGHT:
            return True
    return False


def _is_named(code: RouteCode) -> bool:
    """Its path ends in a login, or its handler is called one."""
    last = [part for part in code.route.path.split("/") if part and not part.startswith("{")][-1:]
    for name in (*last, code.handler.function.name if code.handler else ""):
        parts = words(name)
        joined = set(pairwise(parts))
        if _PLACES & set(parts) or joined & set(_PAIRS) or parts in (("token",), ("login",), ("auth",), ("signin",)):
            return True
    return False


def _checks(handler: Func) -> bool:
    """The handler, or a function of the tree that it calls, checks a submitted password or code."""
    function = handler.function
    if any(_checks_password(last_name(call[2])) for call in function.calls) or _compares_password(function):
        return _takes_secret(function)
    return False


def _checks_password(name: str) -> bool:
    # A signed token out of a mail cannot be guessed.
    return _CHECKS.search(name) is not None and "token" not in name


def _compares_password(function: Function) -> bool:
    for compare in function.compares:
        sides = (compare[2], *compare[4])
        if compare[3][0] in ("==", "!=") and sum("passw" in _text(side) for side in sides) > 1:
            return True
    return False


def _text(expr: tuple[object, ...]) -> str:
    return repr(expr).lower() if expr[0] in ("name", "attr", "sub", "call") else ""


def _takes_secret(function: Function) -> bool:
    return _takes_password(function) or bool(re.search(r"otp|code|pin\b|token", " ".join(p.name for p in function.params), re.IGNORECASE))


def _takes_password(function: Function) -> bool:
    """A password comes in: as a parameter, a form, a field of the body."""
    for param in function.params:
        if "passw" in param.name.lower() or (param.annotation is not None and "PasswordRequestForm" in repr(param.annotation)):
            return True
    return "passw" in repr(
        [c for c in function.calls if last_name(c[2]) in ("get", "pop") or _CHECKS.search(last_name(c[2]))]
    ).lower() or any("passw" in repr(stmt).lower() for stmt in function.body if stmt[0] in ("assign", "if", "expr", "return"))


def _defends(code: RouteCode, function: Function, depth: int = 1) -> bool:
    """Counts failed tries, locks the account, asks for a captcha or throttles by hand; here or in what checks the password."""
    for node in walk((function.body, function.decorators)):
        if node[0] in ("name", "attr") and _DEFENCES.search(last_name(node)):
            return True
    return depth > 0 and any(_defends(code, callee, depth - 1) for callee in _checkers(code, function))


def _checkers(code: RouteCode, function: Function) -> Iterator[Function]:
    """The functions of the tree that check the password for this one."""
    for call in function.calls:
        if _CHECKS.search(last_name(call[2])):
            for option in options(code.world.value(call[2], code.world.inside(function))):
                if isinstance(option, Func):
                    yield option.function
