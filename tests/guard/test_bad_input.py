"""Whatever a user gets wrong stops the start with a sentence, and whatever breaks while the service runs is a refusal (issue 3)."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ostiary.errors import OstiaryError, UsageError
from ostiary.guard.declaration import Declaration, PolicyError
from ostiary.guard.declare import delegated, exempt, limit, public, require
from ostiary.guard.pepper import FILE_NAME
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.wire import apikey
from tests.guard.sites import HTTPS, PEPPER, SITES, Site, fastapi_site

Make = Callable[..., Site]
PATH = "/api/v1/orders"


# Settings: a sentence that names the setting, when the guard is made

SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"mode": "watch"}, "mode"),
    ({"https": "on"}, "https"),
    ({"hsts": "a year"}, "hsts"),
    ({"hosts": ["api.example.test:443"]}, "hosts"),
    ({"hosts": [5]}, "hosts"),
    ({"hosts": 5}, "hosts"),
    ({"header": ""}, "header"),
    ({"header": 5}, "header"),
    ({"header": "Authorization"}, "header"),
    ({"header": "X Key"}, "header"),
    ({"query_parameters": 5}, "query_parameters"),
    ({"allow": ["10.0.0.0/33"]}, "10.0.0.0/33"),
    ({"allow": 5}, "allow"),
    ({"deny": None}, "deny"),
    ({"deny": [7]}, "deny"),
    ({"proxies": -1}, "proxies"),
    ({"proxies": True}, "proxies"),
    ({"proxies": 1.5}, "proxies"),
    ({"proxies": None}, "proxies"),
    ({"proxies": [5]}, "not a network"),
    ({"proxies": ["nginx"]}, "nginx"),
    ({"ipv6_prefix": 129}, "ipv6_prefix"),
    ({"limits": "often"}, "often"),
    ({"limits": 5}, "not a limit"),
    ({"failures": "often"}, "often"),
    ({"unmatched": 5}, "not a limit"),
    ({"default": lambda view: view}, "default"),
    ({"routes": ["/health"]}, "routes"),
    ({"routes": {"health": "why"}}, "health"),
    ({"routes": {"/health": 5}}, "/health"),
    ({"routes": {"/health": ""}}, "reason"),
    ({"policy_file": "missing.toml"}, "missing.toml"),
    ({"policy_file": 5}, "policy_file"),
    ({"store": "redis//x"}, "redis"),
    ({"store": 5}, "store"),
    ({"counters": "sqlite:///"}, "sqlite"),
    ({"pepper": "short"}, "pepper"),
    ({"pepper": 5}, "pepper"),
    ({"authenticators": [5]}, "authenticators"),
    ({"clock": 5}, "clock"),
    ({"limit_fields": True}, "limit_fields"),
    ({"roles": {"clerk": ["a b"]}}, "a b"),
]


@pytest.mark.parametrize(
    ("setting", "named"), SETTINGS, ids=[f"{number}-{next(iter(setting))}" for number, (setting, _) in enumerate(SETTINGS)]
)
def test_a_bad_setting_stops_the_start(make: Make, setting: dict[str, Any], named: str) -> None:
    """A UsageError that names the setting or quotes the value, and no guard on the app."""
    with pytest.raises(UsageError) as refused:
        make(**setting)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


# Declarations: a sentence where they are written

DECLARATIONS: list[tuple[Callable[[], object], str]] = [
    (lambda: require(5), "5 is not a scope"),  # type: ignore[arg-type]
    (lambda: require(["orders:read"]), "not a scope"),  # type: ignore[arg-type]
    (lambda: require("orders read"), "orders read"),
    (lambda: require("orders:*:read"), "orders:*:read"),
    (lambda: require(any_of=[]), "any_of is empty"),
    (lambda: require(any_of=5), "any_of"),  # type: ignore[arg-type]
    (lambda: require(schemes=[5]), "schemes"),  # type: ignore[list-item]
    (lambda: require(limits="often"), "often"),
    (lambda: require(limits=5), "not a limit"),  # type: ignore[arg-type]
    (lambda: require(networks=["10.0.0.0/33"]), "10.0.0.0/33"),
    (lambda: require(networks=5), "networks"),  # type: ignore[arg-type]
    (lambda: require(monitor="yes"), "monitor"),  # type: ignore[arg-type]
    (lambda: require(issues=1), "issues"),  # type: ignore[arg-type]
    (lambda: require(lambda: None), "brackets"),  # type: ignore[arg-type]
    (lambda: public(""), "reason"),
    (lambda: public(lambda: None), "reason"),  # type: ignore[arg-type]
    (lambda: public("why", limits="often"), "often"),
    (lambda: limit(), "rate"),
    (lambda: limit("often"), "often"),
    (lambda: limit("5 per minute", by="prinzipal"), "prinzipal"),
    (lambda: limit("5 per minute", by=5), "by"),  # type: ignore[arg-type]
    (lambda: limit("5 per minute", cost=-1), "cost"),
    (lambda: limit("5 per minute", cost=6), "6"),
    (lambda: limit("5 per minute", bucket=5), "bucket"),  # type: ignore[arg-type]
    (lambda: delegated(5), "functions"),  # type: ignore[arg-type]
    (lambda: delegated(print, 5), "functions"),  # type: ignore[arg-type]
    (lambda: delegated(print, scopes=["a"]), "functions"),  # type: ignore[arg-type]
    (lambda: require()(5), "cannot carry"),
    (lambda: exempt()([].append), "cannot carry"),
    (lambda: public("a")(require()(lambda: None)), "public and to require"),
]


@pytest.mark.parametrize("number", range(len(DECLARATIONS)))
def test_a_bad_declaration_is_a_sentence_where_it_is_written(number: int) -> None:
    """A UsageError, never a TypeError or AttributeError from the inside."""
    say, named = DECLARATIONS[number]
    with pytest.raises(UsageError, match=named.replace("*", r"\*")):
        say()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[[policy]]\npath = "/x"\nrequire = ["a b"]\n', 3, "a b"),
        ('[[policy]]\npath = "/x"\nlimits = "often"\n', 3, "often"),
        ('[[policy]]\npath = "/x"\nlimit = "5 per minute"\n', 3, "limit"),
        ('[[policy]]\npath = "/x"\npublic = ""\n', 3, "public is empty"),
        ('[[policy]]\npath = "x"\npublic = "why"\n', 2, "path"),
        ('[[policy]]\npath = "/x"\nnetworks = ["10.0.0.0/99"]\n', 3, "10.0.0.0/99"),
        ('[[policy]\npath = "/x"\n', 1, ""),
    ],
)
def test_a_bad_policy_file_is_told_with_file_and_line(make: Make, tmp_path: Path, text: str, line: int, said: str) -> None:
    """Bad scope, bad limit, unknown key, missing reason, no path, bad network, no TOML."""
    file = tmp_path / "policies.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        make(policy_file=file)
    assert f"policies.toml:{line}" in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 8])
def test_a_policy_file_that_is_no_text_is_a_sentence(make: Make, tmp_path: Path, content: bytes) -> None:
    """Bytes that are not UTF-8, and those that are no TOML."""
    file = tmp_path / "policies.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="policies"):
        make(policy_file=file)


def test_a_scheme_that_the_guard_does_not_have_serves_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Known only when all routes are: every call is 503, and the log says in a line which route and which scheme, with no traceback."""
    site = make(routes={"/undeclared": require(schemes=["card"])})
    with caplog.at_level(logging.ERROR, "ostiary"):
        answers = [site.ask("/undeclared"), site.ask("/health")]
    assert [(answer.status, answer.code) for answer in answers] == [(503, "unavailable")] * 2
    assert site.reached == []
    said = [record for record in caplog.records if "no such scheme" in record.getMessage()]
    assert said[0].getMessage().startswith("nothing is served: GET /undeclared: no such scheme: card")
    assert all(record.exc_info is None for record in said)


def test_a_server_with_lifespan_hears_of_a_bad_declaration_at_start_up() -> None:
    """``lifespan.startup.failed`` with the sentence: uvicorn ends, instead of serving errors."""
    site = fastapi_site(routes={"/undeclared": require(schemes=["card"])})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(site.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "no such scheme: card" in sent[0]["message"]
    site.close()


# Keys, peppers and files


def test_a_missing_pepper_stops_the_start(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made up: the sentence says what to set and what makes one."""
    monkeypatch.delenv("OSTIARY_PEPPER", raising=False)
    monkeypatch.delenv("OSTIARY_PEPPER_FILE", raising=False)
    with pytest.raises(UsageError, match="OSTIARY_PEPPER"):
        make(store=f"sqlite:///{tmp_path / 'ostiary.db'}", pepper=None)


def test_a_pepper_that_others_may_read_stops_the_start(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence holds the command that repairs the rights."""
    monkeypatch.delenv("OSTIARY_PEPPER", raising=False)
    monkeypatch.delenv("OSTIARY_PEPPER_FILE", raising=False)
    file = tmp_path / FILE_NAME
    file.write_text(PEPPER.hex() + "\n")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        make(store=f"sqlite:///{tmp_path / 'ostiary.db'}", pepper=None)


@pytest.mark.parametrize("value", ["with a blank in it 123", "with,comma-in-it-123", "with;semicolon-in-it", "ключ-ключ-ключ-ключ"])
def test_a_static_key_that_nobody_can_send_stops_the_start(make: Make, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A header cannot carry it, so that it would never match; the sentence names the variable and shows nothing of the value."""
    from ostiary.guard.authn.statics import static

    monkeypatch.setenv("API_KEY", value)
    with pytest.raises(UsageError, match="API_KEY") as refused:
        make(keys=static("API_KEY"))
    assert value not in str(refused.value)


@pytest.mark.parametrize("kind", ["a folder", "no folder", "another database", "no database"])
def test_a_store_that_cannot_be_used_stops_the_start(make: Make, tmp_path: Path, kind: str) -> None:
    """The sentence names the path."""
    file = tmp_path / "ostiary.db"
    if kind == "a folder":
        file.mkdir()
    elif kind == "no folder":
        file = tmp_path / "missing" / "ostiary.db"
    elif kind == "another database":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE theirs (value TEXT)")
    else:
        file.write_text("this is no database at all, but a text that is long enough to be taken for a header" * 3)
    with pytest.raises(UsageError, match=r"ostiary(-counters)?\.db"):
        make(store=f"sqlite:///{file}")


# Locked


@contextmanager
def locked(file: Path, mode: str = "NORMAL") -> Iterator[None]:
    """Another connection holds the file as long as this lasts; with ``mode`` EXCLUSIVE nobody can even read."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
        connection.execute(f"PRAGMA locking_mode={mode}")
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("framework", list(SITES))
def test_locked_counters_refuse_and_come_back(tmp_path: Path, framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BEGIN EXCLUSIVE held elsewhere: 503, no handler runs; as soon as it is let go, 200 without a restart."""
    monkeypatch.setattr("ostiary.guard.ask.PATIENCE", 0.05)
    site = SITES[framework](f"sqlite:///{tmp_path / 'ostiary.db'}")
    key = site.mint()
    with locked(tmp_path / "ostiary-counters.db"):
        answers = [site.ask("/api/v1/limited", key), site.ask("/public-limited")]
        assert [(answer.status, answer.code) for answer in answers] == [(503, "unavailable")] * 2
        assert site.reached == []
    assert [site.ask("/api/v1/limited", key).status, site.ask("/public-limited").status] == [200, 200]
    assert [event.reason for event in site.events()] == ["store_down", "store_down", "", ""]
    site.close()


@pytest.mark.parametrize("framework", list(SITES))
def test_locked_keys_let_nobody_in_and_come_back(tmp_path: Path, framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keys file that nobody can read: 503 for good keys and bad ones; afterwards all is as before."""
    monkeypatch.setattr("ostiary.guard.ask.PATIENCE", 0.05)
    site = SITES[framework](f"sqlite:///{tmp_path / 'ostiary.db'}", failures=None)
    good, poor = site.mint("orders:read"), site.mint("other:read")
    junk = apikey.mint()
    assert site.ask(PATH, good).status == 200
    site.core.key_store.close()
    with locked(tmp_path / "ostiary.db", "EXCLUSIVE"):
        assert [site.ask(PATH, key).status for key in (good, poor, junk)] == [503] * 3
    assert site.reached == ["orders"]
    assert [site.ask(PATH, key).status for key in (good, poor, junk)] == [200, 403, 401]
    site.close()


def test_the_event_loop_answers_others_while_a_call_waits_for_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one call waits for the locked counters, a second one, which needs none, is begun and answered before it."""
    monkeypatch.setattr("ostiary.guard.ask.PATIENCE", 0.3)
    site = fastapi_site(f"sqlite:///{tmp_path / 'ostiary.db'}")
    done: list[tuple[str, int]] = []

    async def ask(client: httpx.AsyncClient, path: str) -> None:
        done.append((path, (await client.get(path)).status_code))

    async def both() -> None:
        transport = httpx.ASGITransport(site.app, client=("203.0.113.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url=HTTPS) as client:
            waiting = asyncio.create_task(ask(client, "/public-limited"))
            await asyncio.sleep(0)
            await asyncio.gather(waiting, ask(client, "/health"))

    with locked(tmp_path / "ostiary-counters.db"):
        asyncio.run(both())
    assert done == [("/health", 200), ("/public-limited", 503)]
    site.close()


def test_a_lock_that_is_let_go_in_time_costs_nobody_their_call(make: Make, tmp_path: Path) -> None:
    """Held for a moment: the call waits and is answered."""
    site = make(f"sqlite:///{tmp_path / 'ostiary.db'}")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "ostiary-counters.db"):
            held.set()
            let_go.wait(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    assert site.ask("/public-limited").status == 200
    thread.join()


# Gone, or broken


@pytest.mark.parametrize("framework", list(SITES))
def test_counters_whose_file_is_gone_or_spoilt_refuse(tmp_path: Path, framework: str) -> None:
    """Deleted, or overwritten with junk, and opened anew: 503 and no handler."""
    for spoil in (Path.unlink, lambda file: file.write_bytes(b"junk" * 1000)):
        file = tmp_path / "ostiary-counters.db"
        site = SITES[framework](f"sqlite:///{tmp_path / 'ostiary.db'}")
        site.core.counters.close()
        for other in tmp_path.glob("ostiary-counters.db-*"):
            other.unlink()
        spoil(file)
        assert site.ask("/public-limited").status == 503
        assert site.reached == []
        site.close()
        file.unlink(missing_ok=True)


@pytest.mark.parametrize("framework", list(SITES))
def test_a_keys_file_that_is_deleted_under_its_readers_is_noticed(tmp_path: Path, framework: str) -> None:
    """The connections are still open and would answer from what is gone: within a second they are not asked any more."""
    site = SITES[framework](f"sqlite:///{tmp_path / 'ostiary.db'}")
    key = site.mint("orders:read")
    assert site.ask(PATH, key).status == 200
    for file in tmp_path.glob("ostiary.db*"):
        file.unlink()
    site.core.key_store._database._looked = 0.0
    assert site.ask(PATH, key).status == 503
    site.close()


@pytest.mark.parametrize("framework", list(SITES))
def test_keys_whose_file_is_gone_let_nobody_in(tmp_path: Path, framework: str) -> None:
    """Deleted and opened anew: 503 for the key that was good a moment ago, in the cache or not."""
    site = SITES[framework](f"sqlite:///{tmp_path / 'ostiary.db'}")
    key = site.mint("orders:read")
    assert site.ask(PATH, key).status == 200
    site.core.key_store.close()
    for file in tmp_path.glob("ostiary.db*"):
        file.unlink()
    assert site.ask(PATH, key).status == 503
    assert site.reached == ["orders"]
    site.close()


class Broken:
    """Stands for a store that fails in a way that nobody foresaw."""

    immediate = True

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def failing(*arguments: object, **more: object) -> Any:
            raise self.error

        return failing


@pytest.mark.parametrize("error", [StoreDown("gone"), Busy("held"), RuntimeError("a defect"), KeyError("x"), OstiaryError("y")])
def test_whatever_a_store_raises_is_a_refusal(make: Make, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters and keys: 503 without a word of the reason to the caller; the handler is not reached."""
    monkeypatch.setattr("ostiary.guard.ask.PATIENCE", 0.01)
    site = make()
    key = site.mint("orders:read")
    whole, site.core.counters = site.core.counters, Broken(error)
    counted = site.ask("/public-limited")
    site.core.counters = whole
    authenticator = site.core.authenticators[-1]
    authenticator.store, kept = Broken(error), authenticator.store
    verified = site.ask(PATH, key)
    authenticator.store = kept
    for answer in (counted, verified):
        assert (answer.status, answer.code) == (503, "unavailable")
        assert b"defect" not in answer.body
    assert site.reached == []
    assert site.ask(PATH, key).status == 200


class Failing:
    """An authenticator of the user's own that has a defect."""

    name = "card"

    def __init__(self, where: str) -> None:
        self.where = where

    def known(self, text: str, now: float) -> None:
        if self.where == "known":
            raise RuntimeError("card reader on fire")

    def worthwhile(self, text: str) -> bool:
        return True

    def verify(self, text: str, now: float) -> Any:
        if self.where == "verify":
            raise RuntimeError("card reader on fire")
        yield from ()


@pytest.mark.parametrize("where", ["known", "verify"])
def test_an_authenticator_that_raises_is_a_refusal(make: Make, where: str) -> None:
    """503, nothing of the exception in the answer, the handler not reached; the log has it."""
    site = make(authenticators=[Failing(where)])
    answer = site.ask(PATH, "x" * 20)
    assert (answer.status, answer.code, b"fire" in answer.body) == (503, "unavailable", False)
    assert site.reached == []
    assert site.events()[-1].reason == "guard_failed"


def test_a_declaration_that_comes_late_and_cannot_be_is_a_refusal(make: Make) -> None:
    """After the first request nothing is checked at start-up any more: the call is 503, others are answered."""
    site = make()
    assert site.ask("/health").status == 200
    bad = Declaration(required=True, schemes=("card",))
    if site.framework == "flask":
        from werkzeug.routing import Rule

        site.app.url_map.add(Rule("/late", endpoint="late"))
        site.app.view_functions["late"] = bad(lambda: "reached")
    else:
        site.app.get("/late")(bad(lambda: "reached"))
    assert [site.ask("/late").status, site.ask("/health").status] == [503, 200]


def test_guard_check_names_what_is_wrong_and_never_ends_well_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such module, no such name, no guard, an app that ends the process: a sentence each."""
    from ostiary.guard.appcheck import check

    (tmp_path / "bare_app.py").write_text("app = object()\n")
    (tmp_path / "ending_app.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "failing_app.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    for target, said in {
        "nothing": "names no app",
        "missing_app:app": "missing_app",
        "bare_app:other": "other",
        "bare_app:app": "no guard",
        "ending_app:app": "ends itself",
        "failing_app:app": "ZeroDivisionError",
    }.items():
        with pytest.raises(UsageError, match=said):
            check(target)


def test_a_policy_error_is_a_usage_error() -> None:
    """One kind of exception for all that a user gets wrong: the command line prints its sentence."""
    assert issubclass(PolicyError, UsageError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_give_ids_of_their_own() -> None:
    """gunicorn --preload: two workers count from where their parent was, and no two requests have one id."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        first, second = pool.map(_an_id, range(2), chunksize=1)
    assert len({first, second, _an_id(0)}) == 3


def _an_id(_: int) -> str:
    from ostiary.guard.request import Request

    return Request("GET", "/", "", "", "http", "", 0.0).id
