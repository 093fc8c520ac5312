"""Webhooks that others send: Stripe, GitHub, Slack, Standard Webhooks, and HMAC in general.

Each function takes the body as it was received and gives a ``Delivery``, or raises BadSignature. Several secrets are for the time
in which one replaces another: any of them verifies. A delivery has to be refused when ``Delivery.id`` was seen before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire.freshness import WINDOW, check_fresh

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_LONGEST_HEADER = 4_096


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was verified.

    ``id`` is the SHA-256 of what was signed: who remembers it takes nothing twice, whatever headers a replay changes.
    ``sent`` (Unix seconds) is None with senders that sign no time; their ids have to be remembered for good.
    """

    body: bytes = field(repr=False)
    id: str
    sent: int | None = None


def stripe(body: bytes, header: str, secrets: Sequence[str], now: float, *, window: float = WINDOW) -> Delivery:
    """``header`` is Stripe-Signature: ``t=…,v1=…``; a secret begins with ``whsec_``. Only v1 is looked at."""
    pairs = [pair.partition("=") for pair in _short(header).split(",")]
    times = [value for name, _, value in pairs if name.strip() == "t"]
    timestamp = _timestamp(times[0] if len(times) == 1 else "")
    given = [value for name, _, value in pairs if name.strip() == "v1"]
    signed = b"%d.%b" % (timestamp, body)
    _verified(signed, given, _keys(secrets), bytes.hex)
    return _fresh(Delivery(body, _id(signed), timestamp), now, window)


def github(body: bytes, header: str, secrets: Sequence[str]) -> Delivery:
    """``header`` is X-Hub-Signature-256: ``sha256=…``. GitHub signs neither a time nor X-GitHub-Delivery."""
    _verified(body, [_after("sha256=", header)], _keys(secrets), bytes.hex)
    return Delivery(body, _id(body))


def slack(body: bytes, header: str, timestamp: str, secrets: Sequence[str], now: float, *, window: float = WINDOW) -> Delivery:
    """``header`` is X-Slack-Signature (``v0=…``), ``timestamp`` X-Slack-Request-Timestamp."""
    sent = _timestamp(timestamp)
    signed = b"v0:%d:%b" % (sent, body)
    _verified(signed, [_after("v0=", header)], _keys(secrets), bytes.hex)
    return _fresh(Delivery(body, _id(signed), sent), now, window)


def standard(
    body: bytes, header: str, message_id: str, timestamp: str, secrets: Sequence[str], now: float, *, window: float = WINDOW
) -> Delivery:
    """Standard Webhooks: webhook-signature (``v1,…`` with spaces between), webhook-id, webhook-timestamp; secrets are base64 after ``whsec_``."""
    sent = _timestamp(timestamp)
    try:
        name = _short(message_id).encode("ascii")
    except UnicodeEncodeError:
        raise _malformed("the id is not ASCII") from None
    if not name or b"." in name:
        raise _malformed("an id is not empty and holds no dot")
    signed = b"%b.%d.%b" % (name, sent, body)
    given = [one.removeprefix("v1,") for one in _short(header).split(" ") if one.startswith("v1,")]
    _verified(signed, given, [_unwrapped(secret) for secret in secrets], _base64)
    return _fresh(Delivery(body, _id(signed), sent), now, window)


def generic(
    body: bytes,
    header: str,
    secrets: Sequence[str],
    *,
    digest: Literal["sha256", "sha384", "sha512"] = "sha256",
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
    timestamp: str | None = None,
    now: float | None = None,
    window: float = WINDOW,
) -> Delivery:
    """An HMAC of the body or, with ``timestamp`` (and then ``now``), of ``timestamp + "." + body``.

    ``prefix`` is what stands before the signature in the header. Raises UsageError for a digest or encoding that is not one of these.
    """
    if encoding not in ("hex", "base64") or digest not in ("sha256", "sha384", "sha512"):
        raise UsageError("a webhook is signed with sha256, sha384 or sha512, in hex or base64")
    if (timestamp is None) != (now is None):
        raise UsageError("give timestamp and now, or neither")
    sent = None if timestamp is None else _timestamp(timestamp)
    signed = body if sent is None else b"%d.%b" % (sent, body)
    _verified(signed, [_after(prefix, header)], _keys(secrets), bytes.hex if encoding == "hex" else _base64, digest)
    delivery = Delivery(body, _id(signed), sent)
    return delivery if now is None else _fresh(delivery, now, window)


def _verified(signed: bytes, given: Sequence[str], keys: Sequence[bytes], encode: Callable[[bytes], str], digest: str = "sha256") -> None:
    """Compares texts, so that a signature has one way to be written."""
    if not keys:
        raise UsageError("a webhook needs a secret")
    if not given:
        raise _malformed("the header holds no signature")
    expected = [encode(hmac.digest(key, signed, digest)).encode("ascii") for key in keys]
    offered = [one.encode("utf-8", "surrogatepass") for one in given]
    # Every pair is compared, so that time says nothing about which secret or which part was right.
    if not sum([hmac.compare_digest(right, one) for right in expected for one in offered]):
        raise BadSignature(SignatureReason.WRONG, "the webhook is not signed with our secret")


def _keys(secrets: Sequence[str]) -> list[bytes]:
    if isinstance(secrets, str) or not all(secrets):
        raise UsageError("the secrets of a webhook are a list, and none of them is empty")
    return [secret.encode("utf-8") for secret in secrets]


def _unwrapped(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise UsageError("a secret of Standard Webhooks is base64 after whsec_")
    return key


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _id(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()


def _after(prefix: str, header: str) -> str:
    header = _short(header)
    if not header.startswith(prefix):
        raise _malformed("the header does not begin as it should")
    return header.removeprefix(prefix)


def _short(header: str) -> str:
    if len(header) > _LONGEST_HEADER:
        raise _malformed("the header is too long")
    return header


def _timestamp(text: str) -> int:
    if _TIMESTAMP.fullmatch(text) is None:
        raise _malformed("no timestamp in Unix seconds")
    return int(text)


def _fresh(delivery: Delivery, now: float, window: float) -> Delivery:
    check_fresh(delivery.sent or 0, now, window=window, skew=window)
    return delivery


def _malformed(message: str) -> BadSignature:
    return BadSignature(SignatureReason.MALFORMED, message)
