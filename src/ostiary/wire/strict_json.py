"""JSON of strangers, read strictly (RFC 8259 within I-JSON, RFC 7493): one meaning for every reader, or none.

Refused: a name that stands twice in an object, NaN and Infinity, numbers beyond a double, half a surrogate pair, a byte order mark,
nesting beyond ``depth`` (looked for before anything is parsed).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

DEEPEST = 16
# One that does not end goes to the end of the text, or a search from each of its quotes would.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(data: bytes, depth: int = DEEPEST) -> Any:
    """The value. ValueError for everything that is not one strict JSON text in UTF-8."""
    if _deeper(data, depth):
        raise ValueError(f"nested deeper than {depth}")
    value = json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refused, parse_float=_finite)
    if _SURROGATE.search(data):
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError, a ValueError, for half a pair
    return value


def _deeper(data: bytes, depth: int) -> bool:
    if data.count(b"[") + data.count(b"{") <= depth:
        return False
    level = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", data)):
        level += 1 if bracket in b"[{" else -1
        if level > depth:
            return True
    return False


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError("a name stands twice")
        found[name] = value
    return found


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number beyond a double")
    return number
