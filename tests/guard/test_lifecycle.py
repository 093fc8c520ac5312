"""LIFE-1: deprecated routes say so, and are gone when their sunset has come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from ostiary.errors import ConfigError, UsageError
from ostiary.guard.checks import endings
from ostiary.guard.declaration import merged
from ostiary.guard.declare import deprecated, public, require
from tests.guard.sites import Site

Make = Callable[..., Site]
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
OLD = deprecated("2026-07-01", "2027-02-01", "/api/v2/orders")


def test_an_answer_of_a_deprecated_route_says_so(make: Make) -> None:
    """Deprecation, Sunset and Link, on refusals as well; on no other route."""
    site = make(routes={"/undeclared": merged(require(), OLD)})
    for reply in (site.ask("/undeclared", site.mint()), site.ask("/undeclared")):
        assert reply["Deprecation"] == "@1782864000"
        assert reply["Sunset"] == "Mon, 01 Feb 2027 00:00:00 GMT"
        assert reply["Link"] == '</api/v2/orders>; rel="successor-version"'
    assert not {"deprecation", "sunset", "link"} & site.ask("/health").names


def test_after_its_sunset_a_route_is_gone(make: Make) -> None:
    """410 before anything is spent or asked, even without a key; the handler is not reached. The event says why."""
    site = make(routes={"/undeclared": merged(require(limits="1 per day"), OLD)})
    key = site.mint()
    site.clock.now = NOW + 17 * 86_400
    replies = [site.ask("/undeclared", key), site.ask("/undeclared"), site.ask("/undeclared", key)]
    assert [(reply.status, reply.code) for reply in replies] == [(410, "gone")] * 3
    assert "ratelimit" not in replies[0].names
    assert site.reached == []
    assert [event.reason for event in site.events()] == ["sunset"] * 3


def test_a_route_may_go_on_after_its_sunset(make: Make) -> None:
    """``after_sunset="serve"``: the headers still say so."""
    site = make(routes={"/undeclared": merged(public("why"), deprecated("2026-01-01", "2026-06-01", after_sunset="serve"))})
    reply = site.ask("/undeclared")
    assert (reply.status, reply["Sunset"]) == (200, "Mon, 01 Jun 2026 00:00:00 GMT")


def test_a_version_may_be_deprecated_as_a_whole(make: Make) -> None:
    """By the version in the path; what a route says itself comes first."""
    site = make(versions={"v1": deprecated("2026-01-01", "2027-01-01")})
    assert site.ask("/api/v1/orders", site.mint("orders:read")).status == 410
    assert site.ask("/health").status == 200


def test_a_version_may_be_named_by_a_header(make: Make) -> None:
    """``2`` and ``v2`` are one; an unknown or unreadable one is none; a version in the path comes first. Events name it."""
    site = make(versions={"2": deprecated("2026-01-01", "2027-01-01")}, version_header="API-Version")
    asked = {"2": 410, "v2": 410, "V2": 410, "3": 200, "latest": 200, "": 200}
    found = {version: site.ask("/health", headers={"API-Version": version}).status for version in asked}
    assert found == asked
    assert site.ask("/api/v1/orders", site.mint("orders:read"), headers={"API-Version": "2"}).status == 200
    assert [event.version for event in site.events()] == ["v2", "v2", "v2", "v3", "", "", "v1"]


def test_a_policy_file_may_say_it(make: Make, tmp_path: Path) -> None:
    """With dates as TOML knows them."""
    file = tmp_path / "ostiary.toml"
    file.write_text('[[policy]]\npath = "/undeclared"\npublic = "why"\ndeprecated = {since = 2026-01-01, sunset = 2027-01-01}\n')
    assert make(policy_file=file).ask("/undeclared").status == 410


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{sunset = 2027-01-01}", "since when"),
        ("{since = 2026-01-01, until = 2027-01-01}", "until is nothing"),
        ('{since = "soon"}', "'soon' is no date"),
        ('"yes"', "a table"),
    ],
)
def test_a_lifecycle_in_the_file_that_cannot_be_is_an_error_with_its_line(make: Make, tmp_path: Path, written: str, said: str) -> None:
    """File, line and what is wrong."""
    file = tmp_path / "ostiary.toml"
    file.write_text(f'[[policy]]\npath = "/undeclared"\npublic = "why"\ndeprecated = {written}\n')
    with pytest.raises(ConfigError, match=said) as raised:
        make(policy_file=file)
    assert f"{file}:4" in str(raised.value)


@pytest.mark.parametrize("versions", [{"beta": OLD}, {"v1": require()}, {"v1": "2027-01-01"}, {1: OLD}])
def test_versions_that_cannot_be_stop_the_start(make: Make, versions: dict[str, object]) -> None:
    """UsageError, which says what to write."""
    with pytest.raises(UsageError, match=r"^versions: "):
        make(versions=versions)


def test_thirty_days_before_its_end_start_up_says_so(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """In the log of the app, and as a warning of ``ostiary guard check``."""
    site = make(routes={"/undeclared": merged(require(), OLD)})
    with caplog.at_level(logging.WARNING, "ostiary"):
        site.ask("/health")
    assert "GET /undeclared will be gone on 2027-02-01" in caplog.text
    installed = getattr(site.app, "extensions", {}).get("ostiary") or site.app.state.ostiary
    assert endings(installed.declared(), NOW - 30 * 86_400) == []
