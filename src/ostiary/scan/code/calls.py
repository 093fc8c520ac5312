"""Calls as a stranger meets them: functions of the tree are walked, libraries known by name, the rest supposed from what they are given."""

from __future__ import annotations

import re
from typing import Any

from ostiary.scan.code import (
    attributes,
    credentials,
    expressions,
    functions,
    ir,
    known,
    methods,
    refusals,
    schemes,
    unread,
)
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.frameworks.depends import unwrap
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import ANYBODY, NONE, ONWARD, REQUEST, TAINTED, UNKNOWN, Path, Thing, Ways, answer, join
from ostiary.scan.code.values import Cls, Const, Either, Ext, Func, Made, Member, Native, Obj, Unknown, Value
from ostiary.scan.lazy import Pattern

Given = tuple[Path, list[Thing], dict[str, Thing]]
_ANONYMOUS = Pattern(r"anonym|guest", re.IGNORECASE)


def call(f: Frame, e: Expr, path: Path) -> Ways:
    """``func(…)``."""
    func = e[2]
    if func[0] == "name" and func[2] in ("any", "all") and len(e[3]) == 1 and e[3][0][0] == "comp":
        return known.any_all(f, e, path)
    if func[0] != "attr":
        return [way for p, target in expressions.ways(f, func, path) for given in arguments(f, e, p) for way in apply(f, e, target, *given)]
    if func[2][0] == "call" and func[2][2] == ("name", func[2][2][1], "super"):
        target = _super(f, func, path)
        return [way for given in arguments(f, e, path) for way in apply(f, e, target, *given)]
    bound = path.env.get(ir.dotted(func))
    if bound is not None:
        return [way for given in arguments(f, e, path) for way in apply(f, e, bound, *given)]
    out: Ways = []
    for p, base in expressions.ways(f, func[2], path):
        for given in arguments(f, e, p):
            out += methods.method(f, e, base, func[3], *given)
    return out


def arguments(f: Frame, e: Expr, path: Path) -> list[Given]:
    """Positional and keyword arguments; ``*args`` is one that carries what its members carry."""
    names = [name for name, _ in e[4]]
    count = len(e[3])
    out: list[Given] = []
    for p, things in expressions.many(f, (*e[3], *(v for _, v in e[4])), path):
        kwargs: dict[str, Thing] = {}
        for name, thing in zip(names, things[count:], strict=True):
            if name is not None:
                kwargs[name] = thing
            elif thing.kind == "dict":
                kwargs.update({k: v for k, v in thing.value if isinstance(k, str)})
            else:
                kwargs["**"] = thing
        out.append((p, things[:count], kwargs))
    return out


def _super(f: Frame, func: Expr, path: Path) -> Thing:
    if f.role == "dispatch" and func[3] == f.func.function.name:
        return ONWARD
    found = attributes.thing_of(f.engine, f.engine.world.value(func, f.engine.scope(f.func)), func[3])
    this = path.env.get(f.func.function.params[0].name) if f.func.function.params else None
    if isinstance(found.value, Func) and this is not None and isinstance(this.value, Obj):
        inner = found.value
        return Thing("value", "", Func(inner.function, inner.scope, this.value, inner.wraps, inner.chain, inner.attrs))
    if isinstance(found.value, Member) and this is not None and isinstance(this.value, Obj):
        return Thing("value", "", Member(this.value, func[3]))
    return found


def apply(f: Frame, e: Expr, target: Thing, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    """Calling a thing with arguments."""
    kind = target.kind
    if kind == "value":
        return _apply_value(f, e, target.value, path, args, kwargs)
    if kind == "closure":
        return functions.invoke(f, target, e, path, args, kwargs)
    if kind == "onward":
        f.end("onward", UNKNOWN, path)
        return []
    if kind == "gated":
        f.fail(path.test("identity"), answer(401))
        return []
    if kind in ("send", "start"):
        return [(path.bind("*status*", _sent(args)), NONE)]
    if kind == "answer" and f.role == "middleware":
        f.end("return", target, path)
        return []
    if kind in ("raw", "nobody", "flag", "bag", "answer", "address"):
        return [(path, target)]
    return unread.unresolved(f, e, path, args, kwargs, target)


def _sent(args: list[Thing]) -> Thing:
    """The status in ``send({"type": "http.response.start", "status": 401})`` and ``start_response("401 …")``."""
    first = args[0] if args else UNKNOWN
    if first.kind == "dict":
        first = next((v for k, v in first.value if k == "status"), UNKNOWN)
    return answer(refusals.status_of(first))


def _apply_value(f: Frame, e: Expr, value: Value, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    if isinstance(value, Func):
        if credentials.CONFIG_CALL.match(value.function.name) and args and len(value.function.params) > 0:
            return [(path, unread.configured(f, e, args))]
        return functions.invoke(f, Thing("value", "", value), e, path, args, kwargs)
    if isinstance(value, Cls):
        return _construct(f, e, value, path, args, kwargs)
    if isinstance(value, Either):
        return [way for option in value.options for way in _apply_value(f, e, option, path, args, kwargs)]
    if isinstance(value, Obj):
        return _call_object(f, e, value, path, args, kwargs)
    if isinstance(value, Native):
        return [(path, ONWARD if ONWARD in args else UNKNOWN)]
    if isinstance(value, Member) and isinstance(value.base, Obj) and not value.base.kind:
        if value.name == "__call__" and schemes.is_scheme(f, value.base):
            return schemes.scheme(f, value.base, path)
        if schemes.auth_method(f, value.base, value.name):
            return schemes.http_auth(f, e, value.name, path, args)
    if isinstance(value, (Ext, Made, Member)):
        return known.library(f, e, value, path, args, kwargs)
    return unread.unresolved(f, e, path, args, kwargs, Thing("unknown", value.why if isinstance(value, Unknown) else ""))


def _call_object(f: Frame, e: Expr, value: Obj, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    method = f.engine.world.attribute(value, "__call__")
    if isinstance(method, Func):
        return functions.invoke(f, Thing("value", "", method), e, path, args, kwargs)
    if schemes.is_scheme(f, value):
        return schemes.scheme(f, value, path)
    if unread.passes_on(f, args):
        return apply(f, e, ONWARD, path, args, kwargs)
    return unread.unresolved(f, e, path, args, kwargs, Thing("unknown"))


def _construct(f: Frame, e: Expr, cls: Cls, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    world = f.engine.world
    found = refusals.exception(world, cls, args, kwargs)
    if found is not None:
        return [(path, found)]
    libs = [link.last for link in world.bases(cls) if isinstance(link, Ext)]
    if any(name.endswith("Response") for name in libs):
        return [(path, answer(known.response_status(args, kwargs)))]
    if any(name in ("Request", "HTTPConnection", "WebSocket") for name in libs):
        return [(path, REQUEST)]
    if _ANONYMOUS.search(cls.cls.name):
        return [(path, ANYBODY)]
    carried = join([*args, *kwargs.values()])
    made = _made(f, cls, args, kwargs)
    init = world.attribute(made, "__init__") if isinstance(made, Obj) else None
    if not isinstance(init, Func):
        return [(path, carried if carried.kind in TAINTED else Thing("value", "", made))]
    if carried.kind not in (*TAINTED, "bag", "request") and REQUEST not in args:
        return [(path, Thing("value", "", made))]
    return [(p, Thing("value", "", made)) for p, _ in functions.invoke(f, Thing("value", "", init), e, path, args, kwargs)]


def _made(f: Frame, cls: Cls, args: list[Thing], kwargs: dict[str, Thing]) -> Value:
    """An instance; the same one for the same arguments, as far as they tell."""
    telling = [
        (i, t)
        for i, t in (*enumerate(args), *sorted(kwargs.items()))
        if t.kind != "unknown" and not isinstance(t.value, (Made, Member, Obj))
    ]
    key = (id(cls.cls), tuple(telling))
    found = f.engine.built.get(key)
    if found is None:
        given = {k: _value(v) for k, v in kwargs.items() if k != "**"}
        found = f.engine.built[key] = f.engine.world.call(cls, tuple(_value(a) for a in args), given)
        f.engine.kept.append((cls, args, kwargs))
    return found


def _value(thing: Thing) -> Value:
    if thing.kind == "value" and isinstance(thing.value, Value):
        return thing.value
    return Const(thing.value) if thing.kind == "const" else Unknown()


def supplied_attribute(f: Frame, base: Thing, name: str, path: Path) -> Ways | None:
    """``self.user`` where the class says ``user = Depends(get_user)``."""
    if not isinstance(base.value, Obj) or base.value.cls is None or (id(base.value), name) in f.engine.fields:
        return None
    value: Any = f.engine.world.attribute(base.value, name)
    inner, _ = unwrap(value)
    if inner is value:
        return None
    return supplied(f, inner, path)


def supplied(f: Frame, value: Value, path: Path) -> Ways:
    """What a dependency hands over to a stranger; where it refuses, the walk ends."""
    out: Ways = []
    ends = f.engine.judge.supplied(value, f.engine.request)
    if not any(e.path.tested or any(kind == "unresolved" for kind, _ in e.path.labels) for e in ends):
        # no credential is looked at: which setting made it return what does not matter
        things = {e.thing for e in ends if e.how == "return"}
        telling = [t for t in things if t.kind in TAINTED]
        return [(path, t) for t in (things if len(things) == 1 else telling)] or [(path, UNKNOWN)]
    for end in ends:
        after = path.graft(end.path)
        if after is None:
            continue
        if end.how == "return":
            out.append((after, end.thing))
        else:
            f.fail(after, end.thing)
    return out
