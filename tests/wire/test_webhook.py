"""Webhooks of others: their own published examples, and that nothing else passes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import BadSignature, SignatureReason, UsageError
from ostiary.wire import webhook
from ostiary.wire.webhook import Delivery

NOW = 1_800_000_000
BODY = b'{"id": "evt_1"}'
SECRET = "whsec_test_secret"


def openssl(secret: bytes, data: bytes, digest: str = "sha256") -> bytes:
    """The MAC by another hand."""
    command = ["openssl", "dgst", f"-{digest}", "-mac", "HMAC", "-macopt", f"hexkey:{secret.hex()}", "-binary"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def test_github_published_example() -> None:
    """From GitHub's page on validating deliveries."""
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    delivery = webhook.github(b"Hello, World!", header, ["It's a Secret to Everybody"])
    assert delivery == Delivery(b"Hello, World!", hashlib.sha256(b"Hello, World!").hexdigest(), None)


SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def test_slack_published_example() -> None:
    """From Slack's page on verifying requests."""
    header = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    delivery = webhook.slack(SLACK_BODY, header, "1531420618", ["8f742231b10e8888abcd99yyyzzz85a5"], 1531420618)
    assert (delivery.body, delivery.sent) == (SLACK_BODY, 1531420618)


def test_standard_webhooks_published_example() -> None:
    """From the specification's reference libraries."""
    delivery = webhook.standard(
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        1614265330,
    )
    assert delivery.sent == 1614265330


STANDARD_KEY = b"0123456789abcdef01234567"
STANDARD_SECRET = "whsec_" + base64.b64encode(STANDARD_KEY).decode()


def stripe_header(body: bytes = BODY, sent: int = NOW, secret: str = SECRET) -> str:
    return f"t={sent},v1={openssl(secret.encode(), b'%d.' % sent + body).hex()},v0={'0' * 64}"


def slack_header(body: bytes = BODY, sent: int = NOW, secret: str = SECRET) -> str:
    return "v0=" + openssl(secret.encode(), b"v0:%d:" % sent + body).hex()


def standard_header(body: bytes = BODY, sent: int = NOW) -> str:
    return "v1," + base64.b64encode(openssl(STANDARD_KEY, b"msg_1.%d." % sent + body)).decode()


def generic_header(body: bytes = BODY, sent: int = NOW) -> str:
    return "hmac " + base64.b64encode(openssl(SECRET.encode(), b"%d." % sent + body, "sha512")).decode()


def take_generic(body: bytes, header: str, now: float = NOW, sent: str = str(NOW)) -> Delivery:
    return webhook.generic(body, header, [SECRET], digest="sha512", encoding="base64", prefix="hmac ", timestamp=sent, now=now)


TAKERS: dict[str, tuple[str, Callable[..., Delivery]]] = {
    "stripe": (stripe_header(), lambda body, header, now=NOW: webhook.stripe(body, header, [SECRET], now)),
    "github": ("sha256=" + openssl(SECRET.encode(), BODY).hex(), lambda body, header, now=NOW: webhook.github(body, header, [SECRET])),
    "slack": (slack_header(), lambda body, header, now=NOW: webhook.slack(body, header, str(NOW), [SECRET], now)),
    "standard": (standard_header(), lambda body, header, now=NOW: webhook.standard(body, header, "msg_1", str(NOW), [STANDARD_SECRET], now)),
    "generic": (generic_header(), take_generic),
    "generic plain": (openssl(SECRET.encode(), BODY, "sha384").hex(), lambda body, header, now=NOW: webhook.generic(body, header, [SECRET], digest="sha384")),
}  # fmt: skip


@pytest.mark.parametrize("sender", TAKERS)
def test_what_openssl_signed_is_taken(sender: str) -> None:
    """Each style, signed by another hand."""
    header, take = TAKERS[sender]
    delivery = take(BODY, header)
    assert (delivery.body, delivery.sent) == (BODY, None if sender in ("github", "generic plain") else NOW)


@pytest.mark.parametrize("sender", TAKERS)
def test_every_bit_of_body_and_header_counts(sender: str) -> None:
    """Turned anywhere, but in parts that are not ours, it is refused."""
    header, take = TAKERS[sender]
    for at in range(len(BODY) * 8):
        turned = bytes(byte ^ (1 << at % 8) if place == at // 8 else byte for place, byte in enumerate(BODY))
        with pytest.raises(BadSignature):
            take(turned, header)
    ours = header.partition(",v0=")[0]
    for at in range(len(ours) * 7):
        place, bit = divmod(at, 7)
        with pytest.raises(BadSignature):
            take(BODY, header[:place] + chr(ord(header[place]) ^ (1 << bit)) + header[place + 1 :])


@pytest.mark.parametrize("sender", ["stripe", "slack", "standard", "generic"])
@pytest.mark.parametrize(("offset", "reason"), [(300, None), (301, SignatureReason.STALE), (-300, None), (-301, SignatureReason.FUTURE)])
def test_a_signed_time_bounds_a_delivery(sender: str, offset: int, reason: SignatureReason | None) -> None:
    """Five minutes, either way."""
    header, take = TAKERS[sender]
    if reason is None:
        take(BODY, header, NOW + offset)
        return
    with pytest.raises(BadSignature) as refused:
        take(BODY, header, NOW + offset)
    assert refused.value.reason is reason


def test_the_id_of_a_delivery_survives_what_a_replay_can_change() -> None:
    """Of a header with two signatures a replay may leave one out: the id stays, and another body has another."""
    old, new = "whsec_old", "whsec_new"
    both = f"t={NOW},v1={openssl(old.encode(), b'%d.' % NOW + BODY).hex()},v1={openssl(new.encode(), b'%d.' % NOW + BODY).hex()}"
    first, second = both.split(",v1=")[1:]
    ids = {webhook.stripe(BODY, header, [old, new], NOW).id for header in (both, f"t={NOW},v1={first}", f"v1={second},t={NOW}")}
    assert ids == {hashlib.sha256(b"%d." % NOW + BODY).hexdigest()}
    assert webhook.stripe(b"{}", stripe_header(b"{}"), [SECRET], NOW).id not in ids


def test_any_of_several_secrets_verifies() -> None:
    """While one replaces the other."""
    for secrets in (["else", SECRET], [SECRET, "else"]):
        assert webhook.github(BODY, TAKERS["github"][0], secrets).body == BODY
    with pytest.raises(BadSignature):
        webhook.github(BODY, TAKERS["github"][0], ["else", "another"])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        f"t={NOW},v0=00",
        f"t={NOW},t={NOW},v1=00",
        "t=,v1=00",
        "t=-1,v1=00",
        "t=1.5,v1=00",
        "t=١,v1=00",
        "t=0,v1=00",
        ",,,",
        "x" * 5000,
    ],
)
def test_stripe_headers_that_are_none(header: str) -> None:
    """Without one time and one v1 there is nothing to check."""
    with pytest.raises(BadSignature) as refused:
        webhook.stripe(BODY, header, [SECRET], NOW)
    assert refused.value.reason is SignatureReason.MALFORMED


def test_one_way_to_write_a_signature() -> None:
    """Upper-case hex, other prefixes, base64 without padding: refused, not repaired."""
    header, take = TAKERS["github"]
    for wrong in (header.upper(), "sha1=" + header[7:], header[7:], header + " ", "sha256=" + header[7:].upper()):
        with pytest.raises(BadSignature):
            take(BODY, wrong)
    header, take = TAKERS["standard"]
    for wrong in (header.rstrip("="), header + "=", "v1a" + header[2:], header.replace("v1,", "v1, "), "v2," + header[3:]):
        with pytest.raises(BadSignature):
            take(BODY, wrong)
    assert take(BODY, f"v1a,AAAA v1,AAAA {header}").body == BODY


@pytest.mark.parametrize("name", ["", "a.b", "é", "x" * 5000])
def test_an_id_cannot_move_bytes_into_the_time(name: str) -> None:
    """A dot in it would; so would what has no bytes of its own."""
    with pytest.raises(BadSignature) as refused:
        webhook.standard(BODY, standard_header(), name, str(NOW), [STANDARD_SECRET], NOW)
    assert refused.value.reason is SignatureReason.MALFORMED


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""], "good"])
def test_no_secret_verifies_nothing(secrets: Any) -> None:
    """An empty list or secret is a mistake of ours, and said."""
    for call in (
        lambda: webhook.github(BODY, TAKERS["github"][0], secrets),
        lambda: webhook.stripe(BODY, stripe_header(), secrets, NOW),
        lambda: webhook.generic(BODY, "00", secrets),
    ):
        with pytest.raises(UsageError):
            call()


@pytest.mark.parametrize("secret", ["whsec_", "", "whsec_!!", "whsec_abc"])
def test_a_standard_secret_is_base64(secret: str) -> None:
    """Else it would be another key than the sender's."""
    with pytest.raises(UsageError, match="base64"):
        webhook.standard(BODY, standard_header(), "msg_1", str(NOW), [secret], NOW)


def test_the_plainest_style() -> None:
    """Without options it is SHA-256 of the body in hex, as GitHub's without its prefix; the longest header is 4,096 characters."""
    header = openssl(SECRET.encode(), BODY).hex()
    assert webhook.generic(BODY, header, [SECRET]).body == BODY
    assert webhook.generic(BODY, "x" * (4096 - 64) + header, [SECRET], prefix="x" * (4096 - 64)).body == BODY
    with pytest.raises(BadSignature, match="too long"):
        webhook.generic(BODY, "x" * (4097 - 64) + header, [SECRET], prefix="x" * (4097 - 64))


def test_bad_options() -> None:
    """A digest or encoding that is none, and a time without a clock."""
    for how in ({"digest": "md5"}, {"encoding": "base32"}, {"timestamp": "1"}, {"now": 1.0}):
        with pytest.raises(UsageError):
            webhook.generic(BODY, "00", [SECRET], **how)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(TAKERS)), st.one_of(st.text(max_size=90), st.text("t=v10,sha256 :", max_size=60)), st.text(max_size=12))
def test_junk_raises_nothing_but_bad_signature(sender: str, header: str, other: str) -> None:
    """Arbitrary headers verify nothing."""
    with pytest.raises(BadSignature):
        TAKERS[sender][1](BODY, header)
    with pytest.raises(BadSignature):
        webhook.slack(BODY, slack_header(), other, [SECRET], NOW)


def test_a_mac_of_ours_is_that_of_openssl() -> None:
    """The helper above is the same function."""
    assert openssl(b"k", b"data") == hmac.new(b"k", b"data", hashlib.sha256).digest()
