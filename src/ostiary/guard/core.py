"""Core: one guard: its settings, its stores, its policies. What adapters call."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ostiary import redact
from ostiary.errors import UsageError
from ostiary.guard import cors, failures, flow, network
from ostiary.guard.ask import Flow, arun, run
from ostiary.guard.authn import told_apart
from ostiary.guard.authn.apikeys import ApiKeys
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.certificate import ClientCertificate
from ostiary.guard.authn.signed import SignedRequests
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.authn.tickets import Tickets
from ostiary.guard.calls import left
from ostiary.guard.concurrency import Running
from ostiary.guard.csrf import Csrf
from ostiary.guard.decision import ALLOW, PREFLIGHT, Decision, Deny, Principal
from ostiary.guard.declaration import Delegated
from ostiary.guard.declare import limits_of, texts
from ostiary.guard.keyring import Keyring
from ostiary.guard.network import Networks, Trust
from ostiary.guard.outages import Outages
from ostiary.guard.pepper import MASTER
from ostiary.guard.pepper import find as find_keys
from ostiary.guard.pepper import load as load_pepper
from ostiary.guard.policies import Policies
from ostiary.guard.policyfiles import by_path
from ostiary.guard.recording import recorder_of
from ostiary.guard.settings import Options, settings_of
from ostiary.guard.signed_answers import AnswerSigner
from ostiary.guard.stores import folder_of, open_store
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.guard.straight import straight
from ostiary.guard.tokens import KeyTokens, Tokens
from ostiary.guard.world import World
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.authn import Authenticator, Reader
    from ostiary.guard.pepper import Peppers
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request
    from ostiary.guard.stores.base import Counters, Nonces
    from ostiary.guard.stores.keys_base import KeyStore

logger = logging.getLogger("ostiary")
_REDIRECTS = 300
_HOUR = 3600.0
_METHODS = (("name", "known", "verify", "worthwhile"), ("name", "ambient", "find", "prove"))


class Core:
    """One guard. Takes what ``ostiary.guard.settings.Options`` names; raises UsageError for what cannot be."""

    def __init__(self, **options: Any) -> None:
        given = Options(**options)
        self.settings = settings_of(given)
        self.clock = self.settings.clock
        if given.redact_logs:
            redact.install()
            redact.add_names(self.settings.header)
        self.networks_of = lru_cache(maxsize=1024)(Networks)
        self.counters = _leased(open_store(self.settings.counters_url, "counters"), given.lease)
        self.outages = Outages(given.on_outage, given.workers)
        self.key_store: KeyStore | None = None
        self.peppers: Peppers | None = None
        keys = self._keys(given)
        self.tokens = self._tokens(given)
        named = (*_authenticators(given.authenticators), *(() if self.tokens is None else (self.tokens,)), *keys)
        if self.tokens is not None and not any(isinstance(one, Basic) for one in named):
            named = (*named, Basic())
        self.authenticators, self.readers = told_apart(named)
        for one in self.readers:
            if (bind := getattr(one, "bind", None)) is not None:
                bind(keys[0])
        self.forged = _forged(self.readers, self.settings.trust)
        self.world = World(self.counters, self.key_store)
        self.signed = self._signed(given)
        self.path_policies = by_path(given.routes, given.policy_file)
        self.tickets = Tickets(self.peppers, self.settings.roles, self.clock, self._open_nonces)
        self.policies = Policies(
            named,
            tickets=self.tickets,
            default=given.default,
            by_path=self.path_policies.find,
            limits=limits_of(given.limits) or (),
            monitor=self.settings.monitor,
            versions=self.settings.versions,
            cors=self.settings.cors,
            on_outage=self.outages.choice,
            signed=self.signed,
            signer=self._answer_signer(),
            open_nonces=self._open_nonces,
            concurrent=self.settings.concurrent,
        )
        self.recorder = recorder_of(given, self.settings, self.policies, self.kept_address, self._keyring())
        self.stand_in: Principal | None = None
        """Who calls without a credential come from: set by ``ostiary.testing`` alone."""
        self._exposed: set[tuple[str, str]] = set()
        self._attacked: dict[str, float] = {}
        self._address_key = self.peppers.current if self.peppers is not None else secrets.token_bytes(32)
        self.csrf = Csrf(
            texts("csrf_origins", given.csrf_origins), given.keys.seed if isinstance(given.keys, StaticKeys) else self._address_key
        )
        self.running = Running()
        self._usual = flow.asks_little(self.settings)
        self._said_clear = False

    def _keys(self, given: Options) -> tuple[Authenticator, ...]:
        if isinstance(given.keys, StaticKeys):
            return (given.keys,)
        url = self.settings.keys_url
        self.key_store = open_store(url, "keys")
        self.peppers = load_pepper(folder_of(url), given.pepper)
        return (ApiKeys(self.key_store, self.peppers, self.settings.roles),)

    def _tokens(self, given: Options) -> KeyTokens | None:
        if given.tokens is None:
            return None
        if not isinstance(given.tokens, Tokens):
            raise UsageError(f"tokens: Tokens(issuer=..., audience=...), not a {type(given.tokens).__name__}")
        if self.key_store is None:
            raise UsageError("tokens are made for keys of a store; keys=static(...) has none")
        return KeyTokens(given.tokens, self.key_store, self._masters(given), self.settings.roles, self.clock)

    def _masters(self, given: Options) -> Peppers | None:
        return find_keys(MASTER, folder_of(self.settings.keys_url), given.master_key)

    def _signed(self, given: Options) -> SignedRequests | None:
        if self.key_store is None:
            return None
        masters = self._masters(given)
        same = self.settings.nonces_url == self.settings.counters_url
        together = same and hasattr(self.counters, "spend_and_remember")
        return SignedRequests(self.key_store, masters, self.settings.roles, self.settings.signatures, self._open_nonces, together=together)

    def _answer_signer(self) -> AnswerSigner | None:
        key = self.settings.response_key
        return None if key is None else AnswerSigner(key, self.settings.signatures.max_answer, self.clock)

    def _open_nonces(self) -> Nonces:
        """One store for signatures and tickets."""
        if self.world.nonces is None:
            self.world.nonces = open_store(self.settings.nonces_url, "nonces")
        return self.world.nonces

    def _keyring(self) -> Keyring | None:
        return None if self.key_store is None or self.peppers is None else Keyring(self.key_store, self.peppers, self.clock)

    # What adapters call

    def start(self, request: Request, ready: Callable[[], None]) -> Deny | None:
        """Calls ``ready``. While a declaration cannot be understood nothing is served, and the log says in a line what is wrong."""
        try:
            ready()
        except UsageError as error:
            logger.error("nothing is served: %s", error)
            denied = Deny(problem.UNAVAILABLE, "bad_declaration")
            self._let_pass(request, denied, monitor=False)
            return denied
        return None

    def arrive(self, request: Request) -> Deny | None:
        """Steps 1 to 4. A Deny that comes back is to be answered; in monitor mode it is only recorded.

        From here to ``leave`` the log records of this thread or task carry the request's ids and none of its credentials.
        """
        redact.current.set(request)
        try:
            if self._usual and request.secure and len(request.path) + len(request.query) <= flow.LONGEST_TARGET and not request.forwarded():
                return None
            refused = flow.arrive(self, request)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            refused = _failed()
        return None if refused is None else self.refuse(request, refused)

    @staticmethod
    def leave() -> None:
        """The call is over and logged."""
        redact.current.set(redact.NOBODY)

    def refuse(self, request: Request, denied: Deny) -> Deny | None:
        """A refusal that no route is asked about; None where the guard only watches."""
        return None if self._let_pass(request, denied, self.settings.monitor) else denied

    def in_clear(self, request: Request, denied: Deny) -> Flow[None] | None:
        """What is still to be done for a call that was refused because it came over plain HTTP; None where the scheme cannot be known."""
        if denied.reason != "https":
            return None
        if self.settings.trust.nobody and network.is_private(request.peer):
            if not self._said_clear:
                self._said_clear = True
                logger.warning("plain HTTP from %s is refused: if a proxy there ends TLS, write proxies=1 or its network", request.peer)
            return None
        return flow.in_clear(self, request)

    def after_arrive(self, request: Request, denied: Deny) -> None:
        """To be called when ``arrive`` has refused, in a thread."""
        if (steps := self.in_clear(request, denied)) is not None:
            with contextlib.suppress(StoreDown):
                run(steps, self.world.answer)

    async def aafter_arrive(self, request: Request, denied: Deny) -> None:
        """The same in an event loop."""
        if (steps := self.in_clear(request, denied)) is not None:
            with contextlib.suppress(StoreDown):
                await arun(steps, self.world.answer_in_loop)

    def stopped(self, request: Request, status: int) -> Deny | None:
        """Why an answer that starts must not leave: nobody decided about it; or no route gave it and it is neither redirect nor error."""
        if request.cut is not None:
            return self.refuse(request, request.cut)
        if request.decision is None:
            return self.refuse(request, Deny(problem.UNDECLARED, "no_decision"))
        if request.compiled is self.policies.unmatched and status < _REDIRECTS and not isinstance(request.decision, Deny):
            return self.refuse(request, Deny(problem.UNDECLARED, "no_route"))
        return None

    def failed(self, request: Request) -> Decision:
        """For an exception of the guard's own outside of ``decide``: a refusal."""
        return self._decided(request, self.policies.unmatched, _failed())

    def decide(self, request: Request, compiled: Compiled) -> Decision:
        """The decision, in a thread."""
        return self.at_once(request, compiled) or self._decided(request, compiled, self._run(flow.decide(self, request, compiled)))

    def preflight(self, request: Request, offered: Mapping[str, Compiled]) -> Deny | None:
        """The answer to a preflight about a path that ``offered`` these methods; None where nothing is said about other origins."""
        compiled = offered.get(cors.requested_method(request))
        if compiled is None or compiled.cors is None:
            return None
        request.compiled, request.decision, request.reason = compiled, ALLOW, "preflight"
        return Deny(PREFLIGHT, "preflight", tuple(cors.preflight(compiled.cors, request, offered)))

    def at_once(self, request: Request, compiled: Compiled) -> Decision | None:
        """The decision where nothing has to be waited for, else None and nothing was spent."""
        request.compiled = compiled
        if not compiled.plain:
            return None
        try:
            decision = straight(self, request, compiled)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            decision = _failed()
        if decision is ALLOW:
            request.decision = ALLOW
            return ALLOW
        return None if decision is None else self._decided(request, compiled, decision)

    async def adecide(self, request: Request, compiled: Compiled) -> Decision:
        """The decision, in an event loop."""
        return self.at_once(request, compiled) or await self.in_turn(request, compiled)

    async def in_turn(self, request: Request, compiled: Compiled) -> Decision:
        """The same where ``at_once`` gave none."""
        request.compiled = compiled
        return self._decided(request, compiled, await self._arun(flow.decide(self, request, compiled)))

    def admit(self, request: Request, compiled: Compiled, who: Principal | None) -> Decision:
        """Steps 11 to 14 for a caller whom the app's own gate has let in, in a thread. None: it did not say who that is."""
        return self._decided(request, compiled, self._run(flow.admit(self, request, compiled, who)))

    async def aadmit(self, request: Request, compiled: Compiled, who: Principal | None) -> Decision:
        """The same in an event loop."""
        return self._decided(request, compiled, await self._arun(flow.admit(self, request, compiled, who)))

    def _run(self, steps: Flow[Decision]) -> Decision:
        try:
            return run(steps, self.world.answer)
        except (Busy, StoreDown) as down:
            return self.outages.refused(down)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    async def _arun(self, steps: Flow[Decision]) -> Decision:
        try:
            return await arun(steps, self.world.answer_in_loop)
        except (Busy, StoreDown) as down:
            return self.outages.refused(down)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    def _decided(self, request: Request, compiled: Compiled, decision: Decision) -> Decision:
        if isinstance(decision, Deny) and self._let_pass(request, decision, compiled.monitor):
            decision = ALLOW
        request.decision = decision
        return decision

    def _let_pass(self, request: Request, refused: Deny, monitor: bool) -> bool:
        """Notes a refusal; True when this guard, or this route, only watches."""
        request.verdict, request.reason = "monitor" if monitor else "deny", refused.reason
        return monitor

    def subject_of(self, delegate: Delegated) -> Principal | None:
        """The caller as the app's own login knows it; what raises there is nobody."""
        try:
            subject = delegate.subject() if delegate.subject else None
        except Exception as error:  # noqa: BLE001 the app's own code
            logger.debug("%s: no subject (%s)", delegate.name, type(error).__name__)
            return None
        return principal_of(subject, delegate)

    def exposed(self, who: Principal, where: str) -> None:
        """A key that fully verified was sent where it does not belong: written down once per process, said once. Raises Busy."""
        if not who.key_id or (who.key_id, where) in self._exposed:
            return
        if self.key_store is not None:
            with contextlib.suppress(StoreDown):
                self.key_store.update(who.key_id, {"exposed": self.clock(), "exposed_where": where})
        self._exposed.add((who.key_id, where))
        logger.warning("key %s was sent in the %s: rotate it", who.key_id, where)

    def attacked(self, key_id: str) -> None:
        """A key was tried too often with a wrong secret: said once in an hour. It goes on working."""
        now = self.clock()
        if now - self._attacked.get(key_id, float("-inf")) < _HOUR:
            return
        self._attacked[key_id] = now
        logger.warning(
            "key %s: more than %s failed attempts; is somebody guessing, or has a client a wrong secret?", key_id, failures.OF_KEY
        )

    def record(self, request: Request, status: int) -> None:
        """One event of one call, when it is over."""
        if request.held:
            self.running.leave(request.held)
            request.held = ()
        if request.body is not None:
            request.body.close()
        versions = self.settings.versions
        named = "" if versions.header is None else versions.called(request, request.compiled)
        self.recorder.record(left(request, status, self.clock(), named))

    def kept_address(self, address: str) -> str:
        """An address as events hold it."""
        return network.shown(address, self.settings.event_addresses, self._address_key)

    async def aclose(self) -> None:
        """Closes what belongs to the event loop that ends."""
        await self.world.aclose()

    def close(self) -> None:
        """Writes what is still to be written. Called at exit as well."""
        self.recorder.close()
        self.world.close()


def _failed() -> Deny:
    logger.exception("the guard failed and refuses the call")  # noqa: LOG004 called while it is handled
    return Deny(problem.UNAVAILABLE, "guard_failed")


def principal_of(subject: object, delegate: Delegated) -> Principal | None:
    """A principal for what the app calls its user: a Principal, a text or number, an object with ``get_id()`` or ``id``; None is nobody."""
    if subject is None or isinstance(subject, Principal):
        return subject
    found: object = subject
    if not isinstance(subject, (str, int)):
        found = subject.get_id() if hasattr(subject, "get_id") else getattr(subject, "id", None)
    if found is None or found == "":
        return None
    scopes = texts("scopes", delegate.scopes(subject)) if delegate.scopes is not None else ()
    return Principal(str(found), delegate.name, scopes=scopes)


def _forged(readers: tuple[Reader, ...], trust: Trust) -> Callable[[str], bool] | None:
    """Is Client-Cert of this peer to be taken away, so that the app cannot believe it either? None: nobody here reads it."""
    if not any(isinstance(one, ClientCertificate) for one in readers):
        return None
    return lambda peer: not trust.vouches(peer)


def _leased(counters: Counters, lease: float | None) -> Counters:
    if lease is None:
        return counters
    from ostiary.guard.stores.leased import LeasedCounters

    return LeasedCounters(counters, lease)


def _authenticators(given: Iterable[Authenticator | Reader]) -> tuple[Authenticator | Reader, ...]:
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in found:
        if not any(all(hasattr(one, name) for name in names) for names in _METHODS):
            raise UsageError(f'authenticators: Jwt(...), Basic(), ClientCertificate(...), authenticator("name", function), not {one!r}')
    return found
