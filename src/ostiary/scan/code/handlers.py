"""The functions that answer a declared route, verb by verb, with their decorators outermost first."""

from __future__ import annotations

from ostiary.scan.code import assemble, classes
from ostiary.scan.code.frameworks import flask
from ostiary.scan.code.sites import Guard
from ostiary.scan.code.values import (
    Cls,
    Const,
    Func,
    Made,
    Map,
    Obj,
    RouteDecl,
    Seq,
    Value,
)
from ostiary.scan.code.world import World, options

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


def handlers_of(w: World, decl: RouteDecl, obj: Obj) -> list[tuple[str, Func | None, tuple[Guard, ...]]]:
    """(verb, handler, its decorators outermost first) for each verb of a declaration."""
    value: Value | None = next((o for o in options(w.settle(decl.handler)) if isinstance(o, (Func, Cls, Obj, Made))), None)
    if isinstance(value, Made):
        value = flask.unwrap(value)
    if isinstance(value, Obj):
        found = w.attribute(value, "__call__")
        value = found if isinstance(found, Func) else None
    if isinstance(value, Cls) or (isinstance(value, Func) and isinstance(value.handler, Cls)):
        return _class_handlers(w, decl, value, obj)
    if not isinstance(value, Func):
        return [(m, None, ()) for m in decl.methods or ("GET",)]
    methods = decl.methods or _own_methods(w, value)
    if obj.kind.startswith("flask") and "GET" in methods:
        # Werkzeug answers HEAD wherever it answers GET
        methods = tuple(m for m in methods if m != "HEAD")
    return [(m, value, _decorators(value.chain)) for m in methods]


def _own_methods(w: World, func: Func) -> tuple[str, ...]:
    return flask.methods_of(func.attrs.get("methods")) or ("GET",)


def _decorators(chain: tuple) -> tuple[Guard, ...]:  # type: ignore[type-arg]
    return tuple(Guard("decorator", link.value, assemble.location(link.module, link.at), link.result) for link in reversed(chain))


def _class_handlers(w: World, decl: RouteDecl, value: Func | Cls, obj: Obj) -> list[tuple[str, Func | None, tuple[Guard, ...]]]:
    cls = value.handler if isinstance(value, Func) else value
    if not isinstance(cls, Cls):
        return []
    this = w.instance(cls)
    outer = _decorators(value.chain) + _class_guards(w, cls)
    verbs = {v.upper(): f for v in _VERBS if isinstance(f := classes.class_attribute(w, cls, v, this), Func)}
    if not verbs:
        func = next(
            (f for n in ("dispatch_request", "dispatch", "on_receive", "on_connect") if isinstance(f := w.attribute(this, n), Func)), None
        )
        methods = decl.methods or flask.methods_of(w.attribute(cls, "methods")) or ("GET",)
        return [(m, func, outer + (_decorators(func.chain) if func is not None else ())) for m in methods]
    if decl.methods:
        verbs = {v: f for v, f in verbs.items() if v in decl.methods}
    return [(v, f, outer + _method_guards(w, cls, v) + _decorators(f.chain)) for v, f in verbs.items()]


def _class_guards(w: World, cls: Cls) -> tuple[Guard, ...]:
    at = assemble.location(cls.cls.module, cls.cls.at)
    listed = w.attribute(cls, "decorators")
    return tuple(Guard("base", v, at) for v in reversed(listed.items)) if isinstance(listed, Seq) else ()


def _method_guards(w: World, cls: Cls, verb: str) -> tuple[Guard, ...]:
    """flask-restful's ``method_decorators``: a list, or a dict by verb; the last one listed is the outermost."""
    at = assemble.location(cls.cls.module, cls.cls.at)
    listed = w.attribute(cls, "method_decorators")
    if isinstance(listed, Map):
        listed = listed.items.get(verb.lower(), Const(None))
    return tuple(Guard("base", v, at) for v in reversed(listed.items)) if isinstance(listed, Seq) else ()
