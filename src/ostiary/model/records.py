"""Classes that hold fields, as ``dataclasses`` makes them with ``slots=True``, made ten times as fast.

A scan has a hundred of them: by ``dataclasses.dataclass`` they cost more than a small scan does. Here ``__init__`` is compiled when a class is
first called, and equality, hash and ``repr`` are written once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import total_ordering
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")
_ABSENT = object()


class _Factory:
    """What ``field`` notes of a default that each instance has for itself."""

    def __init__(self, default_factory: Callable[[], Any]) -> None:
        self.default_factory = default_factory


def field(*, default_factory: Callable[[], T]) -> T:
    """As in ``dataclasses``, whose import brings ``inspect`` along and costs as much as reading a dozen files."""
    return _Factory(default_factory)  # type: ignore[return-value]


@overload
def record(cls: type[T], /) -> type[T]: ...


@overload
def record(*, frozen: bool = False, eq: bool = False) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(cls: type[Any] | None = None, /, *, frozen: bool = False, eq: bool = False) -> Any:
    """``frozen``: fields are set once, and equality and hash go by them; ``eq``: equality by fields, without a hash. Else by identity.

    Raises ``dataclasses.FrozenInstanceError`` when a field of a frozen one is set.
    """
    if cls is None:
        return lambda one: _made(one, frozen, eq)
    return _made(cls, frozen, eq)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, order: bool = False) -> Callable[[type[Any]], type[Any]]:
        """``dataclasses.dataclass(frozen=True, slots=True)``, for what others see: ``replace``, ``fields``, ``match`` and ``pickle`` know it.

        Raises TypeError for other kinds.
        """
        if not (frozen and slots):
            raise TypeError("only frozen classes with slots")
        return lambda cls: _public(cls, order)


def altered(one: T, **changes: Any) -> T:
    """A copy in which some fields are different, as ``dataclasses.replace`` makes it."""
    return one.__class__(**{name: getattr(one, name) for name in one._fields} | changes)  # type: ignore[attr-defined]


def _made(cls: type[Any], frozen: bool, eq: bool, more: Mapping[str, Any] = MappingProxyType({})) -> type[Any]:
    own = cls.__annotations__
    above: dict[str, Any] = getattr(cls, "_fields", {})
    fields = above | {name: cls.__dict__.get(name, _ABSENT) for name in own}
    members = {name: it for name, it in cls.__dict__.items() if name not in own and name not in ("__dict__", "__weakref__")}
    members |= {"__slots__": tuple(name for name in own if name not in above), "_fields": fields, **more}
    if frozen:
        members |= {"__setattr__": _refuse, "__delattr__": _refuse}
    if frozen or eq:
        _compare(members, attrgetter(*fields) if fields else lambda _: None, frozen)
    made: Any = type(cls)(cls.__name__, cls.__bases__, members)  # type: ignore[misc]
    made.__qualname__ = cls.__qualname__

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        made.__init__ = _initialiser(made, fields, frozen)
        made.__init__(self, *args, **kwargs)

    made.__init__ = first
    return made  # type: ignore[no-any-return]


def _public(cls: type[Any], order: bool) -> type[Any]:
    names = tuple(cls.__annotations__)
    more = {"__dataclass_fields__": _Fields(), "__match_args__": names, "__getstate__": _state, "__setstate__": _restore}
    made = _made(cls, True, True, more | ({"__lt__": _precedes} if order else {}))
    return total_ordering(made) if order else made


class _Fields:
    """``__dataclass_fields__``, made when somebody asks."""

    def __get__(self, _: Any, made: Any) -> Any:
        import dataclasses

        kinds = made.__annotations__
        given = [(name, kinds[name], dataclasses.field(**_default(one))) for name, one in made._fields.items()]
        made.__dataclass_fields__ = {one.name: one for one in dataclasses.fields(dataclasses.make_dataclass(made.__name__, given))}
        return made.__dataclass_fields__


def _default(one: Any) -> dict[str, Any]:
    if isinstance(one, _Factory):
        return {"default_factory": one.default_factory}
    return {} if one is _ABSENT else {"default": one}


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self._fields]


def _restore(self: Any, state: list[Any]) -> None:
    for name, value in zip(self._fields, state, strict=True):
        object.__setattr__(self, name, value)


def _precedes(self: Any, other: Any) -> bool:
    get = attrgetter(*self._fields)
    return bool(get(self) < get(other)) if other.__class__ is self.__class__ else NotImplemented


def _compare(members: dict[str, Any], get: Callable[[Any], Any], frozen: bool) -> None:
    def equal(self: Any, other: Any) -> bool:
        return bool(get(self) == get(other)) if other.__class__ is self.__class__ else NotImplemented

    def digest(self: Any) -> int:
        return hash(get(self))

    members.setdefault("__eq__", equal)
    members.setdefault("__hash__", digest if frozen else None)
    members.setdefault("__repr__", _shown)


def _shown(self: Any) -> str:
    return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._fields)})"


def _refuse(self: Any, name: str, *_: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot change field {name!r} of {self.__class__.__qualname__}")


def _initialiser(made: type[Any], fields: dict[str, Any], frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"ABSENT": _ABSENT}
    head, body = ["self"], []
    for name, default in fields.items():
        value = name
        known[f"default_{name}"] = default.default_factory if isinstance(default, _Factory) else default
        known[f"set_{name}"] = getattr(made, name).__set__
        if isinstance(default, _Factory):
            head.append(f"{name}=ABSENT")
            value = f"default_{name}() if {name} is ABSENT else {name}"
        else:
            head.append(name if default is _ABSENT else f"{name}=default_{name}")
        body.append(f" set_{name}(self, {value})" if frozen else f" self.{name} = {value}")
    # The text holds the names of our own fields and nothing else.
    exec(f"def __init__({', '.join(head)}):\n" + "\n".join(body or [" pass"]), known)  # noqa: S102
    found: Callable[..., None] = known["__init__"]
    return found
