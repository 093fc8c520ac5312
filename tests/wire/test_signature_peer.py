"""An independent implementation (http-message-signatures) verifies what we sign, and we verify what it signs."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import http_message_signatures as peer
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature
from ostiary.wire.digest import verified_content
from ostiary.wire.message import Message
from ostiary.wire.signature import signatures, verify
from ostiary.wire.signed_request import ALWAYS, WITH_BODY, presented, sign_request, verify_request
from ostiary.wire.signing_key import Algorithm, SignKey

NONCE = "nonce-0123456789"
BODY = b'{"book": 7}'
SECRET = b"0123456789abcdef0123456789abcdef"


def private_pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


KEYS = {
    Algorithm.HMAC_SHA256: SignKey.hmac("shop", SECRET),
    Algorithm.ED25519: SignKey.ed25519("shop", SECRET),
    Algorithm.ECDSA_P256_SHA256: SignKey.from_pem("shop", private_pem(ec.generate_private_key(ec.SECP256R1()))),
    Algorithm.RSA_PSS_SHA512: SignKey.from_pem("shop", private_pem(rsa.generate_private_key(65537, 2048))),
}
THEIRS = {
    Algorithm.HMAC_SHA256: peer.algorithms.HMAC_SHA256,
    Algorithm.ED25519: peer.algorithms.ED25519,
    Algorithm.ECDSA_P256_SHA256: peer.algorithms.ECDSA_P256_SHA256,
    Algorithm.RSA_PSS_SHA512: peer.algorithms.RSA_PSS_SHA512,
}


@dataclass
class Theirs:
    """A request as the other library takes it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def ours(self) -> Message:
        scheme, _, rest = self.url.partition("://")
        authority, slash, target = rest.partition("/")
        path, _, query = (slash + target).partition("?")
        fields = tuple((name.encode(), value.encode()) for name, value in self.headers.items())
        return Message(self.method, scheme, authority, path.encode(), query.encode(), fields)


class Resolver(peer.HTTPSignatureKeyResolver):
    def __init__(self, key: SignKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> bytes:
        return self._key.material if self._key.algorithm is Algorithm.HMAC_SHA256 else private_pem(self._key.material)

    def resolve_public_key(self, key_id: str) -> bytes:
        if self._key.algorithm is Algorithm.HMAC_SHA256:
            return self._key.material
        return self._key.material.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def now() -> int:
    """The other library looks at the clock itself."""
    return int(datetime.datetime.now(datetime.UTC).timestamp())


def signed_by_us(key: SignKey, request: Theirs, body: bytes, **how: Any) -> Theirs:
    lines = sign_request(request.ours(), body, key, created=now(), nonce=NONCE, **how)
    return Theirs(request.method, request.url, request.headers | {name.decode(): value.decode() for name, value in lines})


def verified_by_them(key: SignKey, request: Theirs, body: bytes) -> Any:
    verifier = peer.HTTPMessageVerifier(signature_algorithm=THEIRS[key.algorithm], key_resolver=Resolver(key))
    (result,) = verifier.verify(
        request, expect_tag="ostiary", require_components=(*ALWAYS, *(WITH_BODY if body else ())), body=body or None
    )
    return result


def signed_by_them(key: SignKey, request: Theirs, body: bytes, *components: str) -> Theirs:
    signer = peer.HTTPMessageSigner(signature_algorithm=THEIRS[key.algorithm], key_resolver=Resolver(key))
    signer.sign(
        request,
        key_id="shop",
        nonce=NONCE,
        tag="ostiary",
        label="theirs",
        covered_component_ids=components or (*ALWAYS, *(("content-type",) if body else ())),
        body=body or None,
    )
    return request


def post(target: str = "/v1/orders%2F7?a=1&b=%20") -> Theirs:
    return Theirs("POST", f"https://api.example.com{target}", {"Content-Type": "application/json"})


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("body", [BODY, b""])
def test_they_verify_what_we_sign(algorithm: Algorithm, body: bytes) -> None:
    """Every algorithm, with and without a body, digest included."""
    request = signed_by_us(KEYS[algorithm], post(), body, expires=now() + 60)
    result = verified_by_them(KEYS[algorithm], request, body)
    assert (result.nonce, result.parameters["keyid"], result.body) == (NONCE, "shop", body or None)


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("body", [BODY, b""])
def test_we_verify_what_they_sign(algorithm: Algorithm, body: bytes) -> None:
    """Every algorithm; they say ``alg``, too, which has to fit."""
    message = signed_by_them(KEYS[algorithm], post(), body).ours()
    found = presented(message)
    assert found is not None
    signed = verify_request(message, found, KEYS[algorithm].verifier(), now(), body=bool(body))
    assert (signed.key_id, signed.nonce) == ("shop", NONCE)
    if body:
        assert verified_content(message.value("content-digest") or b"", body) == body


@pytest.mark.parametrize("algorithm", KEYS)
def test_both_refuse_what_was_changed(algorithm: Algorithm) -> None:
    """The path, in either direction."""
    ours = signed_by_us(KEYS[algorithm], post(), BODY)
    ours.url = ours.url.replace("orders", "others")
    with pytest.raises(peer.InvalidSignature):
        verified_by_them(KEYS[algorithm], ours, BODY)
    theirs = signed_by_them(KEYS[algorithm], post(), BODY)
    theirs.url = theirs.url.replace("orders", "others")
    found = presented(theirs.ours())
    assert found is not None
    with pytest.raises(BadSignature):
        verify_request(theirs.ours(), found, KEYS[algorithm].verifier(), now(), body=True)


SEGMENTS = st.text("abz09-._~!$&'()*+,;=:@%", max_size=8).map(lambda text: text.replace("%", "%C3%a4"))


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
    SEGMENTS,
    st.one_of(st.none(), SEGMENTS),
    st.sampled_from(["api.example.com", "API.example.com:443", "h:8443", "[::1]:80"]),
)
def test_both_see_the_same_request(method: str, path: str, query: str | None, authority: str) -> None:
    """For any path, query and authority the signature base is the same: each verifies the other's."""
    key = KEYS[Algorithm.HMAC_SHA256]
    url = f"https://{authority}/{path}" + ("" if query is None else f"?{query}")
    verified_by_them(key, signed_by_us(key, Theirs(method, url), b""), b"")
    # Of a target URI they keep the authority as it was typed, and a ? with nothing behind it; servers see neither.
    plain = query != "" and authority in ("api.example.com", "h:8443")
    covered = (*ALWAYS, "@scheme", *(["@target-uri"] if plain else []))
    message = signed_by_them(key, Theirs(method, url), b"", *covered).ours()
    (found,) = signatures(message)
    assert verify(message, found, key.verifier()) == found


@pytest.mark.parametrize("component", ['"x-dict";key="b"', '"x-dict";bs', '"@query-param";name="b"', "x-dict"])
def test_both_see_the_same_parts(component: str) -> None:
    """Members of dictionaries, binary-wrapped fields and query parameters."""
    key = KEYS[Algorithm.HMAC_SHA256]
    request = post("/a?b=%7E%20x*&c=1")
    request.headers["X-Dict"] = "a=1,   b=(1  2.50);x;y=:YQ==:"
    message = signed_by_them(key, request, b"", component).ours()
    (found,) = signatures(message)
    assert verify(message, found, key.verifier()) == found
