"""Flask-Limiter and slowapi: as read, word for word, and as the libraries themselves count real requests."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostiary.scan.code.index import build
from ostiary.scan.code.limits import Limits
from ostiary.scan.code.link import link
from ostiary.scan.code.walk import SourceFile
from tests.scan.code.limit_apps import OFF, OWN, SETTINGS, SLOW_OWN, SLOW_SETTINGS, flask_source, read, slow_source


def expected(default: str, always: str) -> dict[str, list[str]]:
    return {route: sorted(words.replace("D", default).replace("A", always).split()) for route, words in OWN.items()}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_flask_limiter(name: str, late: bool) -> None:
    config, options, default, always, said = SETTINGS[name]
    found, whole = read(flask_source(config, options, late))
    assert {route: sorted(texts) for route, texts in found.items()} == expected(default, always)
    assert whole == said


@pytest.mark.parametrize("name", OFF)
def test_flask_limiter_switched_off_limits_nothing(name: str) -> None:
    found, whole = read(flask_source(*OFF[name]))
    assert (set(map(tuple, found.values())), whole) == ({()}, None)


def counted(send: Callable[[str, str], int], route: str) -> int | None:
    """How many calls were let through, None for all of seven."""
    method, path = route.split()
    codes = [send(method, path) for _ in range(7)]
    return codes.index(429) if 429 in codes else None


def tightest(texts: list[str]) -> int | None:
    return min((int(n) for text in texts for n in re.findall(r"(\d+)/minute", text)), default=None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "late"), [*[(name, False) for name in (*SETTINGS, *OFF)], ("both", True)])
def test_flask_limiter_itself_agrees(name: str, late: bool) -> None:
    """An oracle: the library counts seven calls of every route."""
    pytest.importorskip("flask_limiter")
    config, options = SETTINGS[name][:2] if name in SETTINGS else OFF[name]
    source = flask_source(config, options, late)
    names: dict[str, Any] = {"__name__": "limited_app"}
    exec(source, names)
    client = names["app"].test_client()
    for route, texts in read(source)[0].items():
        if name in SETTINGS:
            names["lim"].reset()
        assert (route, counted(lambda m, p: client.open(p, method=m).status_code, route)) == (route, tightest(texts))


@pytest.mark.parametrize("name", SLOW_SETTINGS)
def test_slowapi(name: str) -> None:
    middleware, options, default, by_middleware, said = SLOW_SETTINGS[name]
    found, whole = read(slow_source(middleware, options))
    wanted = {route: words.replace("D", default).replace("M", by_middleware).split() for route, words in SLOW_OWN.items()}
    assert {route: sorted(texts) for route, texts in found.items()} == {r: sorted(t) for r, t in wanted.items()}
    assert whole == said


def test_slowapi_switched_off_limits_nothing() -> None:
    found, whole = read(slow_source("app.add_middleware(SlowAPIMiddleware)", "enabled=False, default_limits=['3/minute']"))
    assert (set(map(tuple, found.values())), whole) == ({()}, None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SLOW_SETTINGS)
def test_slowapi_itself_agrees(name: str) -> None:
    """An oracle, where FastAPI is 0.137 or newer."""
    pytest.importorskip("slowapi")
    fastapi = pytest.importorskip("fastapi")
    if tuple(int(n) for n in fastapi.__version__.split(".")[:2]) < (0, 137):
        pytest.skip("included routes are found by the middleware of older ones")
    from fastapi.testclient import TestClient

    source = slow_source(*SLOW_SETTINGS[name][:2])
    names: dict[str, Any] = {"__name__": "slow_app"}
    exec(source, names)
    client = TestClient(names["app"])
    for route, texts in read(source)[0].items():
        names["lim"].reset()
        assert (route, counted(lambda m, p: client.request(m, p).status_code, route)) == (route, tightest(texts))


def test_a_limit_says_where_it_is_written() -> None:
    source = textwrap.dedent(flask_source("", "default_limits=['3/minute']"))
    world, apps = link(build((SourceFile("app.py", source.encode()),), Path("/nowhere")))
    limits = Limits(world)
    lines = {c.route.path: [str(limit.at) for limit in limits.of(c)] for a in apps for c in a.routes}
    numbered = {line: n for n, line in enumerate(source.splitlines(), 1)}
    first, default = numbered['@app.route("/limited")'] + 1, next(n for line, n in numbered.items() if line.startswith("lim = "))
    assert lines["/limited"] == [f"app.py:{first}"]
    assert lines["/plain"] == [f"app.py:{default}"]
    assert lines["/bp/plain"] == ["app.py:" + str(numbered['lim.limit("2/minute")(bp)'])]
