"""Statements as a stranger's call walks them, and functions as a whole: every way through, and how each ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ostiary.scan.code import bindings, expressions, functions, items, refusals
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr, Stmt, last_name
from ostiary.scan.code.things import NONE, UNKNOWN, End, Path, Thing, Ways, join
from ostiary.scan.code.values import Func, Obj, Value

_MAX_PATHS = 20
_MAX_ENDS = 100
_MAX_EACH = 40
_MAX_ERRORS = 40
_WORK = frozenset(
    (
        "commit",
        "save",
        "delete",
        "add",
        "insert_one",
        "update_one",
        "delete_one",
        "insert_many",
        "delay",
        "apply_async",
        "merge",
        "bulk_save_objects",
        "create_all",
        "drop_all",
    )
)
_FIXED = ("onward", "request", "bag", "part", "closure", "send", "receive", "start", "gated")
_KEPT = (*_FIXED, "raw", "nobody", "answer")


def walk(frame: Frame, starts: list[Path]) -> list[End]:
    """All ways through the function of a frame, from paths on which its parameters are bound."""
    frame.engine.running.append(frame.func.function)
    try:
        left = block(frame, frame.func.function.body, starts)
    finally:
        frame.engine.running.pop()
    for path in left:
        frame.end("return", path.env.get("*status*", NONE) if frame.role == "middleware" else NONE, path)
    for path, error in frame.raised:
        frame.end("raise", error, path)
    return _distinct(frame)


def _distinct(frame: Frame) -> list[End]:
    seen: dict[Any, End] = {}
    for end in frame.ends:
        bare = Path({}, end.path.given, end.path.labels, end.path.tested, end.path.choices)
        seen.setdefault((end.how, end.thing, bare.key()), End(end.how, end.thing, bare))
    return frame.capped(list(seen.values()), _MAX_ENDS)


def block(f: Frame, statements: tuple[Stmt, ...], paths: list[Path]) -> list[Path]:
    """The paths that come out of a block at its end."""
    for statement in statements:
        if not paths:
            return []
        if f.last is not None and statement[1] > f.last:
            for path in paths:
                f.end("return", NONE, path)
            return []
        handler = _TABLE.get(statement[0])
        if handler is None:
            continue
        out: list[Path] = []
        for path in paths:
            f.engine.spend()
            out += handler(f, statement, path)
        paths = _merge(f, out)
    return paths


def _merge(f: Frame, paths: list[Path]) -> list[Path]:
    """One of each; too many are made alike by forgetting what matters least."""
    if len(paths) < 2:
        return paths
    paths = list({p.key(): p for p in paths}.values())
    if len(paths) <= _MAX_PATHS:
        return paths
    for kept in (_KEPT, _FIXED):
        slim = [
            Path({n: t if t.kind in kept else UNKNOWN for n, t in p.env.items()}, p.given, p.labels, p.tested, p.choices) for p in paths
        ]
        paths = list({p.key(): p for p in slim}.values())
        if len(paths) <= _MAX_PATHS:
            return paths
    return f.capped(paths, _MAX_PATHS)


def _expr(f: Frame, s: Stmt, path: Path) -> list[Path]:
    f.dropped = s[2]
    if f.role == "handler" and s[2][0] == "call" and last_name(s[2][2]) in _WORK and not {"verify", "identity"} & set(path.tested):
        # work done for a caller whom nobody has asked who he is: what comes after is no protection
        f.end("return", NONE, path)
        return []
    return [p for p, _ in expressions.ways(f, s[2], path)]


def _assign(f: Frame, s: Stmt, path: Path) -> list[Path]:
    if s[3] is None:
        return [path]
    out = []
    for p, thing in expressions.ways(f, s[3], path):
        for target in s[2]:
            p = bindings.bind_target(f, p, target, thing)
        out.append(p)
    return out


def _aug(f: Frame, s: Stmt, path: Path) -> list[Path]:
    out = []
    for p, things in expressions.many(f, (s[2], s[4]), path):
        out.append(bindings.bind_target(f, p, s[2], join(things)))
    return out


def _return(f: Frame, s: Stmt, path: Path) -> list[Path]:
    for p, thing in expressions.ways(f, s[2], path) if s[2] is not None else [(path, NONE)]:
        if thing.kind == "onward" and f.role in ("decorator", "middleware", "helper"):
            if f.role == "helper":
                f.end("return", thing, p)
            else:
                f.end("onward", thing, p)
            continue
        if f.role == "middleware" and thing == NONE:
            thing = p.env.get("*status*", NONE)
        f.end("return", thing, p)
    return []


def _raise(f: Frame, s: Stmt, path: Path) -> list[Path]:
    if s[2] is None:
        f.fail(path, path.env.get("*caught*", Thing("error", "?")))
        return []
    for p, thing in expressions.ways(f, s[2], path):
        f.fail(p, _error(f, thing, s[2]))
    return []


def _error(f: Frame, thing: Thing, about: Expr) -> Thing:
    if thing.kind in ("answer", "error"):
        return thing
    if thing.kind == "value" and isinstance(thing.value, Value):
        found = refusals.exception(f.engine.world, thing.value, [], {})
        if found is not None:
            return found
    name = last_name(about)
    return Thing("answer", "error", 401) if refusals.refuses_by_name(name) else Thing("error", f"?{name}")


def _if(f: Frame, s: Stmt, path: Path) -> list[Path]:
    forks = expressions.test(f, s[2], path)
    then = _merge(f, [p for p, went in forks if went])
    other = _merge(f, [p for p, went in forks if not went])
    return block(f, s[3], then) + block(f, s[4], other)


def _for(f: Frame, s: Stmt, path: Path) -> list[Path]:
    out: list[Path] = []
    for p, over in expressions.ways(f, s[3], path):
        members = items.members_of(f.engine, over)
        if members is not None and len(members) <= (_MAX_EACH if all(m.kind == "const" for m in members) else 4):
            out += _each(f, s, p, members)
        else:
            out += _once(f, s, p, bindings.member_of(f, over))
    return block(f, s[5], _merge(f, out)) if s[5] else out


def _each(f: Frame, s: Stmt, path: Path, members: list[Thing]) -> list[Path]:
    going, saved, out = [path], f.broken, []
    for member in members:
        f.broken = []
        going = _merge(f, block(f, s[4], [bindings.bind_target(f, p, s[2], member) for p in going]) + f.skipped_now())
        out += f.broken
    f.broken = saved
    return going + out


def _once(f: Frame, s: Stmt, path: Path, member: Thing) -> list[Path]:
    saved, f.broken = f.broken, []
    inside = block(f, s[4], [bindings.bind_target(f, path, s[2], member)]) + f.skipped_now()
    out = [path, *inside, *f.broken]
    f.broken = saved
    return out


def _while(f: Frame, s: Stmt, path: Path) -> list[Path]:
    saved, f.broken = f.broken, []
    forks = expressions.test(f, s[2], path)
    after = block(f, s[3], [p for p, went in forks if went]) + f.skipped_now()
    out = [p for p, went in forks if not went] + after + f.broken
    f.broken = saved
    return out


def _jump(f: Frame, s: Stmt, path: Path) -> list[Path]:
    (f.broken if s[2] == "break" else f.skipped).append(path)
    return []


def _with(f: Frame, s: Stmt, path: Path) -> list[Path]:
    paths = [path]
    for expr, target in s[2]:
        entered = [way for p in paths for way in _enter(f, expr, p)]
        paths = [bindings.bind_target(f, p, target, thing) if target is not None else p for p, thing in entered]
    return block(f, s[3], _merge(f, paths))


def _enter(f: Frame, expr: Expr, path: Path) -> Ways:
    """A context manager's way in: ``__enter__`` of an object of the tree is walked."""
    out = []
    for p, thing in expressions.ways(f, expr, path):
        method = None
        if thing.kind == "value" and isinstance(thing.value, Obj):
            found = [f.engine.world.attribute(thing.value, name) for name in ("__enter__", "__aenter__")]
            method = next((m for m in found if isinstance(m, Func)), None)
        out += (
            functions.invoke(f, Thing("value", "", method), ("call", expr[1], expr, (), ()), p, [], {})
            if method is not None
            else [(p, thing)]
        )
    return out


def _try(f: Frame, s: Stmt, path: Path) -> list[Path]:
    saved, f.raised = f.raised, []
    f.tries += 1 if s[3] else 0
    after = block(f, s[2], [path])
    f.tries -= 1 if s[3] else 0
    errors, f.raised = f.raised, saved
    after = block(f, s[4], after) if s[4] else after
    for p, error in f.capped(list({(p.key(), e): (p, e) for p, e in errors}.values()), _MAX_ERRORS):
        after += _handle(f, s, p, error)
    return block(f, s[5], _merge(f, after)) if s[5] else _merge(f, after)


def _handle(f: Frame, s: Stmt, path: Path, error: Thing) -> list[Path]:
    out: list[Path] = []
    for _, caught, name, body in s[3]:
        takes = _takes(f, caught, error)
        if takes is not False:
            inside = path.bind("*caught*", error)
            out += block(f, body, [inside.bind(name, error) if name else inside])
        if takes:
            return out
    if not s[3] or not out:
        f.fail(path, error)
    return out


def _takes(f: Frame, caught: Expr | None, error: Thing) -> bool | None:
    if caught is None:
        return True
    kinds = caught[3] if caught[0] == "seq" else (caught,)
    answers = [_takes_one(f, kind, error) for kind in kinds]
    return True if True in answers else None if None in answers else False


def _takes_one(f: Frame, kind: Expr, error: Thing) -> bool | None:
    thing = expressions.look(f, kind[2]) if kind[0] == "name" else None
    value = thing.value if thing is not None and isinstance(thing.value, Value) else f.engine.world.value(kind, f.engine.scope(f.func))
    return refusals.handles(f.engine.world, value, error)


def _match(f: Frame, s: Stmt, path: Path) -> list[Path]:
    out = [] if s[3] and s[3][-1][0] is None else [path]
    for p, _ in expressions.ways(f, s[2], path):
        for guard, body in s[3]:
            starts = [q for q, went in expressions.test(f, guard, p) if went] if guard is not None else [p]
            out += block(f, body, starts)
    return out


_TABLE: dict[str, Callable[[Frame, Stmt, Path], list[Path]]] = {
    "expr": _expr, "assign": _assign, "aug": _aug, "return": _return, "raise": _raise, "if": _if, "for": _for, "while": _while,
    "jump": _jump, "with": _with, "try": _try, "match": _match,
}  # fmt: skip
