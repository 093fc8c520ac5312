"""The straight way: a credential that was proved a moment ago, on a route that demands nothing unusual, with counters in memory.

The same steps in the same order as ``flow.decide``, without a generator: nothing here waits. Where anything is out of the ordinary the
answer is None before anything was spent, and the flow decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.guard.authn.presented import in_query
from ostiary.guard.charging import charged, told
from ostiary.guard.decision import ALLOW, Decision, Deny, Principal
from ostiary.guard.flow import from_elsewhere, may
from ostiary.guard.limit_headers import said_of
from ostiary.guard.policies import Granted
from ostiary.guard.stores.base import StoreDown
from ostiary.guard.stores.memory_counters import prepared
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request

_MOST = 4096
_BY_PRINCIPAL = ("principal",)


def straight(core: Core, request: Request, compiled: Compiled) -> Decision | None:
    """The decision, or None where the flow has to be asked."""
    if not compiled.plain or not core.counters.immediate:
        return None
    if request.query and in_query(request.query, core.settings.query_parameters) is not None:
        return None
    text = request.lone(core.settings.header)
    if not text:
        return None
    now = core.clock()
    for authenticator in compiled.authenticators:
        if (who := authenticator.known(text, now)) is not None:
            break
    else:
        return None
    try:
        granted = compiled.granted.get(id(who))
        if granted is not None and granted.who is who and granted.prepared is not None:
            left = core.counters.spend_again(granted.prepared, now)  # type: ignore[attr-defined]  # counters that are immediate have it
            if left is not None:
                request.credential, request.principal = text, who
                request.limits, request.left, request.said = granted.limits, left, granted.said
                return ALLOW
        return _admitted(core, request, compiled, text, who, now)
    except StoreDown as down:
        return core.outages.refused(down)


def _admitted(core: Core, request: Request, compiled: Compiled, text: str, who: Principal, now: float) -> Decision:
    if compiled.by_address:
        early = charged(core, request, compiled.by_address, None, None)
        if (over := told(request, early, core.counters.spend(early, now))) is not None:
            return over
    if compiled.networks is not None and request.address not in compiled.networks:
        return Deny(problem.NETWORK, "network_not_allowed")
    request.credential, request.principal = text, who
    if (who.networks is not None or who.origins is not None) and (refused := from_elsewhere(core, request, who)) is not None:
        return refused
    granted = compiled.granted.get(id(who))
    if granted is None or granted.who is not who:
        granted = _grant(core, request, compiled, who)
    if granted.refused is not None:
        return granted.refused
    charges = granted.charges
    if charges is None:
        charges = charged(core, request, compiled.charges_of(who), who, None)
    return (told(request, charges, core.counters.spend(charges, now)) if charges else None) or ALLOW


def _grant(core: Core, request: Request, compiled: Compiled, who: Principal) -> Granted:
    """Worked out once; the principal is kept with it, so that its id stays its own."""
    limits = compiled.charges_of(who)
    named = bool(who.key_id or who.subject) and all(one.by == _BY_PRINCIPAL for _, one in limits)
    charges = charged(core, request, limits, who, None) if named else None
    refused = None if may(who, request, compiled) else Deny(compiled.insufficient, "scope")
    granted = Granted(who, refused, charges)
    anywhere = not compiled.by_address and compiled.networks is None and who.networks is None and who.origins is None
    if refused is None and charges and anywhere and (asked := prepared(charges)) is not None:
        told_of = tuple([charge.limit for charge in charges])
        granted = Granted(who, None, charges, told_of, asked, said_of(told_of))
    if who.publishable and compiled.method == "*":
        # What such a key may depends on the method, which this policy does not tell.
        return granted
    if len(compiled.granted) >= _MOST:
        compiled.granted.clear()
    compiled.granted[id(who)] = granted
    return granted
