"""Versions of an API, named in the path (``/v1/…``) or in a header, and what becomes of them (LIFE-1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.guard.declaration import Declaration
from ostiary.model.lifecycle import Lifecycle

if TYPE_CHECKING:
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request

_NAME = re.compile(r"v?(\d{1,6}(?:\.\d{1,6})?)", re.ASCII | re.IGNORECASE)


class Versions:
    """``header`` (lower case; None: paths alone name versions) and the lifecycle of each version that has one."""

    def __init__(self, header: str | None, said: Mapping[str, Declaration] | None) -> None:
        if said is not None and not isinstance(said, Mapping):
            raise UsageError(f'versions: names with what becomes of them, as in {{"v1": deprecated("2027-01-31")}}, not {said!r}')
        self.header = header
        self._known = {_name(version): _lifecycle(version, one) for version, one in (said or {}).items()}

    def of(self, version: str) -> Lifecycle | None:
        """The lifecycle of a version such as ``v1``."""
        return self._known.get(version)

    def called(self, request: Request, compiled: Compiled | None) -> str:
        """The version that a call is for: the path's, else the header's; "" where neither names one."""
        if compiled is not None and compiled.version:
            return compiled.version
        if self.header is None:
            return ""
        found = _NAME.fullmatch(next(iter(request.header(self.header)), "").strip())
        return f"v{found[1]}" if found else ""

    def lifecycle(self, request: Request, compiled: Compiled | None) -> Lifecycle | None:
        """What is said of the route, else of the version in its path, else of the version that the header names."""
        if compiled is not None and compiled.lifecycle is not None:
            return compiled.lifecycle
        return None if self.header is None else self.of(self.called(request, compiled))


def _name(version: str) -> str:
    found = _NAME.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        raise UsageError(f"versions: names as in v1 or 2.1, not {version!r}")
    return f"v{found[1]}"


def _lifecycle(version: str, said: Declaration) -> Lifecycle:
    if not isinstance(said, Declaration) or said.lifecycle is None:
        raise UsageError(f"versions: {version}: deprecated(...), not {said!r}")
    return said.lifecycle
