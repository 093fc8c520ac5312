"""What leaves a trace: a log line, a record, an event, a counter of failures; in a function or in what it calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from ostiary.scan.code.hints import Hints
from ostiary.scan.code.ir import Expr, Function, last_name, walk
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import Cls, Const, Func, Hook, Made, Member, Obj, Value, name_of
from ostiary.scan.code.world import World
from ostiary.scan.rules._words import listed, words

_DEPTH = 2
_LEVELS = listed("info warning warn error exception critical log msg notice fatal success")
_LOGS = listed("log logs logger logging structlog loguru")
_RECORDS = listed(
    "audit auditlog record records event events track tracker activity history attempt attempts fail failed failure failures failcount notify"
    " notification emit publish capture report telemetry journal metric metrics counter signal incident alert syslog sentry logger logging"
)
_LEAVES = listed("in out on")
_REFUSALS = listed("Unauthorized Forbidden HTTPException")

_HINTS: WeakKeyDictionary[Any, Hints] = WeakKeyDictionary()


def hints(world: World) -> Hints:
    """One of them a scan."""
    found = _HINTS.get(world)
    if found is None:
        found = _HINTS[world] = Hints(world)
    return found


def leaves_trace(world: World, functions: Iterable[Function]) -> bool:
    """One of them, or what they call two deep, writes something down. By bare names: rather too often than too rarely."""
    known: set[Function] = set()
    going = list(functions)
    for _ in range(_DEPTH + 1):
        going = [f for f in (*going, *inside(going)) if f not in known]
        known.update(going)
        if any(_traces(f) for f in going):
            return True
        going = [called for f in going for called in hints(world).called(f)]
    return False


def inside(functions: Iterable[Function]) -> list[Function]:
    """The functions that stand in them: the wrapper that a decorator returns."""
    parents = {f: f.module for f in functions}
    return [f for module in set(parents.values()) for f in module.functions if f.parent in parents]


def _traces(function: Function) -> bool:
    if any(_is_record(last_name(d)) for d in function.decorators):
        return True
    return any(_is_trace(call) for call in function.calls) or any(_counts(node) for node in walk(function.body))


def _is_trace(call: Expr) -> bool:
    callee, name = call[2], last_name(call[2])
    if name == "print" or _is_record(name):
        return True
    if callee[0] != "attr":
        return False
    receiver = set(words(last_name(callee[2])))
    return bool(receiver & _LOGS and name in _LEVELS) or bool(receiver & _RECORDS and name not in ("get", "query"))


def _is_record(name: str) -> bool:
    """``audit``, ``record_login``, ``LoginAttempt``, ``log_event``; not ``log_in``."""
    parts = words(name)
    if _RECORDS & set(parts):
        return True
    return any(part in ("log", "logs") and (parts[i + 1 : i + 2] or ("",))[0] not in _LEAVES for i, part in enumerate(parts))


def _counts(node: Expr) -> bool:
    """``user.failed_logins += 1``, ``attempts[name] = …``."""
    targets = node[2] if node[0] == "assign" else (node[2],) if node[0] == "aug" else ()
    return any(target[0] in ("attr", "sub") and _is_record(_stored(target)) for target in targets)


def _stored(target: Expr) -> str:
    return str(target[3]) if target[0] == "attr" else last_name(target[2])


def on_the_way(code: RouteCode) -> Iterator[Function]:
    """What runs before the handler: dependencies, decorators, middleware."""
    for guard in code.guards:
        yield from _bodies(guard.value)
    function = code.handler.function if code.handler is not None else None
    for param in function.params if function is not None else ():
        for node in walk((param.default, param.annotation)):
            if node[0] == "call" and last_name(node[2]) in ("Depends", "Security") and node[3]:
                yield from hints(code.world).by_name.get(last_name(node[3][0]), ())


def seen_by_all(app: AppCode) -> Iterator[Function]:
    """Hooks, middleware and handlers of refusals, of the application and of what hangs on it: they see every 401 and 403."""
    for obj in app.world.objects:
        for hook in obj.wiring.hooks:
            if hook.kind != "errorhandler" or _handles_refusals(app.world, hook, obj):
                yield from _bodies(app.world.settle(hook.value))


def _handles_refusals(world: World, hook: Hook, obj: Obj) -> bool:
    """FastAPI's handler for Exception is not asked about an HTTPException; Flask's is."""
    kind = hook.options.get("type")
    if isinstance(kind, Const):
        return kind.value in (401, 403)
    name = name_of(kind).rpartition(".")[2]
    return name in _REFUSALS or name in hints(world).errors or (name == "Exception" and obj.kind.startswith("flask"))


def _bodies(value: Value | None, depth: int = 3) -> list[Function]:
    if isinstance(value, Func):
        return [value.function]
    cls = value.cls if isinstance(value, Obj) else value
    own = [s[2] for s in cls.cls.body if s[0] == "def"] if isinstance(cls, Cls) else []
    if isinstance(value, Member):
        own += _bodies(value.base, depth - 1) if depth else []
    given = [*value.args, *value.kwargs.values()] if isinstance(value, (Made, Obj)) else []
    return own + [f for v in given if depth for f in _bodies(v, depth - 1)]
