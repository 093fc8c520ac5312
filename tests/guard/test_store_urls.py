"""A store is named by a URL, and what is no such URL is refused with right ones shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.errors import UsageError
from ostiary.guard.stores import folder_of, open_store


def test_each_role_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the named file, the rest beside it; three slashes are relative to the working directory, four absolute."""
    monkeypatch.chdir(tmp_path)
    for role in ("keys", "counters", "nonces", "events"):
        open_store("sqlite:///app.db", role).close()
    assert {path.name for path in tmp_path.glob("*.db")} == {"app.db", "app-counters.db", "app-nonces.db", "app-events.db"}
    assert folder_of("sqlite:///app.db") == folder_of("memory://") == tmp_path
    assert folder_of(f"sqlite:///{tmp_path}/x/app.db") == tmp_path / "x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "memory",
        "sqlite://",
        "sqlite:///",
        "sqlite:app.db",
        "app.db",
        "sqlite:///a/",
        "sqlite:///a?mode=ro",
        "redis:x",
        "sqlite:///a\x00b",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """The error shows right ones."""
    with pytest.raises(UsageError, match=r"sqlite:///ostiary\.db"):
        open_store(url, "counters")
    with pytest.raises(UsageError):
        folder_of(url)


def test_redis_holds_counters_and_nonces_alone() -> None:
    """For the other roles it says what to write, and never a password."""
    for role in ("keys", "events"):
        with pytest.raises(UsageError, match="sqlite:///") as caught:
            open_store("redis://:hunter2@db", role)  # type: ignore[call-overload]
        assert "hunter2" not in str(caught.value)


def test_a_url_with_a_password_is_not_shown() -> None:
    """What stands in a URL of another kind may be a secret."""
    with pytest.raises(UsageError) as caught:
        open_store("mysql://me:hunter2@db/app", "keys")
    assert "hunter2" not in str(caught.value)


def test_wrong_arguments_are_sentences() -> None:
    """A role that is none, and something that is no text."""
    with pytest.raises(UsageError, match="'cache'"):
        open_store("memory://", "cache")  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="URL"):
        open_store(Path("x.db"), "keys")  # type: ignore[call-overload]
