"""Calls, decorators, classes and bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code import evaluate, execute, library
from ostiary.scan.code import frameworks as fw
from ostiary.scan.code.ir import ClassDef, Expr, Function, Param
from ostiary.scan.code.values import (
    Args,
    Cls,
    Const,
    Decorated,
    Default,
    Either,
    Ext,
    Func,
    Made,
    Map,
    Member,
    Native,
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

_DULL = 12
# more classes above a class than anybody looks through
_LINE = 300
# what following a call or registering a route costs of the budget, in statements
_CALL = 10


def call(w: World, callee: Value, args: Args, scope: Scope | None = None) -> Value:
    """What a call returns; wiring happens here unless somebody is only asking."""
    callee = w.settle(callee)
    if isinstance(callee, Func):
        return _call_function(w, callee, args)
    if isinstance(callee, Cls):
        return instance(w, callee, args)
    if isinstance(callee, Native):
        return callee.run(args) if not w.quiet else _first(args)
    if isinstance(callee, Either):
        return evaluate.either(*[call(w, option, args, scope) for option in callee.options])
    if isinstance(callee, Obj):
        method = evaluate.attribute(w, callee, "__call__")
        return call(w, method, args) if isinstance(method, Func) else _made(w, callee, args)
    if isinstance(callee, Ext):
        return _call_library(w, callee, args, scope)
    if isinstance(callee, Member):
        return _call_member(w, callee, args)
    return _made(w, callee, args)


def _first(args: Args) -> Value:
    return args.args[0] if args.args else evaluate.NOTHING


def _made(w: World, callee: Value, args: Args) -> Value:
    made = Made(callee, args.args, args.kwargs, args.at, args.module, args.call)
    if not w.quiet:
        fw.note_use(w, made)
    return made


def _call_library(w: World, callee: Ext, args: Args, scope: Scope | None) -> Value:
    known = fw.CLASSES.get(callee.name)
    if known is not None:
        return fw.construct(w, Obj(known[1], callee.name, None, args.args, args.kwargs, args.at, args.module))
    function = library.FUNCTIONS.get(callee.name)
    if function is not None:
        found = function(w, args)
        if found is not None:
            return found
    return _made(w, callee, args)


def _call_member(w: World, callee: Member, args: Args) -> Value:
    base = callee.base
    if isinstance(base, Obj) and base.kind:
        w.spend(0 if w.quiet else _CALL)
        found = fw.method(w, base, callee.name, args)
        if found is not None:
            return found
    listed = fw.list_method(w, base, callee.name, args)
    if listed is not None:
        return listed
    app = fw.config.owner(base)
    found = fw.config.call(w, app, callee.name, args) if app is not None else library.method(w, base, callee.name, args)
    return found if found is not None else _made(w, callee, args)


def _call_function(w: World, func: Func, args: Args) -> Value:
    code = func.function
    if w.too_deep or w.stack.count(code) > 1 or w.dull.get(code, 0) > _DULL:
        return Unknown(f"{code.qualname} was not followed")
    w.spend(_CALL)
    scope = Scope(code.module, func.scope, code)
    bind(w, func, args, scope)
    wired = w.wired
    if not w.quiet:
        w.ran.add(code)
    result = execute.body(w, code, scope)
    if (
        code.name != "__init__"
        and w.wired == wired
        and (isinstance(result, Unknown) or (isinstance(result, Const) and result.value is None))
    ):
        w.dull[code] = w.dull.get(code, 0) + 1
    return _wrapper(func, args, result)


def _wrapper(func: Func, args: Args, result: Value) -> Value:
    """``deco(view)`` called by hand: what it returned wraps the view."""
    inner = args.args[0] if len(args.args) == 1 else None
    if isinstance(inner, (Func, Cls)) and isinstance(result, Func) and result.wraps is None and result.function.parent is func.function:
        return Func(result.function, result.scope, result.bound, inner, (*inner.chain, Decorated(func, result, args.at, args.module)))
    return result


def decorate(w: World, decorator: Value, value: Value, at: int, scope: Scope) -> Value:
    """``@decorator`` over a function or class."""
    decorator = w.settle(decorator)
    if not isinstance(value, (Func, Cls)):
        return value
    args = Args((value,), {}, at, scope.module, ("call", at, ("const", at, None), (), ()))
    if isinstance(decorator, Ext) and decorator.name in library.PLAIN_DECORATORS:
        return library.PLAIN_DECORATORS[decorator.name](value)
    if isinstance(decorator, Member) and isinstance(decorator.base, Func) and decorator.name in ("setter", "deleter", "getter"):
        return decorator.base
    result = call(w, decorator, args, scope)
    if isinstance(result, Func) and (result is value or result.wraps is value):
        return result
    if isinstance(result, Cls) and result.cls is (value.cls if isinstance(value, Cls) else None):
        return result
    if isinstance(decorator, Member) and isinstance(decorator.base, (Made, Obj)):
        # under a name of its own: the next ``@auth.login_required`` is the member again, not this function
        decorator.base.attrs.setdefault(f"@{decorator.name}", value)
    link = Decorated(decorator, result, at, scope.module)
    if isinstance(value, Cls):
        return Cls(value.cls, value.outer, value.bases, value.scope, (*value.chain, link))
    if isinstance(result, Func) and isinstance(decorator, (Func, Either, Obj)):
        return Func(result.function, result.scope, result.bound, value, (*value.chain, link))
    return Func(value.function, value.scope, value.bound, value.wraps, (*value.chain, link), value.attrs)


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
        class_scope(w, base).names[name] = value
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


def instance(w: World, cls: Cls, args: Args) -> Value:
    """``cls(…)``: a plain object, or an application, router… when a library class among its bases makes it one."""
    made = blank(w, cls, args)
    init = class_attribute(w, cls, "__init__", made)
    if isinstance(init, Func):
        call(w, init, args)
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
        bind_unknown(w, init.function, scope, made)
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
        return call(w, Func(found.function, found.scope, this), Args((), {}, 0, found.function.module, ()))
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
                call(w, Func(hook.function, hook.scope, cls), Args((), kwargs, code.at, code.module, ()))
            return
