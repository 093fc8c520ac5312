"""Events as JSON, one a line, in a file of bounded size."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path

from ostiary.errors import UsageError
from ostiary.guard.event import Event, as_json

_MAX_BYTES = 100 * 1024 * 1024


class JsonLines:
    """Appends to ``path`` (mode 0600); above ``max_bytes`` it becomes ``path.1``, and so on up to ``path.<keep>``; older ones go.

    One file for each process: where several write, ``{pid}`` in ``path`` is the number of each. Raises UsageError for a file that cannot
    be written. A file that somebody moved away is made anew.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = _MAX_BYTES, keep: int = 5) -> None:
        if max_bytes < 1 or keep < 0:
            raise UsageError(f"JsonLines: max_bytes above 0 and keep of 0 or more, not {max_bytes!r} and {keep!r}")
        self._name, self._max_bytes, self._keep = os.fspath(path), max_bytes, keep
        try:
            os.close(_opened(self._path))
        except OSError as error:
            raise UsageError(f"JsonLines: {self._path}: {error.strerror}") from None

    @property
    def _path(self) -> Path:
        return Path(self._name.replace("{pid}", str(os.getpid())))

    def write(self, events: Sequence[Event]) -> None:
        data = b"".join(json.dumps(as_json(event), separators=(",", ":")).encode() + b"\n" for event in events)
        path = self._path
        if path.exists() and path.stat().st_size and path.stat().st_size + len(data) > self._max_bytes:
            self._rotate(path)
        handle = _opened(path)
        try:
            # In one call, so that two processes that share a file do not mix their lines.
            written = os.write(handle, data)
            while written < len(data):
                written += os.write(handle, data[written:])
        finally:
            os.close(handle)

    def _rotate(self, path: Path) -> None:
        names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, self._keep + 1))]
        names[-1].unlink(missing_ok=True)
        for old, new in reversed(list(itertools.pairwise(names))):
            if old.exists():
                old.replace(new)

    def close(self) -> None:
        """Every write has closed the file."""


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
