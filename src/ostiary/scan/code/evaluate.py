"""Expressions → values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ostiary.scan.code import apply, binding, classes
from ostiary.scan.code.frameworks import config
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.values import (
    Args,
    Cls,
    Const,
    Default,
    Either,
    Ext,
    Func,
    Later,
    Made,
    Map,
    Member,
    Mod,
    Obj,
    Scope,
    Seq,
    Super,
    Unknown,
    Value,
    name_of,
)  # fmt: skip

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

NOTHING = Unknown()
_MAX_OPTIONS = 4
_MAX_TEXT = 4000
_MAX_ITEMS = 20_000
_MAX_INT = 1 << 64


def value(w: World, expr: Expr, scope: Scope) -> Value:
    """What an expression stands for."""
    handler = _TABLE.get(expr[0])
    return handler(w, expr, scope) if handler is not None else NOTHING


def either(*values: Value) -> Value:
    """One of several values, flattened, without repeats and unknowns beside knowns."""
    options = [option for item in values for option in (item.options if isinstance(item, Either) else (item,))]
    known: list[Value] = []
    for option in options:
        if len(known) < _MAX_OPTIONS and not isinstance(option, Unknown) and option not in known:
            known.append(option)
    flat = known or options[:1]
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


def bounded(w: World, old: Seq, more: Seq) -> list[Value]:
    """The items to add to a list: as many as it has room for, so that doubling it again and again ends."""
    room = max(_MAX_ITEMS - len(old.items), 0)
    if len(more.items) <= room:
        return list(more.items)
    old.whole = False
    return more.items[:room]


def truth(v: Value) -> bool | None:
    """True or False when it is known at reading time."""
    if isinstance(v, Const):
        return None if isinstance(v, Default) else bool(v.value)
    if isinstance(v, (Func, Cls, Mod, Obj)):
        return True
    if isinstance(v, (Seq, Map)) and v.whole:
        return bool(v.items)
    return None


def attribute(w: World, base: Value, name: str) -> Value:
    """``base.name``."""
    base = w.settle(base)
    if isinstance(base, Ext):
        return w.ext(f"{base.name}.{name}")
    if isinstance(base, Mod):
        return _module_attribute(w, base, name)
    if isinstance(base, Obj):
        return _object_attribute(w, base, name)
    if isinstance(base, (Made, Func)) and name in base.attrs:
        return base.attrs[name]
    if isinstance(base, Cls):
        return classes.class_attribute(w, base, name, base)
    if isinstance(base, Super):
        return classes.super_attribute(w, base, name)
    if isinstance(base, Either):
        return either(*[attribute(w, option, name) for option in base.options])
    if isinstance(base, (Made, Member, Seq, Map, Const)):
        return Member(base, name)
    return base if isinstance(base, Unknown) else NOTHING


def _module_attribute(w: World, base: Mod, name: str) -> Value:
    if name in base.scope.names:
        return w.settle(base.scope.names[name])
    full = f"{base.module.name}.{name}" if base.module.name else name
    if full in w.index.finder.files or full in w.index.finder.folders:
        return w.mod(full)
    found = base.scope.names.get("__getattr__")
    return Later(base.scope, name) if found is None and base.module.name in w.scopes else NOTHING


def _object_attribute(w: World, base: Obj, name: str) -> Value:
    if name in base.attrs:
        return w.settle(base.attrs[name])
    if name == "router" and base.kind == "asgi.app":
        return base
    if name in ("url_prefix", "prefix") and base.kind and name in base.kwargs:
        return base.kwargs[name]
    if base.cls is not None:
        found = classes.class_attribute(w, base.cls, name, base)
        if not isinstance(found, Ext):
            return found if not isinstance(found, Unknown) else Member(base, name)
    return Member(base, name)


def _name(w: World, e: Expr, scope: Scope) -> Value:
    found = scope.find(e[2])
    if found is None:
        return w.ext(e[2])
    return w.settle(found) if type(found) is Later else found


def _attr(w: World, e: Expr, scope: Scope) -> Value:
    return attribute(w, value(w, e[2], scope), e[3])


def _const(w: World, e: Expr, scope: Scope) -> Value:
    return Const(e[2])


def _fstr(w: World, e: Expr, scope: Scope) -> Value:
    parts = [value(w, part, scope) for part in e[2]]
    if all(isinstance(p, Const) for p in parts):
        return Const("".join(str(p.value) for p in parts if isinstance(p, Const))[:_MAX_TEXT])
    return Unknown("a string built from unknown parts")


def _call(w: World, e: Expr, scope: Scope) -> Value:
    callee = value(w, e[2], scope)
    args: list[Value] = []
    for arg in e[3]:
        if arg[0] == "star":
            many = w.settle(value(w, arg[2], scope))
            args += many.items if isinstance(many, Seq) else []
        else:
            args.append(value(w, arg, scope))
    kwargs: dict[str, Value] = {}
    for name, arg in e[4]:
        given = value(w, arg, scope)
        if name is not None:
            kwargs[name] = given
        elif isinstance(given, Map):
            kwargs.update({k: v for k, v in given.items.items() if isinstance(k, str)})
    if isinstance(callee, Ext) and callee.name == "super":
        return classes.make_super(w, scope)
    return apply.call(w, callee, Args(tuple(args), kwargs, e[1], scope.module, e, tuple(w.conditions)), scope)


def _cmp(w: World, e: Expr, scope: Scope) -> Value:
    left, right = value(w, e[2], scope), value(w, e[4][0], scope)
    if len(e[3]) != 1:
        return NOTHING
    op = e[3][0]
    if isinstance(left, Default) or isinstance(right, Default):
        return NOTHING
    if op in ("in", "not in") and isinstance(left, Const):
        return _contains(left, right, op == "in")
    if isinstance(left, Const) and isinstance(right, Const):
        return _compare(left.value, op, right.value)
    return NOTHING


def _contains(left: Const, right: Value, wanted: bool) -> Value:
    if isinstance(right, Const) and isinstance(right.value, str) and isinstance(left.value, str):
        return Const((left.value in right.value) is wanted)
    items: list[Value] | None = None
    if isinstance(right, Seq) and right.whole:
        items = right.items
    elif isinstance(right, Map) and right.whole:
        items = [Const(k) for k in right.items]
    if items is None or not all(isinstance(i, Const) for i in items):
        return NOTHING
    return Const((left in items) is wanted)


def _compare(left: Any, op: str, right: Any) -> Value:
    if op in ("==", "is"):
        return Const(left == right)
    if op in ("!=", "is not"):
        return Const(left != right)
    return NOTHING


def _bool(w: World, e: Expr, scope: Scope) -> Value:
    seen: list[Value] = []
    for item in e[3]:
        v = value(w, item, scope)
        known = truth(v)
        if known is (e[2] == "or"):
            return v if not seen else either(*seen, v) if known else v
        if known is None:
            seen.append(v)
    return either(*seen) if seen and e[2] == "or" else NOTHING if seen else v


def _not(w: World, e: Expr, scope: Scope) -> Value:
    known = truth(value(w, e[2], scope))
    return NOTHING if known is None else Const(not known)


def _neg(w: World, e: Expr, scope: Scope) -> Value:
    v = value(w, e[2], scope)
    return Const(-v.value) if isinstance(v, Const) and isinstance(v.value, (int, float)) else NOTHING


def _bin(w: World, e: Expr, scope: Scope) -> Value:
    left, right = value(w, e[3], scope), value(w, e[4], scope)
    if e[2] == "+":
        return _add(left, right)
    if e[2] == "%" and isinstance(left, Const) and isinstance(left.value, str):
        return _percent(left.value, right)
    if e[2] == "|" and (isinstance(left, (Cls, Ext)) or isinstance(right, (Cls, Ext))):
        return left if not (isinstance(left, Const) and left.value is None) else right
    return NOTHING


def _add(left: Value, right: Value) -> Value:
    if isinstance(left, Seq) and isinstance(right, Seq):
        whole = left.whole and right.whole and len(left.items) + len(right.items) <= _MAX_ITEMS
        return Seq((left.items + right.items)[:_MAX_ITEMS], whole)
    if isinstance(left, Seq) or isinstance(right, Seq):
        return Seq(list(left.items if isinstance(left, Seq) else right.items if isinstance(right, Seq) else ()), whole=False)
    if isinstance(left, Const) and isinstance(right, Const) and isinstance(left.value, str) and isinstance(right.value, str):
        return Const((left.value + right.value)[:_MAX_TEXT])
    if isinstance(left, Const) and isinstance(right, Const) and type(left.value) is int and type(right.value) is int:
        return Const(left.value + right.value) if abs(left.value) < _MAX_INT and abs(right.value) < _MAX_INT else NOTHING
    return NOTHING


def _percent(pattern: str, right: Value) -> Value:
    given = [right] if isinstance(right, Const) else right.items if isinstance(right, Seq) else []
    if not given or not all(isinstance(g, Const) for g in given) or len(pattern) > _MAX_TEXT:
        return NOTHING
    if any(mark in pattern.replace("%s", "").replace("%d", "") for mark in "%*"):
        return NOTHING
    try:
        return Const((pattern % tuple(str(g.value) if isinstance(g, Const) else "" for g in given))[:_MAX_TEXT])
    except (TypeError, ValueError):
        return NOTHING


def _sub(w: World, e: Expr, scope: Scope) -> Value:
    base = value(w, e[2], scope)
    index = value(w, e[3], scope) if e[3][0] != "slice" else NOTHING
    if isinstance(base, Map) and isinstance(index, Const):
        return base.items.get(index.value, NOTHING) if _hashable(index.value) else NOTHING
    if (
        isinstance(base, Seq)
        and isinstance(index, Const)
        and isinstance(index.value, int)
        and -len(base.items) <= index.value < len(base.items)
    ):
        return base.items[index.value]
    if isinstance(base, Cls):
        return base
    app = config.owner(base)
    if app is not None and (found := config.read(w, app, index)) is not None:
        return found
    if isinstance(base, (Ext, Made, Member, Obj)):
        return Made(Member(base, "__getitem__"), (index,), {}, e[1], scope.module, e)
    return NOTHING


def _hashable(v: Any) -> bool:
    return isinstance(v, (str, int, bytes, float, bool)) or v is None


def _seq(w: World, e: Expr, scope: Scope) -> Value:
    items: list[Value] = []
    whole = True
    for item in e[3]:
        if item[0] != "star":
            items.append(value(w, item, scope))
            continue
        many = value(w, item[2], scope)
        items += many.items[: max(_MAX_ITEMS - len(items), 0)] if isinstance(many, Seq) else []
        whole = whole and isinstance(many, Seq) and len(items) < _MAX_ITEMS
    return Seq(items, whole)


def _dict(w: World, e: Expr, scope: Scope) -> Value:
    out: dict[Any, Value] = {}
    whole = True
    for key, item in zip(e[2], e[3], strict=True):
        v = value(w, item, scope)
        if key is None:
            out.update(v.items if isinstance(v, Map) else {})
            whole = whole and isinstance(v, Map)
            continue
        k = value(w, key, scope)
        if isinstance(k, Const) and _hashable(k.value):
            out[k.value] = v
        else:
            out[("?", key[1])] = v
            whole = False
    return Map(out, whole)


def _comp(w: World, e: Expr, scope: Scope) -> Value:
    target, iterable, conditions = e[4][0]
    over = value(w, iterable, scope)
    if len(e[4]) > 1 or not isinstance(over, Seq):
        return Seq([], whole=False)
    out = []
    for item in over.items[:200]:
        if not w.spend():
            break
        inner = Scope(scope.module, scope, scope.owner)
        binding.bind_target(w, target, item, inner)
        if any(truth(value(w, c, inner)) is False for c in conditions):
            continue
        out.append(value(w, e[3], inner))
    if e[2] != "dict":
        return Seq(out, over.whole and not conditions)
    pairs = [pair.items for pair in out if isinstance(pair, Seq)]
    return Map({p[0].value: p[1] for p in pairs if isinstance(p[0], Const) and _hashable(p[0].value)}, over.whole)


def _lambda(w: World, e: Expr, scope: Scope) -> Value:
    w.defined[e[2]] = scope
    return Func(e[2], scope)


def _ifexp(w: World, e: Expr, scope: Scope) -> Value:
    known = truth(value(w, e[2], scope))
    if known is not None:
        return value(w, e[3] if known else e[4], scope)
    return either(value(w, e[3], scope), value(w, e[4], scope))


def _walrus(w: World, e: Expr, scope: Scope) -> Value:
    v = value(w, e[3], scope)
    scope.names[e[2]] = v
    return v


def _inner(w: World, e: Expr, scope: Scope) -> Value:
    return value(w, e[2], scope) if e[2] is not None else NOTHING


_TABLE: dict[str, Callable[[World, Expr, Scope], Value]] = {
    "name": _name, "attr": _attr, "str": _const, "const": _const, "fstr": _fstr, "call": _call, "cmp": _cmp, "bool": _bool, "not": _not,
    "neg": _neg, "bin": _bin, "sub": _sub, "seq": _seq, "dict": _dict, "comp": _comp, "lambda": _lambda, "ifexp": _ifexp,
    "walrus": _walrus, "yield": _inner, "star": _inner,
}  # fmt: skip
__all__ = ["NOTHING", "attribute", "either", "name_of", "truth", "value"]
