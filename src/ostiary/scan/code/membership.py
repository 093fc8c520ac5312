"""``in``: is a header there, a key among the keys, a path among the exempt ones, a role among those of nobody?"""

from __future__ import annotations

from ostiary.scan.code import conditions, credentials, exempt
from ostiary.scan.code.frames import Frame, words
from ostiary.scan.code.ir import Expr
from ostiary.scan.code.items import item, members_of
from ostiary.scan.code.things import ADDRESS, UNKNOWN, Path, Thing, Ways, const, flag
from ostiary.scan.code.values import Cls, Func


def contained(f: Frame, path: Path, left: Thing, right: Thing, about: Expr) -> Ways:
    """``left in right``."""
    if right.kind == "const" and right.value is None:
        f.fail(path, Thing("error", "TypeError"))
        return []
    if right.kind == "bag":
        return _in_bag(f, path, left, right, about)
    if left.kind == "part" or right.kind == "part":
        return [(path, _part_in(f, left, right, about))]
    if left.kind == "address":
        return [(path, ADDRESS)]
    given = next((m for m in members_of(f.engine, right) or () if m.kind == "raw"), None)
    if given is not None and left.kind in ("flag", "unknown", "value"):
        return conditions.raw_equal(f, path, given, "==", left, about)
    if left.kind == "raw" or right.kind == "raw":
        return _raw_in(f, path, left, right, about)
    if left.kind == "nobody" or right.kind == "nobody":
        return [(path, _nobody_in(f, left, right))]
    if right.kind == "flag" or left.kind == "flag":
        return [(path, flag(f"{left.name or left.value} in {right.name}"))]
    known_members = members_of(f.engine, right)
    if known_members is not None and left.kind in ("const", "value") and all(m.kind == left.kind for m in known_members):
        return [(path, const(any(left.value == m.value for m in known_members)) if _telling(left) else UNKNOWN)]
    return [(path, UNKNOWN)]


def _telling(thing: Thing) -> bool:
    """Two things of this kind that differ are not equal."""
    return thing.kind == "const" or isinstance(thing.value, (Cls, Func))


def _in_bag(f: Frame, path: Path, left: Thing, right: Thing, about: Expr) -> Ways:
    found = item(f.engine, right, left)
    if found.kind == "raw":
        return conditions.presence(f, path, found, about, wanted=True)
    return [(path, found if found.kind in ("nobody", "flag") else UNKNOWN)]


def _part_in(f: Frame, left: Thing, right: Thing, about: Expr) -> Thing:
    if right.kind == "part":
        text = conditions.part_text(f, right)
        inner = left.value if left.kind == "const" and isinstance(left.value, str) else None
        return (
            conditions.asked(right, about)
            if text is None or inner is None
            else conditions.known(exempt.contains(text, inner), right, about)
        )
    text, found = conditions.part_text(f, left), members_of(f.engine, right)
    if text is None or found is None:
        return conditions.asked(left, about)
    answers = [exempt.equals(text, m.value) if m.kind == "const" else None for m in found]
    return conditions.known(exempt.any_of(answers), left, about)


def _raw_in(f: Frame, path: Path, left: Thing, right: Thing, about: Expr) -> Ways:
    if left.kind == "raw" and right.kind == "raw":
        return [(path, UNKNOWN)]
    if right.kind == "raw":
        named = left.kind in ("flag", "unknown") and credentials.is_secretish(words(about[2]) if about[0] == "cmp" else "")
        return conditions.fails(f, path, right, about) if named and left.kind == "flag" else conditions.form(f, path, right, about)
    found = members_of(f.engine, right)
    if found is not None and all(m.kind == "const" and not conditions.secret(left, m) for m in found):
        return conditions.form(f, path, left, about)
    if left.soft and not credentials.is_secretish(words(about)):
        return [(path, UNKNOWN)]
    return conditions.fails(f, path, left, about)


def _nobody_in(f: Frame, left: Thing, right: Thing) -> Thing:
    if left.kind == "nobody":
        found = members_of(f.engine, right) or []
        empty = any(m.kind == "const" and m.value in (None, False) for m in found)
        return Thing("nobody", left.name, None, left.soft, empty is not left.truth if empty else False)
    loose = left.kind == "const" and bool(conditions.LOOSE.search(str(left.value)))
    return Thing("nobody", right.name, "loose" if loose else None, right.soft or loose)
