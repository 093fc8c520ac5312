"""The keys that tokens are verified with (RFC 7517, 7518, 8037): each may do what it is bound to, and nothing else.

What a key may do is said by its kind, curve and ``alg``, and by the guard's own list of algorithms; a token only chooses among that.
Private keys are refused: who verifies must not be able to sign, and a published one is everybody's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.wire import strict_json

HMAC = {"HS256": 32, "HS384": 48, "HS512": 64}
"""What each needs in bytes of secret (RFC 7518, 3.2)."""
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
    "Ed448": ("EdDSA", "Ed448"),
}
ALGORITHMS = frozenset((*HMAC, *_RSA, *(name for names in _CURVES.values() for name in names)))
LARGEST = 256 * 1024
MOST = 100
_LEAST_RSA = 2048
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_PUBLIC = (b"-----BEGIN ", b"ssh-rsa ", b"ssh-ed25519 ", b"ecdsa-sha2-")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class KeySetError(UsageError):
    """Keys that cannot be used; the message names the reason and holds nothing of a key."""


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """One key: its ``kid`` ("" when it has none) and the algorithms that it is bound to. ``key`` is joserfc's."""

    kid: str
    algorithms: frozenset[str]
    key: Any = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by id. No two that share an id can do the same."""

    keys: tuple[VerifyKey, ...]

    def find(self, kid: str, alg: str) -> VerifyKey | None:
        """The key that a token with this ``kid`` ("" for none) and ``alg`` is verified with; None where there is none, or a choice.

        A key with an id answers to its id, and to a token without one when no other key of the set can do ``alg``.
        """
        able = [key for key in self.keys if alg in key.algorithms]
        named = [key for key in able if key.kid == kid]
        if not named:
            named = [key for key in able if not key.kid]
        found = named or ([] if kid else able)
        return found[0] if len(found) == 1 else None


def read_jwks(text: str | bytes, algorithms: Iterable[str]) -> KeySet:
    """The keys of a JWK Set (RFC 7517, 5) or of one JWK, as far as they are for signatures and can do one of ``algorithms``.

    Others are left out. KeySetError: not strict JSON, over 256 KiB or 100 keys, a private or symmetric key among them, a broken one,
    two that cannot be told apart, or nothing that is left.
    """
    allowed = allow(algorithms)
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(data) > LARGEST:
        raise KeySetError(f"more than {LARGEST} bytes, this is no set of keys")
    try:
        document = strict_json.read(data)
    except ValueError:
        raise KeySetError("not JSON, or with a name twice") from None
    return _distinct([key for one in _listed(document) if (key := _jwk(one, allowed)) is not None])


def read_pem(text: str | bytes, algorithms: Iterable[str]) -> KeySet:
    """The public key of a PEM text (SubjectPublicKeyInfo, or an X.509 certificate, of which nothing but the key is looked at). KeySetError."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if b"PRIVATE KEY-----" in data:
        raise KeySetError("a private key: who verifies needs the public one alone")
    jose = joserfc()
    for name, kind in jose.kinds.items():
        try:
            key = kind.import_key(data)
        except jose.errors.InvalidKeyTypeError:
            continue
        except (ValueError, TypeError, KeyError, Warning, jose.errors.JoseError):
            break
        if name == "RSA" and key.public_key.key_size < _LEAST_RSA:
            break
        able = _able(name, getattr(key, "curve_name", None)) & allow(algorithms)
        return _distinct([VerifyKey("", able, key)] if able else [])
    raise KeySetError(f"no public key in PEM, or an RSA key of less than {_LEAST_RSA} bits")


def read_secret(secret: bytes, algorithms: Iterable[str]) -> KeySet:
    """A shared secret for HS256, HS384, HS512. KeySetError when it is shorter than the hash, or somebody's public key."""
    allowed = allow(algorithms)
    if not allowed <= frozenset(HMAC):
        raise KeySetError(f"a secret is for {', '.join(HMAC)} alone, not for {', '.join(sorted(allowed - frozenset(HMAC)))}")
    least = max(HMAC[name] for name in allowed)
    if len(secret) < least:
        raise KeySetError(f"the secret has {len(secret)} bytes, {least} are needed")
    try:
        if any(marker in secret for marker in _PUBLIC):
            raise ValueError
        key = joserfc().OctKey.import_key(secret)
    except ValueError:
        raise KeySetError("a public key is no secret") from None
    return KeySet((VerifyKey("", allowed, key),))


def allow(algorithms: Iterable[str]) -> frozenset[str]:
    """The list of algorithms, checked: an empty one would allow nothing, and in some libraries everything. KeySetError."""
    given = (algorithms,) if isinstance(algorithms, str) or not isinstance(algorithms, Iterable) else tuple(algorithms)
    wrong = [name for name in given if not isinstance(name, str) or name not in ALGORITHMS]
    if wrong or not given:
        raise KeySetError(f"algorithms: some of {', '.join(sorted(ALGORITHMS))}, not {', '.join(map(repr, wrong)) or 'none'}")
    return frozenset(given)


def _listed(document: object) -> list[Any]:
    keys = document.get("keys", [document] if "kty" in document else None) if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) for one in keys):
        raise KeySetError('not a set of keys: {"keys": […]}')
    if len(keys) > MOST:
        raise KeySetError(f"more than {MOST} keys")
    return keys


def _jwk(jwk: Mapping[str, Any], allowed: frozenset[str]) -> VerifyKey | None:
    if any(name in jwk for name in _PRIVATE):
        raise KeySetError("a private or symmetric key in a set that others read: replace it")
    kind, kid, operations = jwk.get("kty"), jwk.get("kid", ""), jwk.get("key_ops")
    if not isinstance(kind, str) or not isinstance(kid, str):
        raise KeySetError("a key without kty, or with a kid that is no text")
    if kind not in _MEMBERS or jwk.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return None
    able = _able(kind, jwk.get("crv")) & allowed
    if "alg" in jwk:
        able &= {jwk["alg"]} if isinstance(jwk["alg"], str) else set()
    return VerifyKey(kid, able, _public(kind, jwk)) if able else None


def _public(kind: str, jwk: Mapping[str, Any]) -> Any:
    """The key itself. ``alg``, ``use`` and ``key_ops`` have been looked at, certificates (x5c, x5u) never are."""
    jose = joserfc()
    parts = {"kty": kind, **{name: jwk[name] for name in _MEMBERS[kind] if name in jwk}}
    try:
        if kind == "RSA" and int.from_bytes(base64url(parts["n"])).bit_length() < _LEAST_RSA:
            raise ValueError
        return jose.kinds[kind].import_key(parts)
    except (ValueError, TypeError, KeyError, Warning, jose.errors.JoseError):
        raise KeySetError(f"a broken {kind} key, or one that is too small") from None


def _able(kind: str, curve: object) -> frozenset[str]:
    return frozenset(_RSA if kind == "RSA" else _CURVES.get(curve, ()) if isinstance(curve, str) else ())


def _distinct(keys: list[VerifyKey]) -> KeySet:
    if not keys:
        raise KeySetError("no key here can do what is allowed")
    if len({(key.kid, alg) for key in keys for alg in key.algorithms}) < sum(len(key.algorithms) for key in keys):
        raise KeySetError("two keys that cannot be told apart: the same kid and algorithm")
    return KeySet(tuple(keys))


def base64url(text: str) -> bytes:
    """The bytes of base64url without padding, when it is their only spelling (RFC 7515, 2; RFC 4648, 3.5); ValueError."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("not base64url as it is written")
    return data


class _Jose:
    """What is used of joserfc."""

    def __init__(self) -> None:
        from joserfc import errors, jwk, jws

        self.errors = errors
        self.OctKey = jwk.OctKey
        self.kinds: dict[str, Any] = {"RSA": jwk.RSAKey, "EC": jwk.ECKey, "OKP": jwk.OKPKey}
        self.algorithms: Mapping[str, Any] = jws.JWSRegistry.algorithms


@cache
def joserfc() -> _Jose:
    """The library; MissingExtra where it is not installed."""
    try:
        return _Jose()
    except ImportError:
        raise MissingExtra("JWT", "jwt") from None
