"""A session or token cookie that other sites, scripts or listeners on the way can get at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.model.finding import Confidence, Severity
from ostiary.scan.code.ir import ClassDef, Expr, Function, last_name, text, walk
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.code.values import Const, Default, Value, name_of
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._cookies import holds_credential, lacking
from ostiary.scan.rules._defs import end_of
from ostiary.scan.rules._facts import target_name
from ostiary.scan.rules._nodes import mentions, near, nodes_near, settings_in
from ostiary.scan.rules._transport import cookies_guarded
from ostiary.scan.rules._words import listed, words

rule = Rule("insecure-cookie")

_MEANS = {
    "secure": "travels over plain HTTP (no Secure)",
    "httponly": "is readable by scripts (no HttpOnly)",
    "samesite": "is sent along by other sites (no SameSite)",
}
_RIGHT = {"secure": "True", "httponly": "True", "samesite": '"Lax"'}
_FIX = 'response.set_cookie(name, value, secure=True, httponly=True, samesite="lax")'
_SETTING = Pattern(r"(SESSION|REMEMBER|JWT)_COOKIE_(SECURE|HTTPONLY|SAMESITE)\Z")
_NEEDLES = (b"_cookie_secure", b"_cookie_httponly", b"_cookie_samesite")
_SESSION = (b"session",)
# settings that are read from a file or the environment may say it where nobody sees
_ELSEWHERE = (b"from_prefixed_env", b"from_pyfile", b"from_envvar", b"from_file(", b"from_json")
_IDENTITY = listed("user uid username userid account member customer admin logged login auth token email role")
_DEVELOPMENT = Pattern(r"dev|test|local|debug|example", re.IGNORECASE)


@rule.on_call("set_cookie")
def handed_out(call: Call) -> Found:
    """``response.set_cookie("session", …)`` without one of the three attributes."""
    found = holds_credential(call)
    missing = _left_by_guard(call, lacking(call) or ()) if found is not None else None
    if found is None or not missing or _in_development(call):
        return
    name, sure = found
    # what only SameSite would stop needs another site's page, and browsers treat a cookie without it as Lax
    severity = Severity.LOW if missing == ("samesite",) else None
    message = f"the cookie {name!r} {' and '.join(_MEANS[attribute] for attribute in missing)}"
    yield rule.finding(message, call, Confidence.HIGH if sure else Confidence.MEDIUM, severity=severity, fix=_FIX)


def _left_by_guard(call: Call, missing: tuple[str, ...]) -> tuple[str, ...]:
    """Ostiary's guard adds what is missing, and leaves ``SameSite=None`` as it is."""
    if not missing or not cookies_guarded(call.world):
        return missing
    return tuple(one for one in missing if one == "samesite" and call.arg(8, "samesite") is not None)


@rule.on_call("add_middleware", "Middleware", "SessionMiddleware")
def session_middleware(call: Call) -> Found:
    """Starlette's ``SessionMiddleware`` sets no Secure unless told so: ``https_only=True``. It stands around Ostiary's guard, which never sees its cookie."""
    if call.last != "SessionMiddleware" and not any(last_name(a) == "SessionMiddleware" for a in call.expr[3][:1]):
        return
    if not call.expr[3] and not call.expr[4]:
        return
    given = call.arg(None, "https_only")
    if given is not None:
        value = call.value(given)
        if _is_false(value):
            yield rule.finding("the session cookie travels over plain HTTP: https_only is off", call, fix="https_only=True")
    elif not any(name is None for name, _ in call.expr[4]) and _is_starlette(call):
        message = "the session cookie travels over plain HTTP: https_only is off unless told otherwise"
        yield rule.finding(message, call, fix="https_only=True")


def _is_starlette(call: Call) -> bool:
    cls = call.expr[2] if call.last == "SessionMiddleware" else call.expr[3][0]
    return name_of(call.value(cls)).startswith("starlette.")


@rule.on_call("CookieTransport")
def transports(call: Call) -> Found:
    """fastapi-users: ``CookieTransport(cookie_secure=False)``."""
    for option, attribute in (("cookie_secure", "secure"), ("cookie_httponly", "httponly")):
        given = call.arg(None, option)
        if given is not None and _is_false(call.value(given)) and not _in_development(call) and not cookies_guarded(call.world):
            yield rule.finding(f"the session cookie {_MEANS[attribute]}", call, fix=f"{option}=True")


@rule.on_module
def configured(site: Site) -> Found:
    """``SESSION_COOKIE_SECURE = False`` and its like, assigned, given or in a dict."""
    if not mentions(site.world, site.module, _NEEDLES):
        return
    pairs = (
        (function, name, value) for function, node in nodes_near(site.world, site.module, _NEEDLES) for name, value in settings_in(node)
    )
    for function, name, value in pairs:
        found = _SETTING.match(name)
        place = Site(site.world, site.module, function, value[1])
        if found is None or not _switched_off(found.group(2), place.value(value)) or _in_development(place):
            continue
        if cookies_guarded(site.world) and found.group(2) != "SAMESITE":
            continue
        attribute = found.group(2).lower()
        severity = Severity.LOW if attribute == "samesite" else None
        yield rule.finding(
            f"the {found.group(1).lower()} cookie {_MEANS[attribute]}", place, severity=severity, fix=f"{name} = {_RIGHT[attribute]}"
        )


def _switched_off(attribute: str, value: Value) -> bool:
    if attribute == "SAMESITE":
        return isinstance(value, Const) and (value.value is None or str(value.value).lower() == "none")
    return _is_false(value)


def _is_false(value: Value) -> bool:
    return isinstance(value, Const) and not isinstance(value, Default) and value.value is False


def _in_development(site: Site) -> bool:
    """In a class or function for development, or below an ``if`` that asks for it."""
    owner = next((c for c in site.module.classes if c.at <= site.at <= _end(c)), None)
    if any(_DEVELOPMENT.search(scope.name) for scope in (site.function, owner) if scope is not None):
        return True
    for node in walk(site.function.body if owner is None else owner.body):
        if node[0] == "if" and node[3] and node[3][0][1] <= site.at <= end_of(node[3][-1]) and _DEVELOPMENT.search(text(node[2])):
            return not text(node[2]).startswith("not ")
    return False


def _end(cls: ClassDef) -> int:
    return end_of(cls.body[-1]) if cls.body else cls.at


@rule.on_app
def by_default(app: AppCode) -> Found:
    """Flask's own session and the cookies of Flask-JWT-Extended lack Secure until a setting says otherwise."""
    if app.framework not in ("flask", "quart", "apiflask") or (app.guard is not None and app.guard.https):
        return
    for name, kind, starts in (("SESSION_COOKIE_SECURE", "session", _starts_session), ("JWT_COOKIE_SECURE", "token", _sets_token)):
        used = any(starts(app, code.handler.function) for code in app.routes if code.handler is not None)
        if used and not _said(app, name.lower().encode(), b"talisman", b"sessioninterface"):
            confidence = Confidence.LOW if _said(app, *_ELSEWHERE) else Confidence.MEDIUM
            message = f"the {kind} cookie travels over plain HTTP: {name} is off unless told otherwise"
            yield rule.finding(message, app, confidence, fix=f"app.config.update({name}=True)")


def _said(app: AppCode, *needles: bytes) -> bool:
    return any(mentions(app.world, module, needles) for module in app.world.modules.values())


def _starts_session(app: AppCode, function: Function) -> bool:
    """``login_user(user)``, ``session["user_id"] = …`` of Flask's session."""
    logins = [c[2] for c in function.calls if last_name(c[2]) == "login_user"]
    if any(name_of(app.world.value(callee, app.world.inside(function))) == "flask_login.login_user" for callee in logins):
        return True
    if function not in near(app.world, function.module, _SESSION):
        return False
    return any(_keeps_identity(target) and _is_session(app, function, target[2]) for target in _targets(function))


def _targets(function: Function) -> Iterator[Expr]:
    for node in walk(function.body):
        if node[0] == "assign":
            yield from (target for target in node[2] if target[0] == "sub")


def _keeps_identity(target: Expr) -> bool:
    return bool(_IDENTITY & set(words(target_name(target))))


def _is_session(app: AppCode, function: Function, expr: Expr) -> bool:
    return last_name(expr) == "session" and name_of(app.world.value(expr, app.world.inside(function))) in ("flask.session", "quart.session")


def _sets_token(_: AppCode, function: Function) -> bool:
    return any(last_name(c[2]) in ("set_access_cookies", "set_refresh_cookies") for c in function.calls)
