"""Core: the settings of one guard, checked at start-up, and the stores it works with. What adapters call."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ostiary import redact
from ostiary.errors import UsageError
from ostiary.guard import flow, network, transport
from ostiary.guard.ask import Ask, Call, Find, Flow, Spend, arun, run
from ostiary.guard.audit import Recorder
from ostiary.guard.authn.apikeys import ApiKeys
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.decision import ALLOW, Decision, Deny, Principal
from ostiary.guard.declare import Declaration, Delegated, limits_of
from ostiary.guard.event import Event
from ostiary.guard.limit_headers import LimitFields
from ostiary.guard.network import Networks
from ostiary.guard.pepper import load as load_pepper
from ostiary.guard.policies import Policies
from ostiary.guard.policyfiles import FILE, by_path
from ostiary.guard.stores import folder_of, open_store
from ostiary.guard.stores.base import StoreDown
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
FAILURES = "20 per minute"
UNMATCHED = "60 per minute"
_FIELDS = LimitFields()


class Core:
    """One guard. Every argument is checked here: a bad one stops the start with a sentence (UsageError), never a request.

    ``store`` is the URL of all three roles (OSTIARY_STORE, else ``sqlite:///ostiary.db``); ``keys``, ``counters`` and ``events`` replace
    one each; ``keys`` may be ``static("API_KEY")``. ``mode``: enforce or monitor. ``proxies``: trusted hops or networks. ``https``:
    required, proxy or off (default: off in ``environment="development"``). ``failures`` and ``unmatched``: limits by address for failed
    attempts and unknown paths; None for none. ``redact_logs``: ``ostiary.redact.install()``. ``gates_run_later``: a gate of the app's own tells who is calling only after the decision
    (set by adapters). ``clock`` gives Unix seconds.
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
            redact.add_names(header)
        self.clock = clock
        self.gates_run_later = gates_run_later
        self.header = _header(header)
        self.query_parameters = frozenset(name.lower() for name in _texts("query_parameters", query_parameters))
        self.environment = environment or os.environ.get("OSTIARY_ENV", "production")
        self.trust = network.trust(proxies, standard=forwarded)
        self.transport = transport.transport(
            https or ("off" if self.environment == "development" else "required"), hosts, hsts, security_headers
        )
        self.limit_fields = limit_fields
        self.allowed = None if allow is None else Networks(_texts("allow", allow))
        denied = Networks(_texts("deny", deny))
        self.denied = denied if denied.texts else None
        self.ipv6_prefix = _prefix(ipv6_prefix)
        self.networks_of = lru_cache(maxsize=1024)(Networks)
        self.url = store or os.environ.get("OSTIARY_STORE") or DEFAULT_STORE
        self.counters_url, self.events_url = counters or self.url, events or self.url
        self.counters = open_store(self.counters_url, "counters")
        self.recorder = Recorder(open_store(self.events_url, "events"), clock=clock, redact=redactor.text)
        self.authenticators = (*authenticators, *self._keys(keys, pepper))
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
        self._lock = threading.Lock()

    def _keys(self, keys: str | StaticKeys | None, pepper: str | bytes | None) -> tuple[Authenticator, ...]:
        self.key_store: KeyStore | None = None
        self.peppers: Peppers | None = None
        if isinstance(keys, StaticKeys):
            return (keys,)
        url = keys or self.url
        self.key_store = open_store(url, "keys")
        self.peppers = load_pepper(folder_of(url), pepper)
        return (ApiKeys(self.key_store, self.peppers),)

    # What adapters call

    def arrive(self, request: Request) -> Deny | None:
        """Steps 1 to 4. A Deny that comes back is to be answered; in monitor mode it is only recorded.

        From here to the end of its thread's or task's work, log records carry the request's ids and none of its credentials.
        """
        redact.current.set(request)
        try:
            refused = flow.arrive(self, request)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            refused = _failed()
        return None if refused is None else self.refuse(request, refused)

    def refuse(self, request: Request, denied: Deny) -> Deny | None:
        """A refusal that no route is asked about; None where the guard only watches."""
        return None if self._let_pass(request, denied, self.monitor) else denied

    def decide(self, request: Request, compiled: Compiled) -> Decision:
        """The decision, in a thread."""
        request.compiled = compiled
        return self._decided(request, compiled, self._run(flow.decide(self, request, compiled)))

    async def adecide(self, request: Request, compiled: Compiled) -> Decision:
        """The decision, in an event loop."""
        request.compiled = compiled
        return self._decided(request, compiled, await self._arun(flow.decide(self, request, compiled)))

    def admit(self, request: Request, compiled: Compiled, who: Principal) -> Decision:
        """Steps 11 to 14 for a caller whom the app's own gate has let in, in a thread."""
        return self._decided(request, compiled, self._run(flow.admit(self, request, compiled, who)))

    async def aadmit(self, request: Request, compiled: Compiled, who: Principal) -> Decision:
        """The same in an event loop."""
        return self._decided(request, compiled, await self._arun(flow.admit(self, request, compiled, who)))

    def _run(self, steps: Flow[Decision]) -> Decision:
        try:
            return run(steps, self.answer)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    async def _arun(self, steps: Flow[Decision]) -> Decision:
        try:
            return await arun(steps, self.answer)
        except Exception:  # noqa: BLE001 whatever fails in here is a refusal
            return _failed()

    def answer(self, ask: Ask) -> Any:
        """One answer of the world to a flow."""
        if isinstance(ask, Spend):
            return self.counters.spend(ask.charges, ask.now)
        if isinstance(ask, Find):
            return self._find(ask)
        return ask.function(*ask.arguments) if isinstance(ask, Call) else None

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
                address=request.address,
                agent=next(iter(request.header("user-agent")), ""),
                reason=request.reason,
                verdict=request.verdict,
            )
        )

    def close(self) -> None:
        """Writes what is still to be written. Called at exit as well."""
        self.recorder.close()
        self.counters.close()
        if self.key_store is not None:
            self.key_store.close()


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
    scopes = tuple(delegate.scopes(subject)) if delegate.scopes is not None else ()
    return Principal(str(found), delegate.name, scopes=scopes)


def _charges(name: str, text: str | None) -> Charges:
    return tuple(((name,), replace(one, by=("address",), text="")) for one in limits_of(text) or ())


def _texts(name: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        return (values,)
    found = tuple(values)
    if not all(isinstance(value, str) for value in found):
        raise UsageError(f"{name}: texts, not {found!r}")
    return found


def _header(name: str) -> str:
    if not name.replace("-", "").isalnum() or not name.isascii():
        raise UsageError(f"header: not a header's name: {name!r}")
    return name.lower()


def _prefix(length: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 32 <= length <= 128:
        raise UsageError(f"ipv6_prefix: from 32 to 128, not {length!r}")
    return length
