"""Tests: which way does a stranger go? Comparing what he sent with a secret fails; being no user fails; the rest may go either way."""

from __future__ import annotations

import re
from collections.abc import Callable

from ostiary.scan.code import credentials, exempt, membership
from ostiary.scan.code.frames import Frame, words
from ostiary.scan.code.ir import Expr, dotted, last_name, walk
from ostiary.scan.code.settings import spelled
from ostiary.scan.code.things import ADDRESS, FALSE, NO_DEFAULT, TRUE, UNKNOWN, Choice, Path, Thing, Ways, const, flag
from ostiary.scan.code.values import Cls, Func, Map, Mod, Obj, Seq
from ostiary.scan.lazy import Pattern

Forks = list[tuple[Path, bool]]
_SCHEMES = Pattern(
    r"^(bearer|basic|token|jwt|apikey|api-key|api_key|key|digest|negotiate|hmac|sha\d+|v\d|dpop|hmac-sha256|aws4-hmac-sha256|null|undefined|none)?[ :=]*$",
    re.IGNORECASE,
)
_FORMAT = Pattern(r"prefix|scheme|(^|[ _])(type|algorithm|alg|kid|version|length|format)($|[ _])", re.IGNORECASE)
_FLIP = {"!=": "==", "is not": "is", "not in": "in"}
LOOSE = Pattern(
    r"err|fail|invalid|denied|deny|reject|respon|result|\bres\b|\bmsg|message|status|anonymous|expired|revoked|block|missing|\bbad\b|forbid|unauth|\bnot_|redirect|reason|code|ban|lock|disabled|problem|exc\b|guest|unknown",
    re.IGNORECASE,
)
_LOOSER = Pattern(LOOSE.text + r"|ok|success|valid|active")
_TRUTHY = (Func, Cls, Mod, Obj)


def decide(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    """The ways on from a test of ``thing``."""
    handler = _DECIDE.get(thing.kind)
    if handler is not None:
        return handler(f, thing, path, about)
    return [(path, True), (path, False)]


def _raw(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    known = path.given.get(thing.name)
    if known is not None:
        return [(path, known)]
    if thing.soft:
        # which of many plain headers are there would double the ways for each and decides nothing
        return [(path, True), (path, False)]
    tested = path.test("login" if thing.name.startswith("login:") else "presence")
    return [(tested.assume(thing.name, True), True), (tested.assume(thing.name, False), False)]


def _nobody(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    path = path.test(thing.name if thing.name in ("login", "identity") else "verify")
    if not thing.soft:
        return [(path, thing.truth)]
    if thing.name == "login":
        return [(path, True), (path, False)]
    if thing.value != "loose" and not LOOSE.search(words(about)):
        return [(_settled(path, about, thing.truth), thing.truth)]
    fork = f.fork(about[1], "test")
    return [(_settled(path, about, went).choose(Choice(fork, went)), went) for went in (True, False)]


def _settled(path: Path, about: Expr, went: bool) -> Path:
    """A name that was tested once keeps its answer."""
    if about[0] != "name" or about[2] not in path.env:
        return path
    kind = path.env[about[2]].name
    return path.bind(about[2], Thing("nobody", kind, truth=went))


def _assumed(key: str, f: Frame, path: Path) -> Forks:
    if f.engine.blind:
        return [(path, True), (path, False)]
    known = path.given.get(key)
    if known is not None:
        return [(path, known)]
    return [(path.assume(key, True), True), (path.assume(key, False), False)]


def _flag(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    if thing.value is NO_DEFAULT or (thing.value in (None, "") and _is_compared(f, about)):
        return _assumed(f"flag:{thing.name}", f, path)
    return [(path.label("config", thing.name), bool(spelled(thing.value)))]


def _is_compared(f: Frame, about: Expr) -> bool:
    """``kept and given == kept``: what callers' credentials are compared with is a value that somebody sets, no switch that is off."""
    name, code = dotted(about), f.func.function
    if not name:
        return False
    sides = [(c[2], c[4][0]) for c in code.compares if c[3][0] in ("==", "!=")]
    sides += [call[3][:2] for call in code.calls if last_name(call[2]) == "compare_digest" and len(call[3]) == 2]
    plain = [pair for pair in sides if not any(side[0] in ("const", "str") for side in pair)]
    return any(dotted(node) == name for pair in plain for node in walk(pair))


def _value(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    if isinstance(thing.value, _TRUTHY):
        return [(path, True)]
    if isinstance(thing.value, (Seq, Map)) and thing.value.whole:
        return [(path, bool(thing.value.items))]
    return [(path, True), (path, False)]


def _bag(f: Frame, thing: Thing, path: Path, about: Expr) -> Forks:
    if thing.name == "view_args":
        f.engine.asked = True
        return [(path, f.engine.request is None or "{" in f.engine.request.path)]
    return [(path, False)] if thing.name == "session" else [(path, True), (path, False)]


_DECIDE: dict[str, Callable[[Frame, Thing, Path, Expr], Forks]] = {
    "const": lambda f, t, p, e: [(p, bool(t.value))], "raw": _raw, "nobody": _nobody, "flag": _flag, "value": _value, "bag": _bag,
    "address": lambda f, t, p, e: _assumed("address:", f, p), "asked": lambda f, t, p, e: _assumed(f"asked:{t.name}", f, p),
    "some": lambda f, t, p, e: [(p, True)], "part": lambda f, t, p, e: [(p, True)], "request": lambda f, t, p, e: [(p, True)], "onward": lambda f, t, p, e: [(p, True)],
    "answer": lambda f, t, p, e: [(p, True)], "closure": lambda f, t, p, e: [(p, True)], "error": lambda f, t, p, e: [(p, True)],
    "seq": lambda f, t, p, e: [(p, bool(t.value))], "dict": lambda f, t, p, e: [(p, bool(t.value))],
}  # fmt: skip


def compare(f: Frame, path: Path, left: Thing, op: str, right: Thing, about: Expr) -> Ways:
    """``left op right``."""
    base = _FLIP.get(op, op)
    found = membership.contained(f, path, left, right, about) if base == "in" else _equal(f, path, left, base, right, about)
    return [(p, negate(t)) for p, t in found] if base != op else found


def negate(thing: Thing) -> Thing:
    """``not thing``, for what a comparison gives."""
    if thing.kind == "const":
        return const(not thing.value)
    if thing.kind == "nobody":
        return Thing("nobody", thing.name, thing.value, thing.soft, not thing.truth)
    if thing.kind == "flag":
        return flag(f"not {thing.name}") if thing.value is NO_DEFAULT else flag(thing.name, not thing.value)
    return Thing("asked", f"not {thing.name}") if thing.kind == "asked" else thing


_EQUALS: dict[str, Callable[[Frame, Path, Thing, str, Thing, Expr], Ways]] = {
    "part": lambda f, p, a, op, b, e: [(p, _part(f, a, op, b, e))],
    "address": lambda f, p, a, op, b, e: [(p, ADDRESS)],
    "raw": lambda f, p, a, op, b, e: raw_equal(f, p, a, op, b, e),
    "nobody": lambda f, p, a, op, b, e: [(p, _nobody_equal(a, op, b))],
    "flag": lambda f, p, a, op, b, e: [(p, _flag_equal(a, op, b, e))],
}


def presence(f: Frame, path: Path, thing: Thing, about: Expr, wanted: bool) -> Ways:
    return [(p, const(present is wanted)) for p, present in decide(f, thing, path, about)]


def form(f: Frame, path: Path, thing: Thing, about: Expr) -> Ways:
    """A test of how a credential looks: junk can look right, what was not sent does not."""
    if thing.kind != "raw" or thing.soft:
        return [(path, UNKNOWN)]
    return [(p, UNKNOWN if present else FALSE) for p, present in decide(f, thing, path, about)]


def fails(f: Frame, path: Path, thing: Thing, about: Expr) -> Ways:
    """A stranger's credential compared with the right one."""
    if thing.value == "claim":
        return form(f, path, thing, about)
    kind = "login" if thing.name.startswith("login:") else "verify"
    return [(path.test(kind), Thing("nobody", kind))]


def _equal(f: Frame, path: Path, left: Thing, op: str, right: Thing, about: Expr) -> Ways:
    if left.kind == "const" and right.kind == "const":
        return [(path, const(left.value == right.value) if op in ("==", "is") else UNKNOWN)]
    if left.kind == "seq" and right.kind == "seq" and op == "==" and len(left.value) == len(right.value):
        return _all_equal(f, path, left, right, about)
    for kind in _EQUALS:
        for a, b in ((left, right), (right, left)):
            if a.kind == kind:
                return _EQUALS[kind](f, path, a, op, b, about)
    if left.kind == "value" and right.kind == "value" and left.value is right.value and op in ("==", "is"):
        return [(path, TRUE)]
    if op in ("==", "is") and left.kind in ("onward", "answer", "request", "closure", "view") and right == const(None):
        return [(path, FALSE)]
    return [(path, UNKNOWN)]


def _all_equal(f: Frame, path: Path, left: Thing, right: Thing, about: Expr) -> Ways:
    """``(key, scope) == (KEY, "books")``: one member that differs is enough, and a stranger's key differs."""
    ways: Ways = [(path, TRUE)]
    for a, b in zip(left.value, right.value, strict=True):
        ways = [(q, _both(so_far, found)) for p, so_far in ways for q, found in _equal(f, p, a, "==", b, about)]
    return ways


def _both(first: Thing, second: Thing) -> Thing:
    if FALSE in (first, second):
        return FALSE
    found = next((t for t in (first, second) if t.kind == "nobody"), None)
    return found if found is not None else second if first == TRUE else UNKNOWN


def raw_equal(f: Frame, path: Path, thing: Thing, op: str, other: Thing, about: Expr) -> Ways:
    if op not in ("==", "is"):
        return [(path, UNKNOWN)]
    if other.kind == "const" and other.value in (None, "", b"", False):
        return presence(f, path, thing, about, wanted=False)
    if other.kind in ("raw", "part", "address", "bag") or (other.kind == "const" and not secret(thing, other)):
        return form(f, path, thing, about) if isinstance(other.value, str) else [(path, UNKNOWN)]
    said = words(about)
    if _FORMAT.search(said):
        return form(f, path, thing, about)
    if thing.soft and not credentials.is_secretish(said):
        return [(path, UNKNOWN)]
    return fails(f, path, thing, about)


def secret(thing: Thing, other: Thing) -> bool:
    """A literal that only somebody who knows it sends; the name of a scheme is not."""
    if not isinstance(other.value, (str, bytes)):
        return False
    literal = other.value if isinstance(other.value, str) else other.value.decode("latin-1")
    return not _SCHEMES.match(literal) and not (thing.soft and len(literal) < 12)


def _nobody_equal(thing: Thing, op: str, other: Thing) -> Thing:
    if op not in ("==", "is"):
        return Thing("nobody", thing.name, "loose", soft=True)
    if other.kind == "const" and (other.value is None or other.value is False):
        return Thing("nobody", thing.name, None, thing.soft, not thing.truth)
    if other.kind == "const" and other.value is True:
        return thing
    loose = other.kind == "const" and (isinstance(other.value, int) or _LOOSER.search(str(other.value)) is not None)
    return Thing("nobody", thing.name, "loose" if loose else None, thing.soft)


def _flag_equal(thing: Thing, op: str, other: Thing, about: Expr) -> Thing:
    if thing.value is not NO_DEFAULT and other.kind == "const" and op in ("==", "is"):
        return flag(thing.name, thing.value == other.value or str(thing.value).lower() == str(other.value).lower())
    if other.kind == "const" and other.value in (None, False, "") and op in ("==", "is"):
        return flag(f"not {thing.name}")
    if other.kind == "const" and other.value is True:
        return thing
    return flag(f"{thing.name} {op} {other.value if other.kind == 'const' else other.name}")


def _part(f: Frame, thing: Thing, op: str, other: Thing, about: Expr) -> Thing:
    text = part_text(f, thing)
    if text is None or other.kind != "const" or op not in ("==", "is"):
        return asked(thing, about)
    return known(exempt.equals(text, other.value), thing, about)


def part_text(f: Frame, thing: Thing) -> str | None:
    """The text of a part of the request: computed before, or as the route says."""
    f.engine.asked = True
    return thing.value if isinstance(thing.value, str) else exempt.part(f.engine.request, thing.name)


def asked(thing: Thing, about: Expr) -> Thing:
    return Thing("asked", f"{thing.name} {words(about)}"[:120])


def known(result: bool | None, thing: Thing, about: Expr) -> Thing:
    return const(result) if result is not None else asked(thing, about)
