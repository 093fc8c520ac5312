"""Discovery: which files of a tree a scan reads, and what it passes over. Nothing is parsed, imported or executed here.

Left out without a word: what .gitignore or the user excludes, version control, virtual environments, caches, generated builds.
Counted: tests, examples, documentation and migrations (*samples*), unless asked for or nothing else is there.
Told in ``Walk.skipped``: what could hide a route or its protection.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from ostiary.errors import UsageError
from ostiary.model.finding import Audience
from ostiary.model.scan import Skipped
from ostiary.scan.code.ignore import exclude_rules
from ostiary.scan.code.listing import DOCUMENTS, NOTEBOOKS, ROUTES_HEAD, Listing, list_tree, may_declare_routes
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import record

SIZE_LIMIT = 2 * 1024 * 1024
_DOCUMENT_HEAD = 4 * 1024
# ``openapi: 3.1.0``, ``"swagger":"2.0"``: not a workflow or a package that only speaks of it.
_POLICIES = b"policy"
_DOCUMENT_VERSION = Pattern(rb"""(?:openapi|swagger)["']?\s*:\s*["']?[23]""")


@record(frozen=True)
class SourceFile:
    """A file that was read: ``path`` is posix and relative to the root, ``audience`` is developer or sample."""

    path: str
    source: bytes
    audience: str = Audience.DEVELOPER.value


@record(frozen=True)
class Walk:
    """What a tree holds: Python files, files that may be OpenAPI documents or policies of Ostiary's guard, what was skipped, how many samples were left unread."""

    files: tuple[SourceFile, ...] = ()
    documents: tuple[SourceFile, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    samples: int = 0


def walk(root: Path, *, include_tests: bool = False, exclude: Sequence[str] = ()) -> Walk:
    """Reads the Python files and possible OpenAPI documents below ``root``, which may be a single file."""
    path = _existing(root)
    if os.path.isfile(path):
        return _read_all(_single_file(path), include_tests=False)
    return _read_all(list_tree(path, exclude_rules(exclude)), include_tests)


def _existing(root: Path) -> str:
    try:
        path = os.path.realpath(root, strict=True)
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        raise UsageError(f"no such file or folder: {root}") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UsageError(f"neither a file nor a folder: {root}")
    return path


def _single_file(path: str) -> Listing:
    name = os.path.basename(path)
    if name.endswith(NOTEBOOKS):
        return Listing(notebooks=1)
    if name.endswith(DOCUMENTS):
        return Listing(documents=[(name, path, False)])
    return Listing(python=[(name, path, False)])


def _read_all(listing: Listing, include_tests: bool) -> Walk:
    samples = sum(is_sample for _, _, is_sample in listing.python)
    if samples == len(listing.python):
        # Nothing but samples: then they are what the user wants to have read.
        listing.python = [(inside, path, False) for inside, path, _ in listing.python]
        samples = 0
    skipped = listing.skipped
    if listing.notebooks:
        skipped.append(Skipped(f"*.ipynb: {listing.notebooks}", "notebooks are not read yet"))
    files: list[SourceFile] = []
    documents: list[SourceFile] = []
    for kind, entries, read in ((files, listing.python, _read_python), (documents, listing.documents, _read_document)):
        for inside, path, is_sample in sorted(entries):
            if is_sample and not include_tests:
                continue
            got = read(path, _printable(inside), is_sample)
            if isinstance(got, SourceFile):
                kind.append(got)
            elif got is not None:
                skipped.append(got)
    return Walk(tuple(files), tuple(documents), tuple(sorted(skipped, key=_order)), 0 if include_tests else samples)


def _read_python(path: str, inside: str, is_sample: bool) -> SourceFile | Skipped:
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size > SIZE_LIMIT:
                head = file.read(ROUTES_HEAD)
                return Skipped(inside, "larger than 2 MB", serious=not is_sample and may_declare_routes(head))
            source = file.readall()
    except OSError as problem:
        return Skipped(inside, f"cannot be read: {problem.strerror}", serious=not is_sample)
    if b"\0" in source:
        return Skipped(inside, "binary, not Python source", serious=not is_sample and may_declare_routes(source[:ROUTES_HEAD]))
    return SourceFile(inside, source, _audience(is_sample))


def _read_document(path: str, inside: str, is_sample: bool) -> SourceFile | Skipped | None:
    """None: YAML or JSON that is no OpenAPI document, TOML without a policy."""
    try:
        with open(path, "rb", buffering=0) as file:
            is_toml = path.endswith(".toml")
            head = file.read(SIZE_LIMIT if is_toml else _DOCUMENT_HEAD)
            if not (_POLICIES in head if is_toml else _DOCUMENT_VERSION.search(head)):
                return None
            if os.fstat(file.fileno()).st_size > SIZE_LIMIT:
                return Skipped(inside, "OpenAPI document larger than 2 MB")
            return SourceFile(inside, head + file.readall(), _audience(is_sample))
    except OSError as problem:
        return Skipped(inside, f"cannot be read: {problem.strerror}")


def _audience(is_sample: bool) -> str:
    return Audience.SAMPLE.value if is_sample else Audience.DEVELOPER.value


def _printable(inside: str) -> str:
    """File names may hold anything: bytes that are no text, and control characters that a terminal would obey."""
    if inside.isprintable():
        return inside
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in inside)


def _order(skipped: Skipped) -> tuple[str, str]:
    return (skipped.what, skipped.why)
