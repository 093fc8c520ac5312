"""One-time tickets in a query, for WebSockets and server-sent events, where browsers set no headers (KEY-13).

A ticket says who it is for, where it may be used and until when, under a MAC whose key comes of the pepper; nothing is stored until it is
used, and then only that it was.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ostiary.errors import UsageError
from ostiary.guard.ask import Find, Flow, Remember
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.apikeys import principal_of
from ostiary.guard.authn.presented import Malformed
from ostiary.guard.decision import Principal
from ostiary.guard.keyrecord import KeyRecord, Standing, state
from ostiary.guard.pepper import Peppers
from ostiary.model.scope import covers
from ostiary.wire import strict_json

if TYPE_CHECKING:
    from ostiary.guard.network import Trust
    from ostiary.guard.request import Request
    from ostiary.guard.stores.base import Nonces

NAME = "ticket"
PARAMETER = "ticket"
SECONDS = 30.0
LONGEST = 4096
_PREFIX = "ostt_"
_FORM = re.compile(r"ostt_([A-Za-z0-9_-]{1,4000})\.([A-Za-z0-9_-]{43})")
_PURPOSE = b"ostiary one-time tickets v1"
_SKEW = 60.0
_MOST_PARAMETERS = 200


class Tickets:
    """Issues and takes tickets. ``open_nonces`` gives the store that all workers share; it is opened when the first route takes tickets."""

    name = NAME
    ambient = False
    automatic = False

    def __init__(
        self, peppers: Peppers | None, roles: Mapping[str, tuple[str, ...]], clock: Callable[[], float], open_nonces: Callable[[], Nonces]
    ) -> None:
        self._keys = [hmac.digest(pepper, _PURPOSE, "sha256") for pepper in peppers.values()] if peppers is not None else []
        self._roles = roles
        self._clock = clock
        self._open = open_nonces

    def prepare(self) -> None:
        """A route takes tickets. Raises UsageError where they cannot be made."""
        if not self._keys:
            raise UsageError("tickets=True needs a store of keys with its pepper; a guard with static keys alone has none")
        self._open()

    def issue(self, who: Principal, route: str) -> str:
        """A ticket for 30 seconds and one use, for ``who`` at ``route``: a path, or a template as in ``/feed/{room}``. Raises UsageError."""
        if not isinstance(who, Principal):
            raise UsageError(f"ticket: for a Principal, as guard.principal, not {who!r}")
        if not isinstance(route, str) or not route.startswith("/"):
            raise UsageError(f"ticket: for a path, as /feed/7, or a template, as /feed/{{room}}, not {route!r}")
        if not self._keys:
            raise UsageError("ticket: a guard with static keys alone makes none")
        held = [secrets.token_urlsafe(16), self._clock() + SECONDS, route, who.scheme, who.key_id, who.subject, list(who.scopes)]
        body = _b64(json.dumps(held, separators=(",", ":")).encode())
        text = f"{_PREFIX}{body}.{_b64(hmac.digest(self._keys[0], body.encode(), 'sha256'))}"
        if len(text) > LONGEST:
            raise UsageError(f"ticket: more than {LONGEST} characters; the principal has too many scopes")
        return text

    def find(self, request: Request, trust: Trust) -> str:  # noqa: ARG002 it stands in the query
        """What ``?ticket=`` holds. Raises Malformed for two, and for a query of too many parameters."""
        if PARAMETER not in request.query:
            return ""
        try:
            pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
        except ValueError:
            raise Malformed from None
        found = [value for name, value in pairs if name == PARAMETER]
        if len(found) > 1 or len("".join(found)) > LONGEST:
            raise Malformed
        return found[0] if found else ""

    def prove(self, request: Request, text: str, now: float) -> Flow[Answer]:
        """Form, MAC, time, route; only then is it used up, and the key that it came from is looked at."""
        held = self._opened(text)
        if held is None:
            return Refusal("ticket_unknown")
        nonce, ends, route, scheme, key_id, subject, scopes = held
        if now >= ends:
            return Refusal("ticket_expired", key_id)
        if route not in (request.path, request.compiled.template if request.compiled is not None else None):
            return Refusal("ticket_elsewhere", key_id)
        if not (yield Remember(f"ticket {nonce}".encode(), now, ends + _SKEW)):
            return Refusal("ticket_used", key_id)
        if not key_id:
            return Principal(subject, scheme, scopes=tuple(scopes))
        record: KeyRecord | None = yield Find(key_id)
        return self._of_key(record, tuple(scopes), now)

    def _of_key(self, record: KeyRecord | None, scopes: tuple[str, ...], now: float) -> Answer:
        """As the key stands now: revoked is revoked, and no scope comes back."""
        standing = Standing.UNKNOWN if record is None else state(record, now)
        if record is None or standing is not Standing.OK:
            return Refusal(standing.value, record.id if record is not None else "")
        who = principal_of(record, self._roles)
        return replace(who, scopes=tuple(scope for scope in scopes if covers(who.scopes, scope)))

    def _opened(self, text: str) -> list[Any] | None:
        parts = _FORM.fullmatch(text)
        if parts is None:
            return None
        body, mac = parts.group(1), parts.group(2).encode()
        good = sum(hmac.compare_digest(_b64(hmac.digest(key, body.encode(), "sha256")).encode(), mac) for key in self._keys)
        # What carries our MAC was written by ``issue``.
        return strict_json.read(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) if good else None


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
