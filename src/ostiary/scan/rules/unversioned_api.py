"""An API whose routes carry no version, so that nothing can ever change without breaking its callers."""

from __future__ import annotations

import re

from ostiary.model.finding import Confidence
from ostiary.scan.code.ir import Function, last_name
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.lazy import Pattern
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._leaving import returns
from ostiary.scan.rules._words import listed

rule = Rule("unversioned-api")

_ENOUGH = 3
_FIX = 'Put the version into the prefix where the routers are registered:\napp.include_router(router, prefix="/v1")   # FastAPI\napp.register_blueprint(bp, url_prefix="/v1")   # Flask'
_OPERATIONS = Pattern(
    r"(?:^|/)(?:health\w*|ready\w*|live\w*|ping|status|metrics|docs|openapi[\w.]*|favicon\.ico|robots\.txt|static)(?:/|$)", re.IGNORECASE
)
_PAGES = listed(
    "render_template render_template_string TemplateResponse HTMLResponse send_file send_from_directory redirect"
    " FileResponse RedirectResponse"
)
_DATED = Pattern(r"(?:^|/)(?:api-)?\d{4}-\d{2}(?:-\d{2})?(?:/|$)|(?:^|/)v\d", re.IGNORECASE)
_HEADERS = Pattern(r"(?:api-?)?version|application/vnd\.", re.IGNORECASE)


@rule.on_app
def unversioned(app: AppCode) -> Found:
    """Three API routes or more, and no version in any path or header."""
    if any(code.route.version or _DATED.search(code.route.path) for code in app.routes):
        return
    routes = [
        code
        for code in app.routes
        if code.kind == "http" and code.route.method not in ("HEAD", "OPTIONS") and not _OPERATIONS.search(code.route.path)
    ]
    api = [code for code in routes if _answers_data(code)]
    if len(api) < _ENOUGH or _by_header(app):
        return
    yield rule.finding(f"{len(api)} API routes and no version in path, header or media type", app, Confidence.HIGH, fix=_FIX)


def _answers_data(code: RouteCode) -> bool:
    """JSON rather than pages: FastAPI unless told otherwise, a path under /api, a handler that returns data."""
    if "/api" in code.route.path.lower():
        return True
    if code.handler is None:
        return False
    function = code.handler.function
    if any(last_name(call[2]) in _PAGES for call in function.calls) or "HTML" in repr(function.decorators):
        return False
    if code.app.framework in ("fastapi", "starlette", "connexion", "apiflask"):
        return code.app.framework != "starlette" or _returns_data(function)
    return _returns_data(function)


def _returns_data(function: Function) -> bool:
    for stmt in returns(function.body):
        value = stmt[2]
        if value is not None and value[0] == "seq" and value[3]:
            value = value[3][0]
        if value is None:
            continue
        if value[0] in ("dict", "comp") or (value[0] == "seq" and value[2] == "list"):
            return True
        if value[0] == "call" and last_name(value[2]) in (
            "jsonify",
            "JSONResponse",
            "ORJSONResponse",
            "dumps",
            "dump",
            "to_dict",
            "json_response",
        ):
            return True
    return False


def _by_header(app: AppCode) -> bool:
    """Some module of the application's reads a version from a header or parses a vendor media type."""
    modules = {code.handler.function.module for code in app.routes if code.handler is not None}
    modules |= {hook.module for hook in app.hooks}
    for module in modules:
        for function in (module.top, *module.functions):
            if any(p.name in ("api_version", "x_api_version", "accept_version") for p in function.params):
                return True
            for call in function.calls:
                if last_name(call[2]) in ("get", "getlist", "Header") and _names_version(call):
                    return True
    return False


def _names_version(call: tuple[object, ...]) -> bool:
    args, kwargs = call[3], call[4]
    texts = [a[2] for a in args if a[0] == "str"] + [v[2] for k, v in kwargs if k == "alias" and v[0] == "str"]  # type: ignore[attr-defined]
    return any(_HEADERS.search(text) and text.lower() != "version" for text in texts)
