"""Failed attempts (AUTH-9): counted by address, and by address and key id. Who has failed too often hears 429, and for a flood of
failures nothing is looked up.

Failures of one key from all addresses only alert: or a stranger who knows an id could lock its owner out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ostiary.guard import network
from ostiary.guard.ask import Call, Flow
from ostiary.guard.charging import counted, told
from ostiary.guard.decision import Deny
from ostiary.guard.stores.base import Charge
from ostiary.model import limit as limit_text
from ostiary.wire import apikey

if TYPE_CHECKING:
    from ostiary.guard.authn import Refusal
    from ostiary.guard.core import Core
    from ostiary.guard.request import Request
    from ostiary.guard.stores.base import Spent

OF_KEY = "100 per hour"
"""After so many failed attempts with one key id, from wherever, a warning is logged."""
LOOK_UPS = "5 per second"
"""So many credentials that nobody has seen are looked up for an address that has failed too often: a good one passes, a flood does not."""
_LOOK_UPS = limit_text.parse(LOOK_UPS)[0]
_ALERT = replace(limit_text.parse(OF_KEY)[0], by=("app",), text="")


def over(core: Core, request: Request, text: str) -> Flow[Deny | None]:
    """Has this address failed too often, or with this key's id, and used up what look-ups it has left? No failure is counted."""
    charges = _charges(core, request, text, 0)
    if not charges:
        return None
    spent = yield from counted(core, request, charges)
    if spent is None:
        return None
    waits = [reset for _, left, reset in spent.states if left <= 0]
    if not waits:
        return None
    look_up = Charge(("failures", "look-ups", network.bucket(request.address, core.settings.ipv6_prefix)), _LOOK_UPS)
    looked = yield from counted(core, request, (look_up,))
    if looked is None or looked.allowed:
        return None
    return _told(request, charges, spent._replace(allowed=False, retry_after=max(waits)), "credentials_unseen")


def count(core: Core, request: Request, refusal: Refusal) -> Flow[Deny | None]:
    """One failed attempt more; a Deny when there are too many. Alerts where a key that exists is tried too often, from wherever."""
    charges = _charges(core, request, request.credential, 1)
    if not charges:
        return None
    if refusal.key_id:
        tried = yield from counted(core, request, (Charge(("failures", "key", refusal.key_id), _ALERT),))
        if tried is not None and not tried.allowed:
            yield Call(core.attacked, (refusal.key_id,))
    spent = yield from counted(core, request, charges)
    return None if spent is None else _told(request, charges, spent, refusal.reason)


def _charges(core: Core, request: Request, text: str, cost: int) -> tuple[Charge, ...]:
    limits = core.settings.failure_limits
    address = network.bucket(request.address, core.settings.ipv6_prefix)
    found = [Charge(("failures", "address", address), one, cost) for one in limits.by_address]
    parts = apikey.parse(text) if limits.by_key and text else None
    if parts is not None:
        found += [Charge(("failures", "address", address, parts.id), one, cost) for one in limits.by_key]
    return tuple(found)


def _told(request: Request, charges: tuple[Charge, ...], spent: Spent, reason: str) -> Deny | None:
    denied = told(request, charges, spent, shown=False)
    return None if denied is None else denied._replace(reason=f"too_many_failures:{reason}")
