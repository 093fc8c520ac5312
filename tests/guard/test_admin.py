"""The facade: what opening a store makes, finds and refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard import pepper
from ostiary.guard.admin import Admin
from ostiary.guard.event import Event
from ostiary.guard.stores import open_store
from tests.guard.keys import NOW, url

NOTHING: dict[str, str] = {}


def opened(folder: Path, environ: dict[str, str] | None = None, *, create: bool = False) -> Admin:
    return Admin.open(url("sqlite", folder), create=create, environ=environ or NOTHING)


def test_creating_makes_store_and_pepper_once(tmp_path: Path) -> None:
    """And says what it made; the second time nothing."""
    made = opened(tmp_path, create=True).made
    assert made == (tmp_path / "ostiary.pepper", tmp_path / "ostiary.db")
    assert sorted(file.name for file in tmp_path.iterdir() if not file.name.endswith(("-wal", "-shm"))) == ["ostiary.db", "ostiary.pepper"]
    assert {os.stat(file).st_mode & 0o777 for file in made} == {0o600}
    assert opened(tmp_path, create=True).made == ()


def test_looking_makes_nothing(tmp_path: Path) -> None:
    """A store that is not there is said, with the command that makes it."""
    with pytest.raises(UsageError, match=r"there is no .*ostiary\.db yet; it is made by: ostiary keys init"):
        opened(tmp_path, {"OSTIARY_PEPPER": "a pepper of more than thirty-two characters"})
    assert list(tmp_path.iterdir()) == []


def test_a_pepper_of_the_environment_is_used_and_no_file_made(tmp_path: Path) -> None:
    """One secret, one place."""
    admin = opened(tmp_path, {"OSTIARY_PEPPER": "a pepper of more than thirty-two characters"}, create=True)
    assert admin.made == (tmp_path / "ostiary.db",)
    assert admin.keyring.peppers.source == "OSTIARY_PEPPER"


def test_a_wrong_pepper_of_the_environment_leaves_nothing_behind(tmp_path: Path) -> None:
    """Refused before a file is made."""
    with pytest.raises(UsageError, match="OSTIARY_PEPPER"):
        opened(tmp_path, {"OSTIARY_PEPPER": "short"}, create=True)
    assert list(tmp_path.iterdir()) == []


def test_no_pepper_is_made_for_keys_that_need_another(tmp_path: Path) -> None:
    """A lost pepper is said, not papered over; the message names the one that is missing."""
    admin = opened(tmp_path, create=True)
    record, _ = admin.keyring.create()
    admin.close()
    (tmp_path / "ostiary.pepper").unlink()
    with pytest.raises(UsageError, match=f"1 keys, but their pepper .{record.pepper_id}. is neither"):
        opened(tmp_path, create=True)
    assert not (tmp_path / "ostiary.pepper").exists()


def test_an_empty_store_gets_a_pepper(tmp_path: Path) -> None:
    """As a guard leaves one behind that started before there was any."""
    open_store(url("sqlite", tmp_path), "keys").close()
    assert opened(tmp_path, create=True).made == (tmp_path / "ostiary.pepper",)


def test_keys_of_a_pepper_that_is_not_here_are_counted(tmp_path: Path) -> None:
    """By its id."""
    admin = opened(tmp_path, create=True)
    old = admin.keyring.create()[0].pepper_id
    assert admin.stranded() == {}
    (tmp_path / "ostiary.pepper").unlink()
    pepper.create(tmp_path / "ostiary.pepper")
    assert opened(tmp_path).stranded() == {old: 1}


def test_use_is_read_where_a_guard_recorded_it_and_looking_makes_no_file(tmp_path: Path) -> None:
    """Keys and events stand in two files."""
    admin = opened(tmp_path, create=True)
    assert (admin.uses(), admin.usage(), (tmp_path / "ostiary-events.db").exists()) == ({}, (), False)
    events = open_store(url("sqlite", tmp_path), "events")
    events.write([Event(NOW, principal="alice", key_id="k", address="203.0.113.7", agent="app")])
    events.close()
    admin = opened(tmp_path)
    assert (admin.uses()["k"].address, len(admin.usage())) == ("203.0.113.7", 1)


@pytest.mark.parametrize(
    ("store", "said"),
    [("memory://", "name a file"), ("mysql://u:secret@h/db", "is no store"), ("sqlite:////nowhere/at/all/o.db", "no such folder")],
)
def test_a_store_that_cannot_be_is_one_sentence(store: str, said: str) -> None:
    """Without the password that may stand in it."""
    with pytest.raises(UsageError, match=said) as refused:
        Admin.open(store, create=True, environ=NOTHING)
    assert "secret" not in str(refused.value)
