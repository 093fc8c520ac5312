"""A rate limit that is written down and does not hold."""

from __future__ import annotations

from pathlib import PurePosixPath

from ostiary.model.finding import Confidence, Evidence, Finding
from ostiary.model.route import Location
from ostiary.scan.code.ir import Expr, Function, last_name
from ostiary.scan.code.limit_home import answers
from ostiary.scan.code.limit_libraries import Libraries
from ostiary.scan.code.sites import AppCode, Call, Site
from ostiary.scan.code.values import Const, Value, name_of
from ostiary.scan.code.world import World
from ostiary.scan.records import altered
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._callers import callers, calls_of
from ostiary.scan.rules._forwarded import Forwarded, header_of, reads_of
from ostiary.scan.rules._workers import workers

rule = Rule("ineffective-rate-limit")

_FLASK, _SLOWAPI = "flask_limiter.", "slowapi."
_MIDDLEWARE = ("SlowAPIMiddleware", "SlowAPIASGIMiddleware")
_LIMITING = ("limit", "shared_limit", "hit", "test", "check", "_check_request_limit", "acquire")
_ORDER = 'Put the limit below the route decorator:\n@app.post("/login")\n@limiter.limit("5/minute")'
_ADDRESS = "Count by the address of the connection, and let the server correct it behind your own proxy:\nget_remote_address"
_IDENTIFIER = "Say whom to count:\nasync def caller(request: Request) -> str:\n    return request.client.host"
_STORAGE = 'Keep the counters where all workers see them:\nLimiter(get_remote_address, storage_uri=os.environ["RATE_LIMIT_STORAGE"])'
_APPLY = "Install what applies it:\napp.state.limiter = limiter\napp.add_middleware(SlowAPIMiddleware)"


@rule.on_app
def misplaced(app: AppCode) -> Found:
    """``@limiter.limit`` above the route decorator: the route was registered without it."""
    libraries = Libraries(app.world)
    seen: set[Location] = set()
    for code in app.routes:
        for mark in libraries.above(code):
            at = mark.limit.at if mark.limit is not None else None
            if at is None or at in seen:
                continue
            seen.add(at)
            message = f"the limit stands above the route decorator, so {code.route.method} {code.route.path} was registered without it"
            yield altered(rule.finding(message, code, fix=_ORDER), at=at)


@rule.on_call("Limiter")
def limiter(call: Call) -> Found:
    """A limiter of Flask-Limiter or slowapi: whom it counts, where it counts, whether anything applies it."""
    if call.name not in (f"{library}{name}" for library in (_FLASK, _SLOWAPI) for name in ("Limiter", "extension.Limiter")):
        return
    if _is_off(call):
        return
    yield from _key(call, call.arg(None, "key_func") or call.arg(0))
    yield from _counters(call)
    yield from _unapplied(call) if call.name.startswith(_SLOWAPI) else _unbound(call)


def is_idle(app: AppCode) -> bool:
    """Beside the application a limiter is set up that nothing applies: ``limiter`` says so where it stands."""
    calls = (Call(app.world, function.module, function, expr[1], expr) for function, expr in calls_of(app.world, "Limiter"))
    made = [call for call in calls if call.name.startswith((_FLASK, _SLOWAPI)) and _is_beside(app, call) and not _is_off(call)]
    return any(True for call in made for _ in (_unapplied(call) if call.name.startswith(_SLOWAPI) else _unbound(call)))


def _is_beside(app: AppCode, call: Call) -> bool:
    """One's folder is the other's, or lies in it: a tree may hold several services."""
    if app.location is None:
        return True
    here, there = PurePosixPath(app.location.file).parent, PurePosixPath(call.module.path).parent
    return here == there or here in there.parents or there in here.parents


@rule.on_call("limit", "shared_limit")
def own_key(call: Call) -> Found:
    """``limiter.limit("5/minute", key_func=…)``."""
    key = call.arg(None, "key_func")
    if key is not None and call.name.startswith((_FLASK, _SLOWAPI)):
        yield from _key(call, key)


@rule.on_call("init", "RateLimiter")
def identifier(call: Call) -> Found:
    """fastapi-limiter takes the first address of ``X-Forwarded-For`` unless it is told whom to count: in ``init`` up to 0.1, in each limit since 0.2."""
    in_init = call.name == "fastapi_limiter.FastAPILimiter.init"
    if not in_init and not (call.name == "fastapi_limiter.depends.RateLimiter" and call.arg(None, "limiter") is not None):
        return
    given = call.arg(None, "identifier")
    if given is not None:
        yield from _key(call, given)
        return
    message = "callers are counted by the first address of X-Forwarded-For, which they may write themselves"
    yield rule.finding(message, call, Confidence.MEDIUM, fix=_IDENTIFIER)


@rule.on_call("get")
def home_made(call: Call) -> Found:
    """A function that answers 429, or one that it calls, takes the caller's address from a header."""
    if header_of(call.expr) in (None, "user-agent"):
        return
    function = call.function
    if not any(answers(f) for f in (function, *(caller for caller, _ in callers(call.world, function)))):
        return
    for found in reads_of(call.world, call.world.func(function)):
        if found.expr is call.expr:
            yield _spoofed(call.world, found, Confidence.MEDIUM)


def _is_off(call: Call) -> bool:
    enabled = call.arg(None, "enabled")
    return enabled is not None and call.value(enabled) == Const(False)


def _key(call: Call, key: Expr | None) -> Found:
    if key is None:
        return
    value = call.value(key)
    if name_of(value).endswith("util.get_ipaddr"):
        yield rule.finding("get_ipaddr takes the address from X-Forwarded-For, which callers may write themselves", call, fix=_ADDRESS)
    for found in reads_of(call.world, value):
        yield _spoofed(call.world, found, Confidence.HIGH if found.sure else Confidence.MEDIUM)


def _spoofed(world: World, found: Forwarded, confidence: Confidence) -> Finding:
    header = "-".join(part.capitalize() for part in found.header.removeprefix("http-").split("-"))
    place = Site(world, found.function.module, found.function, found.expr[1])
    return rule.finding(f"callers are counted by {header}, which they may write themselves", place, confidence, fix=_ADDRESS)


def _counters(call: Call) -> Found:
    """Each worker process counts for itself while the counters are kept in memory."""
    storage = call.arg(None, "storage_uri") or call.arg(None, "storage_uris")
    if storage is not None and not _is_memory(call.value(storage)):
        return
    found = workers(call.world)
    if found is None or (storage is None and _configured(call.world)):
        return
    message = "the counters are kept in memory, and each of several workers has its own"
    evidence = [Evidence("note", "several workers are started here", found.at)]
    yield rule.finding(message, call, Confidence.HIGH if found.sure else Confidence.MEDIUM, evidence=evidence, fix=_STORAGE)


def _is_memory(value: Value) -> bool:
    return type(value) is Const and isinstance(value.value, str) and value.value.startswith(("memory://", "async+memory://"))


def _configured(world: World) -> bool:
    """The configuration names a storage, wherever that is: ``RATELIMIT_STORAGE_URI``, ``RATELIMIT_STORAGE_URL``."""
    return any(b"RATELIMIT_STORAGE_UR" in file.source for file in world.index.finder.files.values())


def _unapplied(call: Call) -> Found:
    """slowapi limits what has its decorator, and applies defaults through its middleware only."""
    if _mentions(call.world, _MIDDLEWARE):
        return
    if call.arg(None, "default_limits") is not None or call.arg(None, "application_limits") is not None:
        message = "the limits for all routes are applied by SlowAPIMiddleware, and it is not installed"
        yield rule.finding(message, call, fix=_APPLY)
    elif not _is_used(call.world, _SLOWAPI):
        message = "the limiter is set up, and neither a decorator nor SlowAPIMiddleware applies it"
        yield rule.finding(message, call, Confidence.HIGH, fix=_APPLY)


def _unbound(call: Call) -> Found:
    """Flask-Limiter limits nothing until an application is given to it."""
    if call.arg(None, "app") is not None or len(call.expr[3]) > 1 or _first_is_app(call):
        return
    if any(_may_bind(call.world, function, other) for function, other in calls_of(call.world, "init_app")):
        return
    message = "the limiter is never given an application: nothing calls its init_app"
    yield rule.finding(message, call, Confidence.HIGH, fix="Bind it:\nlimiter.init_app(app)")


def _first_is_app(call: Call) -> bool:
    """``Limiter(app, …)`` of Flask-Limiter before version 3."""
    return bool(call.expr[3]) and last_name(call.expr[3][0]) in ("app", "application", "current_app")


def _may_bind(world: World, function: Function, call: Expr) -> bool:
    """``limiter.init_app(app)``, and ``extension.init_app(app)`` of something that could not be followed."""
    name = name_of(world.value(call[2], world.inside(function)))
    return not name or name.startswith(_FLASK) or "limiter" in last_name(call[2][2] if call[2][0] == "attr" else call[2]).lower()


def _mentions(world: World, names: tuple[str, ...]) -> bool:
    """A call is given one of these names, or makes it."""
    return any(calls_of(world, name) for name in names) or any(
        last_name(arg) in names
        for maker in ("add_middleware", "Middleware", "init_app")
        for _, call in calls_of(world, maker)
        for arg in (*call[3], *(value for _, value in call[4]))
    )


def _is_used(world: World, library: str) -> bool:
    for name in _LIMITING:
        for function, call in calls_of(world, name):
            said = name_of(world.value(call[2], world.inside(function)))
            if said.startswith(library) or (not said and "limiter" in _base(call)):
                return True
    return False


def _base(call: Expr) -> str:
    return last_name(call[2][2]).lower() if call[2][0] == "attr" else ""
