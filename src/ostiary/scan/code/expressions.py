"""Expressions as a stranger's call meets them: every way one can go, with what it gives."""

from __future__ import annotations

from collections.abc import Callable

from ostiary.scan.code import attributes, bindings, calls, conditions, functions, gathering, items, methods, settings
from ostiary.scan.code.conditions import Forks, decide, negate
from ostiary.scan.code.credentials import CONFIG_NAME
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr, dotted, last_name
from ostiary.scan.code.things import FALSE, NONE, UNKNOWN, Path, Thing, Ways, const, join
from ostiary.scan.code.values import Func, Member, Unknown

_MAX_WAYS = 24
_CARRIED = frozenset(("const", "value", "raw", "nobody", "flag", "onward", "request", "bag", "answer", "closure", "part", "address", "send", "receive", "start", "gated", "some",))  # fmt: skip


def ways(f: Frame, e: Expr, path: Path) -> Ways:
    """What an expression may be, and on which path."""
    f.engine.spend()
    handler = _TABLE.get(e[0])
    if handler is None:
        return [(path, UNKNOWN)]
    found = handler(f, e, path)
    return _few(f, found) if len(found) > 1 else found


def _few(f: Frame, found: Ways) -> Ways:
    seen: dict[tuple[object, ...], tuple[Path, Thing]] = {}
    for path, thing in found:
        seen.setdefault((path.key(), thing), (path, thing))
    return f.capped(list(seen.values()), _MAX_WAYS)


def test(f: Frame, e: Expr, path: Path) -> Forks:
    """The ways on from a condition."""
    if e[0] == "not":
        return [(p, not went) for p, went in test(f, e[2], path)]
    if e[0] == "bool":
        return _test_bool(f, e, path)
    return [fork for p, thing in ways(f, e, path) for fork in decide(f, thing, p, e)]


def _test_bool(f: Frame, e: Expr, path: Path) -> Forks:
    going, out = [path], []
    stops = e[2] == "or"
    for part in e[3]:
        forks = [fork for p in going for fork in test(f, part, p)]
        out += [(p, went) for p, went in forks if went is stops]
        going = _distinct(f, [p for p, went in forks if went is not stops])
    return f.capped(out + [(p, not stops) for p in going], 2 * _MAX_WAYS)


def _distinct(f: Frame, paths: list[Path]) -> list[Path]:
    return f.capped(list({p.key(): p for p in paths}.values()), _MAX_WAYS) if len(paths) > 1 else paths


def many(f: Frame, exprs: tuple[Expr, ...], path: Path) -> list[tuple[Path, list[Thing]]]:
    """Several expressions one after the other."""
    out: list[tuple[Path, list[Thing]]] = [(path, [])]
    for e in exprs:
        out = f.capped([(q, [*things, thing]) for p, things in out for q, thing in ways(f, e, p)], _MAX_WAYS)
    return out


def look(f: Frame, name: str) -> Thing:
    """A name that the walk itself has not bound."""
    found = f.names.get(name)
    if found is None:
        value = f.engine.scope(f.func).find(name)
        found = attributes.thing_of(f.engine, value if value is not None else f.engine.world.ext(name), name)
        f.names[name] = found
    return found


def _name(f: Frame, e: Expr, path: Path) -> Ways:
    found = path.env.get(e[2]) or f.outer.get(e[2]) or look(f, e[2])
    if found.kind == "value" and isinstance(found.value, Func) and found.value.function.parent is f.func.function:
        return [(path, closure(f, found.value, path))]
    return [(path, found)]


def closure(f: Frame, func: Func, path: Path) -> Thing:
    """A function defined in the one at hand, with the names that it takes along."""
    names = {**f.outer, **path.env}
    taken = tuple(sorted((n, t) for n, t in names.items() if t.kind in _CARRIED)) if names else ()
    return Thing("closure", "", (func, taken))


def _attr(f: Frame, e: Expr, path: Path) -> Ways:
    bound = path.env.get(dotted(e)) if path.env else None
    if bound is not None:
        return [(path, bound)]
    if e[3] == "view_functions":
        return [(path, Thing("view"))]
    out: Ways = []
    for p, base in ways(f, e[2], path):
        if base.kind == "value":
            supplied = calls.supplied_attribute(f, base, e[3], p)
            if supplied is not None:
                out += supplied
                continue
        if base == NONE:
            f.fail(p, Thing("error", "AttributeError"))
            continue
        found = attributes.attribute(f.engine, base, e[3])
        if _is_property(found):
            out += functions.invoke(f, found, e, p, [], {})
        else:
            out.append((p, _by_holder(f, e, found)))
    return out


def _by_holder(f: Frame, e: Expr, found: Thing) -> Thing:
    """``config.x`` is a setting even when nothing is known of ``config``."""
    lost = found.kind == "unknown" or (found.kind == "value" and isinstance(found.value, (Member, Unknown)))
    return settings.setting(f.engine, e[3], None) if lost and CONFIG_NAME.match(last_name(e[2])) else found


def _is_property(thing: Thing) -> bool:
    return thing.kind == "value" and isinstance(thing.value, Func) and "property" in thing.value.attrs


def _const(f: Frame, e: Expr, path: Path) -> Ways:
    return [(path, const(e[2]) if e[2] is not ... else UNKNOWN)]


def _fstr(f: Frame, e: Expr, path: Path) -> Ways:
    out: Ways = []
    for p, things in many(f, e[2], path):
        if all(t.kind == "const" for t in things):
            out.append((p, const("".join(str(t.value) for t in things)[:2000])))
        else:
            out.append((p, join(things)))
    return out


def _cmp(f: Frame, e: Expr, path: Path) -> Ways:
    out: Ways = []
    for p, things in many(f, (e[2], *e[4]), path):
        out += _chain(f, e, p, things)
    return out


def _chain(f: Frame, e: Expr, path: Path, things: list[Thing]) -> Ways:
    if len(e[3]) == 1:
        return conditions.compare(f, path, things[0], e[3][0], things[1], e)
    found: list[Thing] = []
    for left, op, right in zip(things, e[3], things[1:], strict=False):
        step = conditions.compare(f, path, left, op, right, e)
        if not step:
            return []
        path = step[0][0]
        found.append(step[0][1])
    return [(path, join(found))]


def _bool(f: Frame, e: Expr, path: Path) -> Ways:
    plain = _setting_or_default(f, e, path)
    if plain is not None:
        return [plain]
    stops = e[2] == "or"
    going: Ways = [(path, UNKNOWN)]
    out: Ways = []
    for i, part in enumerate(e[3]):
        found = [way for p, _ in going for way in ways(f, part, p)]
        if i == len(e[3]) - 1:
            return out + found
        going = []
        for p, thing in found:
            for q, went in decide(f, thing, p, part):
                (out if went is stops else going).append((q, _narrow(thing, went)))
    return out


def _setting_or_default(f: Frame, e: Expr, path: Path) -> tuple[Path, Thing] | None:
    """``config.x or "y"`` is a setting still: taking both ways would double them for nothing."""
    if e[2] != "or" or e[3][-1][0] not in ("str", "const"):
        return None
    found = many(f, e[3], path)
    if len(found) != 1 or any(t.kind not in ("flag", "const") for t in found[0][1]) or found[0][1][0].kind != "flag":
        return None
    return found[0][0], found[0][1][0]


def _narrow(thing: Thing, went: bool) -> Thing:
    """What a thing is once its truth is known."""
    if thing.kind == "raw" and not went:
        return NONE
    return Thing("nobody", thing.name, truth=went) if thing.kind == "nobody" else FALSE if thing.kind == "flag" and not went else thing


def _not(f: Frame, e: Expr, path: Path) -> Ways:
    out: Ways = []
    for p, thing in ways(f, e[2], path):
        if thing.kind in ("nobody", "flag", "asked", "const"):
            out.append((p, negate(thing) if thing.kind != "const" else const(not thing.value)))
        else:
            out += [(q, const(not went)) for q, went in decide(f, thing, p, e[2])] if thing.kind != "unknown" else [(p, UNKNOWN)]
    return out


def _bin(f: Frame, e: Expr, path: Path) -> Ways:
    return [(p, _sum(e[2], things)) for p, things in many(f, (e[3], e[4]), path)]


def _sum(op: str, things: list[Thing]) -> Thing:
    if op == "+" and all(t.kind == "const" and isinstance(t.value, str) for t in things):
        return const("".join(t.value for t in things)[:2000])
    if op == "+" and all(t.kind == "seq" for t in things):
        return Thing("seq", value=things[0].value + things[1].value)
    return join(things)


def _sub(f: Frame, e: Expr, path: Path) -> Ways:
    bound = path.env.get(bindings.slot(e))
    if bound is not None:
        return [(path, bound)]
    out: Ways = []
    for p, base in ways(f, e[2], path):
        if e[3][0] == "slice":
            out.append((p, base if base.kind in ("raw", "nobody", "part", "flag") else UNKNOWN))
            continue
        if base == NONE:
            f.fail(p, Thing("error", "TypeError"))
            continue
        for q, key in ways(f, e[3], p):
            if methods.is_credential(key) and items.members_of(f.engine, base) is not None:
                # a stranger's key is not among those that are written down
                f.fail(q.test("verify"), Thing("error", "KeyError"))
                continue
            out += _demand(f, items.item(f.engine, base, key), base, q)
    return out


def _demand(f: Frame, found: Thing, base: Thing, path: Path) -> Ways:
    """An item that may be missing: without it the lookup fails."""
    if base.kind == "raw" and f.tries:
        f.fail(path, Thing("error", "malformed"))
    if base.kind != "bag" or found.kind not in ("raw", "nobody"):
        return [(path, found)]
    if found.kind == "nobody":
        if found.soft:
            return [(path, found)]
        f.fail(path.test("verify"), Thing("error", "KeyError"))
        return []
    forks = decide(f, found, path, ("const", 0, None))
    for p, present in forks:
        if not present:
            f.fail(p, Thing("error", "KeyError"))
    return [(p, found) for p, present in forks if present]


def _lambda(f: Frame, e: Expr, path: Path) -> Ways:
    func = f.engine.world.value(e, f.engine.scope(f.func))
    return [(path, closure(f, func, path) if isinstance(func, Func) else UNKNOWN)]


def _ifexp(f: Frame, e: Expr, path: Path) -> Ways:
    return [way for p, went in test(f, e[2], path) for way in ways(f, e[3] if went else e[4], p)]


def _walrus(f: Frame, e: Expr, path: Path) -> Ways:
    return [(p.bind(e[2], thing), thing) for p, thing in ways(f, e[3], path)]


def _yield(f: Frame, e: Expr, path: Path) -> Ways:
    """A dependency or context manager hands over here: to a stranger it is as good as a return."""
    for p, thing in ways(f, e[2], path) if e[2] is not None else [(path, NONE)]:
        f.end("return", thing, p)
    return []


def _inner(f: Frame, e: Expr, path: Path) -> Ways:
    return ways(f, e[2], path)


_TABLE: dict[str, Callable[[Frame, Expr, Path], Ways]] = {
    "name": _name, "attr": _attr, "str": _const, "const": _const, "fstr": _fstr, "call": lambda f, e, p: calls.call(f, e, p), "cmp": _cmp,
    "bool": _bool, "not": _not, "bin": _bin, "sub": _sub, "seq": gathering.seq, "dict": gathering.mapping, "comp": gathering.comprehension, "lambda": _lambda, "ifexp": _ifexp,
    "walrus": _walrus, "yield": _yield, "star": _inner, "neg": lambda f, e, p: [(p, UNKNOWN) for p, _ in ways(f, e[2], p)],
}  # fmt: skip
