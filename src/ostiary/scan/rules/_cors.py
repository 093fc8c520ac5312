"""Who may read answers from another origin: what CORS libraries and hand-written headers allow."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Function, Stmt, last_name, walk
from ostiary.scan.code.sites import Call, Site
from ostiary.scan.code.values import Const, Either, Made, Map, Member, Seq, Value
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record
from ostiary.scan.rules._facts import facts
from ostiary.scan.rules._flows import Flow, text_of
from ostiary.scan.rules._settings import from_environment
from ostiary.scan.rules._sources import read_of, request_part
from ostiary.scan.rules._words import listed

ORIGIN, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"
_ANY_REGEX = Pattern(r"\^?\(?(?:https?(?:\?|\(s\))?://|http\(s\)\?://|https\?://)?\(?(?:\.[*+]|\[\^/?\][*+])\)?\)?\$?/?\$?\Z")
_AFTER = listed("after_request after_app_request middleware")


@record(frozen=True)
class Cors:
    """``any_origin``: every origin may read; ``credentials``: with the caller's cookies; ``sure`` False for a default of the environment."""

    any_origin: bool
    credentials: bool
    how: str
    sure: bool = True
    function: Function | None = None
    at: int = 0


def starlette(call: Call) -> Cors | None:
    """``add_middleware(CORSMiddleware, …)``, ``Middleware(CORSMiddleware, …)``, ``CORSMiddleware(app, …)``."""
    if call.last != "CORSMiddleware" and not any(last_name(a) == "CORSMiddleware" for a in call.expr[3][:1]):
        return None
    options = _keywords(call)
    origins, regex = options.get("allow_origins"), options.get("allow_origin_regex")
    by_regex = isinstance(regex, Const) and isinstance(regex.value, str) and _ANY_REGEX.match(regex.value) is not None
    wide, sure = _wildcard(origins)
    how = "allow_origin_regex matches every origin" if by_regex else "allow_origins is *"
    return Cors(by_regex or wide, _is_true(options.get("allow_credentials")), how, by_regex or sure)


def flask_cors(call: Call) -> Cors | None:
    """``CORS(app, …)``, ``cors.init_app(app, …)``, ``@cross_origin(…)``: without origins, everybody's."""
    if not call.expr[3] and call.last == "CORS":
        return None
    if call.last == "init_app" and "cors" not in last_name(call.expr[2][2]).lower():
        return None
    if not call.name.startswith("flask_cors."):
        return None
    options = _keywords(call)
    resources = options.get("resources")
    if isinstance(resources, Map):
        return _resources(resources, options)
    if resources is not None and "origins" not in options and not isinstance(resources, (Const, Seq)):
        return None
    return _flask(options)


def _resources(resources: Map, options: dict[str, Value]) -> Cors | None:
    found = [
        _flask({**options, **{str(k): v for k, v in item.items.items()}}) for item in resources.items.values() if isinstance(item, Map)
    ]
    wide = [cors for cors in found if cors.any_origin]
    return max(wide, key=lambda cors: cors.credentials, default=None)


def _flask(options: dict[str, Value]) -> Cors:
    origins = options.get("origins")
    wide, sure = (True, True) if origins is None else _wildcard(origins)
    how = "flask_cors allows every origin unless told otherwise" if origins is None else "origins is *"
    return Cors(wide, _is_true(options.get("supports_credentials")), how, sure)


def _keywords(call: Call) -> dict[str, Value]:
    options: dict[str, Value] = {}
    for name, expr in call.expr[4]:
        value = call.value(expr)
        if name is not None:
            options[name] = value
        elif isinstance(value, Map):
            options.update({k: v for k, v in value.items.items() if isinstance(k, str)})
    return options


def _is_true(value: Value | None) -> bool:
    return isinstance(value, Const) and value.value is True


def _wildcard(value: Value | None) -> tuple[bool, bool]:
    """(may be every origin, surely)."""
    if isinstance(value, Const):
        return (isinstance(value.value, str) and (value.value.strip() in ("*", ".*") or _ANY_REGEX.match(value.value) is not None), True)
    if isinstance(value, Seq):
        return (any(_wildcard(item)[0] for item in value.items), True)
    if isinstance(value, Either):
        return (any(_wildcard(option)[0] for option in value.options), False)
    if isinstance(value, Made) and isinstance(value.callee, Member) and value.callee.name in ("split", "strip"):
        return (_wildcard(value.callee.base)[0], False)
    found = from_environment(value) if value is not None else None
    return (_wildcard(found[1])[0], False) if found is not None and found[1] is not None else (False, True)


def by_hand(site: Site) -> Iterator[Cors]:
    """Headers that a function puts on every response; one a function."""
    seen: set[Function] = set()
    for item in facts(site).assignments:
        if item.name.lower() == ORIGIN and item.target[0] == "sub" and item.function not in seen and _for_all(item.function):
            seen.add(item.function)
            yield from _manual(site, item.function, item.value, item.at)


def added(call: Call) -> Cors | None:
    """``response.headers.add("Access-Control-Allow-Origin", "*")``."""
    if not call.expr[3] or (text_of(call.expr[3][0]) or "").lower() != ORIGIN or len(call.expr[3]) < 2 or not _for_all(call.function):
        return None
    return next(_manual(call, call.function, call.expr[3][1], call.at), None)


def _manual(site: Site, function: Function, value: Expr, at: int) -> Iterator[Cors]:
    credentials = any(_allows_credentials(stmt) for stmt in walk(function.body))
    if text_of(value) == "*":
        # a literal * with credentials is refused by browsers: it lets strangers read only what needs no cookie
        yield Cors(True, False, "Access-Control-Allow-Origin is * on every response", True, function, at)
    elif _reflects(Flow(site.world, function), value) and not _checks_origin(function):
        yield Cors(True, credentials, "the caller's Origin is sent back unchecked", True, function, at)


def _for_all(function: Function) -> bool:
    """It sees every response: an after_request hook, a middleware, a helper that is given the response."""
    if any(last_name(d) in _AFTER for d in function.decorators) or function.name in ("dispatch", "after_request"):
        return True
    return any(p.name in ("response", "resp", "call_next") for p in function.params)


def _allows_credentials(node: Stmt) -> bool:
    if node[0] == "assign":
        return (
            any(t[0] == "sub" and (text_of(t[3]) or "").lower() == CREDENTIALS for t in node[2])
            and node[3] is not None
            and text_of(node[3]) == "true"
        )
    return node[0] == "call" and len(node[3]) > 1 and (text_of(node[3][0]) or "").lower() == CREDENTIALS and text_of(node[3][1]) == "true"


def _reflects(flow: Flow, value: Expr) -> bool:
    value = flow.expand(value)
    if value[0] == "bool":
        return _reflects(flow, value[3][0])
    if value[0] == "attr":
        return value[3] == "origin" and flow.path(value[2]).endswith("request")
    read = read_of(value)
    return read is not None and read[1].lower() == "origin" and request_part(flow, read[0]) == "header"


def _checks_origin(function: Function) -> bool:
    """The origin is looked up or matched somewhere in the function."""
    if any(op in ("in", "not in", "==", "!=") and "origin" in last_name(c[2]).lower() for c in function.compares for op in c[3]):
        return True
    return any(last_name(c[2]) in ("match", "fullmatch", "endswith", "startswith") or "allowed" in last_name(c[2]) for c in function.calls)
