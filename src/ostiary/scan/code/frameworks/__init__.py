"""How frameworks wire an application: which classes make applications and routers, and what their methods register.

One file a framework; each gives ``CLASSES`` (dotted name → (framework, kind)) and ``METHODS`` (kind → name → reader).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.scan.code.frameworks import config, connexion, flask, guard, starlette
from ostiary.scan.code.values import Args, Const, Hook, Made, Member, Native, Obj, Scope, Value, members, text

if TYPE_CHECKING:
    from ostiary.scan.code.ir import Module
    from ostiary.scan.code.world import World

__all__ = [
    "CLASSES",
    "METHODS",
    "WIRING",
    "config",
    "connexion",
    "construct",
    "guard",
    "list_method",
    "method",
    "note_use",
    "set_attribute",
    "set_item",
    "stranger",
]
CLASSES: dict[str, tuple[str, str]] = {**flask.CLASSES, **starlette.CLASSES, **connexion.CLASSES}
METHODS = {
    **flask.METHODS,
    **starlette.METHODS,
    **connexion.METHODS,
    "any": {**flask.METHODS["flask.app"], **starlette.METHODS["asgi.app"], "route": flask.route},
}
WIRING = frozenset(
    [
        "route",
        "add_url_rule",
        "register_blueprint",
        "include_router",
        "add_api_route",
        "mount",
        "add_resource",
        "add_namespace",
        "register_resource",
        "add_route",
        "add_middleware",
        "before_request",
        "add_api",
        "Flask",
        "FastAPI",
        "Starlette",
        "APIRouter",
        "Blueprint",
        "APIFlask",
        "Quart",
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "websocket",
        "api_route",
        "middleware",
        "register_routes",
    ]
)


def construct(w: World, obj: Obj) -> Obj:
    """Take note of a new application, router…"""
    if not w.quiet:
        w.wired += 1
        w.objects.append(obj)
        init = METHODS[obj.kind].get("__init__")
        if init is not None:
            init(w, obj, Args(obj.args, obj.kwargs, obj.at, obj.module, ()))
    return obj


def stranger(w: World, kind: str, base: str, module: Module, at: int) -> Obj:
    """An application or router that somebody else passes in: its routes are known, what it hangs on is not."""
    obj = Obj(kind, base, None, (), {}, at, module)
    obj.wiring.stranger = True
    if not w.quiet:
        w.objects.append(obj)
    return obj


def method(w: World, obj: Obj, name: str, args: Args) -> Value | None:
    """A call of ``obj.name(…)``, None when it registers nothing."""
    if name == "__init__":
        w.wired += 1
        obj.args, obj.kwargs = (*obj.args, *args.args), {**obj.kwargs, **args.kwargs}
        init = METHODS[obj.kind].get(name)
        return init(w, obj, args) if init is not None and not w.quiet else Const(None)
    reader = METHODS[obj.kind].get(name)
    if reader is None:
        return None
    if w.quiet:
        return Native(name, lambda inner: inner.args[0]) if not args.args or text(args.args[0]) is not None else args.args[0]
    w.wired += 1
    return reader(w, obj, args)


def list_method(w: World, base: Value, name: str, args: Args) -> Value | None:
    """``app.router.routes.append(Route(…))``, ``app.routes += …`` by method; None when it is something else."""
    if not (isinstance(base, Member) and base.name == "routes" and isinstance(base.base, Obj) and base.base.kind.startswith("asgi")):
        return None
    if name in ("append", "insert", "extend") and not w.quiet:
        w.wired += 1
        for item in members(args.args[-1] if args.args else None):
            starlette.declare(base.base, item)
    return Const(None)


def note_use(w: World, made: Made) -> None:
    """``Talisman(app)``, ``limiter.init_app(app)``, ``CORS(app, …)``, ``limiter.limit("5/minute")(bp)``: something was applied to an application."""
    for value in (*made.args, *made.kwargs.values()):
        target = value.base if isinstance(value, Member) else value
        if isinstance(target, Obj) and target.kind:
            w.wired += 1
            target.wiring.uses.append(made)


def set_attribute(w: World, obj: Obj, name: str, value: Value, at: int, scope: Scope) -> None:
    """``app.debug = True``, ``app.wsgi_app = ProxyFix(app.wsgi_app)``."""
    if name in ("wsgi_app", "asgi_app"):
        obj.wiring.hooks.append(Hook("wsgi", value, at, scope.module))
        return
    obj.wiring.config[name] = value
    obj.wiring.config_at[name] = (at, scope.module)


def set_item(w: World, obj: Obj, holder: str, key: Value, value: Value, at: int, scope: Scope) -> None:
    """``app.config["DEBUG"] = True``."""
    name = text(key)
    if holder == "config" and name is not None:
        obj.wiring.config[name] = value
        obj.wiring.config_at[name] = (at, scope.module)
