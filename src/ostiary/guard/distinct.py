"""How many different objects may one caller ask for? (LIMIT-7): walking through ids is told apart from calling often.

An id that is new to the caller spends one of the limit, and is remembered for its window in a counter of its own; both are asked in one
spend, all or none. So at most N ids new to the caller are reached in any window, whatever is asked how often. What was asked for at the
end of its window is new after it: in some window 2 N different ones can be reached.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ostiary.guard.ask import Flow
from ostiary.guard.charging import caller_of, counted, told
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.stores.base import Charge, Spent
from ostiary.model.limit import Limit

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request


def check(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Flow[Deny | None]:
    """A Deny when this id is new to the caller and the limit of new ones is spent."""
    if compiled.policy.distinct is None:
        return None
    parameter, limit = compiled.policy.distinct
    # A KeyError refuses: whoever is not told the parameter cannot count.
    asked = request.parameters[parameter]
    key = (limit.bucket or compiled.template, *caller_of(core, request, who))
    charges = (Charge(("distinct", *key), limit), Charge(("seen", *key, str(asked)), _once(limit.seconds)))
    spent = yield from counted(core, request, charges)
    if spent is None or spent.allowed or _seen(spent):
        return None
    denied = told(request, charges[:1], Spent(False, spent.states[:1], spent.retry_after))
    return denied and denied._replace(reason="enumeration")


def _seen(spent: Spent) -> bool:
    """Has this id been asked for in its window?"""
    return spent.states[1][1] == 0


@lru_cache(maxsize=64)
def _once(seconds: int) -> Limit:
    return Limit(1, seconds)
