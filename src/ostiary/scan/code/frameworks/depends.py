"""What FastAPI puts into a parameter: ``Depends``, ``Security``, ``Header``, ``Cookie``… as default, in ``Annotated`` or behind an alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ostiary.model.route import Location
from ostiary.scan.code import ir
from ostiary.scan.code.frameworks.guard import is_requires
from ostiary.scan.code.ir import ClassDef, Expr, Module, Param
from ostiary.scan.code.values import Cls, Ext, Func, Made, Member, Obj, Scope, Seq, Value, members, name_of, text
from ostiary.scan.records import record

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_CALLS = ("Depends", "Security")
_SOURCES = {"Header": "header", "Cookie": "cookie", "Query": "query", "Path": "path", "Form": "body", "Body": "body", "File": "body"}
_NAMES = frozenset((*_CALLS, *_SOURCES, "requires"))
_UNIONS = ("Optional", "Union", "Final", "ClassVar", "Required")
_DEPTH = 6


@record(frozen=True)
class Source:
    """Where a parameter's value comes from: ``kind`` is depends, header, cookie, query, path or body; ``value`` the callable of a Depends."""

    param: str
    kind: str
    at: Location
    value: Value | None = None
    scopes: tuple[str, ...] = ()
    alias: str = ""
    required: bool = False


def dependencies_of(world: World, func: Func) -> list[tuple[Value, Location]]:
    """The callables that FastAPI runs before a function, in order; class attributes and ``__init__`` of a controller's class included."""
    return [(s.value, s.at) for s in sources_of(world, func) if s.value is not None]


def scopes_of(world: World, func: Func) -> tuple[str, ...]:
    """The scopes that ``Security(…, scopes=[…])`` in a function's parameters ask for."""
    return tuple(dict.fromkeys(scope for s in sources_of(world, func) for scope in s.scopes))


def sources_of(world: World, func: Func) -> list[Source]:
    """The source of every parameter that has one."""
    cls = func.bound.cls if isinstance(func.bound, Obj) else None
    key = (func.function, func.scope, cls.cls if isinstance(cls, Cls) else None)
    known = _KNOWN.setdefault(world, {})
    if key not in known:
        known[key] = _read(world, func)
    return known[key]


# several readers ask for the same function
_KNOWN: WeakKeyDictionary[World, dict[object, list[Source]]] = WeakKeyDictionary()


def _read(world: World, func: Func) -> list[Source]:
    function = func.function
    found = [s for p in function.params if (s := _of_param(world, p, func.scope, function.module, function.at)) is not None]
    if isinstance(function.parent, ClassDef) and function.name not in ("__init__", "__call__"):
        found += _of_owner(world, func)
    return found


def class_sources(world: World, cls: Cls) -> list[Source]:
    """What building a class asks for: its ``__init__``, or the attributes of a dataclass or model."""
    init = world.attribute(cls, "__init__")
    if isinstance(init, Func):
        return sources_of(world, init)
    return list(_attributes(world, cls))


def unwrap(value: Value) -> tuple[Value, tuple[str, ...]]:
    """The callable and scopes of a ``Depends(f)`` or ``Security(f, scopes=[…])``; anything else is itself."""
    if not isinstance(value, Made) or not _is_depends(value):
        return value, ()
    inner = value.kwargs.get("dependency") or (value.args[0] if value.args else None)
    given = value.kwargs.get("scopes") or (value.args[1] if len(value.args) > 1 and name_of(value).endswith("Security") else None)
    return inner if inner is not None else value, tuple(t for item in members(given) if (t := text(item)) is not None)


def _is_depends(value: Value) -> bool:
    return isinstance(value, Made) and isinstance(value.callee, Ext) and value.callee.last in _CALLS


def _of_owner(world: World, func: Func) -> list[Source]:
    cls = func.bound.cls if isinstance(func.bound, Obj) else func.bound
    if not isinstance(cls, Cls):
        home = world.defined.get(func.function.parent) if isinstance(func.function.parent, ClassDef) else None
        cls = home.names.get(func.function.parent.name) if home is not None and isinstance(func.function.parent, ClassDef) else None
    if not isinstance(cls, Cls):
        return []
    init = world.attribute(cls, "__init__")
    return [*_attributes(world, cls), *(sources_of(world, init) if isinstance(init, Func) else ())]


def _attributes(world: World, cls: Cls) -> Iterator[Source]:
    for link in world.bases(cls):
        if not isinstance(link, Cls):
            continue
        for statement in link.cls.body:
            if statement[0] == "assign" and statement[2][0][0] == "name":
                param = Param(statement[2][0][2], statement[4], statement[3], "arg")
                found = _of_param(world, param, link.outer, link.cls.module, statement[1], attribute=True)
                if found is not None:
                    yield found


def _of_param(world: World, param: Param, scope: Scope, module: Module, at: int, attribute: bool = False) -> Source | None:
    if (
        param.default is not None
        and param.default[0] == "call"
        and ir.last_name(param.default[2]) not in _NAMES
        and param.annotation is None
    ):
        return None
    if attribute and param.annotation is None and (param.default is None or param.default[0] != "call"):
        return None
    where = param.default or param.annotation
    place = (
        Location(module.path, ir.line_of(where[1]), ir.column_of(where[1])) if where is not None else Location(module.path, ir.line_of(at))
    )
    metadata = _metadata(world, param.annotation, scope) if param.annotation is not None else []
    if param.default is not None and param.default[0] in ("call", "name", "attr"):
        metadata.append(world.value(param.default, scope))
    for item in reversed(metadata):
        if _is_depends(item):
            return _depends(world, param, item, scope, place)
        if is_requires(item):
            return Source(param.name, "depends", place, item)
        if isinstance(item, Made) and isinstance(item.callee, Ext) and item.callee.last in _SOURCES:
            return _plain(param, item, item.callee.last, place)
    return None


def _depends(world: World, param: Param, item: Value, scope: Scope, place: Location) -> Source:
    value, scopes = unwrap(item)
    if value is item:
        value = _annotated_class(world, param.annotation, scope) or value
    return Source(param.name, "depends", place, value, scopes)


def _plain(param: Param, item: Made, name: str, place: Location) -> Source:
    first = item.kwargs.get("default") or (item.args[0] if item.args else None)
    ellipsis = first is not None and text(first) is None and getattr(first, "value", 0) is ...
    required = ellipsis or (first is None and (param.default is None or param.default[0] == "call"))
    return Source(param.name, _SOURCES[name], place, None, (), text(item.kwargs.get("alias")) or "", required)


def _metadata(world: World, annotation: Expr, scope: Scope, depth: int = 0) -> list[Value]:
    """The values after the type in ``Annotated``, innermost alias first; unions are looked into."""
    if depth > _DEPTH or annotation[0] in ("str", "const"):
        return []
    if annotation[0] == "bin":
        return _metadata(world, annotation[3], scope, depth + 1) + _metadata(world, annotation[4], scope, depth + 1)
    if annotation[0] == "sub" and ir.last_name(annotation[2]) in _UNIONS:
        inner = annotation[3][3] if annotation[3][0] == "seq" else (annotation[3],)
        return [v for item in inner for v in _metadata(world, item, scope, depth + 1)]
    return _annotated(world.value(annotation, scope))


def _annotated(value: Value, depth: int = 0) -> list[Value]:
    items = _parts(value)
    if not items or depth > _DEPTH:
        return []
    return _annotated(items[0], depth + 1) + items[1:]


def _parts(value: Value) -> list[Value]:
    """The members of ``Annotated[…]``."""
    if not isinstance(value, Made) or not isinstance(value.callee, Member) or value.callee.name != "__getitem__":
        return []
    if name_of(value.callee.base).rpartition(".")[2] != "Annotated" or not value.args:
        return []
    return value.args[0].items if isinstance(value.args[0], Seq) else []


def _annotated_class(world: World, annotation: Expr | None, scope: Scope) -> Value | None:
    """The class of a bare ``Depends()``."""
    if annotation is None or annotation[0] == "str":
        return None
    found = world.value(annotation, scope)
    for _ in range(_DEPTH):
        items = _parts(found)
        if not items:
            return found
        found = items[0]
    return found
