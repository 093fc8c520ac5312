"""What hangs on an application: routers, blueprints, and other applications that it mounts, through whatever they are wrapped in."""

from __future__ import annotations

from ostiary.model.route import Location
from ostiary.scan.code.sites import Guard
from ostiary.scan.code.values import Child, Made, Map, Member, Obj, Value, name_of
from ostiary.scan.code.world import World, options


def mounted(w: World) -> set[int]:
    """What another application mounts, also in the routes of a ``Mount``."""
    found: set[int] = set()
    seen: set[int] = set()
    pending = list(w.objects)
    while pending:
        obj = pending.pop()
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        inside = [(child.mount, target(w, child.value)) for child in children(w, obj)]
        found |= {id(inner) for mount, inner in inside if mount and inner is not None}
        pending += [inner for _, inner in inside if inner is not None]
    return found


def children(w: World, obj: Obj) -> list[Child]:
    """What was registered on it, and what a DispatcherMiddleware hangs beside it."""
    found = list(obj.wiring.children)
    for use in obj.wiring.uses:
        mounts = use.args[1] if name_of(use).endswith("DispatcherMiddleware") and len(use.args) > 1 else None
        if isinstance(mounts, Map) and target(w, use.args[0]) is obj:
            found += [Child(v, str(k), True, use.at, use.module, mount=True) for k, v in mounts.items.items()]
    return found


def target(w: World, value: Value) -> Obj | None:
    """The application or router in a value, looking through wrappers (``WSGIMiddleware(flask_app)``, ``app.wsgi_app``)."""
    value = w.settle(value)
    for option in options(value):
        if isinstance(option, Obj) and option.kind:
            return option
        if isinstance(option, Member):
            return target(w, option.base)
        if isinstance(option, Obj):
            inner = next((v for v in option.attrs.values() if isinstance(v, Obj) and v.kind), None)
            if inner is not None:
                return inner
        if isinstance(option, Made):
            for given in (*option.args, *option.kwargs.values()):
                found = target(w, given)
                if found is not None:
                    return found
    return None


def wrappers(w: World, value: Value, at: Location) -> tuple[Guard, ...]:
    """``PartnerGate(feed, keys)``: what a mounted application is wrapped in, outermost first."""
    out: list[Guard] = []
    inner: Value | None = w.settle(value)
    while inner is not None and len(out) < 8:
        if isinstance(inner, Obj) and not inner.kind and inner.cls is not None:
            out.append(Guard("middleware", inner, at))
            inner = next((v for v in inner.attrs.values() if isinstance(v, Obj)), None)
        elif isinstance(inner, Made) and inner.args:
            out.append(Guard("middleware", inner.callee, at))
            inner = inner.args[0]
        else:
            inner = None
    return tuple(out)
