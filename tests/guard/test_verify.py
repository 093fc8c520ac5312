"""Whether a presented secret proves a key."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from ostiary.guard import keyrecord
from ostiary.guard.keyrecord import KeyRecord, Standing, imported_digests, verify, verify_imported
from ostiary.guard.pepper import Peppers
from ostiary.wire import apikey
from tests.guard.keys import NOW, PEPPERS, keyring

RECORD, TEXT = keyring().create(name="one")
PARTS = apikey.parse(TEXT)
SECRET = PARTS.secret if PARTS else ""
WRONG = SECRET[:-1] + ("a" if SECRET[-1] != "a" else "b")
STATES = [
    ({}, Standing.OK),
    ({"expires": NOW}, Standing.EXPIRED),
    ({"expires": NOW + 1}, Standing.OK),
    ({"not_before": NOW + 1}, Standing.NOT_YET),
    ({"not_before": NOW}, Standing.OK),
    ({"disabled": True}, Standing.DISABLED),
    ({"revoked": NOW - 5}, Standing.REVOKED),
    ({"revoked": NOW + 5}, Standing.REVOKED),
    ({"revoked": 0.0}, Standing.REVOKED),
    ({"expires": NOW - 1, "disabled": True, "revoked": NOW - 9}, Standing.REVOKED),
]


@pytest.mark.parametrize(("changes", "standing"), STATES)
def test_the_right_secret_is_worth_what_the_key_is(changes: dict[str, object], standing: Standing) -> None:
    """Expiry counts from its very second, revocation whatever its time."""
    assert verify(replace(RECORD, **changes), SECRET, PEPPERS, NOW) is standing


@pytest.mark.parametrize(("changes", "standing"), STATES)
def test_a_wrong_secret_is_wrong_whatever_the_key_is(changes: dict[str, object], standing: Standing) -> None:
    """The record of a refusal does not tell a stranger's guess from the holder's key."""
    assert verify(replace(RECORD, **changes), WRONG, PEPPERS, NOW) is Standing.WRONG


def test_an_unknown_id_is_unknown_whatever_the_secret() -> None:
    """Also the one that would match the dummy, if there were one."""
    assert verify(None, SECRET, PEPPERS, NOW) is Standing.UNKNOWN


def test_a_key_whose_pepper_is_lost_does_not_verify_under_another() -> None:
    """And the reason says what to look for."""
    other = Peppers.of(bytes(range(50, 90)))
    digest = apikey.digest(SECRET, other.current)
    assert verify(RECORD, SECRET, other, NOW) is Standing.NO_PEPPER
    assert verify(replace(RECORD, digest=digest), SECRET, other, NOW) is Standing.NO_PEPPER


def test_a_key_under_an_older_pepper_verifies() -> None:
    """Peppers rotate without new keys."""
    both = Peppers.of(bytes(range(50, 90)), PEPPERS.current)
    assert verify(RECORD, SECRET, both, NOW) is Standing.OK


@pytest.mark.parametrize(
    "record",
    [None, RECORD, replace(RECORD, revoked=NOW), replace(RECORD, expires=NOW), replace(RECORD, pepper_id="gone")],
    ids=["unknown", "good", "revoked", "expired", "pepper-gone"],
)
@pytest.mark.parametrize("secret", [SECRET, WRONG], ids=["right", "wrong"])
def test_every_answer_costs_one_digest_and_one_comparison(record: KeyRecord | None, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """KEY-7: unknown, wrong, expired and revoked take the same path."""
    done: list[str] = []
    digest, compare = apikey.digest, hmac.compare_digest

    def counted_digest(text: str, pepper: bytes) -> bytes:
        done.append("digest")
        return digest(text, pepper)

    def counted_compare(first: bytes, second: bytes) -> bool:
        done.append(f"compare {len(first)} {len(second)}")
        return compare(first, second)

    monkeypatch.setattr(keyrecord.apikey, "digest", counted_digest)
    monkeypatch.setattr(keyrecord.hmac, "compare_digest", counted_compare)
    verify(record, secret, PEPPERS, NOW)
    assert done == ["digest", "compare 32 32"]


@pytest.mark.parametrize("value", ["legacy-key-1234", "ünï"])
def test_an_imported_key_is_found_under_every_pepper_and_verified(value: str) -> None:
    """One digest for each pepper, the newest first."""
    both = Peppers.of(bytes(range(50, 90)), PEPPERS.current)
    digests = imported_digests(value, both)
    record = replace(RECORD, imported="plain", digest=digests[1])
    assert len(digests) == 2
    assert verify_imported(record, digests, NOW) is Standing.OK
    assert verify_imported(record, imported_digests(value + "x", both), NOW) is Standing.WRONG
    assert verify_imported(None, digests, NOW) is Standing.UNKNOWN
    assert verify_imported(replace(record, revoked=NOW), digests, NOW) is Standing.REVOKED


def test_a_record_hides_its_digest() -> None:
    """A log of one helps nobody to guess."""
    assert str(RECORD.digest) not in repr(RECORD)
    assert "digest" not in repr(RECORD)
