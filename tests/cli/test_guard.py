"""``ostiary guard check``: exit codes, table, problems, and people's mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ostiary.guard.event import Event
from ostiary.guard.stores import open_store

SHOP = """
from flask import Flask
from ostiary.flask import Guard, public, require

def create_app():
    app = Flask(__name__, static_folder=None)
    Guard(app, store="memory://", pepper=b"a pepper that is used by nobody else", limits="100 per day")
    app.add_url_rule("/orders", "orders", require("orders:read")(lambda: "orders"))
    app.add_url_rule("/health", "health", public("asked by the load balancer")(lambda: "ok"))
    return app

app = create_app()
bare = Flask("bare")
open_app = create_app()
open_app.add_url_rule("/open", "open", lambda: "open")
"""


def check(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ostiary.cli", "guard", "check", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


@pytest.mark.parametrize("target", ["shop:app", "shop:create_app()"])
def test_a_declared_app_passes(shop: Path, target: str) -> None:
    """Exit code 0, one line a route on standard output, the verdict on standard error."""
    found = check(shop, target)
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["GET", "GET"]
    assert "all of orders:read" in lines[1]
    assert "100 per day" in lines[1]
    assert found.stderr == "ostiary: 2 routes, all declared\n"


def test_an_undeclared_route_fails(shop: Path) -> None:
    """Exit code 1; the route, what to write and where."""
    found = check(shop, "shop:open_app")
    assert found.returncode == 1
    assert 'GET /open: write @require() or @public("why") on it (shop.py:15)' in found.stderr
    assert found.stderr.endswith("ostiary: 1 problem\n")


def test_json_is_for_programs(shop: Path) -> None:
    """Routes and problems, and nothing else on standard output."""
    found = json.loads(check(shop, "shop:open_app", "--json").stdout)
    assert [row["path"] for row in found["routes"]] == ["/health", "/open", "/orders"]
    assert [(problem["kind"], problem["what"]) for problem in found["problems"]] == [("undeclared", "GET /open")]


def test_quiet_is_quiet(shop: Path) -> None:
    """Only the exit code."""
    found = check(shop, "shop:open_app", "--quiet")
    assert (found.returncode, found.stdout, found.stderr) == (1, "", "")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop", "names no app"),
        ("shop:nothing", "nothing"),
        ("nowhere:app", "no module named nowhere"),
        ("shop:bare", "has no guard"),
        ("broken:app", "broken:app does not start: ZeroDivisionError"),
        ("unkeyed:app", "API_KEY"),
        ("policy:app", "ostiary.toml:3"),
    ],
)
def test_a_mistake_is_one_line(shop: Path, target: str, said: str) -> None:
    """Exit code 2 and a sentence, never a traceback."""
    (shop / "broken.py").write_text("1 / 0\n")
    guarded = "from flask import Flask\nfrom ostiary.flask import Guard, static\napp = Flask(__name__)\n"
    (shop / "unkeyed.py").write_text(guarded + "Guard(app, keys=static('API_KEY'), store='memory://')\n")
    (shop / "policy.py").write_text(guarded + "Guard(app, store='memory://', pepper=b'a pepper that is used by nobody else')\n")
    if target.startswith("policy"):
        (shop / "ostiary.toml").write_text('[[policy]]\npath = "/x"\nrequire = ["not a scope"]\n')
    found = check(shop, target)
    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


WATCHED = """
from flask import Flask
from ostiary.flask import Guard
app = Flask("watched", static_folder=None)
Guard(app, mode="monitor", pepper=b"a pepper that is used by nobody else", https="off")
app.add_url_rule("/open", "open", lambda: "open")
with app.test_client().get("/open") as answer:
    assert answer.status_code == 200
app.extensions["ostiary"].core.close()
"""


def events(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ostiary.cli", "guard", "events", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_events_show_what_would_be_refused(tmp_path: Path) -> None:
    """A call that monitor mode let through stands there with its reason; both as a table and as JSON."""
    subprocess.run([sys.executable, "-c", WATCHED], cwd=tmp_path, check=True, capture_output=True)
    table = events(tmp_path, "--refused")
    assert table.returncode == 0
    assert [" ".join(line.split()[1:]) for line in table.stdout.splitlines()] == ["monitor 200 GET /open undeclared - 127.0.0.1"]
    (event,) = json.loads(events(tmp_path, "--json").stdout)
    assert (event["verdict"], event["reason"], event["route"]) == ("monitor", "undeclared", ["GET", "/open"])


@pytest.mark.parametrize(("words", "said"), [((), "there is no"), (("--store", "memory://"), "memory://")])
def test_events_of_nothing_are_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """No store yet, or one that ended with its process: exit code 2, and no file is made."""
    found = events(tmp_path, *words)
    assert (found.returncode, found.stdout, said in found.stderr) == (2, "", True)
    assert list(tmp_path.iterdir()) == []


def test_anomalies_are_told_with_why(tmp_path: Path) -> None:
    """Exit code 1, as table and JSON; 0 and nothing when all is as ever."""
    store = open_store(f"sqlite:///{tmp_path}/ostiary.db", "events")
    now = time.time()
    rows = [Event(now - 100 + n, path=f"/{n}.php", method="GET", status=404, address="203.0.113.7", verdict="deny") for n in range(30)]
    store.write(rows)
    store.close()
    command = [sys.executable, "-m", "ostiary.cli", "guard", "anomalies"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, "unknown-paths  203.0.113.7 asked for 25 different paths" in found.stdout) == (1, True)
    shown = subprocess.run([*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [one["who"] for one in json.loads(shown.stdout)] == ["203.0.113.7"]
    quiet = subprocess.run([*command, "--since", "10s"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (quiet.returncode, quiet.stdout) == (0, "")
