"""Plan: what one codemod wants to change in one file, as functions over nodes, so that plans of one file compose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from ostiary.model.finding import Finding

Change = Callable[[Any], Any]
"""From a node whose children have been changed already to what stands in its place."""


class Declined(Exception):
    """There is no automatic fix; the message says why, in words that follow "no automatic fix:"."""


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """``import module``, or ``from module import name``."""

    module: str
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """``drops`` are imported names that go away when nothing uses them any more; ``variables`` maps environment variables that the program
    needs from now on to the value that the source held, for a run of the project's tests."""

    findings: tuple[Finding, ...]
    file: str
    changes: Mapping[cst.CSTNode, Change]
    note: str
    needs: tuple[Need, ...] = ()
    drops: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
