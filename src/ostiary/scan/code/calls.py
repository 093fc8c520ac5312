"""Calls as a stranger meets them: functions of the tree are walked, libraries known by name, the rest supposed from what they are given."""

from __future__ import annotations

import re
from typing import Any

from ostiary.scan.code import attributes, credentials, expressions, ir, known, libraries, methods, refusals, statements
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.frameworks.depends import unwrap
from ostiary.scan.code.ir import ClassDef, Expr
from ostiary.scan.code.things import ANYBODY, NONE, ONWARD, REQUEST, TAINTED, UNKNOWN, Choice, Path, Thing, Ways, answer, flag, join
from ostiary.scan.code.values import Cls, Const, Either, Ext, Func, Made, Map, Member, Native, Obj, Seq, Unknown, Value, name_of

Given = tuple[Path, list[Thing], dict[str, Thing]]
_LOGS = re.compile(r"^(debug|info|warning|warn|error|exception|critical|log|print|trace|emit|add_breadcrumb|capture_\w+|track|notify|audit|record\w*|set_(user|tag|context|attribute)\w*|bind|observe|inc|publish|format|sleep|append|add|delete|commit|rollback|close|flush)$")
_COUNTS = re.compile(r"limit|throttl|rate_|quota|bucket|\bincr|counter|metric|\bhit$", re.IGNORECASE)
_WHO = re.compile(
    r"^_?(get_?|fetch_?|load_?|require_?|resolve_?)?(current|logged_?in|auth(ed|enticated)?|request)_?(user|account|identity|principal|member|subject|admin|customer)\w*$|"
    r"^_?(is|has)_?(authenticated|logged_?in|admin|authorized|authed|superuser|staff|permission|permissions|role|roles|access|login)\w*$|^_?(authed|authenticated|logged_?in|get_jwt_identity|get_identity|get_user_id)$"
)
_CHECKS = re.compile(r"^_?(async_?)?(verify|validate|authenticate|authorize|authorise|check|require|ensure|assert|enforce|decode|introspect|login|demand|guard|protect)")
_LONG = 60
_ANONYMOUS = re.compile(r"anonym|guest", re.IGNORECASE)


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
        return invoke(f, target, e, path, args, kwargs)
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
    return unresolved(f, e, path, args, kwargs, target)


def _sent(args: list[Thing]) -> Thing:
    """The status in ``send({"type": "http.response.start", "status": 401})`` and ``start_response("401 …")``."""
    first = args[0] if args else UNKNOWN
    if first.kind == "dict":
        first = next((v for k, v in first.value if k == "status"), UNKNOWN)
    return answer(refusals.status_of(first))


def _apply_value(f: Frame, e: Expr, value: Value, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    if isinstance(value, Func):
        if credentials.CONFIG_CALL.match(value.function.name) and args and len(value.function.params) > 0:
            return [(path, _configured(f, e, args))]
        return invoke(f, Thing("value", "", value), e, path, args, kwargs)
    if isinstance(value, Cls):
        return _construct(f, e, value, path, args, kwargs)
    if isinstance(value, Either):
        return [way for option in value.options for way in _apply_value(f, e, option, path, args, kwargs)]
    if isinstance(value, Obj):
        return _call_object(f, e, value, path, args, kwargs)
    if isinstance(value, Native):
        return [(path, ONWARD if ONWARD in args else UNKNOWN)]
    if isinstance(value, Member) and isinstance(value.base, Obj) and not value.base.kind:
        if value.name == "__call__" and known.is_scheme(f, value.base):
            return known.scheme(f, value.base, path)
        if known.auth_method(f, value.base, value.name):
            return known.http_auth(f, e, value.name, path, args)
    if isinstance(value, (Ext, Made, Member)):
        return known.library(f, e, value, path, args, kwargs)
    return unresolved(f, e, path, args, kwargs, Thing("unknown", value.why if isinstance(value, Unknown) else ""))


def _call_object(f: Frame, e: Expr, value: Obj, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    method = f.engine.world.attribute(value, "__call__")
    if isinstance(method, Func):
        return invoke(f, Thing("value", "", method), e, path, args, kwargs)
    if known.is_scheme(f, value):
        return known.scheme(f, value, path)
    if _passes_on(f, args):
        return apply(f, e, ONWARD, path, args, kwargs)
    return unresolved(f, e, path, args, kwargs, Thing("unknown"))


def _passes_on(f: Frame, args: list[Thing]) -> bool:
    """``self.app(scope, receive, send)``, ``self.app(environ, start_response)``: on to what the middleware wraps."""
    return f.role == "middleware" and len(args) >= 2 and args[0].kind == "bag" and args[0].name in ("scope", "environ")


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
    return [(p, Thing("value", "", made)) for p, _ in invoke(f, Thing("value", "", init), e, path, args, kwargs)]


def _made(f: Frame, cls: Cls, args: list[Thing], kwargs: dict[str, Thing]) -> Value:
    """An instance; the same one for the same arguments, as far as they tell."""
    telling = [(i, t) for i, t in (*enumerate(args), *sorted(kwargs.items())) if t.kind != "unknown" and not isinstance(t.value, (Made, Member, Obj))]
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


def invoke(f: Frame, target: Thing, e: Expr, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    """Walk a function of the tree with what it is given; what it raises goes on from here."""
    func, taken = target.value if target.kind == "closure" else (target.value, ())
    if _gated(f, func):
        f.fail(path.test("identity"), answer(401))
        return []
    if f.engine.body and _is_business(func):
        return unresolved(f, e, path, args, kwargs, UNKNOWN)
    given = [*args, *kwargs.values(), *(t for _, t in taken)]
    if not _matters(f, func, given) or (f.dropped is e and f.role != "middleware" and ONWARD not in given and not f.engine.judge.may_refuse(func.function)):
        return [(path, UNKNOWN)]
    if f.too_deep or f.engine.running.count(func.function) > 1:
        f.engine.cut = True
        return unresolved(f, e, path, args, kwargs, Thing("unknown", "deeper than four calls"))
    out: Ways = []
    for end in statements.call(f, func, dict(taken), args, kwargs):
        after = path.graft(end.path)
        if after is None:
            continue
        if end.how == "return":
            out.append((after, end.thing))
        elif end.how == "raise":
            f.fail(after, end.thing)
        else:
            f.end(end.how, end.thing, after)
    return out


_CARRIERS = frozenset(("raw", "nobody", "request", "bag", "onward", "part", "address", "send", "start", "closure"))


def _is_business(func: Func) -> bool:
    """Too long for a check, and not called like one: a handler's work is not walked."""
    code = func.function
    return code.end - code.line > _LONG and not libraries.authish(code.name) and not _CHECKS.match(code.name)


def _matters(f: Frame, func: Func, given: list[Thing]) -> bool:
    """Walking a function can change the verdict: it is given something of the request, or speaks of it itself."""
    if any(t.kind in _CARRIERS or (t.kind in ("seq", "dict") and join([t]).kind in _CARRIERS) for t in given):
        return True
    if func.bound is not None and any(key[0] == id(func.bound) for key in f.engine.fields):
        return True
    return f.engine.judge.worth(func.function)


def _gated(f: Frame, func: Func) -> bool:
    """A library's decorator over the function refuses before its body runs."""
    return any(
        not isinstance(link.value, (Func, Native)) and f.engine.judge.decorates(link.value, link.result, f.engine.request) == "gate" for link in func.chain
    )


def unresolved(f: Frame, e: Expr, path: Path, args: list[Thing], kwargs: dict[str, Thing], target: Thing) -> Ways:
    """A callee that cannot be read: given a credential, it is supposed to verify it."""
    last, name = ir.last_name(e[2]), ir.dotted(e[2]) or ir.last_name(e[2])
    if ONWARD in args or ONWARD in kwargs.values():
        return [(path, ONWARD)]
    if _passes_on(f, args):
        return apply(f, e, ONWARD, path, args, kwargs)
    if _LOGS.match(last) or _COUNTS.search(name):
        return [(path, UNKNOWN)]
    if refusals.refuses_by_name(last) and not _CHECKS.match(last):
        return [(path, answer(401, "error" if last[:1].isupper() else ""))]
    if credentials.CONFIG_CALL.match(last):
        return [(path, _configured(f, e, args))]
    carried = join([*args, *kwargs.values(), *([target] if target.kind in TAINTED else [])])
    auth = libraries.authish(last) or bool(_CHECKS.match(last))
    if carried.kind == "raw" and carried.value == "claim":
        return [(path, carried if auth else UNKNOWN)]
    if (carried.kind == "raw" and (not carried.soft or auth)) or carried.kind == "nobody":
        return _supposed(f, e, path, carried, name, auth)
    if _WHO.match(last):
        return [(path.label("unsure", name) if _CHECKS.match(last) else path, ANYBODY)]
    if auth and (REQUEST in args or any(a.kind == "bag" and a.name in ("header", "cookie", "scope", "environ") for a in args)):
        return _supposed(f, e, path, Thing("nobody", "verify"), name, auth)
    if auth and target.name and "could not be parsed" in target.name:
        return [(path.label("unsure", f"{name}: {target.name}"), UNKNOWN)]
    return [(path, carried if carried.kind == "address" or (carried.kind == "flag" and len(args) == 1 and e[2][0] == "name") else UNKNOWN)]


def _configured(f: Frame, e: Expr, args: list[Thing]) -> Thing:
    name = next((a.value for a in args if a.kind == "const" and isinstance(a.value, str)), "") or (ir.last_name(e[3][0]) if e[3] else "") or ir.last_name(e[2])
    default = args[1].value if len(args) > 1 and args[1].kind == "const" and args[1].value not in (None, "") else None
    return flag(name, default) if default is not None else attributes.setting(f.engine, name, None)


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


def bind_target(f: Frame, path: Path, target: Expr, thing: Thing) -> Path:
    """``target = thing``."""
    tag = target[0]
    if tag == "name":
        return path.bind(target[2], thing)
    if tag == "seq":
        for i, inner in enumerate(target[3]):
            known_items = thing.value if thing.kind == "seq" else ()
            each = known_items[i] if i < len(known_items) else _spread(thing)
            path = bind_target(f, path, inner, each)
        return path
    if tag == "star":
        return bind_target(f, path, target[2], _spread(thing))
    if tag == "attr":
        return _bind_attribute(f, path, target, thing)
    if tag == "sub" and expressions.slot(target):
        return path.bind(expressions.slot(target), thing)
    return path


def _spread(thing: Thing) -> Thing:
    """One member of what is unpacked."""
    if thing.kind == "nobody":
        return Thing("nobody", thing.name, soft=True)
    return thing if thing.kind in ("raw", "flag") else UNKNOWN


def _bind_attribute(f: Frame, path: Path, target: Expr, thing: Thing) -> Path:
    base = path.env.get(target[2][2]) if target[2][0] == "name" else None
    if base is not None and base.kind == "answer" and target[3] in ("status_code", "status"):
        return path.bind(target[2][2], answer(refusals.status_of(thing)))
    if base is not None and isinstance(base.value, Obj) and f.func.function.name == "__init__":
        f.engine.fields[(id(base.value), target[3])] = thing
    name = ir.dotted(target)
    return path.bind(name, thing) if name else path


def member_of(f: Frame, over: Thing) -> Thing:
    """A member of what a loop goes over, when members are not taken one by one."""
    if over.kind == "bag" and over.name in ("header", "cookie"):
        return Thing("seq", value=(UNKNOWN, credentials.credential(over.name, None)))
    if over.kind == "seq":
        return join(list(over.value))
    return _spread(over) if over.kind in ("raw", "nobody", "flag") else UNKNOWN


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
    if not any(e.path.tested for e in ends):
        # no credential is looked at: which setting made it return what does not matter
        things = {e.thing: path for e in ends if e.how == "return"}
        return [(p, thing) for thing, p in things.items()][:4] or [(path, UNKNOWN)]
    for end in ends:
        after = path.graft(end.path)
        if after is None:
            continue
        if end.how == "return":
            out.append((after, end.thing))
        else:
            f.fail(after, end.thing)
    return out


def owner_of(func: Func) -> ClassDef | None:
    return func.function.parent if isinstance(func.function.parent, ClassDef) else None


__all__ = ["apply", "arguments", "bind_target", "call", "invoke", "member_of", "name_of", "owner_of", "supplied", "supplied_attribute", "unresolved"]
