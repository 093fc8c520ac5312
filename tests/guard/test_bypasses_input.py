"""Ways in, or ways to hold the guard up, that a reviewer found open, by what strangers write: each was seen to work before."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ostiary import flask as flasky
from ostiary.errors import OstiaryError
from ostiary.guard import network
from ostiary.guard.anomaly import Detector, Thresholds
from ostiary.guard.authn.basic import Basic
from ostiary.guard.authn.own import authenticator
from ostiary.guard.body import TOO_SLOW, read_asgi, read_wsgi, unread
from ostiary.guard.core import Core
from ostiary.guard.declare import accepts, require
from ostiary.guard.event import Event
from ostiary.guard.received import asgi_path
from ostiary.guard.settings import Options
from ostiary.guard.tokens import Tokens
from ostiary.wire import strict_json
from tests.guard.sites import HTTPS, PEER, PEPPER, SITES, Site

Make = Callable[..., Site]
ORDERS = "/api/v1/orders"


def seconds(read: Callable[[], object]) -> float:
    """Of this process: others do not count."""
    begun = time.process_time()
    read()
    return time.process_time() - begun


# What takes a stranger a line to write must not take us seconds to read


@pytest.mark.parametrize("end", [b"", b"\\", b'"'])
def test_a_text_that_does_not_end_is_read_once(end: bytes) -> None:
    """Deep enough to be looked at for its depth; 40 KB took seven seconds."""
    text = b"[" * 17 + b'"' + b'\\"' * 20_000 + end

    def read() -> None:
        with pytest.raises(ValueError, match=r"nested|Unterminated|Expecting|Invalid"):
            strict_json.read(text)

    assert seconds(read) < 1.0


class _Call:
    def __init__(self, line: str) -> None:
        self.line = line

    def header(self, name: str) -> tuple[str, ...]:
        return (self.line,) if name == "forwarded" else ()


@pytest.mark.parametrize("line", ["a" * 16_000, '"' + '\\"' * 8_000, "a=" * 8_000, 'for="' * 3_000, "a " * 8_000])
def test_a_forwarded_header_is_read_once(line: str) -> None:
    """16 KB of letters took four seconds, of quotes thirteen."""
    call: Any = _Call(line)
    assert seconds(lambda: network._standard(call)) < 1.0


def test_a_long_path_is_read_once() -> None:
    """Where signatures are taken the path is looked at for an absolute target."""
    path = "/" + "a" * 16_000
    assert seconds(lambda: asgi_path(path.encode(), path)) < 0.1


@pytest.mark.parametrize("begun", ['for="198.51.100.1', 'for="198.51.100.1;ext="', 'ext="', 'for="\\'])
def test_a_quote_that_a_client_leaves_open_swallows_nothing(make: Make, begun: str) -> None:
    """What our proxy adds behind it in the same line is still its own word: the client's address cannot be hidden."""
    site = make(proxies=1, forwarded=True)
    site.ask("/health", headers={"Forwarded": f'{begun}, for="198.51.100.7:80";proto=https'})
    assert site.events()[-1].address == "198.51.100.7"


# What does not say what it is


@pytest.mark.parametrize(
    "kind",
    [
        [("Content-Type", "application/json")],
        [],
        [("Content-Type", "")],
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
    ],
)
def test_json_that_is_not_called_so_is_no_deeper(make: Make, kind: list[tuple[str, str]]) -> None:
    """FastAPI reads content without a media type as JSON, and the first of two media types: so does the guard."""
    site = make(routes={"/login": accepts(depth=3)})
    found = [site.ask("/login", method="POST", headers=kind, body=body).status for body in (b'{"a":{"a":{"a":{"a":1}}}}', b'{"a":{"b":1}}')]
    # WSGI servers join the two lines: no framework reads that as JSON.
    assert found == ([200, 200] if site.framework == "flask" and len(kind) > 1 else [400, 200])


# What a person gets wrong at start-up is one sentence, without the secret that was put in the wrong place

MISTAKEN = "orders-key-that-belongs-in-a-variable-0123456789"
WRONG: list[Any] = [
    None, 0, -1, 5, 1.5, float("nan"), True, "", MISTAKEN, b"bytes", [], [5], [None], {}, {"a": 5}, {5: 5}, {"a": [5]}, {"a": None}, {"/a": 5},
    object(), int, f"redis://:{MISTAKEN}@host:99999", f"postgresql://u:{MISTAKEN}@h:x/db", f"mysql://u:{MISTAKEN}@h/db", "\ud800", "\0",
]  # fmt: skip
SECRETS = ("store", "keys", "counters", "events", "nonces", "pepper", "master_key", "audit_key", "tokens", "response_key")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Options)])
def test_any_value_of_any_option_starts_or_is_refused_in_a_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a TypeError; and where secrets belong, nothing of what was written is repeated."""
    monkeypatch.chdir(tmp_path)
    good: dict[str, Any] = {"store": "memory://", "pepper": PEPPER, "environment": "production", "policy_file": None, "redact_logs": False}
    for value in WRONG:
        said = ""
        try:
            Core(**{**good, name: value}).close()
        except OstiaryError as error:
            said = str(error)
        assert name not in SECRETS or MISTAKEN not in said


# What strangers send is never our failure


def test_a_query_of_many_parameters_is_no_failure_of_the_guard(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """400, and nothing in the log: it was 503, with a trace for each call."""
    site = make(routes={"/undeclared": require(tickets=True)})
    with caplog.at_level(logging.ERROR, "ostiary"):
        assert site.ask("/undeclared?" + "ticket=a&" * 201).status == 400
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_a_preflight_about_a_path_that_is_partly_redirected_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Flask redirects one method of this path: asking about it was 503, with a trace."""
    app = Flask(__name__, static_folder=None)
    flasky.Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None, cors=flasky.cors("https://app.example.com"))
    app.add_url_rule("/b/<int:n>", "got", require()(lambda n: "got"), methods=["GET"])
    app.add_url_rule("/b/<n>", "posted", require()(lambda n: "posted"), methods=["POST"], redirect_to="/c/<n>")
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    with caplog.at_level(logging.ERROR, "ostiary"):
        answer = app.test_client().options("/b/5", headers=asked)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


NAMES = some.sampled_from(
    [
        "Authorization", "X-API-Key", "Cookie", "Origin", "Sec-Fetch-Site", "Content-Type", "Content-Length", "Forwarded", "X-Forwarded-For",
        "X-Forwarded-Proto", "X-Forwarded-Host", "Signature", "Signature-Input", "Content-Digest", "X-Signature", "X-Timestamp", "Client-Cert",
        "X-CSRF-Token", "Access-Control-Request-Method", "Access-Control-Request-Headers", "Accept", "User-Agent", "Host", "X-API-Version",
        "X-HTTP-Method-Override", "Range", "Expect", "Transfer-Encoding", "X-Key-Id", "Idempotency-Key",
    ]
)  # fmt: skip
PIECES = some.sampled_from(
    [
        "Bearer ", "Basic ", "bearer", "Signature ", 'sig1=("@method" "@target-uri");created=1800000000;keyid="a";nonce="b"', "sig1=:AAAA:", ":AAAA:",
        "for=", "proto=https", '"', "\\", ",", ";", "=", ":", " ", "\t", "[::1]", "127.0.0.1", "%zone", "application/json", "charset=", "utf-16",
        "null", "https://", "https://api.example.test", "OPTIONS", "GET", "v1", "0", "-1", "99999999999999999999", "orders_sk_live_", "ostt_",
        "ostt_AAAA.", "eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30", "\x00", "\x7f", "\xa0", "\xe9", "\xff", "*", "({", "sha-256=:", "__Host-ostiary-csrf=",
    ]
)  # fmt: skip
VALUES = some.one_of(
    some.lists(PIECES, max_size=6).map("".join), some.text(some.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=40)
)
CALLS = some.tuples(
    some.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PROPFIND"]),
    some.sampled_from([ORDERS, "/login", "/undeclared", "/health", "/nowhere", f"{ORDERS}/7?ticket=", "/public-limited?api_key=&a=%ff"]),
    some.lists(some.tuples(NAMES, VALUES), max_size=4),
    some.sampled_from([b"", b"{}", b"[" * 40, b'{"a":1,"a":2}', b"\xff"]),
)


def _everything(framework: str) -> Site:
    """A site that reads every header that the guard knows."""
    said = accepts("application/json", "text/*", depth=5, max_body=100)
    routes = {
        "/login": said,
        ORDERS + "/{order_id}": require("orders:read", tickets=True),
        "/undeclared": require(signed=True),
        "/public-limited": require(schemes=["signed", "api-key", "basic"]),
    }
    more: dict[str, Any] = {"failures": None, "unmatched": None, "limits": None, "cors": flasky.cors("https://app.example.com")}
    own = authenticator("session", lambda request: None if not request.header("cookie") else "ann")
    return SITES[framework](
        proxies=1, forwarded=framework == "flask", query_parameters=["api_key"], version_header="X-API-Version", routes=routes,
        authenticators=[Basic(), own], **more,
    )  # fmt: skip


@pytest.fixture(scope="module", params=tuple(SITES))
def everything(request: pytest.FixtureRequest) -> Any:
    site = _everything(request.param)
    yield site
    site.close()


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_whatever_is_sent_the_guard_does_not_fail(everything: Site, caplog: pytest.LogCaptureFixture, call: Any) -> None:
    """Any value of any header that the guard reads: a refusal or an answer, never 5xx, never a trace in the log, always one event."""
    method, path, headers, body = call
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        reply = everything.ask(path, method=method, headers=headers, body=body, peer=PEER)
    assert reply.status < 500, reply.body
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


class _Slow:
    """A clock on which reading a piece takes ten seconds, and the stream that it is read from."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self, size: int) -> bytes:
        self.now += 10.0
        return b"x" * min(size, 10)

    def __call__(self) -> float:
        return self.now


def test_a_body_has_a_deadline() -> None:
    """30 seconds in a thread, looked at between pieces; in an event loop, whatever comes or does not come."""
    slow = _Slow()
    environ: dict[str, Any] = {"wsgi.input": slow, "CONTENT_LENGTH": "1000"}
    read = read_wsgi(environ, 10_000, 30.0, lambda _: None, slow)
    assert (read.reason, read.size) == (TOO_SLOW, 40)

    async def never() -> Any:
        await asyncio.Event().wait()

    body, _ = asyncio.run(read_asgi(never, 10_000, 0.01, lambda _: None))
    assert (body.reason, unread(body).problem.status) == (TOO_SLOW, 408)
    for one in (read, body):
        one.close()


def test_strangers_leave_nothing_behind(make: Make) -> None:
    """Whatever they write in methods, paths, queries, names and values of headers, keys and tokens: what is remembered is bounded, or nothing."""
    site = make(failures=None, unmatched=None, version_header="X-API-Version", concurrent=5, authenticators=[Basic()])
    site.ask("/health")
    policies = len(site.core.policies.demanded)
    for number in range(700):
        headers = [
            ("X-API-Key", f"stranger-{number}"),
            (f"X-Name-{number}", "a"),
            ("Origin", f"https://{number}.example"),
            ("X-API-Version", f"v{number}"),
        ]
        site.ask(f"/api/v1/orders/{number}?a={number}", method=f"M{number}" if number % 2 else "GET", headers=headers)
    core = site.core
    keys = core.authenticators[0]
    assert (len(keys._proved.held), len(keys._once_good), len(core.running), len(core._exposed), len(core._attacked)) == (0, 0, 0, 0, 0)
    assert len(core.policies.demanded) == policies
    assert len(core.counters) == 0


def test_a_flood_of_refused_addresses_is_counted_within_bounds() -> None:
    """What looks for anomalies kept a number for each address and reason for five minutes; most of all is still told."""
    detector = Detector(Thresholds(callers=100, refusals=1_000))
    told = []
    for number in range(1_000):
        address = "203.0.113.7" if number % 3 == 0 else f"2001:db8::{number:x}"
        event = Event(60.0, "id", ("", ""), "", "GET", "/", 401, 1, "", "", address, "", "credentials_unknown", "deny", "")
        told += detector.observe([event])
    assert len(detector._refused) == 100
    assert [(one.kind, "203.0.113.7 (credentials_unknown)" in one.why) for one in told] == [("refusals", True)]


def test_the_published_id_of_what_signs_tokens_is_no_signing_key(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever named it in a signature wrote an error into the log with each call."""
    said = Tokens(issuer=HTTPS, audience=HTTPS)
    site = make(tokens=said, master_key=b"a master key that nobody else has, so", routes={"/undeclared": require(signed=True)})
    kid = site.ask("/.well-known/jwks.json").json["keys"][0]["kid"]
    fields = '("@method" "@authority" "@path" "@query")'
    given = f'sig={fields};created=1800000000;keyid="{kid}";nonce="0123456789abcdef0123";alg="ed25519";tag="ostiary"'
    with caplog.at_level(logging.WARNING):
        reply = site.ask("/undeclared", headers={"Signature-Input": given, "Signature": f"sig=:{base64.b64encode(bytes(64)).decode()}:"})
    assert (reply.status, site.events()[-1].reason) == (401, "signature_wrong")
    assert not [one for one in caplog.records if kid in one.getMessage()]


# The list of attacks


def test_every_attack_on_the_list_names_tests_that_are_there() -> None:
    """docs/guard/threats.md: rows 1 to 23 of the attacks that are to be refused, and more, each with a test by its name."""
    root = Path(__file__).resolve().parents[2]
    rows = [line for line in (root / "docs/guard/threats.md").read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 23
    for row in rows:
        named = re.findall(r"`([\w/.]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, name in named:
            path = root / file if file.startswith("tests/") else root / "tests/guard" / file
            assert re.search(rf"def {name}\(", path.read_text(encoding="utf-8")), (file, name)
