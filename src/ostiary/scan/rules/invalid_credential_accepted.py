"""A route that reads a credential and never verifies it: any text passes."""

from __future__ import annotations

from ostiary.model.finding import Confidence, Evidence
from ostiary.model.route import Gate, Route, State
from ostiary.scan.code.ir import Function, walk
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._flows import Flow, Source
from ostiary.scan.rules._sources import credential

rule = Rule("invalid-credential-accepted")

_FIX = (
    "Verify what was read before the handler runs:\nif not hmac.compare_digest(digest(given), digest_of_the_key): raise or abort with 401"
)


@rule.on_route
def unverified(code: RouteCode) -> Found:
    """Open, with an extractor on the way or a presence test in the handler itself."""
    route = code.route
    if route.protection.state is not State.OPEN or route.public is not None or route.method in ("HEAD", "OPTIONS"):
        return
    extractors = extractors_of(route)
    inside = read_in_handler(code) if not extractors else None
    if not extractors and inside is None:
        return
    names = ", ".join(dict.fromkeys(gate.name for gate in extractors)) or (inside.what if inside is not None else "")
    confidence = Confidence.LOW if route.unresolved else Confidence.HIGH if extractors else Confidence.MEDIUM
    message = f"{route.method} {route.path} reads a credential ({names}) that nothing verifies: any value passes"
    yield rule.finding(message, code, confidence, evidence=[_step(gate) for gate in extractors], fix=_FIX)


def extractors_of(route: Route) -> tuple[Gate, ...]:
    """What reads a credential and refuses those without one; an optional user, who may be nobody, is not that."""
    return route.protection.extractors


def _step(gate: Gate) -> Evidence:
    return Evidence("flow", f"{gate.kind} {gate.name} reads it", gate.at)


def read_in_handler(code: RouteCode) -> Source | None:
    """The header or cookie that the handler reads, when it refuses somebody for it."""
    function = code.handler.function if code.handler is not None else None
    if function is None or not refuses_somebody(function):
        return None
    flow = Flow(code.world, function)
    reads = (node for node in walk(function.body) if node[0] in ("call", "sub"))
    return next((found for node in reads if (found := credential(flow, node)) is not None and found.kind in ("header", "cookie")), None)


def refuses_somebody(function: Function) -> bool:
    """A 401 or 403 stands in it."""
    return any(node[0] == "const" and node[2] in (401, 403) and type(node[2]) is int for node in walk(function.body))
