"""How a framework enters a function: what its parameters are when a stranger's request arrives."""

from __future__ import annotations

from ostiary.scan.code import attributes, calls, credentials, libraries, schemes, statements
from ostiary.scan.code.frames import Engine, Frame
from ostiary.scan.code.frameworks.depends import Source, class_sources, sources_of
from ostiary.scan.code.ir import ClassDef, Function, Param
from ostiary.scan.code.things import ANYBODY, ONWARD, REQUEST, UNKNOWN, End, Path, Thing, bag, raw
from ostiary.scan.code.values import Cls, Func, Made, Obj, Value, name_of
from ostiary.scan.lazy import Pattern

_MAX_STARTS = 20
_REQUESTS = Pattern(r"^_?(request|req|websocket|ws|connection|conn)$")


def enter(engine: Engine, func: Func, role: str, outer: dict[str, Thing] | None = None, depth: int = 0, whole: bool = True) -> list[End]:
    """All ways through a function that the framework calls in a role."""
    if any(engine.judge.decorates(link.value, link.result, engine.request) == "gate" for link in func.chain):
        return [End("raise", Thing("answer", "", 401), Path(tested=("identity",)))]
    frame = Frame(engine, func, role, depth, outer or {}, last=None if whole else engine.judge.last_sign(func.function))
    starts = _starts(frame, func, role)
    return statements.walk(frame, starts)


def carries(engine: Engine, func: Func) -> bool:
    """Does anything that tells who calls come in through a handler's parameters?"""
    frame = Frame(engine, func, "handler")
    starts = _starts(frame, func, "handler")
    things = [t for p in starts for t in p.env.values()]
    # a dependency that looked for a credential may hand over None: it is the handler that refuses
    return any(p.tested for p in starts) or any(
        t.kind in ("nobody", "request") or (t.kind == "raw" and not t.name.startswith("login:")) or (t.kind == "bag" and t.name != "body")
        for t in things
    )


def build(engine: Engine, cls: Cls, depth: int = 0) -> list[End]:
    """``Depends(Class)``: its constructor runs, or the fields of a model are filled."""
    instance = engine.world.instance(cls)
    init = engine.world.attribute(instance, "__init__")
    made = Thing("value", "", instance)
    if isinstance(init, Func):
        ends = enter(engine, init, "dependency", depth=depth)
        return [End("return", made, e.path) if e.how == "return" else e for e in ends]
    frame = Frame(engine, Func(_blank(cls), cls.outer), "dependency", depth)
    paths = _supply(frame, [Path()], class_sources(engine.world, cls))
    frame.ends += [End("raise", error, path) for path, error in frame.raised]
    return [*frame.ends, *(End("return", made, p) for p in paths)]


def _blank(cls: Cls) -> Function:
    return Function(cls.cls.name, cls.cls.qualname, cls.cls.at, 0, (), (), (), None, False, "", cls.cls.module, cls.cls)


def _starts(f: Frame, func: Func, role: str) -> list[Path]:
    env: dict[str, Thing] = {}
    sources = {s.param: s for s in sources_of(f.engine.world, func)} if role in ("dependency", "handler") else {}
    params = func.function.params
    for i, param in enumerate(params):
        if i == 0 and _is_method(func):
            env[param.name] = _this(f.engine, func)
        elif param.name in func.partial:
            env[param.name] = attributes.thing_of(f.engine, func.partial[param.name])
        elif param.name not in sources:
            env[param.name] = _plain(f, param, role)
    if role == "preprocessor":
        env[params[-2].name], env[params[-1].name] = Thing("part", "endpoint"), bag("view_args")
    if role == "middleware":
        _wire(params[1:] if _is_method(func) else params, env)
    return _supply(f, [Path(env)], list(sources.values()))


def _is_method(func: Func) -> bool:
    return func.bound is not None or (isinstance(func.function.parent, ClassDef) and "staticmethod" not in func.attrs)


def _this(engine: Engine, func: Func) -> Thing:
    if func.bound is not None:
        return attributes.thing_of(engine, func.bound)
    first = func.function.params[0].name
    return attributes.thing_of(engine, engine.scope(func).find(first))


def _plain(f: Frame, param: Param, role: str) -> Thing:
    if param.kind == "kwarg":
        return bag("kwargs")
    if param.kind == "vararg":
        return UNKNOWN
    if _REQUESTS.match(param.name):
        return REQUEST
    if credentials.is_current(param.name):
        return ANYBODY
    value = f.engine.scope(f.func).find(param.name)
    thing = attributes.thing_of(f.engine, value) if isinstance(value, (Made, Obj)) and param.annotation is not None else UNKNOWN
    if thing.kind != "unknown" and thing.kind != "value":
        return thing
    if role == "decorator":
        return credentials.item("kwargs", param.name)
    if role in ("dependency", "handler") and isinstance(value, Obj):
        return bag("body") if not value.kind else thing
    return thing if thing.kind == "value" else credentials.parameter(param.name)


def _wire(params: tuple[Param, ...], env: dict[str, Thing]) -> None:
    """What ASGI, WSGI and Starlette's middleware give."""
    names = [p.name for p in params]
    if len(names) == 2 and ("environ" in names[0] or "start" in names[1]):
        env[names[0]], env[names[1]] = bag("environ"), Thing("start")
    elif len(names) == 2:
        env[names[0]], env[names[1]] = REQUEST, ONWARD
    elif len(names) >= 3:
        env[names[0]], env[names[1]], env[names[2]] = bag("scope"), Thing("receive"), Thing("send")


def _supply(f: Frame, paths: list[Path], sources: list[Source]) -> list[Path]:
    for source in sources:
        if source.kind != "depends" or source.value is None:
            paths = [p for path in paths for p in _sent(path, source)]
            continue
        paths = f.capped([p.bind(source.param, thing) for path in paths for p, thing in calls.supplied(f, source.value, path)], _MAX_STARTS)
    return paths


def _sent(path: Path, source: Source) -> list[Path]:
    name = source.alias or source.param
    found = credentials.credential(source.kind, name)
    if source.required and found.kind == "raw":
        path = (path if found.soft else path.test("presence")).assume(found.name, True)
    return [path.bind(source.param, found)]


def supplied(engine: Engine, value: Value, depth: int = 0) -> list[End]:
    """How a dependency ends for a stranger: what it returns, or its refusal."""
    value = engine.world.settle(value)
    if isinstance(value, Func):
        return enter(engine, value, "dependency", depth=depth)
    if isinstance(value, Cls):
        return build(engine, value, depth)
    if isinstance(value, Obj):
        method = engine.world.attribute(value, "__call__")
        if isinstance(method, Func):
            return enter(engine, method, "dependency", depth=depth)
    return _library(engine, value)


def _library(engine: Engine, value: Value) -> list[End]:
    name = libraries.plain(schemes.library_name(engine.world, value))
    verdict = libraries.verdict(name)
    if isinstance(value, Obj):
        bases = [libraries.verdict(name_of(link)) for link in engine.world.bases(value)]
        verdict = "scheme" if "scheme" in bases else verdict
    relaxed = isinstance(value, (Made, Obj)) and libraries.relaxed(value.kwargs)  # type: ignore[arg-type]
    if verdict == "scheme":
        return _scheme(engine, value, relaxed)
    if verdict == "gate" and not relaxed:
        return [End("raise", Thing("answer", "", 401), Path(tested=("identity",)))]
    if verdict in ("gate", "optional"):
        return [End("return", ANYBODY, Path(tested=("identity",)))]
    if verdict == "form":
        return [End("return", bag("body"), Path())]
    if verdict == "unknown":
        return [End("return", ANYBODY, Path(labels=frozenset({("unsure", name)})))]
    return [End("return", Thing("value", "", value) if name else UNKNOWN, Path())]


def _scheme(engine: Engine, value: Value, relaxed: bool) -> list[End]:
    """A class of ``fastapi.security``: hands over what was sent; without it, a refusal unless ``auto_error`` is off."""
    origin = schemes.scheme_origin(engine.world, value)
    if relaxed:
        return [End("return", raw(origin), Path())]
    sent, missing = Path(given={origin: True}, tested=("presence",)), Path(given={origin: False}, tested=("presence",))
    return [End("return", raw(origin), sent), End("raise", Thing("answer", "", 401), missing)]
