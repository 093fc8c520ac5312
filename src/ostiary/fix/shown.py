"""A patch as a person reads it: what, why, and the change as a unified diff in which no character of a credential is left."""

from __future__ import annotations

import difflib
import io
import re
import tokenize
from collections.abc import Iterator

from ostiary.fix.hidden import masked
from ostiary.fix.patch import Fixes, Patch

_CONTEXT = 3
_BREAK = re.compile(r"\r\n?|\n")
_UNSAFE = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def diffs(fixes: Fixes) -> Iterator[str]:
    """Each patch as text; ``git apply`` and ``patch`` read it, but for what is masked."""
    return (_shown(patch, fixes.hidden) for patch in fixes.patches)


def _shown(patch: Patch, hidden: frozenset[str]) -> str:
    heads = [f"# {f.weakness} {f.at}: {f.message}" for f in patch.findings]
    heads += [f"# {patch.note}"]
    heads += [f"# no longer hidden behind it: {f.weakness} {f.at}: {f.message}" for f in patch.revealed]
    old, new = (_lines(data) for data in (patch.before, patch.after))
    names = f"a/{patch.file}", f"b/{patch.file}"
    diff = [*difflib.unified_diff(old, new, *names, n=_CONTEXT, lineterm="")]
    body = [line if line.startswith(("---", "+++", "@@")) and n < 2 else _safe(line, hidden) for n, line in enumerate(diff)]
    return "\n".join([*(head.translate(_UNSAFE) for head in heads), *body]) + "\n"


def _safe(line: str, hidden: frozenset[str]) -> str:
    """Source may hold what a terminal obeys."""
    return line[:1] + masked(line[1:], hidden).translate(_UNSAFE)


def _lines(data: bytes) -> list[str]:
    encoding = "utf-8"
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        text = data.decode("utf-8", "replace")
    lines = _BREAK.split(text)
    return lines[:-1] if lines and not lines[-1] else lines
