"""Documentation and schema that anybody may read, of an application that protects its routes.

What serves them is not among the routes: FastAPI and the documentation extensions register it themselves, past every dependency.
"""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.model.finding import Confidence
from ostiary.model.route import Location, State
from ostiary.scan.code.frameworks import CLASSES
from ostiary.scan.code.ir import Expr, Function, Module, column_of, last_name, line_of
from ostiary.scan.code.sites import AppCode, RouteCode, Site
from ostiary.scan.code.values import Const, Default, Made, Map, Obj, Value, name_of, text
from ostiary.scan.code.world import options
from ostiary.scan.rules import Found, Rule, sites_of
from ostiary.scan.rules._nodes import mentions, nodes_near, settings_in

rule = Rule("unauthenticated-docs")

Place = tuple[Location, str]
_FIX_FASTAPI = "FastAPI(docs_url=None, redoc_url=None, openapi_url=None)"
_DOCS = {"docs_url": "/docs", "redoc_url": "/redoc"}
_RESTX = ("flask_restx.Api", "flask_restplus.Api")
_PAGES = frozenset({"get_swagger_ui_html", "get_redoc_html", "get_openapi"})
# class: (the option that names its path, the path without it)
_OWN = {
    "apiflask.APIFlask": ("docs_path", "/docs"),
    "flask_openapi3.OpenAPI": ("doc_prefix", "/openapi"),
    **{base: ("", "/ui and in openapi.json") for base, (framework, _) in CLASSES.items() if framework == "connexion"},
}
_GATES = frozenset({"decorators"})
_SWITCHES = frozenset({"enable_openapi", "docs_path", "doc_ui", "swagger_ui", "serve_spec", "DOCS_DECORATORS", "SPEC_DECORATORS"})
_PATHS = (b"/docs", b"/redoc", b"openapi.json", b"swagger")


@rule.on_app
def fastapi(app: AppCode) -> Found:
    """``/docs``, ``/redoc`` and ``/openapi.json`` as FastAPI serves them unless told otherwise."""
    obj = app.obj
    if obj is None or not obj.base.startswith("fastapi.") or not _protects(app) or _is_gated(app):
        return
    given = _options(app, obj)
    if not _is_on(given.get("openapi_url", Const("on"))):
        return
    served = [path for option, path in _DOCS.items() if _is_on(given.get(option, Const("on")))]
    if not served and _shown_by_hand(app):
        return
    what = ", ".join([*served, "the schema"])
    yield rule.finding(f"strangers may read {what} of an API that protects its routes", app, Confidence.MEDIUM, fix=_FIX_FASTAPI)


def _options(app: AppCode, obj: Obj) -> dict[str, Value]:
    """Keyword arguments, those behind ``**`` and those assigned later; what cannot be followed decides nothing."""
    found: dict[str, Value] = {**obj.kwargs, **{n: v for n, v in app.config.items() if n.endswith("_url")}}
    for site, expr in _spread(app, obj):
        given = site.value(expr)
        if isinstance(given, Map):
            found |= {k: v for k, v in given.items.items() if isinstance(k, str)}
        if not isinstance(given, Map) or not given.whole:
            found.setdefault("openapi_url", given)
    return found


def _spread(app: AppCode, obj: Obj) -> Iterator[tuple[Site, Expr]]:
    """What stands behind ``**`` in the call that made it."""
    for function in sites_of(obj.module):
        for call in function.calls:
            if call[1] == obj.at:
                yield from ((Site(app.world, obj.module, function, call[1]), value) for name, value in call[4] if name is None)


def _is_on(value: Value) -> bool:
    """A literal path; None and "" leave it off, and what the environment decides is left to it."""
    return isinstance(value, Const) and not isinstance(value, Default) and bool(value.value)


def _protects(app: AppCode) -> bool:
    """Some route asks who is calling. What the guard protects it protects with its documentation."""
    asks = any(code.route.protection.state is State.PROTECTED or code.route.protection.extractors for code in app.routes)
    return asks and not app.guarded


def _is_gated(app: AppCode) -> bool:
    """Middleware or a hook of the whole application stands before the documentation too, unless its module speaks of the path."""
    hooks = {name_of(hook.value).rpartition(".")[2] for hook in app.hooks}
    files = {
        gate.at.file
        for code in app.routes
        for gate in code.route.protection.by
        if gate.at is not None and (gate.kind == "middleware" or (gate.kind == "hook" and gate.name.rpartition(".")[2] in hooks))
    }
    return bool(files) and not any(m.path in files and mentions(app.world, m, _PATHS) for m in app.world.modules.values())


@rule.on_app
def extensions(app: AppCode) -> Found:
    """What Flask-RESTX, flasgger, Flask-smorest, APIFlask, flask-openapi3 and connexion serve."""
    if app.framework in ("fastapi", "starlette") or not _protects(app) or _is_gated(app):
        return
    for at, path in (*_restx(app), *_uses(app), *_smorest(app), *_own_class(app)):
        yield rule.finding(f"strangers may read the documentation at {path} of an API that protects its routes", at, Confidence.MEDIUM)


def _restx(app: AppCode) -> Iterator[Place]:
    """``Api(app)``: the page at its root unless ``doc=False``, and swagger.json also then, unless ``init_app(app, add_specs=False)``."""
    apis = {id(o): o for code in app.routes for o in code.owners if o.base in _RESTX and not _GATES & o.kwargs.keys()}
    if any(_is_off(setting) for setting in _settings(app, frozenset({"add_specs"}))):
        return
    for api in apis.values():
        doc = api.kwargs.get("doc", Const("/"))
        yield _place(api.module, api.at), (text(doc) or "/") if _is_on(doc) else "swagger.json"


def _uses(app: AppCode) -> Iterator[Place]:
    """``Swagger(app)`` of flasgger; a blueprint of flask-swagger-ui."""
    for use in app.uses:
        if name_of(use) == "flasgger.Swagger" and not _GATES & use.kwargs.keys():
            yield _place(use.module, use.at), "/apidocs"
    for child in app.obj.wiring.children if app.obj is not None else ():
        for value in options(app.world.settle(child.value)):
            if isinstance(value, Made) and name_of(value) == "flask_swagger_ui.get_swaggerui_blueprint":
                yield _place(value.module, value.at), (text(value.args[0]) if value.args else None) or "its path"


def _smorest(app: AppCode) -> Iterator[Place]:
    """``OPENAPI_URL_PREFIX``: without it Flask-smorest serves no documentation."""
    if not any(o.base == "flask_smorest.Api" for code in app.routes for o in code.owners):
        return
    for site, _, value in _settings(app, frozenset({"OPENAPI_URL_PREFIX"})):
        if value[0] == "str" and value[2]:
            yield site.location, value[2]
            return


def _own_class(app: AppCode) -> Iterator[Place]:
    """``APIFlask(__name__)``, ``OpenAPI(__name__)``, connexion's ``App``: on unless told otherwise, wherever it is told."""
    obj = app.obj
    option, path = _OWN.get(obj.base, ("", "")) if obj is not None else ("", "")
    if obj is None or app.location is None or not path or any(_is_off(site) for site in _settings(app, _SWITCHES)):
        return
    yield app.location, text(obj.kwargs.get(option)) or path


def _settings(app: AppCode, names: frozenset[str]) -> Iterator[tuple[Site, str, Expr]]:
    """Where the tree sets one of the names."""
    needles = tuple(name.lower().encode() for name in names)
    for module in app.world.modules.values():
        for function, node in nodes_near(app.world, module, needles) if mentions(app.world, module, needles) else ():
            yield from ((Site(app.world, module, function, v[1]), n, v) for n, v in settings_in(node) if n in names)


def _is_off(setting: tuple[Site, str, Expr]) -> bool:
    """None or False, or what is not known: decorators, and what the environment decides."""
    site, _, expr = setting
    return not _is_on(site.value(expr))


def _place(module: Module, at: int) -> Location:
    return Location(module.path, line_of(at), column_of(at))


@rule.on_app
def by_hand(app: AppCode) -> Found:
    """Routes of its own that show ``get_swagger_ui_html(…)`` or ``get_openapi(…)`` to everybody."""
    shown = _shown_by_hand(app)
    if shown and _protects(app) and not _is_gated(app):
        paths = ", ".join(code.route.path for code in shown)
        yield rule.finding(
            f"strangers may read the documentation at {paths} of an API that protects its routes", shown[0], Confidence.MEDIUM
        )


def _shown_by_hand(app: AppCode) -> list[RouteCode]:
    return [code for code in app.routes if code.handler is not None and _is_open(code) and _shows(code.handler.function)]


def _is_open(code: RouteCode) -> bool:
    """Nobody is asked, and nobody wrote down that it is meant so."""
    public = code.route.public
    return code.route.protection.state is not State.PROTECTED and (public is None or public.by == "behaviour")


def _shows(function: Function) -> bool:
    return any(last_name(call[2]) in _PAGES for call in function.calls)
