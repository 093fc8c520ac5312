"""Tree: one state of the scanned source, read by the scanner for what things mean and by LibCST for how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from ostiary.fix.imports import has
from ostiary.fix.plan import Declined, Need
from ostiary.fix.source import Source
from ostiary.model.finding import Finding
from ostiary.scan.code.ir import ClassDef, Expr, Function, Module, line_of, pack
from ostiary.scan.code.sites import Site
from ostiary.scan.code.values import Cls
from ostiary.scan.code.walk import Walk
from ostiary.scan.rules._flows import Flow
from ostiary.scan.rules._unset import is_settings
from ostiary.scan.run import read_files, unhurried


class Tree:
    """Nothing of it is imported or executed."""

    def __init__(self, walked: Walk, root: Path) -> None:
        self._data = {file.path: file.source for file in walked.files}
        self._sources: dict[str, Source] = {}
        with unhurried():
            self._index, self.world, self.apps = read_files(walked, root)

    @cached_property
    def modules(self) -> dict[str, Module]:
        """The modules that were read, by path."""
        return {module.path: module for module in self._index.modules.values()}

    def source(self, path: str) -> Source:
        """The file for editing; Declined when it is not there or cannot be read."""
        if path not in self._sources:
            if path not in self._data:
                raise Declined("it is about no single place in the source")
            self._sources[path] = _source(path, self._data[path])
        return self._sources[path]

    def place(self, finding: Finding) -> tuple[Source, int]:
        """The file and the place in it that a finding means."""
        if finding.at is None:
            raise Declined("it is about no single place in the source")
        return self.source(finding.at.file), pack(finding.at.line, max(finding.at.column - 1, 0))

    def functions(self, path: str) -> Iterator[Function]:
        """Every function of a file, its top level first."""
        module = self.modules[path]
        yield module.top
        yield from module.functions

    def compare(self, path: str, at: int) -> tuple[Flow, Expr]:
        """The comparison that begins at a place, and its function."""
        return self._expression(path, at, "compares")

    def call(self, path: str, at: int, *names: str) -> tuple[Flow, Expr]:
        """The call of one of these that begins at a place, and its function."""
        return self._expression(path, at, "calls", names)

    def _expression(self, path: str, at: int, kind: str, names: tuple[str, ...] = ()) -> tuple[Flow, Expr]:
        for function in self.functions(path):
            for expr in getattr(function, kind):
                if expr[1] == at and (not names or expr[2][-1] in names):
                    return Flow(self.world, function), expr
        raise Declined("the place is written in a way that the editor does not know")

    def is_settings(self, path: str, line: int) -> bool:
        """Does the class that begins on a line read its fields from the environment (pydantic)?"""
        cls = next((cls for cls in self.modules[path].classes if _begins(cls, line)), None)
        home = self.world.defined.get(cls) if cls is not None else None
        value = home.names.get(cls.name) if home is not None and cls is not None else None
        return isinstance(value, Cls) and is_settings(self.world.bases(value))

    def site(self, path: str) -> Site:
        """The top level of a file, as rules see it."""
        module = self.modules[path]
        return Site(self.world, module, module.top, 0)

    def imports_from_here(self, path: str, name: str) -> bool:
        """Another file takes the name from this one."""
        own = path.rpartition("/")[2].removesuffix(".py")
        return any(
            name in names and (level or dotted.rpartition(".")[2] == own)
            for module in self.modules.values()
            for level, dotted, names in module.imports
        )


def _source(path: str, data: bytes) -> Source:
    try:
        return Source(path, data)
    except RecursionError:
        raise Declined("the file is nested too deeply for the editor") from None


def _begins(cls: ClassDef, line: int) -> bool:
    return line_of(cls.at) == line


def available(source: Source, need: Need) -> bool:
    """Can the name be used anywhere in the file: imported at its top or to be imported, and bound to nothing else?"""
    name = need.name or need.module
    return name not in source.names.bound and (has(source.module, need) or name not in source.imported)


def require(source: Source, need: Need) -> Need:
    """The need itself; Declined when its name means something else in the file."""
    if not available(source, need):
        raise Declined(f"the name {need.name or need.module} means something else in this file")
    return need
