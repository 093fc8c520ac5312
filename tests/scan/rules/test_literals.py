"""What counts as a secret by its looks. Tokens are put together at run time, so that no scanner of this repository trips over them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.model.finding import Confidence
from ostiary.scan.rules._literals import NOTHING, PASSWORD, RANDOM, WORDS, dsn_password, family, looks
from ostiary.scan.rules._secrets import judge

BODY = "Zt4QmX2sLw9RcV8nHy5DbK7pJfG3uE6aTq1vN0zYbCxM"


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("sk" + "_live_", "Stripe secret key"),
        ("gh" + "p_", "GitHub token"),
        ("github" + "_pat_", "GitHub token"),
        ("xox" + "b-", "Slack token"),
        ("AI" + "za", "Google API key"),
        ("sk-" + "ant-", "Anthropic key"),
        ("hv" + "s.", "Vault token"),
        ("gl" + "pat-", "GitLab token"),
    ],
)
def test_a_token_is_known_by_its_prefix(prefix: str, name: str) -> None:
    """Its family is named, under any variable."""
    assert family(prefix + BODY) == name
    found = judge("something", prefix + BODY, "assign")
    assert found is not None
    assert found.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    "text", ["AKIA" + "IOSFODNN7EXAMPLE", "sk" + "_live_" + "x" * 24, "gh" + "p_short", "eyJ", "sk-learn", "sk-" + "a" * 48]
)
def test_samples_and_short_ones_are_not_tokens(text: str) -> None:
    """Documentation and words that begin alike stay quiet."""
    assert family(text) is None


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("postgresql://shop:Hj7kQ2vX9p@db.shop-internal.net/shop", True),
        ("amqps://svc:Zk3vP9qLmX@mq.parcels-internal.io:5671", True),
        ("postgresql://postgres:postgres@localhost:5432/app", False),
        ("redis://:secret@redis:6379/0", False),
    ],
)
def test_a_password_in_a_url_is_seen(text: str, real: bool) -> None:
    """Local defaults are told apart from what somebody protects."""
    found = dsn_password(text)
    assert found is not None
    assert found[1] is real


@pytest.mark.parametrize(
    "text", ["https://example.com/a?b=c@d", "postgresql://localhost/app", "redis://{user}:{password}@host", "mailto:ada@example.com"]
)
def test_a_url_without_a_password_is_none(text: str) -> None:
    """Templates and addresses are not credentials."""
    assert dsn_password(text) is None


@pytest.mark.parametrize(
    ("text", "look"),
    [
        ("At least twelve characters", NOTHING),
        ("X-API-Key", NOTHING),
        ("/run/secrets/key", NOTHING),
        ("SMTP_PASSWORD", NOTHING),
        ("https://login.example.com/token", NOTHING),
        ("changeme", WORDS),
        ("refresh_token", WORDS),
        ("hunter2", PASSWORD),
        ("P@ssw0rd", PASSWORD),
        ("w8Jq2vN5rT0zYb7LxC4m", RANDOM),
        ("9f2b7c61d0e84a35b1c2", RANDOM),
        ("pga-session-body-v1", PASSWORD),
    ],
)
def test_what_a_literal_looks_like(text: str, look: int) -> None:
    """From surely nothing to surely a secret."""
    assert looks(text) == look


@pytest.mark.parametrize("text", ["dev", "secret", "changeme", "my-secret-key", "top-secret!"])
def test_any_literal_is_the_key_in_force(text: str) -> None:
    """A SECRET_KEY need not look random to be known to everybody."""
    assert judge("SECRET_KEY", text, "assign", shouted=True) is not None


@pytest.mark.parametrize("text", ["<your-key>", "xxxxxxxx", "...", "${SECRET_KEY}", "{{ secret }}", ""])
def test_a_placeholder_is_not(text: str) -> None:
    """Nobody starts a server with these."""
    assert judge("SECRET_KEY", text, "assign", shouted=True) is None


@given(
    st.text(max_size=200),
    st.sampled_from(["SECRET_KEY", "password", "api_key", "token", "name", ""]),
    st.sampled_from(["assign", "item", "default"]),
)
def test_no_text_breaks_it_and_no_message_repeats_it(text: str, name: str, where: str) -> None:
    """Odd literals are judged, and never quoted."""
    found = judge(name, text, where)
    if found is not None and len(text) > 12:
        assert text not in found.message
