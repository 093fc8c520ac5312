"""Which files are read, and which module a name means: bytes decide before anything is parsed.

A file is a seed when it holds one of a few literals; what seeds import, directly or not, is read with them; the rest is counted as unreached.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from ostiary.model.scan import Skipped
from ostiary.scan.code.convert import Unparsable, convert
from ostiary.scan.code.ir import Module
from ostiary.scan.code.nodes import named
from ostiary.scan.code.walk import SourceFile
from ostiary.scan.lazy import Pattern
from ostiary.scan.records import field, record

_LITERALS = (
    b"flask", b"Flask", b"fastapi", b"FastAPI", b"APIRouter", b"starlette", b"quart", b"Quart", b"connexion", b"uvicorn", b"gunicorn",
    b"werkzeug", b"add_url_rule", b"include_router",
)  # fmt: skip
_DECORATED = Pattern(rb"\n@\w+\.(?:route|get|post|put|patch|delete|api_route|websocket)\(")

_FRAMEWORKS = frozenset(
    {"flask", "fastapi", "starlette", "quart", "pydantic", "werkzeug", "sqlalchemy", "jwt", "flask_restful", "flask_restx", "ostiary"}
)
# modules by which a copy of a library in the tree is told from a package that only has its name
_COPIES = {
    "flask": ("app", "blueprints", "globals", "wrappers"), "werkzeug": ("serving", "routing", "wrappers", "exceptions"),
    "quart": ("app", "blueprints", "globals", "wrappers"), "fastapi": ("applications", "routing", "params", "encoders"),
    "starlette": ("applications", "routing", "requests", "responses"),
}  # fmt: skip


@record
class Index:
    """``modules`` by dotted path from the root; ``broken`` maps the dotted path of a file that could not be parsed to the reason;
    ``documents`` are YAML and JSON files that may be OpenAPI documents, and TOML files that may hold policies of Ostiary's guard, by path."""

    modules: dict[str, Module] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    finder: Finder = None  # type: ignore[assignment]  # set by build
    unreached: int = 0
    documents: dict[str, bytes] = field(default_factory=dict)


def _is_seed(source: bytes) -> bool:
    # one search per literal is ten times as fast as one expression for all
    return any(literal in source for literal in _LITERALS) or _DECORATED.search(source) is not None


def module_name(path: str) -> str:
    """``a/b.py`` → ``a.b``; ``a/__init__.py`` → ``a``; ``__init__.py`` → ``""``."""
    stem = path.removesuffix(".py").removesuffix(".pyw").replace("/", ".")
    return stem.removesuffix("__init__").rstrip(".") if stem.endswith("__init__") else stem


class Finder:
    """Finds the file that an import means, as Python would with the importing file's ancestors on its path, nearest first."""

    def __init__(self, files: Iterable[SourceFile], root: Path | None = None) -> None:
        self.files = {module_name(f.path): f for f in files}
        self.homes: dict[str, list[str]] = {}
        self.folders: set[str] = set()
        for name in self.files:
            self._learn(name)
        self._copies = self._copied()
        self._memo: dict[tuple[str, str], str | None] = {}
        # a scan may start inside a package: "shop.orders" is then "orders" below a root named shop
        above = root.parts[-3:] if root is not None else ()
        self._above = [".".join(above[i:]) + "." for i in range(len(above))]

    def _learn(self, name: str) -> None:
        parts = name.split(".")
        for i, part in enumerate(parts):
            parent = ".".join(parts[:i])
            homes = self.homes.setdefault(part, [])
            if parent not in homes:
                homes.append(parent)
            self.folders.add(".".join(parts[: i + 1]))

    def _copied(self) -> dict[str, str]:
        """Folders (dotted) that hold a copy of a framework, with its name."""
        found = {}
        for library, inside in _COPIES.items():
            for home in self.homes.get(library, ()):
                full = f"{home}.{library}" if home else library
                if all(f"{full}.{name}" in self.folders for name in inside):
                    found[full] = library
        return found

    @property
    def copied_folders(self) -> list[str]:
        return sorted(f"{name.replace('.', '/')}/" for name in self._copies)

    def library(self, name: str) -> str | None:
        """``flask.app`` for ``shop.libs.flask.app`` where that is a copy of Flask; None for everything else."""
        for copy, library in self._copies.items():
            if name == copy or name.startswith(f"{copy}."):
                return library + name[len(copy) :]
        return None

    def find(self, dotted: str, importer: str) -> str | None:
        """Dotted path from the root of the module that ``importer`` (dotted path of a package) means by ``dotted``, None when not in the tree."""
        key = (dotted, importer)
        if key not in self._memo:
            self._memo[key] = self._find(dotted, importer)
        return self._memo[key]

    def _find(self, dotted: str, importer: str) -> str | None:
        homes = _ancestors(importer)
        outside = [h for h in homes if not self._is_package(h)]
        found = self._first(dotted, outside)
        if found is not None or dotted.partition(".")[0] in sys.stdlib_module_names:
            return found
        # a script run from inside a package folder sees its siblings as top-level modules
        found = self._first(dotted, [h for h in homes if h not in outside])
        return found if found is not None else self._elsewhere(dotted, importer)

    def _first(self, dotted: str, homes: list[str]) -> str | None:
        if dotted.partition(".")[0] in _FRAMEWORKS:
            homes = [h for h in homes if f"{h}.{dotted}".lstrip(".") in self.files]
        for home in homes:
            full = f"{home}.{dotted}" if home else dotted
            if full in self.files or (full in self.folders and ("." in dotted or self._has_code(full))):
                return full
        return None

    def _is_package(self, home: str) -> bool:
        return home in self.files and self.files[home].path.endswith("__init__.py")

    def _elsewhere(self, dotted: str, importer: str) -> str | None:
        top = dotted.partition(".")[0]
        homes = () if top in _FRAMEWORKS else [h for h in self.homes.get(top, ()) if not self._is_package(h)]
        candidates = [f"{h}.{dotted}" if h else dotted for h in homes]
        hits = [c for c in candidates if c in self.files or ("." in dotted and c in self.folders)]
        if hits:
            return max(hits, key=lambda c: (_shared(c, importer), -len(c)))
        inner = next((f"{dotted}.".removeprefix(a).rstrip(".") for a in self._above if f"{dotted}.".startswith(a)), None)
        return inner if inner in self.files or inner in self.folders else None

    def _has_code(self, folder: str) -> bool:
        return any(name.startswith(folder + ".") for name in self.files)

    def relative(self, module: Module, level: int, dotted: str) -> str | None:
        """The module that ``from ..dotted import`` means in a module."""
        base = module.name.split(".") if module.name else []
        drop = level - 1 if module.is_package else level
        if drop > len(base):
            return None
        parts = base[: len(base) - drop] + ([dotted] if dotted else [])
        full = ".".join(p for p in parts if p)
        return full if full in self.files or full in self.folders or full == "" else None

    def resolve(self, module: Module, level: int, dotted: str) -> str | None:
        """The module that an import statement names, None when it is a library's."""
        if level:
            return self.relative(module, level, dotted)
        return self.find(dotted, module.name if module.is_package else module.name.rpartition(".")[0])


def _ancestors(package: str) -> list[str]:
    """``a.b``, ``a``, ````: where an import may start, nearest first."""
    parts = package.split(".") if package else []
    return [".".join(parts[:i]) for i in range(len(parts), -1, -1)]


def _shared(a: str, b: str) -> int:
    count = 0
    for left, right in zip(a.split("."), b.split("."), strict=False):
        if left != right:
            break
        count += 1
    return count


def build(
    files: tuple[SourceFile, ...],
    root: Path | None = None,
    extra: Iterable[str] = (),
    documents: Iterable[SourceFile] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Index:
    """Read the seeds, ``extra`` modules, and all that they import. ``root`` is the scanned folder, for imports of packages that it lies in."""
    index = Index(finder=Finder(files, root), documents={d.path: d.source for d in documents})
    index.skipped += [Skipped(folder, "vendored code is not read") for folder in index.finder.copied_folders]
    pending = [name for name, f in index.finder.files.items() if _is_seed(f.source)]
    pending += [found for name in (*extra, *_named(index)) if (found := index.finder.find(name, ""))]
    pending = [name for name in pending if index.finder.library(name) is None]
    seen = set(pending)
    while pending:
        name = pending.pop()
        module = _read(index, name)
        if progress is not None:
            progress(len(index.modules), len(seen))
        if module is None:
            continue
        for target in _targets(index.finder, module):
            if target not in seen and target in index.finder.files and index.finder.library(target) is None:
                seen.add(target)
                pending.append(target)
    index.unreached = len(files) - len(seen)
    return index


def _named(index: Index) -> set[str]:
    """Modules that only documents lead to: connexion imports what an ``operationId`` says."""
    if not index.documents or not any(b"connexion" in f.source for f in index.finder.files.values()):
        return set()
    names = {name for source in index.documents.values() for name in named(source)}
    return names | {name[:i] for name in names for i in range(len(name)) if name[i] == "."}


def _read(index: Index, name: str) -> Module | None:
    file = index.finder.files[name]
    try:
        module = convert(file.source, name, file.path, file.path.endswith("__init__.py"), file.audience)
    except Unparsable as error:
        index.broken[name] = str(error)
        index.skipped.append(Skipped(file.path, str(error), serious="template" not in str(error)))
        return None
    index.modules[name] = module
    return module


def _targets(finder: Finder, module: Module) -> set[str]:
    out: set[str] = set()
    for level, dotted, names in module.imports:
        base = finder.resolve(module, level, dotted)
        if base is None:
            head, _, _ = dotted.rpartition(".")
            base = finder.resolve(module, level, head) if head and not names else None
        if base is None:
            continue
        parts = base.split(".")
        out.update(".".join(parts[:i]) for i in range(1, len(parts) + 1))
        out.update(f"{base}.{n}" if base else n for n in names)
    return out
