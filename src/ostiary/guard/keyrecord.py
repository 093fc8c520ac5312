"""What is stored of a key, and whether a presented secret proves it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ostiary.guard.pepper import Peppers
from ostiary.model.limit import Limit
from ostiary.wire import apikey


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key without its secret. Times are Unix seconds; ``None`` for networks, origins and limits is "no rule of its own".

    ``digest`` is HMAC-SHA-256 (32 bytes) under the pepper named ``pepper_id``: of the secret part, or, when ``imported`` is ``plain``
    or ``sha256``, of the SHA-256 of the whole key. ``networks`` are CIDR texts, ``origins`` are ``scheme://host[:port]``.

    A key with an ``algorithm`` signs and is no bearer: it has no digest. ``material`` is its public half (SubjectPublicKeyInfo, DER), or the
    shared secret encrypted under the master key ``sealed_under``.
    """

    id: str
    digest: bytes = field(repr=False)
    pepper_id: str
    created: float
    prefix: str = "ost"
    kind: str = "sk"
    env: str = "live"
    name: str = ""
    owner: str = ""
    scopes: tuple[str, ...] = ()
    networks: tuple[str, ...] | None = None
    origins: tuple[str, ...] | None = None
    limits: tuple[Limit, ...] | None = None
    not_before: float | None = None
    expires: float | None = None
    revoked: float | None = None
    disabled: bool = False
    rotated_from: str = ""
    replaced_by: str = ""
    imported: str = ""
    low_entropy: bool = False
    exposed: float | None = None
    exposed_where: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    algorithm: str = ""
    material: bytes = field(default=b"", repr=False)
    sealed_under: str = ""


class Standing(StrEnum):
    """What a presented secret is worth. Everything but OK looks the same to the caller; the event tells them apart."""

    OK = "ok"
    UNKNOWN = "key_unknown"
    WRONG = "key_wrong"
    NO_PEPPER = "key_pepper_missing"
    REVOKED = "key_revoked"
    DISABLED = "key_disabled"
    EXPIRED = "key_expired"
    NOT_YET = "key_not_yet_valid"


_DUMMY = KeyRecord(id="", digest=bytes(hashlib.sha256().digest_size), pepper_id="", created=0.0)


def verify(record: KeyRecord | None, secret: str, peppers: Peppers, now: float) -> Standing:
    """Is ``secret`` (``Parts.secret``) the one of this record, and is the key good at ``now`` (Unix seconds)?

    One HMAC and one constant-time comparison, whatever the answer is: for an unknown id (``None``) a dummy is compared.
    """
    known = _DUMMY if record is None else record
    pepper = peppers.get(known.pepper_id)
    matches = hmac.compare_digest(apikey.digest(secret, pepper or peppers.current), known.digest)
    return _standing(record, pepper is not None, matches, now)


def imported_digests(value: str, peppers: Peppers) -> tuple[bytes, ...]:
    """Under which an imported key may be stored, one for each pepper: what ``KeyStore.find_imported`` asks for."""
    return tuple(apikey.imported_digest(value, pepper) for pepper in peppers.values())


def verify_imported(record: KeyRecord | None, digests: Sequence[bytes], now: float) -> Standing:
    """The same for what ``find_imported(digests)`` gave."""
    known = _DUMMY if record is None else record
    # Every digest is compared, whichever matches
    matches = sum(hmac.compare_digest(digest, known.digest) for digest in digests) > 0
    return _standing(record, True, matches, now)


def state(record: KeyRecord, now: float) -> Standing:
    """Is the key good at ``now``, if the secret is right?"""
    rules = (
        (record.revoked is not None, Standing.REVOKED),
        (record.disabled, Standing.DISABLED),
        (record.expires is not None and record.expires <= now, Standing.EXPIRED),
        (record.not_before is not None and now < record.not_before, Standing.NOT_YET),
    )
    return next((standing for applies, standing in rules if applies), Standing.OK)


def _standing(record: KeyRecord | None, has_pepper: bool, matches: bool, now: float) -> Standing:
    known = _DUMMY if record is None else record
    good = state(known, now)
    if record is None:
        return Standing.UNKNOWN
    if record.algorithm:
        return Standing.WRONG
    if not has_pepper:
        return Standing.NO_PEPPER
    return good if matches else Standing.WRONG
