"""A server that listens on every interface of its machine.

Behind a container's network that is how it has to be, and no Dockerfile is read here: medium confidence, never more.
"""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Expr, dotted
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.code.values import Const
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._settings import from_environment

rule = Rule("bind-all-interfaces")

_EVERYWHERE = ("0.0.0.0", "::", "[::]", "*")  # noqa: S104  # what this rule looks for
_FIX = 'Listen where the proxy in front of it connects: host="127.0.0.1".'
_MESSAGE = "listens on every interface of the machine"


@rule.on_call("run", "run_simple", "serve", "WSGIServer", "make_server", "Config", "create_server")
def listens(call: Call) -> Found:
    """``app.run(host=…)``, ``uvicorn.run(app, host=…)``, ``serve(app, host=…)``, ``Config(bind=…)``."""
    host = call.arg(None, "host") or call.arg(None, "hostname") or call.arg(None, "bind") or call.arg(None, "listen") or _first(call)
    if host is None:
        return
    confidence = _everywhere(call, host)
    if confidence is not None and _is_server(call):
        yield rule.finding(_MESSAGE, call, confidence, fix=_FIX)


def _first(call: Call) -> Expr | None:
    if call.last == "run" and call.expr[3] and call.expr[3][0][0] == "str":
        return call.arg(0)
    if call.last in ("run_simple", "make_server"):
        return call.arg(0)
    address = call.arg(0) if call.last == "WSGIServer" else None
    return address[3][0] if address is not None and address[0] == "seq" and address[3] else None


def _is_server(call: Call) -> bool:
    if call.last != "Config":
        return "subprocess" not in dotted(call.expr[2])
    return call.name.startswith(("uvicorn", "hypercorn")) or "uvicorn" in dotted(call.expr[2])


def _everywhere(site: Site, expr: Expr) -> Confidence | None:
    if expr[0] == "str":
        return Confidence.MEDIUM if _is_everywhere(expr[2]) else None
    if expr[0] == "seq":
        return next((found for item in expr[3] if (found := _everywhere(site, item)) is not None), None)
    if expr[0] not in ("name", "attr", "call"):
        return None
    value = site.value(expr)
    if isinstance(value, Const):
        return Confidence.MEDIUM if isinstance(value.value, str) and _is_everywhere(value.value) else None
    read = from_environment(value)
    default = read[1] if read is not None else None
    wide = isinstance(default, Const) and isinstance(default.value, str) and _is_everywhere(default.value)
    return Confidence.LOW if wide else None


def _is_everywhere(text: str) -> bool:
    host = text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text
    return host in _EVERYWHERE


@rule.on_module
def configured(site: Site) -> Found:
    """``bind = "0.0.0.0:8000"`` of a gunicorn or hypercorn configuration file, ``config.bind = […]``."""
    for item in facts(site).named("bind"):
        file = site.module.path.rpartition("/")[2]
        server = "corn" in file or (item.target[0] == "attr" and dotted(item.target[2]).lower().endswith("config"))
        if server and _everywhere(site, item.value) is not None:
            yield rule.finding(_MESSAGE, Site(site.world, site.module, item.function, item.at), Confidence.MEDIUM, fix=_FIX)
