"""The catalogue: one page for each weakness, ``<id>.md``, read when it is asked for and at most once.

A page is TOML front matter between ``+++`` lines, then ``## Why``, ``## Attack``, ``## Fix: Flask`` and ``## Fix: FastAPI``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ostiary.errors import UsageError
from ostiary.model.finding import Weakness
from ostiary.weaknesses._page import CATEGORIES, essence, parse

_PAGES = Path(__file__).parent
__all__ = ["CATEGORIES", "all_ids", "essence", "get"]


@cache
def all_ids() -> tuple[str, ...]:
    """The ids that have a page, sorted."""
    return tuple(sorted(page.stem for page in _PAGES.glob("*.md")))


@cache
def get(weakness: str) -> Weakness:
    """The page of one weakness; UsageError naming close matches when there is none."""
    if weakness not in all_ids():
        raise UsageError(_unknown(weakness))
    page = f"{weakness}.md"
    text = (_PAGES / page).read_text(encoding="utf-8")
    return parse(weakness, text, f"weaknesses/{page}")


def _unknown(weakness: str) -> str:
    import difflib

    close = difflib.get_close_matches(weakness, all_ids(), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no weakness is called {weakness!r}{hint}"
