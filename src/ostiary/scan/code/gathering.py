"""Lists, dicts and comprehensions as a stranger's call meets them."""

from __future__ import annotations

from ostiary.scan.code import bindings, expressions
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import UNKNOWN, Path, Thing, Ways, join

_MAX_MEMBERS = 40


def seq(f: Frame, e: Expr, path: Path) -> Ways:
    """``(a, b)``: members are kept apart."""
    if len(e[3]) > _MAX_MEMBERS:
        return [(path, UNKNOWN)]
    if any(item[0] == "star" for item in e[3]):
        return [(p, join(things)) for p, things in expressions.many(f, e[3], path)]
    return [(p, Thing("seq", value=tuple(things))) for p, things in expressions.many(f, e[3], path)]


def mapping(f: Frame, e: Expr, path: Path) -> Ways:
    """``{"a": b}``: values are kept by their keys where those are known."""
    if len(e[3]) > _MAX_MEMBERS:
        return [(path, UNKNOWN)]
    found = expressions.many(f, e[3], path)
    if all(k is not None and k[0] in ("str", "const") for k in e[2]):
        keys = [k[2] for k in e[2]]
        return [(p, Thing("dict", value=tuple(zip(keys, things, strict=True)))) for p, things in found]
    return [(p, join(things)) for p, things in found]


def comprehension(f: Frame, e: Expr, path: Path) -> Ways:
    """What members of a comprehension carry; tests inside it count, its truth is not known."""
    out: Ways = []
    for p, over in expressions.ways(f, e[4][0][1], path):
        inner = bindings.bind_target(f, p, e[4][0][0], bindings.member_of(f, over))
        for clause in e[4][1:]:
            inner = bindings.bind_target(f, inner, clause[0], UNKNOWN)
        tests = tuple(c for clause in e[4] for c in clause[2])
        for q, things in expressions.many(f, (e[3], *tests), inner)[:4]:
            carried = join([t if t.kind != "nobody" else Thing("nobody", t.name, soft=True) for t in things])
            out.append((Path(p.env, q.given, q.labels, q.tested, q.choices), carried))
    return out
