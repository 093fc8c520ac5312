"""Names across modules, application → router → route: runs the modules, then the factories that nobody in the tree calls."""

from __future__ import annotations

from ostiary.scan.code import binding, classes, execute, ir
from ostiary.scan.code.assemble import applications
from ostiary.scan.code.frameworks import CLASSES, WIRING, connexion, stranger
from ostiary.scan.code.index import Index
from ostiary.scan.code.ir import ClassDef, Function
from ostiary.scan.code.sites import AppCode
from ostiary.scan.code.values import Args, Cls, Ext, Obj, Scope, Unknown
from ostiary.scan.code.world import World

_CARRIERS = frozenset({"app", "application", "api", "bp", "blueprint", "router", "flask_app", "fastapi_app", "server"})
_FACTORIES = frozenset({"create_app", "make_app", "get_app", "build_app", "app_factory", "create_application", "get_application"})
_VERBS = frozenset({"get", "post", "put", "patch", "delete"})
_HANDS_OVER = _VERBS | {"route", "api_route", "websocket"}


def link(index: Index) -> tuple[World, list[AppCode]]:
    """The world of an index and every application in it."""
    world = World(index)
    world.run()
    for function in _factories(world):
        if function not in world.ran:
            _run_factory(world, function)
    connexion.read(world)
    return world, applications(world)


def _factories(w: World) -> list[Function]:
    """Functions that make or fill an application, judged by the names they call; those that no other of them calls come first."""
    makers = WIRING | {c.name for m in w.modules.values() for c in m.classes if _makes_application(w, c)}
    found = [
        f for m in w.modules.values() for f in m.functions if f not in w.ran and f.name != "<lambda>" and not f.name.startswith("test_")
    ]
    found = [f for f in found if f.name in _FACTORIES or (not _answers(f) and any(_registers(call, makers) for call in f.calls))]
    called = {ir.last_name(call[2]) for f in found for call in f.calls}
    return sorted(found, key=lambda f: (f.name not in _FACTORIES, f.name in called, f.module.name, f.at))


def _answers(function: Function) -> bool:
    """A handler answers requests: what it calls then is no part of how the application is made."""
    return any(d[0] == "call" and ir.last_name(d[2]) in _HANDS_OVER for d in function.decorators)


def _makes_application(w: World, code: ClassDef) -> bool:
    home = w.defined.get(code)
    cls = home.names.get(code.name) if home is not None else None
    return isinstance(cls, Cls) and any(isinstance(base, Ext) and base.name in CLASSES for base in w.bases(cls))


def _registers(call: ir.Expr, makers: frozenset[str]) -> bool:
    name = ir.last_name(call[2])
    if name not in makers:
        return False
    if name in _VERBS or name in ("route", "mount", "websocket", "middleware"):
        text = bool(call[3]) and call[3][0][0] in ("str", "fstr") and call[2][0] == "attr"
        return text and (name not in _VERBS or _like_path(call[3][0]))
    return True


def _like_path(text: ir.Expr) -> bool:
    """``"/…"``, as a route's path begins, tells ``app.get("/orders")`` from ``environ.get("KEY")``: to follow all that reads a mapping is dear."""
    first = text[2][0] if text[0] == "fstr" and text[2] else text
    return first[0] != "str" or first[2][:1] in ("", "/")


def _run_factory(w: World, function: Function) -> None:
    """A factory that nobody calls (a server does, by its name): parameters named or annotated like an application become one from elsewhere."""
    if isinstance(function.parent, Function):
        return
    scope_at = w.defined.get(function) or execute.module(w, function.module)
    scope = Scope(function.module, scope_at, function)
    this = _this(w, function, function.parent) if isinstance(function.parent, ClassDef) else None
    binding.bind_unknown(w, function, scope, this)
    for param in function.params:
        if param.name in _CARRIERS and isinstance(scope.names.get(param.name), Unknown):
            scope.names[param.name] = stranger(w, "any", "", function.module, function.at)
    w.ran.add(function)
    execute.body(w, function, scope)


def _this(w: World, function: Function, parent: ClassDef) -> Obj | None:
    """The instance that a method of a class works on when nobody in the tree makes one."""
    home = w.defined.get(parent)
    cls = home.names.get(parent.name) if home is not None else None
    if not isinstance(cls, Cls) or "staticmethod" in {ir.last_name(d) for d in function.decorators}:
        return None
    made = classes.blank(w, cls, Args((), {}, parent.at, parent.module, ()))
    classes.initialise(w, made)
    return made
