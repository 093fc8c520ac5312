"""Assignments as a stranger's call makes them."""

from __future__ import annotations

from ostiary.scan.code import credentials, ir, refusals
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import UNKNOWN, Path, Thing, answer, join
from ostiary.scan.code.values import Obj


def bind_target(f: Frame, path: Path, target: Expr, thing: Thing) -> Path:
    """``target = thing``."""
    tag = target[0]
    if tag == "name":
        return path.bind(target[2], thing)
    if tag == "seq":
        for i, inner in enumerate(target[3]):
            known_items = thing.value if thing.kind == "seq" else ()
            each = known_items[i] if i < len(known_items) else _spread(thing)
            path = bind_target(f, path, inner, each)
        return path
    if tag == "star":
        return bind_target(f, path, target[2], _spread(thing))
    if tag == "attr":
        return _bind_attribute(f, path, target, thing)
    if tag == "sub" and slot(target):
        return path.bind(slot(target), thing)
    return path


def _spread(thing: Thing) -> Thing:
    """One member of what is unpacked."""
    if thing.kind == "nobody":
        return Thing("nobody", thing.name, soft=True)
    return thing if thing.kind in ("raw", "flag") else UNKNOWN


def _bind_attribute(f: Frame, path: Path, target: Expr, thing: Thing) -> Path:
    base = path.env.get(target[2][2]) if target[2][0] == "name" else None
    if base is not None and base.kind == "answer" and target[3] in ("status_code", "status"):
        return path.bind(target[2][2], answer(refusals.status_of(thing)))
    if base is not None and isinstance(base.value, Obj) and f.func.function.name == "__init__":
        f.engine.fields[(id(base.value), target[3])] = thing
    name = ir.dotted(target)
    return path.bind(name, thing) if name else path


def member_of(f: Frame, over: Thing) -> Thing:
    """A member of what a loop goes over, when members are not taken one by one."""
    if over.kind == "bag" and over.name in ("header", "cookie"):
        return Thing("seq", value=(UNKNOWN, credentials.credential(over.name, None)))
    if over.kind == "seq":
        return join(list(over.value))
    return _spread(over) if over.kind in ("raw", "nobody", "flag") else UNKNOWN


def slot(e: Expr) -> str:
    """The name under which ``session["user"]`` is remembered once it was assigned."""
    base = ir.dotted(e[2])
    return f"{base}[{e[3][2]}]" if base and e[3][0] == "str" else ""
