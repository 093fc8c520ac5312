"""Ostiary's own guard: what ``@require(…)``, ``@public("why")``, ``@limit(…)``, ``@exempt()``, ``@delegated(gate)`` and ``guard.requires(…)`` say.

Read as the guard executes them: a declaration leaves a mark on the function, whatever the order of decorators, and wraps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.model.route import UNDECLARED, DeclaredLimit, Location, Policy
from ostiary.scan.code import ir
from ostiary.scan.code.frameworks.declared import DEPENDS, Said
from ostiary.scan.code.limit_text import COMPUTED
from ostiary.scan.code.values import Args, Cls, Const, Either, Func, Made, Member, Obj, Seq, Value, members, name_of, text
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import altered

if TYPE_CHECKING:
    from ostiary.model.limit import Limit

MARK = "@ostiary"
_HOME = r"^ostiary\.(?:flask|fastapi|starlette)\."
_GUARD = Pattern(_HOME + r"Guard$")
_DECLARES = Pattern(_HOME + r"(?:Guard\.)?(require|public|limit|exempt|delegated|webhook)$|^ostiary\.fastapi\.Guard\.(requires)$")


def is_guard(value: Value) -> bool:
    """``Guard(…)`` of one of the adapters."""
    return isinstance(value, Made) and not isinstance(value.callee, Member) and _GUARD.search(name_of(value)) is not None


def is_requires(value: Value) -> bool:
    """``guard.requires("orders:read")``, a dependency."""
    return isinstance(value, Made) and _word(value) == "requires"


def mark(callee: Made, args: Args) -> Value | None:
    """``@require(…)`` applied to a function, which comes back as it was; None when ``callee`` is no declaration."""
    view = args.args[0] if args.args else None
    if not isinstance(view, Func) or not _word(callee):
        return None
    marks = view.attrs.setdefault(MARK, Seq([]))
    if isinstance(marks, Seq) and not any(isinstance(one, Made) and _same_place(one, callee) for one in marks.items):
        marks.items.append(callee)
    return view


def marks_of(view: Func) -> list[Value]:
    """The declarations that a function carries; a wrapper carries those of what it wraps when it says ``functools.wraps``."""
    own = view.attrs.get(MARK)
    inner = view.wraps if isinstance(view.wraps, Func) and _keeps_attributes(view) else None
    return [*(marks_of(inner) if inner is not None else []), *(own.items if isinstance(own, Seq) else [])]


def class_marks(links: Iterable[Value]) -> list[Value]:
    """The declarations over a class and over the classes that it inherits from."""
    chains = [link.value for cls in links if isinstance(cls, Cls) for link in cls.chain]
    return [value for value in chains if declaration(value) is not None]


def declaration(value: Value | None) -> Said | None:
    """What a declaration says, None when the value is none."""
    if isinstance(value, Either):
        found = [said for option in value.options if (said := declaration(option)) is not None]
        return altered(found[0], unsure=DEPENDS) if found else None
    word = _word(value) if isinstance(value, Made) else ""
    if not isinstance(value, Made) or not word:
        return None
    said = _READERS[word](value)
    return altered(said, policy=altered(said.policy, at=_place(value)))


def reason(value: Value | None) -> Said:
    """Public, for the reason in a value."""
    return Said(Policy(public=True, reason=(text(value) or "a reason that is computed").strip()))


def _word(value: Made) -> str:
    """``require``, ``public``, ``limit``, ``exempt``, ``delegated`` or ``requires``; "" for any other call."""
    found = _DECLARES.search(_name(value.callee))
    return (found.group(1) or found.group(2)) if found is not None else ""


def _name(callee: Value) -> str:
    """Dotted name of what is called; a call of what a call returned has none: ``require(…)(view)`` is no declaration."""
    base = callee.base if isinstance(callee, Member) else callee
    if isinstance(callee, Made) or (isinstance(base, Made) and isinstance(base.callee, Made)) or isinstance(base, Obj):
        return ""
    return name_of(callee)


def _require(made: Made) -> Said:
    limits, shown = limits_of(made.kwargs.get("limits") or made.kwargs.get("limit"), _place(made))
    policy = Policy(
        scopes=_texts(made.args),
        any_scopes=_texts(members(made.kwargs.get("any_of"))),
        schemes=_texts(members(made.kwargs.get("schemes"))),
        limits=limits,
        networks=_texts(members(made.kwargs["networks"])) if _is_given(made, "networks") else None,
        monitor=switch(made.kwargs.get("monitor")),
        issues=switch(made.kwargs.get("issues")) is True,
        signed=_signed(made.kwargs.get("signed")),
    )
    unsure = "its mode depends on configuration" if _is_given(made, "monitor") and policy.monitor is None else ""
    return Said(policy, shown, (), unsure)


def _public(made: Made) -> Said:
    limits, shown = limits_of(made.kwargs.get("limits"), _place(made))
    said = reason(made.args[0] if made.args else made.kwargs.get("reason"))
    return Said(altered(said.policy, limits=limits), shown)


def _limit(made: Made) -> Said:
    limits, shown = limits_of(Seq(list(made.args)), _place(made))
    changes = _counted(made)
    if not changes or limits is None:
        return Said(altered(UNDECLARED, limits=limits), shown)
    from dataclasses import replace

    try:
        limits = tuple(replace(one, **changes, text="") for one in limits)
    except UsageError:
        return Said(altered(UNDECLARED, limits=limits), shown)
    planned = tuple(one for one in shown or () if one.text.startswith("by "))
    return Said(altered(UNDECLARED, limits=limits), (*(DeclaredLimit(one.text, _place(made)) for one in limits), *planned))


def _counted(made: Made) -> dict[str, Any]:
    """``by=``, ``bucket=`` and ``cost=`` of a limit, where they are literal."""
    by, cost = _texts(members(made.kwargs.get("by"))), made.kwargs.get("cost")
    found: dict[str, Any] = {"by": by} if by else {}
    if (bucket := text(made.kwargs.get("bucket"))) is not None:
        found["bucket"] = bucket
    if isinstance(cost, Const) and type(cost.value) is int:
        found["cost"] = cost.value
    return found


def _exempt(_: Made) -> Said:
    return Said(altered(UNDECLARED, limits=()), ())


def _delegated(made: Made) -> Said:
    gate = made.args[0] if made.args else made.kwargs.get("gate")
    limits, shown = limits_of(made.kwargs.get("limits"), _place(made))
    called = gate.function.qualname if isinstance(gate, Func) else name_of(gate).rpartition(".")[2]
    return Said(Policy(schemes=(f"delegated:{called}",), limits=limits), shown, (gate,) if gate is not None else ())


def _webhook(made: Made) -> Said:
    """Whoever signs deliveries with the secret may call, and nobody else."""
    limits, shown = limits_of(made.kwargs.get("limits"), _place(made))
    return Said(Policy(schemes=tuple(f"webhook:{kind}" for kind in _texts(made.args[:1])) or ("webhook:",), limits=limits), shown, (), "")


_READERS: dict[str, Callable[[Made], Said]] = {
    "require": _require, "requires": _require, "public": _public, "limit": _limit, "exempt": _exempt, "delegated": _delegated,
    "webhook": _webhook,
}  # fmt: skip


def limits_of(value: Value | None, at: Location) -> tuple[tuple[Limit, ...] | None, tuple[DeclaredLimit, ...] | None]:
    """The limits that a text, or several, write, and how their author wrote them; None twice when nothing is given."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return None, None
    found: list[Limit] = []
    shown: list[DeclaredLimit] = []
    for item in members(value):
        parsed = _parsed(text(item))
        found += parsed
        shown += [DeclaredLimit(one.text, at) for one in parsed] or [DeclaredLimit(_computed(item), at)]
    return tuple(found), tuple(shown)


def _computed(item: Value) -> str:
    """What is no literal limit: ``limit(by_plan)`` asks a function for each caller."""
    return f"by {item.function.qualname}" if isinstance(item, Func) else text(item) or COMPUTED


def _parsed(written: str | None) -> tuple[Limit, ...]:
    # late, as most applications have no guard
    from ostiary.model.limit import parse

    try:
        return parse(written) if written is not None else ()
    except UsageError:
        return ()


def switch(value: Value | None) -> bool | None:
    """True or False where it is written down; None where it is not, or where configuration decides."""
    return value.value if type(value) is Const and isinstance(value.value, bool) else None


def _signed(value: Value | None) -> tuple[str, ...] | None:
    """``signed=True``, or the components that have to be covered besides."""
    return _texts(members(value)) or (() if switch(value) is True else None)


def _is_given(made: Made, keyword: str) -> bool:
    value = made.kwargs.get(keyword)
    return value is not None and not (isinstance(value, Const) and value.value is None)


def _texts(values: Iterable[Value]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for value in values if (found := text(value)) is not None))


def _place(made: Made) -> Location:
    return Location(made.module.path, ir.line_of(made.at), ir.column_of(made.at))


def _same_place(one: Made, other: Made) -> bool:
    return one is other or (one.at == other.at and one.module is other.module)


def _keeps_attributes(wrapper: Func) -> bool:
    """``@functools.wraps(view)`` copies the marks of a function onto its wrapper."""
    parent = wrapper.function.parent
    calls = parent.calls if isinstance(parent, ir.Function) else ()
    names = {ir.last_name(expr[2] if expr[0] == "call" else expr) for expr in wrapper.function.decorators}
    return bool(names & {"wraps", "decorator"}) or any(ir.last_name(call[2]) == "update_wrapper" for call in calls)
