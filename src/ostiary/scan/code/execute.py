"""Statements: what a module's or a function's body binds. Both branches of a test that is not known are taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.scan.code import apply, binding, classes, evaluate
from ostiary.scan.code.ir import ClassDef, Expr, Function, Module, Stmt, last_name, text
from ostiary.scan.code.values import Cls, Const, Ext, Func, Later, Map, Mod, Scope, Seq, Unknown, Value
from ostiary.scan.lazy import Pattern

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

Returns = list[Value]
_MAX_LOOP = 300
_SETTING = Pattern(r"config|settings|env|debug|feature|flag|develop|stage", re.IGNORECASE)


def module(w: World, code: Module) -> Scope:
    """The names of a module; its body runs the first time. In an import cycle the scope comes back half filled, as in Python."""
    scope = w.scopes.get(code.name)
    if scope is not None:
        return scope
    scope = w.scopes[code.name] = Scope(code, None)
    scope.names["__name__"] = scope.names["__file__"] = evaluate.NOTHING
    # a module is run for good even when somebody only asks: its wiring must not be lost
    quiet, w.quiet, stack, w.stack = w.quiet, 0, w.stack, []
    try:
        block(w, code.body, scope, [])
    finally:
        w.quiet, w.stack = quiet, stack
    return scope


def body(w: World, code: Function, scope: Scope) -> Value:
    """Run a function's body in a scope that holds its arguments; what it returns."""
    returns: Returns = []
    w.stack.append(code)
    try:
        block(w, code.body, scope, returns)
    finally:
        w.stack.pop()
    return evaluate.either(*returns) if returns else Const(None)


def block(w: World, statements: tuple[Stmt, ...], scope: Scope, returns: Returns) -> bool:
    """Run statements in order; True when the block always leaves (return, raise, break, continue)."""
    for statement in statements:
        if not w.spend():
            return True
        handler = _TABLE.get(statement[0])
        if handler is not None and handler(w, statement, scope, returns):
            return True
    return False


def _expr(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    evaluate.value(w, s[2], scope)
    return False


def _assign(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    if s[3] is None:
        if s[2][0][0] == "name" and s[2][0][2] not in scope.names:
            scope.names[s[2][0][2]] = binding.annotated(w, s[4], scope)
        return False
    value = evaluate.value(w, s[3], scope)
    if isinstance(value, Unknown) and s[4] is not None:
        value = binding.annotated(w, s[4], scope)
    for target in s[2]:
        binding.bind_target(w, target, value, scope)
    return False


def _aug(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    value = evaluate.value(w, s[4], scope)
    old = evaluate.value(w, s[2], scope)
    if isinstance(old, Seq) and isinstance(value, Seq):
        if not w.quiet:
            old.items += evaluate.bounded(w, old, value)
        return False
    if isinstance(old, Map) and isinstance(value, Map) and not w.quiet:
        old.items.update(value.items)
    elif s[2][0] == "name":
        scope.names[s[2][2]] = evaluate.value(w, ("bin", s[1], s[3], s[2], s[4]), scope)
    return False


def _return(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    returns.append(evaluate.value(w, s[2], scope) if s[2] is not None else Const(None))
    return True


def _leave(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    return True


def _if(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    known = evaluate.truth(evaluate.value(w, s[2], scope))
    if isinstance(scope.owner, ClassDef) and last_name(s[2]) == "TYPE_CHECKING":
        # what stands here is a signature for type checkers; imports in such a branch of a module name annotations
        known = False
    if known is not None:
        return block(w, s[3] if known else s[4], scope, returns)
    before = dict(scope.names)
    left = _branch(w, s[2], s[3], scope, returns)
    after, scope.names = scope.names, before
    other_left = block(w, s[4], scope, returns)
    if left and other_left:
        return True
    if not left:
        scope.names = _join(after, scope.names) if not other_left else after
    return False


def _branch(w: World, test: Expr, body: tuple[Stmt, ...], scope: Scope, returns: Returns) -> bool:
    """A branch that only some settings take: what it registers remembers which."""
    said = text(test)
    if not _SETTING.search(said):
        return block(w, body, scope, returns)
    w.conditions.append(said)
    try:
        return block(w, body, scope, returns)
    finally:
        w.conditions.pop()


def _join(a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
    out = dict(b)
    for name, value in a.items():
        other = b.get(name)
        out[name] = value if other is None or other is value else evaluate.either(value, other)
    return out


def _for(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    items = binding.iterate(w, evaluate.value(w, s[3], scope))
    for item in items[:_MAX_LOOP] if items is not None else [evaluate.NOTHING]:
        binding.bind_target(w, s[2], item, scope)
        block(w, s[4], scope, returns)
    block(w, s[5], scope, returns)
    return False


def _while(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    evaluate.value(w, s[2], scope)
    block(w, s[3], scope, returns)
    return False


def _with(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    for expr, target in s[2]:
        value = evaluate.value(w, expr, scope)
        if target is not None:
            binding.bind_target(w, target, value, scope)
    return block(w, s[3], scope, returns)


def _try(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    left = block(w, s[2], scope, returns)
    kept = dict(scope.names)
    leaves = True
    for _, _, name, handler in s[3]:
        if name:
            scope.names[name] = evaluate.NOTHING
        leaves = block(w, handler, scope, returns) and leaves
    # what the body bound wins over what a fallback (except ImportError) bound
    scope.names.update(kept)
    if not left:
        left = block(w, s[4], scope, returns)
    return block(w, s[5], scope, returns) or (left and leaves)


def _match(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    evaluate.value(w, s[2], scope)
    for _, inner in s[3]:
        block(w, inner, scope, returns)
    return False


def _def(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    code: Function = s[2]
    w.defined[code] = scope
    value: Value = Func(code, scope)
    for decorator in reversed(code.decorators):
        value = apply.decorate(w, evaluate.value(w, decorator, scope), value, decorator[1], scope)
    scope.names[code.name] = value
    return False


def _class(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    code: ClassDef = s[2]
    w.defined[code] = scope
    made = Cls(code, scope, tuple([w.settle(evaluate.value(w, base, scope)) for base in code.bases]))
    scope.names[code.name] = made
    if any((inner[0] == "expr" and inner[2][0] == "call") or (inner[0] == "def" and inner[2].decorators) for inner in code.body):
        classes.class_scope(w, made)
    value: Value = made
    for decorator in reversed(code.decorators):
        value = apply.decorate(w, evaluate.value(w, decorator, scope), value, decorator[1], scope)
    scope.names[code.name] = value
    classes.init_subclass(w, made, code, scope)
    return False


def _import(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    for name, alias in s[2]:
        found = w.index.finder.resolve(scope.module, 0, name)
        if alias or "." not in name:
            scope.names[alias or name] = w.mod(found) if found is not None else w.ext(name)
            continue
        top = name.partition(".")[0]
        if found is None:
            scope.names.setdefault(top, w.ext(top))
            continue
        w.mod(found)
        head = found[: len(found) - len(name) + len(top)]
        scope.names[top] = w.mod(head)
    return False


def _from(w: World, s: Stmt, scope: Scope, returns: Returns) -> bool:
    level, dotted, names = s[2], s[3], s[4]
    found = w.index.finder.resolve(scope.module, level, dotted)
    if found is None:
        why = "" if level == 0 else f"{'.' * level}{dotted} was not found"
        for name, alias in names:
            scope.names[alias or name] = w.ext(f"{dotted}.{name}") if not why else Unknown(why)
        return False
    source = w.mod(found)
    for name, alias in names:
        if isinstance(source, Ext):
            scope.names[alias or name] = w.ext(f"{source.name}.{name}")
        elif name == "*":
            _star(w, source, scope)
        else:
            scope.names[alias or name] = _member(w, source, found, name)
    return False


def _star(w: World, source: Value, scope: Scope) -> None:
    if not isinstance(source, Mod):
        return
    declared = source.scope.names.get("__all__")
    for name, value in list(source.scope.names.items()):
        if not name.startswith("_") or (isinstance(declared, Seq) and Const(name) in declared.items):
            scope.names[name] = value


def _member(w: World, source: Value, found: str, name: str) -> Value:
    if isinstance(source, Unknown):
        return source
    value = source.scope.names.get(name) if isinstance(source, Mod) else None
    if value is not None:
        return value
    full = f"{found}.{name}" if found else name
    if full in w.index.finder.files or full in w.index.finder.folders:
        return w.mod(full)
    return Later(source.scope, name) if isinstance(source, Mod) else Unknown()


_TABLE: dict[str, Callable[[World, Stmt, Scope, Returns], bool]] = {
    "expr": _expr, "assign": _assign, "aug": _aug, "return": _return, "raise": _leave, "jump": _leave, "if": _if, "for": _for,
    "while": _while, "with": _with, "try": _try, "match": _match, "def": _def, "class": _class, "import": _import, "from": _from,
}  # fmt: skip
