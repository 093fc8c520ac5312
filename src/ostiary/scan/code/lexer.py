"""Tokens of Python source of any version, f-strings with their replacement fields: what ``repair`` and the comments of ``convert`` need.

Bytes in, offsets out; linear; never raises. What cannot be told apart (an unterminated string) comes back as one token to the end of its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ostiary.scan.records import field, record

NAME, STRING, OP, NEWLINE, COMMENT, NUMBER = "name", "string", "op", "newline", "comment", "number"
_TOKEN = re.compile(
    rb"(?P<space>[ \t\f]+|\\(?:\r\n|\r|\n))|(?P<string>(?:[bBuUrRfFtT]{1,2})?(?:'''|\"\"\"|'|\"))"
    rb"|(?P<name>[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)|(?P<newline>\r\n|\r|\n)|(?P<comment>#[^\r\n]*)"
    rb"|(?P<number>\.?[0-9][A-Za-z0-9_.]*)|(?P<op>.)",
    re.DOTALL,
)
_REST = {
    b"'": re.compile(rb"(?:[^'\\\r\n]+|\\(?:\r\n|.))*+'", re.DOTALL),
    b'"': re.compile(rb'(?:[^"\\\r\n]+|\\(?:\r\n|.))*+"', re.DOTALL),
    b"'''": re.compile(rb"(?:[^'\\]+|\\.|'(?!''))*+'''", re.DOTALL),
    b'"""': re.compile(rb'(?:[^"\\]+|\\.|"(?!""))*+"""', re.DOTALL),
}
_LITERAL = re.compile(rb"\\N\{[^{}'\"\r\n]*\}|\\(?=[{}])|\\(?:\r\n|.)|\{\{|\}\}|[{}'\"\r\n]", re.DOTALL)
_LINE = re.compile(rb"[^\r\n]*")
_FORMAT = re.compile(rb"[:}]")
_FORMAT_PIECE = re.compile(rb"[{}'\"\r\n]")
_OPEN, _CLOSE = b"([{", b")]}"
# far beyond what anybody writes; without them a hostile file costs its length squared
_MAX_NESTED, _MAX_BROKEN, _MAX_FIELD = 20, 20, 20_000


@record
class Field:
    """``{expression!r:format}``: from ``start`` (the brace) to ``end`` (after the other brace); the expression ends at ``stop``."""

    start: int
    stop: int
    end: int
    tokens: list[Token] = field(default_factory=list)


@record
class FString:
    """``prefix`` as written, ``quote`` one or three; ``modern`` when Python 3.11 cannot read it; ``fields`` in order, those in formats left out."""

    prefix: bytes
    quote: bytes
    modern: bool = False
    fields: list[Field] = field(default_factory=list)


@record
class Token:
    """A piece of source; ``start`` and ``end`` are offsets."""

    kind: str
    start: int
    end: int
    fstring: FString | None = None


class _Broken(Exception):
    """No f-string after all."""


def tokens(source: bytes) -> Iterator[Token]:
    """Every token but spaces, from the first to the last byte."""
    lexer = _Lexer(source)
    at = 3 if source.startswith(b"\xef\xbb\xbf") else 0
    while at < len(source):
        token, at = lexer.next(at, 0)
        if token is not None:
            yield token


def logical_lines(source: bytes) -> Iterator[list[Token]]:
    """Tokens by statement line: line breaks inside brackets do not count, comments are left out."""
    line: list[Token] = []
    depth = 0
    for token in tokens(source):
        if token.kind == NEWLINE:
            if line and not depth:
                yield line
                line = []
        elif token.kind != COMMENT:
            if token.kind == OP:
                depth = max(0, depth + step(source[token.start]))
            line.append(token)
    if line:
        yield line


def step(byte: int) -> int:
    """How a bracket changes the depth: 1, -1, and 0 for anything else."""
    return (byte in _OPEN) - (byte in _CLOSE)


class _Lexer:
    """``broken`` are places where an f-string was tried in vain."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.broken: set[int] = set()

    def next(self, at: int, nested: int) -> tuple[Token | None, int]:
        """The token at a place (None for a space) and the place after it."""
        found = _TOKEN.match(self.source, at)
        if found is None or found.lastgroup == "space":
            return None, found.end() if found is not None else at + 1
        if found.lastgroup == STRING:
            token = self._string(at, found.end(), nested)
            return token, token.end
        return Token(str(found.lastgroup), at, found.end()), found.end()

    def _string(self, at: int, body: int, nested: int) -> Token:
        source = self.source
        quote = source[body - 3 : body] if source[body - 3 : body] in _REST and body - at >= 3 else source[body - 1 : body]
        prefix = source[at : body - len(quote)].lower()
        if (b"f" in prefix or b"t" in prefix) and at not in self.broken and len(self.broken) < _MAX_BROKEN:
            made = FString(prefix, quote)
            try:
                return Token(STRING, at, self._fstring(body, made, nested + 1), made)
            except _Broken:
                self.broken.add(at)
        found = _REST[quote].match(source, body) or _LINE.match(source, body)
        return Token(STRING, at, found.end() if found is not None else body)

    def _fstring(self, at: int, made: FString, nested: int) -> int:
        """Reads the literal and the fields of an f-string after its opening quote; where it ends."""
        if nested > _MAX_NESTED:
            raise _Broken
        while True:
            mark, at = self._piece(at, made)
            if mark == made.quote:
                return at
            if mark == b"{":
                part = self._field(at, made, nested)
                made.fields.append(part)
                at = part.end

    def _piece(self, at: int, made: FString) -> tuple[bytes, int]:
        """The next thing in a literal that matters, the closing quote or a brace, and the place after it."""
        raw = b"r" in made.prefix
        while found := _LITERAL.search(self.source, at):
            mark, at = found.group(), found.end()
            if mark in (b"{", b"}"):
                return mark, at
            if raw and mark.startswith(b"\\N{"):
                at = found.start() + 2
            elif mark in (b"'", b'"') and self.source.startswith(made.quote, found.start()):
                return made.quote, found.start() + len(made.quote)
            elif mark in (b"\r", b"\n") and len(made.quote) == 1:
                break
        raise _Broken

    def _field(self, at: int, made: FString, nested: int) -> Field:
        """A replacement field, ``at`` after its opening brace."""
        part = Field(at - 1, 0, 0)
        depth, limit = 0, min(len(self.source), at + _MAX_FIELD)
        while at < limit:
            token, at = self.next(at, nested)
            if token is None:
                continue
            if token.kind == OP:
                if not depth and self._ends(token, part.tokens):
                    part.stop = token.start
                    break
                depth += step(self.source[token.start])
            made.modern = made.modern or token.kind == COMMENT or (token.fstring is not None and token.fstring.modern)
            part.tokens.append(token)
        if not part.stop or depth:
            raise _Broken
        part.end = self._format(part.stop, made, nested)
        made.modern = made.modern or self._is_modern(part, made.quote)
        return part

    def _is_modern(self, part: Field, quote: bytes) -> bool:
        marks = (b"\\", quote, b"\n", b"\r") if len(quote) == 1 else (b"\\", quote)
        return any(self.source.find(mark, part.start, part.end) >= 0 for mark in marks)

    def _ends(self, token: Token, before: list[Token]) -> bool:
        """``}``, ``:``, ``!r`` or the ``=`` of ``{x=}`` at the level of the field."""
        mark, follows = self.source[token.start : token.end], self.source[token.end : token.end + 1]
        if mark in (b"}", b":"):
            return True
        if mark == b"!":
            return follows != b"="
        compares = (
            bool(before) and before[-1].end == token.start and self.source[before[-1].start : before[-1].end] in (b"=", b"!", b"<", b">")
        )
        return mark == b"=" and follows != b"=" and not compares

    def _format(self, at: int, made: FString, nested: int) -> int:
        """After the expression: ``=``, ``!r``, ``:format`` with fields of its own, up to the closing brace; where that ends."""
        found = _FORMAT.search(self.source, at)
        if found is None or nested > _MAX_NESTED:
            raise _Broken
        at = found.end()
        if found.group() == b"}":
            return at
        while found := _FORMAT_PIECE.search(self.source, at):
            at = found.end()
            if found.group() == b"}":
                return at
            if found.group() == b"{":
                at = self._field(at, made, nested + 1).end
            elif self.source.startswith(made.quote, found.start()) or (found.group() in (b"\r", b"\n") and len(made.quote) == 1):
                break
        raise _Broken
