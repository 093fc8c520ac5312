"""Names and attributes as a stranger's call meets them: values of ``values`` become things of ``things``."""

from __future__ import annotations

from typing import Any

from ostiary.scan.code import credentials, items, libraries, refusals
from ostiary.scan.code.frames import Engine
from ostiary.scan.code.settings import holds_settings, is_settings_class, made_setting, setting
from ostiary.scan.code.things import ADDRESS, ANYBODY, NO_DEFAULT, REQUEST, UNKNOWN, Thing, bag, const, flag
from ostiary.scan.code.values import Cls, Const, Either, Ext, Func, Made, Member, Mod, Obj, Unknown, Value, name_of
from ostiary.scan.lazy import Pattern

_YES = Pattern(r"^(is_|has_)?(authenticated|logged_?in|active|authorized|is_?authenticated|verified|valid)$")
_ANON = Pattern(r"^(is_)?(anonymous|guest|anon|unauthenticated)$")


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
    if (
        len(parts) > 1
        and any(credentials.CONFIG_NAME.match(p) for p in parts[:-1])
        and not libraries.role(name)
        and not parts[-1][:1].isupper()
    ):
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
        return made_setting(v)
    if isinstance(v.callee, Member) and v.callee.name == "__getitem__" and v.args:
        return items.item(en, thing_of(en, v.callee.base), thing_of(en, v.args[0]))
    if isinstance(v.callee, Member):
        base = thing_of(en, v.callee.base)
        if base.kind in ("bag", "flag") and base.name == "config" and v.args:
            return made_setting(v)
    args = [thing_of(en, a) for a in v.args]
    found = refusals.exception(en.world, v.callee, args, {k: thing_of(en, a) for k, a in v.kwargs.items()})
    if found is not None:
        return found
    if libraries.SETTINGS_CLASSES.search(name) or (credentials.CONFIG_NAME.match(hint) and not isinstance(v.callee, Ext)):
        return bag("config")
    return Thing("value", hint, v)


def _member(en: Engine, v: Member, hint: str) -> Thing:
    if isinstance(v.base, (Obj, Made)):
        base = thing_of(en, v.base)
        if base.kind not in ("value", "unknown"):
            return attribute(en, base, v.name)
        if isinstance(v.base, Obj) and v.base.kind.endswith("app") and v.name == "config":
            return bag("config")
    return ANYBODY if credentials.is_current(v.name) else Thing("value", v.name, v)


def _either(en: Engine, v: Either, hint: str) -> Thing:
    fixed = [o for o in v.options if isinstance(o, Const)]
    if hint.isupper() and len(fixed) == 1:
        # a constant unless the environment says otherwise
        return flag(hint, fixed[0].value)
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
        if holds_settings(en.world, value):
            return setting(en, name, en.world.attribute(value, name))
    if isinstance(value, Cls) and is_settings_class(value.cls.name):
        return setting(en, name, en.world.attribute(value, name))
    found = thing_of(en, en.world.attribute(value, name), name)
    if isinstance(value, Obj) and found.kind == "value" and isinstance(found.value, Member):
        given = _from_constructor(en, value, name)
        if given is not None:
            return given
    if found.kind == "unknown" or (found.kind == "value" and isinstance(found.value, (Member, Either))):
        if credentials.is_current(name):
            return ANYBODY
        if isinstance(found.value, Either) and name.isupper():
            return _either(en, found.value, name)
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
        if (
            s[0] == "assign"
            and s[3] is not None
            and s[3][0] == "name"
            and s[2][0][0] == "attr"
            and s[2][0][3] == name
            and s[3][2] in params
        ):
            position = params.index(s[3][2])
            value = obj.kwargs.get(s[3][2]) or (obj.args[position] if position < len(obj.args) else None)
            return thing_of(en, value, name) if value is not None else _default_of(en, init, s[3][2])
    return None


def _default_of(en: Engine, init: Func, name: str) -> Thing | None:
    default = next((p.default for p in init.function.params if p.name == name), None)
    return thing_of(en, en.world.value(default, init.scope)) if default is not None else None


def mark(en: Engine, name: str, default: Thing | None) -> Thing:
    """``getattr(view, name, default)`` of the view function that a request goes to."""
    en.asked = True
    if en.request is None or en.request.marks is None or (name not in en.request.marks and default is None):
        return Thing("asked", "an attribute of the view function")
    return thing_of(en, en.request.marks[name]) if name in en.request.marks else default or UNKNOWN


_ATTRIBUTES: dict[str, Any] = {
    "request": lambda en, base, name: credentials.request_attribute(name), "bag": _of_bag, "raw": _of_raw, "nobody": _of_nobody,
    "part": _of_part, "answer": _of_answer, "value": _of_value, "address": lambda en, base, name: ADDRESS,
    "flag": lambda en, base, name: flag(name) if base.value is NO_DEFAULT else base,
    "view": lambda en, base, name: mark(en, name, None),
    "unknown": lambda en, base, name: ANYBODY if credentials.is_current(name) else Thing("unknown", base.name),
}  # fmt: skip
