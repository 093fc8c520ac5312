"""JSON Web Tokens (RFC 7519, as compact JWS of RFC 7515; RFC 8725, RFC 9068): read, verified against keys and what is expected of them.

The token never chooses how it is judged: its ``alg`` must be one that the key is bound to, its ``kid`` only looks up a key of the set
that we hold, and headers that bring a key or an extension of their own (jku, jwk, x5u, x5c, crit, b64) are refused. A text is
parsed once; header and claims are strict JSON, each name once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from ostiary.errors import OstiaryError, UsageError
from ostiary.wire import strict_json
from ostiary.wire.jwks import KeySet, allow, base64url, joserfc

LARGEST = 8192
LONGEST_LEEWAY = 300.0
_LONGEST_KID = 256
_FOREIGN = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_PLAIN_TYPES = ("", "jwt", "at+jwt")
_ONE_MODEL = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}

Claims = Mapping[str, Any]


class Reason(StrEnum):
    """Why a token is worth nothing: for records, never for the caller."""

    FORM = "form"
    SIZE = "size"
    HEADER = "header"
    TYPE = "type"
    ALGORITHM = "algorithm"
    KEY = "key_unknown"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    CLAIM = "claim"


class TokenError(OstiaryError):
    """A token that is refused. The message is the reason and holds nothing of the token."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say; UsageError for what cannot be meant.

    ``issuer``: exactly this ``iss``. ``audience``: ``aud`` names one of these. None for either: tokens that name none; one that does is
    for somebody else. ``algorithms``: see jwks.ALGORITHMS. ``leeway``: seconds by which clocks may differ (0 to 300). ``typ``: the
    type of RFC 9068, 4 or RFC 8725, 3.11 (``at+jwt``); "" lets ``JWT``, ``at+jwt`` and none pass. ``required``: claims that must be
    there, with the values that they may have, or None for any. ``endless``: a token without ``exp`` is good as well.
    """

    issuer: str | None
    audience: tuple[str, ...] | None
    algorithms: frozenset[str]
    leeway: float = 30.0
    typ: str = ""
    required: Mapping[str, tuple[object, ...] | None] = field(default_factory=dict)
    endless: bool = False

    def __post_init__(self) -> None:
        if self.issuer is not None and not (isinstance(self.issuer, str) and self.issuer):
            raise UsageError(f"issuer: the text that tokens hold as iss, or None for tokens without, not {self.issuer!r}")
        if self.audience is not None and not (self.audience and all(isinstance(one, str) and one for one in self.audience)):
            raise UsageError(f"audience: what tokens hold as aud, or None for tokens without, not {self.audience!r}")
        if isinstance(self.leeway, bool) or not isinstance(self.leeway, int | float) or not 0 <= self.leeway <= LONGEST_LEEWAY:
            raise UsageError(f"leeway: from 0 to {LONGEST_LEEWAY:.0f} seconds, not {self.leeway!r}")
        if not isinstance(self.typ, str):
            raise UsageError(f'typ: a text, as in "at+jwt", not {self.typ!r}')
        if not all(isinstance(name, str) for name in self.required):
            raise UsageError(f"required: names of claims, not {', '.join(map(repr, self.required))}")
        allow(self.algorithms)


class Read(NamedTuple):
    """A token in its parts. Nothing of it is proved."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def alg(self) -> str:
        return str(self.header["alg"])

    @property
    def kid(self) -> str:
        return str(self.header.get("kid", ""))


def read(text: str) -> Read:
    """The parts of a compact JWS with claims. TokenError: FORM where it is no such thing, SIZE over 8 KiB, HEADER."""
    if len(text) > LARGEST:
        raise TokenError(Reason.SIZE)
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenError(Reason.FORM)
    try:
        header = _object(strict_json.read(base64url(parts[0])))
        claims = _object(strict_json.read(base64url(parts[1])))
        signature = base64url(parts[2])
    except ValueError:
        raise TokenError(Reason.FORM) from None
    _check_header(header)
    return Read(header, claims, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


def verify(text: str, keys: KeySet, expected: Expected, now: float) -> Claims:
    """The claims of a token that is good at ``now`` (Unix seconds), unchangeable all through; TokenError for every other."""
    return check(read(text), keys, expected, now)


def check(token: Read, keys: KeySet, expected: Expected, now: float) -> Claims:
    """As ``verify``, of a token that was read: type, algorithm, key and signature first, then what it claims."""
    _check_type(token.header, expected.typ)
    if token.alg not in expected.algorithms:
        raise TokenError(Reason.ALGORITHM)
    key = keys.find(token.kid, token.alg)
    if key is None:
        raise TokenError(Reason.KEY)
    if not _signed(key.key, token):
        raise TokenError(Reason.SIGNATURE)
    _check_parties(token.claims, expected)
    _check_times(token.claims, expected, now)
    for name, values in expected.required.items():
        _check_claim(token.claims, name, values)
    frozen: Claims = _frozen(token.claims)
    return frozen


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _check_header(header: Mapping[str, Any]) -> None:
    if not isinstance(header.get("alg"), str):
        raise TokenError(Reason.FORM)
    kid = header.get("kid", "-")
    if not _FOREIGN.isdisjoint(header) or not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        raise TokenError(Reason.HEADER)


def _check_type(header: Mapping[str, Any], typ: str) -> None:
    given = header.get("typ", "")
    if not isinstance(given, str):
        raise TokenError(Reason.TYPE)
    given, wanted = given.lower().removeprefix("application/"), typ.lower().removeprefix("application/")
    if given != wanted if wanted else given not in _PLAIN_TYPES:
        raise TokenError(Reason.TYPE)


def _signed(key: Any, token: Read) -> bool:
    jose = joserfc()
    model = jose.algorithms[_ONE_MODEL.get(token.alg, token.alg)]
    try:
        return bool(model.verify(token.signed, token.signature, key))
    except (ValueError, TypeError, jose.errors.JoseError):
        return False


def _check_parties(claims: Claims, expected: Expected) -> None:
    if claims.get("iss") != expected.issuer or (expected.issuer is None and "iss" in claims):
        raise TokenError(Reason.ISSUER)
    if expected.audience is None:
        if "aud" in claims:
            raise TokenError(Reason.AUDIENCE)
        return
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not any(one in named for one in expected.audience):
        raise TokenError(Reason.AUDIENCE)


def _check_times(claims: Claims, expected: Expected, now: float) -> None:
    ends, begins, made = (_time(claims, name) for name in ("exp", "nbf", "iat"))
    if ends is None and not expected.endless:
        raise TokenError(Reason.CLAIM)
    if ends is not None and now >= ends + expected.leeway:
        raise TokenError(Reason.EXPIRED)
    if any(time is not None and now < time - expected.leeway for time in (begins, made)):
        raise TokenError(Reason.NOT_YET)


def _time(claims: Claims, name: str) -> float | None:
    """A NumericDate (RFC 7519, 2); None where the claim is not there."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e12 or not math.isfinite(value):
        raise TokenError(Reason.CLAIM)
    return float(value)


def _check_claim(claims: Claims, name: str, values: Iterable[object] | None) -> None:
    if claims.get(name) is None:
        raise TokenError(Reason.CLAIM)
    # By type as well: to Python True is 1.
    if values is not None and not any(type(one) is type(claims[name]) and one == claims[name] for one in values):
        raise TokenError(Reason.CLAIM)


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(one) for name, one in value.items()})
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
