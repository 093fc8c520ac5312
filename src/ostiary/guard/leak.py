"""Nothing secret leaves in an answer (LEAK-2): the presented credential, keys of our form, PEM private keys, registered secrets.

What is found is overwritten with ``*``, as many as it had bytes, so that Content-Length and chunking stay right; of a key of ours the
prefix, which is public, stays. Only an end that really is the beginning of a secret is held back until the next part shows: a
server-sent event ends in a blank line and leaves at once. An answer is watched up to ``CAP`` bytes. What is compressed inside of the guard
cannot be watched, and whoever asks for ranges can have a secret in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ostiary.wire import apikey
from ostiary.wire.needle import SHORTEST, begun
from ostiary.wire.redact import default

CAP = 16 * 1024 * 1024
"""Bytes of one answer that are watched."""
_LONGEST_PEM = 20_000
_LONGEST_HEADER = 80
_PEM_START = b"-----BEGIN "
_PEM_HEADER = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_UNENDED = re.compile(rb"[A-Za-z0-9+/=\s\\:,-]{0,%d}+" % _LONGEST_PEM)
_HEADER_BEGUN = re.compile(rb"-(?:-(?:-(?:-(?:-(?:B(?:E(?:G(?:I(?:N(?: [A-Z0-9 ]{0,64}-{0,4})?)?)?)?)?)?)?)?)?)?\Z")
_KEY_MARKS = (b"_sk_", b"_pk_")
_KEY = re.compile(rb"_[sp]k_[a-z0-9]{2,8}_[0-9A-Za-z]{51}")
_KEY_BEGUN = re.compile(rb"_(?:[sp](?:k(?:_(?:[a-z0-9]{0,8}|[a-z0-9]{2,8}_[0-9A-Za-z]{0,50}))?)?)?\Z")
Span = tuple[int, int, str]


def harmless(data: bytes, credential: str, *, ours: bool = True) -> bool:
    """Can a ``BodyWatch`` find nothing in this answer, which came as a whole? False where that is not sure."""
    # ``find``, because ``in`` first tries whether what is searched is a number: ten times the cost.
    if ours and data.find(b"k_") >= 0 and (data.find(b"_sk_") >= 0 or data.find(b"_pk_") >= 0):
        return False
    if data.find(_PEM_START) >= 0 or default.needles:
        return False
    return len(credential) < SHORTEST or data.find(credential.encode()) < 0


class BodyWatch:
    """Watches one answer. ``clean(chunk)`` gives what may leave now, ``rest()`` what was held back; ``removed`` names what was found."""

    __slots__ = ("_covered", "_credential", "_held", "_needles", "_ours", "_seen", "removed")

    def __init__(self, credential: str, *, ours: bool = True) -> None:
        """``ours`` False on a route that hands out keys: keys of our form may leave there."""
        self._credential = credential.encode() if len(credential) >= SHORTEST else b""
        self._needles = default.needles
        self._ours = ours
        self._held = b""
        self._covered = 0  # bytes at the start of what is held that belong to a secret already found
        self._seen = 0
        self.removed: list[str] = []

    def clean(self, chunk: bytes, last: bool = False) -> bytes:
        """What may leave of this part and of what was held back before."""
        if self._seen > CAP:
            return chunk
        self._seen += len(chunk)
        data = self._held + chunk if self._held else chunk
        spans = list(self._spans(data))
        keep = 0 if last or self._seen > CAP else self._keep(data)
        if not spans and not keep and not self._covered:
            self._held = b""
            return data
        return self._released(data, spans, len(data) - keep)

    def rest(self) -> bytes:
        """The end of the answer."""
        return self.clean(b"", last=True)

    def _released(self, data: bytes, spans: list[Span], cut: int) -> bytes:
        """What stands before the cut, masked. A secret that lies across it is masked on both sides."""
        leaving = bytearray(data[:cut])
        covered = self._covered
        for start, end, family in [(0, covered, ""), *spans]:
            if start < cut and start < end:
                leaving[start : min(end, cut)] = b"*" * (min(end, cut) - start)
                covered = max(covered, end)
                self.removed += [family] if family else []
        self._held, self._covered = data[cut:], max(0, covered - cut)
        return bytes(leaving)

    def _spans(self, data: bytes) -> Iterator[Span]:
        if self._credential:
            yield from ((start, start + len(self._credential), "credential") for start in _places(data, self._credential))
        if self._ours and any(mark in data for mark in _KEY_MARKS):
            yield from ((*found.span(), "key") for found in _KEY.finditer(data))
        if _PEM_START in data:
            yield from _private_keys(data)
        if self._needles:
            # One character a byte, so that places in the text are places in the data; values beyond ASCII are searched as their UTF-8.
            text = data.decode("latin-1")
            for needle in self._needles:
                yield from ((*span, needle.family) for span in needle.spans(text))
                if not needle.value.isascii():
                    raw = needle.value.encode("utf-8", "surrogatepass")
                    yield from ((start, start + len(raw), needle.family) for start in _places(data, raw))

    def _keep(self, data: bytes) -> int:
        """The length of the longest end that may be the beginning of a secret."""
        keep = begun(data, self._credential) if self._credential else 0
        if self._ours and (found := _KEY_BEGUN.search(data, max(0, len(data) - apikey.LONGEST))):
            keep = max(keep, len(data) - found.start())
        if b"-" in data:
            keep = max(keep, _private_key_begun(data))
        if self._needles:
            longest = max(needle.longest for needle in self._needles)
            text = data[-longest:].decode("latin-1")
            keep = max(keep, *(needle.begun(text) for needle in self._needles))
        return keep


def _places(data: bytes, value: bytes) -> Iterator[int]:
    at = data.find(value)
    while at >= 0:
        yield at
        # One further, not behind it: occurrences may overlap, and all must go.
        at = data.find(value, at + 1)


def _private_keys(data: bytes) -> Iterator[Span]:
    """PEM and PGP private keys; one whose end is missing goes as far as its alphabet does."""
    at = 0
    while (at := data.find(_PEM_START, at)) >= 0:
        header = _PEM_HEADER.match(data, at)
        if header is None:
            at += len(_PEM_START)
            continue
        start, at = at, _private_key_end(data, header.end())
        if at < 0:
            at = _PEM_UNENDED.match(data, header.end()).end()  # type: ignore[union-attr]
        yield start, at, "private-key"


def _private_key_end(data: bytes, start: int) -> int:
    """Where the line after the key ends; -1 when it is not there."""
    end = data.find(b"-----END ", start, start + _LONGEST_PEM)
    closing = data.find(b"-----", end + 9, end + _LONGEST_HEADER) if end >= 0 else -1
    return closing + 5 if closing >= 0 else -1


def _private_key_begun(data: bytes) -> int:
    """The length of an end that is the beginning of a private key."""
    start = data.rfind(_PEM_START, max(0, len(data) - _LONGEST_PEM))
    header = _PEM_HEADER.match(data, start) if start >= 0 else None
    if header is not None and _private_key_end(data, header.end()) < 0:
        return len(data) - start
    found = _HEADER_BEGUN.search(data, max(0, len(data) - _LONGEST_HEADER))
    return len(data) - found.start() if found is not None else 0


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
