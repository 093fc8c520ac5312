"""Structured fields (RFC 9651), as far as signatures need them: dictionaries, inner lists, items. No lists, no display strings.

Stricter than the RFC where it lets a reader choose: a name that comes twice and base64 in any but its one canonical form are refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from ostiary.errors import BadField


class Token(str):
    """A bare word, which is another thing than a string."""

    __slots__ = ()


class Date(int):
    """Unix seconds, written ``@1659578233``."""

    __slots__ = ()


Bare = bool | int | Decimal | str | bytes
Parameters = tuple[tuple[str, Bare], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A value and what is said about it."""

    value: Bare
    parameters: Parameters = ()


@dataclass(frozen=True, slots=True)
class InnerList:
    """Items in brackets, and what is said about all of them."""

    items: tuple[Item, ...]
    parameters: Parameters = ()


Member = Item | InnerList

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_NUMBER = re.compile(r"-?(?:[0-9]{1,12}\.[0-9]{1,3}|[0-9]{1,15})(?![0-9.])")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_BYTES = re.compile(r":([A-Za-z0-9+/=]*):")
_BOOLEAN = re.compile(r"\?([01])")
_DATE = re.compile(r"@(-?[0-9]{1,15})(?![0-9.])")
_SPACES = re.compile(r" *")
_BLANKS = re.compile(r"[ \t]*")
_LARGEST_INTEGER = 999_999_999_999_999


def parse_dictionary(data: bytes) -> dict[str, Member]:
    """The members in their order; a field that was sent in several lines is joined with ``, `` before. Raises BadField."""
    reader = _Reader(data)
    members: dict[str, Member] = {}
    while not reader.ended():
        if members:
            reader.expect(",")
            reader.match(_BLANKS)
        name = reader.key()
        if name in members:
            raise BadField("a name comes twice in a dictionary")
        members[name] = reader.member() if reader.skip("=") else Item(True, reader.parameters())
        reader.match(_BLANKS)
    return members


def parse_item(data: bytes) -> Item:
    """One value with its parameters. Raises BadField."""
    reader = _Reader(data)
    item = reader.item()
    if not reader.ended():
        raise BadField("something follows the item")
    return item


class _Reader:
    """Goes through a field from left to right and never back."""

    def __init__(self, data: bytes) -> None:
        try:
            self._text = data.decode("ascii").strip(" ")
        except UnicodeDecodeError:
            raise BadField("a structured field is ASCII") from None
        self._at = 0

    def ended(self) -> bool:
        return self._at == len(self._text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def skip(self, character: str) -> bool:
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def expect(self, character: str) -> None:
        if not self.skip(character):
            raise BadField(f"{character} is missing at character {self._at}")

    def key(self) -> str:
        found = self.match(_KEY)
        if found is None:
            raise BadField(f"no name at character {self._at}")
        return found[0]

    def member(self) -> Member:
        if not self.skip("("):
            return self.item()
        items: list[Item] = []
        self.match(_SPACES)
        while not self.skip(")"):
            items.append(self.item())
            if not self._text.startswith((" ", ")"), self._at):
                raise BadField(f"a list is not closed at character {self._at}")
            self.match(_SPACES)
        return InnerList(tuple(items), self.parameters())

    def item(self) -> Item:
        return Item(self._bare(), self.parameters())

    def parameters(self) -> Parameters:
        found: dict[str, Bare] = {}
        while self.skip(";"):
            self.match(_SPACES)
            name = self.key()
            if name in found:
                raise BadField("a parameter comes twice")
            found[name] = self._bare() if self.skip("=") else True
        return tuple(found.items())

    def _bare(self) -> Bare:
        if found := self.match(_STRING):
            return re.sub(r"\\(.)", r"\1", found[1])
        if found := self.match(_NUMBER):
            return Decimal(found[0]) if "." in found[0] else int(found[0])
        if found := self.match(_BYTES):
            return _decoded(found[1])
        if found := self.match(_BOOLEAN):
            return found[1] == "1"
        if found := self.match(_TOKEN):
            return Token(found[0])
        if found := self.match(_DATE):
            return Date(found[1])
        raise BadField(f"no value at character {self._at}")


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadField("not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise BadField("base64 in another form than its own")
    return data


def serialise(value: Member | Mapping[str, Member]) -> bytes:
    """The one way to write a dictionary, an inner list or an item. Raises BadField for what a structured field cannot hold."""
    if isinstance(value, Mapping):
        return ", ".join(_named(name, member) for name, member in value.items()).encode("ascii")
    return _member(value).encode("ascii")


def _named(name: str, member: Member) -> str:
    if isinstance(member, Item) and member.value is True:
        return _key(name) + _parameters(member.parameters)
    return f"{_key(name)}={_member(member)}"


def _member(member: Member) -> str:
    if isinstance(member, Item):
        return _bare(member.value) + _parameters(member.parameters)
    return f"({' '.join(map(_member, member.items))}){_parameters(member.parameters)}"


def _parameters(parameters: Parameters) -> str:
    return "".join(f";{_key(name)}" if value is True else f";{_key(name)}={_bare(value)}" for name, value in parameters)


def _key(name: str) -> str:
    return _whole(_KEY, name, "name")


def _bare(value: Bare) -> str:
    if isinstance(value, bool):
        return "?1" if value else "?0"
    if isinstance(value, int):
        return ("@" if isinstance(value, Date) else "") + _integer(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, bytes):
        return f":{base64.b64encode(value).decode('ascii')}:"
    if isinstance(value, Token):
        return _whole(_TOKEN, value, "token")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return _whole(_STRING, f'"{escaped}"', "string")


def _integer(value: int) -> str:
    if abs(value) > _LARGEST_INTEGER:
        raise BadField("an integer has at most 15 digits")
    return str(int(value))


def _decimal(value: Decimal) -> str:
    if not value.is_finite() or abs(value) >= 10**12:
        raise BadField("a decimal has at most 12 digits before the point")
    whole, _, fraction = f"{value.quantize(Decimal('0.001'), ROUND_HALF_EVEN):f}".partition(".")
    return _whole(_NUMBER, f"{whole}.{fraction.rstrip('0') or '0'}", "decimal")


def _whole(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadField(f"cannot be written as a {what}")
    return str(text)
