"""Structured fields (RFC 9651): what is parsed, how it is written, and that junk is nothing but BadField."""

from __future__ import annotations

import string
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadField
from ostiary.wire.fields import Date, InnerList, Item, Member, Token, parse_dictionary, parse_item, serialise

KEYS = st.from_regex(r"[a-z*][a-z0-9_\-.*]{0,8}", fullmatch=True)
VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
BARE = st.one_of(
    st.booleans(),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.integers(-(10**15) + 1, 10**15 - 1).map(Date),
    st.integers(-(10**15) + 1, 10**15 - 1).map(lambda n: Decimal(n).scaleb(-3)),
    VISIBLE,
    st.from_regex(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]{0,8}", fullmatch=True).map(Token),
    st.binary(max_size=12),
)
PARAMETERS = st.dictionaries(KEYS, BARE, max_size=3).map(lambda found: tuple(found.items()))
ITEMS = st.builds(Item, BARE, PARAMETERS)
MEMBERS = st.one_of(ITEMS, st.builds(InnerList, st.lists(ITEMS, max_size=3).map(tuple), PARAMETERS))
DICTIONARIES = st.dictionaries(KEYS, MEMBERS, max_size=4)


def typed(member: Member) -> object:
    """With the types, since True equals 1 and a token equals a string."""
    parameters = [(name, type(value), value) for name, value in member.parameters]
    if isinstance(member, Item):
        return type(member.value), member.value, parameters
    return [typed(item) for item in member.items], parameters


@settings(deadline=None)
@given(DICTIONARIES)
def test_what_is_written_is_read_back(members: dict[str, Member]) -> None:
    """Every dictionary comes back with its order and types, and is written the same again."""
    written = serialise(members)
    read = parse_dictionary(written)
    assert [(name, typed(member)) for name, member in read.items()] == [(name, typed(member)) for name, member in members.items()]
    assert serialise(read) == written


@settings(deadline=None)
@given(ITEMS)
def test_items_come_back(item: Item) -> None:
    """The same for one item."""
    assert typed(parse_item(serialise(item))) == typed(item)


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(string.printable + "é", max_size=60).map(str.encode),
        st.text('a1.-?:"\\(),;= @\t*', max_size=40).map(str.encode),
    )
)
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """Arbitrary bytes parse or raise BadField; what parses has one way to be written, which parses to the same."""
    try:
        members = parse_dictionary(data)
    except BadField:
        return
    assert parse_dictionary(serialise(members)) == members


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-0", 0),
        ("999999999999999", 999_999_999_999_999),
        ("4.5", Decimal("4.5")),
        ("-0.123", Decimal("-0.123")),
        ("123456789012.999", Decimal("123456789012.999")),
        ('"hello \\"world\\" \\\\"', 'hello "world" \\'),
        ('""', ""),
        ("foo123/456", Token("foo123/456")),
        ("*", Token("*")),
        (":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:", b"pretend this is binary content."),
        ("::", b""),
        ("?1", True),
        ("?0", False),
        ("@1659578233", Date(1659578233)),
        ("  5 ", 5),
    ],
)
def test_examples_of_bare_items(text: str, value: object) -> None:
    """The examples of RFC 9651, Section 3.3, each with its own type."""
    read = parse_item(text.encode()).value
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        "", "1000000000000000", "1234567890123.0", "1.", "1.2345", "1.2.3", "-", "+1", "--1", "1a", "\u0661",
        '"a', 'a"', '"\\a"', '"\t"', '"\x7f"', '"é"', ":YQ:", ":YR==:", ":YQ===:", ":Y Q==:", ":YQ==", ":=:", "?2", "?", "?10", "@", "@1.0", "@a",
        "1 2", "1;", "1;A=1", "1;a=", "1;a=1;a=2", "1; a=(1)", "1,", "(1)", "\t1",
    ],
)  # fmt: skip
def test_what_is_no_item(text: str) -> None:
    """Each of these is refused, also what another reader would repair."""
    with pytest.raises(BadField):
        parse_item(text.encode())


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("a", "a"),
        ("a=?1, b=?0, c", "a, b=?0, c"),
        ("a=1,\t b=2;x=1;y=2 ,c=( a   b )", "a=1, b=2;x=1;y=2, c=(a b)"),
        ("a;x;  y=?0", "a;x;y=?0"),
        ("a=();b=1", "a=();b=1"),
        ("a=1.50", "a=1.5"),
        ("a=1.0", "a=1.0"),
        ('a=("x";q=1 :YQ==:);r', 'a=("x";q=1 :YQ==:);r'),
    ],
)
def test_dictionaries_are_written_in_one_way(text: str, written: str) -> None:
    """Blanks, zeros and true values are written as RFC 9651, Section 4.1, says."""
    assert serialise(parse_dictionary(text.encode())).decode() == written


@pytest.mark.parametrize(
    "text",
    [
        "a=1,",
        ",a=1",
        "a=1,,b",
        "a=1 b=2",
        "a=1, a=2",
        "A=1",
        "1=1",
        "a=",
        "a =1",
        "a= 1",
        "a=(1",
        "a=(1,2)",
        "a=(1 2",
        'a=("x""y")',
        "a=(1\t2)",
        "a=((1))",
        "a=1;b=1;b=1",
    ],
)
def test_what_is_no_dictionary(text: str) -> None:
    """Also a name that comes twice, for which RFC 9651 would take the last."""
    with pytest.raises(BadField):
        parse_dictionary(text.encode())


@pytest.mark.parametrize(
    "value",
    [
        10**15,
        -(10**15),
        Decimal("1e12"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("999999999999.9996"),
        "é",
        "a\n",
        Token("1a"),
        Token(""),
        Token("a b"),
    ],
)
def test_what_cannot_be_written(value: object) -> None:
    """Out of range, not ASCII, or no token."""
    with pytest.raises(BadField):
        serialise(Item(value))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "A", "a b", "1a", "a=", "é", "a\n"])
def test_names_that_cannot_be_written(name: str) -> None:
    """Of members and of parameters."""
    with pytest.raises(BadField):
        serialise({name: Item(1)})
    with pytest.raises(BadField):
        serialise(Item(1, ((name, 1),)))


@pytest.mark.parametrize(("value", "written"), [("0.0005", "0.0"), ("0.0015", "0.002"), ("-1.0005", "-1.0"), ("2.0", "2.0")])
def test_decimals_are_rounded_to_even(value: str, written: str) -> None:
    """To three digits (Section 4.1.5)."""
    assert serialise(Item(Decimal(value))).decode() == written


def test_a_long_field_takes_no_longer_than_its_length() -> None:
    """A megabyte of brackets, blanks or names is answered at once: nothing goes back, nothing recurses."""
    for data in (
        b"a=" + b"(" * 1_000_000,
        b"a" + b" " * 1_000_000 + b"b",
        b"a=(" + b"1 " * 300_000,
        b"a" * 1_000_000,
        b'a="' + b"\\\\" * 500_000,
    ):
        try:
            parse_dictionary(data)
        except BadField:
            continue
