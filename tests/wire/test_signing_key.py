"""Keys of signatures: one algorithm each, hidden, and refused when they are weak."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from ostiary.errors import BadSignature, UsageError
from ostiary.wire import signing_key
from ostiary.wire.signing_key import Algorithm, SignKey, VerifyKey

SECRET = b"0123456789abcdef0123456789abcdef"


def private_pem(key: object, password: bytes | None = None) -> bytes:
    how = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)  # type: ignore[attr-defined]


def public_pem(key: object) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]


PAIRS = {
    Algorithm.ED25519: ed25519.Ed25519PrivateKey.from_private_bytes(SECRET),
    Algorithm.ECDSA_P256_SHA256: ec.generate_private_key(ec.SECP256R1()),
    Algorithm.RSA_PSS_SHA512: rsa.generate_private_key(65537, 2048),
}
WEAK = {
    "rsa-1024": rsa.generate_private_key(65537, 1024),
    "p-384": ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
    "ed448": ed448.Ed448PrivateKey.generate(),
    "dsa": dsa.generate_private_key(1024),
}


def pair(algorithm: Algorithm) -> tuple[SignKey, VerifyKey]:
    if algorithm is Algorithm.HMAC_SHA256:
        return SignKey.hmac("k", SECRET), VerifyKey.hmac("k", SECRET)
    return SignKey.from_pem("k", private_pem(PAIRS[algorithm])), VerifyKey.from_pem("k", public_pem(PAIRS[algorithm]))


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_what_one_half_signs_the_other_verifies(algorithm: Algorithm) -> None:
    """Both read from their own file, both of the algorithm that the key has."""
    sign, verify = pair(algorithm)
    assert sign.algorithm is verify.algorithm is sign.verifier().algorithm is algorithm
    made = signing_key.sign(sign, b"data")
    assert signing_key.verify(verify, b"data", made) == b"data"
    assert signing_key.verify(sign.verifier(), b"data", made) == b"data"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_signatures_of_another_algorithm_or_key_are_refused(algorithm: Algorithm) -> None:
    """Of every other kind, of another key of the same kind, and made with the public half as a secret."""
    _, verify = pair(algorithm)
    others = [pair(other)[0] for other in Algorithm if other is not algorithm]
    others += [SignKey.ed25519("k", bytes(32)), SignKey.hmac("k", SECRET[::-1]), SignKey.hmac("k", public_pem(PAIRS[Algorithm.ED25519]))]
    for other in others:
        with pytest.raises(BadSignature):
            signing_key.verify(verify, b"data", signing_key.sign(other, b"data"))


def test_ed25519_from_its_bytes() -> None:
    """The seed and the 32 public bytes of RFC 8032, test 1 of its Section 7.1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    made = signing_key.sign(SignKey.ed25519("k", seed), b"")
    assert made.hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974")
    assert signing_key.verify(VerifyKey.ed25519("k", public), b"", made) == b""


def test_an_encrypted_file_needs_its_password() -> None:
    """The right one opens it, a wrong one or none is said in one sentence."""
    pem = private_pem(PAIRS[Algorithm.ED25519], b"open")
    assert SignKey.from_pem("k", pem, b"open").algorithm is Algorithm.ED25519
    for password in (None, b"else"):
        with pytest.raises(UsageError, match="password"):
            SignKey.from_pem("k", pem, password)


@pytest.mark.parametrize("kind", WEAK)
def test_other_and_weak_keys_are_refused(kind: str) -> None:
    """When they are read, not when they verify."""
    for read, pem in ((SignKey.from_pem, private_pem(WEAK[kind])), (VerifyKey.from_pem, public_pem(WEAK[kind]))):
        with pytest.raises(UsageError, match="Ed25519, ECDSA on P-256, or RSA of 2048"):
            read("k", pem)


@pytest.mark.parametrize("pem", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", SECRET])
def test_junk_is_no_key(pem: bytes) -> None:
    """One sentence, with the id of the key and nothing of its content."""
    for read in (SignKey.from_pem, VerifyKey.from_pem):
        with pytest.raises(UsageError, match=r"^signing key the-id: no") as refused:
            read("the-id", pem)
        assert "AAAA" not in str(refused.value)


def test_halves_are_not_mixed_up() -> None:
    """A private key is no public one, nor the other way round."""
    with pytest.raises(UsageError):
        VerifyKey.from_pem("k", private_pem(PAIRS[Algorithm.ED25519]))
    with pytest.raises(UsageError):
        SignKey.from_pem("k", public_pem(PAIRS[Algorithm.ED25519]))


@pytest.mark.parametrize("length", [0, 1, 31])
def test_a_short_secret_is_refused(length: int) -> None:
    """Fewer than 32 bytes are no key for HMAC-SHA-256 (RFC 2104, Section 3)."""
    for kind in (SignKey, VerifyKey):
        with pytest.raises(UsageError, match=f"{length} bytes"):
            kind.hmac("k", bytes(length))
        with pytest.raises(UsageError, match="32 bytes"):
            kind.ed25519("k", bytes(length))


@pytest.mark.parametrize("kind", [SignKey, VerifyKey])
def test_material_fits_its_algorithm(kind: type[SignKey] | type[VerifyKey]) -> None:
    """Bytes are a secret, everything else is half of a pair."""
    for algorithm, material in (
        (Algorithm.ED25519, SECRET),
        (Algorithm.HMAC_SHA256, PAIRS[Algorithm.ED25519]),
        (Algorithm.HMAC_SHA256, "x" * 32),
    ):
        with pytest.raises(UsageError, match="HMAC alone"):
            kind("k", algorithm, material)


@pytest.mark.parametrize("name", ["", "a b", "é", "a\n", "x" * 129])
def test_an_id_goes_into_a_header(name: str) -> None:
    """So it is visible ASCII."""
    with pytest.raises(UsageError, match="id"):
        SignKey.hmac(name, SECRET)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_nothing_shows_the_material(algorithm: Algorithm) -> None:
    """Not repr, not str, not an f-string; pickle refuses; a copy is the key itself."""
    for key in pair(algorithm):
        for shown in (repr(key), str(key), f"{key}", f"{[key]}"):
            assert shown.strip("[]") == f"{type(key).__name__}(id='k', algorithm={algorithm!r})"
        with pytest.raises(TypeError, match="pickling"):
            pickle.dumps(key)
        assert copy.copy(key) is copy.deepcopy(key) is key
        assert {key: 1}[key] == 1


def test_a_key_does_not_change() -> None:
    """It is a frozen value."""
    key = SignKey.hmac("k", SECRET)
    with pytest.raises(AttributeError):
        key.material = b""  # type: ignore[misc]
    assert key == SignKey.hmac("k", SECRET)
    assert key != key.verifier()


def test_without_cryptography_hmac_works_and_pairs_say_what_is_missing() -> None:
    """``pip install ostiary`` is enough for shared secrets; for pairs the sentence names the command."""
    code = """
import sys
sys.modules["cryptography"] = None
from ostiary.wire.signing_key import SignKey, VerifyKey, sign, verify
key = SignKey.hmac("k", bytes(32))
print(verify(key.verifier(), b"data", sign(key, b"data")))
for read in (SignKey.from_pem, SignKey.ed25519, VerifyKey.from_pem, VerifyKey.ed25519):
    try:
        read("k", bytes(32))
    except ImportError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["b'data'", *["signing with a pair of keys needs: pip install 'ostiary[sign]'"] * 4]


def test_hmac_loads_no_cryptography() -> None:
    """Importing the signatures and signing with a secret loads the standard library only."""
    code = """
import sys
from ostiary.wire import signed_request, simple_signature, webhook
from ostiary.wire.signing_key import SignKey, sign
sign(SignKey.hmac("k", bytes(32)), b"")
print("cryptography" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
