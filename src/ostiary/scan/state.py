"""The one answer about a route that every report, the lock and the gates give."""

from __future__ import annotations

from ostiary.model.route import Route, State


def state_of(route: Route) -> State:
    """A verified credential counts more than a mark; a mark counts more than not knowing."""
    if route.protection.state is State.PROTECTED:
        return State.PROTECTED
    return State.PUBLIC if route.public is not None else route.protection.state
