"""The files of a tree that are worth reading, found from folder listings alone; hostile trees are expected.

Links are not followed, so a tree has no loops; only regular files are opened, so nothing blocks.
"""

from __future__ import annotations

import os

from ostiary.model.scan import Skipped
from ostiary.scan.code.ignore import IgnoreRules, enter, inherited_rules, is_ignored, read_rules, with_own
from ostiary.scan.records import field, record

PYTHON = (".py", ".pyw")
DOCUMENTS = (".yaml", ".yml", ".json", ".toml")
NOTEBOOKS = ".ipynb"
_READABLE = (*PYTHON, *DOCUMENTS, NOTEBOOKS)

_ROUTE_LITERALS = (
    *(b".route(", b"add_url_rule", b"Blueprint(", b"Flask(", b"MethodView", b"add_resource"),
    *(b"FastAPI(", b"APIRouter", b"include_router", b"api_route", b"Starlette(", b"Route(", b"Mount("),
)
_NEVER = frozenset(
    (
        *(".git", ".hg", ".svn", "node_modules", "bower_components", "site-packages", "dist-packages", "__pypackages__"),
        *("__pycache__", ".tox", ".nox", ".eggs", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints"),
    )
)
_NEVER_SUFFIXES = (".egg-info", ".egg", ".dist-info")
_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")
_BUILDS = frozenset(("build", "dist"))
_BUILD_TRACES = ("bdist.", "lib.", "exe.", "scripts-")
_ARTEFACTS = (".whl", ".tar.gz", ".egg")
_VENDORED = frozenset(("vendor", "_vendor", "vendored", "third_party"))
_SAMPLES = frozenset(("tests", "test", "examples", "example", "docs", "docs_src", "migrations", "alembic"))
_SAMPLE_FILES = frozenset(("conftest.py", "tests.py"))
# An API's own document lives in docs/ as often as beside the code.
_DOCUMENT_HOMES = frozenset(("docs",))

ROUTES_HEAD = 100 * 1024

# Path relative to the root (posix), path to open, is it a sample?
Entry = tuple[str, str, bool]


@record(eq=True)
class Listing:
    """What was found, in no order."""

    python: list[Entry] = field(default_factory=list)
    documents: list[Entry] = field(default_factory=list)
    notebooks: int = 0
    skipped: list[Skipped] = field(default_factory=list)


@record(frozen=True)
class _Folder:
    """A folder to be listed: ``inside`` is its posix path from the root and ends in a slash; the root's is empty."""

    path: str
    inside: str
    rules: tuple[IgnoreRules, ...]
    excluded: IgnoreRules | None = None
    is_sample: bool = False
    documents_are_samples: bool = False


def list_tree(root: str, excluded: IgnoreRules | None) -> Listing:
    """Lists the tree below ``root``, a real path."""
    lister = _Lister(root)
    pending = [_Folder(root, "", inherited_rules(root), excluded)]
    while pending:
        pending += lister.visit(pending.pop())
    return lister.found


def may_declare_routes(source: bytes) -> bool:
    """Could this source add routes? Cheap, and wrong on the safe side."""
    return any(literal in source for literal in _ROUTE_LITERALS)


class _Lister:
    def __init__(self, root: str) -> None:
        self.found = Listing()
        self._root = os.path.join(root, "")

    def visit(self, folder: _Folder) -> list[_Folder]:
        """Notes the files of one folder; returns the folders below it."""
        try:
            with os.scandir(folder.path) as listed:
                entries = {entry.name: entry for entry in listed}
            if folder.inside and self._is_foreign(folder, entries):
                return []
            own = read_rules(folder.path) if ".gitignore" in entries else None
            return self._sort_out(folder, entries, with_own(folder.rules, own))
        except OSError as problem:
            self._skip(folder.inside or ".", f"cannot be read: {problem.strerror}", serious=not folder.is_sample)
            return []

    def _sort_out(self, folder: _Folder, entries: dict[str, os.DirEntry[str]], rules: tuple[IgnoreRules, ...]) -> list[_Folder]:
        below: list[_Folder] = []
        for name, entry in entries.items():
            if entry.is_dir(follow_symlinks=False):
                if name not in _NEVER and not name.endswith(_NEVER_SUFFIXES) and not _is_left_out(name, True, folder, rules):
                    below.append(_below(folder, entry.path, name, rules))
            elif entry.is_symlink():
                if not _is_left_out(name, False, folder, rules):
                    self._link(entry.path, folder.inside + name, folder.is_sample)
            elif name.endswith(_READABLE) and entry.is_file(follow_symlinks=False) and not _is_left_out(name, False, folder, rules):
                self._file(entry.path, folder.inside + name, name, folder)
        return below

    def _file(self, path: str, inside: str, name: str, folder: _Folder) -> None:
        if name.endswith(PYTHON):
            self.found.python.append((inside, path, folder.is_sample or _is_sample_file(name)))
        elif name.endswith(DOCUMENTS):
            self.found.documents.append((inside, path, folder.documents_are_samples))
        elif not folder.is_sample:
            self.found.notebooks += 1

    def _link(self, path: str, inside: str, is_sample: bool) -> None:
        """A link is never followed: what it leads to is read at its own place, or lies outside."""
        target = os.path.realpath(path)
        if os.path.join(target, "").startswith(self._root):
            return
        if path.endswith(PYTHON):
            self._skip(inside, "a link that leads out of the scanned tree", serious=not is_sample)
        elif os.path.isdir(target):
            self._skip(f"{inside}/", "a link that leads out of the scanned tree")

    def _is_foreign(self, folder: _Folder, entries: dict[str, os.DirEntry[str]]) -> bool:
        """Code that others wrote or a tool made: environments, builds, vendored packages."""
        if any(trace in entries for trace in _ENVIRONMENTS):
            return True
        name = os.path.basename(folder.path)
        if name in _BUILDS:
            return _is_generated(entries)
        if name not in _VENDORED or any(_declares_routes(entry) for entry in entries.values()):
            return False
        self._skip(folder.inside, "vendored code is not read")
        return True

    def _skip(self, inside: str, why: str, serious: bool = False) -> None:
        self.found.skipped.append(Skipped(inside, why, serious))


def _is_left_out(name: str, is_folder: bool, folder: _Folder, rules: tuple[IgnoreRules, ...]) -> bool:
    if folder.excluded is not None and folder.excluded.verdict(name, is_folder):
        return True
    return is_ignored(name, is_folder, rules)


def _below(folder: _Folder, path: str, name: str, rules: tuple[IgnoreRules, ...]) -> _Folder:
    is_sample = name.lower() in _SAMPLES
    return _Folder(
        path=path,
        inside=f"{folder.inside}{name}/",
        rules=enter(rules, name),
        excluded=folder.excluded and folder.excluded.enter(name),
        is_sample=folder.is_sample or is_sample,
        documents_are_samples=folder.documents_are_samples or (is_sample and name.lower() not in _DOCUMENT_HOMES),
    )


def _is_sample_file(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name in _SAMPLE_FILES


def _is_generated(entries: dict[str, os.DirEntry[str]]) -> bool:
    if any(name.endswith(PYTHON) for name in entries):
        return False
    return "lib" in entries or any(name.startswith(_BUILD_TRACES) or name.endswith(_ARTEFACTS) for name in entries)


def _declares_routes(entry: os.DirEntry[str]) -> bool:
    """``vendor`` is also a word of shops: routes right in that folder are the service's own."""
    if not entry.name.endswith(PYTHON) or not entry.is_file(follow_symlinks=False):
        return False
    with open(entry.path, "rb", buffering=0) as file:
        return may_declare_routes(file.read(ROUTES_HEAD))
