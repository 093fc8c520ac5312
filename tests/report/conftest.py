from __future__ import annotations

import pytest

from ostiary import weaknesses
from tests.report.scans import PAGES


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of our own, so that a better wording of the catalogue changes no golden file."""
    monkeypatch.setattr(weaknesses, "get", PAGES.__getitem__)
    monkeypatch.setattr("ostiary.__version__", "0.0.0")
    for module in ("json_report", "sarif", "html"):
        monkeypatch.setattr(f"ostiary.report.{module}.__version__", "0.0.0")
