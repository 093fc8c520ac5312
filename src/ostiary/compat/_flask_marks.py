"""Which of Flask-Limiter's limits hold for a view: its own, those of its blueprint and of the blueprints around it, and what exempts it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from flask import current_app, request

from ostiary.compat._flask_limits import ExemptionScope
from ostiary.compat._rates import Rule, State

MARK = "__ostiary_flask_limiter__"
Mark = Rule | ExemptionScope


class Call:
    """What was counted of one request."""

    def __init__(self) -> None:
        self.seen: set[Rule] = set()
        self.states: list[State] = []
        self.exempt = ExemptionScope.NONE


class Marks:
    """What one limiter has left on blueprints. What is left on views stands on themselves."""

    def __init__(self) -> None:
        self._of_blueprints: dict[str, tuple[Mark, ...]] = {}

    def leave(self, blueprint: str, mark: Mark) -> None:
        self._of_blueprints[blueprint] = (*self._of_blueprints.get(blueprint, ()), mark)

    def holding(self, view: Any) -> tuple[list[Rule], ExemptionScope]:
        """A view's own limits, and its blueprints' where those say nothing or let them hold as well."""
        method = getattr(getattr(view, "view_class", None), request.method.lower(), None)
        marks = (*getattr(view, MARK, ()), *getattr(method, MARK, ()))
        inherited, exempt = self._inherited()
        own = _of_method(marks)
        return own if any(rule.override_defaults for rule in own) else own + inherited, exempt | _exempt_in(marks)

    def _inherited(self) -> tuple[list[Rule], ExemptionScope]:
        marks = [self._of_blueprints.get(current_app.blueprints[name].name, ()) for name in request.blueprints]
        if not any(marks):
            return [], ExemptionScope.NONE
        rules, exempt = _of_method(marks[0]), _exempt_in(marks[0])
        alone = ExemptionScope.ANCESTORS in exempt or (bool(rules) and all(rule.override_defaults for rule in rules))
        for outer in marks[1:]:
            if ExemptionScope.DESCENDENTS in _exempt_in(outer):
                exempt |= _exempt_in(outer)
            elif not alone:
                rules += _of_method(outer)
        return rules, exempt


def rules_in(marks: Iterable[Mark]) -> list[Rule]:
    return [mark for mark in marks if isinstance(mark, Rule)]


def _of_method(marks: Iterable[Mark]) -> list[Rule]:
    return [rule for rule in rules_in(marks) if rule.holds_for(request.method)]


def _exempt_in(marks: Iterable[Mark]) -> ExemptionScope:
    found = (mark for mark in marks if isinstance(mark, ExemptionScope))
    return functools.reduce(ExemptionScope.__or__, found, ExemptionScope.NONE)
