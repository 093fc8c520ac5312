"""The newest events of a store, for surfaces."""

from __future__ import annotations

from collections.abc import Sequence

from ostiary.errors import UsageError
from ostiary.guard.event import ALLOW, Event
from ostiary.guard.patience import patiently
from ostiary.guard.stores import file_of, is_sql, open_store, role_path

_SEARCHED = 100_000


def recent(url: str, number: int, *, refused: bool = False) -> Sequence[Event]:
    """At most ``number`` events, the oldest first. Raises UsageError when the store has no events file."""
    if not is_sql(url):
        _check_file(url)
    store = open_store(url, "events")
    found = patiently(store.recent, _SEARCHED if refused else number)
    store.close()
    wanted = [event for event in found if not refused or event.verdict != ALLOW]
    return list(reversed(wanted[:number]))


def _check_file(url: str) -> None:
    file = file_of(url)
    if file is None:
        raise UsageError("memory:// ends with the process; name the store of the app, as in sqlite:///ostiary.db")
    if not role_path(file, "events").exists():
        raise UsageError(f"there is no {role_path(file, 'events')} yet; the guard of an app makes it")
