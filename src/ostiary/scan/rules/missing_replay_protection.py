"""A signed request that counts each time it is sent."""

from __future__ import annotations

from ostiary.model.finding import Confidence
from ostiary.scan.code.sites import Call
from ostiary.scan.rules import Found, Rule
from ostiary.scan.rules._bits import number
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._freshness import around, remembers, windows
from ostiary.scan.rules._message import Role
from ostiary.scan.rules._signatures import Check, checks

rule = Rule("missing-replay-protection")

_FIX = "Refuse what is older than five minutes, by a timestamp that is signed:\nif abs(time.time() - int(timestamp)) > 300:\n    abort(401)"
_WIDEST = 300


@rule.on_call("new", "digest", "HMAC")
def replayed(call: Call) -> Found:
    """A signature is compared, and neither the age of the request nor what makes it unique is looked at."""
    for check in checks(call):
        if not check.in_url:
            yield from _judged(check)


def _judged(check: Check) -> Found:
    near = around(check)
    found = [window for function in near for window in windows(check.world, function)]
    own = frozenset({check.function.name, check.computed.function.name})
    if any(remembers(function, own) for function in near):
        return
    if not found:
        yield from _unprotected(check)
    # any of several comparisons may be the one that counts
    elif all(window.seconds is not None and window.seconds > _WIDEST for window in found):
        widest = max(found, key=lambda window: window.seconds or 0)
        message = f"a signed request counts for {widest.seconds:.0f} seconds, and nothing remembers that it came already"
        yield rule.finding(message, widest.place, Confidence.MEDIUM, fix=_FIX)


def _unprotected(check: Check) -> Found:
    if Role.TIME in check.roles:
        message, confidence = "the timestamp is signed, and its age is never looked at", Confidence.HIGH
    else:
        message = "the signature is verified, and neither a timestamp nor a nonce is: the same request counts again and again"
        followed = any(piece.sure for piece in check.message)
        confidence = Confidence.LOW if check.by_provider or not followed else Confidence.MEDIUM
    yield rule.finding(message, check.place, confidence, fix=_FIX)


@rule.on_call("construct_event", "verify_header")
def tolerance(call: Call) -> Found:
    """Stripe's library with a window of its caller's choice."""
    given = call.arg(3, "tolerance")
    if given is None or not call.name.startswith("stripe."):
        return
    seconds = number(Flow.at(call), given)
    if seconds is not None and seconds > _WIDEST:
        yield rule.finding(
            f"a signed request counts for {seconds} seconds", call, Confidence.HIGH, fix="Leave tolerance at its default, 300 seconds."
        )
