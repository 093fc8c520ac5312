"""A small service in each framework over each store: what is promised is promised of all four."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.guard.sites import SITES, Site

FRAMEWORKS = tuple(SITES)
STORES = ("memory", "sqlite")


def _url(store: str, folder: Path) -> str:
    return "memory://" if store == "memory" else f"sqlite:///{folder / 'ostiary.db'}"


@pytest.fixture(params=FRAMEWORKS)
def make(request: pytest.FixtureRequest) -> Iterator[Callable[..., Site]]:
    """Makes a site of the framework, in memory unless told otherwise; closed at the end."""
    made: list[Site] = []

    def build(store: str = "memory://", **more: Any) -> Site:
        made.append(SITES[request.param](store, **more))
        return made[-1]

    yield build
    for site in made:
        site.close()


@pytest.fixture(params=[(framework, store) for framework in FRAMEWORKS for store in STORES], ids="-".join)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    framework, store = request.param
    found = SITES[framework](_url(store, tmp_path))
    yield found
    found.close()
