"""The window of a signature, to the second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import BadSignature, SignatureReason
from ostiary.wire.freshness import SKEW, WINDOW, check_fresh, remember_until, staleness

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("created", "expires", "reason"),
    [
        (NOW, None, None),
        (NOW - WINDOW, None, None),
        (NOW - WINDOW - 1, None, SignatureReason.STALE),
        (NOW + SKEW, None, None),
        (NOW + SKEW + 1, None, SignatureReason.FUTURE),
        (NOW, NOW + 1, None),
        (NOW, NOW, SignatureReason.EXPIRED),
        (NOW - 10, NOW - 5, SignatureReason.EXPIRED),
        (NOW - WINDOW - 1, NOW + 1000, SignatureReason.STALE),
        (NOW + SKEW + 1, NOW + 1000, SignatureReason.FUTURE),
        (-5, None, SignatureReason.STALE),
        (0, None, SignatureReason.STALE),
        (999_999_999_999_999, None, SignatureReason.FUTURE),
    ],
)
def test_edges(created: int, expires: int | None, reason: SignatureReason | None) -> None:
    """Both ends of the window are inside, the moment of ``expires`` is outside; a long expiry does not make it longer."""
    assert staleness(created, NOW, expires=expires) is reason
    if reason is None:
        check_fresh(created, NOW, expires=expires)
        return
    with pytest.raises(BadSignature) as refused:
        check_fresh(created, NOW, expires=expires)
    assert refused.value.reason is reason


def test_the_log_says_by_how_much() -> None:
    """So that a wrong clock is told from a replay."""
    with pytest.raises(BadSignature, match=r"signed \+301 seconds ago; 300 are allowed, 30 ahead"):
        check_fresh(NOW - 301, NOW)


def test_the_defaults() -> None:
    """Five minutes back, half a minute ahead."""
    assert (WINDOW, SKEW) == (300, 30)


@given(
    st.integers(0, 2 * NOW),
    st.integers(-2000, 2000),
    st.integers(0, 1000),
    st.integers(0, 300),
    st.one_of(st.none(), st.integers(-2000, 2000)),
)
def test_a_nonce_is_remembered_as_long_as_its_signature_counts(
    created: int, offset: int, window: int, skew: int, until: int | None
) -> None:
    """Exactly the stated interval counts; after ``remember_until`` nothing counts on a clock that is late by the skew."""
    now = created + offset
    expires = None if until is None else created + until
    fresh = staleness(created, now, expires=expires, window=window, skew=skew) is None
    assert fresh == (-skew <= offset <= window and (until is None or offset < until))
    assert not fresh or now + skew <= remember_until(created, window=window, skew=skew)
