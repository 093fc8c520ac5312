"""``app.config``: what is assigned, updated or loaded from an object of the tree, and what reading it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code.values import Args, Cls, Const, Default, Ext, Map, Member, Mod, Obj, Unknown, Value, text

if TYPE_CHECKING:
    from ostiary.scan.code.ir import Module
    from ostiary.scan.code.world import World


def owner(value: Value) -> Obj | None:
    """The application whose ``config`` a value is."""
    is_config = isinstance(value, Member) and value.name == "config" and isinstance(value.base, Obj) and value.base.kind
    return value.base if is_config and isinstance(value, Member) and isinstance(value.base, Obj) else None


def read(w: World, obj: Obj, key: Value | None) -> Value | None:
    """``app.config["X"]``; an application that comes from elsewhere is taken for any of the tree's."""
    name = text(key)
    if name is None:
        return None
    found = obj.wiring.config.get(name)
    if found is None and obj.wiring.stranger:
        found = next((o.wiring.config[name] for o in w.objects if name in o.wiring.config), None)
    return Default(found.value) if isinstance(found, Const) else found


def call(w: World, obj: Obj, name: str, args: Args) -> Value | None:
    """``app.config.get(…)``, ``update``, ``from_mapping``, ``from_object``, ``setdefault``."""
    if name == "get":
        found = read(w, obj, args.get(0))
        return found if found is not None else args.get(1)
    if w.quiet:
        return None
    if name in ("update", "from_mapping"):
        given = {k: v for a in args.args if isinstance(a, Map) for k, v in a.items.items() if isinstance(k, str)}
        _store(obj, {**given, **args.kwargs}, args.at, args.module)
    elif name == "setdefault" and (key := text(args.get(0))) is not None:
        _store(obj, {key: obj.wiring.config.get(key) or args.get(1) or Const(None)}, args.at, args.module)
    elif name == "from_object":
        _load(w, obj, args)
    return None


def _store(obj: Obj, values: dict[str, Value], at: int, module: Module) -> None:
    obj.wiring.config.update(values)
    for name in values:
        obj.wiring.config_at[name] = (at, module)


def _load(w: World, obj: Obj, args: Args) -> None:
    source = args.get(0)
    source = _by_path(w, source, args.module) if isinstance(source, Const) else source
    if isinstance(source, Obj) and source.cls is not None:
        source = source.cls
    if isinstance(source, Mod):
        _store(obj, {k: v for k, v in source.scope.names.items() if k.isupper()}, args.at, source.module)
    elif isinstance(source, Cls):
        for link in reversed(w.bases(source)):
            if isinstance(link, Cls):
                names = _class_names(w, link)
                _store(obj, {k: v for k, v in names.items() if k.isupper()}, link.cls.at, link.cls.module)


def _class_names(w: World, cls: Cls) -> dict[str, Value]:
    from ostiary.scan.code import classes

    return classes.class_scope(w, cls).names


def _by_path(w: World, value: Value, module: Module) -> Value:
    dotted = (text(value) or "").replace(":", ".")
    if not dotted:
        return Unknown()
    found = w.index.finder.resolve(module, 0, dotted)
    if found is not None:
        return w.mod(found)
    head, _, last = dotted.rpartition(".")
    found = w.index.finder.resolve(module, 0, head) if head else None
    return w.attribute(w.mod(found), last) if found is not None else Ext(dotted)
