"""All the ways in which a framework may read a path. Where they lead to different policies the call is refused.

A guard that does not do the routing itself must not be of another opinion about a path than the app behind it. Frameworks differ: one
joins empty segments (Litestar, Bottle), one resolves dots, one decodes twice, one cuts off ``;parameters``, one takes any case. None of
them is taken to be right.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote

_NEVER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~@:!$&'()*+,=-][A-Za-z0-9_~@:!$&'()*+,=.-]*)+/?|/")
# In a reading U+001F stands for a slash that does not part two segments.
_ENCODED = re.compile(r"%2f", re.IGNORECASE)
_SLASHES = re.compile(r"//+")
_AUTHORITY = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_DECODINGS = 3
_MOST = 16


def readings(path: str, target: str = "") -> frozenset[str] | None:
    """Every reading of a decoded path, itself included; None for control characters, invalid UTF-8, no slash in front, too many readings.

    ``target`` is the request's target as it was sent, where the server tells: it shows which slashes were encoded. Readings differ in:
    another decoding, compatibility characters, backslashes, ``;parameters``, what follows ``?`` or ``#``, empty segments, dots. Case and
    the slash at the end are the caller's.
    """
    if "%" not in target and _PLAIN.fullmatch(path):
        return frozenset((path,))
    if not path.startswith("/") or _NEVER.search(path):
        return None
    found = {path}
    for _ in range(_DECODINGS):
        found |= {unquote(one) for one in found}
    if any(unquote(one) not in found or _NEVER.search(one) for one in found):
        return None
    if _ENCODED.search(target):
        if (kept := _slashes_kept(path, target)) is None:
            return None
        found.add(kept)
    for read in _READERS:
        found |= {read(one) for one in found}
        if len(found) > _MOST:
            return None
    return frozenset(found)


def below(path: str, root: str) -> str | None:
    """The path below ``root_path``; None where frameworks would not agree on what that is."""
    root = root.rstrip("/")
    if not root:
        return path
    if path == root or path.startswith(root + "/"):
        return path[len(root) :] or "/"
    return None if root in path else path


def _slashes_kept(path: str, target: str) -> str | None:
    """The path with its encoded slashes inside segments; None where the target is of another path."""
    sent = _AUTHORITY.sub("", target.partition("?")[0])
    if not _ENCODED.search(sent):
        return path
    decoded = unquote(sent)
    above = decoded.removesuffix(path)
    if decoded == above or not sent.startswith(above):
        return None
    return unquote(_ENCODED.sub("%1f", sent[len(above) :]))


def _without_parameters(path: str) -> str:
    return "/".join(segment.partition(";")[0] for segment in path.split("/"))


def _cut(path: str) -> str:
    return re.split(r"[?#]", path, maxsplit=1)[0] or "/"


def _without_empty(path: str) -> str:
    return _SLASHES.sub("/", path)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and segments[-1] in (".", "..") else "")


_READERS: tuple[Callable[[str], str], ...] = (
    lambda path: unicodedata.normalize("NFKC", path),
    lambda path: path.replace("\\", "/"),
    _without_parameters,
    _cut,
    _without_empty,
    _without_dots,
    _without_empty,
)
