"""When keys are fetched again, and for how long old ones serve: whatever strangers send, and however long the issuer is away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ostiary.wire.refresh import Held, Pace

PACE = Pace(every=600, stale=3600, pause=30)
NOW = 1_800_000_000.0
FRESH = Held[str]().got("keys", NOW)


def test_nothing_is_fetched_at_once_and_by_everybody() -> None:
    """Who comes first cannot wait for another's answer."""
    cold = Held[str]()
    assert cold.due(NOW, PACE)
    assert cold.asked(NOW).due(NOW, PACE)
    assert cold.usable(NOW, PACE) is None


def test_a_document_is_fetched_again_when_it_is_old() -> None:
    """At ``every`` and not before, by one alone; the others go on with the old one."""
    assert not FRESH.due(NOW + 599, PACE)
    assert FRESH.due(NOW + 600, PACE)
    assert not FRESH.asked(NOW + 600).due(NOW + 601, PACE)
    assert FRESH.asked(NOW + 600).usable(NOW + 601, PACE) == "keys"


def test_what_is_missing_is_asked_for_once_in_a_pause() -> None:
    """A new key of the issuer's is found after half a minute at most; a flood of unknown ids fetches no more than that."""
    assert not FRESH.due(NOW + 29, PACE, missing=True)
    assert FRESH.due(NOW + 30, PACE, missing=True)
    assert not FRESH.asked(NOW + 30).due(NOW + 59, PACE, missing=True)
    assert not FRESH.failed(NOW + 31).due(NOW + 60, PACE, missing=True)


def test_an_outage_is_bridged_until_the_document_is_stale() -> None:
    """Asked again each pause, used for ``stale`` and no second longer."""
    down = FRESH.failed(NOW + 600)
    assert not down.due(NOW + 629, PACE)
    assert down.due(NOW + 630, PACE)
    assert down.usable(NOW + 3599, PACE) == "keys"
    assert down.usable(NOW + 3600, PACE) is None
    assert down.got("new", NOW + 3600).usable(NOW + 3600, PACE) == "new"


def test_an_issuer_that_was_never_there_is_asked_once_in_a_pause() -> None:
    """A service that starts during an outage does not hammer it."""
    assert not Held[str]().failed(NOW).due(NOW + 29, PACE)
    assert Held[str]().failed(NOW).due(NOW + 30, PACE)


def test_a_clock_that_was_set_back_does_not_freeze_it() -> None:
    """A document from the future is fetched anew, and is stale when it is from far ahead."""
    assert FRESH.due(NOW - 601, PACE)
    assert FRESH.usable(NOW - 3600, PACE) is None
    assert not FRESH.failed(NOW).due(NOW - 0.001, PACE)


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans(), st.booleans()), max_size=200))
def test_no_flood_whatever_comes(calls: list[tuple[float, bool, bool]]) -> None:
    """Between two fetches there is a pause, whoever asks for what and however the fetches end."""
    held, now, fetches = FRESH, NOW, []
    for pause, missing, works in calls:
        now += pause
        if held.due(now, PACE, missing):
            fetches.append(now)
            held = held.asked(now).got("keys", now) if works else held.asked(now).failed(now)
    assert all(after - before >= PACE.pause for before, after in zip([NOW, *fetches], fetches, strict=False))
