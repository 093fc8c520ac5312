"""Calls and decorators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code import binding, classes, evaluate, execute, library
from ostiary.scan.code import frameworks as fw
from ostiary.scan.code.values import (
    Args,
    Cls,
    Const,
    Decorated,
    Either,
    Ext,
    Func,
    Made,
    Member,
    Native,
    Obj,
    Scope,
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_DULL = 12
# what following a call or registering a route costs of the budget, in statements
_CALL = 10


def call(w: World, callee: Value, args: Args, scope: Scope | None = None) -> Value:
    """What a call returns; wiring happens here unless somebody is only asking."""
    callee = w.settle(callee)
    if isinstance(callee, Func):
        return _call_function(w, callee, args)
    if isinstance(callee, Cls):
        return classes.instance(w, callee, args)
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
    marked = fw.guard.mark(callee, args) if isinstance(callee, Made) else None
    return marked if marked is not None else _made(w, callee, args)


def _first(args: Args) -> Value:
    return args.args[0] if args.args else evaluate.NOTHING


def _made(w: World, callee: Value, args: Args) -> Value:
    made = Made(callee, args.args, args.kwargs, args.at, args.module, args.call, when=args.when)
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
    binding.bind(w, func, args, scope)
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
        return Func(
            result.function, result.scope, result.bound, inner, (*inner.chain, Decorated(func, result, args.at, args.module)), result.attrs
        )
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
        return Func(result.function, result.scope, result.bound, value, (*value.chain, link), result.attrs)
    return Func(value.function, value.scope, value.bound, value.wraps, (*value.chain, link), value.attrs)
