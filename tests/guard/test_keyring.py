"""What the keyring makes, changes, ends and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import Standing, verify
from ostiary.guard.keyring import Keyring, UnknownKey, warning
from ostiary.model import limit
from ostiary.wire import apikey
from tests.guard.keys import DAY, NOW, PEPPERS, Clock, keyring

UUID = "9f8b1f7e-3c2a-4d5e-8b6f-0a1c2d3e4f50"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def proves(ring: Keyring, text: str, now: float = NOW) -> Standing:
    """What a guard would say of this key."""
    parts = apikey.parse(text)
    if parts is None:
        raise ValueError(text)
    return verify(ring.store.find(parts.id), parts.secret, PEPPERS, now)


def test_a_new_key_works_and_its_secret_is_nowhere_in_the_record() -> None:
    """Only a digest under the pepper is stored."""
    ring = keyring()
    record, text = ring.create(name="mobile", owner="alice", scopes=["orders:read"])
    parts = apikey.parse(text)
    assert parts is not None
    assert proves(ring, text) is Standing.OK
    assert (record.id, record.digest) == (parts.id, apikey.digest(parts.secret, PEPPERS.current))
    assert not any(parts.secret in str(getattr(record, name)) for name in record.__slots__)


def test_every_attribute_is_kept() -> None:
    """Networks, origins, limits, times, metadata; checked and in one form."""
    limits = limit.parse("10 per minute;100/day")
    record, text = keyring().create(
        name="n",
        owner="o",
        kind="pk",
        env="test",
        prefix="acme",
        scopes=["b:read", "a:read:*", "b:read"],
        networks=["203.0.113.0/24", "2001:DB8::/48"],
        origins=["https://App.example.com"],
        limits="10 per minute;100/day",
        not_before=NOW + 1,
        expires=NOW + DAY,
        metadata={"team": "shop"},
    )
    assert text.startswith("acme_pk_test_")
    assert (record.prefix, record.kind, record.env, record.name, record.owner) == ("acme", "pk", "test", "n", "o")
    assert (record.scopes, record.networks) == (("b:read", "a:read:*"), ("203.0.113.0/24", "2001:db8::/48"))
    assert (record.origins, record.limits, record.metadata) == (("https://app.example.com",), limits, {"team": "shop"})
    assert (record.created, record.not_before, record.expires) == (NOW, NOW + 1, NOW + DAY)


def test_an_empty_list_of_networks_is_not_no_list() -> None:
    """From nowhere, and from everywhere."""
    assert keyring().create(networks=[])[0].networks == ()
    assert keyring().create()[0].networks is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["a b"]},
        {"scopes": "read"},
        {"networks": ["300.1.1.1/8"]},
        {"networks": ["10.0.0.1/8"]},
        {"networks": "10.0.0.0/8"},
        {"origins": ["https://app.example.com/path"]},
        {"origins": ["*"]},
        {"limits": "many per minute"},
        {"limits": 5},
        {"expires": NOW},
        {"expires": NOW - 1},
        {"not_before": NOW + 9, "expires": NOW + 9},
        {"expires": float("nan")},
        {"name": "two\nlines"},
        {"owner": "\u202eevil"},
        {"name": "x" * 201},
        {"kind": "xx"},
        {"env": "Production!"},
        {"prefix": "o"},
        {"metadata": {"a": 1}},
        {"metadata": {"a": "\x1b[2J"}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_wrong_attribute_is_refused_and_no_key_is_made(wrong: dict[str, Any]) -> None:
    """One sentence, without control characters; nothing is stored."""
    ring = keyring()
    with pytest.raises(UsageError) as refused:
        ring.create(**wrong)
    assert str(refused.value).isprintable()
    assert ring.list() == ()


def test_a_key_of_an_environment_lives_no_longer_than_it_allows() -> None:
    """It ends by itself; more is refused; others are free."""
    ring = keyring(max_age={"live": 90 * DAY})
    assert ring.create()[0].expires == NOW + 90 * DAY
    assert ring.create(env="test")[0].expires is None
    with pytest.raises(UsageError, match="at most 90 days"):
        ring.create(expires=NOW + 91 * DAY)


def test_rotation_leaves_the_old_key_working_for_the_overlap(clock: Clock) -> None:
    """Both work until then, the new one alone from then on."""
    ring = keyring(clock=clock)
    old, old_text = ring.create(name="a", owner="o", scopes=["x"], networks=["10.0.0.0/8"], limits="5/minute", metadata={"k": "v"})
    new, new_text = ring.rotate(old.id, 3600)
    for now, expected in ((NOW, Standing.OK), (NOW + 3599, Standing.OK), (NOW + 3600, Standing.EXPIRED)):
        assert (proves(ring, old_text, now), proves(ring, new_text, now)) == (expected, Standing.OK)
    assert (new.rotated_from, ring.show(old.id).replaced_by) == (old.id, new.id)
    kept = ("name", "owner", "scopes", "networks", "limits", "metadata", "env", "kind", "prefix")
    assert [getattr(new, name) for name in kept] == [getattr(old, name) for name in kept]


def test_rotation_never_lengthens_the_old_keys_life() -> None:
    """An overlap past its own expiry ends with it."""
    ring = keyring()
    old, _ = ring.create(expires=NOW + 100)
    ring.rotate(old.id, 3600)
    assert ring.show(old.id).expires == NOW + 100


def test_a_rotated_key_lives_as_long_as_the_old_was_made_for(clock: Clock) -> None:
    """90 days again, from today; or until what was said."""
    ring = keyring(clock=clock)
    old, _ = ring.create(expires=NOW + 90 * DAY)
    clock.now += 80 * DAY
    new, _ = ring.rotate(old.id)
    assert new.expires == clock.now + 90 * DAY
    assert ring.rotate(new.id, expires=clock.now + DAY)[0].expires == clock.now + DAY


@pytest.mark.parametrize(("end", "said"), [("revoke", "key_revoked"), ("disable", "key_disabled"), ("rotate", "rotated already")])
def test_what_has_ended_is_not_rotated(end: str, said: str) -> None:
    """A revoked key does not come back through its successor; a key has one successor, in the overlap, too."""
    ring = keyring()
    old, _ = ring.create()
    getattr(ring, end)(*([old.id, 3600] if end == "rotate" else [old.id]))
    before = ring.list()
    with pytest.raises(UsageError, match=f"{old.id} .*{said}"):
        ring.rotate(old.id)
    assert ring.list() == before


@pytest.mark.parametrize("overlap", [-1.0, float("nan")])
def test_an_overlap_is_zero_or_more(overlap: float) -> None:
    """Nothing is made."""
    ring = keyring()
    old, _ = ring.create()
    with pytest.raises(UsageError, match="overlap"):
        ring.rotate(old.id, overlap)
    assert len(ring.list()) == 1


def test_revocation_is_for_ever_and_keeps_its_first_time(clock: Clock) -> None:
    """Neither enable nor a second revoke changes it."""
    ring = keyring(clock=clock)
    record, text = ring.create()
    ring.revoke(record.id)
    clock.now += 60
    assert ring.revoke(record.id).revoked == NOW
    with pytest.raises(UsageError, match="for ever"):
        ring.enable(record.id)
    assert proves(ring, text, clock.now) is Standing.REVOKED


def test_disable_holds_until_enable() -> None:
    """And is told apart from revoke."""
    ring = keyring()
    record, text = ring.create()
    ring.disable(record.id)
    assert proves(ring, text) is Standing.DISABLED
    ring.enable(record.id)
    assert proves(ring, text) is Standing.OK


def test_change_writes_what_was_named_and_nothing_else() -> None:
    """A scope taken away; the rest stays."""
    ring = keyring()
    record, _ = ring.create(name="a", scopes=["x", "y"], expires=NOW + DAY)
    changed = ring.change(record.id, scopes=["x"])
    assert (changed.scopes, changed.name, changed.expires) == (("x",), "a", NOW + DAY)


@pytest.mark.parametrize("wrong", [{"env": "test"}, {"expires": NOW - 1}, {"not_before": NOW + 2 * DAY}, {"digest": b"x"}])
def test_change_refuses_what_cannot_be(wrong: dict[str, Any]) -> None:
    """What is part of the key's text, what would end it in the past."""
    ring = keyring()
    record, _ = ring.create(expires=NOW + DAY)
    with pytest.raises(UsageError) as refused:
        ring.change(record.id, **wrong)
    assert "env" not in wrong or "part of its text" in str(refused.value)
    assert ring.show(record.id) == record


def test_a_key_is_found_by_its_id_and_by_itself() -> None:
    """After a leak one has the key, not the id."""
    ring = keyring()
    record, text = ring.create()
    imported = ring.import_key(UUID, expires=None)
    assert (ring.show(record.id), ring.show(text), ring.show(UUID)) == (record, record, imported)


def test_an_unknown_id_names_near_ones() -> None:
    """By id and by name."""
    ring = keyring()
    record, _ = ring.create(name="mobile app")
    slip = record.id[:-1] + ("x" if record.id[-1] != "x" else "y")
    for wrong in (slip, "mobile-app"):
        with pytest.raises(UnknownKey, match=rf"near: {record.id} \(mobile app\)"):
            ring.revoke(wrong)


def test_what_could_be_a_secret_is_not_repeated() -> None:
    """A message ends in logs and chats."""
    ring = keyring()
    _, text = ring.create()
    slip = text[:-1] + ("a" if text[-1] != "a" else "b")
    for wrong in (slip, "hunter2-hunter2-hunter2"):
        with pytest.raises(UnknownKey) as refused:
            ring.revoke(wrong)
        assert not any(wrong[start : start + 8] in str(refused.value) for start in range(13, len(wrong) - 8))
    with pytest.raises(UnknownKey, match="checksum"):
        ring.show(slip)


def test_exposure_is_noted_once_and_ends_nothing(clock: Clock) -> None:
    """KEY-8: flagged, not revoked; the first time and place count."""
    ring = keyring(clock=clock)
    record, text = ring.create()
    ring.mark_exposed(record.id, "query string")
    clock.now += 60
    ring.mark_exposed(record.id, "plain HTTP")
    noted = ring.show(record.id)
    assert (noted.exposed, noted.exposed_where) == (NOW, "query string")
    assert proves(ring, text) is Standing.OK


def test_due_keys_come_soonest_first_and_dead_ones_not_at_all(clock: Clock) -> None:
    """Expiry and age; what is revoked, expired or replaced needs no hand."""
    ring = keyring(clock=clock)
    far, soon, replaced, revoked, old = [
        ring.create(name=name, env=env, expires=end)[0]
        for name, env, end in [
            ("far", "live", NOW + 60 * DAY),
            ("soon", "live", NOW + 5 * DAY),
            ("replaced", "live", NOW + 5 * DAY),
            ("revoked", "live", NOW + 5 * DAY),
            ("old", "test", None),
        ]
    ]
    new = ring.rotate(replaced.id, DAY, expires=NOW + 6 * DAY)[0]
    ring.revoke(revoked.id)
    ring.max_age = {"test": 2 * DAY}
    found = ring.due(30 * DAY)
    assert [(one.record.id, one.when, one.why, one.days) for one in found] == [
        (old.id, NOW + 2 * DAY, "max_age", 7),
        (soon.id, NOW + 5 * DAY, "expires", 7),
        (new.id, NOW + 6 * DAY, "expires", 7),
    ]
    assert far.id in [one.record.id for one in ring.due(60 * DAY)]


@pytest.mark.parametrize(
    ("left", "days"), [(31 * DAY, None), (30 * DAY, 30), (7 * DAY + 1, 30), (7 * DAY, 7), (DAY, 1), (1, 1), (0, 0), (-DAY, 0)]
)
def test_warnings_are_30_7_and_1_days_before(left: float, days: int | None) -> None:
    """KEY-4."""
    assert warning(left) == days


def test_list_finds_by_part_owner_and_environment() -> None:
    """Oldest first."""
    ring = keyring()
    one, two = ring.create(name="Mobile", owner="alice", env="test")[0], ring.create(name="web", owner="bob")[0]
    assert ring.list("mobil") == ring.list(owner="alice") == ring.list(env="test") == ring.list(one.id[2:9]) == (one,)
    assert {record.id for record in ring.list()} == {one.id, two.id}
    assert ring.list("nobody") == ()
