"""Is a callable an auth gate? Judged by what it does to a stranger, not by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ostiary.model.route import Gate, Location, PublicMark
from ostiary.scan.code import attributes, behaviour, calls, entries, hints, ir, libraries, statements, verdicts
from ostiary.scan.code.exempt import RequestView
from ostiary.scan.code.frames import Engine, Found, Frame, TooMuch
from ostiary.scan.code.frameworks.depends import class_sources, sources_of, unwrap
from ostiary.scan.code.ir import Function
from ostiary.scan.code.things import ONWARD, UNKNOWN, End, Path, Thing
from ostiary.scan.code.values import Cls, Const, Either, Ext, Func, Made, Map, Member, Native, Obj, Scope, Seq, Unknown, Value, members, name_of
from ostiary.scan.code.world import World

_STEPS = 6000
_REMEMBERED = 20_000
_ORDER = ("gate", "unknown", "extractor", "optional", "none")
Key = tuple[Any, ...]
# whoever logs out ends at the login page: that refuses nobody
_LEAVES = re.compile(r"(log|sign)_?(out|off)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``verdict``: gate, extractor, optional, none or unknown; ``by_request``: depends on path, endpoint or method, judge again with one."""

    verdict: str
    gates: tuple[Gate, ...] = ()
    why: str = ""
    by_request: bool = False


NOTHING = Judgement("none")


class Gates:
    """Judges callables; each one once, again for a request only where the verdict depends on it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hints = hints.Hints(world)
        self._judged: dict[Key, Judgement] = {}
        self._supplied: dict[Key, list[End]] = {}
        self._keys: dict[tuple[str, int], Key] = {}
        self._running: set[Key] = set()
        self._kept: list[Any] = []
        self._defaults: dict[str, tuple[Any]] | None = None
        self._shared, self._blinded = Engine(world, self), Engine(world, self)

    def callable(self, value: Value, kind: str, request: RequestView | None = None) -> Judgement:
        """A dependency, hook, middleware or WSGI wrapper; a decorator is judged as ``decorator`` does."""
        value = self.world.settle(unwrap(value)[0])
        if kind in ("decorator", "base"):
            return self.decorator(value, Unknown(), request)
        if isinstance(value, Either):
            return _either([self.callable(option, kind, request) for option in value.options])
        return self._once(value, kind, request)

    def decorator(self, value: Value, wrapped: Value, request: RequestView | None = None) -> Judgement:
        """A decorator: the tree's own are applied to the handler and walked, a library's are known by name."""
        value = self.world.settle(value)
        if isinstance(value, Either):
            return _either([self.decorator(option, wrapped, request) for option in value.options])
        return self._once(value, "decorator", request)

    def body(self, handler: Func, request: RequestView | None = None) -> Judgement:
        """The check written inside a handler. A login handler's own 401 judges a password that was just sent: no gate."""
        if not self.hints.may_refuse(handler.function) or _LEAVES.search(handler.function.name):
            return NOTHING
        if request is not None and behaviour.starts_session(self.hints, handler, request.path, request.method):
            return NOTHING
        return self._once(handler, "body", request)

    def public_by_behaviour(self, handler: Func, path: str, method: str) -> PublicMark | None:
        """Public on purpose, by what the handler does first."""
        return behaviour.public(self.world, self.hints, handler, path, method)

    def _once(self, value: Value, kind: str, request: RequestView | None) -> Judgement:
        key = self._keys.get((kind, id(value)))
        if key is None:
            key = self._keys[(kind, id(value))] = (kind, *fingerprint(value))
            self._kept.append(value)
        found = self._remembered(key, value, kind, None)
        if not found.by_request or request is None:
            return found
        view = (request.method, request.path, request.endpoint, request.blueprint)
        return self._remembered((*key, view), value, kind, request)

    def _remembered(self, key: Key, value: Value, kind: str, request: RequestView | None) -> Judgement:
        known = self._judged.get(key)
        if known is not None:
            return known
        if key in self._running:
            return NOTHING
        self._running.add(key)
        self._kept.append(value)
        try:
            found = self._judge(value, kind, request)
        except TooMuch:
            found = NOTHING if kind == "body" else self._named(value, kind, verdicts.Finding("unknown", "it has too many ways through to follow"))
        except RecursionError:
            found = NOTHING if kind == "body" else self._named(value, kind, verdicts.Finding("unknown", "it is nested too deeply to follow"))
        finally:
            self._running.discard(key)
        self._judged[key] = found
        return found

    def _engine(self, request: RequestView | None) -> Engine:
        """A fresh budget; what was learned of functions is shared between judgements that know nothing of a request."""
        shared = self._shared
        if len(shared.common) > _REMEMBERED:
            shared.forget()
            self._blinded.forget()
        return shared.fresh(request, _STEPS)

    def _blind(self, request: RequestView | None) -> Engine:
        """First look at a handler: is there anything that refuses a stranger at all? Without noting settings, ways are few."""
        engine = self._blinded.fresh(request, _STEPS)
        engine.blind = engine.body = True
        engine.wanted = verdicts.is_evidence
        return engine

    def _refuses_strangers(self, value: Func, request: RequestView | None) -> bool:
        try:
            entries.enter(self._blind(request), replace_chain(value), "handler", whole=False)
        except Found:
            return True
        return False

    def _judge(self, value: Value, kind: str, request: RequestView | None) -> Judgement:
        engine = self._engine(request)
        if isinstance(value, Unknown):
            return Judgement("unknown", (), value.why or "what stands here could not be followed")
        if kind == "body":
            return self._judge_body(engine, value, request)
        if kind == "decorator":
            return self._judge_decorator(engine, value, request)
        ends = self._ends(engine, value, kind)
        if ends is None:
            return self._by_name(value, kind)
        role = "preprocessor" if kind == "hook" and _is_preprocessor(value) else kind if kind in ("hook", "middleware") else "dependency"
        return self._named(value, kind, _classified(engine, ends, role))

    def _ends(self, engine: Engine, value: Value, kind: str) -> list[End] | None:
        if kind == "middleware":
            return self._middleware(engine, value)
        if kind == "hook":
            return self._hook(engine, value)
        if isinstance(value, (Func, Cls)) or isinstance(value, Obj):
            return entries.supplied(engine, value)
        return None

    def _hook(self, engine: Engine, value: Value) -> list[End] | None:
        if isinstance(value, Func):
            return entries.enter(engine, value, "preprocessor" if _is_preprocessor(value) else "hook")
        method = self.world.attribute(value, "__call__") if isinstance(value, Obj) else None
        return entries.enter(engine, method, "hook") if isinstance(method, Func) else None

    def _middleware(self, engine: Engine, value: Value) -> list[End] | None:
        if isinstance(value, Made) and isinstance(value.callee, (Cls, Ext)):
            return self._made_middleware(engine, value)
        if isinstance(value, Func):
            return entries.enter(engine, value, "middleware")
        this = self.world.instance(value) if isinstance(value, Cls) else value
        if not isinstance(this, Obj):
            return None
        for name in ("dispatch", "__call__"):
            method = self.world.attribute(this, name)
            if isinstance(method, Func):
                return entries.enter(engine, method, "middleware")
        return None

    def _made_middleware(self, engine: Engine, value: Made) -> list[End] | None:
        """``add_middleware(Class, option=…)``: an instance with its options; ``BaseHTTPMiddleware`` with a ``dispatch``."""
        dispatch, backend = value.kwargs.get("dispatch"), value.kwargs.get("backend")
        if isinstance(dispatch, Func):
            return entries.enter(engine, dispatch, "middleware")
        if isinstance(value.callee, Cls):
            return self._middleware(engine, self.world.call(value.callee, (Unknown(), *value.args), value.kwargs))
        method = self.world.attribute(backend, "authenticate") if isinstance(backend, Obj) else None
        return entries.enter(engine, method, "dependency") if isinstance(method, Func) else None

    def _judge_decorator(self, engine: Engine, value: Value, request: RequestView | None) -> Judgement:
        if not isinstance(value, (Func, Cls, Obj)):
            return self._by_name(value, "decorator")
        ends = self._decorated(engine, value)
        if ends is None:
            return self._by_name(value, "decorator")
        return self._named(value, "decorator", _classified(engine, ends, "decorator"))

    def _decorated(self, engine: Engine, value: Value) -> list[End] | None:
        """The ways through what a decorator makes of the handler, None when that is not seen."""
        holder = Func(_NOWHERE, Scope(_NOWHERE.module, None))
        frame = Frame(engine, holder, "decorator", depth=-1)
        given = calls.apply(frame, ("call", 0, ("name", 0, "decorator"), (), ()), Thing("value", "", value), Path(), [ONWARD], {})
        ends = [*frame.ends, *(End("raise", error, path) for path, error in frame.raised)]
        for path, thing in given:
            inner = self._wrapper(engine, thing)
            if inner is None:
                return None
            ends += [End(e.how, e.thing, after) for e in inner if (after := path.graft(e.path)) is not None]
        return ends

    def _wrapper(self, engine: Engine, thing: Thing) -> list[End] | None:
        if thing.kind == "onward":
            return [End("onward", UNKNOWN, Path())]
        if thing.kind == "gated":
            return [End("raise", Thing("answer", "", 401), Path(tested=("identity",)))]
        if thing.kind == "closure":
            return entries.enter(engine, thing.value[0], "decorator", dict(thing.value[1]))
        if thing.kind == "value" and isinstance(thing.value, Obj):
            method = self.world.attribute(thing.value, "__call__")
            return entries.enter(engine, method, "decorator") if isinstance(method, Func) else None
        if thing.kind == "value" and isinstance(thing.value, Func):
            return entries.enter(engine, thing.value, "decorator")
        return None

    def _judge_body(self, engine: Engine, value: Value, request: RequestView | None) -> Judgement:
        if not isinstance(value, Func):
            return NOTHING
        if any(self.callable(s.value, "dependency", request).verdict == "gate" for s in sources_of(self.world, value) if s.value is not None):
            return NOTHING
        if not self.hints.global_request and not entries.carries(engine, value):
            return NOTHING
        if not self._refuses_strangers(value, request):
            return NOTHING
        engine.body = True
        ends = entries.enter(engine, replace_chain(value), "handler", whole=False)
        finding = _classified(engine, ends, "handler")
        return self._named(value, "body", finding) if finding.verdict in ("gate", "unknown") else NOTHING

    def _named(self, value: Value, kind: str, finding: verdicts.Finding) -> Judgement:
        if finding.verdict == "none":
            return replace(NOTHING, by_request=finding.by_request)
        gates = (Gate(kind, _short(value), place(value)),)
        if kind == "dependency" and finding.verdict == "gate":
            gates = self._inner_gates(value) or gates
        return Judgement(finding.verdict, gates, finding.why, finding.by_request)

    def _inner_gates(self, value: Value) -> tuple[Gate, ...]:
        """The gates that a dependency itself depends on, after its own name when it refuses too."""
        sources = sources_of(self.world, value) if isinstance(value, Func) else class_sources(self.world, value) if isinstance(value, Cls) else []
        if isinstance(value, Obj) and isinstance(method := self.world.attribute(value, "__call__"), Func):
            sources = sources_of(self.world, method)
        inner = [self.callable(s.value, "dependency") for s in sources if s.value is not None]
        found = tuple(dict.fromkeys(g for j in inner if j.verdict == "gate" for g in j.gates))
        own = not isinstance(value, Func) or hints.raises(value.function)
        return (Gate("dependency", _short(value), place(value)), *found) if found and own else found

    def _by_name(self, value: Value, kind: str) -> Judgement:
        """What a library's callable does, by the tables."""
        name = libraries.plain(attributes.library_name(self.world, value))
        verdict = libraries.verdict(name)
        gate = Gate("library" if kind != "dependency" else kind, name.rpartition(".")[2] if verdict != "http_auth" else name, place(value))
        relaxed = isinstance(value, (Made, Obj)) and libraries.relaxed(value.kwargs)  # type: ignore[arg-type]
        if verdict == "gate" and name.startswith("flask_login.") and self._login_disabled():
            return Judgement("unknown", (Gate(kind, _library_name(value), place(value)),), "depends on configuration LOGIN_DISABLED")
        if verdict == "gate":
            gate = Gate(kind, _library_name(value), place(value))
            return Judgement("optional" if relaxed else "gate", (gate,), "it lets callers without a credential through" if relaxed else "")
        if verdict == "optional" or (verdict == "scheme" and relaxed):
            return Judgement("optional", (gate,), "a caller without a credential is let through")
        if verdict == "scheme":
            return Judgement("extractor", (gate,), f"{_library_name(value)} reads a credential and verifies nothing: junk passes")
        http = self._http_auth(value, name, kind)
        if http is not None:
            return http
        if verdict == "unknown" and not isinstance(value, (Native, Const)) and kind != "middleware":
            return Judgement("unknown", (Gate(kind, _library_name(value), place(value)),), f"{_library_name(value)} comes from a library and could not be read")
        return NOTHING

    def _login_disabled(self) -> bool:
        """Flask-Login's own switch is set to something that is not plainly off."""
        given = [v for o in self.world.objects if (v := o.wiring.config.get("LOGIN_DISABLED")) is not None]
        return any(not (isinstance(v, Const) and not v.value) for v in given)

    def _http_auth(self, value: Value, name: str, kind: str) -> Judgement | None:
        """Flask-HTTPAuth and what takes its objects: a gate when a callback that verifies is registered on the very object."""
        holder = _auth_object(self.world, value)
        if holder is None:
            return None
        gate = Gate(kind, f"{name_of(holder).rpartition('.')[2]}.login_required", place(value))
        if isinstance(value, Made) and libraries.relaxed({"optional": value.kwargs.get("optional")}):
            return Judgement("optional", (gate,), "optional=True lets callers without a credential through")
        if _verifies(self.world, holder):
            return Judgement("gate", (gate,))
        return Judgement("extractor", (gate,), "no callback verifies the credential")

    # what a walk asks

    def decorates(self, value: Value, result: Value, request: RequestView | None) -> str:
        """The verdict on a decorator met on the way."""
        return self.decorator(value, result, request).verdict

    def supplied(self, value: Value, request: RequestView | None) -> list[End]:
        """How a dependency ends for a stranger; remembered."""
        value = self.world.settle(unwrap(value)[0])
        view = (request.method, request.path, request.endpoint) if request is not None else None
        key = ("supplied", view, *fingerprint(value))
        if key in self._running:
            return [End("return", UNKNOWN, Path())]
        if key not in self._supplied:
            self._running.add(key)
            self._kept.append(value)
            try:
                self._supplied[key] = entries.supplied(self._engine(request), value)
            except (TooMuch, RecursionError):
                lost = frozenset({("unresolved", f"{_short(value)} has too many ways through to follow")})
                self._supplied[key] = [End("return", UNKNOWN, Path(labels=lost))]
            finally:
                self._running.discard(key)
        return self._supplied[key]

    def worth(self, function: Function) -> bool:
        """Walking a function may matter."""
        return self.hints.worth(function)

    def may_refuse(self, function: Function) -> bool:
        """It, or what it calls, has a sign of refusal."""
        return self.hints.may_refuse(function, 1)

    def last_sign(self, function: Function) -> int:
        """Where the last sign of refusal stands in a function: past it, a stranger is through."""
        return self.hints.last_sign(function)

    def defaults(self) -> dict[str, tuple[Any]]:
        """Defaults of settings, read on first use."""
        if self._defaults is None:
            self._defaults = attributes.defaults(self.world)
        return self._defaults


_NOWHERE = Function("<applied>", "<applied>", 0, 0, (), (), (), None, False, "", ir.Module("", "", False, ""), None)


def _classified(engine: Engine, ends: list[End], role: str) -> verdicts.Finding:
    found = verdicts.classify(ends, role, engine.request is not None)
    if engine.lost and found.verdict == "gate":
        return verdicts.Finding("unknown", "it has too many ways through to follow", found.by_request)
    return found


def replace_chain(func: Func) -> Func:
    """The handler itself, without what wraps it."""
    return Func(func.function, func.scope, func.bound, None, (), func.attrs, func.partial)


def fingerprint(value: Value, depth: int = 0) -> Key:
    """What a value is for judging: a function with the constants it closes over, an object by identity."""
    if isinstance(value, Func):
        return ("func", id(value.function), id(value.bound), *_closure(value.scope, depth), *(fingerprint(link.value, depth + 1) for link in value.chain[:4]))
    if isinstance(value, Cls):
        return ("cls", id(value.cls))
    if isinstance(value, Ext):
        return ("ext", value.name)
    if isinstance(value, Const):
        return ("const", repr(value.value))
    if isinstance(value, (Seq, Map)) and depth < 3:
        return ("items", *(fingerprint(item, depth + 1) for item in members(value)[:20]))
    if isinstance(value, Unknown):
        return ("unknown", value.why)
    return ("id", id(value))


def _closure(scope: Scope, depth: int) -> Key:
    out: list[Key] = []
    at: Scope | None = scope
    while at is not None and depth < 3:
        if isinstance(at.owner, Function):
            out += [(name, *fingerprint(value, depth + 1)) for name, value in sorted(at.names.items()) if not isinstance(value, Func) or value.function.parent is not at.owner]
        at = at.parent
    return tuple(out)


def place(value: Value) -> Location | None:
    """Where a callable is defined, or made."""
    if isinstance(value, Func):
        return Location(value.function.module.path, value.function.line, ir.column_of(value.function.at))
    if isinstance(value, Cls):
        return Location(value.cls.module.path, ir.line_of(value.cls.at), ir.column_of(value.cls.at))
    if isinstance(value, Obj) and value.cls is not None:
        return place(value.cls)
    if isinstance(value, Made) and value.module.path:
        return Location(value.module.path, ir.line_of(value.at), ir.column_of(value.at))
    return place(value.base) if isinstance(value, Member) else None


def _short(value: Value) -> str:
    if isinstance(value, Func):
        return value.function.qualname.replace("<locals>.", "") if value.function.name != "__call__" else value.function.qualname.rpartition(".")[0]
    return name_of(value).rpartition(".")[2] or "?"


def _library_name(value: Value) -> str:
    return libraries.plain(name_of(value)) or "?"


def _is_preprocessor(value: Value) -> bool:
    """``url_value_preprocessor(endpoint, values)``: what it returns is ignored."""
    if not isinstance(value, Func):
        return False
    params = [p for p in value.function.params if p.kind == "arg"]
    return len(params) - (1 if value.bound is not None else 0) == 2


def _either(found: list[Judgement]) -> Judgement:
    """One of several: only as good as the weakest."""
    verdicts_seen = {j.verdict for j in found}
    if len(verdicts_seen) == 1:
        return found[0]
    if "gate" in verdicts_seen:
        gates = tuple(dict.fromkeys(g for j in found for g in j.gates))
        return Judgement("unknown", gates, "which of several definitions is in force depends on configuration", any(j.by_request for j in found))
    return min(found, key=lambda j: _ORDER.index(j.verdict))


def _auth_object(world: World, value: Value) -> Made | Obj | None:
    """The HTTPBasicAuth… in ``auth.login_required``, ``auth.login_required(role=…)``, ``authenticate(auth)``, ``app.auth_required(auth)``."""
    callee = value.callee if isinstance(value, Made) else value
    if isinstance(value, Made) and isinstance(callee, (Ext, Member)) and libraries.verdict(libraries.plain(name_of(callee))) == "takes_auth":
        first = value.args[0] if value.args else value.kwargs.get("auth")
        return first if isinstance(first, (Made, Obj)) and _is_http_auth(world, first) else None
    if isinstance(callee, Member) and callee.name == "login_required" and isinstance(callee.base, (Made, Obj)):
        return callee.base if _is_http_auth(world, callee.base) else None
    return None


def _is_http_auth(world: World, value: Made | Obj) -> bool:
    names = [name_of(link) for link in world.bases(value)] if isinstance(value, Obj) else [name_of(value)]
    return any(libraries.HTTP_AUTH.search(libraries.plain(name)) for name in names)


def _verifies(world: World, value: Made | Obj, depth: int = 0) -> bool:
    if any(name in value.attrs for name in libraries.CALLBACKS):
        return True
    inner = [v for v in (*value.args, *value.kwargs.values()) if isinstance(v, (Made, Obj))]
    return depth < 3 and any(_verifies(world, v, depth + 1) for v in inner if _is_http_auth(world, v))


__all__ = ["Gates", "Judgement", "RequestView", "statements"]
