"""Where in a TOML text a key stands: tomllib tells values, never lines."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+\s*(?:#.*)?$")
_AT_LINE = re.compile(r"at line (\d+)")


def line_of(text: str, table: str, key: str = "", index: int = 0) -> int:
    """The line of ``key`` in the ``index``-th table of that header, the header's own line without a key; 1 when neither is to be seen."""
    here, seen, header_line = "", -1, 0
    wanted = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]") if key else None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            here = header.group(1).strip().replace(" ", "")
            seen += here == table
            header_line = number if here == table and seen <= index else header_line
        elif here == table and max(seen, 0) == index and wanted and wanted.match(line):
            return number
    return header_line or _first_mention(text, key or table.rpartition(".")[2])


def line_of_error(message: str, text: str) -> int:
    """The line that a TOMLDecodeError names; the last one for "at end of document"."""
    found = _AT_LINE.search(message)
    return int(found.group(1)) if found else max(len(text.splitlines()), 1)


def _first_mention(text: str, word: str) -> int:
    """For what is written inline, as in ``public = { "/x" = "…" }``."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if word in line), 1)
