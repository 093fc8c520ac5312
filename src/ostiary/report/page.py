"""A sheet of text of a given width, coloured or not. The only place that draws with rich."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from ostiary.report.common import clean

_NARROWEST = 20
Part = str | tuple[str, str]


class Page:
    """Lines are added from top to bottom; ``str(page)`` is all of them."""

    def __init__(self, width: int = 80, color: bool = False) -> None:
        self._file = io.StringIO()
        # Everything is said here, so that no variable of the environment is asked.
        self._console = Console(
            file=self._file,
            width=width,
            color_system="standard" if color else None,
            force_terminal=color,
            no_color=not color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def heading(self, text: str, rest: str = "") -> None:
        self.gap()
        self.line((text, "bold"), f"  {rest}" if rest else "")

    def gap(self) -> None:
        if self._file.tell():
            self._file.write("\n")

    def line(self, *parts: Part, indent: int = 0, hang: int = 0) -> None:
        """One line, or several when it is longer than the page; ``hang`` moves the following ones further in."""
        text = Text()
        for part in parts:
            content, style = part if isinstance(part, tuple) else (part, "")
            text.append(clean(content), style)
        rows = text.wrap(self._console, max(self._console.width - indent - hang, _NARROWEST))
        for number, row in enumerate(rows):
            row.rstrip()
            self._console.print(Text(" " * (indent + hang * (number > 0))).append_text(row), no_wrap=True, crop=False, overflow="ignore")

    def __str__(self) -> str:
        return self._file.getvalue()
