"""Rules over routes, applications, calls and comparisons. Each rule is asked only about what it subscribed to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ostiary.model.finding import Audience, Finding
from ostiary.model.scan import Skipped
from ostiary.scan.code import ir
from ostiary.scan.code.sites import AppCode, Call, Compare, Site
from ostiary.scan.code.world import World
from ostiary.scan.records import altered, field, record
from ostiary.scan.rules import Rule

Check = Callable[[Any], Iterator[Finding]]


@record
class _Asked:
    """Where checks put what they find; a check that breaks is reported, not hidden."""

    findings: list[Finding] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def ask(self, checks: Iterable[Check], site: Any, audience: str = "developer") -> None:
        for check in checks:
            try:
                found = list(check(site))
            except Exception as error:  # noqa: BLE001  a defect of one rule must not cost the others their findings
                where = getattr(site, "location", None) or getattr(getattr(site, "route", None), "at", None)
                name = check.__module__.rpartition(".")[2].replace("_", "-")
                self.skipped.append(Skipped(f"rule {name} at {where}", f"a defect of ours: {type(error).__name__}: {error}", serious=True))
                continue
            if audience == "sample":
                found = [altered(f, audience=Audience.SAMPLE) for f in found]
            self.findings += found


def judge(w: World, apps: list[AppCode], rules: tuple[Rule, ...]) -> tuple[list[Finding], list[Skipped]]:
    """Every finding of every rule, unmerged, and what could not be asked."""
    asked = _Asked()
    for app in apps:
        asked.ask([c for r in rules for c in r.apps], app, app.routes[0].route.audience if app.routes else "developer")
        for code in app.routes:
            asked.ask([c for r in rules for c in r.routes], code, code.route.audience)
    by_name: dict[str, list[Check]] = {}
    for rule in rules:
        for name, checks in rule.calls.items():
            by_name.setdefault(name, []).extend(checks)
    compares = [c for r in rules for c in r.compares]
    modules = [c for r in rules for c in r.modules]
    for module in sorted(w.modules.values(), key=lambda m: m.path):
        asked.ask(modules, Site(w, module, module.top, module.top.at), module.audience)
        for function in (module.top, *module.functions):
            _calls(asked, w, module, function, by_name)
            _compares(asked, w, module, function, compares)
    return asked.findings, asked.skipped


def _calls(asked: _Asked, w: World, module: ir.Module, function: ir.Function, by_name: dict[str, list[Check]]) -> None:
    for expr in function.calls:
        callee = expr[2]
        # the last identifier of a name or attribute stands last in its tuple
        name = callee[-1] if callee[0] in ("attr", "name") else ""
        checks = by_name.get(name)
        if checks is not None:
            asked.ask(checks, Call(w, module, function, expr[1], expr), module.audience)


def _compares(asked: _Asked, w: World, module: ir.Module, function: ir.Function, checks: list[Check]) -> None:
    for expr in function.compares:
        left = expr[2]
        for op, right in zip(expr[3], expr[4], strict=True):
            asked.ask(checks, Compare(w, module, function, expr[1], left, op, right), module.audience)
            left = right
