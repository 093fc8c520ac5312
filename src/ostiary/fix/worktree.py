"""Which files differ from what git has staged. The index is read, git is not run: a repository's configuration may name commands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_ENTRY = 62


def uncommitted(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of the paths that git knows in another form; none where there is no git or an index that cannot be read."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if top is None:
        return []
    try:
        known = dict(_entries((_folder(top / ".git") / "index").read_bytes()))
        return [path for path in paths if (name := _name(path, top)) in known and known[name] != _blob(path.read_bytes())]
    except (OSError, ValueError, IndexError):
        return []


def _folder(git: Path) -> Path:
    """A linked work tree has a file that says where."""
    if git.is_dir():
        return git
    return (git.parent / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()


def _name(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix()


def _blob(data: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).digest()


def _entries(index: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, SHA-1) of each entry; versions 2 and 3 of the format (gitformat-index)."""
    version, count = int.from_bytes(index[4:8]), int.from_bytes(index[8:12])
    if index[:4] != b"DIRC" or version not in (2, 3):
        raise ValueError("an index that is not read here")
    at = 12
    for _ in range(count):
        flags = int.from_bytes(index[at + 60 : at + 62])
        start = at + _ENTRY + (2 if flags & 0x4000 else 0)
        end = index.index(b"\0", start)
        yield index[start:end].decode("utf-8", "surrogateescape"), index[at + 40 : at + 60]
        at += (end - at + 8) & ~7
