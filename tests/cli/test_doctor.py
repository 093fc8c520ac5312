"""``ostiary doctor``: exit codes, page, JSON, and people's mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import ostiary

SHOP = """
from flask import Flask
from ostiary.flask import Guard, public
app = Flask("shop", static_folder=None)
Guard(app, hosts=["api.test"], policy_file=None, https={https!r})
app.add_url_rule("/health", "health", public("asked by the load balancer")(lambda: "ok"))
bare = Flask("bare")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP.format(https="required"))
    (tmp_path / "careless.py").write_text(SHOP.format(https="off"))
    assert ostiary("keys", "init", cwd=tmp_path).returncode == 0
    return tmp_path


def test_a_problem_ends_with_1_and_says_what_to_write(shop: Path) -> None:
    """The page on standard output without colours, the count on standard error."""
    found = ostiary("doctor", "careless:app", cwd=shop, WEB_CONCURRENCY="1")
    lines = found.stdout.splitlines()
    at = lines.index("  problem  HTTPS is not demanded: keys may travel in clear")
    assert lines[at + 1].startswith("           write: Guard(https=")
    assert (found.returncode, "\x1b" in found.stdout) == (1, False)
    assert "1 problem" in found.stderr or "problems, " in found.stderr


def test_json_is_for_programs(shop: Path) -> None:
    """One object a line, each with what it is about; healthy is what the exit code says."""
    found = ostiary("doctor", "shop:app", "--json", cwd=shop)
    told = json.loads(found.stdout)
    assert {line["about"] for line in told["lines"]} >= {
        "app",
        "proxy",
        "scheme",
        "secrets",
        "stores",
        "clock",
        "workers",
        "logs",
        "libraries",
    }
    assert {tuple(line) for line in told["lines"]} == {("about", "state", "what", "write")}
    assert told["healthy"] is not any(line["state"] == "problem" for line in told["lines"])
    assert [line for line in told["lines"] if line["state"] == "problem" and line["about"] != "libraries"] == []
    assert found.returncode == (0 if told["healthy"] else 1)


def test_without_an_app_the_surroundings_are_looked_at(tmp_path: Path) -> None:
    """No pepper here: exit code 1, and no file is made."""
    found = ostiary("doctor", cwd=tmp_path)
    assert found.returncode == 1
    assert "no pepper" in found.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop:bare",), "has no guard"),
        (("nowhere:app",), "no module named nowhere"),
        (("shop",), "names no app"),
        (("--url", "ftp://api.test"), "is no URL"),
        (("--url", "http://127.0.0.1:1/"), "does not answer"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else "",
)
def test_a_mistake_is_one_line(shop: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, nothing on standard output, no traceback."""
    found = ostiary("doctor", *words, cwd=shop)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert said in found.stderr
