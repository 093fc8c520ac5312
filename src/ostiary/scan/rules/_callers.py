"""Who calls a function of the tree: one table of all calls by the last identifier of their callee, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from ostiary.scan.code.ir import ClassDef, Expr, Function, argument, last_name
from ostiary.scan.code.values import Func
from ostiary.scan.code.world import World, options

Places = dict[str, list[tuple[Function, Expr]]]
_CACHE: WeakKeyDictionary[Any, Places] = WeakKeyDictionary()


def callers(world: World, function: Function) -> Iterator[tuple[Function, Expr]]:
    """(calling function, call) for each call that is seen to call it; a method also through an object that could not be followed."""
    if function.name in ("<module>", "<lambda>"):
        return
    for caller, call in calls_of(world, function.name):
        found = [f for o in options(world.value(call[2], world.inside(caller))) if isinstance(o, Func) for f in (o, o.handler)]
        followed = any(isinstance(f, Func) and f.function is function for f in found)
        if followed or (not found and isinstance(function.parent, ClassDef) and call[2][0] == "attr"):
            yield caller, call


def calls_of(world: World, name: str) -> list[tuple[Function, Expr]]:
    """(calling function, call) for each call of the tree whose callee ends in this name."""
    return _table(world).get(name, [])


def _table(world: World) -> Places:
    kept = _CACHE.get(world)
    if kept is None:
        kept = _CACHE[world] = {}
        for module in world.modules.values():
            for function in (module.top, *module.functions):
                for call in function.calls:
                    kept.setdefault(last_name(call[2]), []).append((function, call))
    return kept


def given_for(function: Function, call: Expr, name: str) -> Expr | None:
    """What a call gives for a parameter, None when it gives nothing or with stars only."""
    names = [param.name for param in function.params if param.kind == "arg"]
    if isinstance(function.parent, ClassDef) and names[:1] in (["self"], ["cls"]):
        del names[0]
    return argument(call, names.index(name) if name in names else None, name)
