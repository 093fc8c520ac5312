"""``ostiary keys``: what goes wrong is one line, and loses nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ostiary.cli.moments import duration, iso, moment
from ostiary.errors import UsageError
from tests.cli.keys import keys, made
from tests.cli.run import COMMAND, environment

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["show", "x"],
        ["create", "--store", "memory://"],
        ["create", "--store", "ostiary.db"],
        ["create", "--store", "sqlite:////nowhere/at/all.db"],
        ["create", "--scope", "a b"],
        ["create", "--network", "300.1.1.1"],
        ["create", "--limit", "many"],
        ["create", "--expires", "tomorrow"],
        ["create", "--expires", "2001-01-01"],
        ["create", "--not-before", "5x"],
        ["create", "--env", "Live!"],
        ["create", "--meta", "team"],
        ["create", "--max-age", "live"],
        ["import", "nowhere.txt", "--no-end"],
        ["import", "empty.txt", "--no-end"],
        ["import", "binary.txt", "--no-end"],
        ["import", "--sha256", "words.txt", "--no-end"],
        ["due", "--within", "soon"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_and_ends_with_2(words: list[str], tmp_path: Path) -> None:
    """No traceback, nothing on standard output, no key made."""
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "words.txt").write_text("not-a-hash\n")
    run = keys(*words, cwd=tmp_path)
    said = [line for line in run.stderr.splitlines() if not line.startswith("ostiary: made ")]
    assert (run.returncode, run.stdout, len(said)) == (2, "", 1)
    assert said[0].startswith("ostiary: ")


def test_a_lost_pepper_is_said_and_none_is_made(tmp_path: Path) -> None:
    """Also by create, which makes one where nothing is lost."""
    made(tmp_path)
    (tmp_path / "ostiary.pepper").unlink()
    run = keys("create", cwd=tmp_path)
    assert (run.returncode, run.stdout, "bring it back" in run.stderr) == (2, "", True)
    assert not (tmp_path / "ostiary.pepper").exists()


def test_a_pepper_that_others_can_read_is_refused_with_the_repair(tmp_path: Path) -> None:
    """One line."""
    made(tmp_path)
    (tmp_path / "ostiary.pepper").chmod(0o644)
    run = keys("list", cwd=tmp_path)
    assert (run.returncode, run.stderr.count("\n"), "chmod 600 ostiary.pepper" in run.stderr) == (2, 1, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_key_that_could_not_be_printed_is_revoked(tmp_path: Path) -> None:
    """Nobody has it."""
    with Path("/dev/full").open("w") as full:
        words = [*COMMAND, "keys", "create"]
        run = subprocess.run(
            words, cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (run.returncode, "revoked again" in run.stderr) == (2, True)
    assert [key["state"] for key in json.loads(keys("list", "--json", cwd=tmp_path).stdout)["keys"]] == ["revoked"]


def test_keys_of_a_missing_pepper_are_warned_of(tmp_path: Path) -> None:
    """The list is shown all the same."""
    made(tmp_path)
    (tmp_path / "ostiary.pepper").unlink()
    (tmp_path / "other").mkdir()
    keys("init", cwd=tmp_path / "other")
    shutil.copy2(tmp_path / "other" / "ostiary.pepper", tmp_path)
    run = keys("list", cwd=tmp_path)
    assert (run.returncode, "1 key cannot be verified" in run.stderr) == (0, True)


def test_names_cannot_obey_the_terminal(tmp_path: Path) -> None:
    """Refused at the door."""
    assert keys("create", "--name", "\x1b[2J", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90d", NOW + 90 * 86_400),
        ("12H", NOW + 43_200),
        ("30m", NOW + 1800),
        ("2w", NOW + 14 * 86_400),
        ("45s", NOW + 45),
        ("2027-01-31", 1_801_353_600.0),
        ("2027-01-31T18:00Z", 1_801_353_600.0 + 64_800),
        ("2027-01-31T18:00:00+02:00", 1_801_353_600.0 + 57_600),
    ],
)
def test_times_as_people_type_them(text: str, seconds: float) -> None:
    """Durations from now, ISO dates and times; UTC where no zone is said; printed so that they can be typed again."""
    assert moment(text, NOW) == seconds
    assert moment(iso(seconds) or "", NOW) == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5h", "90 days", "2027-13-01", "²d"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="90d, 12h"):
        moment(text, NOW)
    with pytest.raises(UsageError, match="90d, 12h"):
        duration(text)
