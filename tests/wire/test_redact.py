"""What a Redactor takes out, what it leaves, and what it says about it."""

from __future__ import annotations

import base64
import html
import json
import re
import re._parser as sre  # type: ignore[import-not-found]
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from itertools import count
from types import ModuleType
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.wire import apikey, named, redact
from ostiary.wire.needle import Needle
from ostiary.wire.redact import Redactor

DRAWN = count(11, 37)
KEY = apikey.mint(randbelow=lambda n: next(DRAWN) % n)
ID = KEY[12:24]
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MX0.c2lnbmF0dXJlLWhlcmUtb2YtMzItYnl0ZXM"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq9\nabc+/=\n-----END RSA PRIVATE KEY-----"
SECRETS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=8, max_size=30)
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent, nothing safe": lambda s: quote(s, safe=""),
    "percent, slash safe": quote,
    "percent, as browsers do": lambda s: quote(s, safe="!'()*-._~;,/?:@&=+$#"),
    "percent, small digits": lambda s: re.sub("%..", lambda m: m[0].lower(), quote(s, safe="")),
    "form": quote_plus,
    "JSON, ASCII": lambda s: json.dumps(s)[1:-1],
    "JSON": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON, slash escaped": lambda s: json.dumps(s)[1:-1].replace("/", "\\/"),
    "JSON in HTML": lambda s: json.dumps(s)[1:-1].replace("<", "\\u003c").replace("&", "\\u0026").replace("'", "\\u0027"),
    "JSON in JSON": lambda s: json.dumps(json.dumps(s)[1:-1])[1:-1],
    "JSON in JSON, not ASCII": lambda s: json.dumps(json.dumps(s, ensure_ascii=False)[1:-1])[1:-1],
    "repr": lambda s: repr(s)[1:-1],
    "repr of bytes": lambda s: repr(s.encode())[2:-1],
    "HTML": html.escape,
}
calm = settings(deadline=None)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"key {KEY}, next", f"key [redacted:key {ID}], next"),
        (f"{KEY[:40]}…", "[redacted:key]…"),
        (f"{KEY[:25]} cut, id alone {KEY[:24]}", f"[redacted:key] cut, id alone {KEY[:24]}"),
        (KEY[:-1] + "x", "[redacted:key]"),
        (f"Authorization: Bearer {KEY}\r\nHost: a", f"Authorization: [redacted:key {ID}]\r\nHost: a"),
        ("authorization: Digest username=\"u\", response=\"6629\"\nX: 1", "authorization: [redacted:header]\nX: 1"),
        ("Cookie: a=b; session=\"c d\"\nHost: a", "Cookie: [redacted:header]\nHost: a"),
        ("{'x-api-key': 'abc', 'host': 'a'}", "{'x-api-key': '[redacted:header]', 'host': 'a'}"),
        ("{'X-Api-Key': 'a\\'b', 'host': 'a'}", "{'X-Api-Key': '[redacted:header]', 'host': 'a'}"),
        ("[(b'authorization', b'Basic YTpi'), (b'host', b'a')]", "[(b'authorization', b'[redacted:header]'), (b'host', b'a')]"),
        ('{"cookie": ["a=b", "c=d"], "x": 1}', '{"cookie": ["[redacted:header]"], "x": 1}'),
        ("{'cookie': [b'a]b', b'c'], 'x': 1}", "{'cookie': [b'[redacted:header]'], 'x': 1}"),
        ("{'cookie': [1, 2], 'x': 1}", "{'cookie': [[redacted:header]], 'x': 1}"),
        ('{"body": "{\\"password\\": \\"x\\", \\"n\\": 1}"}', '{"body": "{\\"password\\": \\"[redacted:field]\\", \\"n\\": 1}"}'),
        ("{'HTTP_COOKIE': 'a=b'}", "{'HTTP_COOKIE': '[redacted:header]'}"),
        ("x-service-token=abc ok", "x-service-token=[redacted:header] ok"),
        ("authorization=Bearer abc status=200", "authorization=[redacted:header] status=200"),
        ("curl -H 'Authorization: Token a' https://h/", "curl -H 'Authorization: [redacted:header]' https://h/"),
        ("sent Bearer abc1def2ghi now", "sent Bearer [redacted:bearer credential] now"),
        ("sent Basic dXNlcjpwYXNz now", "sent Basic [redacted:basic credential] now"),
        ("GET /a?api_key=abc&n=1 HTTP/1.1", "GET /a?api_key=[redacted:query parameter]&n=1 HTTP/1.1"),
        ("/a?n=1&token=abc#top", "/a?n=1&token=[redacted:query parameter]#top"),
        ("/in?next=%2Fa%3Ftoken%3Dabc%26n%3D1", "/in?next=%2Fa%3Ftoken%3D[redacted:query parameter]%26n%3D1"),
        ("/?Authorization:abc HTTP/1.1\" 200", "/?Authorization:[redacted:query parameter] HTTP/1.1\" 200"),
        (f"jwt {JWT}.", "jwt [redacted:JSON Web Token]."),
        ("t=ghp_" + "a1" * 18, "t=[redacted:GitHub token]"),
        (r"b'GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\nX-Api-Key: abc\r\nHost: a'", r"b'GET / HTTP/1.1\r\nAuthorization: [redacted:header]\r\nX-Api-Key: [redacted:header]\r\nHost: a'"),
        ('authorization: Digest username="D\\robert", response="6629"', "authorization: [redacted:header]"),
        ("Client(api_key='abc', app_secret=\"x\", n=1)", "Client(api_key='[redacted:header]', app_secret=\"[redacted:header]\", n=1)"),
        ("AWS_SECRET_ACCESS_KEY=abc/def HOME=/root", "AWS_SECRET_ACCESS_KEY=[redacted:header] HOME=/root"),
        (f"Authorization: Bearer {KEY} and more", f"Authorization: [redacted:key {ID}]"),
        (f"{KEY}0 is longer", f"[redacted:key {ID}]0 is longer"),
        ("%3Dghp_" + "a1" * 18, "%3D[redacted:GitHub token]"),
        (f"a {PEM} b", "a [redacted:private key] b"),
        (json.dumps(PEM), '"[redacted:private key]"'),
        (PEM[:60] + "… and so on", "[redacted:private key]… and so on"),
        ("postgresql://shop:p%40ss@db:5432/x", "postgresql://shop:[redacted:password in a URL]@db:5432/x"),
        ("https://hooks.slack.com/services/T0/B0/abcdefgh said", "[redacted:Slack webhook] said"),
    ],
)  # fmt: skip
def test_texts(text: str, clean: str) -> None:
    """Each of these forms loses its credential and nothing else, and stays as it is when it comes by again."""
    redactor = Redactor()
    assert redactor.text(text) == clean
    assert redactor.text(clean) == clean
    assert redactor.data(text.encode()) == clean.encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /orders?key=name&sort=token HTTP/1.1",
        "Bearer authentication required, or Basic authorization",
        "password: must have 12 characters",
        "the token is in the cookie, not the key",
        "{'next_page_token': 'abc', 'idempotency-key': '1', 'x-csrf-token': 'a'}",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "http://127.0.0.1:8000/a@b",
        "users_pk_id, users_sk_idx",
        "https://example.org:8443/x",
        "eyJwYWdlIjoyLCJzaXplIjo1MCwic29ydCI6Im5hbWUiLCJmaWx0ZXIiOiJhbGwifQ",
    ],
)
def test_left_alone(text: str) -> None:
    """What only looks similar stays, and is the very object that was given."""
    redactor = Redactor()
    assert redactor.text(text) is text
    data = text.encode()
    assert redactor.data(data) is data


@calm
@given(SECRETS, st.sampled_from(sorted(FORMS)), st.text(max_size=10), st.text(max_size=10))
def test_registered_secret_never_passes(secret: str, form: str, before: str, after: str) -> None:
    """In none of the forms in which programs write a text, wherever it stands; also not in what must never leave in an answer."""
    redactor = Redactor()
    assume(redactor.register(secret))
    shown = FORMS[form](secret)
    for answer in (False, True):
        clean = redactor.text(before + shown + after, answer=answer)
        assert secret not in clean
        assert shown not in clean
    assert shown.encode() not in redactor.data((before + shown + after).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_awkward_character_in_every_form(form: str) -> None:
    """One secret of all the characters that somebody escapes."""
    secret = "a b\\c\"d'e/f%g&h+i<j>k\nl\tmén\x7f😀\u2028z"
    redactor = Redactor()
    assert redactor.register(secret, "S")
    assert redactor.text(f"({FORMS[form](secret)})") == "([redacted:S])"


@calm
@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7), st.booleans())
def test_no_bit_passes_in_base64(secret: str, before: bytes, after: bytes, for_urls: bool) -> None:
    """Whatever was encoded together with it, what is left of the base64 holds bits of the neighbours only."""
    redactor = Redactor()
    assume(redactor.register(secret, "S"))
    encode = base64.urlsafe_b64encode if for_urls else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    left, mark, right = redactor.text(encoded, answer=True).partition("[redacted:S]")
    assert mark
    assert len(left) * 6 <= len(before) * 8
    assert (len(encoded.rstrip("=")) - len(right.rstrip("="))) * 6 >= len(before + secret.encode()) * 8


@calm
@given(st.text(), st.lists(SECRETS, max_size=3))
def test_any_text_comes_back_and_stays(text: str, secrets: list[str]) -> None:
    """Cleaning raises nothing, and cleaning twice is cleaning once."""
    redactor = Redactor()
    for secret in secrets:
        assume(redactor.register(secret))
    once = redactor.text(text)
    assert redactor.text(once) == once


WORDS = st.sampled_from(
    [
        "Authorization", "cookie", "x-api-key", "password", "token", ":", "=", ", ", " ", "'", '"', "\\", "{", "[", "]", "(", ")", "?", "&",
        "%3D", "Bearer ", "Basic YTpi", "abc123defghi", "\n", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "://u:p@h",
        KEY, KEY[:30], JWT, "[redacted:x]", "b'", "hunter2hunter2",
    ]
)  # fmt: skip


@calm
@given(st.lists(WORDS, max_size=12).map("".join))
def test_no_mixture_lets_a_key_through(text: str) -> None:
    """However names, quotes, marks and credentials are strung together."""
    redactor = Redactor()
    redactor.register("hunter2hunter2")
    clean = redactor.text(text)
    assert KEY[24:] not in clean
    assert KEY[24:30] not in clean
    assert "hunter2hunter2" not in clean


@calm
@given(st.binary())
def test_bytes_that_are_no_text_stay(data: bytes) -> None:
    """Around a secret every byte stays what it was, valid UTF-8 or not."""
    redactor = Redactor()
    redactor.register("hunter2hunter2", "S")
    assert redactor.data(data, answer=True) is data
    assert redactor.data(data + b"hunter2hunter2" + data, answer=True) == data + b"[redacted:S]" + data


def test_overlapping_secrets_go_together() -> None:
    """No tail of the longer one is left, whatever the order in which they were registered."""
    redactor = Redactor()
    redactor.register("abcdefgh", "short")
    redactor.register("abcdefghijkl", "long")
    redactor.register("ghijklmnop", "other")
    assert redactor.text("<abcdefghijklmnop>") == "<[redacted:short]>"


def test_half_an_escape_is_not_left() -> None:
    """A secret that ends in a backslash takes the whole escape with it, or the quote behind would be another one."""
    redactor = Redactor()
    redactor.register("abcdefg\\", "S")
    assert json.loads(redactor.text(json.dumps({"a": "abcdefg\\"}))) == {"a": "[redacted:S]"}


def test_registering() -> None:
    """Later registrations count, forgotten ones no longer; what is too short to look for is said to be."""
    redactor = Redactor()
    assert redactor.text("hunter2hunter2") == "hunter2hunter2"
    assert redactor.register("hunter2hunter2")
    assert redactor.register("hunter2hunter2", "again")
    assert redactor.text("hunter2hunter2") == "[redacted:again]"
    redactor.unregister("hunter2hunter2")
    redactor.unregister("never known")
    assert redactor.text("hunter2hunter2") == "hunter2hunter2"
    assert not redactor.register("1234567")
    assert not redactor.register("redacted")
    assert not redactor.register("")
    assert redactor.text("1234567 redacted") == "1234567 redacted"


@pytest.mark.parametrize("family", ["a\nb", "a]b", "my hunter2hunter2", "\x1b[0m"])
def test_family_cannot_forge_a_line_or_hold_the_secret(family: str) -> None:
    """A mark is one printable piece and never the value itself."""
    with pytest.raises(UsageError, match="printable name") as raised:
        Redactor().register("hunter2hunter2", family)
    assert "hunter2hunter2" not in str(raised.value)


def test_names_of_ones_own() -> None:
    """A header that the application chose is one like the others."""
    redactor = Redactor(names=["X-Door-Code"])
    assert redactor.text("x_door_code=1234 ok") == "x_door_code=[redacted:header] ok"
    assert redactor.value({"X-Door-Code": "1234"}) == {"X-Door-Code": "[redacted:named value]"}
    redactor.add_names("Knock")
    assert redactor.text("{'knock': 'a b'}") == "{'knock': '[redacted:header]'}"


def test_seen_credential_counts_for_this_text_only() -> None:
    """What came with this request is removed in every form, and not remembered."""
    redactor = Redactor()
    seen = (Needle("legacy/key", "credential"),)
    assert redactor.text("got legacy%2Fkey", seen=seen) == "got [redacted:credential]"
    assert redactor.text("got legacy%2Fkey") == "got legacy%2Fkey"
    assert "legacy" not in repr(seen)


def test_answers_lose_only_what_must_never_leave() -> None:
    """A document about tokens stays readable; keys, private keys and registered values go."""
    redactor = Redactor()
    redactor.register("hunter2hunter2", "S")
    text = f"?token=abc {JWT} Authorization: Basic YTpi | {KEY} {PEM} hunter2hunter2 {KEY[:40]}"
    clean = redactor.text(text, answer=True)
    assert clean == f"?token=abc {JWT} Authorization: Basic YTpi | [redacted:key {ID}] [redacted:private key] [redacted:S] {KEY[:40]}"
    assert redactor.examine({"password": "x"}, answer=True).value == {"password": "x"}


def test_what_was_removed_is_told_without_the_value() -> None:
    """Path and family of each, in order."""
    value = {"user": "alice", "headers": {"Authorization": "Bearer abc", "n": 1}, "log": ["ok", f"a {KEY} b {JWT}"], KEY: 1}
    clean, removed = Redactor().examine(value)
    assert clean == {
        "user": "alice",
        "headers": {"Authorization": "[redacted:named value]", "n": 1},
        "log": ["ok", f"a [redacted:key {ID}] b [redacted:JSON Web Token]"],
        f"[redacted:key {ID}]": 1,
    }
    assert [tuple(one) for one in removed] == [
        ("headers.Authorization", "named value"),
        ("log[1]", f"key {ID}"),
        ("log[1]", "JSON Web Token"),
        ("", f"key {ID}"),
    ]


def test_values_keep_their_kind() -> None:
    """Named tuples, ordered dicts, subclasses with a look-up of their own, sets and bytes; untouched ones are the same object."""
    Point = namedtuple("Point", "name key")

    class Atoms(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            return self.get(name.lower(), "-")

    redactor = Redactor()
    atoms = redactor.value(Atoms({"{x-api-key}i": "abc", "h": "1.2.3.4"}))
    assert type(atoms) is Atoms
    assert (atoms["{X-Api-Key}i"], atoms["h"], atoms["none"]) == ("[redacted:named value]", "1.2.3.4", "-")
    assert redactor.value(Point("a", KEY)) == Point("a", f"[redacted:key {ID}]")
    assert type(redactor.value(Point("a", KEY))) is Point
    assert redactor.value([(b"x-api-key", b"abc"), ["host", "a"]]) == [(b"x-api-key", b"[redacted:named value]"), ["host", "a"]]
    ordered = redactor.value(OrderedDict(b=KEY, a=1))
    assert type(ordered) is OrderedDict
    assert list(ordered) == ["b", "a"]
    assert redactor.value({KEY}) == {f"[redacted:key {ID}]"}
    assert redactor.value(bytearray(KEY.encode())) == f"[redacted:key {ID}]".encode()
    assert redactor.value({"password": 1234, "token": None, "cookies": {"a": "b"}}) == {
        "password": "[redacted:named value]",
        "token": None,
        "cookies": {"a": "[redacted:named value]"},
    }
    same = {"a": [1, "b", (2.5, None)], "set": {1}}
    assert redactor.value(same) is same
    thing = object()
    assert redactor.value(thing) is thing


def test_a_mapping_that_writes_through_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleaning ``os.environ`` gives a dict; the environment stays."""
    import os

    monkeypatch.setenv("SHOP_PASSWORD", "abc")
    clean = Redactor().value(os.environ)
    assert type(clean) is dict
    assert clean["SHOP_PASSWORD"] == "[redacted:named value]"
    assert os.environ["SHOP_PASSWORD"] == "abc"


def test_a_very_long_key_is_no_name() -> None:
    """What is remembered of names is bounded: no header has a name of more than 64 characters."""
    value = {"x" * 60 + "-password": "abc"}
    assert Redactor().value(value) is value


def test_cycles_and_depth_come_to_an_end() -> None:
    """A value that holds itself, and one too deep to follow, are cut with a mark."""
    loop: list[object] = [KEY]
    loop.append(loop)
    assert Redactor().value(loop) == [f"[redacted:key {ID}]", "[redacted:too deep to look]"]
    deep: object = KEY
    for _ in range(5000):
        deep = [deep]
    clean, depth = Redactor().value(deep), 0
    while isinstance(clean, list):
        (clean,), depth = clean, depth + 1
    assert (clean, depth) == ("[redacted:too deep to look]", 32)


def patterns(module: ModuleType) -> Iterator[re.Pattern[str]]:
    yield from (value for value in vars(module).values() if isinstance(value, re.Pattern))
    yield from (one for value in vars(module).values() if isinstance(value, dict) for one in value.values() if isinstance(one, re.Pattern))


def careless(tree: object, inside: bool = False) -> Iterator[str]:
    """Repetitions that may go back: unbounded ones that are not possessive, and any inside another."""
    for op, arg in tree:  # type: ignore[attr-defined]
        name = str(op)
        if name == "MAX_REPEAT":
            low, high, body = arg
            if high > 512 or (inside and high > 1):
                yield f"{low},{high}"
            yield from careless(body, inside=inside or high > 1)
        elif name == "MIN_REPEAT":
            yield "lazy"
        elif name in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP"):
            yield from careless(arg[2] if name == "POSSESSIVE_REPEAT" else arg)
        elif name == "SUBPATTERN":
            yield from careless(arg[3], inside)
        elif name == "BRANCH":
            for branch in arg[1]:
                yield from careless(branch, inside)


def test_no_expression_can_go_back_far() -> None:
    """Every repetition is possessive or bounded, none is nested: hostile text costs linear time."""
    found = {pattern.pattern for module in (apikey, named, redact) for pattern in patterns(module)}
    needle = Needle("a\\b%c&d+e/f\"g'h éö😀\n", "S")._escaped
    assert needle is not None
    found.add(needle.pattern)
    assert "(?>" in needle.pattern
    assert "(?:" not in needle.pattern
    assert len(found) > 14
    for pattern in found:
        text = pattern.decode() if isinstance(pattern, bytes) else pattern
        assert list(careless(sre.parse(text))) == [], text


def test_the_test_for_careless_expressions_sees_them() -> None:
    """The check above is one that can fail."""
    for pattern in ("(a+)+b", "a*b", "(?:a{1,9}){2,9}", ".*?x"):
        assert list(careless(sre.parse(pattern)))


def test_longest_form_is_covered_by_what_a_stream_holds_back() -> None:
    """No form of a registered value is longer than ``longest``."""
    redactor = Redactor()
    assert redactor.longest == apikey.LONGEST
    secret = '😀é/\\"' * 5
    redactor.register(secret)
    assert all(len(form(secret)) <= redactor.longest for form in FORMS.values())
    assert len(base64.b64encode(secret.encode())) <= redactor.longest
