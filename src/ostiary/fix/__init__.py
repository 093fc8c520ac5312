"""Findings turned into patches that a second scan has proven. One codemod a weakness, named like it; ``loop`` applies and judges them.

scan → a plan for each finding (``<weakness>.py``) → applied in memory → scanned again → kept when its finding is gone and nothing came instead
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from ostiary.errors import MissingExtra, UsageError
from ostiary.fix.patch import Fixes, Left, Patch

__all__ = ["WEAKNESSES", "Fixes", "Left", "Patch", "require_known", "require_libcst"]

WEAKNESSES = ("auth-fails-open", "hardcoded-secret", "debug-mode", "key-in-query-string", "timing-unsafe-comparison")
"""Those with an automatic fix, in the order in which they are fixed: what is compared is settled before how it is compared."""


def require_libcst() -> None:
    """Raises MissingExtra when the library that edits source is not installed."""
    if find_spec("libcst") is None:
        raise MissingExtra("ostiary fix", "fix")


def require_known(names: Iterable[str]) -> None:
    """Raises UsageError for a weakness that has no automatic fix."""
    unknown = next((name for name in names if name not in WEAKNESSES), None)
    if unknown is not None:
        raise UsageError(f"no automatic fix for {unknown!r}; there are: {', '.join(sorted(WEAKNESSES))}")
