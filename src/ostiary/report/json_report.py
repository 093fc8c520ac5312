"""The scan as JSON, by the contract of ``docs/scan.schema.json``: keys may be added, none is removed within a schema number."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from ostiary import __version__, weaknesses
from ostiary.model.finding import Evidence, Finding
from ostiary.model.route import DeclaredLimit, Gate, Location, Policy, Route, State
from ostiary.model.scan import AppSeen, Scan, Score, Skipped
from ostiary.report.common import View, fix_of
from ostiary.scan.gate import incomplete
from ostiary.scan.state import state_of

SCHEMA = 1
_STANDARDS = ("asvs", "pci", "soc2")


def render(scan: Scan, _view: View | None = None) -> str:
    """One JSON document. It holds everything, whatever the view: each finding says who should act."""
    return dump(
        {
            "schema": SCHEMA,
            "tool": {"name": "ostiary", "version": __version__},
            "target": scan.target,
            "complete": not incomplete(scan),
            "skipped": [_skipped(item) for item in scan.skipped],
            "score": _score(scan.score) if scan.score else None,
            "apps": [_app(app) for app in scan.apps],
            "stats": _stats(scan),
            "notices": list(scan.notices),
            "routes": [route_value(route) for route in scan.routes],
            "findings": [_finding(scan, finding) for finding in scan.findings],
        }
    )


def dump(value: Any) -> str:
    """JSON text as every command prints it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def route_value(route: Route) -> dict[str, Any]:
    """One route of the contract."""
    return {
        "method": route.method,
        "path": route.path,
        "version": route.version,
        "handler": route.handler,
        "app": route.app,
        "audience": str(route.audience),
        "witnesses": [witness.value for witness in route.witnesses],
        "at": _line(route.at),
        "public": {"by": route.public.by, "reason": route.public.reason} if route.public else None,
        "protection": _protection(route),
        "limits": [_limit(limit) for limit in route.limits],
        "policy": _policy(route.policy),
        "unresolved": list(route.unresolved),
    }


def _protection(route: Route) -> dict[str, Any]:
    return {
        "state": state_of(route).value,
        "by": [_gate(gate) for gate in route.protection.by],
        "why": route.protection.why,
        "extractors": [_gate(gate) for gate in route.protection.extractors],
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {"kind": gate.kind, "name": gate.name, "at": _line(gate.at)}


def _limit(limit: DeclaredLimit) -> dict[str, Any]:
    return {"text": limit.text, "at": _line(limit.at)}


def _day(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).date().isoformat()


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "schemes": list(policy.schemes),
        "scopes": list(policy.scopes),
        "owner": policy.owner,
        "signature": ", ".join(("required", *policy.signed)) if isinstance(policy.signed, tuple) else None,
        "networks": None if policy.networks is None else list(policy.networks),
        "deprecated": _day(policy.lifecycle.since if policy.lifecycle is not None else None),
        "sunset": _day(policy.lifecycle.sunset if policy.lifecycle is not None else None),
    }


def _finding(scan: Scan, finding: Finding) -> dict[str, Any]:
    page = weaknesses.get(finding.weakness)
    return {
        "weakness": finding.weakness,
        "title": page.title,
        "category": page.category,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "audience": finding.audience.value,
        "exposure": finding.exposure.value,
        "app": finding.app,
        "route": {"method": finding.route[0], "path": finding.route[1]} if finding.route else None,
        "at": _column(finding.at),
        "message": finding.message,
        "evidence": [_evidence(step) for step in finding.evidence],
        "witnesses": [witness.value for witness in finding.witnesses],
        "verdict": finding.verdict,
        "cwe": list(page.cwe),
        "owasp": list(page.owasp),
        "references": {name: list(page.references.get(name, ())) for name in _STANDARDS},
        "fix": fix_of(scan, finding),
        "fingerprint": finding.fingerprint,
        "new": finding.new,
        "suppressed": None if finding.suppressed is None else {"reason": finding.suppressed},
    }


def _evidence(step: Evidence) -> dict[str, Any]:
    return {"kind": step.kind, "text": step.text, "at": _line(step.at)}


def _skipped(item: Skipped) -> dict[str, Any]:
    return {"what": item.what, "why": item.why, "serious": item.serious}


def _score(score: Score) -> dict[str, Any]:
    return {
        "value": score.value,
        "grade": score.grade,
        "categories": dict(score.categories),
        "weights": score.weights,
        "capped": score.capped,
        "with_suppressed": score.with_suppressed,
        "raises": [{"what": what, "value": value} for what, value in score.raises],
    }


def _app(app: AppSeen) -> dict[str, Any]:
    return {"name": app.name, "framework": app.framework, "at": _line(app.at), "routes": app.routes}


def _stats(scan: Scan) -> dict[str, Any]:
    states = Counter(state_of(route) for route in scan.routes)
    return {
        "files": {"read": scan.files_read, "unreached": scan.files_unreached},
        "routes": {state.value: states[state] for state in State},
    }


def _line(at: Location | None) -> dict[str, Any] | None:
    return None if at is None else {"file": at.file, "line": at.line}


def _column(at: Location | None) -> dict[str, Any] | None:
    return None if at is None else {"file": at.file, "line": at.line, "column": at.column}
