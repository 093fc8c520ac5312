"""Sets of keys: what is found in them is bound to what it may do; what must not be there is refused."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from ostiary.wire import strict_json
from ostiary.wire.jwks import ALGORITHMS, LARGEST, KeySetError, allow, base64url, read_jwks, read_pem, read_secret
from tests.wire.tokens import SECRET, b64, jwk, jwks, pem, private

KEY, OTHER, CURVE = private("RS256"), private("RS256", 1), private("ES256")
SIGNING = tuple(sorted(ALGORITHMS - {"HS256", "HS384", "HS512"}))


def kids(text: str, alg: str, *asked: str) -> list[str | None]:
    """For each kid asked for the one found."""
    found = [read_jwks(text, [alg]).find(kid, alg) for kid in asked]
    return [one and one.kid for one in found]


def test_a_key_is_found_by_its_id() -> None:
    """By the whole of it and nothing else; without one only where there is no choice."""
    assert kids(jwks(jwk(KEY, kid="a"), jwk(OTHER, kid="b")), "RS256", "a", "b", "A", "", "c") == ["a", "b", None, None, None]
    assert kids(jwks(jwk(KEY, kid="a"), jwk(CURVE, kid="b")), "RS256", "", "b") == ["a", None]


def test_a_key_without_an_id_answers_to_any() -> None:
    """As long as it is the only one; one that has the id goes before it."""
    assert kids(jwks(jwk(KEY)), "RS256", "", "a") == ["", ""]
    assert kids(jwks(jwk(KEY), jwk(OTHER, kid="a")), "RS256", "a", "b", "") == ["a", "", ""]


@pytest.mark.parametrize(
    ("key", "may"),
    [
        (jwk(KEY), ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")),
        (jwk(KEY, alg="PS384"), ("PS384",)),
        (jwk(KEY, use="sig", key_ops=["verify"]), ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")),
        (jwk(CURVE), ("ES256",)),
        (jwk(private("ES384")), ("ES384",)),
        (jwk(private("ES512")), ("ES512",)),
        (jwk(private("EdDSA")), ("Ed25519", "EdDSA")),
        (jwk(private("Ed448")), ("Ed448", "EdDSA")),
    ],
    ids=range(8),
)
def test_what_a_key_may_do(key: dict[str, Any], may: tuple[str, ...]) -> None:
    """Its kind, curve and alg say so, all in one; the list of the guard takes from that and adds nothing."""
    assert tuple(sorted(read_jwks(jwks(key), SIGNING).keys[0].algorithms)) == may
    assert tuple(read_jwks(jwks(key), [may[0]]).keys[0].algorithms) == (may[0],)


@pytest.mark.parametrize(
    "extra",
    [
        jwk(OTHER, kid="x", use="enc"),
        jwk(OTHER, kid="x", alg="RSA-OAEP"),
        jwk(OTHER, kid="x", alg=["RS256"]),
        jwk(OTHER, kid="x", key_ops=["encrypt"]),
        jwk(CURVE, kid="x"),
        {"kty": "AKP", "kid": "x", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": "EC", "kid": "x", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "kid": "x", "crv": "X25519", "x": "AA"},
    ],
    ids=range(8),
)
def test_keys_for_something_else_are_left_out(extra: dict[str, Any]) -> None:
    """RFC 7517, 5: the others still serve. A set of nothing else is an error."""
    assert [key.kid for key in read_jwks(jwks(jwk(KEY, kid="a"), extra), ["RS256"]).keys] == ["a"]
    with pytest.raises(KeySetError, match="no key"):
        read_jwks(jwks(extra), ["RS256"])


def whole_private(key: Any) -> dict[str, Any]:
    return jwk(key, d=b64(key.private_numbers().d.to_bytes(256)))


SMALL = rsa.generate_private_key(65537, 1024)
BROKEN = [
    (jwks(jwk(KEY, kid="a"), whole_private(OTHER)), "private"),
    (jwks(jwk(KEY, kid="a"), {"kty": "oct", "k": b64(SECRET), "use": "enc"}), "private"),
    (jwks(jwk(KEY, kid="a"), jwk(OTHER, kid="a")), "told apart"),
    (jwks(jwk(KEY), jwk(OTHER)), "told apart"),
    (jwks(jwk(SMALL, kid="a")), "too small"),
    (jwks({**jwk(KEY), "n": "!"}), "broken"),
    (jwks({"kty": "RSA", "e": "AQAB"}), "broken"),
    (jwks({**jwk(KEY), "n": ["x"]}), "broken"),
    (jwks({**jwk(KEY), "e": "AA"}), "broken"),
    (jwks(jwk(KEY, kid=5)), "kid"),
    (jwks({"n": "x"}), "kty"),
    (jwks(), "no key"),
    (json.dumps({"keys": [jwk(KEY, kid=str(number)) for number in range(101)]}), "100"),
    ('{"keys":[],"keys":[]}', "twice"),
    ('{"keys":{}}', "not a set"),
    ('{"keys":["a"]}', "not a set"),
    ("[]", "not a set"),
    ("null", "not a set"),
    ("{}", "not a set"),
    ("<html>", "JSON"),
    ("\udc80", "JSON"),
    ("", "JSON"),
    (" " * (LARGEST + 1), "bytes"),
]


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(("text", "why"), BROKEN, ids=range(len(BROKEN)))
def test_sets_that_are_refused(text: str, why: str) -> None:
    """A private or shared key that others can read, keys that cannot be told apart, weak and broken ones, no set at all."""
    with pytest.raises(KeySetError, match=why) as caught:
        read_jwks(text, ["RS256"])
    assert b64(SECRET) not in str(caught.value)


def test_points_that_are_not_on_the_curve_are_refused() -> None:
    """An invalid-curve key is a broken key."""
    with pytest.raises(KeySetError, match="broken EC"):
        read_jwks(jwks({**jwk(CURVE), "y": jwk(CURVE)["x"]}), ["ES256"])


def test_one_key_alone_is_a_set_of_one() -> None:
    """A JWK in place of a JWK Set, as bytes too."""
    assert read_jwks(json.dumps(jwk(KEY, kid="a")).encode(), ["RS256"]).find("a", "RS256")


def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder(name, name, KEY.public_key(), 1, begin, end)
    return built.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("alg", SIGNING)
def test_pem(alg: str) -> None:
    """One key without an id, bound to what it can do and is allowed; one for something else is an error."""
    assert read_pem(pem(private(alg)), [alg]).find("any", alg)
    assert tuple(read_pem(pem(private(alg)), [alg]).keys[0].algorithms) == (alg,)
    with pytest.raises(KeySetError, match="no key"):
        read_pem(pem(private(alg)), ["ES256" if alg != "ES256" else "RS256"])


def test_a_certificate_gives_its_key() -> None:
    """As files of providers often are."""
    assert read_pem(certificate(), ["RS256"]).keys[0].key.public_key == KEY.public_key()


def private_pem(kind: Any, encryption: Any) -> bytes:
    return bytes(KEY.private_bytes(serialization.Encoding.PEM, kind, encryption))


@pytest.mark.parametrize("kind", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("locked", [False, True])
def test_a_private_key_in_pem_is_refused(kind: Any, locked: bool) -> None:
    """Also when a password is on it, and when the public one stands before it."""
    text = private_pem(kind, serialization.BestAvailableEncryption(b"x") if locked else serialization.NoEncryption())
    for whole in (text, pem(KEY).encode() + text):
        with pytest.raises(KeySetError, match="private key"):
            read_pem(whole, ["RS256"])


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "text", ["", "-----BEGIN PUBLIC KEY-----", pem(KEY)[:-50], "\udc80", pem(SMALL), pem(KEY).replace("A", "B")], ids=range(6)
)
def test_what_is_no_public_key(text: str) -> None:
    """A sentence, for small keys too."""
    with pytest.raises(KeySetError, match="public key"):
        read_pem(text, ["RS256"])


def test_a_shared_secret_is_long_enough() -> None:
    """As long as the hash (RFC 7518, 3.2), for the longest that is allowed; and for HMAC alone."""
    assert read_secret(b"x" * 32, ["HS256"]).find("", "HS256")
    for secret, algorithms in ((b"x" * 31, ["HS256"]), (b"x" * 63, ["HS256", "HS512"]), (b"", ["HS256"]), (SECRET, ["HS256", "RS256"])):
        with pytest.raises(KeySetError):
            read_secret(secret, algorithms)


@pytest.mark.parametrize(
    "text", [pem(KEY).encode(), certificate(), pem(CURVE).encode(), b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGh"], ids=range(4)
)
def test_a_public_key_is_no_secret(text: bytes) -> None:
    """Or everybody could sign: the key confusion that starts in the settings."""
    with pytest.raises(KeySetError, match="no secret"):
        read_secret(text, ["HS256"])


@pytest.mark.parametrize("given", [[], "", "none", ["RS256", "none"], ["rs256"], None, 5, [5], ["HS256 "]])
def test_lists_of_algorithms_that_are_none(given: Any) -> None:
    """Empty above all; the error shows what there is."""
    with pytest.raises(KeySetError, match="RS256"):
        allow(given)


def test_two_sets_are_equal_when_their_keys_are() -> None:
    """Another key under the same id makes another set: what was proved with the old one is forgotten."""
    one, again, other = (read_jwks(jwks(jwk(key, kid="a")), ["RS256"]) for key in (KEY, KEY, OTHER))
    assert one == again
    assert one != other


def test_keys_do_not_show_themselves() -> None:
    """A secret in a traceback or log would be everybody's."""
    assert "joserfc" not in repr(read_secret(SECRET, ["HS256"]))


def test_without_the_extra_it_says_what_to_install() -> None:
    """MissingExtra with the command, when keys are read; to import the modules needs nothing."""
    script = "import sys; sys.modules['joserfc'] = None\nfrom ostiary.wire import jwks, token\nfrom ostiary.guard.authn.jwt import Jwt\n"
    done = subprocess.run(
        [sys.executable, "-c", script + "jwks.read_secret(b'x' * 32, ['HS256'])"], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].endswith("MissingExtra: JWT needs: pip install 'ostiary[jwt]'")
    assert importlib.import_module("ostiary.wire.jwks")


@given(st.binary(max_size=60))
def test_base64url_reads_what_it_writes(data: bytes) -> None:
    """And no second spelling of it."""
    text = b64(data)
    assert base64url(text) == data
    for other in (text + "=", text + "\n", text + "!"):
        with pytest.raises(ValueError, match="base64url"):
            base64url(other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)


@given(JSON)
def test_strict_json_reads_what_json_writes(value: Any) -> None:
    """Whatever characters are escaped or not, brackets in texts included; beyond the depth it refuses."""
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert strict_json.read(text, 100) == value
        assert strict_json.read(b"[" * 3 + text + b"]" * 3, 100) == [[[value]]]
        with pytest.raises(ValueError, match="deeper"):
            strict_json.read(b"[" * 101 + text + b"]" * 101, 100)


def test_brackets_in_texts_are_no_depth() -> None:
    """A text may hold what it likes, escaped quotes among it."""
    assert strict_json.read(rb'["[[[[[", "\"[[[[[", "\\"]', 1) == ["[[[[[", '"[[[[[', "\\"]
    assert strict_json.read(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


@given(st.text() | st.builds(json.dumps, JSON))
def test_any_text_is_a_set_or_our_error(text: str) -> None:
    """Nothing but KeySetError is raised."""
    for reader in (read_jwks, read_pem):
        with pytest.raises(KeySetError):
            reader(text, ["RS256"])


MEMBERS = st.sampled_from(["kty", "kid", "alg", "use", "key_ops", "n", "e", "crv", "x", "y"])
VALUES = st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB", "sig"])


@given(st.dictionaries(MEMBERS, VALUES | st.lists(VALUES, max_size=2)), st.sampled_from([jwk(KEY), jwk(CURVE), jwk(private("EdDSA")), {}]))
def test_any_key_is_a_key_or_our_error(changes: dict[str, Any], start: dict[str, Any]) -> None:
    """Real keys with members replaced by anything."""
    try:
        found = read_jwks(jwks({**start, **changes}), SIGNING)
    except KeySetError:
        return
    assert found.keys[0].algorithms <= ALGORITHMS
