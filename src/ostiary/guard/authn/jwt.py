"""JSON Web Tokens of one issuer as credentials (AUTH-2): verified with keys from a file, a secret, or the issuer's published set."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

from ostiary.errors import UsageError
from ostiary.guard.ask import Fetch, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.proved import SECONDS, Proved
from ostiary.guard.decision import Principal
from ostiary.guard.fetching import checked_url
from ostiary.guard.stores.base import StoreDown
from ostiary.model import scope as scope_text
from ostiary.wire import jwks, strict_json, token
from ostiary.wire.jwks import KeySet, KeySetError
from ostiary.wire.refresh import Held, Pace
from ostiary.wire.secret import Secret
from ostiary.wire.token import Claims, Expected, TokenError

logger = logging.getLogger("ostiary")
NAME = "jwt"
_LONGEST_SUBJECT = 256
_DISCOVERY = "/.well-known/openid-configuration"
_EXAMPLE = "https://login.example.com/.well-known/jwks.json"


class Jwt:
    """Tokens of one issuer, for ``Guard(authenticators=[Jwt(...)])``.

    ``keys``: the ``https`` URL of the issuer's JWK Set; None: the one that its ``/.well-known/openid-configuration`` names (OpenID Connect
    Discovery 1.0, 4); a file or text of public keys (JWK Set, or PEM); or ``secret("NAME")``, shared with the issuer, for HS256, HS384,
    HS512. ``algorithms``: those that may be used, by name; a key is bound to those that fit it.
    ``issuer``, ``audience``, ``leeway``, ``typ``, ``endless``: see wire.token.Expected; ``required``: names of claims that must be there,
    or a mapping of names to the value, or values, that they may have (None: any). ``name``: what ``schemes`` may ask for; two issuers need two.

    The principal's subject is ``sub``, else ``client_id``; its scopes are those of ``scope`` or ``scp``, its attributes the claims.
    A token that verified is believed for up to 30 s without verifying it again. Raises UsageError, MissingExtra.
    """

    def __init__(
        self,
        *,
        keys: str | os.PathLike[str] | Secret | None = None,
        issuer: str | None,
        audience: str | Iterable[str] | None,
        algorithms: str | Iterable[str],
        leeway: float = 30.0,
        typ: str = "",
        required: Iterable[str] | Mapping[str, object] = (),
        endless: bool = False,
        pace: Pace | None = None,
        name: str = NAME,
    ) -> None:
        jwks.joserfc()
        self.name = named(name)
        self._expected = Expected(issuer, several(audience), jwks.allow(algorithms), leeway, typ, _required(required), endless)
        if not isinstance(keys, Secret) and (shared := self._expected.algorithms & set(jwks.HMAC)):
            raise UsageError(f'{", ".join(sorted(shared))}: keys that others can read are no secret; write keys=secret("NAME")')
        self._pace = pace or Pace()
        self._discovers = keys is None
        self._url = _discovery(issuer) if keys is None else _url(keys)
        self._held = Held[KeySet]() if self._url else Held(_local(keys, self._expected.algorithms), 0.0)
        self._proved = Proved()

    def known(self, text: str, now: float) -> Principal | None:
        """From the cache, as long as the token is good and no new keys came."""
        return self._proved.find(text, now)

    def worthwhile(self, text: str) -> bool:  # noqa: ARG002 nobody is asked about a token
        return True

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """None for what is no token, or another issuer's: nothing is fetched for it."""
        try:
            read = token.read(text)
            if read.claims.get("iss") != self._expected.issuer:
                return None
            if read.alg not in self._expected.algorithms:
                raise TokenError(token.Reason.ALGORITHM)
            keys = yield from self._keys(read.kid, read.alg, now)
            proved = self._proved.held
            claims = token.check(read, keys, self._expected, now)
            who = principal(claims, self.name)
        except TokenError as error:
            return None if error.reason is token.Reason.FORM else Refusal(f"jwt_{error.reason.value}")
        self._proved.remember(proved, text, who, min(now + SECONDS, _end(claims, self._expected)))
        return who

    def _keys(self, kid: str, alg: str, now: float) -> Generator[Any, Any, KeySet]:
        held = self._held
        if not self._url and held.document is not None:
            return held.document
        missing = held.document is not None and held.document.find(kid, alg) is None
        if held.due(now, self._pace, missing):
            self._held = held.asked(now)
            self._held = yield from self._fetched(now)
        keys = self._held.usable(now, self._pace)
        if keys is None:
            raise StoreDown(f"no keys from {self._url}")
        return keys

    def _fetched(self, now: float) -> Generator[Any, Any, Held[KeySet]]:
        """What is held after a try to fetch it. A set that is none changes nothing: better the keys of yesterday."""
        try:
            url = (yield from self._keys_url()) if self._discovers else self._url
            keys = jwks.read_jwks((yield Fetch(url)), self._expected.algorithms)
        except (StoreDown, KeySetError) as error:
            logger.warning("%s: no new keys: %s", self._url, error)
            return self._held.failed(now)
        if keys != self._held.document:
            self._proved.forget()
        return self._held.got(keys, now)

    def _keys_url(self) -> Generator[Any, Any, str]:
        """Where the issuer says that its keys are; KeySetError for a document that is about another issuer, or names no good place."""
        try:
            said = strict_json.read((yield Fetch(self._url)))
            if not isinstance(said, dict) or said.get("issuer") != self._expected.issuer:
                raise ValueError
            return checked_url("jwks_uri", said.get("jwks_uri"), _EXAMPLE)
        except (ValueError, UsageError):
            raise KeySetError("it does not say where the keys of this issuer are") from None


def principal(claims: Claims, scheme: str) -> Principal:
    """Whom the claims are about: ``sub``, else ``client_id``. Raises TokenError."""
    subject = claims.get("sub", claims.get("client_id"))
    if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise TokenError(token.Reason.CLAIM)
    return Principal(subject, scheme, scopes=tuple(_scopes(claims)), attributes=claims)


def _scopes(claims: Claims) -> Iterable[str]:
    """``scope`` as one text (RFC 8693, 4.2), ``scp`` as a text or a list. What is no scope of ours grants nothing and is left out."""
    given = claims.get("scope", claims.get("scp", ()))
    for one in given.split(" ") if isinstance(given, str) else given if isinstance(given, tuple) else ():
        try:
            yield scope_text.parse(one)
        except scope_text.ScopeError:
            continue


def _end(claims: Claims, expected: Expected) -> float:
    return claims["exp"] + expected.leeway if "exp" in claims else float("inf")


def named(name: str) -> str:
    """A name that ``schemes`` may ask for; UsageError."""
    if not isinstance(name, str) or not name.replace("-", "").isalnum():
        raise UsageError(f"name: letters, digits and -, not {name!r}")
    return name


def several(given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _required(given: Iterable[str] | Mapping[str, object]) -> dict[str, tuple[object, ...] | None]:
    if not isinstance(given, Mapping):
        return dict.fromkeys(several(given) or ())
    many = (list, tuple, set, frozenset)
    return {name: tuple(one) if isinstance(one, many) else None if one is None else (one,) for name, one in given.items()}


def _url(keys: object) -> str:
    """The URL in ``keys``, "" when it is none. Raises UsageError."""
    if not isinstance(keys, str) or "://" not in keys[:16]:
        return ""
    return checked_url("keys", keys, _EXAMPLE)


def _discovery(issuer: str | None) -> str:
    if issuer is None:
        raise UsageError("keys: say where they are; only an issuer can be asked for its own")
    return checked_url("issuer", issuer, "https://login.example.com").rstrip("/") + _DISCOVERY


def _local(keys: str | os.PathLike[str] | Secret | None, algorithms: frozenset[str]) -> KeySet:
    try:
        if isinstance(keys, Secret):
            return jwks.read_secret(keys.reveal().encode("utf-8", "surrogatepass"), algorithms)
        text = _text(keys)
        return jwks.read_jwks(text, algorithms) if text.lstrip()[:1] == b"{" else jwks.read_pem(text, algorithms)
    except KeySetError as error:
        raise UsageError(f"keys: {error}") from None


def _text(keys: str | os.PathLike[str] | None) -> bytes:
    if isinstance(keys, str) and (keys.lstrip()[:1] == "{" or "-----BEGIN" in keys):
        return keys.encode("utf-8", "surrogatepass")
    if not isinstance(keys, str | os.PathLike) or not os.fspath(keys):
        raise UsageError('keys: an https URL, a file or text of public keys, or secret("NAME")')
    try:
        with Path(keys).open("rb") as file:
            return file.read(jwks.LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"keys: {os.fspath(keys)}: {getattr(error, 'strerror', None) or error}") from None
