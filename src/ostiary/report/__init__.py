"""Reports: ``render(scan) -> str`` for each format. No clock, host or absolute path is in any of them."""

from __future__ import annotations

from importlib import import_module

from ostiary.errors import UsageError
from ostiary.model.scan import Scan
from ostiary.report.common import View

__all__ = ["FORMATS", "View", "render"]

# Modules by name, so that asking for JSON does not load what draws on a terminal.
FORMATS = {
    "text": "ostiary.report.text",
    "json": "ostiary.report.json_report",
    "sarif": "ostiary.report.sarif",
    "html": "ostiary.report.html",
}


def render(name: str, scan: Scan, view: View | None = None) -> str:
    """The scan in one format."""
    if name not in FORMATS:
        raise UsageError(f"no format is called {name!r}; there are {', '.join(FORMATS)}")
    return str(import_module(FORMATS[name]).render(scan, view))
