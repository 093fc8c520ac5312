"""The keys that requests are signed with. A key that signed rightly is remembered for half a minute at most, and until any key changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.guard import signingkeys
from ostiary.guard.ask import Find, Flow
from ostiary.guard.authn.proved import SECONDS, SIZE
from ostiary.guard.keyrecord import KeyRecord, Standing, state
from ostiary.guard.stores.base import Busy
from ostiary.wire import nobody
from ostiary.wire.signing_key import Algorithm, VerifyKey

if TYPE_CHECKING:
    from ostiary.guard.pepper import Peppers
    from ostiary.guard.stores.keys_base import KeyStore
    from ostiary.wire.signature import Signature

NO_MASTER = "key_master_missing"
_ALGORITHMS = frozenset(one.value for one in Algorithm)
_Proved = dict[str, tuple[KeyRecord, float]]
logger = logging.getLogger("ostiary")


class Signer(NamedTuple):
    """``key`` verifies; ``standing`` says why it does not count whatever it proves, "" when it does. ``record`` None: no key has this id,
    and ``key`` is nobody's."""

    id: str
    record: KeyRecord | None
    key: VerifyKey
    standing: str
    remembered: bool
    proved: _Proved
    generation: int


class Signers:
    """Looks keys up.

    Who fails pays the look-up also where the key was remembered: nobody learns from it which ids there are.
    """

    def __init__(self, store: KeyStore, masters: Peppers | None) -> None:
        self._store = store
        self._masters = masters
        self._verifiers: dict[str, tuple[bytes, VerifyKey]] = {}
        self._proved: _Proved = {}
        self._generation = -1

    def find(self, key_id: str, now: float) -> Flow[Signer]:
        """The key of that id, from memory or from the store."""
        generation = self._store.generation()
        if generation != self._generation:
            # A new dict, so that a thread that is about to write into the old one does no harm.
            self._proved, self._generation = {}, generation
        proved = self._proved
        known = proved.get(key_id)
        if known is not None and now < known[1]:
            return self._signer(key_id, known[0], now, True, proved, generation)
        record = yield from self._asked(key_id)
        return self._signer(key_id, record, now, False, proved, generation)

    def remember(self, signer: Signer, now: float) -> None:
        """It signed rightly. What the store said before a change is not kept."""
        if signer.remembered or signer.record is None or signer.generation != self._generation:
            return
        if len(signer.proved) >= SIZE:
            signer.proved.pop(next(iter(signer.proved), ""), None)
        signer.proved[signer.id] = (signer.record, now + SECONDS)

    def refused(self, signer: Signer, given: Signature | None, bad: BadSignature) -> Flow[None]:
        """Does what is still to be done for the cost to be the same for every id. ``given``: of RFC 9421."""
        if signer.remembered:
            yield from self._asked(signer.id)
        if given is not None and bad.reason is SignatureReason.WRONG:
            tried = given.parameter("alg") in (None, signer.key.algorithm.value)
            nobody.pay(given.signature, signer.key if tried else None)

    def _asked(self, key_id: str) -> Flow[KeyRecord | None]:
        """A signing key; a bearer key is none, nor is one that signs our tokens, whose id is published."""
        record = None
        if self._store.immediate:
            try:
                record = self._store.find(key_id)
            except Busy:
                record = yield Find(key_id)
        else:
            record = yield Find(key_id)
        return record if record is not None and record.algorithm in _ALGORITHMS else None

    def _signer(self, key_id: str, record: KeyRecord | None, now: float, remembered: bool, proved: _Proved, generation: int) -> Signer:
        key, standing = self._verifier(key_id, record, now)
        return Signer(key_id, record, key, standing, remembered, proved, generation)

    def _verifier(self, key_id: str, record: KeyRecord | None, now: float) -> tuple[VerifyKey, str]:
        if record is None:
            return nobody.named(key_id), Standing.UNKNOWN.value
        known = self._verifiers.get(record.id)
        if known is None or known[0] != record.material:
            try:
                known = (record.material, signingkeys.verifier(record, self._masters))
            except UsageError as error:
                logger.error("signing key %s cannot be used: %s", record.id, error)
                return nobody.named(key_id), NO_MASTER
            if len(self._verifiers) >= SIZE:
                self._verifiers.clear()
            self._verifiers[record.id] = known
        standing = state(record, now)
        return known[1], "" if standing is Standing.OK else standing.value
