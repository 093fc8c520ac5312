"""What stands before a handler, walked: a decorator is applied to the handler, hooks and middleware are entered as their framework does."""

from __future__ import annotations

from ostiary.scan.code import calls, entries, ir
from ostiary.scan.code.frames import Engine, Frame
from ostiary.scan.code.ir import Function
from ostiary.scan.code.marks import is_preprocessor
from ostiary.scan.code.things import ONWARD, UNKNOWN, End, Path, Thing
from ostiary.scan.code.values import Cls, Ext, Func, Made, Obj, Scope, Unknown, Value

_NOWHERE = Function("<applied>", "<applied>", 0, 0, (), (), (), None, False, "", ir.Module("", "", False, ""), None)


def decorated(engine: Engine, value: Value) -> list[End] | None:
    """The ways through what a decorator makes of the handler, None when that is not seen."""
    holder = Func(_NOWHERE, Scope(_NOWHERE.module, None))
    frame = Frame(engine, holder, "decorator", depth=-1)
    given = calls.apply(frame, ("call", 0, ("name", 0, "decorator"), (), ()), Thing("value", "", value), Path(), [ONWARD], {})
    ends = [*frame.ends, *(End("raise", error, path) for path, error in frame.raised)]
    for path, thing in given:
        inner = _wrapper(engine, thing)
        if inner is None:
            return None
        ends += [End(e.how, e.thing, after) for e in inner if (after := path.graft(e.path)) is not None]
    return ends


def _wrapper(engine: Engine, thing: Thing) -> list[End] | None:
    if thing.kind == "onward":
        return [End("onward", UNKNOWN, Path())]
    if thing.kind == "gated":
        return [End("raise", Thing("answer", "", 401), Path(tested=("identity",)))]
    if thing.kind == "closure":
        return entries.enter(engine, thing.value[0], "decorator", dict(thing.value[1]))
    if thing.kind == "value" and isinstance(thing.value, Obj):
        method = engine.world.attribute(thing.value, "__call__")
        return entries.enter(engine, method, "decorator") if isinstance(method, Func) else None
    if thing.kind == "value" and isinstance(thing.value, Func):
        return entries.enter(engine, thing.value, "decorator")
    return None


def hook(engine: Engine, value: Value) -> list[End] | None:
    if isinstance(value, Func):
        return entries.enter(engine, value, "preprocessor" if is_preprocessor(value) else "hook")
    method = engine.world.attribute(value, "__call__") if isinstance(value, Obj) else None
    return entries.enter(engine, method, "hook") if isinstance(method, Func) else None


def middleware(engine: Engine, value: Value) -> list[End] | None:
    if isinstance(value, Made) and isinstance(value.callee, (Cls, Ext)):
        return _made_middleware(engine, value)
    if isinstance(value, Func):
        return entries.enter(engine, value, "middleware")
    this = engine.world.instance(value) if isinstance(value, Cls) else value
    if not isinstance(this, Obj):
        return None
    for name in ("dispatch", "__call__"):
        method = engine.world.attribute(this, name)
        if isinstance(method, Func):
            return entries.enter(engine, method, "middleware")
    return None


def _made_middleware(engine: Engine, value: Made) -> list[End] | None:
    """``add_middleware(Class, option=…)``: an instance with its options; ``BaseHTTPMiddleware`` with a ``dispatch``."""
    dispatch, backend = value.kwargs.get("dispatch"), value.kwargs.get("backend")
    if isinstance(dispatch, Func):
        return entries.enter(engine, dispatch, "middleware")
    if isinstance(value.callee, Cls):
        return middleware(engine, engine.world.call(value.callee, (Unknown(), *value.args), value.kwargs))
    method = engine.world.attribute(backend, "authenticate") if isinstance(backend, Obj) else None
    return entries.enter(engine, method, "dependency") if isinstance(method, Func) else None
