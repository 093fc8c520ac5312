"""Keys that somebody else minted: taken over, recognised, marked (KEY-11)."""

from __future__ import annotations

import hashlib

import pytest

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import imported_digests
from tests.guard.keys import DAY, NOW, PEPPERS, keyring

UUID = "9f8b1f7e-3c2a-4d5e-8b6f-0a1c2d3e4f50"


def test_imported_keys_are_recognised_by_key_and_by_hash() -> None:
    """KEY-11: both ways in give the same key a record that a guard finds."""
    ring = keyring()
    plain = ring.import_key("legacy-" + UUID, name="a", scopes=["x"], expires=NOW + DAY)
    hashed = ring.import_key(sha256=hashlib.sha256(UUID.encode()).hexdigest().upper(), expires=None)
    assert ring.store.find_imported(imported_digests("legacy-" + UUID, PEPPERS)) == plain
    assert ring.store.find_imported(imported_digests(UUID, PEPPERS)) == hashed
    assert (plain.imported, hashed.imported, plain.expires, hashed.expires) == ("plain", "sha256", NOW + DAY, None)


@pytest.mark.parametrize(("value", "low"), [("secret123", True), ("a" * 100, True), ("1234567890123456", True), (UUID, False)])
def test_an_imported_key_that_could_be_guessed_is_marked(value: str, low: bool) -> None:
    """By what its characters are worth."""
    assert keyring().import_key(value, expires=None).low_entropy is low


@pytest.mark.parametrize("value", ["", "two words", "tab\there", "ümlaut-key-1234567890", "x" * 4097])
def test_what_no_header_can_carry_is_not_imported(value: str) -> None:
    """It would never be found."""
    ring = keyring()
    with pytest.raises(UsageError):
        ring.import_keys([("good-key-" + UUID, ""), (value, "")], expires=None)
    assert ring.list() == ()


def test_a_key_of_our_own_format_is_not_imported() -> None:
    """It would be looked up by its id."""
    ring = keyring()
    with pytest.raises(UsageError, match="own format"):
        ring.import_key(ring.create()[1], expires=None)


def test_the_same_key_is_imported_once() -> None:
    """As text or as hash; the first record stays."""
    ring = keyring()
    first = ring.import_key(UUID, expires=None)
    with pytest.raises(UsageError, match="already"):
        ring.import_key(sha256=hashlib.sha256(UUID.encode()).hexdigest(), expires=None)
    assert ring.list() == (first,)


@pytest.mark.parametrize("given", [{}, {"value": UUID, "sha256": "0" * 64}, {"sha256": "xyz"}])
def test_an_imported_key_is_given_in_one_way(given: dict[str, str]) -> None:
    """A value or a hash of 64 hex digits."""
    with pytest.raises(UsageError):
        keyring().import_key(**given, expires=None)
