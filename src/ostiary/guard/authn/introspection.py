"""Tokens that only their issuer can judge: it is asked (OAuth 2.0 Token Introspection, RFC 7662)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ostiary.errors import UsageError
from ostiary.guard.ask import Fetch, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.jwt import named, principal, several
from ostiary.guard.authn.proved import SECONDS, Proved
from ostiary.guard.decision import Principal
from ostiary.guard.fetching import checked_url
from ostiary.guard.stores.base import StoreDown
from ostiary.wire import apikey, strict_json
from ostiary.wire.secret import Secret
from ostiary.wire.token import TokenError

NAME = "introspection"
LONGEST = 4096
PAUSE = 5.0
"""Seconds without a question after one that was not answered: nobody waits for an issuer that is down."""
_LONGEST_BELIEF = 300.0
_EXAMPLE = "https://login.example.com/oauth/introspect"


class Introspection:
    """``Guard(authenticators=[Introspection("https://…/introspect", client_id="orders", client_secret=secret("NAME"), audience="…")])``.

    Asked about bearer tokens that have not the form of our keys, last of all: name it behind a ``Jwt``. ``client_id`` and
    ``client_secret`` are how the issuer knows this API. ``audience``: what ``aud`` must name, None for tokens that name none; ``issuer``: what
    ``iss`` must be, where the answer says it. ``seconds``: how long a good answer is believed (0 to 300), never past the token's ``exp``; a
    bad one is not remembered. Subject, scopes and attributes as of a Jwt. Raises UsageError.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        client_secret: Secret,
        audience: str | Iterable[str] | None,
        issuer: str | None = None,
        seconds: float = SECONDS,
        name: str = NAME,
    ) -> None:
        self.name = named(name)
        self._url = checked_url("introspection", url, _EXAMPLE)
        if not isinstance(client_id, str) or not client_id or not isinstance(client_secret, Secret):
            raise UsageError('introspection: client_id="orders", client_secret=secret("INTROSPECTION_SECRET")')
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_BELIEF:
            raise UsageError(f"seconds: from 0 to {_LONGEST_BELIEF:.0f}, not {seconds!r}")
        self._client = (client_id, client_secret)
        self._audience, self._issuer, self._seconds = several(audience), issuer, seconds
        self._proved = Proved()
        self._silent_until = -math.inf

    def known(self, text: str, now: float) -> Principal | None:
        """What the issuer said was good a moment ago."""
        return self._proved.find(text, now)

    def worthwhile(self, text: str) -> bool:  # noqa: ARG002 the issuer would have to be asked
        return False

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """Asks the issuer. Raises StoreDown where it gives no answer, or none that can be one."""
        if apikey.looks_like(text) or len(text) > LONGEST:
            return None
        if now < self._silent_until:
            raise StoreDown(f"{self._url} gave no answer a moment ago")
        try:
            told = strict_json.read((yield Fetch(self._url, (("token", text), ("token_type_hint", "access_token")), self._client)))
            if not isinstance(told, dict) or not isinstance(told.get("active"), bool):
                raise ValueError
        except (StoreDown, ValueError) as error:
            self._silent_until = now + PAUSE
            raise StoreDown(f"{self._url}: {error if isinstance(error, StoreDown) else 'no answer of RFC 7662'}") from None
        return self._judged(text, told, now)

    def _judged(self, text: str, told: dict[str, Any], now: float) -> Answer:
        if not told["active"]:
            return Refusal("token_inactive")
        if (wrong := self._wrong(told, now)) is not None:
            return Refusal(wrong)
        try:
            who = principal(MappingProxyType(told), self.name)
        except TokenError:
            return Refusal("token_claim")
        self._proved.remember(self._proved.held, text, who, min(now + self._seconds, float(told.get("exp", math.inf))))
        return who

    def _wrong(self, told: Mapping[str, Any], now: float) -> str | None:
        """Why an active token is none for us."""
        ends, begins = told.get("exp", math.inf), told.get("nbf", -math.inf)
        if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in (ends, begins)):
            return "token_claim"
        if now >= ends or now < begins:
            return "token_expired" if now >= ends else "token_not_yet"
        if self._issuer is not None and told.get("iss", self._issuer) != self._issuer:
            return "token_issuer"
        said = told.get("aud")
        if self._audience is None:
            return None if said is None else "token_audience"
        said = [said] if isinstance(said, str) else said
        return None if isinstance(said, list) and any(one in said for one in self._audience) else "token_audience"
