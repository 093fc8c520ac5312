"""Source for newer Pythons, rewritten so that 3.11 parses it: every line stays where it is, columns nearly so.

===========================================  ==========================================================
``except A, B:`` (3.14)                      ``except(A, B):``
``def f[T: X = Y](`` ``class C[T]:`` (3.12)  the brackets become spaces
``type X[T] = …`` (3.12)                     ``X = …``
``f"{d["k"]}"`` (3.12)                       ``__fstring__(d["k"])``, which ``convert`` reads as the f-string that it is
``t"…"`` (3.14)                              ``f"…"``
``lazy import x`` (3.15)                     ``import x``
===========================================  ==========================================================

All of a file is done in one pass, so there are two more tries to parse it and no loop: ``quickly`` sees what stands in one line, by
expressions that take strings for code, too, and is right where Python then reads the file; ``repair`` sees everything, and takes ten times
as long.
"""

from __future__ import annotations

import re

from ostiary.scan.code.ir import FSTRING
from ostiary.scan.code.lexer import NAME, OP, STRING, FString, Token, logical_lines, step

_HOPELESS = ("Missing parentheses in call", "null byte", "codec can't decode", "unknown encoding")
_NOT_BREAK = re.compile(rb"[^\r\n]+")
_BREAK = re.compile(rb"\r\n|\r|\n")
_Edit = tuple[int, int, bytes]
# possessive throughout: a line may be two million characters of somebody's choosing
_BRACKETS = rb"\[[^][\r\n]*+(?:\[[^][\r\n]*+\][^][\r\n]*+)*+\]"
_EXCEPT = re.compile(rb"^([ \t]*+except(?:[ \t]*+\*)?)[ \t]([ \t]*+[\w.]++(?:[ \t]*+,[ \t]*+[\w.]++)+)(?=[ \t]*+:)", re.MULTILINE)
_PARAMETERS = re.compile(rb"^([ \t]*+(?:async[ \t]++def|def|class)[ \t]++\w++[ \t]*+)(" + _BRACKETS + rb")(?=[ \t]*+[(:])", re.MULTILINE)
_TYPE = re.compile(rb"^([ \t]*+)(type[ \t]++)(\w++)([ \t]*+)((?:" + _BRACKETS + rb")?)(?=[ \t]*+=(?!=))", re.MULTILINE)


def quickly(source: bytes, error: SyntaxError) -> bytes | None:
    """What ``repair`` gives where the commonest of it is all there is, None when that is not in it."""
    if _is_hopeless(error):
        return None
    out = _EXCEPT.sub(lambda m: m[1] + b"(" + m[2] + b")", source)
    out = _PARAMETERS.sub(lambda m: m[1] + b" " * len(m[2]), out)
    out = _TYPE.sub(lambda m: m[1] + m[3] + b" " * len(m[2]) + m[4] + b" " * len(m[5]), out)
    return out if out != source else None


def _is_hopeless(error: SyntaxError) -> bool:
    return any(sign in str(error.msg) for sign in _HOPELESS)


def repair(source: bytes, error: SyntaxError) -> bytes | None:
    """The source as Python 3.11 would write it, None when nothing in it is newer."""
    if _is_hopeless(error):
        return None
    edits: list[_Edit] = []
    for line in logical_lines(source):
        edits += _statement(source, line)
        edits += _strings(source, line)
    return _apply(source, sorted(edits, key=lambda edit: edit[:2])) if edits else None


def _apply(source: bytes, edits: list[_Edit]) -> bytes:
    out: list[bytes] = []
    done = 0
    for start, end, text in edits:
        out += (source[done:start], text)
        done = end
    out.append(source[done:])
    return b"".join(out)


def _statement(source: bytes, line: list[Token]) -> list[_Edit]:
    """Edits of keywords. Only where a line begins: nothing that is new may stand elsewhere, and no token is looked at twice."""
    first = 1 if _is(source, line, 0, b"async") else 0
    if _is(source, line, first, b"except"):
        return _except(source, line)
    if _is(source, line, first, b"def") or _is(source, line, first, b"class"):
        return _type_parameters(source, line, first + 2)
    if _is(source, line, first, b"type"):
        return _type_alias(source, line)
    return _lazy(source, line) if _is(source, line, first, b"lazy") else []


def _is(source: bytes, line: list[Token], i: int, text: bytes) -> bool:
    return i < len(line) and source[line[i].start : line[i].end] == text


def _except(source: bytes, line: list[Token]) -> list[_Edit]:
    first = 2 if _is(source, line, 1, b"*") else 1
    depth, comma = 0, False
    for j in range(first, len(line)):
        text = source[line[j].start : line[j].end]
        if line[j].kind == OP:
            depth += step(text[0])
        if depth:
            continue
        if text == b"as":
            return []
        if text == b":":
            last = line[j - 1].end
            return [_opening(source, line[first].start), (last, last, b")")] if comma else []
        comma = comma or text == b","
    return []


def _opening(source: bytes, at: int) -> _Edit:
    """A parenthesis in place of the space before, so that columns stay."""
    return (at - 1, at, b"(") if source[at - 1 : at] in (b" ", b"\t") else (at, at, b"(")


def _type_parameters(source: bytes, line: list[Token], i: int) -> list[_Edit]:
    if not _is(source, line, i, b"["):
        return []
    depth = 0
    for token in line[i:]:
        if token.kind == OP:
            depth += step(source[token.start])
            if not depth:
                return [_blank(source, line[i].start, token.end)]
    return []


def _blank(source: bytes, start: int, end: int) -> _Edit:
    """Spaces of the same width; line breaks are kept, and joined, since no bracket spans them any more."""
    *pieces, last = _BREAK.split(source[start:end])
    breaks = _BREAK.findall(source[start:end])
    joined = [b" " * max(0, len(piece) - 1) + b"\\" + line_break for piece, line_break in zip(pieces, breaks, strict=True)]
    return (start, end, b"".join(joined) + b" " * len(last))


def _type_alias(source: bytes, line: list[Token]) -> list[_Edit]:
    if len(line) < 3 or line[1].kind != NAME:
        return []
    parameters = _type_parameters(source, line, 2)
    return [_to_front(source, line), *parameters] if parameters or _is(source, line, 2, b"=") else []


def _lazy(source: bytes, line: list[Token]) -> list[_Edit]:
    return [_to_front(source, line)] if _is(source, line, 1, b"import") or _is(source, line, 1, b"from") else []


def _to_front(source: bytes, line: list[Token]) -> _Edit:
    """The second word in place of the first, whose indentation the statement needs."""
    start, word = line[0].start, line[1]
    return (start, word.end, source[word.start : word.end] + b" " * (word.start - start))


def _strings(source: bytes, line: list[Token]) -> list[_Edit]:
    """Edits of f-strings, each with the strings that stand beside it and are one with it."""
    out: list[_Edit] = []
    group: list[Token] = []
    for token in (*line, None):
        if token is not None and token.kind == STRING:
            group.append(token)
        elif group:
            out += _group(source, group)
            group = []
    return out


def _group(source: bytes, group: list[Token]) -> list[_Edit]:
    if any(token.fstring is not None and token.fstring.modern for token in group):
        return _call(source, group)
    out: list[_Edit] = []
    for token in group:
        if token.fstring is not None:
            out += _plain_prefix(source, token)
            for part in token.fstring.fields:
                out += _strings(source, part.tokens)
    return out


def _plain_prefix(source: bytes, token: Token) -> list[_Edit]:
    made = token.fstring
    if made is None or b"t" not in made.prefix:
        return []
    return [(token.start, token.start + len(made.prefix), made.prefix.replace(b"t", b"f"))]


def _call(source: bytes, group: list[Token]) -> list[_Edit]:
    """``"a" f"b{c}"`` → ``__fstring__("a","b",(c))``."""
    out: list[_Edit] = [(group[0].start, group[0].start, FSTRING.encode() + b"(")]
    for token in group:
        if token.fstring is not None and token.fstring.modern:
            out += _taken_apart(source, token, token.fstring)
        else:
            out += [*_group(source, [token]), (token.end, token.end, b",")]
    return [*out, (group[-1].end, group[-1].end, b")")]


def _taken_apart(source: bytes, token: Token, made: FString) -> list[_Edit]:
    """Literals become strings of their own and fields their expressions, all of them arguments."""
    out: list[_Edit] = []
    done, at = token.start, token.start + len(made.prefix) + len(made.quote)
    for part in made.fields:
        out.append((done, part.start + 1, _literal(source, made, at, part.start) + b"("))
        out += _strings(source, part.tokens)
        # of what follows the expression (``!r:format}``) only the line breaks stay
        out.append((part.stop, part.end, b")," + _NOT_BREAK.sub(b"", source[part.stop : part.end])))
        done = at = part.end
    return [*out, (done, token.end, _literal(source, made, at, token.end - len(made.quote)))]


def _literal(source: bytes, made: FString, start: int, end: int) -> bytes:
    """A piece of text between fields as a string of its own."""
    if start == end:
        return b""
    quote, text = made.quote, source[start:end].replace(b"{{", b"{").replace(b"}}", b"}")
    if b"r" in made.prefix:
        # a raw string cannot end in a backslash: the last one is written beside it
        stem = text.removesuffix(b"\\") if _ends_escaping(text) else text
        beside = b" '\\\\'" if stem is not text else b""
        return b"r" + quote + stem + quote + beside + b","
    if _ends_escaping(text):
        text += b"\\"
    elif len(quote) == 3 and text.endswith(quote[:1]) and not _ends_escaping(text[:-1]):
        text = text[:-1] + b"\\" + text[-1:]
    return quote + text + quote + b","


def _ends_escaping(text: bytes) -> bool:
    """An odd number of backslashes at the end."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
