"""HTTP Message Signatures against the vectors of RFC 9421 (Appendix B, Section 2.4) and against every small change of them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import BadSignature, SignatureReason
from ostiary.wire import signature, signing_key
from ostiary.wire.fields import InnerList, Item, Token, serialise
from ostiary.wire.message import Message, component
from ostiary.wire.signature import Signature, components, signature_base, signatures, verify
from ostiary.wire.signing_key import Algorithm, SignKey, VerifyKey

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc9421.json").read_text(encoding="utf-8"))
CASES = {case["section"]: case for case in VECTORS["cases"]}


def message_of(name: str) -> Message:
    said = VECTORS["messages"][name]
    request = message_of(said["request"]) if "request" in said else None
    fields = tuple((key.encode(), value.encode()) for key, value in said["fields"])
    return Message(
        said.get("method", ""),
        said.get("scheme", "https"),
        said.get("authority", ""),
        said.get("path", "/").encode(),
        said.get("query", "").encode(),
        fields,
        said.get("status"),
        request,
    )


def key_of(name: str) -> VerifyKey:
    said = VECTORS["keys"][name]
    if "secret" in said:
        return VerifyKey.hmac(name, base64.b64decode(said["secret"]))
    return VerifyKey.from_pem(name, said["public"].encode())


def carried(case: dict[str, Any], message: Message | None = None) -> Message:
    """The message with the two fields of the signature."""
    message = message or message_of(case["message"])
    lines = ((b"Signature-Input", case["signature_input"].encode()), (b"Signature", case["signature"].encode()))
    return replace(message, fields=message.fields + lines)


def given(case: dict[str, Any]) -> Signature:
    (only,) = signatures(carried(case))
    return only


@pytest.mark.parametrize("section", CASES)
def test_the_signature_base_is_the_published_one(section: str) -> None:
    """Byte by byte what the RFC prints."""
    case = CASES[section]
    assert signature_base(carried(case), given(case).covered).decode().split("\n") == case["base"]


@pytest.mark.parametrize("section", CASES)
def test_the_published_signature_verifies(section: str) -> None:
    """With the published key, whose algorithm is the expected one."""
    case = CASES[section]
    key = key_of(case["key"])
    assert key.algorithm.value == VECTORS["keys"][case["key"]]["algorithm"]
    assert verify(carried(case), given(case), key) == given(case)


@pytest.mark.parametrize("section", CASES)
def test_no_bit_of_a_signature_can_be_turned(section: str) -> None:
    """Every single bit counts; so does a byte more or less."""
    case = CASES[section]
    right, key = given(case), key_of(case["key"])
    raw = right.signature
    wrong = [
        bytes(byte ^ (1 << bit) if at == place else byte for place, byte in enumerate(raw)) for at in range(len(raw)) for bit in range(8)
    ]
    for one in [*wrong, raw[:-1], raw + b"\0", b"\0" + raw, b""]:
        with pytest.raises(BadSignature) as refused:
            verify(carried(case), replace(right, signature=one), key)
        assert refused.value.reason is SignatureReason.WRONG


@pytest.mark.parametrize("section", CASES)
def test_no_bit_of_the_base_can_be_turned(section: str) -> None:
    """Every bit of what is signed is bound."""
    case = CASES[section]
    right, key = given(case), key_of(case["key"])
    base = signature_base(carried(case), right.covered)
    for at in range(len(base)):
        for bit in range(8):
            changed = base[:at] + bytes([base[at] ^ (1 << bit)]) + base[at + 1 :]
            with pytest.raises(BadSignature):
                signing_key.verify(key, changed, right.signature)


@pytest.mark.parametrize("section", ["B.2.5", "B.2.6"])
def test_signing_gives_the_published_signature(section: str) -> None:
    """HMAC and Ed25519 have one signature, and we make it."""
    case = CASES[section]
    said = VECTORS["keys"][case["key"]]
    key = (
        SignKey.hmac(case["key"], base64.b64decode(said["secret"]))
        if "secret" in said
        else SignKey.from_pem(case["key"], said["private"].encode())
    )
    made = signature.signed(message_of(case["message"]), key, given(case).covered, given(case).label)
    assert signature.field_values([made]) == (case["signature_input"].encode(), case["signature"].encode())


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"query": b"name1=Value1&Name2=value2&param=added"}, True),
        ({"fields": ((b"Referer", b"https://developer.example.org/demo"), (b"Accept", b"application/json, */*"))}, True),
        ({"fields": ((b"ACCEPT", b" application/json\t"), (b"accept", b"*/*"), (b"Date", b"Fri, 15 Jul 2022 14:24:55 GMT"))}, True),
        ({"authority": "EXAMPLE.org:443"}, True),
        ({"method": "POST", "authority": "example.com"}, False),
        ({"fields": ((b"Accept", b"*/*"), (b"Accept", b"application/json"))}, False),
        ({"path": b"/demo/"}, False),
        ({"method": "get"}, False),
        ({"authority": "example.org:8443"}, False),
    ],
)
def test_what_a_message_may_go_through(changes: dict[str, Any], valid: bool) -> None:
    """The transformations of Appendix B.4: those that keep the meaning keep the signature, the others do not."""
    case = CASES["B.4"]
    message = carried(case, replace(message_of("transformed"), **changes))
    if valid:
        assert verify(message, given(case), key_of(case["key"])) == given(case)
        return
    with pytest.raises(BadSignature):
        verify(message, given(case), key_of(case["key"]))


@pytest.mark.parametrize(
    ("identifier", "value"),
    [
        (Item("host"), b"www.example.com"),
        (Item("x-ows-header"), b"Leading and trailing whitespace."),
        (Item("x-obs-fold-header"), b"Obsolete line folding."),
        (Item("cache-control"), b"max-age=60, must-revalidate"),
        (Item("x-empty-header"), b""),
        (Item("example-dict"), b"a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        (Item("example-dict", (("key", "a"),)), b"1"),
        (Item("example-dict", (("key", "d"),)), b"?1"),
        (Item("example-dict", (("key", "b"),)), b"2;x=1;y=2"),
        (Item("example-dict", (("key", "c"),)), b"(a b c)"),
        (Item("example-header", (("bs", True),)), b":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
        (
            Item("@target-uri"),
            b"https://www.example.com/parameters?"
            + b"var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&qux=",
        ),
        (Item("@scheme"), b"https"),
        (Item("@query-param", (("name", "var"),)), b"this%20is%20a%20big%0Amultiline%20value"),
        (Item("@query-param", (("name", "bar"),)), b"with%20plus%20whitespace"),
        (Item("@query-param", (("name", "fa%C3%A7ade%22%3A%20"),)), b"something"),
        (Item("@query-param", (("name", "qux"),)), b""),
    ],
)
def test_component_values_of_section_2(identifier: Item, value: bytes) -> None:
    """The examples that the RFC gives for fields, dictionary members, binary-wrapped fields, and query parameters."""
    message = Message(
        "GET",
        "https",
        "www.example.com",
        b"/parameters",
        b"var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&qux=",
        (
            (b"Host", b"www.example.com"),
            (b"X-OWS-Header", b"   Leading and trailing whitespace.    "),
            (b"X-Obs-Fold-Header", b"Obsolete\r\n    line folding."),
            (b"Cache-Control", b"max-age=60"),
            (b"Cache-Control", b"    must-revalidate"),
            (b"X-Empty-Header", b" "),
            (b"Example-Dict", b"  a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
            (b"Example-Header", b"value, with, lots"),
            (b"Example-Header", b"of, commas"),
        ),
    )
    assert component(message, identifier) == value


@pytest.mark.parametrize(("path", "query", "values"), [(b"", b"", (b"/", b"?")), (b"/path", b"queryString", (b"/path", b"?queryString"))])
def test_path_and_query_that_are_absent(path: bytes, query: bytes, values: tuple[bytes, bytes]) -> None:
    """No path is ``/``, no query is ``?`` (Sections 2.2.6 and 2.2.7)."""
    message = Message("GET", "https", "www.example.com", path, query)
    assert (component(message, Item("@path")), component(message, Item("@query"))) == values


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        (Item("x-not-sent"), SignatureReason.INCOMPLETE),
        (Item("Content-Type"), SignatureReason.MALFORMED),
        (Item(Token("date")), SignatureReason.MALFORMED),
        (Item(b"date"), SignatureReason.MALFORMED),
        (Item(1), SignatureReason.MALFORMED),
        (Item(""), SignatureReason.MALFORMED),
        (Item("@status"), SignatureReason.MALFORMED),
        (Item("@request-target"), SignatureReason.MALFORMED),
        (Item("@signature-params"), SignatureReason.MALFORMED),
        (Item("@nothing"), SignatureReason.MALFORMED),
        (Item("@method", (("x", True),)), SignatureReason.MALFORMED),
        (Item("@method", (("req", True),)), SignatureReason.MALFORMED),
        (Item("date", (("req", False),)), SignatureReason.MALFORMED),
        (Item("date", (("sf", True),)), SignatureReason.MALFORMED),
        (Item("date", (("tr", True),)), SignatureReason.MALFORMED),
        (Item("date", (("bs", False),)), SignatureReason.MALFORMED),
        (Item("date", (("key", "a"),)), SignatureReason.MALFORMED),
        (Item("content-digest", (("key", "sha-256"),)), SignatureReason.MALFORMED),
        (Item("content-digest", (("key", "sha-512"), ("bs", True))), SignatureReason.MALFORMED),
        (Item("@query-param"), SignatureReason.MALFORMED),
        (Item("@query-param", (("name", "none"),)), SignatureReason.MALFORMED),
        (Item("@query-param", (("name", "Pet"), ("x", True))), SignatureReason.MALFORMED),
    ],
)
def test_what_is_no_component_is_refused(identifier: Item, reason: SignatureReason) -> None:
    """Absent, unknown, in the wrong place or with a parameter that changes nothing we know: refused, never skipped."""
    with pytest.raises(BadSignature) as refused:
        component(message_of("request"), identifier)
    assert refused.value.reason is reason


def test_a_parameter_that_is_there_twice_is_refused() -> None:
    """Which of the two an application reads, nobody knows."""
    message = replace(message_of("request"), query=b"Pet=dog&Pet=cat")
    with pytest.raises(BadSignature, match="2 parameters"):
        component(message, Item("@query-param", (("name", "Pet"),)))


@pytest.mark.parametrize("value", [b"a\nb", b"a\r\nb", b"a\0b", b"a\x7fb", b"\xe4"])
def test_a_value_that_could_add_a_line_is_refused(value: bytes) -> None:
    """Nothing but visible ASCII, blanks and tabs comes into the base."""
    with pytest.raises(BadSignature):
        component(Message("GET", fields=((b"X-Any", value),)), Item("x-any"))


@pytest.mark.parametrize(
    "changes", [{"method": "GET\nX"}, {"method": ""}, {"authority": "a b\n"}, {"path": b"/\n"}, {"path": b"/\xff"}, {"query": b"\xff"}]
)
def test_a_request_line_that_could_add_a_line_is_refused(changes: dict[str, Any]) -> None:
    """The same for what is derived."""
    message = replace(message_of("request"), **changes)
    with pytest.raises(BadSignature):
        signature_base(message, InnerList(components("@method", "@authority", "@path", "@query")))


def test_blanks_and_folds_cost_no_more_than_their_length() -> None:
    """A megabyte of blanks, with and without a line that is folded, is answered at once."""
    blanks = b" " * 1_000_000
    message = Message("GET", fields=((b"X", b"a" + blanks + b"b"), (b"X", b"a" + blanks + b"\r\n" + blanks + b"b")))
    assert message.values("x") == [b"a" + blanks + b"b", b"a b"]


def test_a_component_named_twice_is_refused() -> None:
    """Also when only the order of its parameters differs."""
    twice = (Item("x", (("key", "a"), ("req", True))), Item("x", (("req", True), ("key", "a"))))
    answer = Message(status=200, request=Message("GET", fields=((b"X", b"a=1"),)))
    for items in (components("date", "date"), twice):
        with pytest.raises(BadSignature, match="twice"):
            signature_base(replace(answer, fields=((b"Date", b"now"),)), InnerList(items))


def test_the_request_stays_apart_from_the_answer() -> None:
    """The same field with and without ``req`` are two components."""
    answer = Message(status=200, fields=((b"X", b"2"),), request=Message("GET", fields=((b"X", b"1"),)))
    base = signature_base(answer, InnerList((Item("x"), Item("x", (("req", True),)))))
    assert base.split(b"\n")[:2] == [b'"x": 2', b'"x";req: 1']


@pytest.mark.parametrize(
    ("inputs", "values"),
    [
        ('a=("date")', ""),
        ("", "a=:AA==:"),
        ('a=("date"), b=()', "a=:AA==:"),
        ('a=("date"), a=()', "a=:AA==:"),
        ("a=()", "a=:AA==:, a=:AA==:"),
        ("a=1", "a=:AA==:"),
        ("a", "a=:AA==:"),
        ("a=()", "a=1"),
        ("a=()", "a=(:AA==:)"),
        ("a=(", "a=:AA==:"),
        ("a=();created=1.0", "a=:AA==:"),
        ('a=();created="1"', "a=:AA==:"),
        ("a=();created", "a=:AA==:"),
        ("a=();created=@1", "a=:AA==:"),
        ("a=();keyid=token", "a=:AA==:"),
        ("a=();nonce=1", "a=:AA==:"),
        ("a=();tag=?1", "a=:AA==:"),
        ("a=();expires=:AA==:", "a=:AA==:"),
        ("a=();alg=rsa", "a=:AA==:"),
        ("a=();created=1;created=2", "a=:AA==:"),
    ],
)
def test_malformed_fields_are_refused_whole(inputs: str, values: str) -> None:
    """Labels that do not pair, come twice or are no lists, parameters of another type."""
    with pytest.raises(BadSignature) as refused:
        signatures(Message("GET", fields=((b"Signature-Input", inputs.encode()), (b"Signature", values.encode()))))
    assert refused.value.reason is SignatureReason.MALFORMED


def test_no_signature_is_no_mistake() -> None:
    """A request that is not signed has none; nor has one that is signed by an older scheme."""
    assert signatures(message_of("request")) == ()
    older = (b"Signature", b'keyId="a",algorithm="rsa-sha256",signature="AA=="')
    assert signatures(Message("GET", fields=(older,))) == ()


@pytest.mark.parametrize("said", ['alg="hmac-sha256"', 'alg="none"', 'alg="rsa-v1_5-sha256"', 'keyid="another"'])
def test_the_message_never_chooses_the_algorithm(said: str) -> None:
    """What it says about algorithm or key is compared with the key, and the key decides: a public half is no HMAC secret."""
    key = key_of("test-key-ed25519")
    public = VECTORS["keys"]["test-key-ed25519"]["public"].encode()
    forger = SignKey.hmac(key.id, public)
    name, _, value = said.partition("=")
    covered = InnerList(components("date"), ((name, value.strip('"')),))
    forged = signature.signed(message_of("request"), forger, covered, "a")
    with pytest.raises(BadSignature) as refused:
        verify(message_of("request"), forged, key)
    assert refused.value.reason is SignatureReason.WRONG


@pytest.mark.parametrize(("name", "value"), [("alg", "ed25519"), ("alg", ""), ("keyid", "another"), ("keyid", "")])
def test_a_right_signature_that_names_another_key_or_algorithm_is_refused(name: str, value: str) -> None:
    """What is said and what was done have to be the same (RFC 9421, Section 3.2)."""
    key = SignKey.hmac("k", bytes(32))
    made = signature.signed(message_of("request"), key, InnerList(components("date"), ((name, value),)), "a")
    with pytest.raises(BadSignature, match="another key or algorithm") as refused:
        verify(message_of("request"), made, key.verifier())
    assert refused.value.reason is SignatureReason.WRONG


def test_what_cannot_be_written_cannot_be_signed() -> None:
    """A parameter that no field can hold."""
    with pytest.raises(BadSignature) as refused:
        signature_base(message_of("request"), InnerList(components("date"), (("nonce", "é"),)))
    assert refused.value.reason is SignatureReason.MALFORMED


def test_an_algorithm_that_fits_is_fine() -> None:
    """``alg`` may be there when it says what the key says."""
    key = SignKey.hmac("k", bytes(32))
    covered = InnerList(components("date"), (("alg", Algorithm.HMAC_SHA256.value), ("keyid", "k")))
    made = signature.signed(message_of("request"), key, covered, "a")
    assert verify(message_of("request"), made, key.verifier()) == made


def test_a_signature_shows_no_bytes_of_itself() -> None:
    """Its repr goes to logs."""
    assert "signature=" not in repr(given(CASES["B.2.5"]))
    assert serialise(Item(given(CASES["B.2.5"]).signature)).decode() not in repr(given(CASES["B.2.5"]))
