"""What a run of ``fix`` comes to: values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostiary.model.finding import Finding
from ostiary.model.scan import Skipped


@dataclass(frozen=True, slots=True)
class Patch:
    """One change of one file, which a scan has shown to remove ``findings``. ``before`` and ``after`` are the whole file: patches of one file
    follow each other, so the ``before`` of the second is the ``after`` of the first. They may hold a credential and are shown masked only.

    ``note`` is what a person must know or do; ``revealed`` are findings that were hidden behind those removed.
    """

    findings: tuple[Finding, ...]
    file: str
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    note: str
    revealed: tuple[Finding, ...] = ()

    @property
    def finding(self) -> Finding:
        return self.findings[0]


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that stays, and why."""

    finding: Finding
    why: str


@dataclass(frozen=True, slots=True)
class Fixes:
    """``patches`` in the order in which they apply; ``hidden`` are the texts that no output may hold; ``skipped`` what could not be read."""

    patches: tuple[Patch, ...] = ()
    left: tuple[Left, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notices: tuple[str, ...] = ()
    hidden: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def files(self) -> dict[str, tuple[bytes, bytes]]:
        """Path → the file as it is and as it shall be."""
        ends: dict[str, tuple[bytes, bytes]] = {}
        for patch in self.patches:
            first, _ = ends.get(patch.file, (patch.before, b""))
            ends[patch.file] = (first, patch.after)
        return ends
