"""Which live keys are in a text, a log or a repository (KEY-12). Of a key only its id leaves this module."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import KeyRecord, Standing, imported_digests, verify
from ostiary.guard.keyring import Keyring
from ostiary.guard.patience import patiently
from ostiary.wire import apikey

_PIECE = 1 << 20
# A token is whole in one piece or in the next: the longest that a header carries, and what may stand before it.
_OVERLAP = 8_192
_SHORTEST = 8
# What people's own keys look like in a text; quotes, commas, brackets, equal signs and colons stand around them.
_TOKEN = re.compile(rb"[A-Za-z0-9_\-.~+/=:!@#$%^&*]{8,4096}+")
_APART = re.compile(rb"[=:@&]+")
_MOST_PLACES = 20
_MOST_PARTS = 12
_LIVE = (Standing.OK, Standing.NOT_YET, Standing.DISABLED)
_SKIPPED = frozenset({".git", ".hg", ".svn"})


@dataclass
class Leak:
    """A key that was found: where (file, line), and how often. ``standing`` is what it was worth when it was found."""

    record: KeyRecord
    standing: Standing
    places: list[tuple[str, int]] = field(default_factory=list)
    times: int = 0

    @property
    def live(self) -> bool:
        """Could somebody call with it, now or when it begins or is enabled?"""
        return self.standing in _LIVE


class Search:
    """Looks for the keys of one keyring. ``files`` and ``bytes`` count what was read, ``unread`` what could not be."""

    def __init__(self, keyring: Keyring, clock: Callable[[], float]) -> None:
        self._keyring, self._clock = keyring, clock
        self._leaks: dict[str, Leak] = {}
        self._imported = {record.digest: record for record in keyring.list() if record.imported}
        self._verdicts: dict[bytes, Leak | None] = {}
        self.files = self.bytes = 0
        self.unread: list[str] = []

    @property
    def leaks(self) -> list[Leak]:
        """Live ones first, in the order in which they were found."""
        return sorted(self._leaks.values(), key=lambda leak: not leak.live)

    def path(self, path: Path, progress: Callable[[int], None] = lambda _: None) -> None:
        """A file, or every file below a folder but for the insides of version control. Raises UsageError when there is none."""
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        for file in _files(path):
            try:
                with file.open("rb") as stream:
                    self.stream(stream, str(file.relative_to(path)) if path.is_dir() else str(file), progress)
            except OSError:
                self.unread.append(str(file))

    def stream(self, stream: BinaryIO, name: str, progress: Callable[[int], None] = lambda _: None) -> None:
        """Reads to the end, a piece at a time."""
        self.files += 1
        held, line = b"", 1
        while piece := stream.read(_PIECE):
            self.bytes += len(piece)
            data = held + piece
            cut = max(0, len(data) - _OVERLAP)
            # Back to where no token is cut: the rest comes again with the next piece.
            cut = _boundary(data, cut)
            self._look(data[:cut], name, line)
            line += data.count(b"\n", 0, cut)
            held = data[cut:]
            progress(self.bytes)
        self._look(held, name, line)

    def _look(self, data: bytes, name: str, line: int) -> None:
        counted, at = line, 0
        for start, value in self._candidates(data):
            leak = self._known(value)
            if leak is not None:
                counted, at = counted + data.count(b"\n", at, start), start
                leak.times += 1
                if len(leak.places) < _MOST_PLACES and (name, counted) not in leak.places:
                    leak.places.append((name, counted))

    def _candidates(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Where something stands that may be a key, in order."""
        found = [(match.start(), match.group()) for match in apikey.PATTERN_BYTES.finditer(data)]
        if self._imported:
            for match in _TOKEN.finditer(data):
                found += _within(match.group(), match.start())
        return iter(sorted(found))

    def _known(self, value: bytes) -> Leak | None:
        if value not in self._verdicts:
            if len(self._verdicts) > 100_000:
                self._verdicts.clear()
            self._verdicts[value] = self._judged(value.decode("ascii"))
        return self._verdicts[value]

    def _judged(self, text: str) -> Leak | None:
        parts = apikey.parse(text)
        if parts is not None:
            record = patiently(self._keyring.store.find, parts.id)
            standing = verify(record, parts.secret, self._keyring.peppers, self._clock())
            # A wrong secret is nobody's key, whatever id it bears.
            return None if record is None or standing in (Standing.UNKNOWN, Standing.WRONG) else self._leak(record, standing)
        if not self._imported:
            return None
        record = next(
            (self._imported[digest] for digest in imported_digests(text, self._keyring.peppers) if digest in self._imported), None
        )
        return None if record is None else self._leak(record, self._keyring.state(record))

    def _leak(self, record: KeyRecord, standing: Standing) -> Leak:
        return self._leaks.setdefault(record.id, Leak(record, standing))


def _within(token: bytes, at: int) -> list[tuple[int, bytes]]:
    """The token, its parts, and what stands after each sign between them: such a sign may be part of a key, too."""
    starts = [0, *(match.end() for match in islice(_APART.finditer(token), _MOST_PARTS))]
    parts = {
        (start, part) for start in starts for part in (token[start:], token[start:].partition(b"&")[0], _APART.split(token[start:])[0])
    }
    return [(at + start, part) for start, part in parts if len(part) >= _SHORTEST]


def _boundary(data: bytes, cut: int) -> int:
    """The end of the last line before ``cut``, or of the last token; ``cut`` where there is neither within reach."""
    lowest = max(0, cut - _OVERLAP)
    newline = data.rfind(b"\n", lowest, cut)
    if newline >= 0:
        return newline + 1
    return max((data.rfind(mark, lowest, cut) + 1 for mark in (b" ", b'"', b",", b"'")), default=0) or cut


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if name not in _SKIPPED)
        # A pipe would be waited for; a link may lead out of the folder.
        yield from (file for name in sorted(files) if (file := Path(folder, name)).is_file() and not file.is_symlink())
