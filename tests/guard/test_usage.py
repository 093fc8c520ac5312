"""Usage: exact sums, and what nobody needs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ostiary.errors import UsageError
from ostiary.guard.event import Usage
from ostiary.guard.usage import Line, grouped, narrowable, unused_keys, unused_routes
from tests.guard.keys import DAY, NOW, keyring
from tests.guard.sites import Site

ORDERS, OLD = ("GET", "/v2/orders"), ("GET", "/v1/orders")
USAGES = [
    Usage("2027-01-14", ORDERS, "v2", "a", 5, 1, NOW),
    Usage("2027-01-15", ORDERS, "v2", "b", 7, 0, NOW + DAY),
    Usage("2027-01-15", OLD, "v1", "a", 2, 0, NOW + DAY + 1),
]


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        (("route",), [Line(("GET /v2/orders",), 12, 1, NOW + DAY), Line(("GET /v1/orders",), 2, 0, NOW + DAY + 1)]),
        (("key",), [Line(("a",), 7, 1, NOW + DAY + 1), Line(("b",), 7, 0, NOW + DAY)]),
        (("version", "key"), [Line(("v2", "b"), 7, 0, NOW + DAY), Line(("v2", "a"), 5, 1, NOW), Line(("v1", "a"), 2, 0, NOW + DAY + 1)]),
    ],
)
def test_sums_are_exact(by: tuple[str, ...], lines: list[Line]) -> None:
    """By any of route, version, key and day; who still calls v1 is the line of v1."""
    assert grouped(USAGES, by) == lines


def test_routes_that_nobody_called_are_told() -> None:
    """Those of the app that are in no count."""
    assert unused_routes([ORDERS, ("GET", "/old")], USAGES) == [("GET", "/old")]


def test_what_is_granted_and_never_needed_can_be_taken_away(make: Callable[..., Site]) -> None:
    """By the scopes that routes demand; the command keeps what was needed; a wildcard that covers one is needed."""
    site = make()
    key, spare, wild = site.mint("orders:read", "orders:write", "users:*"), site.mint("orders:read"), site.mint("orders:*", "a:read")
    assert [site.ask("/api/v1/orders", one).status for one in (key, wild)] == [200, 200]
    assert site.ask("/outer/inner/deep", key).status == 403
    assert site.ask("/any-of", wild).status == 200
    site.core.recorder.flush()
    store, ring = site.core.recorder.store, site.keyring
    records = ring.list()
    found = narrowable(records, store.scopes_used(), site.clock.now)
    assert [(one.unused, one.kept) for one in found] == [(("orders:write", "users:*"), ("orders:read",))]
    assert found[0].command == f"ostiary keys narrow {ring.show(key).id} --scope 'orders:read'"
    assert [record.id for record in unused_keys(records, store.key_uses(), site.clock.now)] == [ring.show(spare).id]


def test_a_key_is_narrowed_and_never_widened() -> None:
    """To scopes that it holds, or that a wildcard of it covers."""
    ring = keyring()
    record, _ = ring.create(scopes=["orders:*", "users:read"])
    assert ring.narrow(record.id, ["orders:read"]).scopes == ("orders:read",)
    with pytest.raises(UsageError, match="does not hold orders:write"):
        ring.narrow(record.id, ["orders:write"])
