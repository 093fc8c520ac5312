"""How many calls of one caller run at the same time (LIMIT-8). Counted in each worker process: nothing is left behind when one dies."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from ostiary.guard.charging import caller_of
from ostiary.guard.decision import Deny
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.decision import Principal
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request

Key = tuple[str, ...]
_alive: weakref.WeakSet[Running] = weakref.WeakSet()


class Running:
    """The calls that run now, by caller; a caller who has none takes no memory."""

    def __init__(self) -> None:
        self._begin()
        _alive.add(self)

    def _begin(self) -> None:
        self._counts: dict[Key, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def enter(self, asked: tuple[tuple[Key, int], ...]) -> bool:
        """One more for each of (caller, most), all or none."""
        with self._lock:
            if any(self._counts.get(key, 0) >= most for key, most in asked):
                return False
            for key, _ in asked:
                self._counts[key] = self._counts.get(key, 0) + 1
        return True

    def leave(self, asked: tuple[tuple[Key, int], ...]) -> None:
        """They are over."""
        with self._lock:
            for key, _ in asked:
                left = self._counts.get(key, 0) - 1
                if left > 0:
                    self._counts[key] = left
                else:
                    self._counts.pop(key, None)


def check(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Deny | None:
    """A Deny when too many calls of this caller are running. What was entered is left when the call is recorded."""
    if not compiled.concurrent or request.held:
        return None
    caller = caller_of(core, request, who)
    asked = tuple([((*place, *caller), most) for place, most in compiled.concurrent])
    if not core.running.enter(asked):
        return Deny(problem.TOO_MANY_AT_ONCE, "concurrency")
    request.held = asked
    return None


def _after_fork_in_child() -> None:
    for running in tuple(_alive):
        running._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
