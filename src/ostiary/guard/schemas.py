"""What ``body=`` may be: a pydantic model, a dataclass, or a JSON Schema. Each becomes a function that checks one JSON value."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ostiary.errors import MissingExtra, UsageError

MOST_ERRORS = 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class Fault(NamedTuple):
    """``pointer`` (RFC 6901) is where, ``code`` what is wrong there. Neither holds a value of the caller's."""

    pointer: str
    code: str


Checked = tuple[Any, tuple[Fault, ...]]
Check = Callable[[Any], Checked]


def check_of(body: Any) -> Check:
    """Gives what the handler gets, and the faults. Raises UsageError for what is no schema, MissingExtra."""
    if isinstance(body, Mapping):
        return _by_json_schema(body)
    if hasattr(body, "model_validate") or (dataclasses.is_dataclass(body) and isinstance(body, type)):
        return _by_pydantic(body)
    raise UsageError(f"body: a pydantic model, a dataclass or a JSON Schema, not {body!r}")


def _by_pydantic(model: Any) -> Check:
    try:
        from pydantic import TypeAdapter, ValidationError
    except ModuleNotFoundError:
        raise MissingExtra("body=", "input") from None
    adapter = TypeAdapter(model)

    def check(value: Any) -> Checked:
        try:
            found = adapter.validate_python(value)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            return None, tuple(Fault(_pointer(one["loc"], one["type"]), one["type"]) for one in faults[:MOST_ERRORS])
        unknown = tuple(itertools.islice(_unknown(value, found, ""), MOST_ERRORS))
        return (None, unknown) if unknown else (found, ())

    return check


def _unknown(value: Any, found: Any, at: str) -> Iterator[Fault]:
    """Names that the model does not have: what was given, beside what became of it."""
    if isinstance(value, list) and isinstance(found, (list, tuple)):
        for index, (inner, made) in enumerate(zip(value, found, strict=False)):
            yield from _unknown(inner, made, f"{at}/{index}")
    elif isinstance(value, dict) and (known := _known(found)) is not None:
        for name, inner in value.items():
            if name in known:
                yield from _unknown(inner, known[name], f"{at}/{_part(name)}")
            elif getattr(type(found), "model_config", {}).get("extra") is None:
                yield Fault(at, "unknown_name")


def _known(found: Any) -> Mapping[str, Any] | None:
    """What stands under each name that the caller may use; None for what has no names."""
    if isinstance(found, dict):
        return found
    kind = type(found)
    fields = getattr(kind, "model_fields", None) or getattr(kind, "__pydantic_fields__", None)
    if fields is None:
        return {one.name: getattr(found, one.name) for one in dataclasses.fields(found)} if dataclasses.is_dataclass(found) else None
    return {given: getattr(found, name) for name, field in fields.items() for given in (name, *_names(field))}


def _names(field: Any) -> Iterator[str]:
    """The names of a field from outside: its alias, or the first part of each way to it."""
    for said in (field.alias, field.validation_alias):
        for one in getattr(said, "choices", (said,)):
            first = one if isinstance(one, str) else getattr(one, "path", (None,))[0]
            if isinstance(first, str):
                yield first


def _by_json_schema(schema: Mapping[str, Any]) -> Check:
    try:
        from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
        from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise MissingExtra("body=", "input") from None
    kind: Any = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"body: no JSON Schema: {error.message}") from None
    validator = kind(schema)

    def check(value: Any) -> Checked:
        faults = [
            Fault(_pointer(one.absolute_path, ""), str(one.validator))
            for one, _ in zip(validator.iter_errors(value), range(MOST_ERRORS), strict=False)
        ]
        return (None, tuple(faults)) if faults else (value, ())

    return check


def _pointer(parts: Iterable[Any], code: str) -> str:
    found = list(parts)
    if code == "extra_forbidden":
        # The last part is the caller's own word.
        found = found[:-1]
    return "".join(f"/{_part(one)}" for one in found)


def _part(name: Any) -> str:
    """A name that cannot be a caller's secret or a terminal's command."""
    return str(name) if isinstance(name, int) or _NAME.fullmatch(str(name)) else "*"
