"""Problem documents: RFC 9457, the same for everybody, nothing of the inside."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from ostiary.wire import problem
from ostiary.wire.problem import Problem

ALL = {name: value for name, value in vars(problem).items() if isinstance(value, Problem)}


def test_body_is_the_document() -> None:
    """Members in the order of the standard, ours after them."""
    body = Problem(403, "no_way", "Forbidden", "Try the other door.").body("req-1")
    assert body == (
        b'{"type":"about:blank","title":"Forbidden","status":403,"detail":"Try the other door.","code":"no_way","request_id":"req-1"}'
    )


def test_detail_is_left_out_when_there_is_none() -> None:
    """No empty member."""
    assert "detail" not in json.loads(problem.UNDECLARED.body("1"))


def test_hostile_request_id_stays_a_string() -> None:
    """What a caller chose cannot add a member, break a line or leave ASCII."""
    hostile = '","admin":true,"x":"\r\n\u2028\x1b\ud800'
    body = problem.UNAUTHENTICATED.body(hostile)
    assert body.isascii()
    assert b"\n" not in body
    assert json.loads(body)["request_id"] == hostile
    assert "admin" not in json.loads(body)


@pytest.mark.parametrize("name", sorted(ALL))
def test_title_is_the_phrase_of_the_status(name: str) -> None:
    """RFC 9457, 4.2.1: with about:blank the title is the HTTP status phrase."""
    # RFC 9110 has other words than older Pythons.
    known = {413: "Content Too Large", 422: "Unprocessable Content", 431: "Request Header Fields Too Large"}
    found = ALL[name]
    assert found.title == known.get(found.status, HTTPStatus(found.status).phrase)
    assert json.loads(found.body("1"))["status"] == found.status


def test_every_refusal_has_a_code_of_its_own() -> None:
    """Programs tell refusals apart by code."""
    assert len({found.code for found in ALL.values()}) == len(ALL)


def test_401_names_a_scheme_and_no_error() -> None:
    """RFC 9110 wants a challenge; RFC 6750 wants no error code where it could tell a stranger why."""
    (challenge,) = [value for name, value in problem.UNAUTHENTICATED.headers if name == "WWW-Authenticate"]
    assert challenge == "Bearer"
