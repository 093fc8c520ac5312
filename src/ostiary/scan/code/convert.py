"""Source text → ``ir.Module``: decode, parse (repairing what only newer Pythons accept), convert once, drop the tree."""

from __future__ import annotations

import ast
import re
import warnings

from ostiary.scan.code.convert_expr import Reader, TooDeep
from ostiary.scan.code.convert_stmt import block
from ostiary.scan.code.ir import COLUMNS, Module
from ostiary.scan.lazy import Pattern

_COMMENT = Pattern(rb"#[ \t]*ostiary:(.*)", re.DOTALL)
_BREAK = Pattern(rb"\r\n|\r|\n")
_TEMPLATE = ("{%", "{{", "{#", "<%")
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_PYTHON_2 = Pattern(r"\s*(?:print\b(?!\s*\()|exec\s+[\w'\"]|raise\s+[\w.]+\s*,)|.*(?:<>|`|\b0[0-7]+L?\b|\b[uU][rR]['\"])")
_DEEP = "nested too deeply"


class Unparsable(Exception):
    """The file is no Python that can be read; the message says why in a few words."""


def convert(source: bytes, name: str, path: str, is_package: bool, audience: str = "developer") -> Module:
    """One file as a Module. Raises Unparsable."""
    tree, repaired = _parse(source)
    if _has_long_line(source):
        _clamp(tree)
    module = Module(name, path, is_package, audience, repaired=repaired)
    reader = Reader(module)
    try:
        module.body = reader.top.body = block(reader, tree.body)
    except (RecursionError, TooDeep):
        raise Unparsable(_DEEP) from None
    module.top = reader.top
    if b"ostiary:" in source:
        module.comments = _comments(source)
    return module


def _parse(source: bytes) -> tuple[ast.Module, bool]:
    try:
        return _ast(source), False
    except SyntaxError as error:
        return _repaired(source, error), True


def _repaired(source: bytes, error: SyntaxError) -> ast.Module:
    # Late: most files need neither repair nor lexer, which take as long to import as a small file to read.
    from ostiary.scan.code.repair import quickly, repair

    for fix in (quickly, repair):
        fixed = fix(source, error)
        if fixed is None:
            continue
        try:
            return _ast(fixed)
        except SyntaxError as another:
            error = another if fix is repair else error
    raise Unparsable(_say(error, source))


def _ast(source: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (RecursionError, MemoryError):
        raise Unparsable(_DEEP) from None
    except SyntaxError:
        raise
    except ValueError as error:
        raise Unparsable("holds null bytes" if "null" in str(error) else str(error)[:80]) from None


def _say(error: SyntaxError, source: bytes) -> str:
    message, line, where = str(error.msg), error.text or "", f" (line {error.lineno})" if error.lineno else ""
    if line.lstrip().startswith(_CONFLICT):
        return f"an unresolved merge conflict{where}"
    if any(mark in line for mark in _TEMPLATE) or _is_template(source):
        return f"a template, not Python{where}"
    if "too many nested" in message or "too many levels" in message:
        return _DEEP
    if "null byte" in message:
        return "holds null bytes"
    if "unknown encoding" in message or "encoding problem" in message:
        return "declares an encoding that does not exist"
    if "codec can't decode" in message:
        return "neither UTF-8 nor the encoding it declares"
    if message.startswith("Missing parentheses in call") or _PYTHON_2.match(line):
        return f"Python 2{where}"
    return f"{message[:80]}{where}"


def _is_template(source: bytes) -> bool:
    """``{%`` outside strings and comments."""
    from ostiary.scan.code import lexer

    return any(t.kind == lexer.OP and source.startswith(b"{%", t.start) for t in lexer.tokens(source))


def _has_long_line(source: bytes) -> bool:
    """A line is wider than a position can tell; strides from line break to line break, so that it costs next to nothing."""
    at = 0
    while at + COLUMNS < len(source):
        found = source.rfind(b"\n", at, at + COLUMNS)
        if found < 0:
            return True
        at = found + 1
    return False


def _clamp(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if getattr(node, "col_offset", 0) >= COLUMNS:
            node.col_offset = COLUMNS - 1  # type: ignore[attr-defined]


def _comments(source: bytes) -> tuple[tuple[int, str, bool], ...]:
    """(line, text after ``ostiary:``, stands alone) of each ``# ostiary:`` comment, by tokens so that strings do not count."""
    from ostiary.scan.code import lexer

    found, line, counted = [], 1, 0
    for token in lexer.tokens(source):
        text = _COMMENT.match(source, token.start, token.end) if token.kind == lexer.COMMENT else None
        if text is not None:
            breaks = _BREAK.findall(source, counted, token.start)
            line, counted = line + len(breaks), token.start
            start = max(source.rfind(b"\n", 0, token.start), source.rfind(b"\r", 0, token.start)) + 1
            found.append((line, text.group(1).decode("utf-8", "replace").strip(), not source[start : token.start].strip()))
    return tuple(found)
