"""Flask and what builds on it: Quart, APIFlask, Flask-RESTful, Flask-RESTX, Flask-smorest, Flask-OpenAPI3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.scan.code.values import (
    Args,
    Child,
    Cls,
    Const,
    Func,
    Hook,
    Made,
    Map,
    Member,
    Native,
    Obj,
    RouteDecl,
    Seq,
    Value,
    members,
    path_text,
    text,
)

if TYPE_CHECKING:
    from ostiary.scan.code.world import World

Reader = Callable[["World", Obj, Args], Value]
CLASSES: dict[str, tuple[str, str]] = {
    "flask.Flask": ("flask", "flask.app"),
    "flask.app.Flask": ("flask", "flask.app"),
    "flask.Blueprint": ("flask", "flask.blueprint"),
    "flask.blueprints.Blueprint": ("flask", "flask.blueprint"),
    "quart.Quart": ("quart", "flask.app"),
    "quart.Blueprint": ("quart", "flask.blueprint"),
    "apiflask.APIFlask": ("flask", "flask.app"),
    "apiflask.APIBlueprint": ("flask", "flask.blueprint"),
    "flask_openapi3.OpenAPI": ("flask", "flask.app"),
    "flask_openapi3.APIBlueprint": ("flask", "flask.blueprint"),
    "flask_smorest.Blueprint": ("flask", "flask.blueprint"),
    "flask_rest_api.Blueprint": ("flask", "flask.blueprint"),
    "flask_smorest.Api": ("flask", "flask.api"),
    "flask_restful.Api": ("flask", "flask.api"),
    "flask_restx.Api": ("flask", "flask.api"),
    "flask_restplus.Api": ("flask", "flask.api"),
    "flask_restx.Namespace": ("flask", "flask.namespace"),
    "flask_restplus.Namespace": ("flask", "flask.namespace"),
}
VERBS = ("get", "post", "put", "patch", "delete")


def methods_of(value: Value | None) -> tuple[str, ...] | None:
    """Upper-case verbs of a ``methods=`` list, None when it is not given or not known."""
    found = tuple(sorted({t.upper() for v in members(value) if (t := text(v)) is not None}))
    return found or None


def unwrap(value: Value | None) -> Value:
    """The view in ``login_required(view)`` or ``limiter.limit("5/minute")(View.as_view("x"))`` of a library, with the wrapping in its chain."""
    from ostiary.scan.code.values import Decorated, Unknown

    if (
        isinstance(value, Made)
        and isinstance(value.callee, Member)
        and value.callee.name == "as_view"
        and isinstance(value.callee.base, Cls)
    ):
        return value.callee.base
    if isinstance(value, Made) and len(value.args) == 1 and not value.kwargs:
        inner = unwrap(value.args[0])
        link = Decorated(value.callee, Unknown(), value.at, value.module)
        if isinstance(inner, Func):
            return Func(inner.function, inner.scope, inner.bound, inner.wraps, (*inner.chain, link), inner.attrs)
        if isinstance(inner, Cls):
            return Cls(inner.cls, inner.outer, inner.bases, inner.scope, (*inner.chain, link))
    return value if value is not None else Unknown()


def _add(obj: Obj, args: Args, path: Value | None, handler: Value, methods: tuple[str, ...] | None, endpoint: str = "") -> None:
    obj.wiring.routes.append(RouteDecl(path_text(path), methods, handler, args.at, args.module, endpoint=endpoint, when=args.when))


def _decorator(obj: Obj, args: Args, fixed: tuple[str, ...] | None = None) -> Value:
    path, endpoint = args.get(0, "rule"), text(args.get(None, "endpoint")) or ""

    def register(inner: Args) -> Value:
        if inner.args:
            _add(obj, args, path, unwrap(inner.args[0]), fixed or methods_of(args.get(None, "methods")), endpoint)
            return inner.args[0]
        return Const(None)

    return Native("route", register)


def route(w: World, obj: Obj, args: Args) -> Value:
    """``@app.route("/x", methods=[…])``."""
    return _decorator(obj, args)


def _verb(verb: str) -> Reader:
    return lambda w, obj, args: _decorator(obj, args, (verb.upper(),))


def _add_url_rule(w: World, obj: Obj, args: Args) -> Value:
    view = args.get(2, "view_func")
    if view is not None and not (isinstance(view, Const) and view.value is None):
        _add(obj, args, args.get(0, "rule"), unwrap(view), methods_of(args.get(None, "methods")), text(args.get(1, "endpoint")) or "")
    return Const(None)


def _child(obj: Obj, args: Args, value: Value | None, prefix: Value | None) -> Value:
    given = prefix is not None and not (isinstance(prefix, Const) and prefix.value is None)
    for item in members(value):
        obj.wiring.children.append(Child(item, path_text(prefix) if given else "", given, args.at, args.module, when=args.when))
    return Const(None)


def _register_blueprint(w: World, obj: Obj, args: Args) -> Value:
    found = _child(obj, args, args.get(0, "blueprint"), args.get(None, "url_prefix"))
    for blueprint in members(args.get(0, "blueprint")):
        _own_register(w, obj, blueprint, args)
    return found


def _own_register(w: World, obj: Obj, blueprint: Value, args: Args) -> None:
    """A blueprint class of the tree may override ``register(app, options)``, which Flask calls now."""
    from ostiary.scan.code import apply, classes

    if not isinstance(blueprint, Obj) or blueprint.cls is None or any(c.value is blueprint for c in obj.wiring.children[:-1]):
        return
    own = classes.class_attribute(w, blueprint.cls, "register", blueprint)
    if isinstance(own, Func):
        # registration nests as deep as the blueprints do: each starts with a fresh stack
        stack, w.stack = w.stack, []
        try:
            apply.call(w, own, Args((obj, Map({}, whole=False)), {}, args.at, args.module, ()))
        finally:
            w.stack = stack


def _hook(kind: str) -> Reader:
    def read(w: World, obj: Obj, args: Args) -> Value:
        func = args.get(0, "f")
        if isinstance(func, (Func, Cls, Made, Obj, Member)):
            obj.wiring.hooks.append(Hook(kind, func, args.at, args.module))
        return func if func is not None else Const(None)

    return read


def _handler_hook(w: World, obj: Obj, args: Args) -> Value:
    """``@app.errorhandler(404)``."""

    def register(inner: Args) -> Value:
        if inner.args:
            options = {"type": args.args[0]} if args.args else {}
            obj.wiring.hooks.append(Hook("errorhandler", inner.args[0], args.at, args.module, options))
            return inner.args[0]
        return Const(None)

    return Native("errorhandler", register)


def _register_error_handler(w: World, obj: Obj, args: Args) -> Value:
    func = args.get(1, "f")
    if func is not None:
        obj.wiring.hooks.append(Hook("errorhandler", func, args.at, args.module, {"type": args.args[0]} if args.args else {}))
    return Const(None)


def _api_init(w: World, obj: Obj, args: Args) -> Value:
    """``Api(app)``, ``Api(blueprint, prefix="/v1")``, ``api.init_app(app)``: the api hangs on the application or blueprint."""
    target = args.get(0, "app") or args.get(None, "blueprint")
    prefix = args.get(None, "prefix") or args.get(None, "url_prefix")
    for app in members(target):
        if isinstance(app, Obj) and app.kind:
            _child(app, args, obj, prefix)
    return Const(None)


def _add_resource(w: World, obj: Obj, args: Args) -> Value:
    first = args.get(0, "resource")
    for resource in members(first):
        for url in (*args.args[1:], *members(args.kwargs.get("urls"))):
            _add(obj, args, url, unwrap(resource), methods_of(args.get(None, "methods")), text(args.get(None, "endpoint")) or "")
    return Const(None)


def _resource_decorator(w: World, obj: Obj, args: Args) -> Value:
    """``@ns.route("/x", "/y")``, ``@api.resource("/x")``."""

    def register(inner: Args) -> Value:
        for url in args.args:
            _add(obj, args, url, unwrap(inner.args[0]), methods_of(args.get(None, "methods")), text(args.get(None, "endpoint")) or "")
        return inner.args[0]

    return Native("resource", register)


def _add_namespace(w: World, obj: Obj, args: Args) -> Value:
    return _child(obj, args, args.get(0, "ns"), args.get(1, "path"))


def _namespace(w: World, obj: Obj, args: Args) -> Value:
    """``api.namespace("orders", path="/orders")``."""
    from ostiary.scan.code import frameworks

    ns = frameworks.construct(w, Obj("flask.namespace", "flask_restx.Namespace", None, args.args, args.kwargs, args.at, args.module))
    _child(obj, args, ns, args.get(None, "path"))
    return ns


def own_prefix(w: World, obj: Obj) -> str | None:
    """The prefix that a blueprint, api or namespace brings itself; None when it is computed."""
    if obj.kind == "flask.namespace":
        path = obj.kwargs.get("path") or (obj.args[2] if len(obj.args) > 2 else None)
        name = text(obj.kwargs.get("name") or (obj.args[0] if obj.args else None))
        return path_text(path) if path is not None and path_text(path) is not None else f"/{name}" if name else None
    names = ("url_prefix",) if obj.kind == "flask.blueprint" else ("prefix",)
    value = next((obj.kwargs[n] for n in names if n in obj.kwargs), None)
    value = obj.attrs.get("url_prefix", value)
    if value is None or (isinstance(value, Const) and value.value is None):
        return ""
    return path_text(value)


_SHARED: dict[str, Reader] = {
    "route": route, **{verb: _verb(verb) for verb in VERBS}, "add_url_rule": _add_url_rule, "register_blueprint": _register_blueprint,
    "before_request": _hook("before_request"), "before_app_request": _hook("before_app_request"), "after_request": _hook("after_request"),
    "after_app_request": _hook("after_request"), "errorhandler": _handler_hook, "app_errorhandler": _handler_hook,
    "register_error_handler": _register_error_handler, "before_websocket": _hook("before_request"),
    "url_value_preprocessor": _hook("url_value_preprocessor"), "websocket": lambda w, o, a: _websocket(o, a),
}  # fmt: skip


def _websocket(obj: Obj, args: Args) -> Value:
    def register(inner: Args) -> Value:
        obj.wiring.routes.append(
            RouteDecl(path_text(args.get(0)), ("WEBSOCKET",), unwrap(inner.args[0]), args.at, args.module, "websocket")
        )
        return inner.args[0]

    return Native("websocket", register)


_API: dict[str, Reader] = {
    "__init__": _api_init, "init_app": _api_init, "add_resource": _add_resource, "resource": _resource_decorator, "route": _resource_decorator,
    "add_namespace": _add_namespace, "namespace": _namespace, "register_blueprint": _register_blueprint, "errorhandler": _handler_hook,
}  # fmt: skip
METHODS: dict[str, dict[str, Reader]] = {
    "flask.app": _SHARED,
    "flask.blueprint": _SHARED,
    "flask.api": _API,
    "flask.namespace": {"route": _resource_decorator, "add_resource": _add_resource, "errorhandler": _handler_hook},
}


def seq_of(value: Value | None) -> list[Value]:
    """Items of a list that may also be a lone value."""
    return value.items if isinstance(value, Seq) else members(value)
