"""Scans made by hand, so that a report can be held against every word of it."""

from __future__ import annotations

from dataclasses import replace

from ostiary.model.finding import Audience, Confidence, Evidence, Exposure, Finding, Severity, Weakness
from ostiary.model.route import DeclaredLimit, Gate, Location, Policy, Protection, PublicMark, Route, State, Witness
from ostiary.model.scan import AppSeen, Scan, Score, Skipped

FLASK_FIX = "```python\n@app.get('/orders')\n@login_required\ndef orders(): ...\n```\n\nMore words."
FASTAPI_FIX = "```python\n@app.get('/orders')\nasync def orders(user: CurrentUser): ...\n```\n\nMore words."


def page(
    name: str, title: str, category: str, severity: Severity, cwe: tuple[int, ...] = (306,), owasp: tuple[str, ...] = ("API2:2023",)
) -> Weakness:
    return Weakness(
        id=name,
        title=title,
        category=category,
        severity=severity,
        cwe=cwe,
        owasp=owasp,
        subsumes=(),
        references={"asvs": ("v5.0.0-6.3.4",), "pci": ("6.2.4",), "soc2": ("CC6.1",)},
        why="Whoever can reach the server\ncan call this route.\n\nMore.",
        attack="The request is simply sent.",
        fixes={"flask": FLASK_FIX, "fastapi": FASTAPI_FIX},
    )


PAGES = {
    one.id: one
    for one in (
        page("missing-authentication", "Route without authentication", "authentication", Severity.HIGH),
        page("hardcoded-secret", "Secret written into the source", "secrets", Severity.HIGH, (798, 540), ("API8:2023",)),
        page("missing-rate-limit", "No rate limit", "resources", Severity.MEDIUM, (770,), ("API4:2023",)),
        page("timing-unsafe-comparison", "Secret compared byte by byte", "secrets", Severity.MEDIUM, (208,), ()),
        page("debug-mode", "Debugger left on", "exposure", Severity.HIGH, (489,), ("API8:2023",)),
        page("unversioned-api", "No version in any path", "inventory", Severity.LOW, (), ()),
    )
}


def route(method: str, path: str, line: int, state: State = State.OPEN, *gates: Gate, app: str = "shop:app", **rest: object) -> Route:
    protection = Protection(state, gates, str(rest.pop("why", "")))
    known = Route(method, path, handler=f"shop.{path.strip('/').split('/')[0]}", at=Location("shop/orders.py", line), app=app)
    return replace(known, protection=protection, **rest)


LOGIN = Gate("decorator", "login_required", Location("shop/auth.py", 12))
ROUTES = (
    route("GET", "/orders", 14),
    route("POST", "/orders", 22),
    route("DELETE", "/orders/{id}", 31),
    route(
        "GET",
        "/v1/me",
        40,
        State.PROTECTED,
        LOGIN,
        limits=(DeclaredLimit("5 per minute", Location("shop/orders.py", 39)),),
        policy=Policy(schemes=("bearer",), scopes=("me:read",)),
        why="login_required verifies the session",
    ),
    route("GET", "/health", 50, State.PUBLIC, public=PublicMark("comment", "asked by the load balancer")),
    route("GET", "/admin", 8, State.UNKNOWN, app="admin:app", at=Location("admin/main.py", 8), unresolved=("broken.py was not parsed",)),
    route("GET", "/fixture", 3, audience="sample", at=Location("tests/app.py", 3)),
)


def finding(weakness: str, line: int, message: str, file: str = "shop/orders.py", **rest: object) -> Finding:
    known = Finding(weakness, Severity.HIGH, Confidence.HIGH, message, Location(file, line, 5), app="shop:app")
    return replace(known, fingerprint=f"{weakness[:6]}{line:010d}", **rest)


OPEN = "nothing checks who calls"
FINDINGS = (
    finding("missing-authentication", 31, f"{OPEN}, and it deletes", severity=Severity.CRITICAL, route=("DELETE", "/orders/{id}")),
    finding("missing-authentication", 14, OPEN, route=("GET", "/orders")),
    finding("missing-authentication", 22, OPEN, route=("POST", "/orders")),
    finding(
        "hardcoded-secret",
        4,
        "SECRET_KEY is a literal of 24 characters (generic, 24, fp 81b2)",
        "shop/settings.py",
        fix='SECRET_KEY = os.environ["SECRET_KEY"]',
        evidence=(
            Evidence("flow", "the literal", Location("shop/settings.py", 4)),
            Evidence("flow", "signs the session", Location("shop/app.py", 9)),
            Evidence("note", "read here too", Location("shop/mail.py", 2)),
        ),
    ),
    finding("debug-mode", 60, "debug=True", severity=Severity.HIGH, confidence=Confidence.MEDIUM, suppressed="started by hand only"),
    finding("missing-rate-limit", 0, "no limiter guards any of the 6 routes", at=None, severity=Severity.MEDIUM),
    finding(
        "timing-unsafe-comparison",
        8,
        "the key is compared with ==",
        "admin/main.py",
        severity=Severity.MEDIUM,
        confidence=Confidence.LOW,
        app="admin:app",
        exposure=Exposure.AUTHENTICATED,
        witnesses=(Witness.CODE, Witness.APP),
    ),
    finding("unversioned-api", 0, "5 of 6 paths have no version", at=None, severity=Severity.LOW, audience=Audience.AUDITOR),
    finding("hardcoded-secret", 2, "a key of tests", "tests/app.py", audience=Audience.SAMPLE),
)
SCORE = Score(
    value=34,
    grade="F?",
    capped=True,
    categories={"authentication": 40, "secrets": 70, "resources": 90, "tokens": None, "exposure": 100},
    raises=(("missing-authentication", 71), ("shop/orders.py", 71), ("hardcoded-secret", 45)),
    weights="1",
    with_suppressed=29,
)
FULL = Scan(
    target="bookshop",
    routes=ROUTES,
    findings=FINDINGS,
    skipped=(Skipped("broken.py", "invalid syntax (line 3)", serious=True), Skipped("*.ipynb: 2", "notebooks are not read yet")),
    apps=(
        AppSeen("shop:app", "flask", Location("shop/app.py", 7), 6),
        AppSeen("admin:app", "fastapi", Location("admin/main.py", 5), 1),
    ),
    score=SCORE,
    files_read=12,
    files_unreached=3,
    notices=("shop/orders.py:9: ignore[debug-mode] matches no finding; remove it",),
)
EMPTY = Scan(target="empty")
CLEAN = replace(
    FULL,
    routes=ROUTES[3:5],
    findings=(),
    skipped=(),
    notices=(),
    apps=FULL.apps[:1],
    score=Score(100, "A", False, {"authentication": 100}, (), "1", 100),
)


def many(count: int) -> Scan:
    """As many open routes as asked for, one finding each."""
    routes = tuple(route("GET", f"/r{number}", number + 1) for number in range(count))
    found = tuple(finding("missing-authentication", one.at.line if one.at else 0, OPEN, route=one.key) for one in routes)
    return replace(CLEAN, routes=routes, findings=found)
