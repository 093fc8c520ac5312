"""Signed answers: nothing of them can change, and none fits another request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import signature
from ostiary.wire.digest import content_digest
from ostiary.wire.fields import InnerList, Item
from ostiary.wire.message import Message
from ostiary.wire.signed_request import sign_request
from ostiary.wire.signed_response import required, sign_response, verified_response
from ostiary.wire.signing_key import SignKey

KEY = SignKey.hmac("server", b"0123456789abcdef0123456789abcdef")
CLIENT = SignKey.hmac("shop", b"fedcba9876543210fedcba9876543210")
NOW = 1_800_000_000
CONTENT = b'{"ordered": true}'
PLAIN = Message("POST", "https", "api.example.com", b"/v1/orders", b"a=1", ((b"Content-Type", b"application/json"),))


def request(nonce: str = "nonce-0123456789") -> Message:
    return replace(PLAIN, fields=PLAIN.fields + sign_request(PLAIN, b"{}", CLIENT, created=NOW, nonce=nonce))


def answer(asked: Message, content: bytes = CONTENT, **how: Any) -> Message:
    bare = Message(status=201, fields=((b"Content-Type", b"application/json"),), request=asked)
    return replace(bare, fields=bare.fields + sign_response(bare, content, KEY, created=NOW, **how))


@pytest.mark.parametrize("asked", [PLAIN, request()], ids=["unsigned", "signed"])
@pytest.mark.parametrize("content", [CONTENT, b""])
@pytest.mark.parametrize("digest", ["sha-256", "sha-512"])
def test_a_signed_answer_verifies(asked: Message, content: bytes, digest: str) -> None:
    """To a signed and to an unsigned request, with and without content."""
    assert verified_response(answer(asked, content, digest=digest), content, KEY.verifier(), NOW) == content


def test_a_digest_that_is_there_is_replaced() -> None:
    """One line, of the content that is sent."""
    bare = Message(status=200, fields=((b"Content-Digest", content_digest(b"old")), (b"X", b"1")), request=PLAIN)
    lines = sign_response(bare, CONTENT, KEY, created=NOW)
    assert verified_response(replace(bare, fields=(*bare.fields[1:], *lines)), CONTENT, KEY.verifier(), NOW) == CONTENT


def test_what_is_covered() -> None:
    """In full."""
    (inputs,) = answer(request()).values("signature-input")
    assert inputs.decode() == (
        'ostiary=("@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "@query";req "signature";req)'
        ';created=1800000000;keyid="server";tag="ostiary"'
    )


@pytest.mark.parametrize(
    "changes",
    [{"method": "PUT"}, {"authority": "h"}, {"path": b"/v1/other"}, {"query": b"a=2"}, {"fields": request("nonce-another-012").fields}],
    ids=str,
)
def test_it_fits_no_other_request(changes: dict[str, Any]) -> None:
    """Nor the same one that was signed a second time."""
    right = answer(request())
    with pytest.raises(BadSignature) as refused:
        verified_response(replace(right, request=replace(request(), **changes)), CONTENT, KEY.verifier(), NOW)
    assert refused.value.reason is SignatureReason.WRONG


def test_an_answer_to_an_unsigned_request_does_not_answer_a_signed_one() -> None:
    """The signature of the request is missing in it."""
    with pytest.raises(BadSignature, match="signature lacks signature") as refused:
        verified_response(replace(answer(PLAIN), request=request()), CONTENT, KEY.verifier(), NOW)
    assert refused.value.reason is SignatureReason.INCOMPLETE


def test_status_type_and_content_cannot_change() -> None:
    """Each is bound."""
    right = answer(request())
    rest = right.fields[1:]
    for changed in (replace(right, status=200), replace(right, fields=((b"Content-Type", b"text/html"), *rest))):
        with pytest.raises(BadSignature) as refused:
            verified_response(changed, CONTENT, KEY.verifier(), NOW)
        assert refused.value.reason is SignatureReason.WRONG
    with pytest.raises(BadSignature) as refused:
        verified_response(right, CONTENT + b" ", KEY.verifier(), NOW)
    assert refused.value.reason is SignatureReason.DIGEST


def test_a_type_that_was_added_is_refused() -> None:
    """An answer without one does not cover it; two of them are refused."""
    bare = Message(status=204, request=PLAIN)
    signed = replace(bare, fields=sign_response(bare, b"", KEY, created=NOW))
    assert verified_response(signed, b"", KEY.verifier(), NOW) == b""
    with pytest.raises(BadSignature, match="content-type"):
        verified_response(replace(signed, fields=(*signed.fields, (b"Content-Type", b"text/html"))), b"", KEY.verifier(), NOW)
    once = replace(bare, fields=((b"Content-Type", b"a/b, c/d"),))
    lines = sign_response(once, b"", KEY, created=NOW)
    assert verified_response(replace(once, fields=once.fields + lines), b"", KEY.verifier(), NOW) == b""
    twice = ((b"Content-Type", b"a/b"), (b"Content-Type", b"c/d"))
    with pytest.raises(BadSignature, match="2 times"):
        verified_response(replace(once, fields=twice + lines), b"", KEY.verifier(), NOW)


@pytest.mark.parametrize("left_out", range(8))
def test_each_component_is_needed(left_out: int) -> None:
    """A signature that leaves one out is right, and not enough; so is one without its time."""
    bare = Message(
        status=201, fields=((b"Content-Type", b"application/json"), (b"Content-Digest", content_digest(CONTENT))), request=request()
    )
    needed = required(bare)
    assert len(needed) == 8
    kept = (*needed[:left_out], *needed[left_out + 1 :])
    for items, parameters in ((kept, (("created", NOW), ("tag", "ostiary"))), (needed, (("tag", "ostiary"),))):
        made = signature.signed(bare, KEY, InnerList(items, parameters), "ostiary")
        inputs, values = signature.field_values([made])
        signed = replace(bare, fields=(*bare.fields, (b"Signature-Input", inputs), (b"Signature", values)))
        said = "created" if items == needed else str(needed[left_out].value)
        with pytest.raises(BadSignature, match=f"lacks {said}$") as refused:
            verified_response(signed, CONTENT, KEY.verifier(), NOW)
        assert refused.value.reason is SignatureReason.INCOMPLETE


@pytest.mark.parametrize(
    ("now", "reason"), [(NOW + 300, None), (NOW + 301, SignatureReason.STALE), (NOW - 30, None), (NOW - 31, SignatureReason.FUTURE)]
)
def test_freshness(now: int, reason: SignatureReason | None) -> None:
    """The same window as for requests; ``expires`` is honoured."""
    if reason is None:
        assert verified_response(answer(PLAIN), CONTENT, KEY.verifier(), now) == CONTENT
        return
    with pytest.raises(BadSignature) as refused:
        verified_response(answer(PLAIN), CONTENT, KEY.verifier(), now)
    assert refused.value.reason is reason


def test_an_expired_answer_is_refused() -> None:
    """When the server said until when."""
    bare = Message(status=201, fields=((b"Content-Digest", content_digest(CONTENT)),), request=PLAIN)
    made = signature.signed(bare, KEY, InnerList(required(bare), (("created", NOW), ("expires", NOW + 5), ("tag", "ostiary"))), "x")
    inputs, values = signature.field_values([made])
    signed = replace(bare, fields=(*bare.fields, (b"Signature-Input", inputs), (b"Signature", values)))
    assert verified_response(signed, CONTENT, KEY.verifier(), NOW + 4) == CONTENT
    with pytest.raises(BadSignature) as refused:
        verified_response(signed, CONTENT, KEY.verifier(), NOW + 5)
    assert refused.value.reason is SignatureReason.EXPIRED


def test_an_unsigned_answer_and_another_key_are_refused() -> None:
    """A stripped signature is no way around."""
    right = answer(PLAIN)
    with pytest.raises(BadSignature) as refused:
        verified_response(replace(right, fields=right.fields[:2]), CONTENT, KEY.verifier(), NOW)
    assert refused.value.reason is SignatureReason.INCOMPLETE
    with pytest.raises(BadSignature) as refused:
        verified_response(right, CONTENT, SignKey.hmac("server", bytes(32)).verifier(), NOW)
    assert refused.value.reason is SignatureReason.WRONG


def test_a_request_is_no_answer() -> None:
    """Its own mistakes are said to whoever signs."""
    for message in (PLAIN, Message(status=200), replace(PLAIN, request=PLAIN)):
        with pytest.raises(UsageError):
            sign_response(message, b"", KEY, created=NOW)
    odd = Message(status=200, request=replace(PLAIN, path=b"/\xff"))
    with pytest.raises(UsageError, match="cannot be signed"):
        sign_response(odd, b"", KEY, created=NOW)


def test_the_signature_of_a_request_proves_no_answer() -> None:
    """With one shared secret on both sides, what the client sent cannot come back as an answer."""
    asked = request()
    reflected = Message(status=200, fields=asked.fields, request=asked)
    with pytest.raises(BadSignature):
        verified_response(reflected, b"{}", CLIENT.verifier(), NOW)
    assert Item("@status") in required(reflected)
