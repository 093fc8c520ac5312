"""Verdicts on what libraries bring, by the tables of ``libraries``: their code is not read."""

from __future__ import annotations

from ostiary.model.route import Gate
from ostiary.scan.code import libraries, schemes
from ostiary.scan.code.marks import NOTHING, Judgement, library_label, place
from ostiary.scan.code.values import Const, Ext, Made, Member, Native, Obj, Value, name_of
from ostiary.scan.code.world import World


def by_name(world: World, value: Value, kind: str) -> Judgement:
    """What a library's callable does, by the tables."""
    name = libraries.plain(schemes.library_name(world, value))
    verdict = libraries.verdict(name)
    gate = Gate("library" if kind != "dependency" else kind, name.rpartition(".")[2] if verdict != "http_auth" else name, place(value))
    relaxed = isinstance(value, (Made, Obj)) and libraries.relaxed(value.kwargs)  # type: ignore[arg-type]
    if verdict == "gate" and name.startswith("flask_login.") and _login_disabled(world):
        return Judgement("unknown", (Gate(kind, library_label(value), place(value)),), "depends on configuration LOGIN_DISABLED")
    if verdict == "gate":
        gate = Gate(kind, library_label(value), place(value))
        return Judgement("optional" if relaxed else "gate", (gate,), "it lets callers without a credential through" if relaxed else "")
    if verdict == "optional" or (verdict == "scheme" and relaxed):
        return Judgement("optional", (gate,), "a caller without a credential is let through")
    if verdict == "scheme":
        return Judgement("extractor", (gate,), f"{library_label(value)} reads a credential and verifies nothing: junk passes")
    http = _http_auth(world, value, name, kind)
    if http is not None:
        return http
    if verdict == "unknown" and not isinstance(value, (Native, Const)) and kind != "middleware":
        return Judgement(
            "unknown",
            (Gate(kind, library_label(value), place(value)),),
            f"{library_label(value)} comes from a library and could not be read",
        )
    return NOTHING


def _login_disabled(world: World) -> bool:
    """Flask-Login's own switch is set to something that is not plainly off."""
    given = [v for o in world.objects if (v := o.wiring.config.get("LOGIN_DISABLED")) is not None]
    return any(not (isinstance(v, Const) and not v.value) for v in given)


def _http_auth(world: World, value: Value, name: str, kind: str) -> Judgement | None:
    """Flask-HTTPAuth and what takes its objects: a gate when a callback that verifies is registered on the very object."""
    holder = _auth_object(world, value)
    if holder is None:
        return None
    gate = Gate(kind, f"{name_of(holder).rpartition('.')[2]}.login_required", place(value))
    if isinstance(value, Made) and libraries.relaxed({"optional": value.kwargs.get("optional")}):
        return Judgement("optional", (gate,), "optional=True lets callers without a credential through")
    if _verifies(world, holder):
        return Judgement("gate", (gate,))
    return Judgement("extractor", (gate,), "no callback verifies the credential")


def _auth_object(world: World, value: Value) -> Made | Obj | None:
    """The HTTPBasicAuth… in ``auth.login_required``, ``auth.login_required(role=…)``, ``authenticate(auth)``, ``app.auth_required(auth)``."""
    callee = value.callee if isinstance(value, Made) else value
    if (
        isinstance(value, Made)
        and isinstance(callee, (Ext, Member))
        and libraries.verdict(libraries.plain(name_of(callee))) == "takes_auth"
    ):
        first = value.args[0] if value.args else value.kwargs.get("auth")
        return first if isinstance(first, (Made, Obj)) and _is_http_auth(world, first) else None
    if isinstance(callee, Member) and callee.name == "login_required" and isinstance(callee.base, (Made, Obj)):
        return callee.base if _is_http_auth(world, callee.base) else None
    return None


def _is_http_auth(world: World, value: Made | Obj) -> bool:
    names = [name_of(link) for link in world.bases(value)] if isinstance(value, Obj) else [name_of(value)]
    return any(libraries.HTTP_AUTH.search(libraries.plain(name)) for name in names)


def _verifies(world: World, value: Made | Obj, depth: int = 0) -> bool:
    if any(f"@{name}" in value.attrs for name in libraries.CALLBACKS):
        return True
    inner = [v for v in (*value.args, *value.kwargs.values()) if isinstance(v, (Made, Obj))]
    return depth < 3 and any(_verifies(world, v, depth + 1) for v in inner if _is_http_auth(world, v))
