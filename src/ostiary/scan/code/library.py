"""What a few functions of the standard library and of values return, as far as names and wiring need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.scan.code.values import Args, Cls, Const, Ext, Func, Map, Native, Obj, Seq, Value, text

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

_MAX_TEXT = 4000


def _same(value: Func | Cls) -> Value:
    return value


def _marked(mark: str) -> Callable[[Func | Cls], Value]:
    def apply(value: Func | Cls) -> Value:
        if isinstance(value, Func):
            return Func(value.function, value.scope, value.bound, value.wraps, value.chain, {**value.attrs, mark: Const(True)})
        return value

    return apply


PLAIN_DECORATORS: dict[str, Callable[[Func | Cls], Value]] = {
    "staticmethod": _marked("staticmethod"),
    "classmethod": _marked("classmethod"),
    "property": _marked("property"),
    "functools.cached_property": _marked("property"),
    "werkzeug.utils.cached_property": _marked("property"),
    "contextlib.contextmanager": _same,
    "contextlib.asynccontextmanager": _same,
    "functools.lru_cache": _same,
    "functools.cache": _same,
    "abc.abstractmethod": _same,
    "dataclasses.dataclass": _same,
    "typing.overload": _same,
    "typing.final": _same,
}


def _identity_decorator(w: World, args: Args) -> Value | None:
    return Native("identity", lambda inner: inner.args[0] if inner.args else Const(None))


def _wraps(w: World, args: Args) -> Value | None:
    return Native("wraps", lambda inner: inner.args[0] if inner.args else Const(None))


def _partial(w: World, args: Args) -> Value | None:
    if not args.args or not isinstance(args.args[0], Func):
        return None
    func = args.args[0]
    names = [p.name for p in func.function.params if p.kind == "arg"]
    given = dict(zip(names[1:] if func.bound is not None else names, args.args[1:], strict=False))
    return Func(func.function, func.scope, func.bound, func.wraps, func.chain, func.attrs, {**func.partial, **given, **args.kwargs})


def _import_module(w: World, args: Args) -> Value | None:
    name = text(args.get(0, "name"))
    if name is None:
        return None
    level = len(name) - len(name.lstrip("."))
    found = w.index.finder.resolve(args.module, level, name.lstrip("."))
    return w.mod(found) if found is not None else None


def _getattr(w: World, args: Args) -> Value | None:
    from ostiary.scan.code import evaluate

    name = text(args.get(1))
    return evaluate.attribute(w, args.args[0], name) if name is not None else None


def _sequence(w: World, args: Args) -> Value | None:
    from ostiary.scan.code import binding

    items = binding.iterate(w, args.args[0]) if args.args else []
    return Seq(items) if items is not None else None


def _reversed(w: World, args: Args) -> Value | None:
    found = _sequence(w, args)
    return Seq(found.items[::-1]) if isinstance(found, Seq) else None


def _enumerate(w: World, args: Args) -> Value | None:
    found = _sequence(w, args)
    return Seq([Seq([Const(i), item]) for i, item in enumerate(found.items)]) if isinstance(found, Seq) else None


def _zip(w: World, args: Args) -> Value | None:
    lists = [a.items for a in args.args if isinstance(a, Seq)]
    return Seq([Seq(list(row)) for row in zip(*lists, strict=False)]) if len(lists) == len(args.args) else None


def _dict(w: World, args: Args) -> Value | None:
    base = args.args[0].items if args.args and isinstance(args.args[0], Map) else {}
    return Map({**base, **args.kwargs}, whole=not args.args or isinstance(args.args[0], Map))


def _cast(w: World, args: Args) -> Value | None:
    return args.args[1] if len(args.args) > 1 else None


def _str(w: World, args: Args) -> Value | None:
    value = args.args[0] if args.args else None
    return Const(str(value.value)[:_MAX_TEXT]) if isinstance(value, Const) else None


def _join_path(w: World, args: Args) -> Value | None:
    parts = [text(a) for a in args.args]
    return Const("/".join(p for p in parts if p)) if all(p is not None for p in parts) else None


def _type(w: World, args: Args) -> Value | None:
    value = args.args[0] if len(args.args) == 1 else None
    return value.cls if isinstance(value, Obj) and value.cls is not None else None


def _vars(w: World, args: Args) -> Value | None:
    return None


FUNCTIONS: dict[str, Callable[[World, Args], Value | None]] = {
    "functools.wraps": _wraps, "functools.update_wrapper": lambda w, a: a.get(0), "functools.lru_cache": _identity_decorator, "functools.cache": _identity_decorator,
    "dataclasses.dataclass": _identity_decorator, "decorator.decorator": lambda w, a: a.get(0),
    "functools.partial": _partial, "importlib.import_module": _import_module, "__import__": _import_module,
    "werkzeug.utils.import_string": _import_module, "getattr": _getattr, "list": _sequence, "tuple": _sequence, "set": _sequence,
    "sorted": _sequence, "frozenset": _sequence, "reversed": _reversed, "enumerate": _enumerate, "zip": _zip, "dict": _dict,
    "typing.cast": _cast, "str": _str, "os.path.join": _join_path, "posixpath.join": _join_path, "type": _type,
}  # fmt: skip


def method(w: World, base: Value, name: str, args: Args) -> Value | None:
    """A method of a known list, dict or string, None when it says nothing."""
    if isinstance(base, Seq):
        return _seq_method(w, base, name, args)
    if isinstance(base, Map):
        return _map_method(w, base, name, args)
    if isinstance(base, Const) and isinstance(base.value, str):
        return _str_method(base.value, name, args)
    return None


def _seq_method(w: World, base: Seq, name: str, args: Args) -> Value | None:
    from ostiary.scan.code import evaluate

    first = args.get(0)
    if first is None or name not in ("append", "add", "extend", "insert", "update"):
        return None
    if w.quiet:
        return Const(None)
    if name in ("append", "add"):
        base.items.append(first)
    elif name == "insert" and len(args.args) > 1:
        base.items.insert(0, args.args[1])
    elif isinstance(first, Seq):
        base.items += evaluate.bounded(w, base, first)
    else:
        base.whole = False
    return Const(None)


def _map_method(w: World, base: Map, name: str, args: Args) -> Value | None:
    if name == "items":
        return Seq([Seq([Const(k), v]) for k, v in base.items.items()], base.whole)
    if name == "values":
        return Seq(list(base.items.values()), base.whole)
    if name == "keys":
        return Seq([Const(k) for k in base.items], base.whole)
    key = args.get(0)
    if name == "setdefault" and isinstance(key, Const) and isinstance(key.value, str) and not w.quiet:
        return base.items.setdefault(key.value, args.get(1) or Const(None))
    if name in ("get", "pop", "setdefault") and isinstance(key, Const) and isinstance(key.value, (str, int)):
        found = base.items.get(key.value)
        return found if found is not None else (args.get(1) or Const(None)) if base.whole else None
    if name == "update" and not w.quiet:
        base.items.update({**(key.items if isinstance(key, Map) else {}), **args.kwargs})
        return Const(None)
    return None


def _str_method(value: str, name: str, args: Args) -> Value | None:
    known = [a.value if isinstance(a, Const) else None for a in args.args]
    if name == "join" and isinstance(args.get(0), Seq):
        parts = [text(item) for item in args.args[0].items]  # type: ignore[attr-defined]
        return Const(value.join(p for p in parts if p)[:_MAX_TEXT]) if all(p is not None for p in parts) else None
    if None in known or not all(isinstance(v, Const) for v in args.kwargs.values()):
        return None
    if name == "format" and len(value) < _MAX_TEXT:
        return _format(value, known, args)
    if name in ("strip", "rstrip", "lstrip", "lower", "upper", "title", "replace", "removeprefix", "removesuffix", "capitalize"):
        try:
            return Const(getattr(value, name)(*known))
        except (TypeError, ValueError):
            return None
    if name in ("split", "rsplit"):
        separator = known[0] if known else None
        return (
            Seq([Const(part) for part in value.split(separator)])
            if separator is None or (isinstance(separator, str) and separator)
            else None
        )
    if name in ("startswith", "endswith") and len(known) == 1 and isinstance(known[0], str):
        return Const(getattr(value, name)(known[0]))
    return None


def _format(value: str, known: list[object], args: Args) -> Value | None:
    if any(mark in value for mark in (".", "[", ":")) and "{" in value and not _plain(value):
        return None
    try:
        return Const(
            value.format(*[str(k) for k in known], **{k: str(getattr(v, "value", "")) for k, v in args.kwargs.items()})[:_MAX_TEXT]
        )
    except (IndexError, KeyError, ValueError, AttributeError):
        return None


def _plain(value: str) -> bool:
    """No field reaches into its argument (``{0.x}``) or pads it to a great width (``{:>1000000}``)."""
    inside = [part.partition("}")[0] for part in value.split("{")[1:]]
    return all(field.isidentifier() or field.isdigit() or not field for field in inside)


__all__ = ["FUNCTIONS", "PLAIN_DECORATORS", "Ext", "method"]
