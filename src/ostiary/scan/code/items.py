"""Items: ``headers["X-Key"]``, ``session.get("user")``, ``EXEMPT[0]``, and the members of lists that are known."""

from __future__ import annotations

from typing import Any

from ostiary.scan.code import attributes, credentials
from ostiary.scan.code.frames import Engine
from ostiary.scan.code.settings import setting
from ostiary.scan.code.things import NONE, SOME, UNKNOWN, Thing, bag, const, flag
from ostiary.scan.code.values import Map, Seq

_MAX_ITEMS = 60


def item(en: Engine, base: Thing, key: Thing) -> Thing:
    """``base[key]``, ``base.get(key)``."""
    name = key.value if key.kind == "const" else None
    if base.kind == "bag" and base.name in ("view_args", "path"):
        return _from_path(en, base, _text(name))
    if base.kind == "bag":
        return setting(en, _text(name) or "a setting", None) if base.name == "config" else credentials.item(base.name, _text(name))
    if base.kind == "request":
        return credentials.item("scope", _text(name))
    if base.kind in ("raw", "flag", "address", "part", "view"):
        return base
    if base.kind == "nobody":
        return Thing("nobody", base.name, soft=True)
    if base.kind == "dict" and key.kind == "const":
        return next((v for k, v in base.value if k == name), NONE)
    if base.kind == "seq" and isinstance(name, int) and -len(base.value) <= name < len(base.value):
        return base.value[name]  # type: ignore[no-any-return]
    if base.kind == "value":
        return _value_item(en, base, name)
    return bag("config") if base.kind == "unknown" and isinstance(name, str) and credentials.CONFIG_NAME.match(name) else UNKNOWN


def _from_path(en: Engine, base: Thing, name: str | None) -> Thing:
    """A parameter of the path: there when the route has it."""
    found = credentials.credential("path", name) if name is not None else UNKNOWN
    if found.kind != "unknown" or name is None:
        return found
    en.asked = True
    if en.request is None:
        return Thing("asked", f"parameter {name}")
    return SOME if f"{{{name}}}" in en.request.path else NONE


def _text(name: Any) -> str | None:
    if isinstance(name, bytes):
        return name.decode("latin-1")
    return name if isinstance(name, str) else None


def _value_item(en: Engine, base: Thing, name: Any) -> Thing:
    value = base.value
    try:
        if isinstance(value, Map) and name in value.items:
            return attributes.thing_of(en, value.items[name])
        if isinstance(value, Seq) and isinstance(name, int) and -len(value.items) <= name < len(value.items):
            return attributes.thing_of(en, value.items[name])
    except TypeError:
        return UNKNOWN
    if isinstance(name, str) and credentials.CONFIG_NAME.match(name):
        return bag("config")
    return flag(str(name)) if credentials.CONFIG_NAME.match(base.name) else UNKNOWN


def members_of(en: Engine, thing: Thing) -> list[Thing] | None:
    """The members of a list, tuple, set or dict that are all known, else None."""
    if thing.kind == "seq":
        return list(thing.value)
    if thing.kind == "dict":
        return [const(k) for k, _ in thing.value]
    if thing.kind != "value":
        return None
    if isinstance(thing.value, Seq) and thing.value.whole and len(thing.value.items) <= _MAX_ITEMS:
        return [attributes.thing_of(en, i) for i in thing.value.items]
    if isinstance(thing.value, Map) and thing.value.whole and len(thing.value.items) <= _MAX_ITEMS:
        return [const(k) for k in thing.value.items]
    return None
