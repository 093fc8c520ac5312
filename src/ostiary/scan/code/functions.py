"""Functions of the tree, walked whole: their arguments bound, all their ways taken, what they raise passed on."""

from __future__ import annotations

from collections.abc import Mapping

from ostiary.scan.code import attributes, libraries, statements, unread
from ostiary.scan.code.frames import Engine, Frame
from ostiary.scan.code.ir import Expr, Param, last_name
from ostiary.scan.code.things import ONWARD, UNKNOWN, End, Path, Thing, Ways, answer, join
from ostiary.scan.code.values import Func, Native, Scope

_LONG = 60


def invoke(f: Frame, target: Thing, e: Expr, path: Path, args: list[Thing], kwargs: dict[str, Thing]) -> Ways:
    """Walk a function of the tree with what it is given; what it raises goes on from here."""
    func, taken = target.value if target.kind == "closure" else (target.value, ())
    if _gated(f, func):
        f.fail(path.test("identity"), answer(401))
        return []
    if f.engine.body and _is_business(func):
        return unread.unresolved(f, e, path, args, kwargs, UNKNOWN)
    given = [*args, *kwargs.values(), *(t for _, t in taken)]
    if not _matters(f, func, given) or (
        f.dropped is e and f.role != "middleware" and ONWARD not in given and not f.engine.judge.may_stop(func.function)
    ):
        return [(path, UNKNOWN)]
    if f.too_deep or f.engine.running.count(func.function) > 1:
        f.engine.cut = True
        return unread.unresolved(f, e, path, args, kwargs, Thing("unknown", "deeper than four calls"))
    out: Ways = []
    for end in call(f, func, dict(taken), args, kwargs):
        after = path.graft(end.path)
        if after is None:
            continue
        if end.how == "return":
            out.append((after, end.thing))
        elif end.how == "raise":
            f.fail(after, end.thing)
        else:
            f.end(end.how, end.thing, after)
    return out


_CARRIERS = frozenset(("raw", "nobody", "request", "bag", "onward", "part", "address", "send", "start", "closure"))


def _is_business(func: Func) -> bool:
    """Too long for a check, and not called like one: a handler's work is not walked."""
    code = func.function
    return code.end - code.line > _LONG and not libraries.authish(code.name) and not unread.CHECKS.match(code.name)


def _matters(f: Frame, func: Func, given: list[Thing]) -> bool:
    """Walking a function can change the verdict: it is given something of the request, or speaks of it itself."""
    if any(t.kind in _CARRIERS or (t.kind in ("seq", "dict") and join([t]).kind in _CARRIERS) for t in given):
        return True
    if func.bound is not None and any(key[0] == id(func.bound) for key in f.engine.fields):
        return True
    return f.engine.judge.worth(func.function)


def _gated(f: Frame, func: Func) -> bool:
    """A library's decorator over the function refuses before its body runs."""
    return any(
        not isinstance(link.value, (Func, Native)) and f.engine.judge.decorates(link.value, link.result, f.engine.request) == "gate"
        for link in func.chain
    )


def call(f: Frame, func: Func, taken: Mapping[str, Thing], args: list[Thing], kwargs: dict[str, Thing]) -> list[End]:
    """Walk a function called from another; remembered, because helpers are called from many places."""
    engine = f.engine
    outer = taken or (f.outer if func.function.parent is f.func.function else {})
    env = bind(engine, func, args, kwargs)
    role = "helper" if f.role != "middleware" else "middleware"
    key = (id(func.function), id(func.scope), frozenset(env.items()), frozenset(outer.items()) if outer else None, role, f.tries > 0)
    known = engine.recall(key, f.depth)
    if known is not None:
        return known
    saved, engine.cut, engine.asked = (engine.cut, engine.asked), False, False
    ends = run(engine, func, env, role, f.depth + 1, outer, f.tries)
    engine.learn(key, f.depth, ends)
    engine.kept.append((func, func.scope))
    engine.cut, engine.asked = engine.cut or saved[0], engine.asked or saved[1]
    return ends


def run(
    engine: Engine, func: Func, env: dict[str, Thing], role: str, depth: int = 0, outer: Mapping[str, Thing] | None = None, tries: int = 0
) -> list[End]:
    """All ways through a function."""
    return statements.walk(Frame(engine, func, role, depth, outer or {}, tries=tries), [Path(dict(env))])


def bind(engine: Engine, func: Func, args: list[Thing], kwargs: dict[str, Thing]) -> dict[str, Thing]:
    """Arguments to parameters; what is not given is the default."""
    given, named = list(args), dict(kwargs)
    if func.bound is not None:
        given.insert(0, attributes.thing_of(engine, func.bound))
    env: dict[str, Thing] = {name: attributes.thing_of(engine, v) for name, v in func.partial.items()}
    for param in func.function.params:
        if param.kind == "vararg":
            env[param.name] = Thing("seq", value=tuple(given)) if len(given) < 8 else join(given)
            given = []
        elif param.kind == "kwarg":
            env[param.name] = Thing("dict", value=tuple(sorted(named.items(), key=lambda kv: kv[0])))
        elif param.kind == "arg" and given:
            env[param.name] = given.pop(0)
        elif param.name in named:
            env[param.name] = named.pop(param.name)
        elif param.name not in env:
            env[param.name] = default(engine, param, func.scope)
    return env


def default(engine: Engine, param: Param, scope: Scope) -> Thing:
    """What a parameter is when nothing is given."""
    if param.default is not None:
        return attributes.thing_of(engine, engine.world.value(param.default, scope), last_name(param.default))
    return UNKNOWN
