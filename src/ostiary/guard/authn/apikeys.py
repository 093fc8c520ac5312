"""API keys from a store: by checksum before any look-up, in constant time, the same cost for unknown, wrong, expired and revoked."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from ostiary.guard.ask import Find, Flow
from ostiary.guard.authn import Answer, Refusal
from ostiary.guard.authn.proved import SECONDS, SIZE, Held, Proved
from ostiary.guard.decision import Principal
from ostiary.guard.keyrecord import KeyRecord, Standing, imported_digests, verify, verify_imported
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores.base import Busy
from ostiary.guard.stores.keys_base import KeyStore
from ostiary.wire import apikey

NAME = "api-key"
ROLE = "role:"


class ApiKeys:
    """Keys of a store. Successes are remembered for half a minute at most, under a keyed hash, and forgotten when any key changes."""

    name = NAME

    def __init__(self, store: KeyStore, peppers: Peppers, roles: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """``roles`` are named sets of scopes: a key with the scope ``role:clerk`` holds the clerk's."""
        self.store = store
        self._roles = roles or {}
        self._peppers = peppers
        self._proved = Proved()
        self._generation = -1
        self._once_good: dict[bytes, None] = {}

    def known(self, text: str, now: float) -> Principal | None:
        """From the cache, as long as no key was changed by any process."""
        generation = self.store.generation()
        if generation != self._generation:
            self._proved.forget()
            self._generation = generation
            return None
        return self._proved.find(text, now)

    def worthwhile(self, text: str) -> bool:
        """A key that was good once in this process; one that nobody has seen costs the store a look-up."""
        return self._proved.name_of(text) in self._once_good

    def verify(self, text: str, now: float) -> Flow[Answer]:
        """Asks the store. Whatever the reason of a refusal, the same work is done."""
        held, generation = self._proved.held, self._generation
        parts = apikey.parse(text)
        if parts is None and apikey.looks_like(text):
            return Refusal("key_checksum")
        if parts is not None:
            record = yield from self._found(Find(parts.id))
            standing = verify(record, parts.secret, self._peppers, now)
        else:
            digests = imported_digests(text, self._peppers)
            record = yield from self._found(Find(digests=digests))
            standing = verify_imported(record, digests, now)
        if record is None or standing is not Standing.OK:
            return Refusal(standing.value, record.id if record is not None else "")
        principal = principal_of(record, self._roles)
        if generation == self._generation:
            self._remember(held, text, principal, record, now)
        return principal

    def _found(self, ask: Find) -> Flow[KeyRecord | None]:
        """In place where the store can; a store that is busy just now is asked again by the driver."""
        if self.store.immediate:
            with contextlib.suppress(Busy):
                return self.store.find_imported(ask.digests) if ask.digests else self.store.find(ask.key_id)
        return (yield ask)  # type: ignore[no-any-return]

    def _remember(self, held: Held, text: str, who: Principal, record: KeyRecord, now: float) -> None:
        """Until it expires by itself; whatever else may happen to a key is a change, and drops the cache."""
        until, name = now + SECONDS, self._proved.name_of(text)
        if len(self._once_good) >= SIZE and name not in self._once_good:
            self._once_good.pop(next(iter(self._once_good), b""), None)
        self._once_good[name] = None
        self._proved.remember(held, text, who, until if record.expires is None else min(until, record.expires))


def principal_of(record: KeyRecord, roles: Mapping[str, tuple[str, ...]]) -> Principal:
    """Who a key speaks for: its owner, or itself when it has none. A role that this guard does not know gives nothing."""
    of_roles = [scope for held in record.scopes for scope in roles.get(held.removeprefix(ROLE), ()) if held.startswith(ROLE)]
    return Principal(
        subject=record.owner or record.id,
        scheme=NAME,
        key_id=record.id,
        name=record.name,
        scopes=(*record.scopes, *of_roles),
        networks=record.networks,
        limits=record.limits,
        origins=record.origins,
        publishable=record.kind == apikey.PUBLISHABLE,
        attributes=record.metadata,
    )
