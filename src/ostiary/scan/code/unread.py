"""Callees that cannot be read: what they do to a credential is supposed from their names and from what they are given."""

from __future__ import annotations

import re

from ostiary.scan.code import credentials, functions, ir, libraries, refusals, settings
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import ANYBODY, ONWARD, REQUEST, TAINTED, UNKNOWN, Choice, Path, Thing, Ways, answer, flag, join
from ostiary.scan.lazy import Pattern

_LOGS = Pattern(
    r"^(debug|info|warning|warn|error|exception|critical|log|print|trace|emit|add_breadcrumb|capture_\w+|track|notify|audit|record\w*|set_(user|tag|context|attribute)\w*|bind|observe|inc|publish|format|sleep|append|add|delete|commit|rollback|close|flush)$"
)
_COUNTS = Pattern(r"limit|throttl|rate_|quota|bucket|\bincr|counter|metric|\bhit$", re.IGNORECASE)
_WHO = Pattern(
    r"^_?(get_?|fetch_?|load_?|require_?|resolve_?)?(current|logged_?in|auth(ed|enticated)?|request)_?(user|account|identity|principal|member|subject|admin|customer)\w*$|"
    r"^_?(is|has)_?(authenticated|logged_?in|admin|authorized|authed|superuser|staff|permission|permissions|role|roles|access|login)\w*$|^_?(authed|authenticated|logged_?in|get_jwt_identity|get_identity|get_user_id)$"
)
CHECKS = Pattern(
    r"^_?(async_?)?(verify|validate|authenticate|authorize|authorise|check|require|ensure|assert|enforce|decode|introspect|login|demand|guard|protect)"
)


def unresolved(f: Frame, e: Expr, path: Path, args: list[Thing], kwargs: dict[str, Thing], target: Thing) -> Ways:
    """A callee that cannot be read: given a credential, it is supposed to verify it."""
    last, name = ir.last_name(e[2]), ir.dotted(e[2]) or ir.last_name(e[2])
    if ONWARD in args or ONWARD in kwargs.values():
        return [(path, ONWARD)]
    if passes_on(f, args):
        f.end("onward", UNKNOWN, path)
        return []
    only = f.engine.judge.only_method(last) if e[2][0] == "attr" and target.kind != "nobody" and not f.too_deep else None
    if only is not None:
        return functions.invoke(f, Thing("value", "", only), e, path, args, kwargs)
    if _LOGS.match(last) or _COUNTS.search(name):
        return [(path, UNKNOWN)]
    if refusals.refuses_by_name(last) and not CHECKS.match(last):
        return [(path, answer(401, "error" if last[:1].isupper() else ""))]
    if credentials.CONFIG_CALL.match(last):
        return [(path, configured(f, e, args))]
    carried = join([*args, *kwargs.values(), *([target] if target.kind in TAINTED else [])])
    auth = libraries.authish(last) or bool(CHECKS.match(last))
    if carried.kind == "raw" and carried.value == "claim":
        return [(path, carried if auth else UNKNOWN)]
    if (carried.kind == "raw" and (not carried.soft or auth)) or carried.kind == "nobody":
        return _supposed(f, e, path, carried, name, auth)
    if _WHO.match(last):
        return [(path.label("unsure", name) if CHECKS.match(last) else path, ANYBODY)]
    if auth and (REQUEST in args or any(a.kind == "bag" and a.name in ("header", "cookie", "scope", "environ") for a in args)):
        return _supposed(f, e, path, Thing("nobody", "verify"), name, auth)
    if auth and target.name and "could not be parsed" in target.name:
        return [(path.label("unsure", f"{name}: {target.name}"), UNKNOWN)]
    return [(path, carried if carried.kind == "address" or (carried.kind == "flag" and len(args) == 1 and e[2][0] == "name") else UNKNOWN)]


def configured(f: Frame, e: Expr, args: list[Thing]) -> Thing:
    name = (
        next((a.value for a in args if a.kind == "const" and isinstance(a.value, str)), "")
        or (ir.last_name(e[3][0]) if e[3] else "")
        or ir.last_name(e[2])
    )
    default = args[1].value if len(args) > 1 and args[1].kind == "const" and args[1].value not in (None, "") else None
    return flag(name, default) if default is not None else settings.setting(f.engine, name, None)


def _supposed(f: Frame, e: Expr, path: Path, carried: Thing, name: str, auth: bool) -> Ways:
    """What an unread callee gives back for junk: nothing, or an error where one is expected."""
    kind = "login" if carried.name.startswith("login") else carried.name if carried.kind == "nobody" else "verify"
    found = Thing("nobody", kind, soft=True)
    path = path.test("lookup")
    if not f.tries:
        return [(path.label("unsure", name) if auth else path, found)]
    fork = f.fork(e[1], "error")
    f.fail(path.test(kind).choose(Choice(fork, True)), Thing("error", "verify" if carried.kind == "raw" else "?"))
    return [(path.choose(Choice(fork, False)), found)]


def passes_on(f: Frame, args: list[Thing]) -> bool:
    """``self.app(scope, receive, send)``, ``self.app(environ, start_response)``: on to what the middleware wraps."""
    return f.role == "middleware" and len(args) >= 2 and args[0].kind == "bag" and args[0].name in ("scope", "environ")
