"""A verdict on a callable, what a callable is known by, and where it stands."""

from __future__ import annotations

from typing import Any

from ostiary.model.route import Gate, Location
from ostiary.scan.code import ir, libraries
from ostiary.scan.code.ir import Function
from ostiary.scan.code.values import Cls, Const, Ext, Func, Made, Map, Member, Obj, Scope, Seq, Unknown, Value, members, name_of
from ostiary.scan.records import record

Key = tuple[Any, ...]
_ORDER = ("gate", "unknown", "extractor", "optional", "none")


@record(frozen=True)
class Judgement:
    """``verdict``: gate, extractor, optional, none or unknown; ``by_request``: depends on path, endpoint or method, judge again with one."""

    verdict: str
    gates: tuple[Gate, ...] = ()
    why: str = ""
    by_request: bool = False


NOTHING = Judgement("none")


def either(found: list[Judgement]) -> Judgement:
    """One of several: only as good as the weakest."""
    verdicts_seen = {j.verdict for j in found}
    if len(verdicts_seen) == 1:
        return found[0]
    if "gate" in verdicts_seen:
        gates = tuple(dict.fromkeys(g for j in found for g in j.gates))
        return Judgement(
            "unknown", gates, "which of several definitions is in force depends on configuration", any(j.by_request for j in found)
        )
    return min(found, key=lambda j: _ORDER.index(j.verdict))


def bare(func: Func) -> Func:
    """The handler itself, without what wraps it."""
    return Func(func.function, func.scope, func.bound, None, (), func.attrs, func.partial)


def fingerprint(value: Value, depth: int = 0) -> Key:
    """What a value is for judging: a function with the constants it closes over, an object by identity."""
    if isinstance(value, Func):
        return (
            "func",
            id(value.function),
            id(value.bound),
            *_closure(value.scope, depth),
            *(fingerprint(link.value, depth + 1) for link in value.chain[:4]),
        )
    if isinstance(value, Cls):
        return ("cls", id(value.cls))
    if isinstance(value, Ext):
        return ("ext", value.name)
    if isinstance(value, Const):
        return ("const", repr(value.value))
    if isinstance(value, (Seq, Map)) and depth < 3:
        return ("items", *(fingerprint(item, depth + 1) for item in members(value)[:20]))
    if isinstance(value, Unknown):
        return ("unknown", value.why)
    return ("id", id(value))


def _closure(scope: Scope, depth: int) -> Key:
    out: list[Key] = []
    at: Scope | None = scope
    while at is not None and depth < 3:
        if isinstance(at.owner, Function):
            out += [
                (name, *fingerprint(value, depth + 1))
                for name, value in sorted(at.names.items())
                if not isinstance(value, Func) or value.function.parent is not at.owner
            ]
        at = at.parent
    return tuple(out)


def place(value: Value) -> Location | None:
    """Where a callable is defined, or made."""
    if isinstance(value, Func):
        return Location(value.function.module.path, value.function.line, ir.column_of(value.function.at))
    if isinstance(value, Cls):
        return Location(value.cls.module.path, ir.line_of(value.cls.at), ir.column_of(value.cls.at))
    if isinstance(value, Obj) and value.cls is not None:
        return place(value.cls)
    if isinstance(value, Made) and value.module.path:
        return Location(value.module.path, ir.line_of(value.at), ir.column_of(value.at))
    return place(value.base) if isinstance(value, Member) else None


def short_name(value: Value) -> str:
    if isinstance(value, Func):
        return (
            value.function.qualname.replace("<locals>.", "")
            if value.function.name != "__call__"
            else value.function.qualname.rpartition(".")[0]
        )
    return name_of(value).rpartition(".")[2] or "?"


def library_label(value: Value) -> str:
    return libraries.plain(name_of(value)) or "?"


def is_preprocessor(value: Value) -> bool:
    """``url_value_preprocessor(endpoint, values)``: what it returns is ignored."""
    if not isinstance(value, Func):
        return False
    params = [p for p in value.function.params if p.kind == "arg"]
    return len(params) - (1 if value.bound is not None else 0) == 2
