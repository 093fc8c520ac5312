"""The short way back gives what the full way gives, for every answer; what it lets through unwatched, the watch would have let through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary import redact
from ostiary.guard.answers import Settler, encoded, settle
from ostiary.guard.core import Core
from ostiary.guard.decision import Principal
from ostiary.guard.declaration import merged
from ostiary.guard.declare import deprecated, require
from ostiary.guard.leak import BodyWatch, harmless
from ostiary.guard.limit_headers import LimitFields, said_of
from ostiary.guard.request import Request
from ostiary.guard.stores.base import Spent
from ostiary.model.limit import parse
from ostiary.wire import apikey
from ostiary.wire.redact import default
from tests.guard.sites import PEPPER

KEY = apikey.mint()
TOKEN = "a-token-of-somebody-else-0001"
PEM = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"
NAMES = (
    "Content-Type",
    "content-type",
    "Content-Length",
    "Set-Cookie",
    "Server",
    "X-Powered-By",
    "Location",
    "Cache-Control",
    "X-Frame-Options",
)
PARTS = (
    "text/html; charset=utf-8",
    "Text/HTML",
    "application/json",
    "12",
    "a=b; Path=/",
    "no-store",
    KEY,
    KEY[:-1],
    TOKEN,
    "_sk_",
    "",
    "ä",
)
answers = st.lists(st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("".join)), max_size=5)
CORES = [
    Core(store="memory://", pepper=PEPPER, policy_file=None, **more)
    for more in (
        {},
        {"security_headers": False},
        {"hsts": 0, "limit_fields": LimitFields(x_rate_limit=True)},
        {"version_header": "X-Version"},
    )
]

LIMITS = tuple(parse("5 per minute;100 per day"))
LEFT = (4, 1_500, 99, 80_000_000)
"""The same as the first below, as the straight way leaves it."""
SPENT = (None, LEFT, Spent(True, ((0, 4, 1.5), (1, 99, 80_000.0))), Spent(False, ((0, 0, 7.25), (1, 3, 1.0)), 7.25))


class Asked(Request):
    def header(self, name: str) -> tuple[str, ...]:
        return ()


def asked(
    core: Core, credential: str, scheme: str, spent: Spent | tuple[int, ...] | None, known: bool, hands_out: bool, ends: bool
) -> Request:
    request = Asked("GET", "/", "", "203.0.113.7", scheme, "api.example.com", 1_000.0)
    request.credential = credential
    request.compiled = core.policies.compile(
        "GET", "/", merged(require(issues=hands_out), deprecated("2026-01-01")) if ends else require(issues=hands_out)
    )
    request.principal = Principal("somebody", "api-key") if known else None
    request.limits = LIMITS if spent is not None else ()
    if isinstance(spent, Spent):
        request.spent = spent
    elif spent is not None:
        request.left, request.said = spent, said_of(LIMITS)
    return request


about = st.tuples(
    st.sampled_from(("", KEY, TOKEN, "ä-token")),
    st.sampled_from(("http", "https")),
    st.sampled_from(SPENT),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def test_what_the_straight_way_leaves_is_what_the_counters_would_have_said() -> None:
    """Read as ``spent`` it is the same answer."""
    request = asked(CORES[0], "", "https", LEFT, known=True, hands_out=False, ends=False)  # type: ignore[arg-type]
    assert request.spent == SPENT[2]


@given(answers, st.sampled_from(CORES), about)
def test_the_short_way_back_is_the_full_way(headers: Any, core: Core, about: Any) -> None:
    """Whatever an app answers: the same fields in the same order, as texts and as bytes, at the first answer of a kind and at the second."""
    request = asked(core, *about)
    full = settle(core, request, headers)
    texts, raw = Settler(core), Settler(core, raw=True)
    for _ in range(2):
        assert texts.settle(request, headers)[0] == full
        assert raw.settle(request, encoded(headers))[0] == encoded(full)
        assert raw.settle(request, [(name.encode(), value.encode("latin-1")) for name, value in headers])[0] == encoded(full)


@given(
    st.lists(st.sampled_from((KEY, KEY[:-1], TOKEN, PEM, "-----BEGIN ", "_pk_", "{}", "ä")), max_size=4),
    st.sampled_from((TOKEN, "", "short")),
    st.booleans(),
)
def test_what_is_let_through_unwatched_the_watch_would_have_let_through(parts: list[str], credential: str, ours: bool) -> None:
    """An answer in one piece that counts as harmless leaves ``BodyWatch`` as it came, too."""
    data = "".join(parts).encode()
    if harmless(data, credential, ours=ours):
        watch = BodyWatch(credential, ours=ours)
        assert (watch.clean(data, last=True), watch.removed) == (data, [])


@pytest.fixture
def registered() -> Any:
    redact.register("a registered value 0001")
    yield "a registered value 0001"
    default.unregister("a registered value 0001")


def test_a_registered_value_is_looked_for_on_the_short_way_too(registered: str) -> None:
    """Registered after the first answer: the next one is without it, in headers and in the body."""
    request = asked(CORES[0], "", "https", None, False, False, False)
    settler = Settler(CORES[0])
    headers = [("Location", f"/?x={registered}")]
    assert dict(settler.settle(request, headers)[0])["Location"] == "/?x=" + "*" * len(registered)
    assert not harmless(registered.encode(), "")


def test_the_kinds_of_answers_that_are_remembered_are_bounded() -> None:
    """An app that makes up names of headers does not fill the memory."""
    settler = Settler(CORES[0])
    request = asked(CORES[0], "", "https", None, False, False, False)
    for number in range(2_000):
        settler.settle(request, [(f"X-{number}", "1")])
    assert len(settler._shapes) <= 512
