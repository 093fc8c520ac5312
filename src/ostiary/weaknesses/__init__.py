"""The catalogue: one page for each weakness, ``<id>.md``, read when it is asked for and at most once.

A page is TOML front matter between ``+++`` lines, then ``## Why``, ``## Attack``, ``## Fix: Flask`` and ``## Fix: FastAPI``.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import resources

from ostiary.errors import UsageError
from ostiary.model.finding import Weakness
from ostiary.weaknesses._page import CATEGORIES, essence, parse

__all__ = ["CATEGORIES", "all_ids", "essence", "get"]


@cache
def all_ids() -> tuple[str, ...]:
    """The ids that have a page, sorted."""
    pages = resources.files(__name__).iterdir()
    return tuple(sorted(page.name.removesuffix(".md") for page in pages if page.name.endswith(".md")))


@cache
def get(weakness: str) -> Weakness:
    """The page of one weakness; UsageError naming close matches when there is none."""
    if weakness not in all_ids():
        raise UsageError(_unknown(weakness))
    page = f"{weakness}.md"
    text = resources.files(__name__).joinpath(page).read_text(encoding="utf-8")
    return parse(weakness, text, f"weaknesses/{page}")


def _unknown(weakness: str) -> str:
    close = difflib.get_close_matches(weakness, all_ids(), n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"no weakness is called {weakness!r}{hint}"
