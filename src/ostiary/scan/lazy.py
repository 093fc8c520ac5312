"""Regular expressions that are compiled when they are first asked: a scan asks few of them, and all of them would take as long as a small scan."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

Matcher = Callable[[str], re.Match[str] | None]


class Pattern:
    """What ``re.compile`` gives, later; from the second time on as fast."""

    def __init__(self, text: str, flags: int = 0) -> None:
        self.text, self.flags = text, flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.text, self.flags)

    @cached_property
    def search(self) -> Matcher:
        return self.compiled.search

    @cached_property
    def match(self) -> Matcher:
        return self.compiled.match

    @cached_property
    def fullmatch(self) -> Matcher:
        return self.compiled.fullmatch

    @cached_property
    def findall(self) -> Callable[[str], list[str]]:
        return self.compiled.findall
