"""Webhooks that others send, on a route (SIGN-6): Stripe, GitHub, Slack, Standard Webhooks, and HMAC in general.

    @app.post("/stripe")
    @webhook("stripe", secret=ostiary.secret("STRIPE_WEBHOOK_SECRET"))
    def stripe(): ...

Each delivery is taken once. What signs no time is remembered for thirty days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ostiary.errors import BadSignature, SignatureReason
from ostiary.guard.ask import Flow, ReadBody, Remember
from ostiary.guard.authn import Refusal
from ostiary.guard.body import unread
from ostiary.guard.decision import Deny, Principal
from ostiary.guard.declaration import Declaration, PolicyError
from ostiary.guard.declare import limits_of
from ostiary.wire import webhook as wire
from ostiary.wire.secret import Secret

if TYPE_CHECKING:
    from ostiary.guard.request import Request
    from ostiary.wire.webhook import Delivery

KINDS = ("stripe", "github", "slack", "standard", "generic")
PREFIX = "webhook:"
_HEADERS = {
    "stripe": ("stripe-signature",),
    "github": ("x-hub-signature-256",),
    "slack": ("x-slack-signature", "x-slack-request-timestamp"),
    "standard": ("webhook-signature", "webhook-id", "webhook-timestamp"),
}
_WITHOUT_TIME = 30 * 86_400.0
_LARGEST = 1024 * 1024
_SECONDS = 30.0
_GENERIC = frozenset({"header", "timestamp", "digest", "encoding", "prefix"})


@dataclass(frozen=True)
class Webhook:
    """Who sends and how it is verified. ``headers`` are those that carry signature, id and time."""

    kind: str
    secrets: tuple[Secret, ...] = field(repr=False, hash=False)
    headers: tuple[str, ...]
    window: int
    max_body: int
    more: tuple[tuple[str, Any], ...] = ()


def webhook(
    kind: str,
    *,
    secret: Secret | Iterable[Secret],
    window: int = 300,
    max_body: int = _LARGEST,
    limits: Any = None,
    **generic: Any,
) -> Declaration:
    """Only deliveries of ``kind`` (stripe, github, slack, standard, generic) may call, each one once.

    ``secret``: ``ostiary.secret("NAME")``, or several while one replaces the other. ``window``: seconds that a delivery counts for.
    ``max_body``: bytes. For generic: ``header`` (needed), ``timestamp`` (a header), ``digest``, ``encoding``, ``prefix``.
    """
    secrets = (secret,) if isinstance(secret, Secret) else tuple(secret) if isinstance(secret, Iterable) else ()
    if not secrets or not all(isinstance(one, Secret) for one in secrets):
        raise PolicyError(f'webhook: write secret=ostiary.secret("{kind.upper() if isinstance(kind, str) else "NAME"}_WEBHOOK_SECRET")')
    if kind not in KINDS:
        raise PolicyError(f"webhook: {', '.join(KINDS)}, not {kind!r}")
    if not isinstance(window, int) or not 1 <= window <= 86_400 or not isinstance(max_body, int) or max_body < 0:
        raise PolicyError("webhook: window is 1 to 86400 seconds, max_body a number of bytes")
    headers, more = _of_generic(generic) if kind == "generic" else (_HEADERS[kind], ())
    if kind != "generic" and generic:
        raise PolicyError(f"webhook: {min(generic)} is for generic ones")
    hook = Webhook(kind, secrets, headers, window, max_body, more)
    _refuse_bad_options(hook)
    return Declaration(required=True, schemes=(PREFIX + kind,), limits=limits_of(limits), hooks=(hook,))


def _of_generic(said: dict[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]:
    unknown = sorted(said.keys() - _GENERIC)
    names = [said[name] for name in ("header", "timestamp") if said.get(name) is not None]
    if unknown or not said.get("header") or not all(isinstance(name, str) for name in names):
        raise PolicyError(
            'webhook: generic ones have header="X-Signature", and timestamp, digest, encoding and prefix where they need them'
        )
    return tuple(name.lower() for name in names), tuple((name, said[name]) for name in ("digest", "encoding", "prefix") if name in said)


def _refuse_bad_options(hook: Webhook) -> None:
    """A digest, an encoding or a secret that cannot be is a mistake of start-up, not of the first delivery."""
    try:
        _verified(hook, b"", ["1"] * len(hook.headers), 1.0)
    except BadSignature:
        return


def verify(hook: Webhook, request: Request, now: float) -> Flow[Principal | Refusal | Deny]:
    """Steps 8 to 10 for a webhook: headers, body, signature and time, then the id of the delivery."""
    given = [request.header(name) for name in hook.headers]
    if any(len(lines) != 1 for lines in given):
        return Refusal(SignatureReason.INCOMPLETE.value if not all(given) else SignatureReason.SEVERAL.value)
    body = yield ReadBody(request, hook.max_body, _SECONDS, _nothing)
    if body.reason:
        return unread(body)
    content = body.file.read()
    body.rewind()
    try:
        delivery = _verified(hook, content, [lines[0] for lines in given], now)
    except BadSignature as bad:
        return Refusal(bad.reason.value)
    until = now + _WITHOUT_TIME if delivery.sent is None else delivery.sent + 2.0 * hook.window
    if not (yield Remember(f"{PREFIX}{hook.kind}:{delivery.id}".encode("ascii"), now, until)):
        return Refusal(SignatureReason.REPLAYED.value)
    return Principal(hook.kind, PREFIX + hook.kind)


def _verified(hook: Webhook, body: bytes, given: list[str], now: float) -> Delivery:
    secrets = [one.reveal() for one in hook.secrets]
    if hook.kind == "stripe":
        return wire.stripe(body, given[0], secrets, now, window=hook.window)
    if hook.kind == "github":
        return wire.github(body, given[0], secrets)
    if hook.kind == "slack":
        return wire.slack(body, given[0], given[1], secrets, now, window=hook.window)
    if hook.kind == "standard":
        return wire.standard(body, given[0], given[1], given[2], secrets, now, window=hook.window)
    timed: dict[str, Any] = {"timestamp": given[1], "now": now, "window": hook.window} if len(given) > 1 else {}
    return wire.generic(body, given[0], secrets, **timed, **dict(hook.more))


def _nothing(piece: bytes) -> None:
    """The content is verified whole."""
