"""Names, attributes and items as a stranger's call meets them: values of ``values`` become things of ``things``."""

from __future__ import annotations

import re
from typing import Any

from ostiary.scan.code import credentials, libraries, refusals
from ostiary.scan.code.frames import Engine
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import ADDRESS, ANYBODY, NOBODY, NONE, REQUEST, SOME, UNKNOWN, Thing, bag, const, flag
from ostiary.scan.code.values import Cls, Const, Either, Ext, Func, Made, Map, Member, Mod, Obj, Seq, Unknown, Value, name_of, text
from ostiary.scan.code.world import World

_YES = re.compile(r"^(is_|has_)?(authenticated|logged_?in|active|authorized|is_?authenticated|verified|valid)$")
_ANON = re.compile(r"^(is_)?(anonymous|guest|anon|unauthenticated)$")
_SETTINGS = re.compile(r"(settings?|config(uration)?|conf|env(ironment)?|flags?|options)(base|model|schema|sql)?$", re.IGNORECASE)
_MAX_ITEMS = 60


def thing_of(en: Engine, value: Value | None, hint: str = "") -> Thing:
    """What a value is to a stranger; ``hint`` is the name it goes by."""
    if value is None:
        return UNKNOWN
    value = en.world.settle(value)
    if _is_proxy(value):
        return ANYBODY if credentials.is_current(hint) else UNKNOWN
    handler = _TABLE.get(type(value))
    return handler(en, value, hint) if handler is not None else Thing("value", hint, value)


def _is_proxy(value: Value) -> bool:
    """``current_user = LocalProxy(…)``: what it stands for is only known in a request."""
    if isinstance(value, Func):
        return any(name_of(link.value).endswith("LocalProxy") for link in value.chain)
    return isinstance(value, Made) and isinstance(value.callee, Ext) and value.callee.last in ("LocalProxy", "ContextVar")


def _const(en: Engine, v: Const, hint: str) -> Thing:
    return const(v.value) if isinstance(v.value, (str, bytes, int, float, bool, type(None))) else UNKNOWN


def _unknown(en: Engine, v: Unknown, hint: str) -> Thing:
    if credentials.is_current(hint):
        return ANYBODY
    if hint.isupper() and len(hint) > 2 and "parsed" not in v.why:
        return flag(hint)
    return bag("config") if credentials.CONFIG_NAME.match(hint) else Thing("unknown", v.why)


def _ext(en: Engine, v: Ext, hint: str) -> Thing:
    name = libraries.plain(v.name)
    parts = name.split(".")
    for i in range(len(parts), 0, -1):
        known = libraries.NAMES.get(".".join(parts[:i]))
        if known is not None:
            for part in parts[i:]:
                known = attribute(en, known, part)
            return known
    if len(parts) > 1 and any(credentials.CONFIG_NAME.match(p) for p in parts[:-1]) and not libraries.role(name) and not parts[-1][:1].isupper():
        return flag(parts[-1])
    if parts[-1].isupper() and len(parts) > 1 and credentials.CONFIG_NAME.match(parts[-2]):
        return flag(parts[-1])
    if parts[0] == "flask" and name.startswith("flask.current_app.config."):
        return flag(parts[-1])
    if credentials.CONFIG_NAME.match(parts[-1]) and hint and not libraries.role(name):
        return bag("config")
    return Thing("value", hint, v)


def _made(en: Engine, v: Made, hint: str) -> Thing:
    name = libraries.plain(name_of(v))
    if libraries.REQUEST_CLASSES.search(name):
        return REQUEST
    if libraries.role(name) == "setting" and not (isinstance(v.callee, Ext) and v.callee.last[:1].isupper()):
        return _setting(en, v)
    if isinstance(v.callee, Member) and v.callee.name == "__getitem__" and v.args:
        return item(en, thing_of(en, v.callee.base), thing_of(en, v.args[0]))
    if isinstance(v.callee, Member):
        base = thing_of(en, v.callee.base)
        if base.kind in ("bag", "flag") and base.name == "config" and v.args:
            return _setting(en, v)
    args = [thing_of(en, a) for a in v.args]
    found = refusals.exception(en.world, v.callee, args, {k: thing_of(en, a) for k, a in v.kwargs.items()})
    if found is not None:
        return found
    if libraries.SETTINGS_CLASSES.search(name) or (credentials.CONFIG_NAME.match(hint) and not isinstance(v.callee, Ext)):
        return bag("config")
    return Thing("value", hint, v)


def _setting(en: Engine, v: Made) -> Thing:
    name = text(v.args[0]) if v.args else None
    default = v.kwargs.get("default") or v.kwargs.get("fallback") or (v.args[1] if len(v.args) > 1 else None)
    if isinstance(default, Const) and default.value not in (None, ""):
        return flag(name or "a setting", _spelled(default.value))
    return flag(name or "a setting")


def _spelled(value: Any) -> Any:
    """"false" and "0" are how an environment variable says no."""
    low = value.strip().lower() if isinstance(value, str) else None
    if low in ("false", "0", "no", "off"):
        return False
    return True if low in ("true", "1", "yes", "on") else value


def _member(en: Engine, v: Member, hint: str) -> Thing:
    if isinstance(v.base, (Obj, Made)) and not isinstance(v.base, Const):
        base = thing_of(en, v.base)
        if base.kind not in ("value", "unknown"):
            return attribute(en, base, v.name)
        if isinstance(v.base, Obj) and v.base.kind.endswith("app") and v.name == "config":
            return bag("config")
    return ANYBODY if credentials.is_current(v.name) else Thing("value", v.name, v)


def _either(en: Engine, v: Either, hint: str) -> Thing:
    if all(isinstance(o, Const) for o in v.options):
        return flag(hint) if hint else UNKNOWN
    known = [o for o in v.options if not (isinstance(o, Const) and o.value is None) and not isinstance(o, Unknown)]
    return thing_of(en, known[0], hint) if len(known) == 1 else Thing("value", hint, v)


_TABLE: dict[type, Any] = {Const: _const, Unknown: _unknown, Ext: _ext, Made: _made, Member: _member, Either: _either}


def attribute(en: Engine, base: Thing, name: str) -> Thing:
    """``base.name``."""
    handler = _ATTRIBUTES.get(base.kind)
    return handler(en, base, name) if handler is not None else UNKNOWN


def _of_bag(en: Engine, base: Thing, name: str) -> Thing:
    if base.name == "config":
        return setting(en, name, None)
    if base.name in ("g", "state", "session", "cookie", "header", "query", "path", "body"):
        return credentials.item(base.name, name)
    return UNKNOWN


def _of_raw(en: Engine, base: Thing, name: str) -> Thing:
    return UNKNOWN if name in ("scheme", "type") else base


def _of_nobody(en: Engine, base: Thing, name: str) -> Thing:
    if _YES.match(name):
        return Thing("nobody", base.name)
    if _ANON.match(name):
        return Thing("nobody", base.name, truth=True)
    return Thing("nobody", base.name, soft=True)


def _of_part(en: Engine, base: Thing, name: str) -> Thing:
    return Thing("part", {"path": "path", "endpoint": "endpoint", "rule": "rule"}.get(name, base.name), base.value)


def _of_answer(en: Engine, base: Thing, name: str) -> Thing:
    return const(base.value) if name in ("status_code", "code", "status") and isinstance(base.value, int) else UNKNOWN


def _of_value(en: Engine, base: Thing, name: str) -> Thing:
    value = base.value
    if isinstance(value, Obj):
        known = en.fields.get((id(value), name))
        if known is not None:
            return known
        if value.kind.endswith("app") and name == "config":
            return bag("config")
        if _is_settings(en.world, value):
            return setting(en, name, en.world.attribute(value, name))
    if isinstance(value, Cls) and _SETTINGS.search(value.cls.name):
        return setting(en, name, en.world.attribute(value, name))
    found = thing_of(en, en.world.attribute(value, name), name)
    if isinstance(value, Obj) and found.kind == "value" and isinstance(found.value, Member):
        given = _from_constructor(en, value, name)
        if given is not None:
            return given
    if found.kind == "unknown" or (found.kind == "value" and isinstance(found.value, Member)):
        if credentials.is_current(name):
            return ANYBODY
        if isinstance(value, Mod) and credentials.CONFIG_NAME.match(value.module.name.rpartition(".")[2]):
            return setting(en, name, None)
    return found


def _from_constructor(en: Engine, obj: Obj, name: str) -> Thing | None:
    """``self.name = param`` of an object whose constructor was not run: what was given for the parameter."""
    init = en.world.attribute(obj, "__init__") if obj.cls is not None else None
    if not isinstance(init, Func):
        return None
    params = [p.name for p in init.function.params[1:] if p.kind in ("arg", "kwonly")]
    for s in init.function.body:
        if s[0] == "assign" and s[3] is not None and s[3][0] == "name" and s[2][0][0] == "attr" and s[2][0][3] == name and s[3][2] in params:
            position = params.index(s[3][2])
            value = obj.kwargs.get(s[3][2]) or (obj.args[position] if position < len(obj.args) else None)
            return thing_of(en, value, name) if value is not None else _default_of(en, init, s[3][2])
    return None


def _default_of(en: Engine, init: Func, name: str) -> Thing | None:
    default = next((p.default for p in init.function.params if p.name == name), None)
    return thing_of(en, en.world.value(default, init.scope)) if default is not None else None


def _is_settings(world: World, obj: Obj) -> bool:
    line = world.bases(obj)
    return any(isinstance(link, Ext) and libraries.SETTINGS_CLASSES.search(link.name) for link in line) or bool(
        obj.cls is not None and _SETTINGS.search(obj.cls.cls.name)
    )


def setting(en: Engine, name: str, value: Value | None) -> Thing:
    """A setting by name: its default is what its class says, or the default of a settings column of that name anywhere in the tree."""
    if isinstance(value, Func):
        return Thing("value", name, value)
    if isinstance(value, Const) and value.value not in (None, ""):
        return flag(name, value.value)
    return flag(name, *en.judge.defaults().get(name, ()))


def defaults(world: World) -> dict[str, tuple[Any]]:
    """Defaults of settings kept in classes named like one (``config_anonbrowse = Column(SmallInteger, default=0)``), where all such classes agree."""
    found: dict[str, tuple[Any]] = {}
    differing: set[str] = set()
    for module in world.modules.values():
        for cls in module.classes:
            if _SETTINGS.search(cls.name):
                for name, default in _class_defaults(cls.body).items():
                    if found.setdefault(name, default) != default:
                        differing.add(name)
    return {name: default for name, default in found.items() if name not in differing}


def _class_defaults(body: tuple[Expr, ...]) -> dict[str, tuple[Any]]:
    out: dict[str, tuple[Any]] = {}
    for statement in body:
        if statement[0] != "assign" or statement[3] is None or statement[2][0][0] != "name":
            continue
        value = statement[3]
        if value[0] == "call":
            value = next((v for k, v in value[4] if k == "default"), value)
        if value[0] in ("const", "str") and value[2] not in (None, ""):
            out[statement[2][0][2]] = (value[2],)
    return out


_ATTRIBUTES: dict[str, Any] = {
    "request": lambda en, base, name: credentials.request_attribute(name), "bag": _of_bag, "raw": _of_raw, "nobody": _of_nobody,
    "part": _of_part, "answer": _of_answer, "value": _of_value, "address": lambda en, base, name: ADDRESS,
    "flag": lambda en, base, name: flag(name) if base.value.__class__ is object else base,
    "view": lambda en, base, name: Thing("asked", f"{name} of the view function"),
    "unknown": lambda en, base, name: ANYBODY if credentials.is_current(name) else Thing("unknown", base.name),
}  # fmt: skip


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
            return thing_of(en, value.items[name])
        if isinstance(value, Seq) and isinstance(name, int) and -len(value.items) <= name < len(value.items):
            return thing_of(en, value.items[name])
    except TypeError:
        return UNKNOWN
    if isinstance(name, str) and credentials.CONFIG_NAME.match(name):
        return bag("config")
    return flag(str(name)) if credentials.CONFIG_NAME.match(base.name) else UNKNOWN


def library_name(world: World, value: Value) -> str:
    """The dotted library name of a callable, also where a class of the tree extends the library's: ``fastapi_users.FastAPIUsers.current_user``."""
    if isinstance(value, Made):
        return library_name(world, value.callee)
    if isinstance(value, Member):
        return f"{library_name(world, value.base)}.{value.name}"
    if isinstance(value, Obj) and not value.kind:
        return next((link.name for link in world.bases(value) if isinstance(link, Ext)), name_of(value))
    return name_of(value)


def scheme_origin(en: Engine, value: Value) -> str:
    """Where a class of ``fastapi.security``, or one that extends it, finds the credential."""
    if not isinstance(value, (Made, Obj)):
        return "header:authorization"
    names = [name_of(link) for link in en.world.bases(value)] if isinstance(value, Obj) else [name_of(value)]
    place = next((p for n in names if (p := _PLACES.get(n.rpartition(".")[2]))), None)
    given = text(value.kwargs.get("name"))
    return f"{place}:{given.lower()}" if place and given else "header:authorization"


_PLACES = {"APIKeyHeader": "header", "APIKeyCookie": "cookie", "APIKeyQuery": "query"}


def members_of(en: Engine, thing: Thing) -> list[Thing] | None:
    """The members of a list, tuple, set or dict that are all known, else None."""
    if thing.kind == "seq":
        return list(thing.value)
    if thing.kind == "dict":
        return [const(k) for k, _ in thing.value]
    if thing.kind != "value":
        return None
    if isinstance(thing.value, Seq) and thing.value.whole and len(thing.value.items) <= _MAX_ITEMS:
        return [thing_of(en, i) for i in thing.value.items]
    if isinstance(thing.value, Map) and thing.value.whole and len(thing.value.items) <= _MAX_ITEMS:
        return [const(k) for k in thing.value.items]
    return None


__all__ = ["NOBODY", "attribute", "defaults", "item", "members_of", "setting", "thing_of"]
