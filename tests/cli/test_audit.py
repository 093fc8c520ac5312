"""``ostiary audit``: exit codes, what is printed, and people's mistakes."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import environment, ostiary

CALLS = """
import sys
from flask import Flask
from ostiary.flask import Guard, public
app = Flask("calls", static_folder=None)
Guard(app, pepper=b"a pepper that is used by nobody else", https="off")
app.add_url_rule("/open", "open", public("everybody may")(lambda: "open"))
client = app.test_client()
for number in range(int(sys.argv[1])):
    client.get("/open", headers={"User-Agent": "=cmd()"}).close()
app.extensions["ostiary"].core.close()
"""


def called(folder: Path, times: int) -> None:
    subprocess.run([sys.executable, "-c", CALLS, str(times)], cwd=folder, check=True, capture_output=True, env=environment())


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with an audit key and six sealed events."""
    assert ostiary("audit", "init", cwd=tmp_path).returncode == 0
    called(tmp_path, 6)
    return tmp_path


def change(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "ostiary-events.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_history_that_holds_is_said_with_its_numbers(shop: Path) -> None:
    """Exit code 0; the key is a file that nobody else may read."""
    found = ostiary("audit", "verify", cwd=shop)
    assert (found.returncode, found.stdout) == (0, "")
    assert "6 events, 6 sealed, 1 chains, 0 pruned, 0 erased" in found.stderr
    assert (shop / "ostiary.audit-key").stat().st_mode & 0o777 == 0o600


def test_tampering_is_said_with_its_row(shop: Path) -> None:
    """Exit code 1; as text and as JSON."""
    change(shop, "UPDATE events SET path = '/forged' WHERE id = 4")
    found = ostiary("audit", "verify", cwd=shop)
    assert (found.returncode, found.stdout) == (1, "changed         event 4 was changed\n")
    value = json.loads(ostiary("audit", "verify", "--json", cwd=shop).stdout)
    assert (value["holds"], [(one["kind"], one["row"]) for one in value["problems"]]) == (False, [("changed", 4)])


def test_a_checkpoint_tells_what_the_file_alone_cannot(shop: Path) -> None:
    """Yesterday's file in the place of today's."""
    subprocess.run(["cp", "ostiary-events.db", "old.db"], cwd=shop, check=True)
    called(shop, 2)
    assert ostiary("audit", "checkpoint", "-o", "checkpoint.json", cwd=shop).returncode == 0
    assert ostiary("audit", "verify", "--checkpoint", "checkpoint.json", cwd=shop).returncode == 0
    for name in ("ostiary-events.db-wal", "ostiary-events.db-shm"):
        (shop / name).unlink(missing_ok=True)
    (shop / "old.db").replace(shop / "ostiary-events.db")
    assert ostiary("audit", "verify", cwd=shop).returncode == 0
    found = ostiary("audit", "verify", "--checkpoint", "checkpoint.json", cwd=shop)
    assert found.returncode == 1
    assert found.stdout.startswith("chain-removed")


def test_pruning_and_erasing_leave_a_history_that_holds(shop: Path) -> None:
    """Both are counted; pruning refuses what does not hold."""
    change(shop, "UPDATE events SET note = 'x' WHERE id = 2")
    refused = ostiary("audit", "prune", "--older", "0s", cwd=shop)
    assert (refused.returncode, "the history does not hold" in refused.stderr) == (2, True)
    change(shop, "UPDATE events SET note = '' WHERE id = 2")
    assert "1 event removed" not in ostiary("audit", "prune", "--older", "1d", cwd=shop).stderr
    assert "6 events removed" in ostiary("audit", "prune", "--older", "0s", cwd=shop).stderr
    assert "0 events, 0 sealed, 1 chains, 6 pruned" in ostiary("audit", "verify", cwd=shop).stderr
    assert "0 events of alice" in ostiary("audit", "erase", "alice", cwd=shop).stderr


def test_export_is_data(shop: Path) -> None:
    """JSON lines and CSV hold every event; a spreadsheet finds no formula."""
    lines = [json.loads(line) for line in ostiary("audit", "export", cwd=shop).stdout.splitlines()]
    assert [line["route"] for line in lines] == [["GET", "/open"]] * 6
    rows = list(csv.DictReader(io.StringIO(ostiary("audit", "export", "--from", "1h", "--format", "csv", cwd=shop).stdout)))
    assert {(row["route"], row["agent"]) for row in rows} == {("/open", "'=cmd()")}
    assert ostiary("audit", "export", "--to", "1h", cwd=shop).stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init",), "is there already, and every sealed event depends on it"),
        (("verify", "--checkpoint", "nothing.json"), "nothing.json: No such file"),
        (("verify", "--checkpoint", "ostiary.audit-key"), "not a checkpoint"),
        (("verify", "--checkpoint", "forged.json"), "its signature is wrong"),
        (("prune", "--older", "soon"), "not a duration"),
        (("export", "--from", "soon"), "not a time"),
        (("verify", "--store", "memory://"), "memory:// ends with the process"),
        (("verify", "--store", "sqlite:///other.db"), "there is no other-events.db yet"),
    ],
)
def test_a_mistake_is_one_line(shop: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 and a sentence."""
    text = json.loads(ostiary("audit", "checkpoint", cwd=shop).stdout)
    (shop / "forged.json").write_text(json.dumps({**text, "made": 5}))
    found = ostiary("audit", *words, cwd=shop)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert said in found.stderr


def test_without_a_key_nothing_is_sealed_and_nothing_can_be_verified(tmp_path: Path) -> None:
    """And the sentence says how to begin."""
    called(tmp_path, 1)
    found = ostiary("audit", "verify", cwd=tmp_path)
    assert (found.returncode, "ostiary audit init makes one" in found.stderr) == (2, True)
