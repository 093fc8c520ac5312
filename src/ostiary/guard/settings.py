"""What a person may set on a guard (Options), and the same checked and made ready (Settings).

Every option is checked here, at start-up: a bad one is a UsageError with what to write instead, never a failing request.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard import network, transport
from ostiary.guard.authn.signed import Signatures
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.declaration import Declaration
from ostiary.guard.declare import concurrent, limits_of, texts
from ostiary.guard.limit_headers import LimitFields
from ostiary.guard.network import Networks, Trust
from ostiary.guard.policyfiles import FILE
from ostiary.guard.transport import Transport
from ostiary.guard.versions import Versions
from ostiary.model import scope as scope_text
from ostiary.model.cors import Cors
from ostiary.model.outage import CLOSED
from ostiary.wire.secret import Secret, secret
from ostiary.wire.signed_response import RESPONSE_KEY, response_key

if TYPE_CHECKING:
    from ostiary.guard.alerts import Alert, Channel
    from ostiary.guard.authn import Authenticator, Reader
    from ostiary.guard.event import Event
    from ostiary.guard.policies import Charges
    from ostiary.guard.sinks.feed import Sink
    from ostiary.guard.tokens import Tokens
    from ostiary.model.limit import Limit
    from ostiary.wire.signing_key import SignKey

DEFAULT_STORE = "sqlite:///ostiary.db"
MODES = ("enforce", "monitor")
ADDRESSES = ("whole", "truncated", "hashed")
FAILURES = "20 per minute"
KEY_FAILURES = "10 per minute"
UNMATCHED = "60 per minute"
_FIELDS = LimitFields()
_SIGNATURES = Signatures()
_RESERVED = frozenset({"authorization", "cookie", "host", "connection", "content-length", "content-type", "transfer-encoding"})


class FailureLimits(NamedTuple):
    """Of failed attempts: of an address, and of an address with one key id."""

    by_address: tuple[Limit, ...]
    by_key: tuple[Limit, ...]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What ``Guard(app, …)`` takes.

    ``store`` is the URL of all roles (OSTIARY_STORE, else ``sqlite:///ostiary.db``); ``keys``, ``counters``, ``events`` and ``nonces`` replace
    one each; ``keys`` may be ``static("API_KEY")``. ``mode``: enforce or monitor. ``proxies``: trusted hops or networks. ``https``:
    required, proxy or off (default: off in ``environment="development"``). ``failures`` and ``unmatched``: limits by address for failed
    attempts and unknown paths, ``key_failures``: by address and key id; None for none. ``roles``: named sets of scopes; a key with the
    scope ``role:clerk`` holds the clerk's.
    ``versions``: ``{"v1": deprecated("2026-01-01", "2027-01-01")}``; ``version_header`` names a version where the path does not.
    ``csrf_origins``: other origins whose pages may call in a browser's name.
    ``cors``: ``cors("https://app.example.com")`` for every route that says nothing itself.
    ``signatures``: how long one counts, how large a signed body may be; ``master_key`` opens the secrets of HMAC signing keys.
    ``response_key``: the private key (PEM) that signs answers of routes with ``sign_response``; else OSTIARY_RESPONSE_KEY or its _FILE.
    ``event_addresses``: whole, truncated (/24, /48) or hashed. ``audit_key`` seals events; ``keep_events``: ``90 days``; ``sinks``: where
    else events go. ``redact_logs``: ``ostiary.redact.install()``.
    ``on_outage``: what becomes of limits while their store is out: closed, open, or a share of each of ``workers`` processes over all
    hosts. ``lease``: the part of a limit that a worker takes in hand, so as not to ask the store at each call (stores/leased.py).
    ``concurrent``: calls of one caller at the same time, in each worker process.
    ``gates_run_later``: a gate of the app's own tells who is calling only after the decision (set by adapters). ``clock`` gives Unix seconds.
    """

    store: str | None = None
    keys: str | StaticKeys | None = None
    counters: str | None = None
    events: str | None = None
    nonces: str | None = None
    pepper: str | bytes | None = None
    master_key: str | bytes | None = None
    response_key: str | bytes | Secret | None = None
    mode: str = "enforce"
    default: Declaration | None = None
    limits: str | Iterable[str] | None = None
    on_outage: str = CLOSED
    workers: int | None = None
    lease: float | None = None
    failures: str | None = FAILURES
    key_failures: str | None = KEY_FAILURES
    unmatched: str | None = UNMATCHED
    routes: Mapping[str, Declaration | str] | None = None
    policy_file: str | os.PathLike[str] | None = FILE
    header: str = "X-API-Key"
    query_parameters: Iterable[str] = ()
    proxies: int | str | Iterable[str] = 0
    forwarded: bool = False
    environment: str | None = None
    https: str | None = None
    hsts: int = transport.YEAR
    hosts: Iterable[str] | None = None
    security_headers: bool = True
    limit_fields: LimitFields = _FIELDS
    signatures: Signatures = _SIGNATURES
    allow: Iterable[str] | None = None
    deny: Iterable[str] = ()
    ipv6_prefix: int = 64
    roles: Mapping[str, Iterable[str]] | None = None
    versions: Mapping[str, Declaration] | None = None
    version_header: str | None = None
    csrf_origins: Iterable[str] = ()
    cors: Declaration | None = None
    concurrent: int | None = None
    event_addresses: str = "whole"
    authenticators: Iterable[Authenticator | Reader] = ()
    audit_key: str | bytes | None = None
    keep_events: str | None = None
    sinks: Sequence[Sink | Callable[[Event], object]] = ()
    alerts: Sequence[Channel | Callable[[Alert], object]] | None = None
    tokens: Tokens | None = None
    redact_logs: bool = True
    gates_run_later: bool = False
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Options, checked and ready to be asked at every request. ``*_url`` name the store of each role."""

    keys_url: str
    counters_url: str
    events_url: str
    nonces_url: str
    monitor: bool
    header: str
    query_parameters: frozenset[str]
    environment: str
    trust: Trust
    transport: Transport
    limit_fields: LimitFields
    signatures: Signatures
    response_key: SignKey | None
    allowed: Networks | None
    denied: Networks | None
    ipv6_prefix: int
    roles: Mapping[str, tuple[str, ...]]
    versions: Versions
    cors: Cors | None
    concurrent: int | None
    event_addresses: str
    failure_limits: FailureLimits
    unmatched_charges: Charges
    gates_run_later: bool
    clock: Callable[[], float]


def settings_of(options: Options) -> Settings:
    """Raises UsageError for the first option that cannot be."""
    url = options.store or os.environ.get("OSTIARY_STORE") or DEFAULT_STORE
    environment = options.environment or os.environ.get("OSTIARY_ENV", "production")
    denied = Networks(texts("deny", options.deny))
    _check(options)
    return Settings(
        keys_url=options.keys if isinstance(options.keys, str) and options.keys else url,
        counters_url=options.counters or url,
        events_url=options.events or url,
        nonces_url=options.nonces or options.counters or url,
        monitor=_one_of("mode", options.mode, MODES) == "monitor",
        header=_header(options.header),
        query_parameters=frozenset(name.lower() for name in texts("query_parameters", options.query_parameters)),
        environment=environment,
        trust=network.trust(options.proxies, standard=options.forwarded),
        transport=transport.transport(
            options.https or ("off" if environment == "development" else "required"),
            None if options.hosts is None else texts("hosts", options.hosts),
            options.hsts,
            options.security_headers,
        ),
        limit_fields=options.limit_fields,
        signatures=options.signatures,
        response_key=_response_key(options.response_key),
        allowed=None if options.allow is None else Networks(texts("allow", options.allow)),
        denied=denied if denied.texts else None,
        ipv6_prefix=_prefix(options.ipv6_prefix),
        roles=_roles(options.roles),
        versions=Versions(None if options.version_header is None else _header(options.version_header), options.versions),
        cors=_cors(options.cors),
        concurrent=None if options.concurrent is None else concurrent(options.concurrent).concurrent,
        event_addresses=_one_of("event_addresses", options.event_addresses, ADDRESSES),
        failure_limits=_failure_limits(options.failures, options.key_failures),
        unmatched_charges=_charges("unmatched", options.unmatched),
        gates_run_later=options.gates_run_later,
        clock=options.clock,
    )


def _check(options: Options) -> None:
    if not callable(options.clock):
        raise UsageError(f"clock: a function that gives Unix seconds, not {options.clock!r}")
    if options.default is not None and not isinstance(options.default, Declaration):
        raise UsageError(f"default: require(...) or public(...), not {options.default!r}")
    if not isinstance(options.limit_fields, LimitFields):
        raise UsageError(f"limit_fields: LimitFields(...), not {options.limit_fields!r}")
    if not isinstance(options.signatures, Signatures):
        raise UsageError(f"signatures: Signatures(...), not {options.signatures!r}")
    if options.master_key is not None and not isinstance(options.master_key, (str, bytes)):
        raise UsageError(f"master_key: at least 32 random bytes, or those in base64, not {type(options.master_key).__name__}")
    if options.pepper is not None and not isinstance(options.pepper, (str, bytes)):
        raise UsageError(f"pepper: at least 32 random bytes, or those in base64, not {type(options.pepper).__name__}")


def _response_key(given: str | bytes | Secret | None) -> SignKey | None:
    if given is None and (os.environ.get(RESPONSE_KEY) or os.environ.get(f"{RESPONSE_KEY}_FILE")):
        given = secret(RESPONSE_KEY)
    if given is None:
        return None
    text = given.reveal() if isinstance(given, Secret) else given
    if not isinstance(text, (str, bytes)):
        raise UsageError(f"response_key: a private key in PEM, not {type(text).__name__}")
    try:
        return response_key(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    except MissingExtra:
        raise
    except UsageError:
        raise UsageError(
            f"response_key: a private key in PEM (Ed25519), as openssl genpkey -algorithm ed25519 makes it; or {RESPONSE_KEY}"
        ) from None


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(f"{name}: {', '.join(known[:-1])} or {known[-1]}, not {value!r}")
    return value


def _charges(name: str, text: str | None) -> Charges:
    return tuple(((name,), replace(one, by=("address",), text="")) for one in limits_of(text) or ())


def _failure_limits(failures: str | None, key_failures: str | None) -> FailureLimits:
    """Who wants none by address wants none by key."""
    if failures is None:
        return FailureLimits((), ())
    return FailureLimits(
        *(tuple(replace(one, by=("address",), text="") for one in limits_of(text) or ()) for text in (failures, key_failures))
    )


def _cors(said: Declaration | None) -> Cors | None:
    if said is None:
        return None
    if not isinstance(said, Declaration) or said.cors is None:
        raise UsageError(f'cors: cors("https://app.example.com"), not {said!r}')
    return said.cors


def _header(name: str) -> str:
    if not isinstance(name, str) or not name.replace("-", "").isalnum() or not name.isascii():
        raise UsageError(f"header: not a header's name: {name!r}")
    if name.lower() in _RESERVED:
        raise UsageError(f"header: {name} has a meaning of its own (Authorization: Bearer is read besides); choose another")
    return name.lower()


def _roles(said: Mapping[str, Iterable[str]] | None) -> Mapping[str, tuple[str, ...]]:
    if said is not None and not isinstance(said, Mapping):
        raise UsageError(f'roles: names with their scopes, as in {{"clerk": ["orders:read"]}}, not {said!r}')
    return {name: tuple(scope_text.parse(one) for one in texts(f"roles: {name}", scopes)) for name, scopes in (said or {}).items()}


def _prefix(length: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 32 <= length <= 128:
        raise UsageError(f"ipv6_prefix: from 32 to 128, not {length!r}")
    return length
