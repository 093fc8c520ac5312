"""Applications with all their routes: from what was registered to full paths and everything on the way to a handler."""

from __future__ import annotations

from ostiary.model.route import Location, Route
from ostiary.scan.code import handlers, ir, mounts
from ostiary.scan.code.frameworks import CLASSES, flask, starlette
from ostiary.scan.code.ir import Module
from ostiary.scan.code.sites import AppCode, Guard, RouteCode
from ostiary.scan.code.values import (
    Child,
    Cls,
    Func,
    Hook,
    Obj,
    RouteDecl,
    Unknown,
    Value,
    members,
    text,
)
from ostiary.scan.code.world import World, options
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered, record

_LONGEST = 2000
_METHOD = Pattern(r"[A-Z][A-Z0-9_-]{0,31}")
_DEEPEST = 12
_CONVERTER = Pattern(r"<(?:[^<>:]*(?:\([^)]*\))?:)?([^<>:]+)>")
_PARAMETER = Pattern(r"\{([^{}:]+)(?::[^{}]*)?\}")


@record(frozen=True)
class _At:
    """Where the walk stands: what came before the object at hand."""

    prefix: str
    guards: tuple[Guard, ...]
    unresolved: tuple[str, ...]
    blueprint: str
    seen: tuple[Obj, ...]
    outer: str = ""


def template(path: str) -> str:
    """A path with parameters as ``{name}``: ``/u/<int:id>`` and ``/u/{id:int}`` are ``/u/{id}``."""
    return _PARAMETER.sub(r"{\1}", _CONVERTER.sub(r"{\1}", path)) or "/"


def location(module: Module, at: int) -> Location:
    return Location(module.path, ir.line_of(at), ir.column_of(at))


def applications(w: World) -> list[AppCode]:
    """Every application of the tree; routers that no application includes form one of their own when there is none."""
    mounted = mounts.mounted(w)
    apps: dict[tuple[str, int], AppCode] = {}
    roots = [o for o in w.objects if o.kind.endswith(".app") and id(o) not in mounted and not o.wiring.stranger]
    attached: set[int] = set()
    for obj in roots:
        key = (obj.module.path, obj.at)
        app = apps.setdefault(key, _app(w, obj))
        app.uses = [*app.uses, *obj.wiring.uses]
        app.hooks = [*app.hooks, *obj.wiring.hooks]
        _walk(w, app, obj, _At("", (), (), "", ()), attached)
    _leftovers(w, apps, attached)
    for app in apps.values():
        app.routes = _unique(app.routes)
    return list(apps.values())


def _app(w: World, obj: Obj) -> AppCode:
    framework = CLASSES[obj.base][0] if obj.base in CLASSES else "unknown"
    config_at = {name: location(module, at) for name, (at, module) in obj.wiring.config_at.items()}
    return AppCode(w, _name(w, obj), framework, location(obj.module, obj.at), obj, config=dict(obj.wiring.config), config_at=config_at)


def _name(w: World, obj: Obj) -> str:
    scope = w.scopes.get(obj.module.name)
    variable = next((n for n, v in scope.names.items() if v is obj), "") if scope is not None else ""
    if not variable:
        function = next((f for f in obj.module.functions if f.line <= ir.line_of(obj.at) <= f.end and f.name != "<lambda>"), None)
        variable = f"{function.name}()" if function is not None else "app"
    return f"{obj.module.name or obj.module.path}:{variable}"


def _leftovers(w: World, apps: dict[tuple[str, int], AppCode], attached: set[int]) -> None:
    """Routers and strangers with routes that nothing was seen to include."""
    inside = {
        id(o)
        for obj in w.objects
        for child in mounts.children(w, obj)
        for v in options(w.settle(child.value))
        if (o := mounts.target(w, v)) is not None
    }
    loose = [o for o in w.objects if id(o) not in attached and id(o) not in inside and (o.wiring.routes or o.wiring.children)]
    if not loose:
        return
    unsure = any(isinstance(w.settle(c.value), Unknown) for o in w.objects for c in o.wiring.children)
    if apps and not unsure and not any(o.wiring.stranger for o in loose):
        return
    for obj in loose:
        if apps and not unsure and not obj.wiring.stranger:
            continue
        app = next(iter(apps.values()), None)
        if app is None:
            app = apps[(obj.module.path, obj.at)] = _app(w, obj)
        if id(obj) in attached:
            continue
        # a function that is given the application is given the only one there is
        why = () if obj.wiring.stranger and len(apps) == 1 else ("what this hangs on was not found",)
        own = starlette.own_prefix(obj) if obj.kind.startswith("asgi") else flask.own_prefix(w, obj)
        _walk(w, app, obj, _At(own or "", _app_guards(w, app), why, "", ()), attached)


def _app_guards(w: World, app: AppCode) -> tuple[Guard, ...]:
    return tuple(_own_guards(w, app.obj)) if app.obj is not None else ()


def _walk(w: World, app: AppCode, obj: Obj, here: _At, attached: set[int]) -> None:
    if obj in here.seen or not w.join(len(obj.wiring.routes)):
        return
    if len(here.seen) > _DEEPEST:
        w.give_up("its routers are nested too deep")
        return
    attached.add(id(obj))
    guards = (*here.guards, *_own_guards(w, obj))
    if obj is app.obj or not here.seen:
        guards = (*guards, *_app_wide_hooks(w, obj))
    here = altered(here, guards=guards, seen=(*here.seen, obj))
    for decl in obj.wiring.routes:
        app.routes += _routes(w, app, obj, decl, here)
    children = mounts.children(w, obj)
    # mounted under a path, or else under a host that is configured: the path is what is known
    placed = {id(mounts.target(w, c.value)) for c in children if c.prefix is not None}
    for child in children:
        for value in options(w.settle(child.value)):
            inner = mounts.target(w, value)
            if inner is not None and (child.prefix is not None or id(inner) not in placed):
                _walk(w, app, inner, _below(w, obj, inner, child, here), attached)


def _own_guards(w: World, obj: Obj) -> list[Guard]:
    """What an application, router or blueprint puts before its own routes, outermost first."""
    hooks = [h for h in obj.wiring.hooks if h.kind in ("middleware", "wsgi")][::-1]
    out = [Guard("middleware", _built(w, h), location(h.module, h.at)) for h in hooks]
    at = location(obj.module, obj.at)
    if obj.kind.startswith("asgi"):
        out += [Guard("dependency", v, at) for v in starlette.own_dependencies(obj)]
    out += [
        Guard("hook", h.value, location(h.module, h.at)) for h in obj.wiring.hooks if h.kind in ("before_request", "url_value_preprocessor")
    ]
    if obj.kind in ("flask.api", "flask.namespace"):
        out += [Guard("decorator", v, at) for v in members(obj.kwargs.get("decorators"))]
    return out


def _built(w: World, hook: Hook) -> Value:
    """A middleware class as the framework builds it: with its options, so that exempt paths are known."""
    value = w.settle(hook.value)
    if not isinstance(value, Cls) or not hook.options:
        return value
    made = w.call(value, (Unknown("the application inside"),), hook.options)
    return made if isinstance(made, Obj) and not made.kind else value


def _app_wide_hooks(w: World, obj: Obj, seen: set[int] | None = None) -> list[Guard]:
    """``before_app_request`` of every blueprint below, each once."""
    out = []
    seen = seen if seen is not None else {id(obj)}
    for child in mounts.children(w, obj):
        inner = mounts.target(w, child.value)
        if inner is None or id(inner) in seen:
            continue
        seen.add(id(inner))
        hooks = [h for h in inner.wiring.hooks if h.kind == "before_app_request"]
        out += [Guard("hook", h.value, location(h.module, h.at)) for h in hooks]
        out += _app_wide_hooks(w, inner, seen)
    return out


def _below(w: World, parent: Obj, child: Obj, link: Child, here: _At) -> _At:
    prefix, unresolved = here.prefix, here.unresolved
    own = starlette.own_prefix(child) if child.kind.startswith("asgi") else flask.own_prefix(w, child)
    guards = here.guards
    if link.mount:
        parts = [link.prefix, own if child.kind == "asgi.router" else ""]
        # a mounted application sees the outer one's middleware, and nothing else of it
        guards = tuple(g for g in guards if g.kind == "middleware") + mounts.wrappers(w, link.value, location(link.module, link.at))
    elif child.kind.startswith("asgi"):
        guards = (*guards, *[Guard("dependency", v, location(link.module, link.at)) for v in link.dependencies])
        parts = [link.prefix, own]
    else:
        parts = [link.prefix if link.given else own]
    unresolved = _once(unresolved, link.when)
    if None in parts:
        unresolved = (*unresolved, "a prefix is computed")
    for part in parts:
        prefix = _join(prefix, part or "", exact=child.kind.startswith("asgi"))
    name = text(child.args[0]) if child.kind == "flask.blueprint" and child.args else None
    blueprint = f"{here.blueprint}.{name}" if here.blueprint and name else name or here.blueprint
    outer = _join(here.prefix, link.prefix or "", exact=True)
    return altered(here, prefix=prefix, guards=guards, unresolved=unresolved, blueprint=blueprint, outer=outer)


def _once(unresolved: tuple[str, ...], when: tuple[str, ...]) -> tuple[str, ...]:
    """What settings decide: the route is there only in some deployments."""
    return (*unresolved, *[said for test in when if (said := f"only when {test}") not in unresolved])


def _join(prefix: str, part: str, exact: bool) -> str:
    if exact:
        return prefix.rstrip("/") + part if part.startswith("/") else prefix + part
    return f"{prefix.rstrip('/')}/{part.lstrip('/')}" if prefix and part else prefix or part


def _routes(w: World, app: AppCode, obj: Obj, decl: RouteDecl, here: _At) -> list[RouteCode]:
    unresolved = _once(here.unresolved, decl.when)
    if decl.path is None:
        unresolved = (*unresolved, "the path is computed")
    exact = obj.kind.startswith("asgi")
    path = _join(here.outer if decl.bare else here.prefix, "{computed}" if decl.path is None else decl.path, exact)
    kind = "document" if obj.kind == "connexion.api" else "dependency"
    guards = (*here.guards, *[Guard(kind, v, location(decl.module, decl.at)) for v in decl.dependencies])
    out = []
    for method, handler, more in handlers.handlers_of(w, decl, obj):
        if not _METHOD.fullmatch(method):
            continue
        if handler is None:
            unresolved = (*unresolved, "the handler was not found")
        path = (path if path.startswith("/") else "/" + path)[:_LONGEST]
        code = handler.handler if handler is not None else None
        func = code if isinstance(code, Func) else None
        at = location(func.function.module, func.function.at) if func is not None else location(decl.module, decl.at)
        name = f"{func.function.module.name}:{func.function.qualname}" if func is not None else ""
        route = Route(method, template(path), name, at, app.name, audience=decl.module.audience, unresolved=unresolved)
        endpoint = decl.endpoint or (func.function.name if func is not None else "")
        full = f"{here.blueprint}.{endpoint}" if here.blueprint else endpoint
        out.append(RouteCode(w, route, app, func, decl.kind, (*guards, *more), full, here.blueprint, here.seen, handler))
    return out


def _unique(routes: list[RouteCode]) -> list[RouteCode]:
    seen: dict[tuple[str, str, str], RouteCode] = {}
    for code in routes:
        seen.setdefault((code.route.method, code.route.path, code.route.handler), code)
    return list(seen.values())


__all__ = ["Hook", "applications", "location", "template"]
