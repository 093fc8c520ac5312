"""Where alerts go: a function, a webhook that is signed, or whatever Apprise reaches (Slack, e-mail, …). Called by the housekeeping thread."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, Protocol

from ostiary.errors import MissingExtra, UsageError

_LOG = logging.getLogger("ostiary.alerts")
_TRIES = 3
_WAIT = 10.0
_SHORTEST = 24
_FINE = range(200, 300)
Post = Callable[[str, bytes, Mapping[str, str]], int]


class Alert(NamedTuple):
    """``kind`` is that of an anomaly, or ``key-ends``; ``who`` a key id or an address; ``why`` a sentence; ``time`` Unix seconds."""

    time: float
    kind: str
    who: str
    why: str


class Channel(Protocol):
    """Somewhere where alerts go. May wait some seconds; what it raises is said in the log."""

    def send(self, alert: Alert) -> None: ...


class Webhook:
    """POSTs an alert as JSON to an https URL, signed as Standard Webhooks do: ``ostiary.wire.webhook.standard`` verifies it.

    ``secret``: base64 of at least 24 random bytes, after ``whsec_``. Three tries, with the same id. Raises UsageError for a bad URL or secret.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        post: Post | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise UsageError("Webhook: an https URL: what is sent there says who is attacked, and how")
        try:
            self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            self._key = b""
        if len(self._key) < _SHORTEST:
            raise UsageError(f"Webhook: a secret is whsec_ and the base64 of at least {_SHORTEST} random bytes")
        self._url, self._post, self._clock, self._sleep = url, post or _posted, clock, sleep

    def send(self, alert: Alert) -> None:
        body = json.dumps({"type": f"ostiary.{alert.kind}", "timestamp": alert.time, "data": alert._asdict()}).encode()
        message_id = f"msg_{secrets.token_hex(12)}"
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(2.0**attempt)
            status = self._post(self._url, body, self._signed(message_id, body))
            if status in _FINE:
                return
        raise OSError(f"the receiver answers {status or 'nothing'}")

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        sent = int(self._clock())
        signature = base64.b64encode(hmac.digest(self._key, b"%b.%d.%b" % (message_id.encode(), sent, body), "sha256")).decode()
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(sent),
            "webhook-signature": f"v1,{signature}",
        }


class Apprise:
    """Sends to the URLs of Apprise (``slack://…``, ``mailto://…``). Raises MissingExtra without it, UsageError for a URL that it does not know."""

    def __init__(self, *urls: str) -> None:
        try:
            apprise = import_module("apprise")
        except ImportError:
            raise MissingExtra("Apprise()", "alerts") from None
        self._reach: Any = apprise.Apprise()
        if not urls or not all(self._reach.add(url) for url in urls):
            raise UsageError("Apprise: at least one URL that Apprise knows, as in slack://TokenA/TokenB/TokenC")

    def send(self, alert: Alert) -> None:
        if not self._reach.notify(title=f"Ostiary: {alert.kind}", body=alert.why):
            raise OSError("Apprise could not send it everywhere")


class _Function:
    def __init__(self, function: Callable[[Alert], object]) -> None:
        self._function = function

    def send(self, alert: Alert) -> None:
        self._function(alert)


def channels_of(given: Iterable[Channel | Callable[[Alert], object]]) -> tuple[Channel, ...]:
    """Raises UsageError for what is neither a channel nor a function."""
    if not isinstance(given, list | tuple):
        raise UsageError(f"alerts: a list, as in [Webhook(url, secret)], not {type(given).__name__}")
    return tuple(_channel(one) for one in given)


def _channel(given: Any) -> Channel:
    if isinstance(given, type):
        raise UsageError(f"alerts: an object, as in {given.__name__}(...), not the class {given.__name__}")
    if hasattr(given, "send"):
        channel: Channel = given
        return channel
    if not callable(given):
        raise UsageError(f"alerts: functions, or objects with send(alert), not {type(given).__name__}")
    return _Function(given)


def tell(alert: Alert, channels: Iterable[Channel]) -> None:
    """To the log, and to every channel; one that fails is said and keeps no other from it."""
    _LOG.warning("%s: %s", alert.kind, alert.why)
    for channel in channels:
        try:
            channel.send(alert)
        except Exception as error:  # noqa: BLE001 whatever is wrong with a channel
            _LOG.error("an alert could not be sent by %s (%s)", type(channel).__name__, type(error).__name__)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A signed body goes where it was meant to go."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, 0 when there is none."""
    try:
        with _OPENER.open(urllib.request.Request(url, body, dict(headers), method="POST"), timeout=_WAIT) as answer:  # noqa: S310 checked above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)
    except OSError:
        return 0
