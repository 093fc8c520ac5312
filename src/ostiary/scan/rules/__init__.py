"""Rules find a weakness by reading. One file a weakness, named like it; its ``rule`` subscribes to what it wants to see.

rule = Rule("debug-mode")

@rule.on_call("run")
def debugger(call: Call) -> Iterator[Finding]:
    if call.name == "flask.Flask.run" and …:
        yield rule.finding("the Werkzeug debugger runs code for anybody who reaches it", call)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostiary.model.finding import Audience, Confidence, Evidence, Exposure, Finding, Severity
from ostiary.model.route import Location, Route
from ostiary.scan.code.sites import AppCode, Call, Compare, RouteCode, Site
from ostiary.scan.records import field, record

if TYPE_CHECKING:
    from ostiary.scan.code.ir import Module

Found = Iterator[Finding]


@record
class Rule:
    """A table of subscriptions for one weakness. Checks are generators over one site; they hold no state."""

    weakness: str
    calls: dict[str, list[Callable[[Call], Found]]] = field(default_factory=dict)
    compares: list[Callable[[Compare], Found]] = field(default_factory=list)
    routes: list[Callable[[RouteCode], Found]] = field(default_factory=list)
    apps: list[Callable[[AppCode], Found]] = field(default_factory=list)
    modules: list[Callable[[Site], Found]] = field(default_factory=list)

    def on_call(self, *last_names: str) -> Callable[[Callable[[Call], Found]], Callable[[Call], Found]]:
        """Every call whose callee ends in one of these names; the check looks at ``call.name`` for the whole of it."""

        def subscribe(check: Callable[[Call], Found]) -> Callable[[Call], Found]:
            for name in last_names:
                self.calls.setdefault(name, []).append(check)
            return check

        return subscribe

    def on_compare(self, check: Callable[[Compare], Found]) -> Callable[[Compare], Found]:
        """Every comparison of every function that is read."""
        self.compares.append(check)
        return check

    def on_route(self, check: Callable[[RouteCode], Found]) -> Callable[[RouteCode], Found]:
        """Every route with its handler."""
        self.routes.append(check)
        return check

    def on_app(self, check: Callable[[AppCode], Found]) -> Callable[[AppCode], Found]:
        """Every application, once."""
        self.apps.append(check)
        return check

    def on_module(self, check: Callable[[Site], Found]) -> Callable[[Site], Found]:
        """Every module that is read; ``site.module.body`` and ``site.module.functions`` hold its statements."""
        self.modules.append(check)
        return check

    def finding(
        self,
        message: str,
        at: Site | RouteCode | AppCode | Location | None,
        confidence: Confidence = Confidence.HIGH,
        *,
        severity: Severity | None = None,
        evidence: Iterable[Evidence] = (),
        fix: str = "",
        audience: Audience = Audience.DEVELOPER,
        exposure: Exposure = Exposure.ANONYMOUS,
    ) -> Finding:
        """A Finding at a site, a route or an application; severity is the page's unless raised here."""
        route: Route | None = at.route if isinstance(at, RouteCode) else None
        place: Any = route.at if route else at.location if isinstance(at, (Site, AppCode)) else at
        app = at.app.name if isinstance(at, RouteCode) else at.name if isinstance(at, AppCode) else ""
        return Finding(
            self.weakness,
            severity or default_severity(self.weakness),
            confidence,
            message,
            place,
            route.key if route else None,
            tuple(evidence),
            exposure,
            audience,
            fix=fix,
            app=app,
        )


def default_severity(weakness: str) -> Severity:
    """The severity that the weakness's page states."""
    from ostiary import weaknesses

    return weaknesses.get(weakness).severity


def all_rules() -> tuple[Rule, ...]:
    """Every rule of this folder, in the order of their names."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    return tuple(import_module(f"{__name__}.{name}").rule for name in names)


def sites_of(module: Module) -> Iterator[Any]:
    """Each function of a module, its top level first."""
    yield module.top
    yield from module.functions
