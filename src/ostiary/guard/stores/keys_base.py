"""What a store of keys and a store of events can do. Every engine passes the same tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from string import ascii_lowercase, ascii_uppercase
from typing import Protocol, TypeVar

from ostiary.errors import UsageError
from ostiary.guard.event import Event, KeyUse, Usage
from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.seal import Chain, Sealed, StoredRow

NO_SCOPES: Mapping[tuple[str, str], float] = {}

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
        "material",
        "sealed_under",
    }
)

# A search ignores the case of ASCII letters alone, in every store.
ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

# Written once: a store keeps the first value, whoever writes later, while the named column is set. A revoked key stays revoked.
KEPT = {"revoked": "revoked", "exposed": "exposed", "exposed_where": "exposed"}


def check_changes(changes: Mapping[str, object]) -> None:
    """Raises UsageError for a column that no one may write, and for a revocation that would be taken back."""
    fixed = sorted(changes.keys() - CHANGEABLE)
    if fixed or not changes:
        raise UsageError(f"of a key these may change: {', '.join(sorted(CHANGEABLE))}; not {', '.join(fixed) or 'nothing'}")
    if "revoked" in changes and changes["revoked"] is None:
        raise UsageError("a revoked key stays revoked")


T = TypeVar("T")


def must_sign(sign: T | None) -> T:
    """Raises UsageError where events are sealed and the audit key is not here: a chain without a mark would look cut."""
    if sign is None:
        raise UsageError(
            "these events are sealed; the audit key that sealed them is needed: OSTIARY_AUDIT_KEY, or ostiary.audit-key beside them"
        )
    return sign


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
    """Events, newest last. All methods may raise Busy and StoreDown; then nothing was changed.

    ``keep``: how many the store is meant to hold.
    """

    immediate: bool
    keep: int

    def write(self, rows: Sequence[Event], sealed: Sealed | None = None, scopes: Mapping[tuple[str, str], float] = NO_SCOPES) -> None:
        """All of them or none; keeps key use and usage per route, key and day along, and when a key (id) last used a scope (Unix seconds).

        ``sealed`` is stored in the same transaction: a process that is killed leaves a chain that ends where its head says.
        """

    def recent(self, limit: int = 100) -> Sequence[Event]:
        """The newest, newest first."""

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        """At most ``limit`` events with their numbers, which are above ``after``, oldest first."""

    def usage(self) -> Sequence[Usage]: ...

    def key_uses(self) -> Mapping[str, KeyUse]: ...

    def scopes_used(self) -> Mapping[tuple[str, str], float]:
        """By (key id, scope that a route demanded): when the key was last let in there."""

    def history(self) -> AbstractContextManager[tuple[Sequence[Chain], Iterator[StoredRow]]]:
        """The chains and every event, as of one moment: by writer (those without one at the end), number in the chain, and id."""

    def prune_bound(self, cutoff: float, now: float, keep: int) -> int:
        """The number of the first event that stays: not older than ``cutoff``, and among the newest ``keep``.

        Above the newest when none stays. A time in the future holds nothing up.
        """

    def prune(self, bound: int, sign: Callable[[str, str, int, bytes], bytes] | None) -> int:
        """Removes the events numbered below ``bound``, and gives how many. ``sign(writer, key_id, first, before)`` makes the mark of a chain.

        Raises UsageError when there are chains and nobody signs.
        """

    def erase(self, principal: str, since: int, limit: int, erasure: Callable[[StoredRow, str], bytes] | None) -> tuple[int, int] | None:
        """Takes address and agent out of the events of ``principal`` numbered above ``since``, at most ``limit`` of them.

        Gives the number up to which it came, and of how many; None when there were none. ``erasure(row, key_id)`` is stored in their place where a row is sealed.
        """

    def forget_uses(self, key_ids: Sequence[str]) -> None:
        """Takes address and agent out of what is kept about the last use of these keys."""

    def lease(self, name: str, holder: str, now: float, seconds: float) -> bool:
        """Is ``name`` free, over, or ``holder``'s already? Then it is ``holder``'s for so many seconds from ``now``."""

    def close(self) -> None: ...
