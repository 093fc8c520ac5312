"""Core: the settings of one guard, checked at start-up, and the stores it works with. What adapters call."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ostiary import redact
from ostiary.errors import UsageError
from ostiary.guard import flow, network, transport
from ostiary.guard.ask import Ask, Call, Find, Flow, Spend, arun, run
from ostiary.guard.audit import Recorder
from ostiary.guard.authn.apikeys import ApiKeys
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.decision import ALLOW, Decision, Deny, Principal
from ostiary.guard.declare import Declaration, Delegated, limits_of, texts
from ostiary.guard.event import Event
from ostiary.guard.limit_headers import LimitFields
from ostiary.guard.network import Networks
from ostiary.guard.pepper import load as load_pepper
from ostiary.guard.policies import Policies
from ostiary.guard.policyfiles import FILE, by_path
from ostiary.guard.stores import folder_of, open_store
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.model import scope as scope_text
from ostiary.wire import problem
from ostiary.wire.redact import default as redactor

if TYPE_CHECKING:
    from ostiary.guard.authn import Authenticator
    from ostiary.guard.pepper import Peppers
    from ostiary.guard.policies import Charges, Compiled
    from ostiary.guard.request import Request
    from ostiary.guard.stores.keys_base import KeyStore

logger = logging.getLogger("ostiary")
DEFAULT_STORE = "sqlite:///ostiary.db"
MODES = ("enforce", "monitor")
ADDRESSES = ("whole", "truncated", "hashed")
FAILURES = "20 per minute"
UNMATCHED = "60 per minute"
_FIELDS = LimitFields()
_REDIRECTS = 300
_LEFT = itemgetter(1)
_RESERVED = frozenset({"authorization", "cookie", "host", "connection", "content-length", "content-type", "transfer-encoding"})


class Core:
    """One guard. Every argument is checked here: a bad one stops the start with a sentence (UsageError), never a request.

    ``store`` is the URL of all three roles (OSTIARY_STORE, else ``sqlite:///ostiary.db``); ``keys``, ``counters`` and ``events`` replace
    one each; ``keys`` may be ``static("API_KEY")``. ``mode``: enforce or monitor. ``proxies``: trusted hops or networks. ``https``:
    required, proxy or off (default: off in ``environment="development"``). ``failures`` and ``unmatched``: limits by address for failed
    attempts and unknown paths; None for none. ``roles``: named sets of scopes; a key with the scope ``role:clerk`` holds the clerk's.
    ``event_addresses``: whole, truncated (/24, /48) or hashed. ``redact_logs``: ``ostiary.redact.install()``.
    ``gates_run_later``: a gate of the app's own tells who is calling only after the decision (set by adapters). ``clock`` gives Unix seconds.
    """

    def __init__(
        self,
        *,
        store: str | None = None,
        keys: str | StaticKeys | None = None,
        counters: str | None = None,
        events: str | None = None,
        pepper: str | bytes | None = None,
        mode: str = "enforce",
        default: Declaration | None = None,
        limits: str | Iterable[str] | None = None,
        failures: str | None = FAILURES,
        unmatched: str | None = UNMATCHED,
        routes: Mapping[str, Declaration | str] | None = None,
        policy_file: str | os.PathLike[str] | None = FILE,
        header: str = "X-API-Key",
        query_parameters: Iterable[str] = (),
        proxies: int | str | Iterable[str] = 0,
        forwarded: bool = False,
        environment: str | None = None,
        https: str | None = None,
        hsts: int = transport.YEAR,
        hosts: Iterable[str] | None = None,
        security_headers: bool = True,
        limit_fields: LimitFields = _FIELDS,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        ipv6_prefix: int = 64,
        roles: Mapping[str, Iterable[str]] | None = None,
        event_addresses: str = "whole",
        authenticators: Iterable[Authenticator] = (),
        redact_logs: bool = True,
        gates_run_later: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"mode: enforce or monitor, not {mode!r}")
        self.monitor = mode == "monitor"
        if redact_logs:
            redact.install()
            redact.add_names(_header(header))
        if not callable(clock):
            raise UsageError(f"clock: a function that gives Unix seconds, not {clock!r}")
        if default is not None and not isinstance(default, Declaration):
            raise UsageError(f"default: require(...) or public(...), not {default!r}")
        self.clock = clock
        self.gates_run_later = gates_run_later
        self.header = _header(header)
        self.query_parameters = frozenset(name.lower() for name in texts("query_parameters", query_parameters))
        self.environment = environment or os.environ.get("OSTIARY_ENV", "production")
        self.trust = network.trust(proxies, standard=forwarded)
        self.transport = transport.transport(
            https or ("off" if self.environment == "development" else "required"),
            None if hosts is None else texts("hosts", hosts),
            hsts,
            security_headers,
        )
        if not isinstance(limit_fields, LimitFields):
            raise UsageError(f"limit_fields: LimitFields(...), not {limit_fields!r}")
        self.limit_fields = limit_fields
        self.allowed = None if allow is None else Networks(texts("allow", allow))
        denied = Networks(texts("deny", deny))
        self.denied = denied if denied.texts else None
        self.ipv6_prefix = _prefix(ipv6_prefix)
        self.networks_of = lru_cache(maxsize=1024)(Networks)
        self._roles = {name: tuple(scope_text.parse(one) for one in scopes) for name, scopes in (roles or {}).items()}
        if event_addresses not in ADDRESSES:
            raise UsageError(f"event_addresses: one of {', '.join(ADDRESSES)}, not {event_addresses!r}")
        self._event_addresses = event_addresses
        self.url = store or os.environ.get("OSTIARY_STORE") or DEFAULT_STORE
        self.counters_url, self.events_url = counters or self.url, events or self.url
        self.counters = open_store(self.counters_url, "counters")
        self.recorder = Recorder(open_store(self.events_url, "events"), clock=clock, redact=redactor.text)
        self.authenticators = (*_authenticators(authenticators), *self._keys(keys, pepper))
        self.failure_charges = _charges("failures", failures)
        self.unmatched_charges = _charges("unmatched", unmatched)
        self.path_policies = by_path(routes, policy_file)
        self.policies = Policies(
            self.authenticators,
            default=default,
            by_path=self.path_policies.find,
            limits=limits_of(limits) or (),
            monitor=self.monitor,
        )
        self.stand_in: Principal | None = None
        """Who calls without a credential come from: set by ``ostiary.testing`` alone."""
        self._exposed: set[tuple[str, str]] = set()
        self._address_key = self.peppers.current if self.peppers is not None else secrets.token_bytes(32)
        self._said_clear = False

    def _keys(self, keys: str | StaticKeys | None, pepper: str | bytes | None) -> tuple[Authenticator, ...]:
        self.key_store: KeyStore | None = None
        self.peppers: Peppers | None = None
        if isinstance(keys, StaticKeys):
            return (keys,)
        if pepper is not None and not isinstance(pepper, (str, bytes)):
            raise UsageError(f"pepper: at least 32 random bytes, or those in base64, not {type(pepper).__name__}")
        url = keys or self.url
        self.key_store = open_store(url, "keys")
        self.peppers = load_pepper(folder_of(url), pepper)
        return (ApiKeys(self.key_store, self.peppers, self._roles),)

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
        return None if self._let_pass(request, denied, self.monitor) else denied

    def in_clear(self, request: Request, denied: Deny) -> Flow[None] | None:
        """What is still to be done for a call that was refused because it came over plain HTTP; None where the scheme cannot be known."""
        if denied.reason != "https":
            return None
        if self.trust.nobody and network.is_private(request.peer):
            if not self._said_clear:
                self._said_clear = True
                logger.warning("plain HTTP from %s is refused: if a proxy there ends TLS, write proxies=1 or its network", request.peer)
            return None
        return flow.in_clear(self, request)

    def after_arrive(self, request: Request, denied: Deny) -> None:
        """To be called when ``arrive`` has refused, in a thread."""
        if (steps := self.in_clear(request, denied)) is not None:
            with contextlib.suppress(StoreDown):
                run(steps, self.answer)

    async def aafter_arrive(self, request: Request, denied: Deny) -> None:
        """The same in an event loop."""
        if (steps := self.in_clear(request, denied)) is not None:
            with contextlib.suppress(StoreDown):
                await arun(steps, self.answer)

    def stopped(self, request: Request, status: int) -> Deny | None:
        """Why an answer that starts must not leave: nobody decided about it; or no route gave it and it is neither redirect nor error."""
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
        request.compiled = compiled
        return self._decided(request, compiled, self._run(flow.decide(self, request, compiled)))

    async def adecide(self, request: Request, compiled: Compiled) -> Decision:
        """The decision, in an event loop."""
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
            return run(steps, self.answer)
        except (Busy, StoreDown):
            return Deny(problem.UNAVAILABLE, "store_down")
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    async def _arun(self, steps: Flow[Decision]) -> Decision:
        try:
            return await arun(steps, self._answer_in_loop)
        except (Busy, StoreDown):
            return Deny(problem.UNAVAILABLE, "store_down")
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    def answer(self, ask: Ask) -> Any:
        """One answer of the world to a flow."""
        if isinstance(ask, Spend):
            return self.counters.spend(ask.charges, ask.now)
        if isinstance(ask, Find):
            return self._find(ask)
        return ask.function(*ask.arguments) if isinstance(ask, Call) else None

    def _answer_in_loop(self, ask: Ask) -> Any:
        """The same where an event loop must not be held up: a store across a network answers with an awaitable."""
        if isinstance(ask, Spend) and (spend := getattr(self.counters, "aspend", None)) is not None:
            return spend(ask.charges, ask.now)
        return self.answer(ask)

    def _find(self, ask: Find) -> Any:
        if self.key_store is None:
            return None
        return self.key_store.find_imported(ask.digests) if ask.digests else self.key_store.find(ask.key_id)

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

    def record(self, request: Request, status: int) -> None:
        """One event of one call, when it is over."""
        compiled, who = request.compiled, request.principal
        ended = self.clock()
        self.recorder.record(
            Event(
                time=ended,
                request_id=request.id,
                route=(compiled.method, compiled.template) if compiled is not None else ("", ""),
                version=compiled.version if compiled is not None else "",
                method=request.method,
                path=request.path.replace(request.credential, "[redacted]") if request.credential else request.path,
                status=status,
                latency_us=int((ended - request.started) * 1e6),
                principal=who.subject if who is not None else "",
                key_id=who.key_id if who is not None else "",
                address=self.kept_address(request.address),
                agent=next(iter(request.header("user-agent")), ""),
                reason=request.reason,
                verdict=request.verdict,
                limit=_limit_state(request),
            )
        )

    def kept_address(self, address: str) -> str:
        """An address as events hold it."""
        return network.shown(address, self._event_addresses, self._address_key)

    async def aclose(self) -> None:
        """Closes what belongs to the event loop that ends."""
        if (close := getattr(self.counters, "aclose", None)) is not None:
            await close()

    def close(self) -> None:
        """Writes what is still to be written. Called at exit as well."""
        self.recorder.close()
        self.counters.close()
        if self.key_store is not None:
            self.key_store.close()


def _limit_state(request: Request) -> str:
    """What is left of the limit that has least, as ``3 of 5 per minute``; empty where none was asked."""
    if request.spent is None or not request.spent.states:
        return ""
    index, left, _ = min(request.spent.states, key=_LEFT)
    return f"{left} of {request.limits[index].text}"


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


def _charges(name: str, text: str | None) -> Charges:
    return tuple(((name,), replace(one, by=("address",), text="")) for one in limits_of(text) or ())


def _authenticators(given: Iterable[Authenticator]) -> tuple[Authenticator, ...]:
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in found:
        if not all(hasattr(one, name) for name in ("name", "known", "verify")):
            raise UsageError(f"authenticators: objects with name, known and verify, not {one!r}")
    return found


def _header(name: str) -> str:
    if not isinstance(name, str) or not name.replace("-", "").isalnum() or not name.isascii():
        raise UsageError(f"header: not a header's name: {name!r}")
    if name.lower() in _RESERVED:
        raise UsageError(f"header: {name} has a meaning of its own (Authorization: Bearer is read besides); choose another")
    return name.lower()


def _prefix(length: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 32 <= length <= 128:
        raise UsageError(f"ipv6_prefix: from 32 to 128, not {length!r}")
    return length
