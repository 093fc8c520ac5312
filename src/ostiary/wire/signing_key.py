"""Keys that sign and keys that verify (RFC 9421, section 3.3). A key has one algorithm; no message ever chooses it.

HMAC needs the standard library only, the others ``ostiary[sign]``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, Self

from ostiary.errors import BadSignature, MissingExtra, SignatureReason, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PSS

LEAST_SECRET = 32
_LEAST_RSA = 2048
_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


class Algorithm(StrEnum):
    """By their names in the registry of RFC 9421."""

    HMAC_SHA256 = "hmac-sha256"
    ED25519 = "ed25519"
    ECDSA_P256_SHA256 = "ecdsa-p256-sha256"
    RSA_PSS_SHA512 = "rsa-pss-sha512"


@dataclass(frozen=True, slots=True)
class _Key:
    """``material`` is the secret of HMAC, else an object of ``cryptography``; nothing shows it, pickle refuses it, a copy is itself."""

    id: str
    algorithm: Algorithm
    material: Any = field(repr=False, hash=False)

    def __post_init__(self) -> None:
        if _ID.fullmatch(self.id) is None:
            raise UsageError("the id of a signing key has 1 to 128 characters of visible ASCII")
        if (self.algorithm is Algorithm.HMAC_SHA256) != isinstance(self.material, bytes):
            raise UsageError(f"signing key {self.id}: a shared secret is bytes and goes with HMAC alone")
        if isinstance(self.material, bytes) and len(self.material) < LEAST_SECRET:
            raise UsageError(f"signing key {self.id}: its secret has {len(self.material)} bytes, {LEAST_SECRET} are needed")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"signing key {self.id} is not for pickling: read it again where it is needed")


class SignKey(_Key):
    """What a client signs with."""

    __slots__ = ()

    @classmethod
    def hmac(cls, key_id: str, secret: bytes) -> SignKey:
        """A shared secret of 32 bytes or more. Raises UsageError."""
        return cls(key_id, Algorithm.HMAC_SHA256, bytes(secret))

    @classmethod
    def ed25519(cls, key_id: str, seed: bytes) -> SignKey:
        """From the 32 bytes of RFC 8032. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            return cls(key_id, Algorithm.ED25519, Ed25519PrivateKey.from_private_bytes(seed))
        except ValueError:
            raise UsageError(f"signing key {key_id}: the seed of an Ed25519 key has 32 bytes") from None

    @classmethod
    def from_pem(cls, key_id: str, pem: bytes, password: bytes | None = None) -> SignKey:
        """A private key: Ed25519, ECDSA on P-256, or RSA of 2048 bits or more. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            loaded = load_pem_private_key(pem, password)
        except (ValueError, TypeError, _unsupported()):
            raise UsageError(f"signing key {key_id}: no private key in PEM that can be read with this password") from None
        return cls(key_id, _algorithm(key_id, loaded.public_key()), loaded)

    def verifier(self) -> VerifyKey:
        """The other side: the same secret, or the public half."""
        shared = self.algorithm is Algorithm.HMAC_SHA256
        return VerifyKey(self.id, self.algorithm, self.material if shared else self.material.public_key())


class VerifyKey(_Key):
    """What a server verifies with."""

    __slots__ = ()

    @classmethod
    def hmac(cls, key_id: str, secret: bytes) -> VerifyKey:
        """A shared secret of 32 bytes or more. Raises UsageError."""
        return cls(key_id, Algorithm.HMAC_SHA256, bytes(secret))

    @classmethod
    def ed25519(cls, key_id: str, public: bytes) -> VerifyKey:
        """From the 32 bytes of RFC 8032. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            return cls(key_id, Algorithm.ED25519, Ed25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise UsageError(f"signing key {key_id}: the public half of an Ed25519 key has 32 bytes") from None

    @classmethod
    def p256(cls, key_id: str, point: bytes) -> VerifyKey:
        """ECDSA, from a point of SEC 1. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.asymmetric import ec

        try:
            return cls(key_id, Algorithm.ECDSA_P256_SHA256, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
        except ValueError:
            raise UsageError(f"signing key {key_id}: no point of P-256") from None

    @classmethod
    def rsa(cls, key_id: str, modulus: int, exponent: int = 65_537) -> VerifyKey:
        """RSA-PSS, from its numbers. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

        try:
            public = RSAPublicNumbers(exponent, modulus).public_key()
        except ValueError:
            raise UsageError(f"signing key {key_id}: no numbers of an RSA key") from None
        return cls(key_id, _algorithm(key_id, public), public)

    @classmethod
    def from_pem(cls, key_id: str, pem: bytes) -> VerifyKey:
        """A public key: Ed25519, ECDSA on P-256, or RSA of 2048 bits or more. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            loaded = load_pem_public_key(pem)
        except (ValueError, _unsupported()):
            raise UsageError(f"signing key {key_id}: no public key in PEM") from None
        return cls(key_id, _algorithm(key_id, loaded), loaded)

    @classmethod
    def from_der(cls, key_id: str, der: bytes) -> VerifyKey:
        """The same as SubjectPublicKeyInfo in DER. Raises UsageError, MissingExtra."""
        _needs_cryptography()
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            loaded = load_der_public_key(der)
        except (ValueError, _unsupported()):
            raise UsageError(f"signing key {key_id}: no public key in DER") from None
        return cls(key_id, _algorithm(key_id, loaded), loaded)


def fingerprint(key: VerifyKey) -> str:
    """What a pair may be called: the first 16 characters of the SHA-256 of its SubjectPublicKeyInfo, in base64url."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(public).digest()).decode("ascii")[:16]


def public_pem(key: VerifyKey) -> str:
    """The public half in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return str(key.material.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"))


def _needs_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("signing with a pair of keys", "sign") from None


def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def _algorithm(key_id: str, public: object) -> Algorithm:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(public, ed25519.Ed25519PublicKey):
        return Algorithm.ED25519
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return Algorithm.ECDSA_P256_SHA256
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _LEAST_RSA:
        return Algorithm.RSA_PSS_SHA512
    raise UsageError(f"signing key {key_id}: take Ed25519, ECDSA on P-256, or RSA of {_LEAST_RSA} bits or more")


def sign(key: SignKey, data: bytes) -> bytes:
    """The signature of the bytes: 32 bytes of HMAC, 64 of Ed25519 and ECDSA (r and s), as many as its modulus of RSA."""
    if key.algorithm is Algorithm.HMAC_SHA256:
        return hmac.digest(key.material, data, "sha256")
    if key.algorithm is Algorithm.ED25519:
        return bytes(key.material.sign(data))
    from cryptography.hazmat.primitives import hashes

    if key.algorithm is Algorithm.RSA_PSS_SHA512:
        return bytes(key.material.sign(data, _pss(), hashes.SHA512()))
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    r, s = utils.decode_dss_signature(key.material.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(key: VerifyKey, data: bytes, signature: bytes) -> bytes:
    """``data``, when ``signature`` is its signature under ``key``. Raises BadSignature."""
    if key.algorithm is Algorithm.HMAC_SHA256:
        right = hmac.compare_digest(hmac.digest(key.material, data, "sha256"), signature)
    else:
        right = _verifies(key, data, signature)
    if not right:
        raise BadSignature(SignatureReason.WRONG, f"not signed by key {key.id}")
    return data


def _verifies(key: VerifyKey, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    try:
        if key.algorithm is Algorithm.ED25519:
            key.material.verify(signature, data)
        elif key.algorithm is Algorithm.RSA_PSS_SHA512:
            key.material.verify(signature, data, _pss(), hashes.SHA512())
        elif len(signature) != 64:
            return False
        else:
            pair = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            key.material.verify(pair, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _pss() -> PSS:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.PSS(padding.MGF1(hashes.SHA512()), hashlib.sha512().digest_size)
