"""A request from top to bottom. No I/O here: what a store or a user's function must answer is yielded (``guard/ask.py``).

``arrive`` does what needs no route, ``decide`` all else, in the order of the steps. A refusal ends it; nothing after it is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.errors import Defect, SignatureReason
from ostiary.guard import concurrency, distinct, failures, intake, network, ownership, transport, webhooks
from ostiary.guard.ask import Call, Flow, Spend
from ostiary.guard.authn import Refusal
from ostiary.guard.authn.presented import Malformed, in_query, presented, read
from ostiary.guard.charging import charged, spend, told
from ostiary.guard.decision import ALLOW, DEFERRED, Decision, Deny, Principal
from ostiary.guard.stores.base import StoreDown
from ostiary.model.scope import admits
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.authn.signed import Demand
    from ostiary.guard.core import Core
    from ostiary.guard.declaration import Delegated
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request
    from ostiary.guard.settings import Settings
    from ostiary.guard.stores.base import Charge

LONGEST_TARGET = 16_384
_READING = frozenset({"GET", "HEAD", "OPTIONS", "WEBSOCKET"})


def asks_little(settings: Settings) -> bool:
    """Is an encrypted call without forwarding headers, that is not too long, past steps 1 to 4?"""
    transport, lists = settings.transport, (settings.denied, settings.allowed)
    return settings.trust.nobody and transport.hosts is None and lists == (None, None)


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
    """Steps 5 to 16, for the route that the framework itself matched."""
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
            return core.csrf.refused(request, compiled, None) or (yield from _last(core, request, compiled, None)) or ALLOW
        if compiled.delegate is not None:
            return (yield from _delegated(core, request, compiled, compiled.delegate))
        who = yield from _way(compiled)(core, request, compiled)
        if isinstance(who, Deny):
            return who
        if (forged := core.csrf.refused(request, compiled, who)) is not None:
            return forged
        return (yield from admit(core, request, compiled, who))
    except StoreDown as down:
        return core.outages.refused(down)


def authenticate(core: Core, request: Request, compiled: Compiled) -> Flow[Principal | Deny]:
    """Steps 8 and 9: one credential, verified. What fails is counted by address before the caller hears of it."""
    try:
        text = presented(request, core.settings.header)
        found = read(request, compiled.readers, core.settings.trust, text) if compiled.readers else []
    except Malformed:
        return Deny(problem.BAD_CREDENTIALS_FORM, "credentials_malformed")
    request.credential = text
    if text:
        for authenticator in compiled.authenticators:
            if (known := authenticator.known(text, core.clock())) is not None:
                return known
    elif core.stand_in is not None and not any(own for _, own in found):
        return core.stand_in
    for reader, own in found:
        request.credential = own or text
        answer = yield from reader.prove(request, own, core.clock())
        if isinstance(answer, Principal):
            request.automatic = getattr(reader, "automatic", True)
            return answer
        if answer is not None:
            return (yield from _failed(core, request, compiled, answer))
    if not text:
        return Deny(compiled.missing, "credentials_missing")
    return (yield from _verify(core, request, compiled, text))


def _verify(core: Core, request: Request, compiled: Compiled, text: str) -> Flow[Principal | Deny]:
    """A key or token that nobody proved a moment ago. Who has failed too often is not worth a look-up, unless the key was good before."""
    over = yield from failures.over(core, request, text)
    for authenticator in compiled.authenticators:
        if over is not None and not authenticator.worthwhile(text):
            continue
        answer = yield from authenticator.verify(text, core.clock())
        if isinstance(answer, Principal):
            return answer
        if answer is not None:
            return over or (yield from _failed(core, request, compiled, answer))
    return over or (yield from _failed(core, request, compiled, Refusal("credentials_unknown")))


def _way(compiled: Compiled) -> Callable[[Core, Request, Compiled], Flow[Principal | Deny]]:
    """How callers of a route are proved."""
    if compiled.webhook is not None:
        return _delivered
    return authenticate if compiled.signature is None else _signed


def _delivered(core: Core, request: Request, compiled: Compiled) -> Flow[Principal | Deny]:
    """Steps 8 to 10 of a webhook."""
    if compiled.webhook is None:
        raise Defect("a delivery is expected from nobody")
    who = yield from webhooks.verify(compiled.webhook, request, core.clock())
    if not isinstance(who, Refusal):
        return who
    denied = yield from _failed(core, request, compiled, who)
    return denied if denied.problem is problem.TOO_MANY else Deny(problem.WEBHOOK, denied.reason)


def _signed(core: Core, request: Request, compiled: Compiled) -> Flow[Principal | Deny]:
    """Steps 8 to 10 where the route demands a signature, or takes one besides other credentials."""
    demand = compiled.signature
    if demand is None or core.signed is None:
        raise Defect("a signature is demanded that nobody verifies")
    try:
        text = presented(request, core.settings.header)
        found = read(request, compiled.readers, core.settings.trust, text) if compiled.readers else []
    except Malformed:
        return Deny(problem.BAD_CREDENTIALS_FORM, "credentials_malformed")
    bearer = bool(text) or any(own and not reader.ambient for reader, own in found)
    who = yield from core.signed.caller(request, demand, core.clock(), bearer=bearer)
    if isinstance(who, (Principal, Deny)):
        return who
    if who is None and not demand.required:
        return (yield from authenticate(core, request, compiled))
    if who is None and not bearer:
        return core.stand_in or Deny(problem.SIGNATURE, "credentials_missing", demand.accept)
    return (yield from _unsigned(core, request, compiled, demand, who or Refusal("signature_missing")))


def _unsigned(core: Core, request: Request, compiled: Compiled, demand: Demand, refusal: Refusal) -> Flow[Deny]:
    denied = yield from _failed(core, request, compiled, refusal)
    return denied if denied.problem is problem.TOO_MANY else Deny(problem.SIGNATURE, denied.reason, demand.accept)


def admit(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Flow[Decision]:
    """Steps 11 to 16 for a principal: its own networks, scopes, limits, ownership, and what it brings.

    None is somebody whom the app's own gate has let in without a name: no scope is held, and the address counts.
    """
    request.principal = who
    if who is not None and (refused := from_elsewhere(core, request, who)) is not None:
        return refused
    if not may(who, request, compiled):
        return Deny(compiled.insufficient, "scope")
    return (yield from _last(core, request, compiled, who)) or ALLOW


def _last(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Flow[Deny | None]:
    """Steps 14 to 16, for callers and for strangers on public routes: limits, ownership, what is brought."""
    if over := (yield from _within(core, request, compiled, who)):
        return over
    if compiled.owned is not None and (refused := (yield from ownership.check(request, compiled.owned, who))):
        return refused
    if compiled.intake is None or (compiled.delegate is not None and core.settings.gates_run_later):
        return None
    return (yield from intake.check(request, compiled.intake))


def _within(core: Core, request: Request, compiled: Compiled, who: Principal | None) -> Flow[Deny | None]:
    """Step 14: calls at the same time, limits, different objects. A public route's limits were spent before."""
    if (busy := concurrency.check(core, request, compiled, who)) is not None:
        return busy
    charges = () if compiled.policy.public else compiled.charges_of(who)
    if request.nonce is not None and compiled.signature is not None:
        over = yield from _once(core, request, compiled, compiled.signature, charged(core, request, charges, who, _cost(request, compiled)))
    else:
        over = yield from spend(core, request, charges, who, cost=_cost(request, compiled))
    if over is not None:
        return over
    return (yield from distinct.check(core, request, compiled, who))


def _once(core: Core, request: Request, compiled: Compiled, demand: Demand, asked: tuple[Charge, ...]) -> Flow[Deny | None]:
    """The nonce of a signature and the limits, in one question. A store that is out refuses: no policy opens what may be used once."""
    nonce, request.nonce = request.nonce, None
    if nonce is None:
        raise Defect("there is no nonce to be spent")
    spent = yield Spend(asked, core.clock(), nonce)
    if spent is None:
        request.principal = None
        return (yield from _unsigned(core, request, compiled, demand, Refusal(SignatureReason.REPLAYED.value)))
    return told(request, asked, spent) if asked else None


def from_elsewhere(core: Core, request: Request, who: Principal) -> Deny | None:
    """Step 11: the caller's own networks and origins. A browser names its origin, and no page can change that; who names none is refused."""
    if who.networks is not None and request.address not in core.networks_of(who.networks):
        return Deny(problem.NETWORK, "key_network")
    if who.origins is not None and not _from_origin(request.header("origin"), who.origins):
        return Deny(problem.ORIGIN, "key_origin")
    return None


def _from_origin(named: tuple[str, ...], origins: tuple[str, ...]) -> bool:
    return len(named) == 1 and named[0].lower() in origins


def may(who: Principal | None, request: Request, compiled: Compiled) -> bool:
    """Step 13. A publishable key holds scopes for reading; where a route demands none, it reads."""
    policy = compiled.policy
    if who is not None and who.publishable and not (policy.scopes or policy.any_scopes or request.method in _READING):
        return False
    return admits(who.scopes if who is not None else (), policy.scopes, policy.any_scopes)


def _cost(request: Request, compiled: Compiled) -> int | None:
    """What this call spends where a function of the app says it; None is what each limit says."""
    return None if compiled.cost is None else compiled.cost(request)


def _failed(core: Core, request: Request, compiled: Compiled, refusal: Refusal) -> Flow[Deny]:
    """A failed attempt. Whoever has failed too often hears 429 instead."""
    return (yield from failures.count(core, request, refusal)) or Deny(compiled.invalid, refusal.reason)


def in_clear(core: Core, request: Request) -> Flow[None]:
    """A credential came over plain HTTP and the call is refused: a key that is really good is marked as exposed (NET-3)."""
    try:
        text = presented(request, core.settings.header)
        found = read(request, core.readers, core.settings.trust, text) if core.readers else []
    except Malformed:
        return
    who = (yield from _verified(core, text)) if text else None
    for reader, own in found:
        if own and not reader.ambient:
            answer = yield from reader.prove(request, own, core.clock())
            who = answer if isinstance(answer, Principal) else who
    if who is not None:
        yield Call(core.exposed, (who, "clear text"), blocking=True)


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
        yield Call(core.exposed, (request.principal, "query"), blocking=True)
    elif over := (yield from failures.count(core, request, Refusal("key_in_query"))):
        return over
    return Deny(problem.KEY_IN_QUERY, "key_in_query")


def _delegated(core: Core, request: Request, compiled: Compiled, delegate: Delegated) -> Flow[Decision]:
    """The app's own gate decides. Who is calling is asked where it can be known before the handler runs; who is not known counts by address."""
    if (forged := core.csrf.refused(request, compiled, None)) is not None:
        return forged
    if core.settings.gates_run_later:
        # Once the gate runs the framework has read the content.
        return (None if compiled.intake is None else (yield from intake.check(request, compiled.intake))) or DEFERRED
    who = (yield Call(core.subject_of, (delegate,))) if delegate.subject is not None else None
    if who is None and (compiled.policy.scopes or compiled.policy.any_scopes):
        return Deny(compiled.missing, "subject_unknown")
    decision = yield from admit(core, request, compiled, who)
    return DEFERRED if who is None and decision is ALLOW else decision
