"""FastAPI and Starlette."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.scan.code.frameworks.flask import methods_of
from ostiary.scan.code.values import (
    Args,
    Child,
    Const,
    Func,
    Hook,
    Made,
    Native,
    Obj,
    RouteDecl,
    Seq,
    Unknown,
    Value,
    members,
    name_of,
    path_text,
)

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

Reader = Callable[["World", Obj, Args], Value]
_APPS = ("fastapi.FastAPI", "fastapi.applications.FastAPI")
_STARLETTE = ("starlette.applications.Starlette",)
_ROUTERS = (
    "fastapi.APIRouter", "fastapi.routing.APIRouter", "starlette.routing.Router", "fastapi_utils.inferring_router.InferringRouter",
    "fastapi_utils.cbv.APIRouter", "fastapi_restful.inferring_router.InferringRouter",
)  # fmt: skip
CLASSES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_APPS, ("fastapi", "asgi.app")),
    **dict.fromkeys(_STARLETTE, ("starlette", "asgi.app")),
    **dict.fromkeys(_ROUTERS, ("fastapi", "asgi.router")),
}
VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


def depends(args: Args) -> tuple[Value, ...]:
    """``dependencies=[Depends(x), …]``."""
    return tuple(members(args.kwargs.get("dependencies")))


def _route(kind: str, methods: Callable[[Args], tuple[str, ...] | None]) -> Reader:
    def read(w: World, obj: Obj, args: Args) -> Value:
        def register(inner: Args) -> Value:
            if inner.args:
                path = path_text(args.get(0, "path"))
                decl = RouteDecl(path, methods(args), inner.args[0], args.at, args.module, kind, "", depends(args), when=args.when)
                obj.wiring.routes.append(decl)
                return inner.args[0]
            return Const(None)

        return Native(kind, register)

    return read


def _fixed(*verbs: str) -> Callable[[Args], tuple[str, ...] | None]:
    return lambda args: verbs


def _listed(args: Args) -> tuple[str, ...] | None:
    return methods_of(args.kwargs.get("methods"))


def _add_route(kind: str, methods: Callable[[Args], tuple[str, ...] | None], bare: bool = False) -> Reader:
    """``bare``: Starlette's own methods know nothing of the prefix that FastAPI's routers bring."""

    def read(w: World, obj: Obj, args: Args) -> Value:
        handler = args.get(1, "endpoint") or args.get(None, "route")
        path = path_text(args.get(0, "path"))
        decl = RouteDecl(path, methods(args), handler or Unknown(), args.at, args.module, kind, "", depends(args), bare, args.when)
        obj.wiring.routes.append(decl)
        return Const(None)

    return read


def _include(w: World, obj: Obj, args: Args) -> Value:
    prefix = args.get(None, "prefix")
    known = path_text(prefix) if prefix is not None else ""
    for value in members(args.get(0, "router")) or [Unknown("the router that is included could not be followed")]:
        obj.wiring.children.append(Child(value, known, prefix is not None, args.at, args.module, False, depends(args), args.when))
    return Const(None)


def _mount(w: World, obj: Obj, args: Args) -> Value:
    value = args.get(1, "app") or Unknown()
    obj.wiring.children.append(Child(value, path_text(args.get(0, "path")), True, args.at, args.module, mount=True, when=args.when))
    return Const(None)


def _add_middleware(w: World, obj: Obj, args: Args) -> Value:
    value = args.get(0, "middleware_class")
    if value is not None:
        options = {**args.kwargs}
        obj.wiring.hooks.append(Hook("middleware", _dispatched(value, options), args.at, args.module, options))
    return Const(None)


def _dispatched(value: Value, options: dict[str, Value]) -> Value:
    """``add_middleware(BaseHTTPMiddleware, dispatch=f)`` is f."""
    given = options.get("dispatch")
    return given if isinstance(given, Func) and name_of(value).endswith("BaseHTTPMiddleware") else value


def _middleware(w: World, obj: Obj, args: Args) -> Value:
    def register(inner: Args) -> Value:
        if inner.args:
            obj.wiring.hooks.append(Hook("middleware", inner.args[0], args.at, args.module))
            return inner.args[0]
        return Const(None)

    return Native("middleware", register)


def _exception_handler(w: World, obj: Obj, args: Args) -> Value:
    def register(inner: Args) -> Value:
        if inner.args:
            obj.wiring.hooks.append(Hook("errorhandler", inner.args[0], args.at, args.module, {"type": args.args[0]} if args.args else {}))
            return inner.args[0]
        return Const(None)

    return Native("exception_handler", register)


def _add_exception_handler(w: World, obj: Obj, args: Args) -> Value:
    func = args.get(1, "handler")
    if func is not None:
        obj.wiring.hooks.append(Hook("errorhandler", func, args.at, args.module, {"type": args.args[0]} if args.args else {}))
    return Const(None)


def _init(w: World, obj: Obj, args: Args) -> Value:
    """``Starlette(routes=[…], middleware=[…])``, ``FastAPI(middleware=…)``, ``APIRouter(routes=…)``."""
    for item in members(args.kwargs.get("routes")):
        declare(obj, item)
    if "starlette" in obj.base and args.args:
        for item in members(args.args[0 if obj.kind == "asgi.router" else 1] if len(args.args) > (obj.kind != "asgi.router") else None):
            declare(obj, item)
    for item in members(args.kwargs.get("middleware")):
        if isinstance(item, Made) and item.args:
            obj.wiring.hooks.append(Hook("middleware", _dispatched(item.args[0], item.kwargs), item.at, item.module, item.kwargs))
    return Const(None)


def declare(obj: Obj, item: Value) -> None:
    """A ``Route``, ``WebSocketRoute``, ``Mount`` or ``Host`` given in a list."""
    if not isinstance(item, Made):
        return
    name, args = name_of(item).rpartition(".")[2], Args(item.args, item.kwargs, item.at, item.module, item.call)
    path = path_text(args.get(0, "path"))
    if name in ("Route", "APIRoute"):
        obj.wiring.routes.append(
            RouteDecl(path, _listed(args), args.get(1, "endpoint") or Unknown(), item.at, item.module, "http", "", depends(args))
        )
    elif name in ("WebSocketRoute", "APIWebSocketRoute"):
        obj.wiring.routes.append(RouteDecl(path, ("WEBSOCKET",), args.get(1, "endpoint") or Unknown(), item.at, item.module, "websocket"))
    elif name in ("Mount", "Host"):
        _mount_item(obj, item, args, path if name == "Mount" else "")


def _mount_item(obj: Obj, item: Made, args: Args, path: str | None) -> None:
    app = args.get(1, "app")
    routes = args.kwargs.get("routes")
    if routes is not None:
        app = Obj("asgi.router", "starlette.routing.Router", None, (), dict(item.kwargs), item.at, item.module)
        for inner in members(routes):
            declare(app, inner)
        for middle in members(args.kwargs.get("middleware")):
            if isinstance(middle, Made) and middle.args:
                app.wiring.hooks.append(
                    Hook("middleware", _dispatched(middle.args[0], middle.kwargs), middle.at, middle.module, middle.kwargs)
                )
    obj.wiring.children.append(Child(app or Unknown(), path, True, item.at, item.module, mount=True))


def _late_route(w: World, obj: Obj, args: Args) -> Value:
    for item in args.args:
        declare(obj, item)
    return Const(None)


_METHODS: dict[str, Reader] = {
    "__init__": _init, **{verb: _route("http", _fixed(verb.upper())) for verb in VERBS}, "api_route": _route("http", _listed),
    "route": _route("http", _listed), "websocket": _route("websocket", _fixed("WEBSOCKET")),
    "websocket_route": _route("websocket", _fixed("WEBSOCKET")), "add_api_route": _add_route("http", _listed),
    "add_route": _add_route("http", _listed, True), "add_websocket_route": _add_route("websocket", _fixed("WEBSOCKET"), True),
    "add_api_websocket_route": _add_route("websocket", _fixed("WEBSOCKET")), "include_router": _include, "mount": _mount, "host": _mount,
    "add_middleware": _add_middleware, "middleware": _middleware, "exception_handler": _exception_handler,
    "add_exception_handler": _add_exception_handler,
}  # fmt: skip
METHODS: dict[str, dict[str, Reader]] = {"asgi.app": _METHODS, "asgi.router": _METHODS}


def own_prefix(obj: Obj) -> str | None:
    """The prefix that a router brings itself; None when it is computed."""
    value = obj.kwargs.get("prefix", obj.attrs.get("prefix"))
    return "" if value is None or (isinstance(value, Const) and value.value is None) else path_text(value)


def own_dependencies(obj: Obj) -> tuple[Value, ...]:
    """``APIRouter(dependencies=[…])``, ``FastAPI(dependencies=[…])``."""
    found = obj.kwargs.get("dependencies", obj.attrs.get("dependencies"))
    return tuple(found.items) if isinstance(found, Seq) else tuple(members(found))
