"""Scopes admit exactly whom they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.model.scope import ScopeError, admits, covers, expand, parse

PARTS = st.lists(st.sampled_from(["orders", "read", "own", "a"]), min_size=1, max_size=3)
PLAIN = PARTS.map(":".join)
SCOPES = st.one_of(PLAIN, st.just("*"), PLAIN.map(lambda text: f"{text}:*"))


@pytest.mark.parametrize(
    ("held", "needed", "covered"),
    [
        ("orders:read", "orders:read", True),
        ("orders:*", "orders:read", True),
        ("orders:*", "orders:read:own", True),
        ("orders:*", "orders:*", True),
        ("*", "orders:read", True),
        ("*", "*", True),
        ("orders:*", "orders", False),
        ("orders:*", "ordersx:read", False),
        ("orders:*", "*", False),
        ("orders:read:*", "orders:*", False),
        ("orders", "orders:read", False),
        ("orders:read", "orders:*", False),
        ("orders:read", "Orders:read", False),
    ],
)
def test_a_scope_covers_what_is_below_its_star(held: str, needed: str, covered: bool) -> None:
    """``orders:*`` covers what begins with ``orders:`` and nothing else; ``*`` covers all; without a star only itself."""
    assert covers([held], needed) is covered


def _covers(held: str, needed: str) -> bool:
    """The oracle: part by part."""
    mine, theirs = held.split(":"), needed.split(":")
    if mine[-1] != "*":
        return mine == theirs
    return len(theirs) >= len(mine) and theirs[: len(mine) - 1] == mine[:-1]


@given(st.lists(SCOPES, max_size=4), st.lists(SCOPES, max_size=3), st.lists(SCOPES, max_size=3))
def test_admitted_means_every_one_and_one_of_the_others(held: list[str], all_of: list[str], any_of: list[str]) -> None:
    """Admitted exactly when every needed scope is covered and, if there are alternatives, one of them."""
    covered = [any(_covers(one, scope) for one in held) for scope in all_of]
    other = [any(_covers(one, scope) for one in held) for scope in any_of]
    assert admits(held, all_of, any_of) is (all(covered) and (not any_of or any(other)))
    assert admits(iter(held), iter(all_of), iter(any_of)) is admits(held, all_of, any_of)


@given(SCOPES)
def test_a_right_scope_is_its_own_text(text: str) -> None:
    """parse gives back what it was given."""
    assert parse(text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "orders read", 'a"b', "a\\b", "ö", "a\n", "a:", ":a", "a::b", "*:read", "or*", "a:*:b", "a:b*", "a" * 129, None, 5]
)
def test_what_is_no_scope_is_refused(text: object) -> None:
    """Characters outside RFC 6749, empty parts and stars in the middle are refused with the text quoted."""
    with pytest.raises(ScopeError) as caught:
        parse(text)  # type: ignore[arg-type]
    assert repr(text) in str(caught.value)


def test_roles_are_named_sets_of_scopes() -> None:
    """The scopes of the roles, each once and in order."""
    roles = {"clerk": ("orders:read", "orders:write"), "auditor": ("orders:read", "events:read")}
    assert expand(roles, ["auditor", "clerk"]) == ("orders:read", "events:read", "orders:write")
    assert expand(roles, []) == ()


def test_a_wrong_role_is_an_error() -> None:
    """A role that is not there is refused with the one that was meant, and so is a role that holds what is no scope."""
    with pytest.raises(ScopeError, match="'clerk'"):
        expand({"clerk": ("orders:read",)}, ["clrk"])
    with pytest.raises(ScopeError, match="or\\*"):
        expand({"clerk": ("or*",)}, ["clerk"])
