"""What a call spends of limits: which counters, what they answered, what the caller is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.guard import network
from ostiary.guard.ask import Flow, Spend
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.outages import STORE_DOWN
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.policies import Charges
    from ostiary.guard.request import Request

_PRINCIPAL = ("principal",)


def spend(
    core: Core, request: Request, charges: Charges, who: Principal | None, *, shown: bool = True, cost: int | None = None
) -> Flow[Deny | None]:
    """All limits of a phase, all or none. What is not ``shown`` is told of only when it refuses."""
    if not charges:
        return None
    asked = charged(core, request, charges, who, cost)
    spent = yield from counted(core, request, asked)
    return None if spent is None else told(request, asked, spent, shown=shown)


def counted(core: Core, request: Request, asked: tuple[Charge, ...]) -> Flow[Spent | None]:
    """What the counters answer; while they are out what the policy says in their place, None for a call that passes uncounted."""
    now = core.clock()
    try:
        return core.counters.spend(asked, now) if core.counters.immediate else (yield Spend(asked, now))
    except StoreDown as down:
        return core.outages.instead(request, asked, now, down)


def told(request: Request, asked: tuple[Charge, ...], spent: Spent, *, shown: bool = True) -> Deny | None:
    """What the counters answered: a Deny, or None."""
    if shown or not spent.allowed:
        _show(request, asked, spent)
    if spent.allowed:
        return None
    return Deny(problem.TOO_MANY, "rate_limit" if request.reason != STORE_DOWN else f"{STORE_DOWN}:rate_limit")


def caller_of(core: Core, request: Request, who: Principal | None) -> tuple[str, str]:
    """Whose calls are counted together: the principal's, else those of the address (IPv6 by /64)."""
    known = who is not None and (who.key_id or who.subject)
    return (who.scheme, known) if who is not None and known else ("address", network.bucket(request.address, core.settings.ipv6_prefix))


def charged(core: Core, request: Request, charges: Charges, who: Principal | None, cost: int | None) -> tuple[Charge, ...]:
    """Each limit with the counter that it is counted in."""
    caller = caller_of(core, request, who)
    return tuple(
        [
            Charge(
                key + (caller if one.by == _PRINCIPAL else _whom(core, request, one.by, caller)), one, one.cost if cost is None else cost
            )
            for key, one in charges
        ]
    )


def _whom(core: Core, request: Request, by: tuple[str, ...], caller: tuple[str, str]) -> tuple[str, ...]:
    told = {"app": ("app", ""), "address": ("address", network.bucket(request.address, core.settings.ipv6_prefix)), "principal": caller}
    return tuple(part for kind in by for part in told[kind])


def _show(request: Request, asked: tuple[Charge, ...], spent: Spent) -> None:
    """What the answer will say about limits: of every phase so far."""
    limits = tuple([charge.limit for charge in asked])
    if request.spent is None:
        request.limits, request.spent = limits, spent
        return
    shift = len(request.limits)
    states = tuple((index + shift, left, reset) for index, left, reset in spent.states)
    request.limits += limits
    request.spent = Spent(spent.allowed, request.spent.states + states, spent.retry_after)
