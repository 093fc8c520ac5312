"""What protects each route: the verdicts on everything that stands on the way to its handler, made one state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ostiary.model.route import Gate, Policy, Protection, PublicMark, Route, State
from ostiary.scan.code import security
from ostiary.scan.code.frameworks.connexion import Security
from ostiary.scan.code.frameworks.depends import dependencies_of, scopes_of
from ostiary.scan.code.gates import Gates, Judgement, RequestView
from ostiary.scan.code.guarding import Decision, Guarding
from ostiary.scan.code.ir import Function, last_name
from ostiary.scan.code.limits import Limits
from ostiary.scan.code.sites import AppCode, Guard, RouteCode
from ostiary.scan.code.values import Cls, Func, Value
from ostiary.scan.code.world import World
from ostiary.scan.records import altered

_NOTHING = "nothing on the way to the handler verifies a credential"


def protect(w: World, apps: list[AppCode]) -> None:
    """Fill in protection, public, limits and policy of every route of every application."""
    gates, limits, guarding = Gates(w), Limits(w), Guarding(w)
    for app in apps:
        app.guard = guarding.on(app.obj)
        app.limiter = limits.default_of(app)
        for code in app.routes:
            code.route = _judged(gates, code, limits, guarding.of(code))


def _judged(gates: Gates, code: RouteCode, limits: Limits, decided: Decision | None) -> Route:
    verdicts = list(_verdicts(gates, code))
    if decided is not None and decided.judgement is not None:
        verdicts.insert(0, decided.judgement)
    public = None
    if code.handler is not None and not any(v.verdict == "gate" for v in verdicts):
        # a handler behind a gate is not read: what it checks besides changes nothing about strangers
        request = _request(code)
        verdicts.append(gates.body(code.handler, request))
        public = security.public(code.guards) or gates.public_by_behaviour(code.handler, code.route.path, code.route.method)
    public = decided.public if decided is not None and decided.public is not None else public
    policy = _policy(gates, code, decided.policy if decided is not None else code.route.policy)
    protection = combine(verdicts, public, code.route.unresolved if code.handler is None else ())
    shown = public if protection.state is State.PUBLIC else None
    declared = decided.limits if decided is not None else ()
    return altered(code.route, protection=protection, public=shown, limits=(*limits.of(code), *declared), policy=policy)


def _request(code: RouteCode) -> RequestView:
    return RequestView(
        code.route.method, code.route.path, code.route.path, code.endpoint, code.blueprint, _marks(code.view or code.handler)
    )


def _marks(view: Func | Cls | None) -> Mapping[str, Value] | None:
    """The attributes of a view function; ``functools.wraps`` hands them on to what wraps it."""
    found: dict[str, Value] = {}
    if view is None:
        return None
    while isinstance(view, Func):
        if not all(isinstance(link.value, Func) for link in view.chain):
            return None
        found = {**view.attrs, **found}
        view = view.wraps if _hands_on(view.function) else None
    return found


def _hands_on(wrapper: Function) -> bool:
    calls = wrapper.parent.calls if isinstance(wrapper.parent, Function) else []
    return any(last_name(d) == "wraps" for d in wrapper.decorators) or any(last_name(c[2]) == "update_wrapper" for c in calls)


def _verdicts(gates: Gates, code: RouteCode) -> Iterator[Judgement]:
    request = _request(code)
    for guard in code.guards:
        verdict = _guard(gates, guard, code.handler, request)
        # a hook that reads a session for everybody is no demand of this route's
        yield (
            verdict if guard.kind not in ("hook", "middleware") or verdict.verdict != "extractor" else altered(verdict, verdict="optional")
        )
    if code.handler is not None:
        for value, _ in dependencies_of(gates.world, code.handler):
            yield gates.callable(value, "dependency", request)


def _guard(gates: Gates, guard: Guard, handler: Func | None, request: RequestView) -> Judgement:
    if isinstance(guard.value, Security):
        return security.judge(gates, guard.value)
    if guard.kind not in ("decorator", "base"):
        return gates.callable(guard.value, guard.kind, request)
    wrapped: Value | None = guard.wrapped
    if wrapped is None and handler is not None:
        wrapped = gates.world.call(guard.value, (handler,))
    return gates.decorator(guard.value, wrapped if wrapped is not None else guard.value, request)


def combine(verdicts: Iterable[Judgement], public: PublicMark | None, lost: tuple[str, ...]) -> Protection:
    """One state from many verdicts: a gate protects; what could not be followed leaves it unknown; then public on purpose; then open."""
    seen = list(verdicts)
    found = tuple(_unique(g for v in seen if v.verdict == "gate" for g in v.gates))
    extractors = tuple(_unique(g for v in seen if v.verdict == "extractor" for g in v.gates))
    if any(v.verdict == "gate" for v in seen):
        return Protection(State.PROTECTED, found, next((v.why for v in seen if v.verdict == "gate" and v.why), ""))
    unsure = [v for v in seen if v.verdict == "unknown"]
    if public is not None and (not unsure or public.by == "guard"):
        # what was decided and written down does not wait for what could not be followed
        return Protection(State.PUBLIC, (), public.reason)
    if unsure or lost:
        gates = tuple(_unique(g for v in unsure for g in v.gates))
        return Protection(State.UNKNOWN, gates, next((v.why for v in unsure if v.why), "; ".join(lost)))
    whys = [v.why for kind in ("extractor", "optional") for v in seen if v.verdict == kind and v.why]
    optional = tuple(_unique(g for v in seen if v.verdict == "optional" for g in v.gates))
    return Protection(State.OPEN, (), whys[0] if whys else _NOTHING, extractors, optional)


def _unique(gates: Iterable[Gate]) -> list[Gate]:
    return list(dict.fromkeys(gates))


def _policy(gates: Gates, code: RouteCode, declared: Policy) -> Policy:
    scopes = scopes_of(gates.world, code.handler) if code.handler is not None else ()
    return altered(declared, scopes=tuple(dict.fromkeys((*declared.scopes, *scopes)))) if scopes else declared
