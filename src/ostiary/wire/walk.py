"""Walks plain values and rebuilds only what changed: mappings, lists, tuples (named ones too), sets, texts and bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

DEEPEST = 32
_CUT = "[redacted:too deep to look]"
_Leaf = Callable[[str | bytes, str, bool], str | bytes]


class Walk:
    """``leaf(text, path, whole)`` cleans a text or bytes; ``is_named(key)`` says that all under a key is a credential."""

    def __init__(self, leaf: _Leaf, is_named: Callable[[str], bool]) -> None:
        self._leaf = leaf
        self._is_named = is_named
        self._above: set[int] = set()

    def __call__(self, value: object, path: str = "", whole: bool = False) -> object:
        """The value with its leaves cleaned; the very object when no leaf changed. Objects of other types stay as they are."""
        kind = type(value)
        if kind is str or kind is bytes:
            return self._leaf(value, path, whole)  # type: ignore[arg-type]
        if value is None or kind is bool:
            return value
        if isinstance(value, (str, bytes)):
            return self._leaf(value, path, whole)
        if isinstance(value, (bytearray, memoryview)):
            return self._buffer(value, path, whole)
        if isinstance(value, (int, float)):
            return self._leaf(str(value), path, whole) if whole else value
        if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
            return value
        return self._inside(value, path, whole)

    def _buffer(self, value: bytearray | memoryview, path: str, whole: bool) -> object:
        data = bytes(value)
        clean = self._leaf(data, path, whole)
        return value if clean is data else clean

    def _inside(
        self, value: Mapping[object, object] | list[object] | tuple[object, ...] | set[object] | frozenset[object], path: str, whole: bool
    ) -> object:
        if id(value) in self._above or len(self._above) >= DEEPEST:
            return _CUT
        self._above.add(id(value))
        try:
            return self._mapping(value, path, whole) if isinstance(value, Mapping) else self._sequence(value, path, whole)
        finally:
            self._above.discard(id(value))

    def _mapping(self, value: Mapping[object, object], path: str, whole: bool) -> object:
        items = dict(value)
        clean: dict[object, object] = {}
        for key, item in items.items():
            shown = self(key, path) if isinstance(key, (str, bytes)) else key
            clean[shown] = self(item, f"{path}.{_text(shown)}" if path else _text(shown), whole or self._is_named(_text(key)))
        if len(clean) == len(items) and all(a is b and clean[a] is items[b] for a, b in zip(clean, items, strict=True)):
            return value
        return _rebuilt(value, clean)

    def _sequence(self, value: list[object] | tuple[object, ...] | set[object] | frozenset[object], path: str, whole: bool) -> object:
        items = list(value)
        pair = (
            isinstance(value, (tuple, list)) and len(items) == 2 and isinstance(items[0], (str, bytes)) and self._is_named(_text(items[0]))
        )
        clean = [self(item, f"{path}[{at}]", whole or (pair and at == 1)) for at, item in enumerate(items)]
        if all(a is b for a, b in zip(clean, items, strict=True)):
            return value
        if isinstance(value, tuple):
            return type(value)._make(clean) if hasattr(value, "_make") else tuple(clean)
        return type(value)(clean) if type(value) in (list, set, frozenset) else clean


def _text(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else key if isinstance(key, str) else type(key).__name__


def _rebuilt(value: Mapping[object, object], clean: dict[object, object]) -> object:
    """A copy of a dict's subclass, whose look-up a formatter may rely on; for other mappings, and changed keys, a plain dict.

    Only values of the copy are set, by ``dict`` itself: a class that writes through (``os.environ``) is not touched.
    """
    if type(value) is dict or not isinstance(value, dict) or clean.keys() != value.keys():
        return clean
    try:
        twin = copy.copy(value)
        for key, item in clean.items():
            dict.__setitem__(twin, key, item)
    except Exception:  # noqa: BLE001 - a stranger's class; its content matters more than its kind
        return clean
    return twin if twin is not value else clean
