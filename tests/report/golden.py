"""Golden files: ``WRITE_GOLDEN=1 pytest tests/report`` writes them afresh; read the difference before you keep it."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"


def expected(name: str, text: str) -> str:
    """What the golden file says."""
    if os.environ.get("WRITE_GOLDEN"):
        (GOLDEN / name).write_text(text, encoding="utf-8")
    return (GOLDEN / name).read_text(encoding="utf-8")
