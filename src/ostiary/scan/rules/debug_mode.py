"""Debug mode switched on in code."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence
from ostiary.model.route import Location
from ostiary.scan.code.ir import Expr, dotted, last_name, line_of, pack
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.code.values import Const
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._facts import Assignment, facts
from ostiary.scan.rules._flows import text_of
from ostiary.scan.rules._switches import is_asked_for

rule = Rule("debug-mode")

_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # the very addresses that make it worse
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DEVELOPMENT = Pattern(r"dev|test|local|debug|debugger|example", re.IGNORECASE)
_FIX = "Leave it out and say so where the process starts:\nflask run --debug   # on a developer's machine only"
_FIX_ASGI = "Leave debug out; its default is False."
_CONSOLE = "the Werkzeug debugger runs code for anybody who reaches it"
_TRACES = "every error answers with a stack trace and source code"


@rule.on_call("run", "run_simple")
def runs(call: Call) -> Found:
    """``app.run(debug=True)`` and ``run_simple(…, use_debugger=True)``."""
    debug = call.arg(None, "debug") or call.arg(None, "use_debugger")
    if debug is None or not _is_true(call, debug):
        return
    name = call.name
    if name.startswith(("uvicorn", "asyncio", "subprocess", "hypercorn")) or (
        not name.endswith((".run", "run_simple")) and "app" not in dotted(call.expr[2])
    ):
        return
    if is_asked_for(call.world, call.module, call.at):
        return
    yield rule.finding(f"{_CONSOLE} (debug=True)", call, _reach(call), fix=_FIX)


def _reach(call: Call) -> Confidence:
    """``if __name__ == "__main__"`` with the default host is how developers start it, and servers import the module without passing here:
    medium. Bound to every interface it is meant to be reached, whoever starts it: high."""
    host = call.arg(0, "host")
    value = call.value(host) if host is not None else None
    if isinstance(value, Const) and value.value in _EVERYWHERE:
        return Confidence.HIGH
    low, high = facts(call).main
    if isinstance(value, Const) and value.value in _LOOPBACK:
        return Confidence.MEDIUM
    if call.function.name == "<module>" and not low <= call.at <= high:
        return Confidence.HIGH
    return Confidence.MEDIUM


def _is_true(site: Site, expr: Expr) -> bool:
    if expr[0] == "const":
        return bool(expr[2])
    return expr[0] in ("name", "attr", "sub") and site.value(expr) in (Const(True), Const(1))


@rule.on_call("FastAPI", "Starlette")
def made(call: Call) -> Found:
    """``FastAPI(debug=True)``."""
    debug = call.arg(None, "debug")
    if debug is not None and _is_true(call, debug) and call.name.startswith(("fastapi.", "starlette.")):
        yield rule.finding(f"{_TRACES} (debug=True)", call, fix=_FIX_ASGI)


@rule.on_app
def configured(app: AppCode) -> Found:
    """``app.debug = True``, ``app.config["DEBUG"] = True``, ``app.config.update(DEBUG=True)``."""
    for key in ("debug", "DEBUG"):
        at = app.config_at.get(key)
        if at is not None and app.config.get(key) in (Const(True), Const(1)) and not _is_class(app, at) and not _is_switched(app, at):
            yield rule.finding(f"{_TRACES} ({key} is on for the whole application)", at, fix=_FIX)


def _is_switched(app: AppCode, at: Location) -> bool:
    """``if settings.debug: app.debug = True``."""
    modules = (module for module in app.world.modules.values() if module.path == at.file)
    return any(is_asked_for(app.world, module, pack(at.line, at.column - 1)) for module in modules)


def _is_class(app: AppCode, at: Location) -> bool:
    """A class given to ``from_object``: ``switched`` looks at the line inside it."""
    return any(line_of(cls.at) == at.line for module in app.world.modules.values() if module.path == at.file for cls in module.classes)


@rule.on_module
def switched(site: Site) -> Found:
    """``DEBUG = True`` in a configuration class, ``os.environ["FLASK_DEBUG"] = "1"``."""
    for item in facts(site).named("DEBUG", "FLASK_DEBUG", "FLASK_ENV"):
        confidence = _switch(item)
        if confidence is not None:
            place = Site(site.world, site.module, item.function, item.at)
            yield rule.finding(f"{_TRACES} ({item.name} is on)", place, confidence, fix=_FIX)


def _switch(item: Assignment) -> Confidence | None:
    if item.name != "DEBUG":
        on = {"FLASK_DEBUG": ("1", "true", "True"), "FLASK_ENV": ("development",)}[item.name]
        environment = item.target[0] == "sub" and last_name(item.target[2]) == "environ"
        return Confidence.HIGH if environment and text_of(item.value) in on else None
    if item.owner is None or item.value[0] != "const" or item.value[2] is not True:
        return None
    name = item.owner.name
    if _DEVELOPMENT.search(name) or not re.search(
        r"config|settings", f"{name} {' '.join(last_name(b) for b in item.owner.bases)}", re.IGNORECASE
    ):
        return None
    return Confidence.HIGH if re.search(r"prod|live", name, re.IGNORECASE) else Confidence.MEDIUM
