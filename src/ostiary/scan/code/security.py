"""Does ``security:`` of a connexion document keep strangers out? Its functions are walked as gates are.

connexion answers 401 itself when nothing was sent; what was sent it hands to the scheme's function, and refuses when that returns None or
raises. Whatever else comes back lets the caller in, also ``{"error": "invalid token"}``.
"""

from __future__ import annotations

from ostiary.model.route import Gate, Location, PublicMark
from ostiary.scan.code import ir, statements, verdicts
from ostiary.scan.code.frames import Engine, Frame, TooMuch
from ostiary.scan.code.frameworks.connexion import Scheme, Security
from ostiary.scan.code.gates import NOTHING, Gates, Judgement
from ostiary.scan.code.sites import Guard
from ostiary.scan.code.things import REQUEST, End, Path, Thing, raw
from ostiary.scan.code.values import Func
from ostiary.scan.records import altered

_STEPS = 6000
_SENT = "header:authorization"
_REFUSED = Thing("answer", "", 401)
_WORST = ("optional", "extractor", "unknown", "gate")
_BEST = ("gate", "unknown", "extractor")


def public(guards: tuple[Guard, ...]) -> PublicMark | None:
    """``security: []`` of an operation is written down."""
    for guard in guards:
        if isinstance(guard.value, Security) and guard.value.public:
            return PublicMark("document", f"security: [] in {guard.value.module.path}")
    return None


def judge(gates: Gates, security: Security) -> Judgement:
    """Any of its ways will do for a caller, so it is as good as the worst; of the schemes of one way all are needed, so that is as good as the best."""
    if not any(security.ways):
        return NOTHING
    ways = [_way(gates, security, way) for way in security.ways]
    found = min(ways, key=lambda judged: _WORST.index(judged.verdict))
    return altered(found, gates=tuple(dict.fromkeys(g for judged in ways for g in judged.gates))) if found.verdict == "gate" else found


def _way(gates: Gates, security: Security, way: tuple[Scheme, ...]) -> Judgement:
    if not way:
        gate = Gate("document", "security", _place(security))
        return Judgement("optional", (gate,), "the document lets callers without a credential through")
    return min([_scheme(gates, scheme) for scheme in way], key=lambda judged: _BEST.index(judged.verdict))


def _scheme(gates: Gates, scheme: Scheme) -> Judgement:
    gate = Gate("document", f"{scheme.name} ({scheme.called})" if scheme.called else scheme.name, _place(scheme))
    if scheme.function is None:
        if scheme.remote:
            return Judgement("gate", (gate,))
        return Judgement("unknown", (gate,), f"the document names no function that verifies {scheme.name}")
    if not isinstance(scheme.function, Func):
        return Judgement("unknown", (gate,), f"{scheme.called} could not be followed")
    try:
        finding = verdicts.classify(_ends(gates, scheme.function), "dependency", False)
    except (TooMuch, RecursionError):
        finding = verdicts.Finding("unknown", f"{scheme.called} has too many ways through to follow")
    if finding.verdict in ("gate", "unknown"):
        return Judgement(finding.verdict, (gate,), finding.why)
    return Judgement("extractor", (gate,), f"{scheme.called} lets junk through: connexion refuses only when it returns None or raises")


def _ends(gates: Gates, func: Func) -> list[End]:
    params = [p for p in func.function.params if p.kind in ("arg", "kwonly")]
    if func.bound is not None:
        params = params[1:]
    env = {p.name: REQUEST if p.name == "request" else raw(_SENT) for p in params if p.name != "required_scopes"}
    frame = Frame(Engine(gates.world, gates, steps=_STEPS), func, "dependency")
    start = Path(env).test("presence").assume(_SENT, present=True)
    return [_as_connexion_sees(end) for end in statements.walk(frame, [start])]


def _as_connexion_sees(end: End) -> End:
    if end.how != "return":
        return end
    # False and "" are no answer that connexion can work with: it breaks, which lets nobody in
    falsy = end.thing.kind == "const" and not end.thing.value
    nobody = end.thing.kind == "nobody" and not end.thing.truth
    return End("raise", _REFUSED, end.path) if falsy or nobody else end


def _place(of: Security | Scheme) -> Location:
    return Location(of.module.path, ir.line_of(of.at), ir.column_of(of.at)) if of.at else Location(of.module.path, 0)
