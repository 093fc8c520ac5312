"""NET-5: which pages of other origins may read answers. What a browser reads out of them is what counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import ConfigError, UsageError
from ostiary.guard.declaration import merged
from ostiary.guard.declare import cors, public, require
from tests.guard.sites import Reply, Site

Make = Callable[..., Site]
APP, EVIL = "https://app.example.com", "https://evil.example"
ORDERS = "/api/v1/orders"


def readable(reply: Reply, origin: str, *, cookies: bool = False) -> bool:
    """Would a browser hand the answer to a page of this origin? (Fetch standard, 4.9, CORS check)"""
    allowed = [value for name, value in reply.headers if name.lower() == "access-control-allow-origin"]
    if allowed == ["*"]:
        return not cookies
    return allowed == [origin] and (not cookies or reply.get("Access-Control-Allow-Credentials") == "true")


def preflight(site: Site, path: str, method: str, origin: str = APP) -> Reply:
    return site.ask(path, method="OPTIONS", headers={"Origin": origin, "Access-Control-Request-Method": method})


def test_pages_of_the_origins_that_are_named_may_read(make: Make) -> None:
    """Answers and refusals; Vary keeps caches from giving one origin's answer to another."""
    site = make(cors=cors(APP, "https://*.example.org"))
    key = site.mint("orders:read")
    for origin, expected in {
        APP: True,
        "https://a.example.org": True,
        "https://a.b.example.org": True,
        "https://example.org": False,
        "https://evilexample.org": False,
        "http://app.example.com": False,
        "https://app.example.com.evil.example": False,
        EVIL: False,
        "null": False,
    }.items():
        for reply in (site.ask(ORDERS, key, headers={"Origin": origin}), site.ask(ORDERS, headers={"Origin": origin})):
            assert readable(reply, origin) is expected, origin
            assert reply["Vary"] == "Origin"


def test_every_origin_may_read_what_is_for_all(make: Make) -> None:
    """``*``, and never with cookies."""
    site = make(routes={"/undeclared": merged(public("open data"), cors("*"))})
    reply = site.ask("/undeclared", headers={"Origin": EVIL})
    assert (readable(reply, EVIL), readable(reply, EVIL, cookies=True)) == (True, False)
    assert "vary" not in reply.names


def test_without_a_word_nothing_is_shared(make: Make) -> None:
    """No header of CORS on any answer, and none on routes for which another word was said."""
    site = make(routes={"/undeclared": merged(public("open data"), cors("*"))})
    for reply in (
        site.ask("/health", headers={"Origin": APP}),
        preflight(site, ORDERS, "GET"),
        site.ask("/nowhere", headers={"Origin": APP}),
    ):
        assert not [name for name in reply.names if name.startswith("access-control")]


def test_a_preflight_is_answered_and_reaches_nothing(make: Make) -> None:
    """Without key and scope, 204; it tells the methods of the path, the headers, and for how long; nothing is spent."""
    site = make(cors=cors(APP, max_age=900))
    reply = preflight(site, ORDERS, "POST")
    assert (reply.status, reply.body, site.reached) == (204, b"", [])
    assert readable(reply, APP)
    assert set(reply["Access-Control-Allow-Methods"].split(", ")) - {"HEAD", "OPTIONS"} == {"GET", "POST"}
    assert reply["Access-Control-Allow-Headers"] == "Authorization, Content-Type, X-API-Key"
    assert reply["Access-Control-Max-Age"] == "900"
    assert [event.reason for event in site.events()] == ["preflight"]


def test_a_preflight_of_another_origin_is_told_nothing(make: Make) -> None:
    """A browser stops there."""
    reply = preflight(make(cors=cors(APP)), ORDERS, "POST", EVIL)
    assert not [name for name in reply.names if name.startswith("access-control")]


def test_a_preflight_about_a_method_that_is_not_there_is_not_answered(make: Make) -> None:
    """As without CORS: no browser goes on."""
    reply = preflight(make(cors=cors(APP)), ORDERS, "DELETE")
    assert "access-control-allow-methods" not in reply.names


def test_each_method_of_a_path_has_its_own_word(make: Make) -> None:
    """Reading is for all, writing is not."""
    site = make(routes={f"GET {ORDERS}": cors("*"), f"POST {ORDERS}": cors(APP, credentials=True)})
    assert [readable(preflight(site, ORDERS, method, EVIL), EVIL) for method in ("GET", "POST")] == [True, False]
    assert readable(preflight(site, ORDERS, "POST"), APP, cookies=True)


def test_pages_that_may_send_credentials_are_no_forgers(make: Make) -> None:
    """AUTH-8 knows the origins that are named here; of pages that may call without cookies only calls without cookies."""
    sent = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    for word, expected in ((cors(APP, credentials=True), [200, 200]), (cors(APP), [200, 403]), (cors(EVIL), [403, 403])):
        site = make(cors=word)
        asked = [{**sent}, {**sent, "Cookie": "session=1"}]
        assert [site.ask("/login", method="POST", headers=headers).status for headers in asked] == expected


def test_what_scripts_may_read_beside_the_body_is_named(make: Make) -> None:
    """By default what the guard itself sends: limits and the request's id."""
    site = make(cors=cors(APP), routes={"/undeclared": merged(public("why"), cors(APP, expose=["X-Total"]))})
    found = [site.ask(path, headers={"Origin": APP})["Access-Control-Expose-Headers"] for path in ("/health", "/undeclared")]
    assert found == ["RateLimit, RateLimit-Policy, Retry-After, X-Request-Id", "X-Total"]


@pytest.mark.parametrize(
    ("make_word", "said"),
    [
        (lambda: cors(), "needs an origin"),
        (lambda: cors("*", credentials=True), "every page of the web could act as your user"),
        (lambda: cors("*", APP), r"\* is every origin"),
        (lambda: cors("app.example.com"), "an origin is written as https://app.example.com"),
        (lambda: cors("https://app.example.com/"), "an origin is written as"),
        (lambda: cors("null"), "an origin is written as"),
        (lambda: cors("https://*"), "an origin is written as"),
        (lambda: cors("https://*.*.com"), "an origin is written as"),
        (lambda: cors(APP, headers=["*"]), "headers: names"),
        (lambda: cors(APP, headers=["X-A\r\nX-B"]), "headers: names"),
        (lambda: cors(APP, max_age=-1), "max_age is seconds"),
        (lambda: cors(APP, credentials=1), "credentials is True or False"),  # type: ignore[arg-type]
    ],
)
def test_a_rule_that_is_unsafe_or_cannot_be_stops_the_start(make_word: Callable[[], Any], said: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError, match=said):
        make_word()


def test_the_option_takes_a_rule_and_nothing_else(make: Make) -> None:
    """Not a list of origins, nor a declaration of something else."""
    for wrong in ([APP], require()):
        with pytest.raises(UsageError, match=r'^cors: cors\("https'):
            make(cors=wrong)


def test_a_policy_file_may_say_it(make: Make, tmp_path: Path) -> None:
    """With the same refusals, at the line."""
    file = tmp_path / "ostiary.toml"
    file.write_text(f'[[policy]]\npath = "/health"\ncors = {{origins = ["{APP}"], credentials = true, max-age = 5}}\n')
    assert readable(make(policy_file=file).ask("/health", headers={"Origin": APP}), APP, cookies=True)
    for wrong, said in (
        ('{origins = ["*"], credentials = true}', "every page of the web"),
        ("{origin = []}", "origin is nothing"),
        ("[]", "a table"),
    ):
        file.write_text(f'[[policy]]\npath = "/health"\ncors = {wrong}\n')
        with pytest.raises(ConfigError, match=said) as raised:
            make(policy_file=file)
        assert f"{file}:3" in str(raised.value)


def test_an_origin_in_clear_is_a_problem(make: Make) -> None:
    """``ostiary guard check`` names it; a developer's own machine is let alone."""
    site = make(cors=cors("http://app.example.com", "http://localhost:3000", APP))
    installed = getattr(site.app, "extensions", {}).get("ostiary") or site.app.state.ostiary
    assert [one.what for one in installed.problems() if one.kind == "cors-in-clear"] == ["http://app.example.com"]
