"""The server's secret: settings, configuration, environment, a token just made; and a guess by the name of a variable."""

from __future__ import annotations

from ostiary.scan.code.ir import ClassDef, Expr, Param, last_name
from ostiary.scan.code.values import Cls, Const, Either, Ext, Made, Obj, Value, name_of
from ostiary.scan.rules._flows import Flow, Source, text_of
from ostiary.scan.rules._sources import names_in, read_of, text_of_value
from ostiary.scan.rules._words import MAYBE, NO, SURE, listed, names_secret, words

_SETTINGS = listed("settings config conf cfg configs app_settings app_config constants secrets env environ options get_settings")


def secret(flow: Flow, expr: Expr) -> Source | None:
    """The expression itself is a secret of the server: a setting, a configuration value, an environment variable."""
    tag = expr[0]
    if tag == "attr" and names_secret(expr[3]) == SURE:
        base = last_name(expr[2])
        if base.lower() in _SETTINGS:
            return None if _masked(flow, expr) else Source("secret", f"the setting {expr[3]}", expr[1])
        return None
    if tag == "name" and names_secret(expr[2]) > (NO if expr[2].isupper() else MAYBE) and flow.define(expr) is None:
        return Source("secret", f"the setting {expr[2]}", expr[1], names_secret(expr[2]) == SURE) if _stored(flow, expr) else None
    if tag in ("call", "sub"):
        return _configured(expr)
    return None


def _configured(expr: Expr) -> Source | None:
    if expr[0] == "call" and last_name(expr[2]) == "getenv" and expr[3]:
        key: str | None = text_of(expr[3][0])
        return Source("secret", f"the environment variable {key}", expr[1]) if key and names_secret(key) > NO else None
    read = read_of(expr)
    if read is None or names_secret(read[1]) == NO:
        return None
    base = last_name(read[0])
    if base == "environ" and names_secret(read[1]) > NO:
        return Source("secret", f"the environment variable {read[1]}", expr[1])
    return (
        Source("secret", f"the setting {read[1]}", expr[1])
        if base == "config" and read[1].isupper() and names_secret(read[1]) == SURE
        else None
    )


def _stored(flow: Flow, expr: Expr) -> bool:
    """A module's name that holds text or comes from the environment."""
    value = flow.world.value(expr, flow.world.inside(flow.function))
    return any(_is_setting(option) for option in (value.options if isinstance(value, Either) else (value,)))


def _is_setting(value: Value) -> bool:
    if isinstance(value, Const):
        return isinstance(value.value, (str, bytes)) and len(value.value) > 0
    return isinstance(value, Made) and from_environment(value) is not None


_GETENV = frozenset({"os.getenv", "os.environ.get", "os.environ.__getitem__", "environ.get", "getenv"})


def from_environment(value: Value) -> tuple[str, Value | None, bool] | None:
    """(variable, default, does a missing one raise) of a value that is read from the environment."""
    if not isinstance(value, Made):
        return None
    name = name_of(value.callee)
    if name not in _GETENV or not value.args:
        return None
    key = text_of_value(value.args[0]) or ""
    default = value.args[1] if len(value.args) > 1 else value.kwargs.get("default")
    return key, default, name.endswith("__getitem__")


def _masked(flow: Flow, expr: Expr) -> bool:
    """A SecretStr prints as stars."""
    value = flow.world.value(expr[2], flow.world.inside(flow.function))
    for option in value.options if isinstance(value, Either) else (value,):
        for base in flow.world.bases(option) if isinstance(option, (Obj, Cls)) else ():
            if isinstance(base, Cls) and _field_type(base.cls, expr[3]) in ("SecretStr", "SecretBytes"):
                return True
    return False


def _field_type(cls: ClassDef, name: str) -> str:
    for stmt in cls.body:
        if stmt[0] == "assign" and stmt[4] is not None and stmt[2][0][0] == "name" and stmt[2][0][2] == name:
            names = names_in(stmt[4])
            return names[0] if names else ""
    return ""


_MINTS = listed("create generate issue make mint new encode sign build gen get")
_MINTERS = frozenset({"token_urlsafe", "token_hex", "token_bytes"})
_HELD = listed("token jwt apikey password secret otp")


def minted(_: Flow, expr: Expr) -> Source | None:
    """A secret that the server has just made for somebody."""
    if expr[0] != "call":
        return None
    name = last_name(expr[2])
    if name in _MINTERS or (name == "encode" and expr[2][0] == "attr" and last_name(expr[2][2]) == "jwt"):
        return Source("minted", "a token just made", expr[1])
    parts = words(name)
    if len(parts) > 1 and parts[0] in _MINTS - {"get"} and (_HELD & set(parts) or parts[-2:] == ("api", "key")) and not _ABOUT & set(parts):
        return Source("minted", f"what {name} made", expr[1], sure=parts[-1] in ("token", "jwt", "key", "password", "secret"))
    return None


_ABOUT = listed("hash hashed id ids payload data url link form error response record table schema model hasher csrf count type expiry")


def by_name(flow: Flow, expr: Expr) -> Source | None:
    """A guess: the name says that it is a secret, and nothing is known of where it comes from."""
    if expr[0] == "name":
        found = flow.define(expr)
        if names_secret(expr[2]) == SURE and found is not None and _may_hold(found.how, found.expr) and not _plain_type(found.param):
            return Source("name", f"{expr[2]} (a secret by its name)", expr[1], sure=False)
    elif expr[0] == "attr" and names_secret(expr[3]) == SURE and not expr[3].startswith("__"):
        if not _masked(flow, expr):
            return Source("name", f"{expr[3]} (a secret by its name)", expr[1], sure=False)
    elif expr[0] == "sub":
        key = text_of(expr[3])
        if key is not None and names_secret(key) == SURE:
            return Source("name", f"{key} (a secret by its name)", expr[1], sure=False)
    return None


def _may_hold(how: str, expr: Expr | None) -> bool:
    """Not a flag, a length, an object that only manages it."""
    if how == "param":
        return True
    if how in ("except", "with", "iter"):
        return False
    return (
        expr is not None
        and expr[0] in ("call", "sub", "attr", "str", "bin", "fstr", "bool")
        and not (expr[0] == "call" and _hides(last_name(expr[2])))
    )


def _plain_type(param: Param | None) -> bool:
    return (
        param is not None
        and param.annotation is not None
        and bool({"bool", "int", "SecretStr"} & set(names_in(param.annotation) if param.annotation[0] != "str" else ()))
    )


_HIDING = listed(
    "mask masked redact redacted hide hash hashed len bool sha256 md5 obfuscate truncate digest fingerprint exists has is"
    " verify check count id"
)


def _hides(name: str) -> bool:
    return bool(_HIDING & set(words(name)))


_DUMPS = listed("dict model_dump items copy to_dict json model_dump_json")


def settings_dump(flow: Flow, expr: Expr) -> Source | None:
    """The whole environment, the whole configuration, the settings object."""
    if expr[0] not in ("attr", "name", "call"):
        return None
    if expr[0] == "call":
        inner = (
            expr[2][2]
            if expr[2][0] == "attr" and expr[2][3] in _DUMPS
            else expr[3][0]
            if last_name(expr[2]) == "vars" and expr[3]
            else None
        )
        return settings_dump(flow, inner) if inner is not None and inner[0] in ("attr", "name") else None
    path = flow.path(expr)
    if path in ("os.environ", "environ"):
        return Source("settings", "the whole environment", expr[1])
    if path in ("current_app.config", "app.config"):
        return Source("settings", "the whole configuration", expr[1])
    if last_name(expr) in _SETTINGS and _is_settings_object(flow, expr):
        return Source("settings", "the settings object", expr[1])
    return None


def _is_settings_object(flow: Flow, expr: Expr) -> bool:
    value = flow.world.value(expr, flow.world.inside(flow.function))
    if not isinstance(value, Obj) or value.cls is None:
        return False
    bases = flow.world.bases(value)
    if not any(isinstance(b, Ext) and b.name.startswith(("pydantic_settings.", "pydantic.BaseSettings")) for b in bases):
        return False
    return any(isinstance(b, Cls) and any(names_secret(_field(s)) == SURE for s in b.cls.body) for b in bases)


def _field(stmt: Expr) -> str:
    return stmt[2][0][2] if stmt[0] == "assign" and stmt[2][0][0] == "name" else ""
