"""Short-lived tokens for keys: a key is exchanged for a JWT (client credentials grant, RFC 6749, 4.4; RFC 9068) of at most 15 minutes.

They are signed with ES256. A signing key is a row of the store of keys, its private half encrypted under the master key with the row's id as
associated data; every thirty days there is a new one, made and published a period ahead, and the last one stays published for a period.
A revoked one is replaced at once, and what it signed is worth nothing. A token is good only as long as the key that it came from.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard import masterkey
from ostiary.guard.ask import Find, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.apikeys import principal_of
from ostiary.guard.authn.proved import SECONDS, Proved
from ostiary.guard.decision import Principal
from ostiary.guard.declare import public, require
from ostiary.guard.keyrecord import KeyRecord, Standing, state
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import MASTER, Peppers
from ostiary.guard.stores.keys_base import KeyExists, KeyStore
from ostiary.model.scope import ScopeError, covers, parse
from ostiary.wire import jwks, token
from ostiary.wire.token import Expected, TokenError

NAME = "token"
ALGORITHM = "token-es256"
LONGEST_LIFE = 900
PERIOD = 30 * 86_400
LARGEST_FORM = 8192
_KID = re.compile(r"tok[0-9]{5}[0-9]{4}")
_MOST_REVOKED = 100
_LEEWAY = 5.0
JWKS = "/.well-known/jwks.json"
HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
ENDPOINT = require(schemes=["api-key", "basic"], issues=True)
PUBLISHED = public("what verifies tokens is for everybody")


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """``Guard(app, tokens=Tokens(issuer="https://api.example.com", audience="https://api.example.com"))``.

    ``issuer`` and ``audience`` are what tokens say as ``iss`` and ``aud``. ``seconds``: how long one is good, 60 to 900. A key is
    exchanged by POST at ``path``; what verifies tokens is published at ``/.well-known/jwks.json``. Raises UsageError.
    """

    issuer: str
    audience: str
    seconds: int = LONGEST_LIFE
    path: str = "/oauth/token"

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path.startswith("/"):
            raise UsageError(f"tokens: path is a path, as /oauth/token, not {self.path!r}")
        for name in ("issuer", "audience"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise UsageError(f"tokens: {name} is a text, as https://api.example.com, not {getattr(self, name)!r}")
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int) or not 60 <= self.seconds <= LONGEST_LIFE:
            raise UsageError(f"tokens: seconds from 60 to {LONGEST_LIFE}, not {self.seconds!r}")


class Given(NamedTuple):
    """An answer of the token endpoint."""

    status: int
    document: dict[str, Any]


class SigningKeys:
    """The keys that tokens are signed with. May raise Busy through the store; StoreDown; Unsealable where the master key is not here."""

    def __init__(self, store: KeyStore, masters: Peppers, clock: Callable[[], float]) -> None:
        self._store, self._masters, self._clock = store, masters, clock
        self._opened: dict[tuple[str, bytes], Any] = {}

    def current(self) -> tuple[str, Any]:
        """(kid, private key) of now."""
        record = self._of_period(self._period())
        return record.id, self._private(record)

    def published(self) -> dict[str, Any]:
        """The JWK Set (RFC 7517): of the last period if it was used, of this one, and of the next."""
        period = self._period()
        last = patiently(self._store.find, _kid(period - 1, 0))
        records = [self._of_period(period), self._of_period(period + 1)]
        if last is not None and (found := self._of_period(period - 1, make=False)) is not None:
            records.append(found)
        return {"keys": [_jwk(record.id, self._private(record).public_key()) for record in records]}

    def public(self, record: KeyRecord | None) -> jwks.KeySet | None:
        """What verifies tokens that name this row; None where it is no signing key, or none any more."""
        if record is None or record.algorithm != ALGORITHM or state(record, self._clock()) is not Standing.OK:
            return None
        return jwks.read_jwks(json.dumps(_jwk(record.id, self._private(record).public_key())), ("ES256",))

    def _period(self) -> int:
        return int(self._clock() // PERIOD)

    def _of_period(self, period: int, *, make: bool = True) -> Any:
        """The first one that was not revoked; made where there is none. Two workers that make it at once have the same one after."""
        for generation in range(_MOST_REVOKED):
            kid = _kid(period, generation)
            record: KeyRecord | None = patiently(self._store.find, kid)
            if record is None and not make:
                return None
            if record is None:
                try:
                    record = self._make(kid)
                    patiently(self._store.add, (record,))
                except KeyExists:
                    record = patiently(self._store.find, kid)
            if record is not None and record.revoked is None and not record.disabled:
                return record
        raise UsageError(f"{_MOST_REVOKED} signing keys of one period were revoked")

    def _make(self, kid: str) -> KeyRecord:
        serialization, ec = _library()
        form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        sealed_under, material = masterkey.seal(self._masters, kid, ec.generate_private_key(ec.SECP256R1()).private_bytes(*form))
        made = KeyRecord(kid, b"", "", self._clock(), name="signs tokens", algorithm=ALGORITHM)
        return replace(made, material=material, sealed_under=sealed_under)

    def _private(self, record: KeyRecord) -> Any:
        named = (record.id, record.material)
        if named not in self._opened:
            data = masterkey.unseal(self._masters, record.sealed_under, record.id, record.material)
            self._opened[named] = _library()[0].load_der_private_key(data, None)
        return self._opened[named]


class KeyTokens:
    """Makes tokens, and proves who calls with one: the key that it came from is looked at again."""

    name = NAME

    def __init__(
        self, said: Tokens, store: KeyStore, masters: Peppers | None, roles: Mapping[str, tuple[str, ...]], clock: Callable[[], float]
    ) -> None:
        if masters is None:
            raise UsageError(f"tokens= needs a master key: set {MASTER.variable}, or let ostiary keys init --signing make one")
        _library()
        self._said, self._store, self._roles, self._clock = said, store, roles, clock
        self.keys = SigningKeys(store, masters, clock)
        self.path = said.path
        self._expected = Expected(said.issuer, (said.audience,), frozenset({"ES256"}), _LEEWAY, "at+jwt", {"client_id": None, "jti": None})
        self._proved, self._generation = Proved(), -1

    def known(self, text: str, now: float) -> Principal | None:
        """From the cache, as long as no key was changed by any process."""
        generation = self._store.generation()
        if generation != self._generation:
            self._proved.forget()
            self._generation = generation
            return None
        return self._proved.find(text, now)

    def worthwhile(self, text: str) -> bool:  # noqa: ARG002 two rows are looked up
        return False

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """None for what is no token of ours. The signature first, then the key that it came from."""
        held, generation = self._proved.held, self._generation
        try:
            read = token.read(text)
            if read.claims.get("iss") != self._said.issuer:
                return None
            if not _KID.fullmatch(read.kid):
                raise TokenError(token.Reason.KEY)
            keys = self.keys.public((yield Find(read.kid)))
            if keys is None:
                raise TokenError(token.Reason.KEY)
            claims = token.check(read, keys, self._expected, now)
        except TokenError as error:
            return None if error.reason is token.Reason.FORM else Refusal(f"token_{error.reason.value}")
        record: KeyRecord | None = yield Find(str(claims["client_id"]))
        standing = Standing.UNKNOWN if record is None or record.algorithm else state(record, now)
        if record is None or standing is not Standing.OK:
            return Refusal(standing.value, record.id if record is not None else "")
        who = self._narrowed(record, str(claims.get("scope", "")).split())
        if generation == self._generation:
            self._proved.remember(held, text, who, min(now + SECONDS, claims["exp"]))
        return who

    def _narrowed(self, record: KeyRecord, scopes: list[str]) -> Principal:
        """What the token says, as far as the key still holds it."""
        who = principal_of(record, self._roles)
        return replace(who, scopes=tuple(scope for scope in scopes if covers(who.scopes, scope)))

    def exchange(self, who: Principal | None, content_type: str, body: bytes) -> Given:
        """The token endpoint (RFC 6749, 4.4.2, 5): ``grant_type=client_credentials`` and, if less than the key holds is wanted, ``scope``."""
        if who is None:
            return Given(401, {"error": "invalid_client"})
        if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded" or len(body) > LARGEST_FORM:
            return _error("invalid_request", "a form: grant_type=client_credentials")
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
        except ValueError:
            return _error("invalid_request", "a form: grant_type=client_credentials")
        form = dict(pairs)
        if len(form) < len(pairs):
            return _error("invalid_request", "a parameter twice")
        if form.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type" if form.get("grant_type") else "invalid_request", "grant_type=client_credentials")
        record: KeyRecord | None = patiently(self._store.find, who.key_id) if who.key_id else None
        if record is None or record.algorithm or who.publishable:
            return _error("unauthorized_client", "tokens are made for secret keys of this guard")
        try:
            wanted = tuple(dict.fromkeys(parse(scope) for scope in form["scope"].split())) if form.get("scope") else who.scopes
        except ScopeError:
            return _error("invalid_scope", "no scope")
        if not all(covers(who.scopes, scope) for scope in wanted):
            return _error("invalid_scope", "more than the key holds")
        return self._given(record, who, wanted)

    def _given(self, record: KeyRecord, who: Principal, scopes: tuple[str, ...]) -> Given:
        now = int(self._clock())
        ends = now + self._said.seconds if record.expires is None else min(now + self._said.seconds, int(record.expires))
        claims = {
            "iss": self._said.issuer,
            "aud": self._said.audience,
            "sub": who.subject,
            "client_id": record.id,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": ends,
            "jti": secrets.token_urlsafe(16),
        }
        text = _signed(*self.keys.current(), claims)
        return Given(200, {"access_token": text, "token_type": "Bearer", "expires_in": ends - now, "scope": " ".join(scopes)})


def _error(code: str, description: str) -> Given:
    return Given(400, {"error": code, "error_description": description})


def _kid(period: int, generation: int) -> str:
    return f"tok{period:05d}{generation:04d}"


def _signed(kid: str, private: Any, claims: Mapping[str, Any]) -> str:
    """A compact JWS (RFC 7515, 3.1) by ES256 (RFC 7518, 3.4)."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    parts = ".".join(_b64(json.dumps(one, separators=(",", ":")).encode()) for one in (header, claims))
    numbers = decode_dss_signature(private.sign(parts.encode(), _library()[1].ECDSA(SHA256())))
    return f"{parts}.{_b64(b''.join(number.to_bytes(32) for number in numbers))}"


def _jwk(kid: str, public: Any) -> dict[str, str]:
    numbers = public.public_numbers()
    point = {"x": _b64(numbers.x.to_bytes(32)), "y": _b64(numbers.y.to_bytes(32))}
    return {"kty": "EC", "crv": "P-256", **point, "kid": kid, "use": "sig", "alg": "ES256"}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _library() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise MissingExtra("tokens", "sign") from None
    return serialization, ec
