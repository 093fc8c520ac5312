"""Tokens as any issuer would sign them, made with ``cryptography`` and ``hmac`` alone: what verifies them is another library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

NOW = 1_800_000_000.0
ISSUER = "https://login.example.test/"
AUDIENCE = "https://api.example.test"
SECRET = b"a secret of sixty-four bytes, which is enough for any of them, yes"
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": NOW + 300, "scope": "orders:read"}
_HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@cache
def private(alg: str, which: int = 0) -> Any:
    """A private key for an algorithm; ``which`` tells several apart."""
    if alg.startswith(("RS", "PS")):
        return rsa.generate_private_key(65537, 2048)
    if alg.startswith("ES"):
        return ec.generate_private_key(_CURVES[alg]())
    return ed448.Ed448PrivateKey.generate() if alg == "Ed448" else ed25519.Ed25519PrivateKey.generate()


def sign(alg: str, key: Any, data: bytes) -> bytes:
    """The signature of RFC 7518 and 8037."""
    if alg.startswith("HS"):
        return hmac.digest(key, data, getattr(hashlib, "sha" + alg[2:]))
    if alg.startswith("Ed"):
        return bytes(key.sign(data))
    kind = _HASHES[alg[2:]]()
    if alg.startswith("RS"):
        return bytes(key.sign(data, padding.PKCS1v15(), kind))
    if alg.startswith("PS"):
        return bytes(key.sign(data, padding.PSS(padding.MGF1(kind), kind.digest_size), kind))
    size = (key.curve.key_size + 7) // 8
    return b"".join(number.to_bytes(size) for number in decode_dss_signature(key.sign(data, ec.ECDSA(kind))))


def raw(header: str | bytes, claims: str | bytes, alg: str, key: Any) -> str:
    """A token of header and claims as they are written."""
    parts = [b64(one.encode() if isinstance(one, str) else one) for one in (header, claims)]
    return ".".join([*parts, b64(sign(alg, key, ".".join(parts).encode()))])


def make(alg: str = "RS256", key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token that is good at NOW; a claim or header of None is left out."""
    key = key if key is not None else SECRET if alg.startswith("HS") else private(alg)
    whole = {"alg": alg, **(header or {})}
    held = {**CLAIMS, **claims}
    return raw(*(json.dumps({name: one for name, one in part.items() if one is not None}) for part in (whole, held)), alg=alg, key=key)


def pem(key: Any) -> str:
    """The public half in PEM."""
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, info).decode())


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        parts = {"kty": "RSA", "n": b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)), "e": "AQAB"}
    elif isinstance(public, ec.EllipticCurvePublicKey):
        size, point = (key.curve.key_size + 7) // 8, public.public_numbers()
        parts = {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": b64(point.x.to_bytes(size)), "y": b64(point.y.to_bytes(size))}
    else:
        bits = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        parts = {"kty": "OKP", "crv": "Ed25519" if len(bits) == 32 else "Ed448", "x": b64(bits)}
    return {**parts, **more}


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": list(keys)})
