"""Keys that sign, as they are stored (SIGN-8): minted apart from bearer keys. Of a pair we keep the public half, a shared secret is sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard import masterkey
from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.pepper import MASTER, Peppers
from ostiary.wire.signing_key import Algorithm, VerifyKey

SECRET_PREFIX = "ostsig_"  # noqa: S105 what secrets begin with
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43
MINTED = (Algorithm.ED25519, Algorithm.ECDSA_P256_SHA256, Algorithm.HMAC_SHA256)
"""What we make; an RSA key is made by its owner, who gives us the public half."""


class Minted(NamedTuple):
    """What is stored, and ``text``, which its owner gets, once: a private key in PEM, or the shared secret."""

    algorithm: str
    material: bytes
    sealed_under: str
    text: str


def algorithm_of(name: str) -> Algorithm:
    """By its name. Raises UsageError for one that we do not make."""
    if name not in MINTED:
        more = ": make it yourself and import its public half" if name == Algorithm.RSA_PSS_SHA512 else ""
        raise UsageError(f"{name!r} is no kind of signing key that is made here ({', '.join(MINTED)}){more}")
    return Algorithm(name)


def mint(algorithm: Algorithm, key_id: str, masters: Peppers | None, randbelow: Callable[[int], int]) -> Minted:
    """A new key. Raises UsageError where a shared secret has no master key to be sealed under; MissingExtra."""
    if algorithm is not Algorithm.HMAC_SHA256:
        private = _pair(algorithm, randbelow)
        return Minted(algorithm.value, _public_bytes(private.public_key()), "", _pem(private))
    if masters is None:
        raise UsageError(
            f"a shared secret needs a master key: set {MASTER.variable} or {MASTER.variable}_FILE, or let"
            " ostiary keys init --signing make one"
        )
    text = SECRET_PREFIX + "".join(_DIGITS[randbelow(len(_DIGITS))] for _ in range(_SECRET_LENGTH))
    sealed_under, material = masterkey.seal(masters, key_id, text.encode("ascii"))
    return Minted(algorithm.value, material, sealed_under, text)


def public_half(pem: bytes) -> Minted:
    """What is stored of a public key (PEM) whose owner keeps the private half. Raises UsageError, MissingExtra."""
    key = VerifyKey.from_pem("import", pem)
    return Minted(key.algorithm.value, _public_bytes(key.material), "", "")


def verifier(record: KeyRecord, masters: Peppers | None) -> VerifyKey:
    """What verifies signatures of this key. Raises UsageError when it cannot be used: no master key, an altered row."""
    if record.algorithm == Algorithm.HMAC_SHA256:
        return VerifyKey.hmac(record.id, masterkey.unseal(masters, record.sealed_under, record.id, record.material))
    key = VerifyKey.from_der(record.id, record.material)
    if key.algorithm.value != record.algorithm:
        raise UsageError(f"signing key {record.id}: its public half is not of {record.algorithm}")
    return key


def resealed(record: KeyRecord, masters: Peppers) -> dict[str, object]:
    """The columns that change when the newest master key takes over; {} where nothing is to do. Raises Unsealable."""
    if not record.sealed_under or record.sealed_under == masters.current_id:
        return {}
    secret = masterkey.unseal(masters, record.sealed_under, record.id, record.material)
    sealed_under, material = masterkey.seal(masters, record.id, secret)
    return {"sealed_under": sealed_under, "material": material}


def _pair(algorithm: Algorithm, randbelow: Callable[[int], int]) -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    except ModuleNotFoundError:
        raise MissingExtra("signing with a pair of keys", "sign") from None
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(randbelow(1 << 256).to_bytes(32, "big"))
    # The order of P-256 is above 2**255; 1 to 2**255 are good private keys.
    return ec.derive_private_key(1 + randbelow(1 << 255), ec.SECP256R1())


def _pem(private: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return str(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")).strip()


def _public_bytes(public: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
