"""AUTH-10: what a call may bring. The app reads what was checked; a refusal repeats nothing of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

from ostiary.errors import UsageError
from ostiary.guard.declaration import merged
from ostiary.guard.declare import accepts, public
from ostiary.guard.schemas import check_of
from tests.guard.sites import Reply, Site

Make = Callable[..., Site]
JSON = {"Content-Type": "application/json"}
SECRET = "hunter2-is-my-password"


class Line(BaseModel):
    article: str
    count: int = Field(ge=1)


class Order(BaseModel):
    lines: list[Line]
    note: str = ""
    ship_to: str = Field("", alias="shipTo")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    note: str


@dataclass
class Point:
    x: int
    y: int = 0


SCHEMA = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}, "additionalProperties": False}


def post(site: Site, body: bytes | object, headers: dict[str, str] = JSON) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.ask("/login", method="POST", headers=headers, body=data)


def site_of(make: Make, *types: str, **more: Any) -> Site:
    return make(routes={"/login": accepts(*types, **more)})


def test_only_the_media_types_that_are_named_are_taken(make: Make) -> None:
    """415 with Accept (RFC 9110); parameters and case do not matter; without a body there is nothing to name."""
    site = site_of(make, "application/json", "image/*")
    asked = {
        "application/json": 200,
        "Application/JSON; charset=UTF-8": 200,
        "image/png": 200,
        "text/plain": 415,
        "application/json, text/plain": 415,
        "": 415,
    }
    assert {media: post(site, b"1", {"Content-Type": media}).status for media in asked} == asked
    assert post(site, b"1", {"Content-Type": "text/plain"})["Accept"] == "application/json, image/*"
    assert post(site, b"", {"Content-Type": "text/plain"}).status == 200


def test_a_body_is_counted_as_it_comes(make: Make) -> None:
    """To the byte, whatever the client announces; the handler is not reached."""
    site = site_of(make, max_body=10)
    plain = {"Content-Type": "text/plain"}
    assert [post(site, b"x" * size, plain).status for size in (10, 11, 100_000)] == [200, 413, 413]
    assert site.reached == ["login"]
    assert site.events()[-1].reason == "body_too_large"


def test_json_has_one_meaning_or_is_refused(make: Make) -> None:
    """A name twice, NaN, a byte order mark, half a surrogate pair, another charset, nesting, and what is no JSON."""
    site = site_of(make, "application/json", "application/merge-patch+json", depth=3)
    texts = [
        b'{"a": 1, "a": 2}',
        b"[NaN]",
        b"\xef\xbb\xbf1",
        b'"\\ud800"',
        b"\xff",
        b"{",
        b"",
        b"1 2",
        b"[[[[1]]]]",
        b"[[[1]]]",
        b'{"a": [{"b": 1}]}',
    ]
    assert [post(site, text).status for text in texts] == [400] * 6 + [200, 400, 400, 200, 200]
    assert post(site, b'{"a":1,"a":2}', {"Content-Type": "application/merge-patch+json"}).code == "bad_json"
    assert post(site, '"ä"'.encode("latin-1"), {"Content-Type": "application/json; charset=iso-8859-1"}).status == 415


GOOD = {"lines": [{"article": "a", "count": 1}]}
CASES: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (Order, GOOD, []),
    (Order, {**GOOD, "shipTo": "here"}, []),
    (Order, {"lines": [{"article": "a", "count": 0}]}, [("/lines/0/count", "greater_than_equal")]),
    (Order, {"lines": [{"article": 5}]}, [("/lines/0/article", "string_type"), ("/lines/0/count", "missing")]),
    (Order, {**GOOD, SECRET: 1}, [("", "unknown_name")]),
    (Order, {"lines": [{"article": "a", "count": 1, SECRET: 1}]}, [("/lines/0", "unknown_name")]),
    (Order, [], [("", "model_type")]),
    (Open, {"note": "a", "more": 1}, []),
    (Point, {"x": 1}, []),
    (Point, {"x": SECRET}, [("/x", "int_parsing")]),
    (Point, {"x": 1, "z": 1}, [("", "unknown_name")]),
    (SCHEMA, {"x": 1}, []),
    (SCHEMA, {"x": SECRET}, [("/x", "type")]),
    (SCHEMA, {SECRET: 1}, [("", "additionalProperties"), ("", "required")]),
]


@pytest.mark.parametrize(("body", "value", "errors"), CASES)
def test_a_body_fits_its_schema_or_is_refused_with_the_places(make: Make, body: Any, value: Any, errors: list[tuple[str, str]]) -> None:
    """422 with JSON pointers and codes, and nothing of what was sent."""
    site = site_of(make, body=body)
    reply = post(site, value)
    assert reply.status == (422 if errors else 200)
    assert sorted((one["pointer"], one["code"]) for one in (reply.json.get("errors") or ())) == sorted(errors)
    assert SECRET.encode() not in reply.body
    assert SECRET not in str(site.events())


def test_the_handler_gets_what_the_schema_made_and_what_was_sent() -> None:
    """``guard.given`` is the model; the framework's own reading of the body goes on working."""
    from fastapi import FastAPI, Request
    from flask import Flask, request
    from starlette.testclient import TestClient

    from ostiary import fastapi as fastapi_guard
    from ostiary import flask as flask_guard
    from tests.guard.delegating import QUIET

    flask_app, fastapi_app = Flask("given"), FastAPI()
    in_flask = flask_guard.Guard(flask_app, **QUIET)
    in_fastapi = fastapi_guard.Guard(fastapi_app, **QUIET)

    @flask_app.post("/orders")
    @merged(public("why"), accepts(body=Order))
    def orders() -> Any:
        return {"count": in_flask.given.lines[0].count, "raw": request.get_json()}

    async def orders_async(request: Request) -> Any:
        return {"count": in_fastapi.given.lines[0].count, "raw": await request.json()}

    orders_async.__annotations__["request"] = Request
    fastapi_app.post("/orders")(merged(public("why"), accepts(body=Order))(orders_async))
    found = [
        flask_app.test_client().post("/orders", json=GOOD, buffered=True).json,
        TestClient(fastapi_app).post("/orders", json=GOOD).json(),
    ]
    assert found == [{"count": 1, "raw": GOOD}] * 2


def test_a_missing_body_is_said(make: Make) -> None:
    """422, where a schema wants one."""
    assert (post(site_of(make, body=Order), b"").code) == "content_missing"


def test_who_may_call_is_decided_first(make: Make) -> None:
    """Nothing of a stranger's body is read."""
    site = make(routes={"POST /api/v1/orders": accepts("application/json")})
    assert [
        site.ask("/api/v1/orders", key, method="POST", headers=JSON, body=b"{").status for key in (None, site.mint("orders:write"))
    ] == [401, 400]


def test_in_monitor_mode_the_app_gets_everything(make: Make) -> None:
    """Too large, of another type, and no JSON: recorded, and handed on whole."""
    site = make(mode="monitor", routes={"/login": accepts("application/json", max_body=4)})
    assert [
        post(site, text, headers).status for text, headers in ((b"123456", JSON), (b"{", JSON), (b"1", {"Content-Type": "text/plain"}))
    ] == [200] * 3
    assert [event.reason for event in site.events()] == ["body_too_large", "bad_json", "media_type"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (lambda: accepts(), "accepts says what"),
        (lambda: accepts("json"), "media types as in application/json"),
        (lambda: accepts("*/*"), "media types as in"),
        (lambda: accepts("application/json; charset=utf-8"), "media types as in"),
        (lambda: accepts("application/json", depth=0), "depth: a whole number"),
        (lambda: accepts("application/json", max_body=-1), "max_body: a number of bytes"),
        (lambda: accepts(body=5), "a pydantic model, a dataclass or a JSON Schema"),
        (lambda: accepts(body={"type": "nonsense"}), "no JSON Schema"),
    ],
)
def test_what_cannot_be_stops_the_start(make: Make, word: Any, said: str) -> None:
    """A sentence before the first call."""
    with pytest.raises(UsageError, match=re.escape(said)):
        compiled(make, word)


def compiled(make: Make, word: Any) -> None:
    site = make(routes={"/login": word()})
    list((getattr(site.app, "extensions", {}).get("ostiary") or site.app.state.ostiary).declared())


def test_a_policy_file_may_say_it(make: Make, tmp_path: Path) -> None:
    """Types, size, depth."""
    file = tmp_path / "ostiary.toml"
    file.write_text('[[policy]]\npath = "/login"\naccepts = ["application/json"]\nmax_body = 20\njson_depth = 1\n')
    site = make(policy_file=file)
    assert [post(site, text).status for text in (b"[1]", b"[[1]]", b"[" + b" " * 20 + b"]")] == [200, 400, 413]


def test_names_of_a_caller_s_own_making_are_not_repeated() -> None:
    """Where a schema lets names be free, a fault below such a name is told with a star."""
    faults = check_of({"additionalProperties": {"type": "integer"}})({"a b\x1b[31m": "x", "fine": "y"})[1]
    assert {fault.pointer for fault in faults} == {"/*", "/fine"}


class Inner(BaseModel):
    model_config = ConfigDict(extra="ignore")
    x: int = 0


class Account(BaseModel):
    name: str
    password: str = Field("", exclude=True)
    sent_at: int = Field(0, validation_alias="sentAt")
    mail: str = Field("", validation_alias=AliasChoices("mail", "e-mail", AliasPath("contact", "mail")))
    inner: Inner = Inner()
    point: Point = Point(0)
    notes: dict[str, list[Line]] = {}


@pytest.mark.parametrize(
    "given",
    [
        {"password": "x"},
        {"sentAt": 3},
        {"e-mail": "a@b.example"},
        {"contact": {"mail": "a@b.example"}},
        {"inner": {"x": 1, "more": 2}},
        {"point": {"x": 1}},
        {"notes": {"any": [{"article": "a", "count": 1}]}},
    ],
)
def test_every_name_that_a_model_takes_is_known(given: dict[str, Any]) -> None:
    """Fields that are never given out, other names on the way in, and models that ignore what they do not know by their own configuration."""
    assert check_of(Account)({"name": "ann", **given})[1] == ()


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"admin": True}, ""),
        ({"point": {"x": 1, "z": 2}}, "/point"),
        ({"notes": {"any": [{"article": "a", "count": 1, "price": 0}]}}, "/notes/any/0"),
    ],
)
def test_every_other_name_is_refused_where_it_stands(given: dict[str, Any], pointer: str) -> None:
    """However deep (API3:2023, mass assignment)."""
    assert check_of(Account)({"name": "ann", **given})[1] == ((pointer, "unknown_name"),)
