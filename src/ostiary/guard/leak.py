"""Nothing secret leaves in an answer (LEAK-2): the presented credential, keys of our form, PEM private keys, registered secrets.

What is found is overwritten with ``*``, as many as it had bytes, so that Content-Length and chunking stay right. An end that may be the
beginning of a secret is held back until the next part shows; an answer is watched up to ``CAP`` bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ostiary.wire import apikey
from ostiary.wire.needle import SHORTEST, Needle
from ostiary.wire.redact import default

CAP = 16 * 1024 * 1024
"""Bytes of one answer that are watched."""
_LONGEST_PEM = 16_384
_PEM_START = b"-----BEGIN"
_PEM_END = b"-----END"
_PEM = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----[^-]{0,16384}(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY-----)?")
_KEY_MARKS = (b"_sk_", b"_pk_")


class BodyWatch:
    """Watches one answer. ``clean(chunk)`` gives what may leave now, ``rest()`` what was held back; ``removed`` names what was found."""

    __slots__ = ("_credential", "_held", "_hold", "_needles", "_ours", "_seen", "removed")

    def __init__(self, credential: str, *, ours: bool = True) -> None:
        """``ours`` False on a route that hands out keys: keys of our form may leave there."""
        self._credential = credential.encode() if len(credential) >= SHORTEST else b""
        self._needles = default.needles
        self._ours = ours
        self._hold = 0
        self._held = b""
        self._seen = 0
        self.removed: list[str] = []

    def clean(self, chunk: bytes, last: bool = False) -> bytes:
        """What may leave of this part and of what was held back before."""
        if self._seen > CAP:
            return chunk
        self._seen += len(chunk)
        data = self._masked(self._held + chunk if self._held else chunk)
        self._held = b""
        if last or self._seen > CAP:
            return data
        keep = self._keep(data)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def rest(self) -> bytes:
        """The end of the answer."""
        return self.clean(b"", last=True)

    def _keep(self, data: bytes) -> int:
        self._hold = self._hold or max([len(self._credential), default.longest])
        start = data.rfind(_PEM_START, max(0, len(data) - _LONGEST_PEM))
        if start >= 0 and data.find(_PEM_END, start) < 0:
            return len(data) - start
        return min(len(data), self._hold - 1)

    def _masked(self, data: bytes) -> bytes:
        if self._credential and self._credential in data:
            self.removed.append("credential")
            data = data.replace(self._credential, b"*" * len(self._credential))
        if self._ours and any(mark in data for mark in _KEY_MARKS):
            data = self._without(apikey.PATTERN_BYTES.finditer(data), data, "key")
        if _PEM_START in data:
            data = self._without(_PEM.finditer(data), data, "private-key")
        return _without_needles(data, self._needles, self.removed) if self._needles else data

    def _without(self, found: Iterator[re.Match[bytes]], data: bytes, family: str) -> bytes:
        for match in found:
            data = data[: match.start()] + b"*" * (match.end() - match.start()) + data[match.end() :]
            self.removed.append(family)
        return data


def _without_needles(data: bytes, needles: Iterable[Needle], removed: list[str]) -> bytes:
    # One character a byte, so that places in the text are places in the data; values beyond ASCII are searched as their UTF-8.
    text = data.decode("latin-1")
    for needle in needles:
        for start, end in needle.spans(text):
            text = text[:start] + "*" * (end - start) + text[end:]
            removed.append(needle.family)
        if not needle.value.isascii():
            raw = needle.value.encode().decode("latin-1")
            text = text.replace(raw, "*" * len(raw))
    return text.encode("latin-1")


def clean_headers(headers: Iterable[tuple[str, str]], credential: str, *, ours: bool = True) -> list[tuple[str, str]]:
    """The same for the values of headers."""
    fixed = [value for value in (credential, *(needle.value for needle in default.needles)) if len(value) >= SHORTEST]
    return [(name, _clean_text(value, fixed, ours)) for name, value in headers]


def _clean_text(text: str, fixed: list[str], ours: bool) -> str:
    for value in fixed:
        if value in text:
            text = text.replace(value, "*" * len(value))
    if ours and ("_sk_" in text or "_pk_" in text):
        text = apikey.PATTERN.sub(lambda found: "*" * len(found.group()), text)
    return text
