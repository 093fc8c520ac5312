"""Is a callable an auth gate? Judged by what it does to a stranger, not by its name."""

from __future__ import annotations

import re
from typing import Any

from ostiary.model.route import Gate, PublicMark
from ostiary.scan.code import behaviour, entries, hints, settings, verdicts, wrappers
from ostiary.scan.code.by_library import by_name
from ostiary.scan.code.exempt import RequestView
from ostiary.scan.code.frames import Engine, Found, TooMuch
from ostiary.scan.code.frameworks.depends import class_sources, sources_of, unwrap
from ostiary.scan.code.ir import Function
from ostiary.scan.code.marks import NOTHING, Judgement, Key, bare, either, fingerprint, is_preprocessor, place, short_name
from ostiary.scan.code.things import UNKNOWN, End, Path
from ostiary.scan.code.values import (
    Cls,
    Either,
    Func,
    Obj,
    Unknown,
    Value,
)
from ostiary.scan.code.world import World
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered

_STEPS = 6000
_REMEMBERED = 20_000
# whoever logs out ends at the login page: that refuses nobody
_LEAVES = Pattern(r"(log|sign)_?(out|off)", re.IGNORECASE)


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
        """A dependency, hook, middleware or WSGI wrapper, or a ``dispatch_request`` that goes on to ``super()`` (kind dispatch); a decorator is
        judged as ``decorator`` does."""
        value = self.world.settle(unwrap(value)[0])
        if kind in ("decorator", "base"):
            return self.decorator(value, Unknown(), request)
        if isinstance(value, Either):
            return either([self.callable(option, kind, request) for option in value.options])
        return self._once(value, kind, request)

    def decorator(self, value: Value, wrapped: Value, request: RequestView | None = None) -> Judgement:
        """A decorator: the tree's own are applied to the handler and walked, a library's are known by name."""
        value = self.world.settle(value)
        if isinstance(value, Either):
            return either([self.decorator(option, wrapped, request) for option in value.options])
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
            found = (
                NOTHING
                if kind == "body"
                else self._named(value, kind, verdicts.Finding("unknown", "it has too many ways through to follow"))
            )
        except RecursionError:
            found = (
                NOTHING if kind == "body" else self._named(value, kind, verdicts.Finding("unknown", "it is nested too deeply to follow"))
            )
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
            entries.enter(self._blind(request), bare(value), "handler", whole=False)
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
            return by_name(self.world, value, kind)
        role = (
            "preprocessor"
            if kind == "hook" and is_preprocessor(value)
            else kind
            if kind in ("hook", "middleware", "dispatch")
            else "dependency"
        )
        return self._named(value, kind, _classified(engine, ends, role))

    def _ends(self, engine: Engine, value: Value, kind: str) -> list[End] | None:
        if kind == "middleware":
            return wrappers.middleware(engine, value)
        if kind == "hook":
            return wrappers.hook(engine, value)
        if kind == "dispatch":
            return entries.enter(engine, value, "dispatch") if isinstance(value, Func) else None
        if isinstance(value, (Func, Cls, Obj)):
            return entries.supplied(engine, value)
        return None

    def _judge_decorator(self, engine: Engine, value: Value, request: RequestView | None) -> Judgement:
        if not isinstance(value, (Func, Cls, Obj)):
            return by_name(self.world, value, "decorator")
        ends = wrappers.decorated(engine, value)
        if ends is None:
            return by_name(self.world, value, "decorator")
        return self._named(value, "decorator", _classified(engine, ends, "decorator"))

    def _judge_body(self, engine: Engine, value: Value, request: RequestView | None) -> Judgement:
        if not isinstance(value, Func):
            return NOTHING
        if any(
            self.callable(s.value, "dependency", request).verdict == "gate" for s in sources_of(self.world, value) if s.value is not None
        ):
            return NOTHING
        if not self.hints.global_request and not entries.carries(engine, value):
            return NOTHING
        if not self._refuses_strangers(value, request):
            return NOTHING
        engine.body = True
        ends = entries.enter(engine, bare(value), "handler", whole=False)
        finding = _classified(engine, ends, "handler")
        return self._named(value, "body", finding) if finding.verdict in ("gate", "unknown") else NOTHING

    def _named(self, value: Value, kind: str, finding: verdicts.Finding) -> Judgement:
        if finding.verdict == "none":
            return altered(NOTHING, by_request=finding.by_request)
        gates: tuple[Gate, ...] = (Gate("base" if kind == "dispatch" else kind, short_name(value), place(value)),)
        if kind == "dependency" and finding.verdict == "gate":
            gates = self._inner_gates(value) or gates
        return Judgement(finding.verdict, gates, finding.why, finding.by_request)

    def _inner_gates(self, value: Value) -> tuple[Gate, ...]:
        """The gates that a dependency itself depends on, after its own name when it refuses too."""
        sources = (
            sources_of(self.world, value) if isinstance(value, Func) else class_sources(self.world, value) if isinstance(value, Cls) else []
        )
        if isinstance(value, Obj) and isinstance(method := self.world.attribute(value, "__call__"), Func):
            sources = sources_of(self.world, method)
        inner = [self.callable(s.value, "dependency") for s in sources if s.value is not None]
        found = tuple(dict.fromkeys(g for j in inner if j.verdict == "gate" for g in j.gates))
        own = not isinstance(value, Func) or hints.raises(value.function)
        return (Gate("dependency", short_name(value), place(value)), *found) if found and own else found

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
            engine, why = self._engine(request), f"{short_name(value)} has too many ways through to follow"
            try:
                ends = entries.supplied(engine, value)
                # where ways were dropped, nobody knows that those left are all
                self._supplied[key] = [End(e.how, e.thing, e.path.label("unresolved", why)) for e in ends] if engine.lost else ends
            except (TooMuch, RecursionError):
                self._supplied[key] = [End("return", UNKNOWN, Path().label("unresolved", why))]
            finally:
                self._running.discard(key)
        return self._supplied[key]

    def worth(self, function: Function) -> bool:
        """Walking a function may matter."""
        return self.hints.worth(function)

    def may_stop(self, function: Function) -> bool:
        """It, or what it calls, may refuse."""
        return self.hints.may_stop(function)

    def only_method(self, name: str) -> Func | None:
        """The one method of the tree by a name."""
        return self.hints.only_method(name)

    def last_sign(self, function: Function) -> int:
        """Where the last sign of refusal stands in a function: past it, a stranger is through."""
        return self.hints.last_sign(function)

    def defaults(self) -> dict[str, tuple[Any]]:
        """Defaults of settings, read on first use."""
        if self._defaults is None:
            self._defaults = settings.defaults(self.world)
        return self._defaults


def _classified(engine: Engine, ends: list[End], role: str) -> verdicts.Finding:
    found = verdicts.classify(ends, role, engine.request is not None)
    if engine.lost and found.verdict == "gate":
        return verdicts.Finding("unknown", "it has too many ways through to follow", found.by_request)
    return found


__all__ = ["NOTHING", "Gates", "Judgement", "RequestView"]
