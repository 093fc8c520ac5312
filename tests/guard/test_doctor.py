"""``ostiary doctor``'s checks: real stores, good and bad; each bad setting is a line with what to write."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ostiary import redact
from ostiary.flask import Guard, cors, public, static
from ostiary.guard.admin import Admin
from ostiary.guard.doctor import examine, stores
from ostiary.guard.doctor.libraries import FACTS
from ostiary.guard.doctor.line import Answer, Patient
from ostiary.guard.stores._sql_migrate import upgrade
from tests.guard.postgres_server import PostgresServer
from tests.guard.redis_server import RedisServer

PEPPER = b"a pepper that is used by nobody else"
Made = Callable[..., Patient]
STATES = ("ok", "warning", "problem")


def nothing(_: str) -> None:
    """No library is installed."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """An app whose guard has these options, with its surroundings; nothing wrong with it unless the options are."""
    opened: list[Any] = []

    def build(
        environ: dict[str, str] | None = None, *, app: Flask | None = None, around: dict[str, Any] | None = None, **options: Any
    ) -> Patient:
        app = app or Flask("doctored", static_folder=None)
        app.add_url_rule("/health", "health", public("asked by the load balancer")(lambda: "ok"))
        url = f"sqlite:///{tmp_path}/ostiary.db"
        Guard(app, **{"store": url, "pepper": PEPPER, "audit_key": PEPPER, "hosts": ["api.test"], "policy_file": None, **options})
        opened.append(app.extensions["ostiary"].core)
        given = {"version": nothing, "argv": [], "timer": lambda: 0.0, **(around or {})}
        return Patient(app=app, installed=app.extensions["ostiary"], environ=environ or {}, **given)

    yield build
    for core in opened:
        core.close()
    redact.uninstall()


def said(patient: Patient, about: str, state: str = "problem") -> list[str]:
    return [f"{line.what} | {line.write}" for line in examine(patient)[about] if line.state == state]


def test_a_healthy_app_is_well(made: Made) -> None:
    """No problem and no warning; every subject but the running server has something to say."""
    found = examine(made())
    assert [line for lines in found.values() for line in lines if line.state != "ok"] == []
    assert [about for about, lines in found.items() if not lines] == []


@pytest.mark.parametrize(
    ("about", "state", "options", "environ", "words"),
    [
        ("proxy", "problem", {}, {"FORWARDED_ALLOW_IPS": "*"}, "the server believes"),
        ("proxy", "problem", {}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "Kubernetes puts a proxy in front"),
        ("proxy", "warning", {"proxies": 1}, {"FORWARDED_ALLOW_IPS": "10.0.0.1"}, "both read forwarding headers"),
        ("scheme", "problem", {"https": "off"}, {}, 'Guard(https="required")'),
        ("scheme", "warning", {"environment": "development"}, {}, "in clear"),
        ("scheme", "problem", {"https": "proxy"}, {}, "Guard(proxies=1)"),
        ("scheme", "warning", {"hosts": None}, {}, "Guard(hosts="),
        ("headers", "warning", {"security_headers": False}, {}, "Guard(security_headers=True)"),
        ("headers", "warning", {"hsts": 0}, {}, "no HSTS"),
        ("headers", "warning", {"cors": cors("*")}, {}, "every origin"),
        ("app", "warning", {"mode": "monitor"}, {}, "nobody is refused"),
        ("app", "warning", {"environment": "development"}, {}, "OSTIARY_ENV=production"),
        ("app", "problem", {"routes": {"/nowhere": "a mistake"}}, {}, "/nowhere: no-route"),
        ("secrets", "warning", {"audit_key": None}, {}, "ostiary audit init"),
        ("workers", "problem", {"counters": "memory://"}, {"WEB_CONCURRENCY": "4"}, "4 workers (WEB_CONCURRENCY), each with counters"),
        ("workers", "problem", {"events": "memory://"}, {"GUNICORN_CMD_ARGS": "-w 2"}, "each with events"),
        ("workers", "warning", {"counters": "memory://"}, {}, "right for one worker only"),
    ],
)
def test_a_bad_setting_is_a_line(made: Made, about: str, state: str, options: dict[str, Any], environ: dict[str, str], words: str) -> None:
    """Exactly one line of that state, and it says what to write."""
    patient = made(environ, **options)
    (line,) = said(patient, about, state)
    assert words in line


def test_workers_that_share_are_well(made: Made) -> None:
    """SQLite counts for all workers of a host."""
    assert said(made({"WEB_CONCURRENCY": "4"}), "workers", "ok") == ["4 workers (WEB_CONCURRENCY) share their stores | "]


def test_settings_of_the_framework_that_open_the_door(made: Made) -> None:
    """Debug, and a secret for sessions that can be guessed; no character of it is shown."""
    app = Flask("careless", static_folder=None)
    app.debug, app.secret_key = True, "hunter2"
    lines = said(made(app=app), "app")
    assert [line.split(" ")[0] for line in lines] == ["debug", "secret_key"]
    assert "hunter2" not in "".join(lines)


def test_a_route_that_nobody_declared_is_a_problem(made: Made) -> None:
    """As ``guard check`` says it, with its place."""
    app = Flask("open", static_folder=None)
    app.add_url_rule("/open", "open", lambda: "open")
    (line,) = said(made(app=app), "app")
    assert line.startswith("GET /open: undeclared (")


def test_a_log_that_is_not_cleaned_is_a_problem(made: Made) -> None:
    """Also when only some loggers are covered."""
    redact.uninstall()
    patient = made(redact_logs=False)
    assert len(said(patient, "logs")) == 1
    redact.install(loggers=["doctored"])
    assert len(said(patient, "logs")) == 1
    redact.install()
    assert said(patient, "logs") == []
    assert redact.covers(logging.getLogger("any").name)


# Secrets


def bare(folder: Path, **more: Any) -> Patient:
    """No app: the environment alone."""
    environ = {"OSTIARY_STORE": f"sqlite:///{folder}/ostiary.db", **more.pop("environ", {})}
    return Patient(environ=environ, argv=[], version=nothing, **more)


def test_a_missing_pepper_is_a_problem(tmp_path: Path) -> None:
    """And no file is made by looking."""
    assert said(bare(tmp_path), "secrets") == [
        "no pepper: no key can be made or checked | ostiary keys init, or set OSTIARY_PEPPER (the same on every host)"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_pepper_that_others_may_read_is_a_problem(tmp_path: Path) -> None:
    """With the command that repairs it."""
    Admin.open(f"sqlite:///{tmp_path}/ostiary.db", create=True, environ={}).close()
    (tmp_path / "ostiary.pepper").chmod(0o644)
    (line,) = said(bare(tmp_path), "secrets")
    assert f"chmod 600 {tmp_path}/ostiary.pepper" in line


@pytest.mark.parametrize(("days", "state"), [(10, "ok"), (729, "ok"), (731, "warning")])
def test_a_secret_has_an_age(tmp_path: Path, days: int, state: str) -> None:
    """After two years it is asked to be renewed."""
    Admin.open(f"sqlite:///{tmp_path}/ostiary.db", create=True, environ={}).close()
    lines = said(bare(tmp_path, clock=lambda: time.time() + days * 86_400 + 60), "secrets", state)
    assert len([line for line in lines if f"{days} days old" in line]) == 1


def test_a_pepper_from_the_environment_is_named_and_not_shown(tmp_path: Path) -> None:
    """Where it comes from, no character of it."""
    lines = said(bare(tmp_path, environ={"OSTIARY_PEPPER": PEPPER.decode()}), "secrets", "ok")
    assert lines[0] == "pepper from OSTIARY_PEPPER | "
    assert PEPPER.decode() not in "".join(lines)


def test_a_static_key_needs_no_pepper(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a store of keys."""
    monkeypatch.setenv("API_KEY", "a-static-key-of-enough-characters")
    patient = made(keys=static("API_KEY"), pepper=None)
    assert (said(patient, "secrets"), said(patient, "stores")) == ([], [])


# Stores


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    """Keys are a warning, the rest is made at first use; a missing folder is a problem."""
    assert len(said(bare(tmp_path), "stores", "warning")) == 1
    assert len(said(bare(tmp_path), "stores", "ok")) == 3
    assert len(said(bare(tmp_path / "missing"), "stores")) == 4


def test_a_file_that_others_may_read_is_a_problem(made: Made, tmp_path: Path) -> None:
    """With the command that repairs it."""
    patient = made()
    (tmp_path / "ostiary.db").chmod(0o640)
    (line,) = said(patient, "stores")
    assert line.endswith(f"chmod 600 {tmp_path}/ostiary.db")


def test_a_file_of_a_newer_ostiary_is_a_problem(made: Made, tmp_path: Path) -> None:
    """The schema is compared."""
    patient = made()
    connection = sqlite3.connect(tmp_path / "ostiary-events.db")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    (line,) = said(patient, "stores")
    assert line.startswith("events: ")
    assert "newer Ostiary (schema 99" in line


def test_a_file_that_is_locked_is_a_problem(made: Made, tmp_path: Path) -> None:
    """Somebody holds the lock for writing longer than a second."""
    patient = made()
    with sqlite3.connect(tmp_path / "ostiary-counters.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (line,) = said(patient, "stores")
        connection.execute("ROLLBACK")
    connection.close()
    assert line.startswith("counters: ")
    assert "database is locked" in line


@pytest.mark.parametrize(
    ("path", "found"), [("/srv/shop/ostiary.db", "nfs4"), ("/srv2/ostiary.db", "ext4"), ("/srv/local/ostiary.db", "xfs")]
)
def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path, path: str, found: str) -> None:
    """As Linux lists them; where there is no such list nothing is said."""
    (tmp_path / "mounts").write_text("/dev/a / ext4 rw 0 0\nhost:/x /srv nfs4 rw 0 0\n/dev/b /srv/local xfs rw 0 0\n")
    assert stores._file_system(Path(path), tmp_path / "mounts") == found
    assert stores._file_system(Path(path), tmp_path / "nothing") == ""
    assert ("nfs4" in stores._OVER_NETWORK, "ext4" in stores._OVER_NETWORK) == (True, False)


def test_a_slow_store_is_a_warning(made: Made) -> None:
    """Milliseconds, by the clock that is passed; the file of nonces is not there yet."""
    ticks = iter(number * 0.05 for number in range(1000))
    lines = said(made(around={"timer": lambda: next(ticks)}), "stores", "warning")
    assert len(lines) == 3
    assert all("takes 50 ms" in line for line in lines)


def test_the_clock_was_never_set(made: Made) -> None:
    """1970."""
    (line,) = said(made(around={"clock": lambda: 1.0}), "clock")
    assert "never set" in line


def test_redis_answers_and_agrees(made: Made, redis_server: RedisServer) -> None:
    """Reachable, with its latency, and its clock near ours."""
    patient = made(counters=redis_server.url)
    assert said(patient, "stores") == []
    assert len([line for line in said(patient, "stores", "ok") if "Redis, answers in" in line]) == 2
    assert said(patient, "clock", "ok") == ["the clock of Redis agrees with ours within 2 s | "]


def test_redis_that_is_an_hour_off_is_found(made: Made, redis_server: RedisServer) -> None:
    """In seconds."""
    (line,) = said(made(counters=redis_server.url, around={"clock": lambda: time.time() + 3600}), "clock")
    assert "-3600.0 s off" in line


def test_redis_that_forgets_counters_is_a_problem(made: Made, redis_server: RedisServer) -> None:
    """An eviction policy other than noeviction."""
    patient = made(counters=redis_server.url)
    with redis_server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        lines = said(patient, "stores")
        client.config_set("maxmemory-policy", "noeviction")
    assert [line.split(": ")[0] for line in lines] == ["counters", "nonces"]


def test_redis_that_is_gone_is_a_problem(made: Made, tmp_path: Path) -> None:
    """And its password is not shown."""
    server = RedisServer(tmp_path)
    url = f"redis://:hunter2@127.0.0.1:{server.port}"
    server.stop()
    patient = made(counters=url)
    lines = [*said(patient, "stores"), *said(patient, "clock")]
    assert [line.split(" ")[0] for line in lines] == ["counters:", "nonces:", "Redis"]
    assert "hunter2" not in "".join(lines)


def test_postgresql_answers_and_agrees(made: Made, postgres_url: str) -> None:
    """All four roles, its schema, its clock."""
    patient = made(store=postgres_url)
    assert [said(patient, about) for about in ("stores", "clock", "secrets")] == [[], [], []]
    assert len([line for line in said(patient, "stores", "ok") if "PostgreSQL, answers in" in line]) == 4
    assert len(said(patient, "clock", "ok")) == 1


def test_postgresql_without_tables_is_a_problem(postgres: PostgresServer, tmp_path: Path) -> None:
    """With the command that makes them."""
    url = postgres.url(postgres.database("template1"))
    patient = bare(tmp_path, environ={"OSTIARY_STORE": url, "OSTIARY_PEPPER": PEPPER.decode()})
    assert all("ostiary db upgrade" in line for line in said(patient, "stores"))
    assert len(said(patient, "stores")) == 4
    upgrade(url)
    assert said(patient, "stores") == []


def test_postgresql_that_only_reads_is_a_problem(made: Made, postgres: PostgresServer, postgres_url: str) -> None:
    """A standby, or a database that was set so."""
    patient = made(store=postgres_url)
    postgres.execute(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET default_transaction_read_only = on")
    assert len([line for line in said(patient, "stores") if "only reads here" in line]) == 4


# Libraries


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.name}-{'.'.join(map(str, fact.fixed))}")
def test_a_release_with_a_hole_is_a_problem_until_it_was_fixed(tmp_path: Path, fact: Any) -> None:
    """The first release concerned, and the one that fixed it."""
    first, fixed = (".".join(map(str, version)) for version in (fact.first, fact.fixed))
    versions = {fact.name: f"{first}.0rc1"}
    found = said(bare(tmp_path, environ={}), "libraries")
    assert found == []
    patient = Patient(environ={}, argv=[], version=versions.get)
    assert any(fact.what in line for line in said(patient, "libraries"))
    versions[fact.name] = fixed
    assert not any(fact.what in line for line in said(patient, "libraries"))


@pytest.mark.parametrize(("fastapi", "state"), [("0.136.3", "warning"), ("0.137.0", "problem"), ("0.165.0", "problem"), (None, "warning")])
def test_slowapi_beside_a_fastapi_on_which_it_stops(fastapi: str | None, state: str) -> None:
    """From 0.137 on its default limits are not applied on included routers."""
    versions = {"slowapi": "0.1.9", "fastapi": fastapi}
    lines = said(Patient(environ={}, argv=[], version=versions.get), "libraries", state)
    assert [line for line in lines if "ostiary.compat.slowapi" in line] == lines[-1:] != []


def test_extras_are_listed() -> None:
    """An extra is there when all that it needs is."""
    versions = {"sqlalchemy": "2", "psycopg": "3", "redis": "6"}
    assert said(Patient(environ={}, argv=[], version=versions.get), "libraries", "ok")[-1] == (
        "extras installed: redis; not: sql, jwt, sign, input, otel, alerts | "
    )


# A running app


def test_the_answer_of_a_running_app_is_read() -> None:
    """Plain HTTP, headers that did not arrive, a version that is told, a clock that is off: a line each."""
    headers = {"server": "nginx/1.18.0", "date": "Mon, 23 Nov 2026 01:00:00 GMT"}
    patient = Patient(environ={}, argv=[], version=nothing, answer=Answer("http://api.test/health", 200, headers, 1_795_395_600.0 + 61))
    assert ["plain HTTP" in line for line in said(patient, "scheme")] == [True]
    assert ["without x-content-type-options and x-request-id" in line for line in said(patient, "headers")] == [True]
    assert ["nginx/1.18.0" in line for line in said(patient, "headers", "warning")] == [True]
    assert ["-61 s off" in line for line in said(patient, "clock")] == [True]


def test_a_good_answer_is_well() -> None:
    """Over HTTPS, with everything; and over HTTP when it is refused."""
    headers = {"x-content-type-options": "nosniff", "x-request-id": "1", "strict-transport-security": "max-age=1"}
    for url, status in (("https://api.test/health", 200), ("http://api.test/health", 403), ("http://127.0.0.1/health", 200)):
        patient = Patient(environ={}, argv=[], version=nothing, answer=Answer(url, status, headers, 0.0))
        assert [said(patient, about, state) for about in ("scheme", "headers") for state in STATES[1:]] == [[]] * 4


def test_no_hsts_over_https_is_a_warning() -> None:
    """The guard believes that the line is plain."""
    headers = {"x-content-type-options": "nosniff", "x-request-id": "1"}
    patient = Patient(environ={}, argv=[], version=nothing, answer=Answer("https://api.test/", 200, headers, 0.0))
    assert ["proxies=1" in line for line in said(patient, "headers", "warning")] == [True]


def test_a_user_without_rights_is_told(tmp_path: Path) -> None:
    """A folder that cannot be written: seen without writing."""
    if os.geteuid() == 0:
        pid = os.fork()
        if pid == 0:
            tmp_path.chmod(0o755)
            for parent in tmp_path.parents[:3]:
                parent.chmod(0o755)
            os.setuid(65534)
            os._exit(len(said(bare(tmp_path), "stores")))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
    else:
        tmp_path.chmod(0o500)
        assert len(said(bare(tmp_path), "stores")) == 4
