"""The caller's credential: header, cookie, query parameter, body field, dependency. The server's secret: settings, configuration, environment."""

from __future__ import annotations

from ostiary.scan.code.ir import ClassDef, Expr, Function, Param, dotted, last_name
from ostiary.scan.code.values import Cls, Const, Ext, Made, Member, Obj, Seq, Value, name_of
from ostiary.scan.rules._flows import Flow, Source, text_of
from ostiary.scan.rules._words import SURE, cookie_is_credential, field_is_credential, header_is_credential, listed, names_secret

_REQUESTS = listed("request req websocket ws conn connection")
_REQUEST_TYPES = listed("Request WebSocket HTTPConnection Websocket")
_FOREIGN = ("httpx.", "requests.", "urllib", "aiohttp.Client", "google.", "botocore.", "scrapy.")
_PARTS = {
    "headers": "header", "cookies": "cookie", "args": "query", "query_params": "query", "values": "field", "form": "field", "json": "field",
    "get_json()": "field", "json()": "field", "form()": "field", "get_data()": "body",
}  # fmt: skip
_SCHEMES = {
    "OAuth2PasswordBearer": "bearer token", "OAuth2AuthorizationCodeBearer": "bearer token", "APIKeyHeader": "API key", "APIKeyQuery": "API key",
    "APIKeyCookie": "session cookie", "OpenIdConnect": "token", "OAuth2": "token",
}  # fmt: skip
_PAIRS = {"HTTPBearer": ("credentials", "bearer token"), "HTTPBasic": ("password", "password"), "HTTPDigest": ("credentials", "digest")}
_PAIR_TYPES = {
    "HTTPAuthorizationCredentials": ("credentials", "bearer token"), "HTTPBasicCredentials": ("password", "password"),
    "OAuth2PasswordRequestForm": ("password", "password"), "OAuth2PasswordRequestFormStrict": ("password", "password"),
}  # fmt: skip


def request_part(flow: Flow, expr: Expr) -> str | None:
    """``header``, ``cookie``, ``query``, ``field`` when the expression is that part of the incoming request as a whole."""
    path = flow.path(expr)
    root, _, part = path.rpartition(".")
    kind = _PARTS.get(part)
    return kind if kind is not None and _is_request(flow, root, expr) else None


def _is_request(flow: Flow, root: str, expr: Expr) -> bool:
    last = root.rpartition(".")[2]
    name = _root(flow, expr)
    found = flow.define(name) if name is not None else None
    if found is not None and found.how != "param":
        return False
    if found is not None and found.param is not None and found.param.annotation is not None:
        kind = last_name(found.param.annotation) or last_name(found.param.annotation[2]) if found.param.annotation[0] != "str" else last
        if root == found.param.name:
            return kind in _REQUEST_TYPES and not _foreign(flow, found.param)
    return last in _REQUESTS and (root.count(".") == 0 or root.split(".")[0] in ("self", "flask", "info", "g", "quart"))


def _foreign(flow: Flow, param: Param) -> bool:
    name = name_of(flow.world.value(param.annotation, flow.world.func(flow.function).scope))
    return name.startswith(_FOREIGN)


def _root(flow: Flow, expr: Expr) -> Expr | None:
    for _ in range(12):
        expr = flow.expand(expr)
        if expr[0] == "bool":
            expr = expr[3][0]
        elif expr[0] in ("attr", "call", "sub"):
            expr = expr[2]
        else:
            return expr if expr[0] == "name" else None
    return None


def read_of(expr: Expr) -> tuple[Expr, str] | None:
    """(mapping, key) of ``mapping.get("key", …)`` and ``mapping["key"]``."""
    if expr[0] == "call" and expr[2][0] == "attr" and expr[2][3] in ("get", "pop", "getlist", "get_all") and expr[3]:
        key = text_of(expr[3][0])
        return (expr[2][2], key) if key is not None else None
    if expr[0] == "sub":
        key = text_of(expr[3])
        return (expr[2], key) if key is not None else None
    return None


def credential(flow: Flow, expr: Expr) -> Source | None:
    """The expression itself is a credential that the caller sent."""
    tag = expr[0]
    if tag in ("call", "sub"):
        return _read(flow, expr)
    if tag == "attr":
        return _attribute(flow, expr)
    if tag == "name":
        found = flow.define(expr)
        if found is not None and found.param is not None and found.function is not None:
            return parameter(flow, found.function, found.param)
    return None


def _read(flow: Flow, expr: Expr) -> Source | None:
    read = read_of(expr)
    if read is None:
        return None
    mapping, key = read
    part = request_part(flow, mapping)
    if part is None:
        return None
    if part == "header" and header_is_credential(key):
        return Source("header", f"the {_header(key)} header", expr[1])
    if part == "cookie" and cookie_is_credential(key):
        return Source("cookie", f"the cookie {key}", expr[1])
    if part in ("query", "field") and field_is_credential(key):
        return Source(part, f"the submitted {key}", expr[1], names_secret(key) == SURE)
    return None


def _header(name: str) -> str:
    return "-".join(word if word.isupper() else word.capitalize() for word in name.replace("_", "-").split("-"))


def _attribute(flow: Flow, expr: Expr) -> Source | None:
    name, path = expr[3], flow.path(expr[2])
    if name in ("authorization", "auth") and path in ("request", "flask.request"):
        return None
    if name in ("password", "token") and path.endswith("request.authorization"):
        return Source("header", "the Authorization header", expr[1])
    base = flow.expand(expr[2])
    if base[0] != "name":
        return None
    found = flow.define(base)
    if found is None or found.param is None or found.function is None:
        return None
    pair = _pair(flow, found.function, found.param)
    if pair is not None:
        return Source("header" if pair[1] != "password" else "field", f"the {pair[1]}", expr[1]) if name == pair[0] else None
    if names_secret(name) == SURE and _is_body(flow, found.function, found.param):
        return Source("field", f"the submitted {name}", expr[1])
    return None


def parameter(flow: Flow, function: Function, param: Param) -> Source | None:
    """A parameter that FastAPI fills with a credential; a guess by its name when nothing else says so."""
    marker = marker_of(flow, function, param)
    if marker is None:
        return None
    last = name_of(marker).rpartition(".")[2]
    if last in ("Depends", "Security"):
        return _dependency(flow, marker)
    alias = _alias(marker) or param.name
    if last == "Header" and header_is_credential(alias.replace("_", "-")):
        return Source("header", f"the {_header(alias)} header", function.at)
    if last == "Cookie" and cookie_is_credential(alias):
        return Source("cookie", f"the cookie {alias}", function.at)
    if last == "Query" and field_is_credential(alias):
        return Source("query", f"the query parameter {alias}", function.at, names_secret(alias) == SURE)
    if last in ("Form", "Body") and field_is_credential(alias):
        return Source("field", f"the submitted {alias}", function.at, names_secret(alias) == SURE)
    return None


def marker_of(flow: Flow, function: Function, param: Param) -> Made | None:
    """``Header(…)``, ``Depends(…)`` and their like, from the default or out of ``Annotated[…]``."""
    if not _may_mark(param):
        return None
    scope = flow.world.func(function).scope
    if param.default is not None and param.default[0] == "call":
        found = flow.world.value(param.default, scope)
        return found if isinstance(found, Made) else None
    return marker_in(flow.world.value(param.annotation, scope)) if param.annotation is not None else None


def _may_mark(param: Param) -> bool:
    # Most parameters are plain: do not resolve ``int`` and ``str`` and ``self``.
    if param.default is not None and param.default[0] == "call":
        return True
    annotation = param.annotation
    if annotation is None or annotation[0] == "str":
        return False
    return annotation[0] == "sub" or (
        annotation[0] in ("name", "attr") and last_name(annotation) not in ("str", "int", "bool", "Request", "Session")
    )


def marker_in(value: Value) -> Made | None:
    """The FastAPI marker inside ``Annotated[type, marker]``."""
    if not isinstance(value, Made) or not isinstance(value.callee, Member) or value.callee.name != "__getitem__" or not value.args:
        return None
    inside = value.args[0]
    items = inside.items[1:] if isinstance(inside, Seq) else []
    return next((item for item in items if isinstance(item, Made)), None)


def _dependency(flow: Flow, marker: Made) -> Source | None:
    target = marker.args[0] if marker.args else marker.kwargs.get("dependency")
    kind = name_of(target).rpartition(".")[2] if isinstance(target, (Made, Obj)) else ""
    if kind in _SCHEMES and name_of(target).startswith("fastapi."):
        what = text_of_value(target.kwargs.get("name") if isinstance(target, (Made, Obj)) else None)
        return Source("query" if kind == "APIKeyQuery" else "header", f"the {what or _SCHEMES[kind]}", flow.function.at)
    return None


def text_of_value(value: Value | None) -> str | None:
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def _alias(marker: Made) -> str | None:
    return text_of_value(marker.kwargs.get("alias"))


def _pair(flow: Flow, function: Function, param: Param) -> tuple[str, str] | None:
    """(attribute, what) of a parameter that holds a credential in one of its attributes."""
    annotation = param.annotation
    if annotation is not None and annotation[0] != "str":
        for name in names_in(annotation):
            if name in _PAIR_TYPES:
                return _PAIR_TYPES[name]
    marker = marker_of(flow, function, param)
    target = marker.args[0] if marker is not None and marker.args else None
    return _PAIRS.get(name_of(target).rpartition(".")[2]) if isinstance(target, (Made, Obj)) else None


def names_in(annotation: Expr) -> list[str]:
    if annotation[0] in ("name", "attr"):
        return [last_name(annotation)]
    if annotation[0] == "sub":
        inner = annotation[3][3] if annotation[3][0] == "seq" else (annotation[3],)
        return [name for part in inner for name in names_in(part)]
    return names_in(annotation[3]) + names_in(annotation[4]) if annotation[0] == "bin" else []


_BODY_BASES = ("pydantic.", "msgspec.", "sqlmodel.", "wtforms.", "flask_wtf.", "marshmallow.")


def _is_body(flow: Flow, function: Function, param: Param) -> bool:
    """The parameter is a model that the framework fills from the request's body."""
    if param.annotation is None or param.annotation[0] == "str" or not is_endpoint(function):
        return False
    value = flow.world.inside(function).names.get(param.name)
    return isinstance(value, Obj) and any(isinstance(b, Ext) and b.name.startswith(_BODY_BASES) for b in flow.world.bases(value))


_VERBS = listed("get post put patch delete head options")
_DECORATORS = _VERBS | listed("route api_route websocket websocket_route")
_ERROR_DECORATORS = listed("errorhandler app_errorhandler exception_handler error_handler")


def is_endpoint(function: Function) -> bool:
    """Declared as a route by its decorator, or a verb's method of a class."""
    if isinstance(function.parent, ClassDef):
        return function.name in _VERBS or any(last_name(d) in _DECORATORS for d in function.decorators)
    return any(
        d[0] in ("call", "attr") and last_name(d) in _DECORATORS and "." in dotted(d[2] if d[0] == "call" else d)
        for d in function.decorators
    )


def is_error_handler(function: Function) -> bool:
    return any(last_name(d) in _ERROR_DECORATORS for d in function.decorators)


def whole(flow: Flow, expr: Expr) -> Source | None:
    """All headers or all cookies at once: the credential is among them."""
    if expr[0] not in ("attr", "name"):
        return None
    part = request_part(flow, expr)
    if part == "header":
        return Source("headers", "the request's headers, Authorization among them,", expr[1])
    return Source("cookie", "the request's cookies", expr[1]) if part == "cookie" else None


def submitted(flow: Flow, expr: Expr) -> bool:
    """The caller fills it, be it a credential or not: a field of a form, of a body, of a model."""
    expr = flow.expand(expr)
    read = read_of(expr)
    if read is not None:
        return request_part(flow, read[0]) is not None
    base = flow.expand(expr[2]) if expr[0] == "attr" else None
    found = flow.define(base) if base is not None and base[0] == "name" else None
    return found is not None and found.param is not None and found.function is not None and _is_body(flow, found.function, found.param)


def body_model(flow: Flow, expr: Expr) -> Source | None:
    """The whole model that the body was read into, with a password among its fields."""
    found = flow.define(expr) if expr[0] == "name" else None
    if found is None or found.param is None or found.function is None or not _is_body(flow, found.function, found.param):
        return None
    value = flow.world.inside(found.function).names.get(found.param.name)
    for base in flow.world.bases(value):
        field = _secret_field(base.cls) if isinstance(base, Cls) else None
        if field is not None:
            return Source("field", f"the request's body, {field} included,", expr[1])
    return None


def _secret_field(cls: ClassDef) -> str | None:
    for stmt in cls.body:
        named = stmt[0] == "assign" and stmt[4] is not None and stmt[2][0][0] == "name" and names_secret(stmt[2][0][2]) == SURE
        if named and not {"SecretStr", "SecretBytes"} & set(names_in(stmt[4]) if stmt[4][0] != "str" else ()):
            return str(stmt[2][0][2])
    return None
