"""JSON Web Tokens: the standards' vectors verify, and whatever is tampered with, confused or said wrongly is refused by one error."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from types import MappingProxyType
from typing import Any

import jwt as peer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.wire import token
from ostiary.wire.jwks import ALGORITHMS, HMAC, KeySet, read_jwks, read_pem, read_secret
from ostiary.wire.token import Expected, Reason, TokenError, read, verify
from tests.wire.tokens import AUDIENCE, CLAIMS, ISSUER, NOW, SECRET, b64, jwk, jwks, make, pem, private, raw

ALL = sorted(ALGORITHMS)
RSA = read_pem(pem(private("RS256")), ["RS256"])


def expected(alg: str | tuple[str, ...] = "RS256", **more: Any) -> Expected:
    allowed = frozenset((alg,) if isinstance(alg, str) else alg)
    return Expected(**{"issuer": ISSUER, "audience": (AUDIENCE,), "algorithms": allowed, **more})


def keys_for(alg: str) -> KeySet:
    return read_secret(SECRET, [alg]) if alg in HMAC else read_pem(pem(private(alg)), [alg])


def reason(text: str, keys: KeySet = RSA, now: float = NOW, want: Expected | None = None) -> Reason:
    with pytest.raises(TokenError) as caught:
        verify(text, keys, want or expected(), now)
    return caught.value.reason


# RFC 7515, appendix A, and RFC 8037, appendix A.4: public key, token, and whether its payload is claims.
JOE = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
HS256_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
HS256 = f"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RS256_KEY = {
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW"
    "vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"
    "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB",
}
RS256 = (
    f"eyJhbGciOiJSUzI1NiJ9.{JOE}."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi"
    "uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2"
    "w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
ES256_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
ES256 = f"eyJhbGciOiJFUzI1NiJ9.{JOE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
ES512_KEY = {
    "kty": "EC",
    "crv": "P-521",
    "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
    "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
}
ES512 = (
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgo"
    "XD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
)
ED25519_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED25519 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


@pytest.mark.parametrize(("alg", "key", "text"), [("RS256", RS256_KEY, RS256), ("ES256", ES256_KEY, ES256), ("HS256", None, HS256)])
def test_the_vectors_of_rfc_7515(alg: str, key: dict[str, str] | None, text: str) -> None:
    """A.1 to A.3 verify at a moment before they expire, give their claims, and are expired today."""
    secret = base64.urlsafe_b64decode(HS256_KEY + "==")
    keys = read_jwks(jwks(key), [alg]) if key else read_secret(secret, [alg])
    want = Expected("joe", None, frozenset({alg}))
    assert verify(text, keys, want, 1_300_819_000) == {"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": True}
    assert reason(text, keys, NOW, want) is Reason.EXPIRED


@pytest.mark.parametrize(("alg", "key", "text"), [("ES512", ES512_KEY, ES512), ("EdDSA", ED25519_KEY, ED25519)])
def test_the_vectors_that_are_no_claims(alg: str, key: dict[str, str], text: str) -> None:
    """RFC 7515 A.4 and RFC 8037 A.4: the signatures hold, over these bytes alone; as a token they are none."""
    signed, _, signature = text.rpartition(".")
    found = read_jwks(jwks(key), [alg]).keys[0].key
    parts = token.Read({"alg": alg}, {}, signed.encode(), base64.urlsafe_b64decode(signature + "=="))
    assert token._signed(found, parts)
    assert not token._signed(found, parts._replace(signed=signed.encode() + b"x"))
    assert reason(text) is Reason.FORM


def test_the_unsecured_vector_is_refused() -> None:
    """RFC 7515 A.5: alg none, in any case, with or without a signature."""
    for alg in ("none", "None", "NONE", "nOnE"):
        unsigned = ".".join([b64(json.dumps({"alg": alg}).encode()), JOE, ""])
        assert reason(unsigned) is Reason.ALGORITHM
        assert reason(unsigned + "AA") is Reason.ALGORITHM


@pytest.mark.parametrize("alg", ALL)
def test_every_algorithm(alg: str) -> None:
    """A token of each is good under its own key, and under no other key of the same kind."""
    text = make(alg)
    assert verify(text, keys_for(alg), expected(alg), NOW)["sub"] == "user-1"
    other = read_secret(SECRET[::-1], [alg]) if alg in HMAC else read_pem(pem(private(alg, 1)), [alg])
    assert reason(text, other, want=expected(alg)) is Reason.SIGNATURE


@pytest.mark.parametrize("alg", ["HS256", "HS512", "RS256", "PS384", "ES256", "ES384", "EdDSA"])
def test_a_peer_agrees(alg: str) -> None:
    """What PyJWT signs is good here, and what is good here is good there."""
    key = SECRET if alg in HMAC else private(alg)
    assert verify(peer.encode(CLAIMS, key, alg), keys_for(alg), expected(alg), NOW) == CLAIMS
    theirs = make(alg, exp=int(time.time()) + 600)
    assert peer.decode(theirs, key if alg in HMAC else key.public_key(), [alg], audience=AUDIENCE, issuer=ISSUER)["sub"] == "user-1"


@pytest.mark.parametrize("alg", ["HS256", "ES256", "EdDSA", "RS256"])
def test_every_bit_counts(alg: str) -> None:
    """A token with one bit of one character changed, or one character more or less, is refused, wherever it is."""
    text, keys, want = make(alg), keys_for(alg), expected(alg)
    changed = [
        text[:place] + chr(ord(one) ^ 1 << bit) + text[place + 1 :]
        for place, one in enumerate(text)
        for bit in range(7)
        if alg != "RS256" or place % 5 == 0
    ]
    for other in (*changed, text + "A", text[:-1], "A" + text, text[1:], text + ".", text + "=", " " + text, text + "\n"):
        reason(other, keys, want=want)


CONFUSED = [("HS256", "RS256"), ("HS256", "ES256"), ("RS256", "PS256"), ("PS256", "RS256"), ("RS512", "RS256")]


@pytest.mark.parametrize(("signed", "bound"), CONFUSED)
def test_a_key_does_what_it_is_bound_to(signed: str, bound: str) -> None:
    """A token that names another algorithm than the key's is refused, also where the list allows both: HMAC with a public key's text first."""
    key = private(bound)
    published = pem(key).encode()
    text = make(signed, published if signed in HMAC else key)
    both = expected((signed, bound))
    only = read_jwks(jwks(jwk(key, alg=bound, kid="k")), [signed, bound])
    assert reason(text, only, want=both) is Reason.KEY
    assert reason(text, read_pem(published, [bound]), want=expected(bound)) is Reason.ALGORITHM


def test_an_algorithm_is_allowed_or_it_is_not() -> None:
    """The key could do it, the list does not name it. An empty list, which joserfc takes for any algorithm, is an error at start-up."""
    both = read_pem(pem(private("RS256")), ["RS256", "PS256"])
    assert reason(make("PS256", private("RS256")), both) is Reason.ALGORITHM
    for empty in (frozenset[str](), frozenset({"none"}), frozenset({"rs256"})):
        with pytest.raises(UsageError, match="algorithms"):
            expected(tuple(empty))


HEADERS: list[dict[str, Any]] = [
    {"jku": "https://evil.example/keys"},
    {"jwk": {"kty": "oct", "k": "AA"}},
    {"x5u": "https://evil.example/cert"},
    {"x5c": ["MIIB"]},
    {"crit": ["exp"]},
    {"crit": []},
    {"b64": False, "crit": ["b64"]},
    {"zip": "DEF"},
    {"enc": "A128GCM"},
    {"kid": 7},
    {"kid": ["k"]},
    {"kid": ""},
    {"kid": "k" * 257},
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda one: "-".join(one))
def test_headers_that_bring_a_key_or_an_extension_are_refused(header: dict[str, Any]) -> None:
    """jku, jwk, x5u, x5c, crit and their like, also when everything else is right and the signature holds."""
    assert reason(make(header=header)) is Reason.HEADER


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/k", "k\x00", "missing", "\u202ek"])
def test_a_kid_only_looks_up(kid: str) -> None:
    """Whatever stands in it: a key of the set has it, or none has."""
    named = read_jwks(jwks(jwk(private("RS256"), kid="k")), ["RS256"])
    assert verify(make(header={"kid": "k"}), named, expected(), NOW)
    assert reason(make(header={"kid": kid}), named) is Reason.KEY


def test_headers_that_nobody_knows_change_nothing() -> None:
    """RFC 7515, 4: what is not understood and not critical is ignored, thumbprints too."""
    assert verify(make(header={"x5t": "abc", "cat": "x", "nonce": "1"}), RSA, expected(), NOW)


CLAIMED: list[tuple[dict[str, Any], Reason]] = [
    ({"iss": None}, Reason.ISSUER),
    ({"iss": "https://login.example.test"}, Reason.ISSUER),
    ({"iss": [ISSUER]}, Reason.ISSUER),
    ({"aud": None}, Reason.AUDIENCE),
    ({"aud": []}, Reason.AUDIENCE),
    ({"aud": "https://other.example"}, Reason.AUDIENCE),
    ({"aud": {AUDIENCE: 1}}, Reason.AUDIENCE),
    ({"aud": AUDIENCE + "/"}, Reason.AUDIENCE),
    ({"exp": None}, Reason.CLAIM),
    ({"exp": str(NOW + 300)}, Reason.CLAIM),
    ({"exp": True}, Reason.CLAIM),
    ({"exp": [NOW + 300]}, Reason.CLAIM),
    ({"exp": -1}, Reason.CLAIM),
    ({"exp": 10**400}, Reason.CLAIM),
    ({"exp": NOW - 30}, Reason.EXPIRED),
    ({"exp": 0}, Reason.EXPIRED),
    ({"nbf": NOW + 31}, Reason.NOT_YET),
    ({"nbf": "0"}, Reason.CLAIM),
    ({"iat": NOW + 31}, Reason.NOT_YET),
    ({"iat": {}}, Reason.CLAIM),
]


@pytest.mark.parametrize(("claims", "why"), CLAIMED, ids=str)
def test_claims_that_are_wrong(claims: dict[str, Any], why: Reason) -> None:
    """Each is refused with its own reason though the signature holds."""
    assert reason(make(**claims)) is why


@pytest.mark.parametrize("claims", [{"aud": ["x", AUDIENCE]}, {"exp": NOW + 0.5}, {"exp": NOW - 29}, {"nbf": NOW + 30}, {"iat": NOW + 30}])
def test_claims_that_are_right(claims: dict[str, Any]) -> None:
    """One of several audiences; times within the leeway, fractions included."""
    assert verify(make(**claims), RSA, expected(), NOW)["iss"] == ISSUER


def test_an_expired_token_is_expired() -> None:
    """At the very second, with no leeway: joserfc's ``decode`` alone would accept it for ever."""
    strict = expected(leeway=0)
    assert verify(make(), RSA, strict, NOW + 299.999)
    assert reason(make(), now=NOW + 300, want=strict) is Reason.EXPIRED


def test_a_token_without_end_is_refused_unless_said_otherwise() -> None:
    """And where it is said, one that has an end still ends."""
    assert verify(make(exp=None), RSA, expected(endless=True), NOW)
    assert reason(make(exp=NOW - 31), want=expected(endless=True)) is Reason.EXPIRED


def test_none_expected_is_none_given() -> None:
    """Issuer or audience None takes tokens without one, never one that is for somebody else."""
    free = expected(issuer=None, audience=None)
    assert verify(make(iss=None, aud=None), RSA, free, NOW)
    assert reason(make(aud=None), want=free) is Reason.ISSUER
    assert reason(make(iss=None), want=free) is Reason.AUDIENCE
    assert reason(raw('{"alg":"RS256"}', '{"iss":null,"exp":9e9}', "RS256", private("RS256")), want=free) is Reason.ISSUER


@pytest.mark.parametrize(
    ("given", "wanted", "good"),
    [
        (None, "", True),
        ("JWT", "", True),
        ("at+jwt", "", True),
        ("logout+jwt", "", False),
        ("dpop+jwt", "", False),
        (1, "", False),
        ("at+jwt", "at+jwt", True),
        ("application/AT+JWT", "at+jwt", True),
        ("JWT", "at+jwt", False),
        (None, "at+jwt", False),
        ("secevent+jwt", "secevent+jwt", True),
    ],
)
def test_types(given: Any, wanted: str, good: bool) -> None:
    """RFC 9068, 4: an access token says so where that is asked for; a token of another explicit type is never taken for one."""
    text, want = make(header={"typ": given}), expected(typ=wanted)
    if good:
        assert verify(text, RSA, want, NOW)
    else:
        assert reason(text, want=want) is Reason.TYPE


def test_required_claims() -> None:
    """Present, and where values are given one of them, by type as well: true is not 1."""
    want = expected(required={"jti": None, "token_use": ("access",), "level": (1, 2)})
    good = {"jti": "x", "token_use": "access", "level": 1}
    assert verify(make(**good), RSA, want, NOW)
    for wrong in (
        {"jti": None},
        {"token_use": "id"},
        {"level": True},
        {"level": 3},
        {"level": "1"},
        {"level": 1.0},
        {"token_use": ["access"]},
    ):
        assert reason(make(**{**good, **wrong}), want=want) is Reason.CLAIM


DEEP = '{"iss":' + "[" * 17 + "]" * 17 + "}"
TEXTS = [
    '{"iss":"a","iss":"b"}',
    '{"a":{"b":1,"b":2}}',
    '{"a":NaN}',
    '{"a":1e999}',
    '{"a":-Infinity}',
    "[]",
    "null",
    '"x"',
    "",
    "{",
    "{} {}",
    "\ufeff{}",
    '{"a":"\\ud800"}',
    DEEP,
    "[" * 6000,
    '{"a":' + "9" * 5000 + "}",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_json_has_one_meaning_or_none(text: str) -> None:
    """Twice the same name, no object, not a number, half a character, too deep: refused before anybody looks at the signature."""
    key = private("EdDSA")
    assert reason(raw('{"alg":"EdDSA"}', text, "EdDSA", key)) is Reason.FORM
    assert reason(raw(text, "{}", "EdDSA", key)) is Reason.FORM
    assert reason(raw('{"alg":"EdDSA"}', b"\xff{}", "EdDSA", key)) is Reason.FORM


def test_a_header_that_names_alg_twice_is_refused() -> None:
    """Whichever of the two another reader would take."""
    assert reason(raw('{"alg":"RS256","alg":"none"}', json.dumps(CLAIMS), "RS256", private("RS256"))) is Reason.FORM


def test_sizes() -> None:
    """8 KiB and no byte more, looked at before anything is decoded."""
    assert reason("A" * 8193) is Reason.SIZE
    assert reason("A" * 8192) is Reason.FORM
    assert reason(make(pad="x" * 7000)) is Reason.SIZE


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.b.c", "a.b.c.d.e", "ключ.a.b", "e30.e30.", "e30.e30.e30", "\ud800.a.b", "A.A.A"])
def test_what_is_no_token(text: str) -> None:
    """FORM, whatever it is."""
    assert reason(text) is Reason.FORM


def test_base64_has_one_spelling() -> None:
    """Padding, white space, the other alphabet and stray bits are refused: one token is one text."""
    text = make("EdDSA")
    keys, want = keys_for("EdDSA"), expected("EdDSA")
    assert text[-1] in "AQgw"
    for other in (text + "==", text[:-1] + chr(ord(text[-1]) + 1), text.replace(".", "\n.", 1), text[:-3] + "+" + text[-2:]):
        assert reason(other, keys, want=want) is Reason.FORM


def test_claims_cannot_be_changed() -> None:
    """All through; handlers get the same object again and again."""
    claims = verify(make(deep={"list": [{"a": 1}]}), RSA, expected(), NOW)
    assert isinstance(claims, MappingProxyType)
    assert isinstance(claims["deep"]["list"][0], MappingProxyType)
    with pytest.raises(TypeError):
        claims["deep"]["x"] = 1


def test_an_error_holds_nothing_of_the_token() -> None:
    """Its message is its reason, and no other error is behind it to be printed."""
    with pytest.raises(TokenError) as caught:
        verify(make() + "x", RSA, expected(), NOW)
    assert str(caught.value) in set(Reason)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"issuer": 5},
        {"audience": ()},
        {"audience": ("",)},
        {"audience": (5,)},
        {"leeway": -1},
        {"leeway": 301},
        {"leeway": True},
        {"leeway": float("nan")},
        {"typ": None},
        {"required": {5: None}},
    ],
)
def test_expectations_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    """A sentence at start-up, naming the argument."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        expected(**wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*CLAIMS, "nbf", "iat", "alg", "kid", "typ"]), inner, max_size=4)
    ),
    max_leaves=8,
)
HEADER = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x"]), JSON | st.sampled_from([*ALL, "JWT", "none"]))


def only_ours(text: str) -> None:
    for want, keys in ((expected(), RSA), (expected("HS256"), keys_for("HS256")), (expected("ES256"), keys_for("ES256"))):
        with contextlib.suppress(TokenError):
            assert verify(text, keys, want, NOW)["iss"] == ISSUER


@settings(max_examples=400)
@given(HEADER, JSON, st.binary(max_size=80))
def test_any_json_is_a_token_or_our_error(header: Any, claims: Any, signature: bytes) -> None:
    """Whatever stands in header, claims and signature, signed or not, nothing but TokenError is raised."""
    parts = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    only_ours(f"{parts}.{b64(signature)}")
    only_ours(raw(json.dumps({**header, "alg": "HS256"}), json.dumps(claims), "HS256", SECRET))


@settings(max_examples=400)
@given(
    st.text() | st.text(alphabet="AbeyJ019_-.=+/", max_size=60) | st.builds(".".join, st.lists(st.binary(max_size=30).map(b64), max_size=5))
)
def test_any_text_is_a_token_or_our_error(text: str) -> None:
    """The same for texts, base64 or not."""
    only_ours(text)
    assert read(make()).claims["iss"] == ISSUER
