"""Is this route let through before the check? Tests of path, method and endpoint, answered True, False or not known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

if TYPE_CHECKING:
    from ostiary.scan.code.values import Value

_PARAMETER = Pattern(r"\{[^{}]*\}")
_HEAVY = Pattern(r"[)\]][*+{]|\(\?[<!=P]|\\\d|[*+][^)|]*[*+]\)?[*+]")
_MAX_TEXT = 300
_SAMPLES = ("1", "abc")


@record(frozen=True)
class RequestView:
    """What is known of the request for one route; ``path`` has parameters as in the template, ``marks`` are the attributes of its view function,
    None when what wraps it could not be read."""

    method: str
    path: str
    template: str
    endpoint: str
    blueprint: str
    marks: Mapping[str, Value] | None = None


def part(view: RequestView | None, name: str) -> str | None:
    """The text of a part of the request, None when it is not known."""
    if view is None:
        return None
    if name in ("path", "raw_path"):
        return view.path
    if name == "method":
        return "GET" if view.method in ("ANY", "") else view.method
    if name == "type":
        return "websocket" if view.method.upper() in ("WEBSOCKET", "WS") else "http"
    if name == "endpoint":
        return view.endpoint or None
    return {"blueprint": view.blueprint, "rule": view.template}.get(name)


def equals(text: str, other: Any) -> bool | None:
    if not isinstance(other, (str, bytes)):
        return False
    literal = other.decode("utf-8", "replace") if isinstance(other, bytes) else other
    if "{" not in text:
        return text == literal
    return None if re.fullmatch(_pattern(text), literal) else False


def _pattern(text: str) -> str:
    return ".+".join(re.escape(piece) for piece in _PARAMETER.split(text))


def starts(text: str, prefix: str) -> bool | None:
    head = _PARAMETER.split(text)[0]
    if head.startswith(prefix):
        return True
    return None if "{" in text and prefix.startswith(head) else False


def ends(text: str, suffix: str) -> bool | None:
    tail = _PARAMETER.split(text)[-1]
    if tail.endswith(suffix):
        return True
    return None if "{" in text and suffix.endswith(tail) else False


def contains(text: str, inner: str) -> bool | None:
    if any(inner in piece for piece in _PARAMETER.split(text)):
        return True
    return None if "{" in text else False


def any_of(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def matches(text: str, pattern: str, how: str) -> bool | None:
    """``re.match``, ``search`` or ``fullmatch`` with parameters filled in; a pattern that could run away is not tried."""
    if len(pattern) > _MAX_TEXT or len(text) > _MAX_TEXT or _HEAVY.search(pattern):
        return None
    try:
        tester = re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
    samples = {_PARAMETER.sub(sample, text) for sample in _SAMPLES}
    answers = {bool(getattr(tester, how)(sample)) for sample in samples}
    return answers.pop() if len(answers) == 1 else None
