"""The profile of RFC 9421 for requests: what has to be covered, which signature is ours, and that no covered byte can change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signature
from ostiary.wire.digest import ContentCheck, content_digest
from ostiary.wire.fields import Bare, InnerList, Item, parse_dictionary
from ostiary.wire.message import Message
from ostiary.wire.signature import components
from ostiary.wire.signed_request import accept_signature, key_id, presented, required, sign_request, verify_request
from ostiary.wire.signing_key import SignKey

KEY = SignKey.hmac("shop", b"0123456789abcdef0123456789abcdef")
NOW = 1_800_000_000
NONCE = "nonce-0123456789"
BODY = b'{"book": 7}'
POST = Message(
    "POST", "https", "api.example.com", b"/v1/orders%2F7", b"a=1&b=%20", ((b"Content-Type", b"application/json"), (b"X-More", b"1"))
)
GET = Message("GET", "https", "api.example.com", b"/v1/orders")
COVERED = ("@method", "@authority", "@path", "@query", "content-digest", "content-type")
PARAMETERS: dict[str, Bare] = {"created": NOW, "nonce": NONCE, "keyid": "shop", "tag": "ostiary"}


def with_lines(message: Message, lines: tuple[tuple[bytes, bytes], ...]) -> Message:
    names = {name.lower() for name, _ in lines}
    return replace(message, fields=tuple(one for one in message.fields if one[0].lower() not in names) + lines)


def sent(message: Message, body: bytes = b"", **how: Any) -> Message:
    return with_lines(message, sign_request(message, body, KEY, **{"created": NOW, "nonce": NONCE, **how}))


def made(message: Message, covered: tuple[str | Item, ...] = COVERED, label: str = "ostiary", **parameters: Bare | None) -> Message:
    """Signed as a client of another maker might, in its own order."""
    said = tuple((name, value) for name, value in {**PARAMETERS, **parameters}.items() if value is not None)
    items = tuple(one if isinstance(one, Item) else Item(one) for one in covered)
    one = signature.signed(message, KEY, InnerList(items, said), label)
    kept = signature.signatures(message)
    inputs, values = signature.field_values([*kept, one])
    return with_lines(message, ((b"Signature-Input", inputs), (b"Signature", values)))


class NotOurs(Exception):
    """No signature with our tag."""


def checked(message: Message, body: bytes = b"", now: float = NOW, **how: Any) -> Any:
    """What a server does with head and body."""
    found = presented(message)
    if found is None:
        raise NotOurs
    if key_id(found) != "shop":
        raise BadSignature(SignatureReason.WRONG, "no such key")
    signed = verify_request(message, found, KEY.verifier(), now, body=bool(body), **how)
    if signed.digests:
        check = ContentCheck(signed.digests)
        check.update(body)
        check.finish()
    return signed


WITH_BODY = with_lines(POST, ((b"Content-Digest", content_digest(BODY)),))


@pytest.mark.parametrize("digest", ["sha-256", "sha-512"])
def test_a_signed_request_verifies(digest: str) -> None:
    """With a body, either digest; what is left to remember is told."""
    signed = checked(sent(POST, BODY, digest=digest), BODY)
    assert (signed.key_id, signed.nonce, signed.created, signed.remember_until) == ("shop", NONCE, NOW, NOW + 330)
    assert list(signed.digests) == [digest]


def test_without_a_body_there_is_no_digest() -> None:
    """Nothing to hash, nothing to cover."""
    message = sent(GET)
    assert [name for name, _ in message.fields] == [b"Signature-Input", b"Signature"]
    assert checked(message).digests == {}


def test_the_wire_form() -> None:
    """What stands in Signature-Input, in full."""
    (_, (_, inputs), _) = sign_request(POST, BODY, KEY, created=NOW, nonce=NONCE, expires=NOW + 60, more=["x-more"])
    assert inputs.decode() == (
        'ostiary=("@method" "@authority" "@path" "@query" "content-digest" "content-type" "x-more")'
        ';created=1800000000;expires=1800000060;nonce="nonce-0123456789";keyid="shop";tag="ostiary"'
    )


CHANGES: list[dict[str, Any]] = [
    {"method": "PUT"},
    {"method": "post"},
    {"authority": "api.example.org"},
    {"authority": "api.example.com:8443"},
    {"scheme": "http", "authority": "api.example.com:443"},
    {"path": b"/v1/orders/7"},
    {"path": b"/v1/orders%2f7"},
    {"path": b"/v1/orders%2F7/"},
    {"path": b"//v1/orders%2F7"},
    {"query": b"b=%20&a=1"},
    {"query": b"a=1&b=+"},
    {"query": b""},
    {"query": b"a=1&b=%20&c"},
]


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_no_part_of_the_request_line_can_change(changes: dict[str, Any]) -> None:
    """Method, authority, path and query are bound as they are on the wire: not decoded, not sorted."""
    with pytest.raises(BadSignature) as refused:
        checked(replace(sent(POST, BODY), **changes), BODY)
    assert refused.value.reason is SignatureReason.WRONG


@pytest.mark.parametrize(
    "line", [(b"Content-Type", b"text/plain"), (b"Content-Digest", content_digest(b"else")), (b"X-More", b"2")], ids=str
)
def test_no_covered_field_can_change(line: tuple[bytes, bytes]) -> None:
    """Nor one that the signer added."""
    with pytest.raises(BadSignature) as refused:
        checked(with_lines(sent(POST, BODY, more=["x-more"]), (line,)), BODY)
    assert refused.value.reason is SignatureReason.WRONG


@settings(deadline=None)
@given(st.binary(max_size=30))
def test_no_other_body_passes(body: bytes) -> None:
    """A request passes exactly with the body that was signed; without one, too, it is refused."""
    if body == BODY:
        checked(sent(POST, BODY), body)
        return
    with pytest.raises(BadSignature) as refused:
        checked(sent(POST, BODY), body)
    assert refused.value.reason is SignatureReason.DIGEST


def test_a_body_that_was_added_is_refused() -> None:
    """The signature of a request without a body does not cover one."""
    message = with_lines(sent(GET), ((b"Content-Type", b"application/json"), (b"Content-Digest", content_digest(BODY))))
    with pytest.raises(BadSignature) as refused:
        checked(message, BODY)
    assert refused.value.reason is SignatureReason.INCOMPLETE


@pytest.mark.parametrize("left_out", COVERED)
def test_each_component_is_needed(left_out: str) -> None:
    """A signature that leaves one out is right, and not enough."""
    covered = tuple(name for name in COVERED if name != left_out)
    checked(made(WITH_BODY), BODY)
    with pytest.raises(BadSignature, match=left_out) as refused:
        checked(made(WITH_BODY, covered), BODY)
    assert refused.value.reason is SignatureReason.INCOMPLETE


@pytest.mark.parametrize(
    "instead",
    [Item("content-digest", (("key", "sha-256"),)), Item("content-digest", (("bs", True),)), Item("@query-param", (("name", "a"),))],
)
def test_a_part_of_a_component_is_not_the_component(instead: Item) -> None:
    """A parameter makes it another one."""
    covered = tuple(name for name in COVERED if name not in (instead.value, "@query" if instead.value == "@query-param" else ""))
    with pytest.raises(BadSignature) as refused:
        checked(made(WITH_BODY, (*covered, instead)), BODY)
    assert refused.value.reason is SignatureReason.INCOMPLETE


@pytest.mark.parametrize("left_out", ["created", "nonce", "keyid"])
def test_each_parameter_is_needed(left_out: str) -> None:
    """When, which time, which key."""
    message = made(WITH_BODY, **{left_out: None})
    found = presented(message)
    assert found is not None
    with pytest.raises(BadSignature, match=left_out) as refused:
        verify_request(message, found, KEY.verifier(), NOW, body=True)
    assert refused.value.reason is SignatureReason.INCOMPLETE


def test_a_signature_without_keyid_names_no_key() -> None:
    """There is nothing to look up."""
    found = presented(made(WITH_BODY, keyid=None))
    assert found is not None
    with pytest.raises(BadSignature) as refused:
        key_id(found)
    assert refused.value.reason is SignatureReason.INCOMPLETE


def test_a_policy_adds_and_never_drops() -> None:
    """What it names is needed besides; naming what is needed anyway changes nothing."""
    assert required(body=True, more=["x-more", "@method"]) == (*COVERED, "x-more")
    assert required(body=False) == COVERED[:4]
    checked(sent(POST, BODY, more=["x-more"]), BODY, more=["x-more"])
    with pytest.raises(BadSignature, match="x-more"):
        checked(sent(POST, BODY), BODY, more=["x-more"])


def test_order_and_more_components_are_the_signers() -> None:
    """Another order, another label, and more than we ask for."""
    extra = (Item("@query-param", (("name", "a"),)), *reversed(COVERED), "x-more", "@target-uri")
    assert checked(made(WITH_BODY, extra, label="sig1"), BODY).nonce == NONCE


@pytest.mark.parametrize(
    ("now", "expires", "reason"),
    [
        (NOW + 300, None, None),
        (NOW + 301, None, SignatureReason.STALE),
        (NOW - 30, None, None),
        (NOW - 31, None, SignatureReason.FUTURE),
        (NOW + 59, NOW + 60, None),
        (NOW + 60, NOW + 60, SignatureReason.EXPIRED),
    ],
)
def test_freshness(now: int, expires: int | None, reason: SignatureReason | None) -> None:
    """The window, the skew and ``expires``, each with a reason of its own."""
    message = sent(GET, expires=expires)
    if reason is None:
        checked(message, now=now)
        return
    with pytest.raises(BadSignature) as refused:
        checked(message, now=now)
    assert refused.value.reason is reason


def test_two_signatures_for_us_are_refused() -> None:
    """Also when both are right: which of them counts would be a guess."""
    twice = made(made(WITH_BODY, label="a"), label="b")
    with pytest.raises(BadSignature) as refused:
        presented(twice)
    assert refused.value.reason is SignatureReason.SEVERAL


def test_signatures_of_others_are_left_alone() -> None:
    """They are none of ours, and ours is found among them; signing again replaces ours and keeps theirs."""
    theirs = made(WITH_BODY, ("@method",), label="proxy", tag="proxy")
    assert presented(theirs) is None
    both = sent(theirs, BODY)
    assert checked(both, BODY).key_id == "shop"
    again = sent(both, BODY, nonce="another-nonce-0123")
    assert [one.label for one in signature.signatures(again)] == ["proxy", "ostiary"]
    assert checked(again, BODY).nonce == "another-nonce-0123"


def test_signing_again_replaces_what_would_collide() -> None:
    """A signature with our tag under another label, and one of somebody else under ours: no two for us, no label twice."""
    ours = made(WITH_BODY, label="sig1")
    assert [one.label for one in signature.signatures(sent(ours, BODY))] == ["ostiary"]
    theirs = made(WITH_BODY, ("@method",), label="ostiary", tag="proxy")
    again = sent(theirs, BODY)
    assert [one.parameter("tag") for one in signature.signatures(again)] == ["ostiary"]
    assert checked(again, BODY).key_id == "shop"


@pytest.mark.parametrize(("name", "value"), [("created", "1"), ("nonce", 1), ("expires", "1"), ("expires", b"")])
def test_types_are_checked_of_signatures_made_by_hand(name: str, value: Bare) -> None:
    """Not only of those that were parsed."""
    right = presented(sent(GET))
    assert right is not None
    parameters = tuple((one, given) for one, given in right.covered.parameters if one != name)
    wrong = replace(right, covered=InnerList(right.covered.items, (*parameters, (name, value))))
    with pytest.raises(BadSignature, match="wrong type"):
        verify_request(sent(GET), wrong, KEY.verifier(), NOW, body=False)


def test_an_unsigned_request_is_not_ours() -> None:
    """None, so that another way to authenticate is tried."""
    assert presented(POST) is None


@pytest.mark.parametrize("nonce", ["", "short-012345678", "x" * 65, "nonce 0123456789", "nonce+0123456789", "nonce-012345678é"])
def test_nonces_have_a_form(nonce: str) -> None:
    """Long enough to be no accident, short enough to be kept."""
    with pytest.raises(UsageError):
        sign_request(GET, b"", KEY, created=NOW, nonce=nonce)
    if nonce.isascii():
        with pytest.raises(BadSignature) as refused:
            checked(made(WITH_BODY, nonce=nonce), BODY)
        assert refused.value.reason is SignatureReason.MALFORMED


def test_two_content_types_are_refused() -> None:
    """Joined they are what was signed; an application reads one of them."""
    message = made(with_lines(WITH_BODY, ((b"Content-Type", b"application/json, text/plain"),)))
    checked(message, BODY)
    halves = tuple((b"Content-Type", half) for half in (b"application/json", b"text/plain"))
    with pytest.raises(BadSignature, match="content-type comes 2 times") as refused:
        checked(with_lines(message, halves), BODY)
    assert refused.value.reason is SignatureReason.MALFORMED


@pytest.mark.parametrize("value", [b"md5=:AAAA:", b"sha-256=1", b"junk=", b"\xff"])
def test_a_digest_that_proves_nothing_is_refused(value: bytes) -> None:
    """Signed or not."""
    message = with_lines(POST, ((b"Content-Digest", value),))
    with pytest.raises(BadSignature) as refused:
        checked(made(message), BODY)
    assert refused.value.reason is SignatureReason.MALFORMED


def test_another_key_is_refused() -> None:
    """Of the same name."""
    message = sent(GET)
    found = presented(message)
    assert found is not None
    with pytest.raises(BadSignature) as refused:
        verify_request(message, found, SignKey.hmac("shop", bytes(32)).verifier(), NOW, body=False)
    assert refused.value.reason is SignatureReason.WRONG


def test_what_cannot_be_signed_says_so() -> None:
    """A body without a type, a field that is not there, a header that is no signature: the caller's mistakes."""
    with pytest.raises(UsageError, match="Content-Type"):
        sign_request(GET, BODY, KEY, created=NOW, nonce=NONCE)
    with pytest.raises(UsageError, match="x-none"):
        sign_request(GET, b"", KEY, created=NOW, nonce=NONCE, more=["x-none"])
    with pytest.raises(UsageError, match="signature-input"):
        sign_request(replace(GET, fields=((b"Signature-Input", b"junk="),)), b"", KEY, created=NOW, nonce=NONCE)


def test_accept_signature_tells_what_is_needed() -> None:
    """A Dictionary with what RFC 9421, Section 5.1, allows."""
    value = accept_signature(body=True, more=["x-more"])
    assert (
        value.decode() == 'ostiary=("@method" "@authority" "@path" "@query" "content-digest" "content-type" "x-more");created;tag="ostiary"'
    )
    member = parse_dictionary(value)["ostiary"]
    assert isinstance(member, InnerList)
    assert member.items == components(*COVERED, "x-more")


JUNK = st.one_of(
    st.binary(max_size=80),
    st.text('sig1=(")@methodauri;:,createdkeyidnonce0 ?', max_size=80).map(str.encode),
    st.sampled_from([line[1] for line in sent(POST, BODY).fields]),
)


@settings(deadline=None, max_examples=400)
@given(JUNK, JUNK, JUNK)
def test_junk_raises_nothing_but_bad_signature(inputs: bytes, values: bytes, digest: bytes) -> None:
    """Arbitrary headers are no signature or a refused one; nothing of it verifies."""
    message = with_lines(POST, ((b"Signature-Input", inputs), (b"Signature", values), (b"Content-Digest", digest)))
    try:
        found = presented(message)
        if found is None:
            return
        key_id(found)
        verify_request(message, found, KEY.verifier(), NOW, body=True)
    except BadSignature:
        return
    assert message.fields[1:] == sent(POST, BODY).fields[1:]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_byte_of_the_headers_can_change(data: st.DataObject) -> None:
    """One bit anywhere in Signature-Input, Signature, Content-Digest or Content-Type: refused."""
    right = sent(POST, BODY)
    place = data.draw(st.sampled_from([at for at, (name, _) in enumerate(right.fields) if name != b"X-More"]))
    name, value = right.fields[place]
    at, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
    changed = value[:at] + bytes([value[at] ^ (1 << bit)]) + value[at + 1 :]
    message = replace(right, fields=(*right.fields[:place], (name, changed), *right.fields[place + 1 :]))
    # With another tag it is somebody else's, and the request is not signed.
    with pytest.raises((BadSignature, NotOurs)):
        checked(message, BODY)
