"""The simple scheme: what is signed, that nothing of it can change or move, and paths that a server has decoded."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire.message import Message
from ostiary.wire.signed_request import Signed
from ostiary.wire.signing_key import SignKey
from ostiary.wire.simple_signature import path_as_sent, presented, sign_request, string_to_sign, verify_request

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = SignKey.hmac("shop", SECRET)
NOW = 1_800_000_000
NONCE = "nonce-0123456789"
BODY = b'{"book": 7}'
POST = Message("POST", "https", "API.example.com:443", b"/v1/a%2Fb", b"x=1&x=%20", ((b"content-type", b"application/json"),))
GET = Message("GET", "https", "api.example.com", b"/")


def sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def sent(message: Message, body: bytes = b"") -> Message:
    return replace(message, fields=message.fields + sign_request(message, body, KEY, created=NOW, nonce=NONCE))


def checked(message: Message, body: bytes = b"", now: float = NOW) -> Signed:
    return verify_request(message, KEY.verifier(), sha256(body), now)


def test_what_is_signed_in_full() -> None:
    """Ten parts, each behind its length, and the MAC over them with nothing of ours."""
    expected = (
        b"22:ostiary-hmac-sha256-v14:shop10:180000000016:nonce-01234567894:POST15:api.example.com9:/v1/a%2Fb9:x=1&x=%2016:application/json"
        b"64:" + hashlib.sha256(BODY).hexdigest().encode()
    )
    assert string_to_sign(POST, "shop", str(NOW), NONCE, sha256(BODY)) == expected
    assert dict(sign_request(POST, BODY, KEY, created=NOW, nonce=NONCE)) == {
        b"X-Key-Id": b"shop",
        b"X-Timestamp": b"1800000000",
        b"X-Nonce": b"nonce-0123456789",
        b"X-Signature": hmac.new(SECRET, expected, hashlib.sha256).hexdigest().encode(),
    }


def test_parts_that_are_absent_are_empty() -> None:
    """Query and content type keep their places."""
    assert string_to_sign(GET, "k", "1", NONCE, sha256(b"")).endswith(b"3:GET15:api.example.com1:/0:0:64:" + sha256(b"").hex().encode())


def test_a_signed_request_verifies() -> None:
    """With and without a body; the claimed key is known before."""
    assert presented(sent(POST, BODY)) == "shop"
    signed = checked(sent(POST, BODY), BODY)
    assert (signed.key_id, signed.nonce, signed.created, signed.remember_until, signed.digests) == ("shop", NONCE, NOW, NOW + 330, {})
    assert checked(sent(GET)).nonce == NONCE
    assert presented(GET) is None


PIECES = st.text("ab0123456789:%", max_size=6).map(str.encode)
PARTS = st.tuples(*[PIECES] * 4)


@settings(deadline=None)
@given(PARTS, PARTS)
def test_no_byte_moves_from_one_part_to_the_next(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
    """Two requests have the same bytes to sign exactly when they are the same request."""

    def signed_bytes(path: bytes, query: bytes, kind: bytes, method: bytes) -> bytes:
        # Blanks around a field value are none of it.
        message = Message(method.decode("latin-1"), "https", "h", path, query, ((b"Content-Type", b"x" + kind + b"x"),))
        return string_to_sign(message, "k", "1", NONCE, sha256(b""))

    assert (signed_bytes(*one) == signed_bytes(*other)) == (one == other)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"authority": "api.example.org"},
        {"authority": "api.example.com:80"},
        {"scheme": "http"},
        {"path": b"/v1/a/b"},
        {"path": b"/v1/a%2fb"},
        {"query": b"x=%20&x=1"},
        {"query": b"x=1&x=+"},
        {"path": b"/v1/a%2Fb?x=1&x=%20", "query": b""},
    ],
    ids=str,
)
def test_no_part_of_the_request_can_change(changes: dict[str, Any]) -> None:
    """Nothing is decoded or sorted; the port of another scheme is another authority."""
    with pytest.raises(BadSignature) as refused:
        checked(replace(sent(POST, BODY), **changes), BODY)
    assert refused.value.reason is SignatureReason.WRONG


@settings(deadline=None)
@given(st.binary(max_size=20))
def test_no_other_body_passes(body: bytes) -> None:
    """Exactly the one that was signed."""
    if body == BODY:
        checked(sent(POST, BODY), body)
        return
    with pytest.raises(BadSignature) as refused:
        checked(sent(POST, BODY), body)
    assert refused.value.reason is SignatureReason.WRONG


def changed(message: Message, name: bytes, *values: bytes) -> Message:
    kept = tuple(line for line in message.fields if line[0] != name)
    return replace(message, fields=(*kept, *((name, value) for value in values)))


@pytest.mark.parametrize("name", [b"X-Key-Id", b"X-Timestamp", b"X-Nonce", b"X-Signature", b"content-type"])
def test_every_bit_of_every_header_counts(name: bytes) -> None:
    """Turned anywhere it is refused, as malformed, stale, or wrong."""
    right = sent(POST, BODY)
    value = dict(right.fields)[name]
    for at in range(len(value)):
        for bit in range(8):
            turned = value[:at] + bytes([value[at] ^ (1 << bit)]) + value[at + 1 :]
            with pytest.raises(BadSignature):
                checked(changed(right, name, turned), BODY)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (b"X-Key-Id", ()), (b"X-Timestamp", ()), (b"X-Nonce", ()), (b"X-Signature", (b"0" * 64, b"0" * 64)), (b"X-Nonce", (b"n" * 16, b"n" * 16)),
        (b"X-Key-Id", (b"",)), (b"X-Key-Id", (b"a b",)), (b"X-Key-Id", (b"\xe4",)), (b"X-Key-Id", (b"k" * 129,)),
        (b"X-Timestamp", (b"01800000000",)), (b"X-Timestamp", (b"+1800000000",)), (b"X-Timestamp", (b"1800000000.0",)), (b"X-Timestamp", (b"1_800_000_000",)),
        (b"X-Timestamp", (b"0",)), (b"X-Timestamp", (b"",)), (b"X-Timestamp", ("١٢".encode(),)), (b"X-Timestamp", (b"1" * 13,)),
        (b"X-Nonce", (b"short",)), (b"X-Nonce", (b"n" * 65,)), (b"X-Nonce", (b"n" * 15 + b"+",)),
        (b"X-Signature", (b"",)), (b"X-Signature", (b"0" * 63,)), (b"X-Signature", (b"0" * 65,)), (b"X-Signature", (b"G" * 64,)), (b"X-Signature", (b"A" * 64,)),
        (b"content-type", (b"a/b", b"a/b")),
    ],
)  # fmt: skip
def test_headers_have_a_form(name: bytes, values: tuple[bytes, ...]) -> None:
    """Once each, and in one way to write them."""
    with pytest.raises(BadSignature) as refused:
        checked(changed(sent(POST, BODY), name, *values), BODY)
    assert refused.value.reason is SignatureReason.MALFORMED


@pytest.mark.parametrize(
    ("now", "reason"), [(NOW + 300, None), (NOW + 301, SignatureReason.STALE), (NOW - 30, None), (NOW - 31, SignatureReason.FUTURE)]
)
def test_freshness(now: int, reason: SignatureReason | None) -> None:
    """The same window as for every signature."""
    if reason is None:
        checked(sent(GET), now=now)
        return
    with pytest.raises(BadSignature) as refused:
        checked(sent(GET), now=now)
    assert refused.value.reason is reason


def test_only_shared_secrets() -> None:
    """A pair of keys has no place here, and another secret or name does not verify."""
    pair = SignKey.ed25519("shop", SECRET)
    with pytest.raises(UsageError, match="shared secret"):
        sign_request(GET, b"", pair, created=NOW, nonce=NONCE)
    with pytest.raises(UsageError, match="shared secret"):
        verify_request(sent(GET), pair.verifier(), sha256(b""), NOW)
    for other in (SignKey.hmac("shop", bytes(32)), SignKey.hmac("else", SECRET)):
        with pytest.raises(BadSignature) as refused:
            verify_request(sent(GET), other.verifier(), sha256(b""), NOW)
        assert refused.value.reason is SignatureReason.WRONG


@pytest.mark.parametrize(("created", "nonce"), [(0, NONCE), (-1, NONCE), (10**12, NONCE), (NOW, "short"), (NOW, "n" * 15 + "é")])
def test_what_cannot_be_signed_says_so(created: int, nonce: str) -> None:
    """A time or a nonce that no server would take, and a request with two types."""
    with pytest.raises(UsageError):
        sign_request(GET, b"", KEY, created=created, nonce=nonce)
    with pytest.raises(UsageError, match="Content-Type"):
        sign_request(replace(POST, fields=POST.fields * 2), b"", KEY, created=NOW, nonce=NONCE)
    with pytest.raises(UsageError, match="ASCII"):
        sign_request(replace(POST, method="GÉT"), b"", KEY, created=NOW, nonce=NONCE)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"X-Key-Id", b"X-Timestamp", b"X-NONCE", b"X-Signature", b"content-type"]), st.binary(max_size=70)),
        max_size=6,
    ),
    st.text(max_size=6),
    st.text(max_size=6),
)
def test_junk_raises_nothing_but_bad_signature(lines: list[tuple[bytes, bytes]], method: str, authority: str) -> None:
    """Arbitrary headers, methods and hosts are refused."""
    message = Message(method, "https", authority, b"/", b"", tuple(lines))
    with pytest.raises(BadSignature):
        verify_request(message, KEY.verifier(), sha256(b""), NOW)
    right = replace(sent(GET), method=method, authority=authority)
    if (method, authority.lower().removesuffix(":443")) == ("GET", "api.example.com"):
        return
    with pytest.raises(BadSignature):
        checked(right)


@settings(deadline=None)
@given(st.text(max_size=20).map(lambda text: "/" + text.replace("\\", "")))
def test_a_decoded_path_comes_back_as_a_plain_client_writes_it(path: str) -> None:
    """It decodes to the same, is ASCII, and writing it again changes nothing."""
    try:
        decoded = path.encode()
    except UnicodeEncodeError:
        return
    written = path_as_sent(decoded)
    assert written.isascii()
    assert unquote_to_bytes(written) == decoded
    assert path_as_sent(unquote_to_bytes(written)) == written


def test_the_characters_of_a_decoded_path() -> None:
    """Those of RFC 3986's pchar and the slash stay, others are escaped in upper case."""
    assert (
        path_as_sent(b"/aZ09-._~!$&'()*+,;=:@ %?#[]\"<>^`{|}\x7f") == b"/aZ09-._~!$&'()*+,;=:@%20%25%3F%23%5B%5D%22%3C%3E%5E%60%7B%7C%7D%7F"
    )
    assert path_as_sent("/é".encode()) == b"/%C3%A9"


@pytest.mark.parametrize("sent_as", [b"/a%2Fb", b"/a%2fb", b"/a%5Cb", b"/a%5cb", b"/a\\b", b"/%FF", b"/%C3", b"/%ED%A0%80"])
def test_a_path_that_decoding_has_changed_is_refused(sent_as: bytes) -> None:
    """``%2F``, ``%5C`` and invalid UTF-8 are never guessed: a request that was signed with one does not verify without a raw path."""
    message = replace(GET, path=sent_as)
    right = sent(message)
    checked(right)
    with pytest.raises(BadSignature):
        checked(replace(right, path=path_as_sent(unquote_to_bytes(sent_as))))
