"""``ostiary.testing``: what the tests of a guarded app need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ostiary.errors import UsageError
from ostiary.testing import FakeClock, as_principal, guard_of, mint
from tests.guard.sites import Site

Make = Callable[..., Site]


def test_calls_without_credential_come_from_the_principal(make: Make) -> None:
    """Inside 200 with that subject, outside 401 again."""
    site = make()
    with as_principal(site.app, "ann", scopes=["orders:read"]):
        assert site.ask("/api/v1/orders").json["who"] == "ann"
    assert site.ask("/api/v1/orders").status == 401


def test_scopes_and_undeclared_routes_hold_inside(make: Make) -> None:
    """The principal may what its scopes say; what nobody declared stays refused."""
    site = make()
    with as_principal(site.app, scopes=["orders:read"]):
        assert [site.ask(path, method=method).status for path, method in (("/api/v1/orders", "POST"), ("/undeclared", "GET"))] == [403, 403]


def test_a_wrong_credential_is_still_wrong_inside(make: Make) -> None:
    """Only calls without a credential are spoken for."""
    site = make()
    with as_principal(site.app):
        assert site.ask("/api/v1/orders", "junk").status == 401


def test_minted_keys_are_real(make: Make) -> None:
    """A key of ``mint`` opens what its scopes say."""
    site = make()
    key = mint(site.app, "orders:read", name="suite")
    assert [site.ask("/api/v1/orders", key, method=method).status for method in ("GET", "POST")] == [200, 403]


def test_the_clock_moves_forward_only() -> None:
    """``advance`` adds seconds and refuses negative ones."""
    clock = FakeClock(10.0)
    clock.advance(2.5)
    assert clock() == 12.5
    with pytest.raises(UsageError):
        clock.advance(-1)


def test_an_app_without_a_guard_is_said_to_have_none() -> None:
    """A sentence instead of an AttributeError."""
    with pytest.raises(UsageError, match="no guard"):
        guard_of(object())
