"""Settings: what switches a check on or off, and what the tree says its default is."""

from __future__ import annotations

import re
from typing import Any

from ostiary.scan.code import libraries
from ostiary.scan.code.frames import Engine
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import Thing, flag
from ostiary.scan.code.values import Cls, Const, Ext, Func, Made, Obj, Value, text
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern

_SETTINGS = Pattern(r"(settings?|config(uration)?|conf|env(ironment)?|flags?|options)(base|model|schema|sql)?$", re.IGNORECASE)


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
            if is_settings_class(cls.name):
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


def is_settings_class(name: str) -> bool:
    """``AppSettings``, ``Config``."""
    return bool(_SETTINGS.search(name))


def holds_settings(world: World, value: Obj | Cls) -> bool:
    """A class of settings, by its name or by the library class that it extends, or an instance of one."""
    cls = value.cls if isinstance(value, Obj) else value
    if not isinstance(cls, Cls):
        return False
    return is_settings_class(cls.cls.name) or any(
        isinstance(link, Ext) and libraries.SETTINGS_CLASSES.search(link.name) for link in world.bases(cls)
    )


def made_setting(v: Made) -> Thing:
    """``os.getenv("X", "on")``, ``config("X", default=True)``."""
    name = text(v.args[0]) if v.args else None
    default = v.kwargs.get("default") or v.kwargs.get("fallback") or (v.args[1] if len(v.args) > 1 else None)
    if isinstance(default, Const) and default.value not in (None, ""):
        return flag(name or "a setting", default.value)
    return flag(name or "a setting")


def spelled(value: Any) -> Any:
    """ "false" and "0" are how an environment variable says no."""
    low = value.strip().lower() if isinstance(value, str) else None
    if low in ("false", "0", "no", "off"):
        return False
    return True if low in ("true", "1", "yes", "on") else value
