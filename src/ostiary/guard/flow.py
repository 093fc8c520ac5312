"""A request from top to bottom. No I/O here: what a store or a user's function must answer is yielded (``guard/ask.py``).

``arrive`` does what needs no route, ``decide`` all else, in the order of the steps. A refusal ends it; nothing after it is spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ostiary.guard import network, ownership, transport
from ostiary.guard.ask import Call, Flow, Spend
from ostiary.guard.authn import Refusal
from ostiary.guard.authn.presented import Malformed, in_query, presented
from ostiary.guard.decision import ALLOW, DEFERRED, Decision, Deny, Principal
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.model.scope import admits
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.core import Core
    from ostiary.guard.declare import Delegated
    from ostiary.guard.policies import Charges, Compiled
    from ostiary.guard.request import Request

LONGEST_TARGET = 16_384
_PRINCIPAL = ("principal",)


def arrive(core: Core, request: Request) -> Deny | None:
    """Steps 1 to 4: the form of the head, the client's address, transport and host, the lists."""
    settings = core.settings
    if len(request.path) + len(request.query) > LONGEST_TARGET:
        return Deny(problem.HEAD_TOO_LARGE, "target_too_long")
    if not settings.trust.nobody:
        network.resolve(request, settings.trust)
    elif request.forwarded():
        request.reason = "forwarding_ignored"
    # An encrypted call is asked for its host alone.
    if (settings.transport.hosts is not None or not (request.secure or settings.transport.idle)) and (
        refused := transport.check(request, settings.transport, settings.header)
    ):
        return refused
    if settings.denied is not None and request.address in settings.denied:
        return Deny(problem.NETWORK, "network_denied")
    if settings.allowed is not None and request.address not in settings.allowed:
        return Deny(problem.NETWORK, "network_not_allowed")
    return None


def decide(core: Core, request: Request, compiled: Compiled) -> Flow[Decision]:
    """Steps 5 to 15, for the route that the framework itself matched."""
    policy = compiled.policy
    try:
        if compiled is core.policies.unmatched:
            return (yield from spend(core, request, core.settings.unmatched_charges, None, shown=False)) or ALLOW
        if not policy.declared or not compiled.gated:
            return Deny(problem.UNDECLARED, "gate_missing" if policy.declared else "undeclared")
        if (ends := core.settings.versions.lifecycle(request, compiled)) is not None and ends.ended(core.clock()):
            return Deny(problem.GONE, "sunset")
        early = compiled.by_address + compiled.planned(None) if policy.public and compiled.plans else compiled.by_address
        if early and (refused := (yield from spend(core, request, early, None, cost=_cost(request, compiled)))):
            return refused
        if compiled.networks is not None and request.address not in compiled.networks:
            return Deny(problem.NETWORK, "network_not_allowed")
        if request.query and (leaked := in_query(request.query, core.settings.query_parameters)) is not None:
            return (yield from _in_query(core, request, leaked))
        if policy.public:
            return core.csrf.refused(request, compiled, None) or ALLOW
        if compiled.delegate is not None:
            return (yield from _delegated(core, request, compiled, compiled.delegate))
        who = yield from authenticate(core, request, compiled)
        if isinstance(who, Deny):
            return who
        if (forged := core.csrf.refused(request, compiled, who)) is not None:
            return forged
        return (yield from admit(core, request, compiled, who))
    except StoreDown:
        return Deny(problem.UNAVAILABLE, "store_down")


def authenticate(core: Core, request: Request, compiled: Compiled) -> Flow[Principal | Deny]:
    """Steps 8 and 9: one credential, verified. What fails is counted by address before the caller hears of it."""
    try:
        text = presented(request, core.settings.header)
    except Malformed:
        return Deny(problem.BAD_CREDENTIALS_FORM, "credentials_malformed")
    if not text:
        if core.stand_in is not None:
            return core.stand_in
        return (yield from _failed(core, request, Refusal("credentials_missing")))
    request.credential = text
    for authenticator in compiled.authenticators:
        if (known := authenticator.known(text, core.clock())) is not None:
            return known
    for authenticator in compiled.authenticators:
        answer = yield from authenticator.verify(text, core.clock())
        if isinstance(answer, Principal):
            return answer
        if answer is not None:
            return (yield from _failed(core, request, answer))
    return (yield from _failed(core, request, Refusal("credentials_unknown")))


def admit(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Flow[Decision]:
    """Steps 11 to 15 for a principal: its own networks, scopes, limits, ownership.

    None is somebody whom the app's own gate has let in without a name: no scope is held, and the address counts.
    """
    request.principal = who
    if who is not None and who.networks is not None and request.address not in core.networks_of(who.networks):
        return Deny(problem.NETWORK, "key_network")
    policy = compiled.policy
    if not admits(who.scopes if who is not None else (), policy.scopes, policy.any_scopes):
        return Deny(problem.INSUFFICIENT_SCOPE, "scope")
    charges = compiled.charges_of(who)
    if charges and (over := (yield from spend(core, request, charges, who, cost=_cost(request, compiled)))):
        return over
    return ((yield from ownership.check(request, compiled.owned, who)) if compiled.owned is not None else None) or ALLOW


def _cost(request: Request, compiled: Compiled) -> int | None:
    """What this call spends where a function of the app says it; None is what each limit says."""
    return None if compiled.cost is None else compiled.cost(request)


def spend(
    core: Core, request: Request, charges: Charges, who: Principal | None, *, shown: bool = True, cost: int | None = None
) -> Flow[Deny | None]:
    """All limits of a phase, all or none. What is not ``shown`` is told of only when it refuses."""
    if not charges:
        return None
    asked = charged(core, request, charges, who, cost)
    now = core.clock()
    spent: Spent = core.counters.spend(asked, now) if core.counters.immediate else (yield Spend(asked, now))
    return told(request, asked, spent, shown=shown)


def told(request: Request, asked: tuple[Charge, ...], spent: Spent, *, shown: bool = True) -> Deny | None:
    """What the counters answered: a Deny, or None."""
    if shown or not spent.allowed:
        _show(request, asked, spent)
    return None if spent.allowed else Deny(problem.TOO_MANY, "rate_limit")


def charged(core: Core, request: Request, charges: Charges, who: Principal | None, cost: int | None) -> tuple[Charge, ...]:
    """Each limit with the counter that it is counted in."""
    known = who is not None and (who.key_id or who.subject)
    caller = (who.scheme, known) if who is not None and known else ("address", network.bucket(request.address, core.settings.ipv6_prefix))
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


def _failed(core: Core, request: Request, refusal: Refusal) -> Flow[Deny]:
    """A failed attempt. Whoever has failed too often hears 429 instead; a credential that verifies is never held up."""
    if refusal.reason != "credentials_missing" and (over := (yield from _over(core, request))):
        return over._replace(reason=f"too_many_failures:{refusal.reason}")
    return Deny(problem.UNAUTHENTICATED, refusal.reason)


def _over(core: Core, request: Request) -> Flow[Deny | None]:
    """Counts a failed attempt of this address; a Deny when it has failed too often."""
    return (yield from spend(core, request, core.settings.failure_charges, None, shown=False))


def in_clear(core: Core, request: Request) -> Flow[None]:
    """A credential came over plain HTTP and the call is refused: a key that is really good is marked as exposed (NET-3)."""
    try:
        text = presented(request, core.settings.header)
    except Malformed:
        return
    who = (yield from _verified(core, text)) if text else None
    if who is not None:
        yield Call(core.exposed, (who, "clear text"))


def _verified(core: Core, text: str) -> Flow[Principal | None]:
    for authenticator in core.authenticators:
        answer = yield from authenticator.verify(text, core.clock())
        if isinstance(answer, Principal):
            return answer
    return None


def _in_query(core: Core, request: Request, leaked: str) -> Flow[Deny]:
    """A key in a URL is refused. One that is really good is marked as exposed; one that is not never is, or a stranger could burn it."""
    request.credential = leaked
    request.principal = yield from _verified(core, leaked)
    if request.principal is not None:
        yield Call(core.exposed, (request.principal, "query"))
    elif over := (yield from _over(core, request)):
        return over._replace(reason="too_many_failures:key_in_query")
    return Deny(problem.KEY_IN_QUERY, "key_in_query")


def _delegated(core: Core, request: Request, compiled: Compiled, delegate: Delegated) -> Flow[Decision]:
    """The app's own gate decides. Who is calling is asked where it can be known before the handler runs; who is not known counts by address."""
    if (forged := core.csrf.refused(request, compiled, None)) is not None:
        return forged
    if core.settings.gates_run_later:
        return DEFERRED
    who = (yield Call(core.subject_of, (delegate,))) if delegate.subject is not None else None
    if who is None and (compiled.policy.scopes or compiled.policy.any_scopes):
        return Deny(problem.UNAUTHENTICATED, "subject_unknown")
    decision = yield from admit(core, request, compiled, who)
    return DEFERRED if who is None and decision is ALLOW else decision
