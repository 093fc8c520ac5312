"""What a store of keys and a store of events can do. Every engine passes the same tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ostiary.errors import UsageError
from ostiary.guard.event import Event, KeyUse, Usage
from ostiary.guard.keyrecord import KeyRecord

# What may change after a key was made.
CHANGEABLE = frozenset(
    {
        "name",
        "owner",
        "scopes",
        "networks",
        "origins",
        "limits",
        "not_before",
        "expires",
        "revoked",
        "disabled",
        "replaced_by",
        "exposed",
        "exposed_where",
        "metadata",
    }
)

# Written once: a store keeps the first value, whoever writes later, while the named column is set. A revoked key stays revoked.
KEPT = {"revoked": "revoked", "exposed": "exposed", "exposed_where": "exposed"}


def check_changes(changes: Mapping[str, object]) -> None:
    """Raises UsageError for a column that no one may write, and for a revocation that would be taken back."""
    fixed = sorted(changes.keys() - CHANGEABLE)
    if fixed or not changes:
        raise UsageError(f"of a key these may change: {', '.join(sorted(CHANGEABLE))}; not {', '.join(fixed) or 'nothing'}")
    if "revoked" in changes and changes["revoked"] is None:
        raise UsageError("a revoked key stays revoked")


class KeyExists(UsageError):
    """A key of that id, or an imported key of that value, is in the store already."""


class KeyGone(UsageError):
    """No key of that id, or it was revoked or replaced in the meantime."""


class KeyStore(Protocol):
    """Keys by id. All methods may raise Busy (asked again by the caller) and StoreDown.

    ``immediate``: answers in place, so that the request path may ask without a driver.
    """

    immediate: bool

    def find(self, key_id: str) -> KeyRecord | None: ...

    def find_imported(self, digests: Sequence[bytes]) -> KeyRecord | None:
        """The imported key whose digest is one of these."""

    def add(self, records: Sequence[KeyRecord]) -> None:
        """All of them or none. Raises KeyExists."""

    def update(self, key_id: str, changes: Mapping[str, object]) -> KeyRecord:
        """Writes the named columns (of ``CHANGEABLE``) and no other; gives the record as it is now. Raises KeyGone."""

    def replace(self, old_id: str, changes: Mapping[str, object], new: KeyRecord) -> None:
        """Adds ``new`` and changes the old one, both or none; only when the old is neither revoked nor replaced. Raises KeyGone, KeyExists."""

    def list(self, search: str = "") -> Sequence[KeyRecord]:
        """Those whose id, name or owner contains the text (ASCII letters in either case), oldest first."""

    def generation(self) -> int:
        """A number that moves whenever any process changes a key; caches of verified keys are dropped when it does."""

    def close(self) -> None: ...


class EventStore(Protocol):
    """Events, newest last. ``write`` may raise Busy and StoreDown; then nothing of it was written."""

    immediate: bool

    def write(self, rows: Sequence[Event]) -> None:
        """All of them or none; keeps key use and usage per route, key and day along."""

    def recent(self, limit: int = 100) -> Sequence[Event]:
        """The newest, newest first."""

    def usage(self) -> Sequence[Usage]: ...

    def key_uses(self) -> Mapping[str, KeyUse]: ...

    def close(self) -> None: ...
