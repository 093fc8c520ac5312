"""Names bound to values: parameters, targets of assignments, loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code import classes, evaluate
from ostiary.scan.code import frameworks as fw
from ostiary.scan.code.ir import ClassDef, Expr, Function, Param
from ostiary.scan.code.values import (
    Args,
    Cls,
    Const,
    Either,
    Ext,
    Func,
    Made,
    Map,
    Member,
    Obj,
    Scope,
    Seq,
    Value,
    name_of,
)  # fmt: skip

if TYPE_CHECKING:
    from ostiary.scan.code.world import World


def bind(w: World, func: Func, args: Args, scope: Scope) -> None:
    """Arguments to parameters."""
    given = list(args.args)
    if func.bound is not None:
        given.insert(0, func.bound)
    kwargs = {**func.partial, **args.kwargs}
    for param in func.function.params:
        if param.kind == "vararg":
            scope.names[param.name] = Seq(given)
            given = []
        elif param.kind == "kwarg":
            scope.names[param.name] = Map(dict(kwargs))
        elif param.kind == "arg" and given:
            scope.names[param.name] = given.pop(0)
        elif param.name in kwargs:
            scope.names[param.name] = kwargs.pop(param.name)
        else:
            scope.names[param.name] = _default(w, param, func.scope)


def _default(w: World, param: Param, outer: Scope) -> Value:
    if param.default is not None:
        return evaluate.value(w, param.default, outer)
    return annotated(w, param.annotation, outer)


def bind_unknown(w: World, code: Function, scope: Scope, this: Value | None = None) -> None:
    """Parameters when nobody says what is given: by annotation; ``self`` is an instance of the class."""
    outer = scope.parent or scope
    for i, param in enumerate(code.params):
        if i == 0 and isinstance(code.parent, ClassDef) and param.annotation is None:
            scope.names[param.name] = this if this is not None else _this(w, code)
        elif param.kind == "vararg":
            scope.names[param.name] = Seq([], whole=False)
        elif param.kind == "kwarg":
            scope.names[param.name] = Map({}, whole=False)
        else:
            scope.names[param.name] = annotated(w, param.annotation, outer)


def _this(w: World, code: Function) -> Value:
    parent = code.parent
    home = w.defined.get(parent) if isinstance(parent, ClassDef) else None
    cls = home.names.get(parent.name) if home is not None and isinstance(parent, ClassDef) else None
    if not isinstance(cls, Cls):
        return evaluate.NOTHING
    return cls if code.params and code.params[0].name == "cls" else w.instance(cls)


def annotated(w: World, annotation: Expr | None, scope: Scope) -> Value:
    """An instance of the class that an annotation names (``Annotated``, ``Optional`` and unions unwrapped), else Unknown."""
    if annotation is None or annotation[0] == "str":
        return evaluate.NOTHING
    if annotation[0] == "sub":
        name = name_of(evaluate.value(w, annotation[2], scope)).rpartition(".")[2]
        inner = annotation[3][3][0] if annotation[3][0] == "seq" and annotation[3][3] else annotation[3]
        if name in ("Annotated", "Optional", "Final", "Required", "Union"):
            return annotated(w, inner, scope)
        return evaluate.NOTHING
    if annotation[0] == "bin" and annotation[2] == "|":
        return annotated(w, annotation[3], scope)
    if annotation[0] not in ("name", "attr"):
        return evaluate.NOTHING
    cls = w.settle(evaluate.value(w, annotation, scope))
    if isinstance(cls, Cls):
        return w.instance(cls)
    if isinstance(cls, Made) and cls.callee is not None and name_of(cls).endswith("Annotated.__getitem__"):
        return evaluate.NOTHING
    if isinstance(cls, Ext) and "." in cls.name:
        known = fw.CLASSES.get(cls.name)
        if known is not None:
            return fw.stranger(w, known[1], cls.name, scope.module, annotation[1])
        return Made(cls, (), {}, annotation[1], scope.module, annotation)
    return evaluate.NOTHING


def bind_target(w: World, target: Expr, value: Value, scope: Scope) -> None:
    """``target = value`` for names, attributes, items and tuples of them."""
    tag = target[0]
    if tag == "name":
        scope.names[target[2]] = value
    elif tag == "seq":
        items = value.items if isinstance(value, Seq) else []
        for i, inner in enumerate(target[3]):
            if inner[0] == "star":
                bind_target(w, inner[2], Seq([], whole=False), scope)
            else:
                bind_target(w, inner, items[i] if i < len(items) else evaluate.NOTHING, scope)
    elif tag == "attr":
        _bind_attribute(w, evaluate.value(w, target[2], scope), target[3], value, target[1], scope)
    elif tag == "sub":
        _bind_item(w, evaluate.value(w, target[2], scope), evaluate.value(w, target[3], scope), value, target[1], scope)


def _bind_attribute(w: World, base: Value, name: str, value: Value, at: int, scope: Scope) -> None:
    if isinstance(base, (Obj, Made, Func)):
        if w.quiet:
            base.attrs.setdefault(name, value)
        else:
            base.attrs[name] = value
            w.wired += 1
            if isinstance(base, Obj) and base.kind:
                fw.set_attribute(w, base, name, value, at, scope)
    elif isinstance(base, Cls) and not w.quiet:
        classes.class_scope(w, base).names[name] = value
    elif isinstance(base, Member) and base.name == "state" and isinstance(base.base, Obj) and not w.quiet:
        base.base.attrs[f"state.{name}"] = value


def _bind_item(w: World, base: Value, key: Value, value: Value, at: int, scope: Scope) -> None:
    if w.quiet:
        return
    if isinstance(base, Map) and isinstance(key, Const) and isinstance(key.value, (str, int)):
        base.items[key.value] = value
    elif isinstance(base, Member) and isinstance(base.base, Obj):
        fw.set_item(w, base.base, base.name, key, value, at, scope)


def iterate(w: World, value: Value) -> list[Value] | None:
    """Members to loop over, None when they are not known."""
    value = w.settle(value)
    if isinstance(value, Seq):
        return list(value.items) if value.whole or value.items else None
    if isinstance(value, Map):
        return [Const(key) for key in value.items] if value.whole else None
    if isinstance(value, Either):
        lists = [found for option in value.options if (found := iterate(w, option)) is not None]
        return [item for items in lists for item in items] if lists else None
    return None
