"""The cases of ``apps/`` and their two witnesses: the app as it runs (``observed``, ``allowed``) and as it is read (``read``)."""

from __future__ import annotations

import base64
import importlib
import re
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ostiary.routes import flask, starlette

APPS = Path(__file__).parent / "apps"
Key = tuple[str, str]
# What a stranger may try, one at a time. None of it is a credential of any case.
STRANGERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "bearer": {"Authorization": "Bearer junk"},
    "key": {"X-API-Key": "junk"},
    "cookie": {"Cookie": "session=junk; access_token_cookie=junk"},
    "basic": {"Authorization": "Basic " + base64.b64encode(b"junk:junk").decode()},
}
MOST_CALLS = 12


@dataclass(frozen=True)
class Declared:
    """A route as the author of the case means it. ``unknown`` is the reason why a reader may say so; ``only`` the one witness that sees it;
    ``gap`` is what the reader does not follow yet, and answers wrong: the test fails when it no longer does; ``nobody``: refused whoever asks."""

    method: str
    path: str
    state: str
    why: str = ""
    unknown: str = ""
    only: str = ""
    limits: tuple[str, ...] | None = None
    gap: str = ""
    nobody: bool = False

    @property
    def key(self) -> Key:
        return (self.method, self.path)


@dataclass(frozen=True)
class Case:
    name: str
    about: str
    framework: str
    target: str
    silent: dict[str, str]
    route: tuple[Declared, ...]
    client: str = ""
    env: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    right: tuple[dict[str, str], ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return APPS / self.name

    @property
    def protected(self) -> dict[Key, bool]:
        """What strangers must find. A route that is public because it checks a submitted password answers 401 by itself."""
        return {one.key: one.state == "protected" for one in self.route if one.only != "code" and one.state != "public"}

    @property
    def limits(self) -> dict[Key, tuple[str, ...]]:
        return {one.key: one.limits for one in self.route if one.limits is not None}


@cache
def case_of(name: str) -> Case:
    data = tomllib.loads((APPS / name / "case.toml").read_text(encoding="utf-8"))
    routes = [{**entry, "limits": tuple(entry["limits"])} if "limits" in entry else entry for entry in data.pop("route")]
    return Case(name=name, route=tuple(Declared(**entry) for entry in routes), **data)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = sorted(folder.parent.name for folder in APPS.glob("*/case.toml"))
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [case_of(name) for name in names], ids=names)
    if "limited" in metafunc.fixturenames:
        limited = [name for name in names if case_of(name).limits]
        metafunc.parametrize("limited", [case_of(name) for name in limited], ids=limited)


@dataclass(frozen=True)
class Observed:
    """The running app: its routes, and for each the answers that strangers got (a status, or why a WebSocket was closed)."""

    routes: frozenset[Key]
    answers: dict[Key, dict[str, str]]
    refusals: tuple[str, ...]

    def refuses(self, key: Key) -> bool:
        return all(self._refused(answer) for answer in self.answers[key].values())

    def senseless(self) -> dict[tuple[Key, str], str]:
        """Answers that say nothing about protection: the case itself is broken."""
        answers = {(key, who): answer for key, by_who in self.answers.items() for who, answer in by_who.items()}
        return {place: answer for place, answer in answers.items() if answer[0] in "45" and answer != "429" and not self._refused(answer)}

    def _refused(self, answer: str) -> bool:
        return answer in ("401", "403", "closed", *self.refusals) or (answer.startswith("30") and "login" in answer)


@pytest.fixture
def observe() -> Callable[[Case], Observed]:
    return observed


@pytest.fixture
def calls_allowed() -> Callable[[Case], dict[Key, int]]:
    return allowed


@pytest.fixture
def served() -> Callable[[Case], dict[Key, bool]]:
    return served_to_known


@pytest.fixture
def read() -> Callable[[Case], dict[Key, Any]]:
    return read_source


@cache
def observed_by_name(name: str) -> Observed:
    case = case_of(name)
    with running(case) as (client, table):
        keys = frozenset((route.method, route.path) for route in table if route.kind in ("http", "websocket"))
        return Observed(
            keys, {key: {who: ask(client, case, key, headers) for who, headers in STRANGERS.items()} for key in sorted(keys)}, case.refusals
        )


def observed(case: Case) -> Observed:
    return observed_by_name(case.name)


def served_to_known(case: Case) -> dict[Key, bool]:
    """For each protected route: does one of the case's own credentials open it, as it should (or none, where nobody is let in)?"""
    routes = [one for one in case.route if one.state == "protected" and not one.unknown]
    with running(case) as (client, _):
        return {one.key: _opens(client, case, one.key) is not one.nobody for one in routes}


def _opens(client: Any, case: Case, key: Key) -> bool:
    return any(ask(client, case, key, headers) in ("200", "201", "204", "answered") for headers in case.right)


def allowed(case: Case) -> dict[Key, int]:
    """How many calls of each route are answered before the first 429, each counted on an app that was just started."""
    counted = {}
    for key in case.limits:
        with running(case) as (client, _):
            answers = [ask(client, case, key, {}) for _ in range(MOST_CALLS)]
        counted[key] = answers.index("429") if "429" in answers else MOST_CALLS
    return counted


@contextmanager
def running(case: Case) -> Iterator[tuple[Any, Any]]:
    """A client of the app, freshly imported, and its route table."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Deprecations of other people's libraries are not what is tested here.
        warnings.simplefilter("ignore")
        for name, value in case.env.items():
            patch.setenv(name, value)
        patch.chdir(case.folder)
        with imported(case) as app:
            if case.framework == "fastapi" or case.client == "asgi":
                with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
                    yield client, (flask if case.framework == "flask" else starlette).table(app)
            else:
                with httpx.Client(transport=httpx.WSGITransport(app, raise_app_exceptions=False), base_url="http://testserver") as client:
                    yield client, flask.table(app)


@contextmanager
def imported(case: Case) -> Iterator[Any]:
    """The object that ``target`` names; the modules of the case are forgotten afterwards, since cases share names."""
    before = set(sys.modules)
    module, _, name = case.target.partition(":")
    sys.path.insert(0, str(case.folder))
    try:
        found = getattr(importlib.import_module(module), name.removesuffix("()"))
        yield found() if name.endswith("()") else found
    finally:
        sys.path.remove(str(case.folder))
        for loaded in set(sys.modules) - before:
            if str(APPS) in str(getattr(sys.modules[loaded], "__file__", None)):
                del sys.modules[loaded]


def ask(client: Any, case: Case, key: Key, headers: dict[str, str]) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: case.params.get(found[1], "1"), key[1])
    if key[0] == "WEBSOCKET":
        return ask_websocket(client, path, headers)
    answer = client.request(key[0], path, headers=headers)
    client.cookies.clear()
    return f"{answer.status_code} {answer.headers.get('location', '')}".strip()


def ask_websocket(client: TestClient, path: str, headers: dict[str, str]) -> str:
    try:
        with client.websocket_connect(path, headers=headers) as socket:
            return "closed" if socket.receive()["type"] == "websocket.close" else "answered"
    except WebSocketDisconnect:
        return "closed"


@cache
def read_by_name(name: str) -> dict[Key, Any]:
    from ostiary.scan.run import scan_tree  # the running half must not need the reader

    routes = scan_tree(case_of(name).folder).routes
    by_key = {(route.method, route.path): route for route in routes}
    assert len(by_key) == len(routes), "a route was read twice"
    return by_key


def read_source(case: Case) -> dict[Key, Any]:
    """The routes of the case as its source is read."""
    return read_by_name(case.name)
