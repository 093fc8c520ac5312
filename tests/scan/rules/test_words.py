"""Which names speak of a secret."""

from __future__ import annotations

import pytest

from ostiary.scan.rules._rates import per_minute
from ostiary.scan.rules._words import (
    MAYBE,
    NO,
    SURE,
    cookie_is_credential,
    field_is_credential,
    header_is_credential,
    names_secret,
    signs_sessions,
)


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("API_KEY", SURE),
        ("paymentApiKey", SURE),
        ("db_password", SURE),
        ("JWT_SECRET_KEY_2", SURE),
        ("access_token", SURE),
        ("token", MAYBE),
        ("feed_key", MAYBE),
        ("primary_key", NO),
        ("cache_key", NO),
        ("token_url", NO),
        ("password_min_length", NO),
        ("hashed_password", NO),
        ("has_password", NO),
        ("csrf_token", NO),
        ("name", NO),
        ("", NO),
    ],
)
def test_how_surely_a_name_means_a_secret(name: str, grade: int) -> None:
    """What it ends in decides, and what stands before that can take it back."""
    assert names_secret(name) == grade


@pytest.mark.parametrize("name", ["SECRET_KEY", "jwt_secret", "SESSION_SECRET", "secret"])
def test_names_of_signing_keys(name: str) -> None:
    """Their literals count however weak they are."""
    assert signs_sessions(name)


def test_headers_cookies_and_fields() -> None:
    """Credentials, and what only sounds like one."""
    assert header_is_credential("X-API-Key")
    assert header_is_credential("Authorization")
    assert not header_is_credential("Idempotency-Key")
    assert not header_is_credential("X-Forwarded-For")
    assert cookie_is_credential("session")
    assert not cookie_is_credential("csrftoken_next")
    assert field_is_credential("otp")
    assert not field_is_credential("captcha_token")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5 per minute", 5.0),
        ("10/second", 600.0),
        ("200 per day; 50/hour", 200 / 1440),
        ("1 per 10 minutes", 0.1),
        ("60 per 1 minutes", 60.0),
        ("computed", None),
    ],
)
def test_the_tightest_limit_counts(text: str, rate: float | None) -> None:
    """As calls a minute, as authors write them."""
    assert per_minute(text) == (pytest.approx(rate) if rate is not None else None)
