"""The keyring: mint, import, find, rotate and end keys. One implementation under the Python API, the command line and every other surface."""

from __future__ import annotations

import difflib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from ostiary.errors import UsageError
from ostiary.guard import signingkeys
from ostiary.guard.keyattributes import Attributes, WithoutEnd, check_publishable, check_times, checked, low_entropy
from ostiary.guard.keyrecord import KeyRecord, Standing, imported_digests, state
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores.keys_base import KeyStore
from ostiary.model.scope import covers
from ostiary.wire import apikey

__all__ = ["Due", "KeyRecord", "Keyring", "Peppers", "UnknownKey"]

DAY = 86_400.0
WARNINGS = (1, 7, 30)
_ID = re.compile(rf"[0-9A-Za-z]{{1,{apikey.ID_LENGTH}}}")
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_SENDABLE = re.compile(r"[!-~]{1,4096}")
_INHERITED = ("prefix", "kind", "env", "name", "owner", "scopes", "networks", "origins", "limits", "metadata")


class UnknownKey(UsageError):
    """No key is called that; the message names those that are nearly so."""


@dataclass(frozen=True, slots=True)
class Due:
    """A key that needs a hand: it ends at ``when`` (Unix seconds) because it ``expires`` or is older than ``max_age`` allows.

    ``days`` is the warning that applies: 30, 7 or 1 days before, 0 when the time has come, None when it is further off.
    """

    record: KeyRecord
    when: float
    why: str
    days: int | None


class Keyring:
    """Keys in a store, under peppers. ``max_age`` maps an environment to the seconds after which its keys are to be replaced.

    ``masters`` are the master keys, under which the secrets of HMAC signing keys are encrypted.

    All methods raise UsageError for a person's mistake and StoreDown when the store does not answer.
    """

    def __init__(
        self,
        store: KeyStore,
        peppers: Peppers,
        clock: Callable[[], float] = time.time,
        *,
        max_age: Mapping[str, float] | None = None,
        masters: Peppers | None = None,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        self.store = store
        self.peppers = peppers
        self.masters = masters
        self.max_age = dict(max_age or {})
        self._clock = clock
        self._randbelow = randbelow

    def create(self, *, signing: str = "", **attributes: Unpack[Attributes]) -> tuple[KeyRecord, str]:
        """A new key: what is stored, and its text, which nobody can ever show again.

        ``signing`` makes one that signs and is no bearer: ed25519, ecdsa-p256-sha256 (the text is a private key in PEM, of which the
        public half is kept), or hmac-sha256 (a shared secret).
        """
        record, text = self._minted(checked(attributes), signing)
        patiently(self.store.add, (record,))
        return record, text

    def import_key(self, value: str = "", *, sha256: str = "", expires: float | None, **attributes: Unpack[WithoutEnd]) -> KeyRecord:
        """A key that somebody else minted, as text or as the hex of its SHA-256, so that its clients need not change.

        ``expires`` must be said, be it None: nobody knows where such a key has been.
        """
        if bool(value) == bool(sha256):
            raise UsageError("an imported key is given as its text or as its SHA-256, one of the two")
        pairs = [(value or sha256, attributes.get("name", ""))]
        return self.import_keys(pairs, hashed=bool(sha256), expires=expires, **attributes)[0]

    def import_keys(
        self, values: Sequence[tuple[str, str]], *, hashed: bool = False, expires: float | None, **attributes: Unpack[WithoutEnd]
    ) -> tuple[KeyRecord, ...]:
        """Several of (key or SHA-256, name) at once, all or none."""
        fields = checked({**attributes, "expires": expires})
        records = tuple(self._imported(value, hashed, fields | checked({"name": name})) for value, name in values)
        patiently(self.store.add, records)
        return records

    def import_public(self, pem: bytes, **attributes: Unpack[Attributes]) -> KeyRecord:
        """A signing key whose private half its owner keeps: Ed25519, ECDSA on P-256, or RSA of 2048 bits or more, in PEM."""
        record = self._signing(signingkeys.public_half(pem), self._new_id(), checked(attributes))
        patiently(self.store.add, (record,))
        return record

    def rekey(self) -> int:
        """Encrypts every shared secret under the newest master key; tells how many were not. Raises UsageError where an older one is missing."""
        if self.masters is None:
            raise UsageError("there is no master key here, so nothing is encrypted under one")
        changes = [(record.id, signingkeys.resealed(record, self.masters)) for record in self.list()]
        for key_id, changed in changes:
            if changed:
                patiently(self.store.update, key_id, changed)
        return sum(bool(changed) for _, changed in changes)

    def list(self, search: str = "", *, owner: str | None = None, env: str | None = None) -> tuple[KeyRecord, ...]:
        """Those whose id, name or owner contains ``search``, oldest first."""
        records = patiently(self.store.list, search)
        return tuple(record for record in records if owner in (None, record.owner) and env in (None, record.env))

    def show(self, named: str) -> KeyRecord:
        """By id, or by the key itself, which is what one has in hand after a leak. Raises UnknownKey."""
        record = self._find(named)
        if record is None:
            raise self._unknown(named)
        return record

    def state(self, record: KeyRecord) -> Standing:
        """Is the key good now?"""
        return state(record, self._clock())

    def change(self, named: str, **attributes: Unpack[Attributes]) -> KeyRecord:
        """Writes these attributes and no other."""
        record = self.show(named)
        fields = checked(attributes)
        fixed = fields.keys() & {"kind", "env", "prefix"}
        if fixed:
            raise UsageError(f"the {min(fixed)} of a key is part of its text and cannot change")
        after = replace(record, **fields)
        check_publishable(after.kind, after.scopes, after.origins, after.limits)
        if fields.keys() & {"not_before", "expires"}:
            check_times(after.not_before, after.expires, self._clock())
        return self._update(record, **fields)

    def rotate(self, named: str, overlap_seconds: float = 0.0, *, expires: float | None = None) -> tuple[KeyRecord, str]:
        """A new key with the attributes of the old, which works for ``overlap_seconds`` more and never past its own expiry.

        The new one lives as long as the old was made for, or until ``expires``. Raises UsageError when the old one does not work any more.
        """
        old, now = self.show(named), self._clock()
        self._check_rotation(old, overlap_seconds)
        if expires is None and old.expires is not None:
            expires = now + old.expires - old.created
        fields = {name: getattr(old, name) for name in _INHERITED} | {"expires": expires}
        new, text = self._minted(fields, old.algorithm)
        new = replace(new, rotated_from=old.id)
        end = now + overlap_seconds
        changes = {"expires": end if old.expires is None else min(old.expires, end), "replaced_by": new.id}
        patiently(self.store.replace, old.id, changes, new)
        return new, text

    def narrow(self, named: str, scopes: Sequence[str]) -> KeyRecord:
        """The key keeps these scopes, all of which it holds already. Raises UsageError for one that would be new."""
        record = self.show(named)
        new = [scope for scope in scopes if not covers(record.scopes, scope)]
        if new:
            raise UsageError(f"{record.id} does not hold {new[0]}: a key is narrowed to scopes that it has")
        return self.change(record.id, scopes=scopes)

    def revoke(self, named: str) -> KeyRecord:
        """At once and for ever. A key that was revoked stays revoked since then."""
        return self._update(self.show(named), revoked=self._clock())

    def disable(self, named: str) -> KeyRecord:
        """Until it is enabled again."""
        return self._update(self.show(named), disabled=True)

    def enable(self, named: str) -> KeyRecord:
        """Ends ``disable``; nothing ends ``revoke``."""
        record = self.show(named)
        if record.revoked is not None:
            raise UsageError(f"{record.id} was revoked, and that is for ever; make a new one")
        return self._update(record, disabled=False)

    def mark_exposed(self, named: str, where: str) -> KeyRecord:
        """The key was seen where others may have read it, as in a query string: flagged, not revoked. The first time counts."""
        record = self.show(named)
        if record.exposed is not None:
            return record
        return self._update(record, exposed=self._clock(), exposed_where=where)

    def due(self, within: float = 30 * DAY) -> tuple[Due, ...]:
        """Keys that end or grow too old within so many seconds, soonest first; those that do not work any more are left out."""
        now = self._clock()
        found = (self._due(record, now) for record in self.list() if not record.replaced_by and self._alive(record))
        return tuple(sorted((due for due in found if due and due.when <= now + within), key=lambda due: (due.when, due.record.id)))

    def _minted(self, fields: Mapping[str, Any], signing: str = "") -> tuple[KeyRecord, str]:
        if signing:
            algorithm, key_id = signingkeys.algorithm_of(signing), self._new_id()
            minted = signingkeys.mint(algorithm, key_id, self.masters, self._randbelow)
            return self._signing(minted, key_id, fields), minted.text
        form = {name: fields[name] for name in ("prefix", "kind", "env") if name in fields}
        text = apikey.mint(**form, randbelow=self._randbelow)
        parts = apikey.parse(text)
        if parts is None:
            raise UsageError("the source of randomness gives what no key can hold")
        digest = apikey.digest(parts.secret, self.peppers.current)
        return self._record(parts.id, digest, fields), text

    def _imported(self, value: str, hashed: bool, fields: Mapping[str, Any]) -> KeyRecord:
        digest = self._hash_digest(value) if hashed else self._text_digest(value)
        record = self._record(self._new_id(), digest, fields)
        return replace(record, imported="sha256" if hashed else "plain", low_entropy=not hashed and low_entropy(value))

    def _new_id(self) -> str:
        parts = apikey.parse(apikey.mint(randbelow=self._randbelow))
        if parts is None:
            raise UsageError("the source of randomness gives what no key can hold")
        return parts.id

    def _signing(self, minted: signingkeys.Minted, key_id: str, fields: Mapping[str, Any]) -> KeyRecord:
        algorithm, material, sealed_under, _ = minted
        record = self._record(key_id, b"", fields)
        return replace(record, pepper_id="", algorithm=algorithm, material=material, sealed_under=sealed_under)

    def _text_digest(self, value: str) -> bytes:
        if apikey.looks_like(value):
            raise UsageError("that is a key in our own format: it is verified by its id, and cannot be imported")
        if _SENDABLE.fullmatch(value) is None:
            raise UsageError("a key to import is 1 to 4096 printable ASCII characters without spaces: no other can be sent in a header")
        return apikey.imported_digest(value, self.peppers.current)

    def _hash_digest(self, value: str) -> bytes:
        if _HEX.fullmatch(value) is None:
            raise UsageError("a SHA-256 is 64 hex digits")
        return apikey.imported_digest(bytes.fromhex(value), self.peppers.current)

    def _record(self, key_id: str, digest: bytes, fields: Mapping[str, Any]) -> KeyRecord:
        now = self._clock()
        record = KeyRecord(id=key_id, digest=digest, pepper_id=self.peppers.current_id, created=now, **fields)
        longest = self.max_age.get(record.env)
        if longest is not None and record.expires is None:
            record = replace(record, expires=now + longest)
        if longest is not None and record.expires is not None and record.expires > now + longest:
            raise UsageError(f"a key of {record.env} lives at most {longest / DAY:g} days")
        check_times(record.not_before, record.expires, now)
        check_publishable(record.kind, record.scopes, record.origins, record.limits)
        return record

    def _find(self, named: str) -> KeyRecord | None:
        parts = apikey.parse(named)
        found: KeyRecord | None = patiently(self.store.find, parts.id if parts else named)
        if found is None and parts is None:
            found = patiently(self.store.find_imported, imported_digests(named, self.peppers))
        return found

    def _unknown(self, named: str) -> UnknownKey:
        if apikey.looks_like(named) and apikey.parse(named) is None:
            return UnknownKey("that looks like a key, but its checksum is wrong: a character was lost or changed")
        # What has not the form of an id may be a secret that was pasted here: it is not repeated.
        called = named if _ID.fullmatch(named) else "what was given"
        near = _near(named, self.list())
        return UnknownKey(f"no key has the id {called}" + (f"; near: {', '.join(near)}" if near else "; ostiary keys list shows all"))

    def _update(self, record: KeyRecord, **changes: object) -> KeyRecord:
        return patiently(self.store.update, record.id, changes)

    def _check_rotation(self, old: KeyRecord, overlap_seconds: float) -> None:
        standing = self.state(old)
        if old.replaced_by:
            raise UsageError(f"{old.id} was rotated already; {old.replaced_by} took its place")
        if standing not in (Standing.OK, Standing.NOT_YET):
            raise UsageError(f"{old.id} cannot be rotated ({standing}); make a new one")
        if not overlap_seconds >= 0:
            raise UsageError("the overlap is zero seconds or more")

    def _alive(self, record: KeyRecord) -> bool:
        return self.state(record) in (Standing.OK, Standing.NOT_YET)

    def _due(self, record: KeyRecord, now: float) -> Due | None:
        age = self.max_age.get(record.env)
        ends = [(record.expires, "expires"), (None if age is None else record.created + age, "max_age")]
        soonest = min(((when, why) for when, why in ends if when is not None), default=None)
        return soonest and Due(record, *soonest, warning(soonest[0] - now))


def _near(named: str, records: Sequence[KeyRecord]) -> list[str]:
    called = {text.lower(): record for record in records for text in (record.name, record.id) if text}
    close = difflib.get_close_matches(named.lower()[:100], called, n=3, cutoff=0.6)
    return list(dict.fromkeys(f"{called[text].id} ({called[text].name})" if called[text].name else called[text].id for text in close))


def warning(left: float) -> int | None:
    """Which of the warnings (30, 7, 1 days before; 0: now) applies with ``left`` seconds to go."""
    return 0 if left <= 0 else next((days for days in WARNINGS if left <= days * DAY), None)
