"""Policies made ready to be asked: one Compiled for a method on a route, made once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ostiary.errors import UsageError
from ostiary.guard.authn import told_apart
from ostiary.guard.authn.basic import NAME as BASIC
from ostiary.guard.authn.signed import NAME as SIGNED
from ostiary.guard.csrf import SAFE
from ostiary.guard.declaration import Cost, Declaration, Delegated, Plan, nearest, policy_of
from ostiary.guard.event import spelled
from ostiary.guard.intake import Intake, intake_of
from ostiary.guard.network import Networks
from ostiary.guard.ownership import Owned, check_parameter, check_template
from ostiary.guard.webhooks import PREFIX as WEBHOOK
from ostiary.model import limit as limit_text
from ostiary.model.outage import CLOSED
from ostiary.model.route import UNDECLARED, Policy
from ostiary.wire import problem
from ostiary.wire.signed_response import RESPONSE_KEY

if TYPE_CHECKING:
    from ostiary.guard.authn import Authenticator, Reader
    from ostiary.guard.authn.signed import Demand, SignedRequests
    from ostiary.guard.authn.tickets import Tickets
    from ostiary.guard.decision import Deny, Principal
    from ostiary.guard.limit_headers import Said
    from ostiary.guard.signed_answers import AnswerSigner
    from ostiary.guard.stores.base import Charge
    from ostiary.guard.stores.memory_counters import Prepared
    from ostiary.guard.versions import Versions
    from ostiary.guard.webhooks import Webhook
    from ostiary.model.cors import Cors
    from ostiary.model.limit import Limit
    from ostiary.wire.problem import Problem

_VERSION = re.compile(r"(?:^|/)(v\d+(?:\.\d+)?)(?=/|$)", re.IGNORECASE)
Charges = tuple[tuple[tuple[str, ...], "Limit"], ...]
_parsed = lru_cache(maxsize=1024)(limit_text.parse)


class Compiled:
    """What the flow needs of a policy. ``owner`` is the view it was made for: when an app replaces the view, it is made again."""

    __slots__ = (
        "authenticators",
        "by_address",
        "by_principal",
        "concurrent",
        "cors",
        "cost",
        "csrf",
        "delegate",
        "gated",
        "granted",
        "insufficient",
        "intake",
        "invalid",
        "lifecycle",
        "method",
        "missing",
        "monitor",
        "networks",
        "on_outage",
        "owned",
        "owner",
        "plain",
        "plans",
        "policy",
        "readers",
        "route",
        "says_more",
        "signature",
        "signer",
        "template",
        "version",
        "webhook",
    )

    def __init__(
        self,
        policy: Policy,
        method: str,
        template: str,
        *,
        authenticators: tuple[Authenticator, ...] = (),
        readers: tuple[Reader, ...] = (),
        delegate: Delegated | None = None,
        gated: bool = True,
        monitor: bool = False,
        defaults: tuple[Limit, ...] = (),
        plans: tuple[Plan, ...] = (),
        cost: Cost | None = None,
        owned: Owned | None = None,
        cors: Cors | None = None,
        signature: Demand | None = None,
        signer: AnswerSigner | None = None,
        webhook: Webhook | None = None,
        concurrent: int | None = None,
        intake: Intake | None = None,
        owner: object = None,
        versions: Versions | None = None,
        on_outage: str = CLOSED,
    ) -> None:
        self.policy = policy
        self.on_outage = on_outage
        self.method = method
        self.template = template
        self.route = (spelled(method), spelled(template))
        found = _VERSION.search(template)
        self.version = found.group(1).lower() if found else ""
        self.authenticators = authenticators
        self.readers = readers
        self.missing, self.invalid, self.insufficient = _refusals(
            policy.scopes + policy.any_scopes, any(one.name == BASIC for one in readers)
        )
        self.delegate = delegate
        self.gated = gated
        self.monitor = policy.monitor if policy.monitor is not None else monitor
        self.lifecycle = policy.lifecycle or (versions.of(self.version) if versions is not None else None)
        self.csrf = policy.csrf and method not in SAFE
        self.networks = None if policy.networks is None else Networks(policy.networks)
        limits = defaults if policy.limits is None else policy.limits
        # Who is not known before the credential is verified is counted after it; a public route knows the address alone.
        early = [one for one in limits if policy.public or "principal" not in one.by]
        self.by_address = self._charges(early)
        self.by_principal = self._charges([one for one in limits if one not in early])
        self.plans = plans
        self.cost = cost
        self.owned = owned
        self.intake = intake
        places = (((template,), policy.concurrent), ((), concurrent))
        self.concurrent = tuple([(place, most) for place, most in places if most is not None])
        self.cors = cors
        self.says_more = self.lifecycle is not None or cors is not None
        """Has an answer headers that most have not?"""
        self.owner = owner
        self.plain = (
            gated
            and delegate is None
            and not plans
            and cost is None
            and on_outage == CLOSED
            and not self.concurrent
            and intake is None
            and self.lifecycle is None
            and not (versions and versions.header)
            and signature is None
            and webhook is None
            and _plain(policy)
        )
        self.signature = signature
        # Who only watches changes no answer.
        self.signer = None if self.monitor else signer
        self.webhook = webhook
        self.granted: dict[int, Granted] = {}
        """For ``straight``, by the id of the principal."""

    def charges_of(self, who: Principal | None) -> Charges:
        """What is spent once it is known who calls: the route's limits, the key's own, and what the app's functions choose."""
        charges = self.by_principal
        if who is not None and who.limits:
            charges += tuple((("key", who.key_id), one) for one in who.limits)
        return charges + self.planned(who) if self.plans else charges

    def planned(self, who: Principal | None) -> Charges:
        """The limits that functions of the app choose for this caller. Raises LimitError for a text that is none."""
        texts = [text for plan in self.plans if (text := plan(who))]
        return tuple(charge for text in texts for charge in self._charges(_parsed(text)))

    def _charges(self, limits: Iterable[Limit]) -> Charges:
        return tuple(((one.bucket,) if one.bucket else ("", self.method, self.template), one) for one in limits)


@lru_cache(maxsize=1024)
def _refusals(scopes: tuple[str, ...], basic: bool) -> tuple[Problem, Problem, Problem]:
    """What is said to who sent no credential, a bad one, and one without these scopes."""
    ways = (problem.BEARER, problem.BASIC) if basic else (problem.BEARER,)
    return (
        problem.challenging(problem.UNAUTHENTICATED, ways),
        problem.challenging(problem.UNAUTHENTICATED, ways, "invalid_token"),
        problem.challenging(problem.INSUFFICIENT_SCOPE, (problem.BEARER,), "insufficient_scope", scopes),
    )


class Granted(NamedTuple):
    """What stays the same at every call of one principal on one route. ``charges`` None: they depend on the address.

    ``prepared`` is what ``spend_again`` takes where nothing but the limits is still to be asked, None elsewhere; ``limits`` are those of
    the charges, ``said`` is how the answer tells of them.
    """

    who: Principal
    refused: Deny | None
    charges: tuple[Charge, ...] | None
    limits: tuple[Limit, ...] = ()
    prepared: Prepared | None = None
    said: Said | None = None


def _plain(policy: Policy) -> bool:
    """Does it demand a credential and nothing that ``straight`` does not know? What a Policy learns later is not plain."""
    known = Policy(
        scopes=policy.scopes,
        any_scopes=policy.any_scopes,
        schemes=policy.schemes,
        limits=policy.limits,
        networks=policy.networks,
        monitor=policy.monitor,
        issues=policy.issues,
        csrf=policy.csrf,
        cors=policy.cors,
        sign_response=policy.sign_response,
        reason=policy.reason,
        at=policy.at,
    )
    return policy == known


class Policies:
    """Compiles what was declared, and remembers what nobody declared."""

    def __init__(
        self,
        authenticators: Iterable[Authenticator | Reader],
        *,
        default: Declaration | None = None,
        by_path: Callable[[str, str], Declaration | None],
        limits: tuple[Limit, ...] = (),
        monitor: bool = False,
        tickets: Tickets | None = None,
        versions: Versions | None = None,
        cors: Cors | None = None,
        signed: SignedRequests | None = None,
        signer: AnswerSigner | None = None,
        open_nonces: Callable[[], object] = lambda: None,
        on_outage: Callable[[str | None, str], str] = lambda said, _: said or CLOSED,
        concurrent: int | None = None,
    ) -> None:
        self._signed = signed
        self._signer = signer
        self._open_nonces = open_nonces
        self._on_outage = on_outage
        self._authenticators = {one.name: one for one in authenticators}
        self._default = default
        self._by_path = by_path
        self._limits = limits
        self._monitor = monitor
        self._tickets = tickets
        self._versions = versions
        self._cors = cors
        self.demanded: dict[tuple[str, str], tuple[str, ...]] = {}
        """The scopes of each (method, template), for the record of which were ever used."""
        self.unmatched = Compiled(UNDECLARED, "*", "", monitor=monitor, cors=cors, on_outage=on_outage(None, ""))
        self._concurrent = concurrent

    def compile(
        self,
        method: str,
        template: str,
        own: Declaration | None,
        outer: Iterable[Declaration | None] = (),
        *,
        owner: object = None,
        gated: Callable[[Delegated], bool] = lambda _: True,
        listed: bool = True,
    ) -> Compiled:
        """``own``: the route's mark; ``outer``: its blueprint's or router's, the nearest first. HEAD is judged as GET.

        ``gated(delegate)`` tells whether the app's own gate really is on the route. ``listed``: what is said of the template by its
        path counts; False where that was the way to ``own``.
        """
        method = "GET" if method == "HEAD" else method
        said = nearest((own, self._by_path(method, template) if listed else None, *outer, self._default))
        policy = policy_of(said)
        if said.owned is not None:
            check_template(said.owned, method, template)
        if said.distinct is not None:
            check_parameter("distinct", said.distinct[0], method, template)
        authenticators, readers = told_apart(self._allowed(policy, method, template))
        if policy.tickets:
            readers += (self._ticketed(method, template),)
        delegate = said.delegates[0] if said.delegates else None
        self.demanded[method, template] = (*policy.scopes, *policy.any_scopes)
        return Compiled(
            policy,
            method,
            template,
            authenticators=authenticators,
            readers=readers,
            delegate=delegate,
            gated=delegate is None or gated(delegate),
            monitor=self._monitor,
            defaults=self._limits,
            plans=said.plans,
            cost=said.cost,
            owned=said.owned,
            cors=said.cors or self._cors,
            signature=self._signature(policy, delegate, method, template),
            signer=self._answer_signer(policy, method, template),
            intake=intake_of(policy, said.body, signed=policy.signed is not None),
            webhook=self._webhook(said, policy, method, template),
            concurrent=self._concurrent,
            owner=owner,
            versions=self._versions,
            on_outage=self._on_outage(policy.on_outage, f"{method} {template}"),
        )

    def _webhook(self, said: Declaration, policy: Policy, method: str, template: str) -> Webhook | None:
        """Who delivers here; None on other routes. Raises UsageError where somebody else is said to call, too."""
        if not said.hooks:
            return None
        if len(said.hooks) > 1 or policy.schemes != (WEBHOOK + said.hooks[0].kind,):
            raise UsageError(f"{method} {template}: a webhook has one sender and no other credential; give others a route of their own")
        self._open_nonces()
        return said.hooks[0]

    def _signature(self, policy: Policy, delegate: Delegated | None, method: str, template: str) -> Demand | None:
        """What is demanded of a signature; None where none is looked at. Raises UsageError for what does not go together."""
        accepted = SIGNED in policy.schemes
        if policy.public or not policy.declared or (policy.signed is None and not accepted):
            if policy.signed_stream:
                raise UsageError(f"{method} {template}: signed_stream is about signed requests: write signed=True")
            return None
        if delegate is not None or (policy.schemes and not accepted):
            raise UsageError(f"{method} {template}: signed=True demands a signature, and {policy.schemes[0]} is none: name one of them")
        if self._signed is None:
            raise UsageError(f"{method} {template}: signatures need a store of keys; keys=static(...) has none")
        required = policy.signed is not None or policy.schemes == (SIGNED,)
        more = policy.signed if isinstance(policy.signed, tuple) else ()
        return self._signed.demand(method, more, required=required, streamed=policy.signed_stream, max_body=policy.max_body)

    def _answer_signer(self, policy: Policy, method: str, template: str) -> AnswerSigner | None:
        if not policy.sign_response:
            return None
        if method == "WEBSOCKET":
            raise UsageError(f"{method} {template}: a WebSocket has no answer that could be signed; leave sign_response out")
        if self._signer is None:
            raise UsageError(f"{method} {template}: sign_response needs a key: write Guard(response_key=...), or set {RESPONSE_KEY}")
        return self._signer

    def _ticketed(self, method: str, template: str) -> Reader:
        if self._tickets is None:
            raise UsageError(f"{method} {template}: this guard has no tickets")
        self._tickets.prepare()
        return self._tickets

    def _allowed(self, policy: Policy, method: str, template: str) -> tuple[Authenticator | Reader, ...]:
        if not policy.schemes:
            return tuple(self._authenticators.values())
        named = [name for name in policy.schemes if not name.startswith(("delegated:", WEBHOOK)) and name != SIGNED]
        unknown = [name for name in named if name not in self._authenticators]
        if unknown:
            known = ", ".join(self._authenticators) or "none"
            raise UsageError(f"{method} {template}: no such scheme: {', '.join(unknown)} (this guard has {known})")
        return tuple(self._authenticators[name] for name in named)
