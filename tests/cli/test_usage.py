"""``ostiary usage``, ``ostiary keys leaked`` and ``narrow``: exit codes and what is printed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.keys import keys, made
from tests.cli.run import COMMAND, environment, ostiary

APP = """
from flask import Flask
from ostiary.flask import Guard, require
app = Flask("calls", static_folder=None)
Guard(app, https="off")
app.add_url_rule("/v1/orders", "orders", require("orders:read")(lambda: "orders"))
app.add_url_rule("/v2/orders", "new", require("orders:read")(lambda: "orders"))
"""
CALL = """
import sys
from shop import app
for _ in range(3):
    with app.test_client().get("/v1/orders", headers={"X-API-Key": sys.argv[1]}) as answer:
        assert answer.status_code == 200
app.extensions["ostiary"].core.close()
"""


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, str, str]:
    """A folder, a key that called v1 three times and its id."""
    (tmp_path / "shop.py").write_text(APP)
    key_id, text = made(tmp_path, "--scope", "orders:read", "--scope", "users:read", "--name", "mobile")
    subprocess.run([sys.executable, "-c", CALL, text], cwd=tmp_path, check=True, capture_output=True, env=environment())
    return tmp_path, key_id, text


def test_usage_is_told_by_route_key_and_version(shop: tuple[Path, str, str]) -> None:
    """As table, JSON and CSV; who still calls a version that is to go, by key."""
    folder, key_id, _ = shop
    assert "GET /v1/orders  3      0" in ostiary("usage", cwd=folder).stdout
    (row,) = json.loads(ostiary("usage", "--of-version", "v1", "--key", "--json", cwd=folder).stdout)["usage"]
    assert (row["key"], row["name"], row["calls"], row["denied"]) == (key_id, "mobile", 3, 0)
    (line,) = csv.DictReader(io.StringIO(ostiary("usage", "--version", "--day", "--csv", cwd=folder).stdout))
    assert (line["version"], line["calls"]) == ("v1", "3")
    assert ostiary("usage", "--of-version", "v2", cwd=folder).stdout == ""


def test_what_is_unused_is_told_with_the_command_that_ends_it(shop: tuple[Path, str, str]) -> None:
    """Keys, scopes and, where the app is named, routes; the command works."""
    folder, key_id, _ = shop
    spare, _ = made(folder)
    rows = json.loads(ostiary("usage", "--unused", "--app", "shop:app", "--json", cwd=folder).stdout)["unused"]
    assert [(row["what"], row["name"]) for row in rows] == [("key", spare), ("scope", key_id), ("route", "GET /v2/orders")]
    assert rows[1]["command"] == f"ostiary keys narrow {key_id} --scope 'orders:read'"
    assert keys("narrow", key_id, "--scope", "orders:read", cwd=folder).returncode == 0
    assert [row["name"] for row in json.loads(ostiary("usage", "--unused", "--json", cwd=folder).stdout)["unused"]] == [spare]
    assert "does not hold admin" in keys("narrow", key_id, "--scope", "admin", cwd=folder).stderr


def test_leaked_keys_are_found_and_revoked_and_never_shown(shop: tuple[Path, str, str]) -> None:
    """Exit code 1 while one is live, 0 when all are revoked; by file, folder and standard input."""
    folder, key_id, text = shop
    (folder / "access.log").write_text(f"a\nGET /?k={text}\n")
    found = keys("leaked", "access.log", cwd=folder)
    assert (found.returncode, found.stdout) == (1, f"LIVE      {key_id}  mobile  in access.log:2\n")
    assert "1 file read, 1 live key found" in found.stderr
    piped = subprocess.run(
        [*COMMAND, "keys", "leaked", "-"], cwd=folder, env=environment(), input=text, capture_output=True, text=True, check=False
    )
    assert (piped.returncode, key_id in piped.stdout) == (1, True)
    revoked = keys("leaked", ".", "--revoke", "--json", cwd=folder)
    assert revoked.returncode == 0
    assert [(one["id"], one["live"], one["was"]) for one in json.loads(revoked.stdout)["keys"]] == [(key_id, False, "working")]
    after = keys("leaked", "access.log", cwd=folder)
    assert (after.returncode, after.stdout.split()[0]) == (0, "revoked")
    assert not any(text[25:] in run.stdout + run.stderr for run in (found, piped, revoked, after))


def test_a_path_that_is_not_there_is_one_line(shop: tuple[Path, str, str]) -> None:
    """Exit code 2."""
    found = keys("leaked", "nothing.log", cwd=shop[0])
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
