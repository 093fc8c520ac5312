"""Whatever a stranger writes into headers and content: an answer or the one documented refusal, in linear time."""

from __future__ import annotations

import base64
import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature, ConfigError
from ostiary.guard import cors, csrf, network, transport
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.certificate import ClientCertificate
from ostiary.guard.authn.presented import FORM, Malformed, in_query, presented
from ostiary.guard.authn.tickets import Tickets
from ostiary.guard.intake import _content_type
from ostiary.guard.network import Networks, Trust
from ostiary.guard.pathtrie import PathTrie
from ostiary.guard.pepper import parse as pepper
from ostiary.guard.readings import readings
from ostiary.guard.request import Request
from ostiary.guard.stores.memory_nonces import MemoryNonces
from ostiary.model import limit, policyfile, toml_lines
from ostiary.model.limit import LimitError
from ostiary.wire import apikey, signed_request, simple_signature, strict_json
from ostiary.wire.fields import parse_dictionary
from ostiary.wire.message import Message
from ostiary.wire.signature import signature_base, signatures

PROXY = "10.0.0.9"
SIZE = 100_000
CPU_SECONDS = 30
NOW = 1_800_000_000.0
TRUSTS = [Trust(hops=1), Trust(hops=1, standard=True), Trust(networks=Networks(["10.0.0.0/8"]), standard=True)]
# What headers are made of, so that they nearly mean something.
PIECES = st.sampled_from(
    [*'",;=:.[]\\ \t%-_/*()?&', "for", "proto", "host", "127.0.0.1", "[::1]:8", "https", "é", "\x00", "a", "bearer", "Basic YTpi"]
)
LINES = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(st.characters(max_codepoint=255), max_size=60))

# On a busy machine the first of many may take long; that nothing takes long is what the last test is about.
unhurried = settings(deadline=None)


class Call(Request):
    """A call with these headers."""

    def __init__(self, query: str = "", path: str = "/", **headers: str | list[str]) -> None:
        super().__init__("POST", path, query, PROXY, "http", "api.example.test", 0.0)
        self.lines = {name.replace("_", "-"): [line] if isinstance(line, str) else line for name, line in headers.items()}

    def header(self, name: str) -> tuple[str, ...]:
        return tuple(self.lines.get(name, ()))


def tickets() -> Tickets:
    return Tickets(pepper("a pepper that is used by nobody else", "test"), {}, lambda: NOW, MemoryNonces)


def proved(text: str) -> Any:
    """What a ticket proves, as far as no store is asked."""
    try:
        next(tickets().prove(Call(), text, NOW))
    except StopIteration as stop:
        return stop.value
    return None


@unhurried
@given(st.lists(LINES, max_size=3), st.sampled_from(TRUSTS))
def test_forwarding_headers_give_an_address_or_change_nothing(lines: list[str], trusted: Trust) -> None:
    """The client's address is one in its normal form, the scheme one that we know, whatever was written."""
    call = Call(forwarded=lines, x_forwarded_for=lines, x_forwarded_proto=lines, x_forwarded_host=lines)
    network.resolve(call, trusted)
    assert call.address == str(ip_address(call.address))
    assert call.scheme in ("http", "https", "ws", "wss")
    assert call.secure is (call.scheme in ("https", "wss"))


@unhurried
@given(LINES, st.sampled_from(["203.0.113.7", '"203.0.113.7:4711"', '"[2001:db8::7]"', '"[2001:db8::7]:4711"']), st.booleans())
@example('for=6.6.6.6;x="', '"[2001:db8::7]:4711"', False)
@example("for=6.6.6.6;x=\\", "203.0.113.7", True)
def test_what_a_stranger_writes_takes_nothing_from_our_proxy(stranger: str, told: str, proto: bool) -> None:
    """Open quotes, backslashes, separators before it: the element that our own proxy has added is read as it stands (RFC 7239)."""
    call = Call(forwarded=f"{stranger}, for={told}" + (";proto=https" if proto else ""))
    network.resolve(call, Trust(hops=1, standard=True))
    assert call.address == ("2001:db8::7" if "2001" in told else "203.0.113.7")
    assert call.secure is proto


@unhurried
@given(st.lists(LINES, max_size=2), st.lists(LINES, max_size=2))
def test_a_credential_is_one_text_of_a_known_form_or_none(keys: list[str], authorization: list[str]) -> None:
    """ "" when there is none, Malformed for what no honest client sends."""
    try:
        found = presented(Call(x_api_key=keys, authorization=authorization), "x-api-key")
    except Malformed:
        return
    assert found == "" or FORM.fullmatch(found)


@unhurried
@given(LINES)
def test_basic_is_a_name_and_a_key_or_malformed(line: str) -> None:
    """Base64 or not."""
    try:
        found = Basic().find(Call(authorization=f"Basic {line}"), Trust())
    except Malformed:
        return
    assert found == "" or FORM.fullmatch(found.partition(":")[2])


@unhurried
@given(LINES | st.from_regex(r"\Aostt_[A-Za-z0-9_-]{1,20}\.[A-Za-z0-9_-]{43}\Z"))
def test_no_text_is_a_ticket_of_ours(text: str) -> None:
    """A query with it is read or Malformed, and nothing of it proves anybody."""
    with contextlib.suppress(Malformed, ValueError):
        tickets().find(Call(query=f"ticket={text}"), Trust())
    assert proved(text).reason == "ticket_unknown"


@unhurried
@given(st.one_of(LINES, st.binary(max_size=60).map(lambda data: f":{base64.b64encode(data).decode()}:")))
def test_no_text_is_a_certificate(text: str) -> None:
    """RFC 8941 bytes or not, DER or not."""
    with pytest.raises(StopIteration) as stopped:
        next(ClientCertificate({"sha256:" + "0" * 64: []}).prove(Call(), text, NOW))
    assert stopped.value.value.reason == "certificate_form"


@unhurried
@given(st.lists(LINES, max_size=3), LINES, st.booleans())
def test_no_text_stands_for_a_csrf_token(cookies: list[str], token: str, encrypted: bool) -> None:
    """Not even one that is the same in cookie and header: it has to carry our seal."""
    call = Call(cookie=[*cookies, f"ostiary-csrf={token}; __Host-ostiary-csrf={token}"], x_csrf_token=token)
    call.secure = encrypted
    assert not csrf.Csrf([], b"k" * 32)._vouched(call)


@unhurried
@given(LINES)
def test_origin_host_media_type_and_query_get_an_answer(line: str) -> None:
    """A line is our own page's origin only where it says so, our host only where it names it, a credential only where it holds one."""
    origin = line.strip().lower()
    assert csrf.Csrf(["https://app.example.com"], b"k" * 32)._forged(Call(origin=line)) is (origin not in ("", "https://app.example.com"))
    assert cors.requested_method(Call(access_control_request_method=line)) == line.strip()
    assert all(isinstance(text, str) for text in _content_type(Call(content_type=line)))
    assert not transport._known(line, frozenset({"api.example.com"})) or transport.name_of(line) == "api.example.com"
    assert in_query(line, frozenset()) is None


@unhurried
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(["5", " per ", "/", "minute", "by", "burst", " ", ";", "-1", "٣", "cost 2"]), max_size=8).map("".join),
    )
)
def test_a_limit_is_read_or_explained(text: str) -> None:
    """LimitError, which quotes it; what is read is written as something that reads the same."""
    try:
        found = limit.parse(text)
    except LimitError:
        return
    assert limit.parse("; ".join(map(str, found))) == found


KEYS = st.sampled_from(
    [
        "path",
        "methods",
        "scopes",
        "any_scopes",
        "limits",
        "public",
        "networks",
        "schemes",
        "signed",
        "cors",
        "max_body",
        "concurrent",
        "monitor",
        "on_outage",
        "distinct",
        "accepts",
        "owner",
    ]
)
VALUES = st.sampled_from(
    [
        '"/a"',
        '"x"',
        "1",
        "-1",
        "true",
        "[]",
        '["a"]',
        "[[]]",
        "{}",
        "{a = 1}",
        "1.5",
        "nan",
        "2026-01-01",
        '"5 per minute"',
        '"\\u0000"',
        "[1]",
        '{origins = ["*"]}',
    ]
)


@unhurried
@given(
    st.one_of(
        st.text(max_size=80),
        st.dictionaries(KEYS, VALUES, max_size=5).map(
            lambda said: "[[policy]]\n" + "".join(f"{key} = {value}\n" for key, value in said.items())
        ),
    )
)
def test_a_policy_file_is_read_or_explained(text: str) -> None:
    """ConfigError, which names the file."""
    with contextlib.suppress(ConfigError):
        assert isinstance(policyfile.parse(text, "ostiary.toml"), tuple)
        return
    with pytest.raises(ConfigError, match=r"ostiary\.toml"):
        policyfile.parse(text, "ostiary.toml")


@unhurried
@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(
            st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"a", b":", b",", b"1", b"\\ud800", b"NaN", b"\xff"]), max_size=40
        ).map(b"".join),
    )
)
def test_strict_json_is_what_json_says_or_a_value_error(data: bytes) -> None:
    """What is taken is what the standard library reads, nested no deeper than said."""
    try:
        found = strict_json.read(data, 3)
    except ValueError:
        return
    assert found == json.loads(data)
    assert deepest(found) <= 3


def deepest(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(deepest, inner), default=0)


def quietly(parser: Callable[[], object]) -> None:
    """Only the documented refusals are refusals."""
    try:
        parser()
    except (Malformed, ValueError, BadSignature, ConfigError, LimitError):
        return
    except Exception as error:
        if type(error).__name__ not in ("BadField", "TokenError"):
            raise


# (what it begins with, what comes again and again).
REPEATS = [
    *[
        ("", piece)
        for piece in ["a", '"', "\\", "a=", " ", ", ", "a,b,", "a;", "%25", "/", "/..", "*", ".", "9", "é", "ost_sk_live_", ",bearer"]
    ],
    *[(begun, '\\"') for begun in ['"', 'a="', 'for="', "[" * 17 + '"']],
    *[("(", '"a" '), ("a=(", '"a" '), ("a=(", " "), ("[", " "), (":", "a"), ("ostt_", "a"), ("a=", "9"), ("x ,", " "), ("1/", " ")],
]


def parsers(text: str) -> list[Callable[[], object]]:
    """Every parser that sees a stranger's bytes, on this text."""
    data = text.encode("latin-1")
    message = Message(query=data, fields=((b"signature-input", data), (b"signature", data), (b"x-signature", data), (b"x", data)))
    call = Call(
        forwarded=text, x_forwarded_for=text, x_api_key=text, authorization=f"Basic {text}", cookie=text, origin=text, content_type=text
    )
    return [
        *(lambda trusted=trusted: network.resolve(call, trusted) for trusted in TRUSTS),
        lambda: presented(call, "x-api-key"),
        lambda: presented(Call(authorization=f"x {text}"), "x-api-key"),
        lambda: Basic().find(call, Trust()),
        lambda: csrf._cookie(call, "ostiary-csrf"),
        lambda: _content_type(call),
        lambda: transport._known(text, frozenset({"api.example.com"})),
        lambda: tickets().find(Call(query=f"ticket={text}"), Trust()),
        lambda: proved(text),
        lambda: in_query(text, frozenset({"token"})),
        lambda: readings("/" + text[:16_384], text[:16_384]),
        lambda: PathTrie(["/*a*a*b"]).find("/" + text),
        lambda: apikey.PATTERN.search(text),
        lambda: apikey.parse(text),
        lambda: parse_dictionary(data),
        lambda: strict_json.read(data),
        lambda: signatures(message),
        lambda: simple_signature.presented(message),
        lambda: limit.parse(text),
        lambda: toml_lines.line_of(text, "policy", "path"),
    ]


def signed_parts() -> None:
    """As many components as fit, each a member of one long field or a parameter of one long query."""
    names = [f"k{number}" for number in range(4_000)]
    for kind in ('"x";key="{}"', '"@query-param";name="{}"'):
        head = b"ostiary=(" + " ".join(kind.format(name) for name in names).encode() + b")"
        fields = ((b"x", ", ".join(names).encode()), (b"signature-input", head), (b"signature", b"ostiary=:AA==:"))
        message = Message(query="&".join(f"{name}=1" for name in names).encode(), fields=fields)
        signature_base(message, signatures(message)[0].covered)
    signed_request.presented(message)


def everything() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    signed_parts()
    for begun, piece in REPEATS:
        text = (begun + piece * (SIZE // len(piece)))[:SIZE]
        for number, parser in enumerate(parsers(text)):
            print(repr(begun), repr(piece), number)
            quietly(parser)
    print("done")


def test_hostile_repeats_cost_linear_time() -> None:
    """100 kB of each of thirty repeats through every parser in half a minute of CPU: one that goes back would take an hour."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from tests.guard import test_hostile_bytes as own; own.everything()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.rpartition("\n")[0].rpartition("\n")[2] == "done", done.stdout[-200:] + done.stderr[-500:]
