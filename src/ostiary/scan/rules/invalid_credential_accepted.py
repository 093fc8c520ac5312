"""A route that reads a credential and never verifies it: any text passes."""

from __future__ import annotations

from ostiary.model.finding import Confidence, Evidence
from ostiary.model.route import Gate, State
from ostiary.scan.code.sites import RouteCode
from ostiary.scan.rules import Found, Rule

rule = Rule("invalid-credential-accepted")

_FIX = (
    "Verify what was read before the handler runs:\nif not hmac.compare_digest(digest(given), digest_of_the_key): raise or abort with 401"
)


@rule.on_route
def unverified(code: RouteCode) -> Found:
    """Open, with an extractor on the way."""
    route = code.route
    if (
        route.protection.state is not State.OPEN
        or route.public is not None
        or not route.protection.extractors
        or route.method in ("HEAD", "OPTIONS")
    ):
        return
    names = ", ".join(dict.fromkeys(gate.name for gate in route.protection.extractors))
    confidence = Confidence.LOW if route.unresolved else Confidence.HIGH
    message = f"{route.method} {route.path} reads a credential ({names}) that nothing verifies: any value passes"
    yield rule.finding(message, code, confidence, evidence=[_step(gate) for gate in route.protection.extractors], fix=_FIX)


def _step(gate: Gate) -> Evidence:
    return Evidence("flow", f"{gate.kind} {gate.name} reads it", gate.at)
