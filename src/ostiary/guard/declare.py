"""Declarations: what the author of a route says of it. A decorator leaves a mark on the function; nothing is wrapped.

    @app.get("/orders")
    @require("orders:read", limits="5 per minute")
    def orders(): ...

The nearest word counts: the route's own, then the file's, then its blueprint's or router's, then the app's default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ostiary.guard.network import Networks
from ostiary.guard.ownership import Owned, owned
from ostiary.model import limit as limit_text
from ostiary.model import scope as scope_text
from ostiary.model.cors import EXPOSED, SENT, cross_origin
from ostiary.model.lifecycle import Moment, lifecycle
from ostiary.model.limit import Limit, distinct_of
from ostiary.model.media import media_types
from ostiary.model.outage import choice

if TYPE_CHECKING:
    pass

from ostiary.guard.declaration import Cost, Declaration, Delegated, Plan, PolicyError

DERIVED = ("@method", "@authority", "@scheme", "@target-uri", "@path", "@query")


COMPONENT = re.compile(rf"{'|'.join(DERIVED)}|[!#$%&'*+\-.^_`|~0-9a-z]+")


def require(
    *scopes: str,
    any_of: Iterable[str] | None = None,
    schemes: Iterable[str] = (),
    limits: str | Limit | Iterable[str | Limit] | None = None,
    networks: Iterable[str] | None = None,
    monitor: bool | None = None,
    issues: bool | None = None,
    tickets: bool | None = None,
    csrf: bool | None = None,
    owner: str | Callable[..., Any] | Owned | None = None,
    on_outage: str | None = None,
    signed: bool | Iterable[str] | None = None,
    signed_stream: bool | None = None,
    max_body: int | None = None,
    sign_response: bool | None = None,
) -> Declaration:
    """A credential is demanded, with all of ``scopes`` and at least one of ``any_of``. ``issues``: the answer holds a new credential.
    ``tickets``: ``?ticket=`` of ``guard.ticket(principal, route)`` is taken, too.

    ``owner``: a path parameter that must be the caller's subject, a function that loads the object, or ``owned(…)``.

    ``csrf`` False: pages of other sites may call in a browser's name. ``on_outage``: closed, open or share, for limits while their
    store is out.
    ``signed``: the request has to be signed; names of components (``"x-tenant"``) are covered besides what every signature covers.
    ``signed_stream``: the body is checked while the handler reads it. ``max_body``: bytes of a signed body.
    ``sign_response``: answers are signed with the guard's ``response_key``.
    """
    if any_of is not None and not texts("any_of", any_of):
        raise PolicyError("any_of is empty: no scope would do; leave it out, or name scopes")
    return Declaration(
        required=True,
        scopes=_scopes(scopes),
        any_scopes=_scopes(texts("any_of", any_of or ())),
        schemes=texts("schemes", schemes),
        limits=limits_of(limits),
        networks=None if networks is None else Networks(texts("networks", networks)).texts,
        monitor=_flag("monitor", monitor),
        issues=_flag("issues", issues),
        tickets=_flag("tickets", tickets),
        csrf=_flag("csrf", csrf),
        owned=owner if owner is None or isinstance(owner, Owned) else owned(owner),
        on_outage=_outage(on_outage),
        signed=signed_of(signed),
        signed_stream=_flag("signed_stream", signed_stream),
        max_body=_size("max_body", max_body),
        sign_response=_flag("sign_response", sign_response),
    )


def signed_of(said: bool | Iterable[str] | None) -> tuple[str, ...] | bool | None:
    """What ``signed=`` means: None nothing said, False no signature, else the components that it has to cover besides. Raises PolicyError."""
    if said is None or isinstance(said, bool):
        return () if said else said
    names = texts("signed", said)
    for name in names:
        if not COMPONENT.fullmatch(name):
            raise PolicyError(f"signed: {name!r} is no component; write a header in lower case, or {', '.join(DERIVED)}")
    return names


def public(
    reason: str,
    *,
    limits: str | Limit | Iterable[str | Limit] | None = None,
    csrf: bool | None = None,
    on_outage: str | None = None,
    sign_response: bool | None = None,
) -> Declaration:
    """Everybody may call, for a reason that is written down. ``csrf`` False: from pages of other sites, too.

    ``on_outage``, ``sign_response``: see require.
    """
    if not isinstance(reason, str) or not reason.strip():
        raise PolicyError('public needs a reason: @public("the load balancer asks without a key")')
    return Declaration(
        public=reason.strip(),
        limits=limits_of(limits),
        csrf=_flag("csrf", csrf),
        on_outage=_outage(on_outage),
        sign_response=_flag("sign_response", sign_response),
    )


def limit(
    *rates: str | Limit | Plan, by: str | Iterable[str] | None = None, bucket: str = "", cost: int | Cost = 1, on_outage: str | None = None
) -> Declaration:
    """Rate limits of a route (``"5 per minute"``); who may call is said elsewhere.

    A rate may be a function of the Principal (None where nobody is known) that gives a text, or None for no limit: by key or plan.
    ``by``: principal, address, app, or several. ``bucket``: routes that name it share it. ``cost``: what a call spends, or a function
    of the Request. ``on_outage``: see require.
    """
    who = None if by is None else texts("by", by)
    if not isinstance(bucket, str):
        raise PolicyError(f"bucket: a name, not {bucket!r}")
    plans = tuple(rate for rate in rates if callable(rate))
    found = limit_text.parse_all([rate for rate in rates if not callable(rate)])
    if not found and not plans:
        raise PolicyError('limit needs a rate: @limit("5 per minute")')
    spent = cost if isinstance(cost, int) else 1
    changed = tuple(replace(one, by=who or one.by, bucket=bucket or one.bucket, cost=spent, text="") for one in found)
    return Declaration(limits=changed, plans=plans, cost=cost if callable(cost) else None, on_outage=_outage(on_outage))


def deprecated(since: Moment, sunset: Moment | None = None, successor: str = "", after_sunset: str = "gone") -> Declaration:
    """The route is on its way out: since when, until when, and what takes its place; LifecycleError for what cannot be.

    Dates as ``2027-01-31``. After the sunset it answers 410, or goes on with ``after_sunset="serve"``.
    """
    return Declaration(lifecycle=lifecycle(since, sunset, successor, after_sunset))


def cors(
    *origins: str,
    methods: Iterable[str] | None = None,
    headers: Iterable[str] = SENT,
    expose: Iterable[str] = EXPOSED,
    credentials: bool = False,
    max_age: int = 600,
) -> Declaration:
    """Pages of these origins may read the answers (CORS). ``https://app.example.com``, ``https://*.example.com``, or ``*`` alone.

    ``headers`` they may send, ``expose`` they may read. ``credentials``: with the user's cookies; never for every origin.
    """
    return Declaration(
        cors=cross_origin(*origins, methods=methods, headers=headers, expose=expose, credentials=credentials, max_age=max_age)
    )


def distinct(parameter: str, rate: str | Limit) -> Declaration:
    """At most so many different values of a path parameter for each caller, as in ``distinct("order_id", "100 per hour")`` (LIMIT-7)."""
    return Declaration(distinct=distinct_of(parameter, rate))


def concurrent(most: int) -> Declaration:
    """At most so many calls of each caller at the same time, in each worker process."""
    if type(most) is not int or most < 1:
        raise PolicyError(f"concurrent: a whole number from 1 on, not {most!r}")
    return Declaration(concurrent=most)


def accepts(*types: str, body: Any = None, max_body: int | None = None, depth: int | None = None) -> Declaration:
    """What a call may bring: media types, at most ``max_body`` bytes, JSON at most ``depth`` deep that fits ``body``.

    ``body``: a pydantic model, a dataclass or a JSON Schema; what it makes of the content is ``guard.given``. JSON is read strictly.
    """
    if not types and body is None and max_body is None and depth is None:
        raise PolicyError('accepts says what: @accepts("application/json", max_body=100_000)')
    if depth is not None and (type(depth) is not int or not 1 <= depth <= 200):
        raise PolicyError(f"depth: a whole number from 1 to 200, not {depth!r}")
    return Declaration(accepts=media_types(types) if types else None, body=body, max_body=_size("max_body", max_body), json_depth=depth)


def timeout(seconds: float) -> Declaration:
    """A call that takes longer is ended with 503. For ASGI apps: nothing can end a thread."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 86_400:
        raise PolicyError(f"timeout: seconds above 0, not {seconds!r}")
    return Declaration(timeout=float(seconds))


def exempt() -> Declaration:
    """No rate limit on this route, not even the default ones."""
    return Declaration(limits=())


def delegated(
    gate: Callable[..., Any],
    subject: Callable[..., Any] | None = None,
    *,
    scopes: Callable[..., Iterable[str]] | None = None,
    limits: str | Limit | Iterable[str | Limit] | None = None,
    csrf: bool | None = None,
) -> Declaration:
    """The app's own gate decides who may call; start-up checks that it really is on the route."""
    if not callable(gate) or not all(one is None or callable(one) for one in (subject, scopes)):
        raise PolicyError("delegated needs functions: @delegated(get_current_user), subject= and scopes= too")
    name = f"delegated:{getattr(gate, '__qualname__', type(gate).__name__)}"
    return Declaration(
        required=True,
        schemes=(name,),
        limits=limits_of(limits),
        csrf=_flag("csrf", csrf),
        delegates=(Delegated(name, gate, subject, scopes),),
    )


def limits_of(rates: str | Limit | Iterable[str | Limit] | None) -> tuple[Limit, ...] | None:
    """The limits that a text, or several, write; None when nothing was said. Raises LimitError."""
    if rates is None:
        return None
    return limit_text.parse_all(tuple(rates) if isinstance(rates, Iterable) and not isinstance(rates, str) else rates)


def texts(name: str, values: str | Iterable[str]) -> tuple[str, ...]:
    """One text or several, as a tuple. Raises PolicyError, which names the setting, for anything else."""
    found = (values,) if isinstance(values, str) else tuple(values) if isinstance(values, Iterable) else (None,)
    if not all(isinstance(value, str) for value in found):
        raise PolicyError(f"{name}: a text, or several, not {values!r}")
    return found


def _outage(value: str | None) -> str | None:
    return None if value is None else choice(value)


def _flag(name: str, value: bool | None) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise PolicyError(f"{name}: True or False, not {value!r}")
    return value


def _size(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise PolicyError(f"{name}: a number of bytes, not {value!r}")
    return value


def _scopes(names: Iterable[str]) -> tuple[str, ...]:
    for name in names:
        if callable(name):
            raise PolicyError("write @require(), with the brackets")
    return tuple(scope_text.parse(name) for name in names)
