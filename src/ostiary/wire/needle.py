"""One secret value and the forms in which it may stand in a text: as it is, percent-encoded, escaped, in HTML, in base64.

The percent, JSON, ``repr`` and HTML forms are one expression with the ways of writing each character, JSON inside JSON is
another; every group in them is atomic, so that they never go back. Base64 is searched for at all three alignments, since the
value may stand inside more.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

SHORTEST = 8

_ESCAPES = ("%", "\\", "&", "+")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_ENTITIES = {'"': ("&quot;", "&#34;", "&#x22;"), "'": ("&#39;", "&#x27;", "&apos;"), "&": ("&amp;", "&#38;", "&#x26;")}


class Needle:
    """A value of at least ``SHORTEST`` characters that must not be seen; ``family`` names it in the mark that replaces it."""

    __slots__ = ("_base64", "_escaped", "_first", "_nested", "_run", "_ways", "family", "longest", "value")

    def __init__(self, value: str, family: str) -> None:
        self.value = value
        self.family = family
        self._base64 = _base64_cores(_utf8(value))
        # No form but base64 changes letters and digits: where their longest run is not, there is nothing to look for.
        self._run = max(re.findall("[A-Za-z0-9]*", value), key=len)
        self._escaped = None if _plain(value) else re.compile("".join(_any_of(_ways(c)) for c in value))
        self._nested = None if _plain(value) else re.compile("".join(_any_of(map(_json, {_json(c), *_json_ways(c)})) for c in value))
        # All of these ways in one table, small letters only: too many of them do no harm where only a beginning is looked for.
        plain = self._escaped is None
        self._ways = (
            None if plain else tuple(frozenset(way.lower() for way in (*_ways(c), *map(_json, (_json(c), *_json_ways(c))))) for c in value)
        )
        self._first = frozenset() if self._ways is None else frozenset(c for way in self._ways[0] for c in (way[0], way[0].upper()))
        # The longest that any form can be: a character outside the BMP is 14 as JSON in JSON, and a plain one below 2 in base64.
        self.longest = len(value) * (14 if self._escaped else 2) + 4

    def __repr__(self) -> str:
        return f"<Needle {self.family}>"

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the value stands in any of its forms, as (start, end); they may overlap."""
        found = [_whole_base64(text, *span) for core in self._base64 if core in text for span in _occurrences(core, text)]
        if self._run not in text:
            return found
        found += _occurrences(self.value, text)
        if self._escaped is not None and any(sign in text for sign in _ESCAPES):
            found += [match.span() for match in self._escaped.finditer(text)]
        if self._nested is not None and "\\\\" in text:
            found += [match.span() for match in self._nested.finditer(text)]
        return found

    def begun(self, text: str) -> int:
        """The length of the longest end of ``text`` that may be the beginning of the value in any form; 0 for none.

        Of base64, the first and last characters, which hold bits of the neighbours as well, do not count.
        """
        forms = (self.value, self.value.encode("utf-8", "surrogatepass").decode("latin-1"), *self._base64)
        longest = max(begun(text, form) for form in forms)
        if self._ways is None:
            return longest
        starts = range(max(0, len(text) - self.longest), len(text) - longest)
        return next((len(text) - at for at in starts if text[at] in self._first and self._goes_on(text, at)), longest)

    def _goes_on(self, text: str, at: int) -> bool:
        """Does the text end in the middle of the value, written in any way, that begins there?"""
        reached = {at}
        for ways in self._ways or ():
            if any(way.startswith(text[start:].lower()) for start in reached for way in ways):
                return True
            reached = {start + len(way) for start in reached for way in ways if text[start : start + len(way)].lower() == way}
        return False


Words = TypeVar("Words", str, bytes)


def begun(text: Words, form: Words) -> int:
    """The length of the longest end of ``text`` that is a beginning, not the whole, of ``form``."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at >= 0:
        if form.startswith(text[at:]):
            return len(text) - at
        at = text.find(form[:1], at + 1)
    return 0


def _utf8(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _plain(value: str) -> bool:
    """Letters, digits and what neither URL, JSON nor HTML ever escapes."""
    return value.isascii() and value.replace("_", "").replace("-", "").replace(".", "").isalnum()


def _occurrences(needle: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(needle)
    while start >= 0:
        yield (start, start + len(needle))
        # One further, not behind it: occurrences may overlap, and all must go.
        start = text.find(needle, start + 1)


def _base64_cores(value: bytes) -> tuple[str, ...]:
    """The characters that do not depend on what stands before and after, for each alignment and both alphabets."""
    cores = set()
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + value).decode("ascii").rstrip("=")
        first = (0, 2, 3)[shift]
        last = len(encoded) if (shift + len(value)) % 3 == 0 else len(encoded) - 1
        core = encoded[first:last]
        cores |= {core, core.replace("+", "-").replace("/", "_")}
    return tuple(sorted(cores))


def _whole_base64(text: str, start: int, end: int) -> tuple[int, int]:
    """The first and last characters share bits with the neighbours, and padding belongs to it."""
    if start and text[start - 1] in _BASE64:
        start -= 1
    if end < len(text) and text[end] in _BASE64:
        end += 1
    while end < len(text) and text[end] == "=":
        end += 1
    return start, end


def _ways(character: str) -> set[str]:
    """The ways of writing one character, hexadecimal digits small."""
    if _plain(character):
        return {character}
    data = _utf8(character)
    return {
        character,
        "".join(f"%{byte:02x}" for byte in data),
        "".join(f"\\x{byte:02x}" for byte in data),
        repr(character)[1:-1],
        html.escape(character),
        *_ENTITIES.get(character, ()),
        *_json_ways(character),
        *(("+",) if character == " " else ()),
        *((f"\\x{ord(character):02x}",) if ord(character) < 256 else ()),
    }


def _json_ways(character: str) -> set[str]:
    """As JSON (RFC 8259) may escape it, and as JavaScript and ``repr`` escape an apostrophe."""
    if _plain(character):
        return {character}
    ways = {_json(character), json.dumps(character, ensure_ascii=False)[1:-1]}
    if len(character.encode("utf-16-le", "surrogatepass")) == 2:
        ways.add(f"\\u{ord(character):04x}")
    if character in "\"'/":
        ways.add("\\" + character)
    return ways


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _any_of(ways: Iterable[str]) -> str:
    """An atomic group, the longest first: none of them may win by being the beginning of another."""
    ordered = sorted(ways, key=lambda way: (-len(way), way))
    return _any_case(ordered[0]) if len(ordered) == 1 else f"(?>{'|'.join(map(_any_case, ordered))})"


def _any_case(way: str) -> str:
    """Hexadecimal digits of an escape in either case; a plain character as it is."""
    return re.escape(way) if len(way) == 1 else "".join(f"[{c}{c.upper()}]" if c in "abcdef" else re.escape(c) for c in way)
