"""The scan as SARIF 2.1.0, for code scanning. Findings of tests and examples stay out: a code scanner knows no "apart"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from ostiary import __version__, weaknesses
from ostiary.model.finding import Audience, Confidence, Evidence, Finding, Severity, Weakness
from ostiary.model.route import Location
from ostiary.model.scan import Scan, Skipped
from ostiary.report.common import View, fix_of, for_audience, place_of
from ostiary.scan.gate import incomplete

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_BASE = "SRCROOT"
_LEVEL = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
# GitHub reads these as: above 9 critical, from 7 high, from 4 medium, above 0 low.
_NUMBER = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0", Severity.INFO: "0.0"}
_PRECISION = {Confidence.CONFIRMED: "very-high", Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}


def render(scan: Scan, view: View | None = None) -> str:
    """One SARIF log with one run."""
    findings = for_audience(scan, view.audience if view else Audience.DEVELOPER)
    rules = sorted({finding.weakness for finding in findings})
    run = {
        "tool": {"driver": _driver([_rule(name, findings) for name in rules])},
        "invocations": [_invocation(scan)],
        "originalUriBaseIds": {_BASE: {"description": {"text": "The scanned folder."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(scan, finding, rules.index(finding.weakness)) for finding in findings],
        "properties": _properties(scan),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _driver(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "Ostiary", "version": __version__, "semanticVersion": __version__, "rules": rules}


def _rule(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """A code scanner knows one severity for each rule: it gets the gravest that was found."""
    page = weaknesses.get(name)
    own = [finding for finding in findings if finding.weakness == name]
    severity = max((finding.severity for finding in own), key=lambda level: level.rank)
    confidence = max((finding.confidence for finding in own), key=lambda level: level.rank)
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": " ".join(page.why.partition("\n\n")[0].split())},
        "help": {"text": _plain_help(page), "markdown": _help(page)},
        "defaultConfiguration": {"level": _LEVEL[severity]},
        "properties": {"security-severity": _NUMBER[severity], "precision": _PRECISION[confidence], "tags": _tags(page)},
    }


def _help(page: Weakness) -> str:
    fixes = "\n\n".join(f"## Fix: {name}\n\n{text}" for name, text in page.fixes.items())
    return f"# {page.title}\n\n## Why\n\n{page.why}\n\n## Attack\n\n{page.attack}\n\n{fixes}\n"


def _plain_help(page: Weakness) -> str:
    return f"{page.title}. More: ostiary explain {page.id}"


def _tags(page: Weakness) -> list[str]:
    return ["security", page.category, *(f"external/cwe/cwe-{number}" for number in page.cwe), *(f"owasp/{name}" for name in page.owasp)]


def _invocation(scan: Scan) -> dict[str, Any]:
    return {
        "executionSuccessful": not incomplete(scan),
        "toolExecutionNotifications": [_notification(item) for item in scan.skipped],
        "toolConfigurationNotifications": [{"level": "warning", "message": {"text": text}} for text in scan.notices],
    }


def _notification(item: Skipped) -> dict[str, Any]:
    return {"level": "error" if item.serious else "note", "message": {"text": f"{item.what}: {item.why}"}}


def _result(scan: Scan, finding: Finding, index: int) -> dict[str, Any]:
    result = {
        "ruleId": finding.weakness,
        "ruleIndex": index,
        "level": _LEVEL[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(place_of(scan, finding), finding.route)],
        "partialFingerprints": {"ostiary/v1": finding.fingerprint},
        "suppressions": _suppressions(finding),
        "properties": _result_properties(scan, finding),
    }
    if finding.new is not None:
        result["baselineState"] = "new" if finding.new else "unchanged"
    return result | _evidence(finding)


def _message(finding: Finding) -> str:
    route = f"{' '.join(finding.route)}: " if finding.route else ""
    # SARIF reads [text](target) in a message as a link.
    return f"{route}{finding.message}".replace("](", "\\](")


def _location(at: Location, route: tuple[str, str] | None = None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(at.file, errors="backslashreplace"), "uriBaseId": _BASE}}
    if at.line:
        physical["region"] = {"startLine": at.line} | ({"startColumn": at.column} if at.column else {})
    logical = {"logicalLocations": [{"fullyQualifiedName": " ".join(route), "kind": "resource"}]} if route else {}
    return {"physicalLocation": physical} | logical


def _suppressions(finding: Finding) -> list[dict[str, Any]]:
    # An empty list says that nobody suppressed it; no list would say that nobody knows.
    return [{"kind": "external", "status": "accepted", "justification": finding.suppressed}] if finding.suppressed is not None else []


def _result_properties(scan: Scan, finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "exposure": finding.exposure.value,
        "audience": finding.audience.value,
        "witnesses": [witness.value for witness in finding.witnesses],
        "app": finding.app,
        "fix": fix_of(scan, finding),
    }


def _evidence(finding: Finding) -> dict[str, Any]:
    """A flow is a path to walk along; everything else that has a place stands beside."""
    flow = [step for step in finding.evidence if step.kind == "flow" and step.at]
    beside = [step for step in finding.evidence if step.kind != "flow" and step.at]
    flows = {"codeFlows": [{"threadFlows": [{"locations": [{"location": _step(step)} for step in flow]}]}]} if flow else {}
    return flows | ({"relatedLocations": [_step(step) | {"id": number} for number, step in enumerate(beside)]} if beside else {})


def _step(step: Evidence) -> dict[str, Any]:
    return _location(step.at or Location(".", 0)) | {"message": {"text": step.text}}


def _properties(scan: Scan) -> dict[str, Any]:
    score = {"value": scan.score.value, "grade": scan.score.grade, "weights": scan.score.weights} if scan.score else None
    return {"target": scan.target, "score": score, "routes": len(scan.routes)}
