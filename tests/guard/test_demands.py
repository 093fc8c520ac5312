"""What ``ostiary guard check`` says that a route demands."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from ostiary.fastapi import (
    Guard,
    accepts,
    concurrent,
    cors,
    deprecated,
    distinct,
    public,
    require,
    timeout,
    webhook,
)
from ostiary.guard.appcheck import Checked
from ostiary.wire.secret import Secret
from tests.guard.sites import Clock, settings
from tests.guard.test_signed_answers import pem

MARKS: dict[str, tuple[list[Any], str]] = {
    "plain": ([require("a:b")], "credential, all of a:b"),
    "one": ([require(any_of=["a:b", "a:c"], networks=["10.0.0.0/8"])], "credential, one of a:b a:c, from 10.0.0.0/8"),
    "owned": ([require(owner="name")], "credential, owner by name"),
    "signed": ([require("a:b", signed=True)], "signature, all of a:b"),
    "more": ([require(signed=("x-tenant",), signed_stream=True)], "signature over x-tenant (streamed)"),
    "either": ([require(schemes=["api-key", "signed"])], "credential (api-key or signed)"),
    "tickets": ([require(tickets=True)], "credential or ticket"),
    "hook": ([webhook("github", secret=Secret("GITHUB", "a secret that is only for tests"))], "webhook of github"),
    "answers": ([require(sign_response=True)], "credential, answers signed"),
    "open": ([public("a test", sign_response=True)], "public: a test, answers signed"),
    "distinct": ([require(), distinct("name", "100 per hour")], "credential, different name: 100 per hour"),
    "busy": ([require(), concurrent(3)], "credential, 3 at a time"),
    "brings": (
        [require(), accepts("application/json", max_body=100, depth=5)],
        "credential, brings application/json, at most 100 bytes, JSON 5 deep at most",
    ),
    "slow": ([require(), timeout(2.5)], "credential, within 2.5 s"),
    "shared": ([require(), cors("https://app.example.com")], "credential, shared with https://app.example.com"),
    "anyone": ([public("a test"), cors("*")], "public: a test, shared with *"),
    "old": ([require(), deprecated("2020-01-01", "2090-01-02")], "credential, deprecated until 2090-01-02"),
    "older": ([require(), deprecated("2020-01-01")], "credential, deprecated"),
    "bare": ([], "undeclared"),
}


@pytest.mark.parametrize("name", MARKS)
def test_what_a_route_demands_is_said_in_words(name: str) -> None:
    """Every kind of demand has its word, and a route that has none of them has none of the words."""
    app = FastAPI(openapi_url=None)
    Guard(app, **settings("memory://", Clock(), {"response_key": pem()}))

    async def view() -> None:
        """Nothing."""

    marks, expected = MARKS[name]
    for mark in marks:
        mark(view)
    app.add_api_route("/x/{name}", view, methods=["POST"])
    (row,) = Checked(app.state.ostiary).rows()
    assert row["demands"] == expected
