"""Classes and instances: the method resolution order, attributes along it, ``super()``, construction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code import apply, binding, evaluate, execute
from ostiary.scan.code import frameworks as fw
from ostiary.scan.code.ir import ClassDef, Function
from ostiary.scan.code.values import (
    Args,
    Cls,
    Const,
    Default,
    Either,
    Ext,
    Func,
    Made,
    Member,
    Obj,
    Scope,
    Super,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

# more classes above a class than anybody looks through
_LINE = 300


def instance(w: World, cls: Cls, args: Args) -> Value:
    """``cls(…)``: a plain object, or an application, router… when a library class among its bases makes it one."""
    made = blank(w, cls, args)
    init = class_attribute(w, cls, "__init__", made)
    if isinstance(init, Func):
        apply.call(w, init, args)
    else:
        made.attrs.update(args.kwargs)
    return made


def blank(w: World, cls: Cls, args: Args) -> Obj:
    """The object before its ``__init__``."""
    known = next((e.name for e in mro(w, cls) if isinstance(e, Ext) and e.name in fw.CLASSES), "")
    kind = fw.CLASSES[known][1] if known else ""
    made = Obj(kind, known, cls, args.args, args.kwargs, args.at, args.module)
    return fw.construct(w, made) if kind else made


def initialise(w: World, made: Obj) -> None:
    """Run ``__init__`` with arguments that nobody knows."""
    init = class_attribute(w, made.cls, "__init__", made) if made.cls is not None else None
    if isinstance(init, Func) and not w.too_deep:
        scope = Scope(init.function.module, init.scope, init.function)
        binding.bind_unknown(w, init.function, scope, made)
        execute.body(w, init.function, scope)


def class_scope(w: World, cls: Cls) -> Scope:
    """The names that a class body binds; run on first use."""
    if cls.scope is None:
        cls.scope = Scope(cls.cls.module, cls.outer, cls.cls)
        execute.block(w, cls.cls.body, cls.scope, [])
    return cls.scope


def mro(w: World, value: Value) -> tuple[Value, ...]:
    """Classes of a class or object, depth first, without repeats."""
    cls = value.cls if isinstance(value, Obj) else value
    if not isinstance(cls, Cls):
        return (cls,) if isinstance(cls, Ext) else ()
    if cls.line is None:
        # the bases were evaluated where the class was made and never change: no class comes before itself
        cls.line = _line(w, cls)
    return cls.line


def _line(w: World, cls: Cls) -> tuple[Value, ...]:
    out: list[Value] = [cls]
    for base in cls.bases:
        base = w.settle(base)
        if isinstance(base, Made):
            base = base.callee.base if isinstance(base.callee, Member) and base.callee.name == "__getitem__" else base
        for option in base.options if isinstance(base, Either) else (base,):
            out += mro(w, option)
    # a base that several classes share comes after all of them, as in Python
    return tuple(dict.fromkeys(reversed(out)))[::-1][:_LINE]


def class_attribute(w: World, cls: Cls, name: str, this: Value) -> Value:
    """``cls.name`` along the bases, functions bound to ``this``; the Ext of the first library base when no class of the tree has it."""
    if name == "as_view" and this is cls:
        return Member(cls, name)
    library_base: Ext | None = None
    for link in mro(w, cls):
        if isinstance(link, Ext):
            library_base = library_base or link
        elif isinstance(link, Cls) and name in class_scope(w, link).names:
            found = class_scope(w, link).names[name]
            return Default(found.value) if isinstance(found, Const) and _is_settings(w, cls) else _bound(w, found, cls, this)
    return w.ext(f"{library_base.name}.{name}") if library_base is not None else evaluate.NOTHING


def _is_settings(w: World, cls: Cls) -> bool:
    """pydantic's BaseSettings fills fields from the environment."""
    return any(isinstance(link, Ext) and link.last == "BaseSettings" for link in mro(w, cls))


def _bound(w: World, found: Value, cls: Cls, this: Value) -> Value:
    found = w.settle(found)
    if not isinstance(found, Func) or "staticmethod" in found.attrs:
        return found
    if "property" in found.attrs and isinstance(this, Obj):
        return apply.call(w, Func(found.function, found.scope, this), Args((), {}, 0, found.function.module, ()))
    bound = cls if "classmethod" in found.attrs else this if isinstance(this, Obj) else None
    return Func(found.function, found.scope, bound, found.wraps, found.chain, found.attrs)


def make_super(w: World, scope: Scope) -> Value:
    """``super()``: the object of the method at hand, looked up after the class that the method stands in."""
    at: Scope | None = scope
    while at is not None and not (isinstance(at.owner, Function) and isinstance(at.owner.parent, ClassDef)):
        at = at.parent
    if at is None or not isinstance(at.owner, Function) or not at.owner.params:
        return evaluate.NOTHING
    this = at.names.get(at.owner.params[0].name)
    owner = at.owner.parent
    home = next((c for c in mro(w, this) if isinstance(c, Cls) and c.cls is owner), None) if this is not None else None
    return Super(this, home) if isinstance(home, Cls) and this is not None else evaluate.NOTHING


def super_attribute(w: World, value: Super, name: str) -> Value:
    """The attribute in the classes after the one that calls ``super()``."""
    line = mro(w, value.this)
    rest = line[line.index(value.after) + 1 :] if value.after in line else ()
    for link in rest:
        if isinstance(link, Ext) and link.name in fw.CLASSES:
            break
        if isinstance(link, Cls) and name in class_scope(w, link).names:
            return _bound(w, class_scope(w, link).names[name], link, value.this)
    return Member(value.this, name) if isinstance(value.this, Obj) else evaluate.NOTHING


def init_subclass(w: World, cls: Cls, code: ClassDef, scope: Scope) -> None:
    """``__init_subclass__`` of a base runs with the class and its keywords."""
    for base in mro(w, cls)[1:]:
        if isinstance(base, Cls) and any(s[0] == "def" and s[2].name == "__init_subclass__" for s in base.cls.body):
            hook = class_scope(w, base).names["__init_subclass__"]
            kwargs = {name: evaluate.value(w, e, scope) for name, e in code.keywords if name}
            if isinstance(hook, Func):
                apply.call(w, Func(hook.function, hook.scope, cls), Args((), kwargs, code.at, code.module, ()))
            return
