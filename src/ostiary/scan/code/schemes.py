"""Classes of ``fastapi.security`` and Flask-HTTPAuth, and classes of the tree that extend them."""

from __future__ import annotations

from ostiary.scan.code import conditions, libraries
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import ONWARD, UNKNOWN, Path, Thing, Ways, answer, raw
from ostiary.scan.code.values import Const, Ext, Made, Member, Obj, Value, name_of, text
from ostiary.scan.code.world import World

_PLACES = {"APIKeyHeader": "header", "APIKeyCookie": "cookie", "APIKeyQuery": "query"}


def library_name(world: World, value: Value) -> str:
    """The dotted library name of a callable, also where a class of the tree extends the library's: ``fastapi_users.FastAPIUsers.current_user``."""
    if isinstance(value, Made):
        return library_name(world, value.callee)
    if isinstance(value, Member):
        return f"{library_name(world, value.base)}.{value.name}"
    if isinstance(value, Obj) and not value.kind:
        return next((link.name for link in world.bases(value) if isinstance(link, Ext)), name_of(value))
    return name_of(value)


def scheme_origin(world: World, value: Value) -> str:
    """Where a class of ``fastapi.security``, or one that extends it, finds the credential."""
    if not isinstance(value, (Made, Obj)):
        return "header:authorization"
    names = [name_of(link) for link in world.bases(value)] if isinstance(value, Obj) else [name_of(value)]
    place = next((p for n in names if (p := _PLACES.get(n.rpartition(".")[2]))), None)
    given = text(value.kwargs.get("name"))
    return f"{place}:{given.lower()}" if place and given else "header:authorization"


def is_scheme(f: Frame, value: Obj) -> bool:
    """An instance of a class that extends one of ``fastapi.security``."""
    return any(isinstance(link, Ext) and libraries.verdict(link.name) == "scheme" for link in f.engine.world.bases(value))


def scheme(f: Frame, value: Made | Obj, path: Path) -> Ways:
    """A security scheme called with the request: what was sent, or a refusal when nothing was and ``auto_error`` is on."""
    found = raw(scheme_origin(f.engine.world, value))
    given = value.kwargs.get("auto_error") or (value.attrs.get("auto_error") if isinstance(value, Obj) else None)
    if isinstance(given, Const) and given.value is False:
        return [(path, found)]
    out: Ways = []
    for p, present in conditions.decide(f, found, path, ("const", 0, None)):
        if present:
            out.append((p, found))
        else:
            f.fail(p, answer(401))
    return out


def auth_method(f: Frame, value: Obj, name: str) -> bool:
    """A method that an instance of the tree has from Flask-HTTPAuth."""
    return any(isinstance(link, Ext) and libraries.HTTP_AUTH.search(link.name) for link in f.engine.world.bases(value))


def http_auth(f: Frame, e: Expr, name: str, path: Path, args: list[Thing]) -> Ways:
    """Flask-HTTPAuth's own methods."""
    if name == "get_auth":
        return [(path, raw("header:authorization"))]
    if name in ("authenticate", "current_user", "username", "authorize"):
        return [(path.test("identity"), Thing("nobody", "identity", soft=name == "current_user"))]
    return [(path, answer(401))] if name == "auth_error_callback" else [(path, ONWARD if ONWARD in args else UNKNOWN)]
