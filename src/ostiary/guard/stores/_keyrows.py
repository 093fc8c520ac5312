"""A key as a row of a table: lists, limits and metadata as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ostiary.guard.keyrecord import KeyRecord
from ostiary.model import limit as limit_text
from ostiary.model.limit import Limit

COLUMNS = tuple(field.name for field in fields(KeyRecord))


def stored(name: str, value: Any) -> Any:
    """The value of a column."""
    encode = _ENCODERS.get(name)
    return value if encode is None or value is None else encode(value)


def record_of(row: Sequence[Any] | None) -> KeyRecord | None:
    """The key of a row that has ``COLUMNS``."""
    if row is None:
        return None
    pairs = zip(COLUMNS, row, strict=True)
    return KeyRecord(*[_DECODERS[name](value) if name in _DECODERS and value is not None else value for name, value in pairs])


def _texts(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value))


def _limits(value: str) -> tuple[Limit, ...]:
    return tuple(limit for text in json.loads(value) for limit in limit_text.parse(text))


def _notation(limits: Sequence[Limit]) -> str:
    return json.dumps([str(limit) for limit in limits])


_ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "scopes": json.dumps,
    "networks": json.dumps,
    "origins": json.dumps,
    "limits": _notation,
    "metadata": lambda value: json.dumps(dict(value), ensure_ascii=False, sort_keys=True),
}
_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "scopes": _texts,
    "networks": _texts,
    "origins": _texts,
    "limits": _limits,
    "metadata": json.loads,
    "disabled": bool,
    "low_entropy": bool,
}
