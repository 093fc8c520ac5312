"""Which routes lead to a function, by the names that functions call: cheap, and rather too many than too few."""

from __future__ import annotations

from collections.abc import Iterable

from ostiary.model.finding import Exposure
from ostiary.model.route import Location, State
from ostiary.scan.code import ir
from ostiary.scan.code.ir import Function, Module
from ostiary.scan.code.sites import AppCode, RouteCode
from ostiary.scan.code.values import Cls, Func, Made, Obj, Seq, Value
from ostiary.scan.code.world import World

_ORDER = (Exposure.UNREACHED, Exposure.PRIVILEGED, Exposure.AUTHENTICATED, Exposure.ANONYMOUS)
_PRIVILEGED = ("admin", "superuser", "staff", "root", "owner_only")


def exposure_of(code: RouteCode) -> Exposure:
    """Who can call a route."""
    protection = code.route.protection
    if protection.state is not State.PROTECTED:
        return Exposure.ANONYMOUS
    names = " ".join(gate.name.lower() for gate in protection.by)
    return Exposure.PRIVILEGED if any(word in names for word in _PRIVILEGED) else Exposure.AUTHENTICATED


class Reach:
    """Answers who can reach a place; built once per scan, on first use."""

    def __init__(self, w: World, apps: list[AppCode]) -> None:
        self.world = w
        self.apps = apps
        self.by_name: dict[str, list[Function]] = {}
        for module in w.modules.values():
            for function in module.functions:
                self.by_name.setdefault(function.name, []).append(function)
            for cls in module.classes:
                for statement in cls.body:
                    if statement[0] == "def" and statement[2].name in ("__init__", "__call__", "__post_init__"):
                        self.by_name.setdefault(cls.name, []).append(statement[2])
        self.inner: dict[Function, list[Function]] = {}
        for function in (f for m in w.modules.values() for f in m.functions if isinstance(f.parent, Function)):
            self.inner.setdefault(function.parent, []).append(function)  # type: ignore[arg-type]
        self._owners: dict[str, dict[int, Function]] = {}
        self.exposures: dict[Function, Exposure] = {}
        for exposure in _ORDER[:0:-1]:
            self._spread(self._starts(exposure), exposure)

    def at(self, place: Location) -> Exposure:
        """Who can reach a line: code at module and class level is everybody's, it runs at the start."""
        function = self._enclosing(place)
        return Exposure.ANONYMOUS if function is None else self.exposures.get(function, Exposure.UNREACHED)

    def _enclosing(self, place: Location) -> Function | None:
        if place.file not in self._owners:
            module = next((m for m in self.world.modules.values() if m.path == place.file), None)
            self._owners[place.file] = _owners(module) if module is not None else {}
        return self._owners[place.file].get(place.line)

    def _starts(self, exposure: Exposure) -> list[Function]:
        out = [c.handler.function for a in self.apps for c in a.routes if c.handler is not None and exposure_of(c) is exposure]
        if exposure is Exposure.ANONYMOUS:
            out += [f for a in self.apps for f in _hooks(a)]
            out += [f for m in self.world.modules.values() for f in self._called(m.top)]
            out += list(self.world.ran)
        return out

    def _spread(self, starts: Iterable[Function], exposure: Exposure) -> None:
        pending = [f for f in starts if f not in self.exposures]
        while pending:
            function = pending.pop()
            if function in self.exposures:
                continue
            self.exposures[function] = exposure
            pending += [f for f in self._called(function) if f not in self.exposures]
            pending += [f for f in self.inner.get(function, ()) if f not in self.exposures]

    def _called(self, function: Function) -> list[Function]:
        names = {ir.last_name(call[2]) for call in function.calls}
        names |= {
            ir.last_name(p.default[3][0]) for p in function.params if p.default is not None and p.default[0] == "call" and p.default[3]
        }
        names |= {ir.last_name(d) for d in function.decorators}
        return [f for name in names for f in self.by_name.get(name, ())]


def _owners(module: Module) -> dict[int, Function]:
    """The innermost function of each line."""
    owners: dict[int, Function] = {}
    # the last to write a line is the one that begins last
    for function in sorted(module.functions, key=lambda f: f.at):
        owners.update(dict.fromkeys(range(function.line, function.end + 1), function))
    return owners


def _hooks(app: AppCode) -> list[Function]:
    values = [h.value for h in app.hooks] + [g.value for c in app.routes for g in c.guards]
    return [f for v in values for f in _functions(v)]


def _functions(value: Value | None, depth: int = 4) -> list[Function]:
    """What may run when a guard does: the function, the methods of the class, those of ``Depends(…)`` and of what it was given."""
    if isinstance(value, Func):
        return [value.function]
    cls = value.cls if isinstance(value, Obj) else value
    own = [s[2] for s in cls.cls.body if s[0] == "def"] if isinstance(cls, Cls) else []
    given = [*value.args, *value.kwargs.values()] if isinstance(value, (Made, Obj)) else value.items if isinstance(value, Seq) else []
    return own + [f for v in given if depth for f in _functions(v, depth - 1)]
