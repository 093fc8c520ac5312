"""Browsers are not told to stay with HTTPS, or for too short a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.model.finding import Confidence, Finding
from ostiary.scan.code.ir import Expr, Function, Module, last_name
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.code.values import Const
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._nodes import mentions, nodes_near
from ostiary.scan.rules._transport import HSTS, takes_credentials, transport

rule = Rule("missing-hsts")

_NEEDLES = (HSTS.encode(),)
_DAY = 86_400
_SHORTEST = 180 * _DAY
_AGE = Pattern(r"max-age\s*=\s*\"?(\d+)", re.IGNORECASE)
_FIX = 'response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"'
_SETTERS = frozenset({"add", "set", "setdefault", "append", "add_header", "__setitem__"})


@rule.on_app
def nowhere(app: AppCode) -> Found:
    """No header anywhere, in an application that takes credentials."""
    seen = transport(app.world)
    if seen.hsts or (app.guard is not None and app.guard.hsts) or not takes_credentials(app):
        return
    if (seen.demanded and seen.refused is None) or (app.guarded and app.guard is not None and app.guard.https):
        yield rule.finding("demands HTTPS itself and never sends Strict-Transport-Security", app, Confidence.MEDIUM, fix=_FIX)
    else:
        yield rule.finding("never sends Strict-Transport-Security; a proxy in front may", app, Confidence.LOW, fix=_FIX)


@rule.on_call("Talisman", "init_app")
def switched_off(call: Call) -> Found:
    """``Talisman(app, strict_transport_security=False)``, or with a short ``strict_transport_security_max_age``."""
    wanted = call.arg(None, "strict_transport_security")
    if wanted is not None and call.value(wanted) == Const(False):
        yield rule.finding("Strict-Transport-Security is switched off", call, fix=_FIX)
        return
    age = call.arg(None, "strict_transport_security_max_age")
    value = call.value(age) if age is not None else None
    if isinstance(value, Const) and type(value.value) is int and value.value < _SHORTEST:
        yield _short(call, value.value)


@rule.on_module
def short(site: Site) -> Found:
    """``"max-age=3600"``, however the header is set."""
    if not mentions(site.world, site.module, _NEEDLES):
        return
    for function, value in _values(site.world, site.module):
        place = Site(site.world, site.module, function, value[1])
        age = _age(place, value)
        if age is not None and age < _SHORTEST:
            yield _short(place, age)


def _short(site: Site, age: int) -> Finding:
    kept = f"for {age // _DAY} days" if age >= _DAY else f"for {age} seconds"
    return rule.finding(f"browsers keep to HTTPS {kept} only, less than half a year", site, fix=_FIX)


def _age(site: Site, value: Expr) -> int | None:
    """Seconds, None when the text does not say."""
    said = site.value(value)
    text = said.value if isinstance(said, Const) else None
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    found = _AGE.search(text) if isinstance(text, str) else None
    return int(found.group(1)) if found is not None else None


def _values(world: World, module: Module) -> Iterator[tuple[Function, Expr]]:
    """What the header is set to: by assignment, by a call, in a dict, in a pair of an ASGI message."""
    for function, node in nodes_near(world, module, _NEEDLES):
        for key, value in _pairs(node):
            if key is not None and key[0] in ("str", "const") and _is_header(key[2]):
                yield function, value


def _pairs(node: Expr) -> Iterator[tuple[Expr | None, Expr]]:
    if node[0] == "assign" and node[3] is not None:
        yield from ((target[3], node[3]) for target in node[2] if target[0] == "sub")
    elif node[0] == "call" and last_name(node[2]) in _SETTERS and len(node[3]) > 1:
        yield node[3][0], node[3][1]
    elif node[0] == "dict":
        yield from zip(node[2], node[3], strict=True)
    elif node[0] == "seq" and len(node[3]) == 2:
        yield node[3][0], node[3][1]


def _is_header(text: object) -> bool:
    return text.lower() in (HSTS, HSTS.encode()) if isinstance(text, (str, bytes)) else False
