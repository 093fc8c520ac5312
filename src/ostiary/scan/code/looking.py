"""``getattr`` and ``hasattr``: attributes by a name that is text, those of a view function among them."""

from __future__ import annotations

from ostiary.scan.code import attributes
from ostiary.scan.code.frames import Frame
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.things import NO_DEFAULT, NONE, UNKNOWN, Path, Thing, Ways, const, flag
from ostiary.scan.code.values import Member, Value

Args = list[Thing]
Kwargs = dict[str, Thing]


def get(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    """``getattr(base, name, default)``."""
    wanted = args[1].value if len(args) > 1 and args[1].kind == "const" else None
    if args and args[0].kind == "view" and isinstance(wanted, str):
        return [(path, attributes.mark(f.engine, wanted, args[2] if len(args) > 2 else None))]
    if args and args[0].kind in ("onward", "view"):
        return [(path, Thing("asked", "an attribute of the view function"))]
    if not isinstance(wanted, str):
        return [(path, UNKNOWN)]
    found = attributes.attribute(f.engine, args[0], wanted)
    lost = found.kind == "unknown" or (found.kind == "value" and isinstance(found.value, Member))
    if lost and len(args) > 2 and args[2].kind == "const" and args[2].value not in (None, False):
        return [(path, args[2])]
    if found.kind == "flag" and found.value is NO_DEFAULT and len(args) > 2 and args[2].kind == "const":
        return [(path, flag(found.name, args[2].value))]
    return [(path, found)]


def has(f: Frame, e: Expr, value: Value, name: str, path: Path, args: Args, kwargs: Kwargs) -> Ways:
    """``hasattr(base, name)``."""
    if len(args) > 1 and args[0].kind == "view" and isinstance(args[1].value, str):
        seen = attributes.mark(f.engine, args[1].value, NONE)
        return [(path, seen if seen.kind == "asked" else const(seen != NONE))]
    if args and args[0].kind in ("onward", "view"):
        return [(path, Thing("asked", "an attribute of the view function"))]
    found = (
        get(f, e, value, name, path, args[:2], {}) if len(args) > 1 and args[0].kind in ("bag", "nobody", "request") else [(path, UNKNOWN)]
    )
    return [(p, t if t.kind == "nobody" else UNKNOWN) for p, t in found]
