"""Regular expressions that are compiled when they are first asked: a scan asks few of them, and all of them would take as long as a small scan."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, AnyStr, Generic

Matcher = Callable[..., "re.Match[AnyStr] | None"]


class Pattern(Generic[AnyStr]):
    """What ``re.compile`` gives, later; from the second time on as fast."""

    def __init__(self, text: AnyStr, flags: int = 0) -> None:
        self.text: AnyStr = text
        self.flags = flags

    @cached_property
    def compiled(self) -> re.Pattern[AnyStr]:
        return re.compile(self.text, self.flags)

    @cached_property
    def search(self) -> Matcher[AnyStr]:
        return self.compiled.search

    @cached_property
    def match(self) -> Matcher[AnyStr]:
        return self.compiled.match

    @cached_property
    def fullmatch(self) -> Matcher[AnyStr]:
        return self.compiled.fullmatch

    @cached_property
    def findall(self) -> Callable[..., list[Any]]:
        return self.compiled.findall

    @cached_property
    def split(self) -> Callable[..., list[AnyStr]]:
        return self.compiled.split

    @cached_property
    def sub(self) -> Callable[..., AnyStr]:
        return self.compiled.sub
