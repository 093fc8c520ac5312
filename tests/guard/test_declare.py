"""Declarations: how marks add up, which of several counts, and what they refuse."""

from __future__ import annotations

import functools
from itertools import permutations

import pytest

from ostiary.guard.declaration import MARK, Declaration, PolicyError, merged, nearest, policy_of
from ostiary.guard.declare import exempt, limit, public, require
from ostiary.model.limit import parse
from ostiary.model.route import UNDECLARED

FIVE, TEN = parse("5 per minute"), parse("10 per minute")


def said(*marks: Declaration) -> Declaration:
    """What a function says that carries these, the last one outermost."""

    def view() -> None: ...

    for mark in marks:
        mark(view)
    found = getattr(view, MARK)
    assert isinstance(found, Declaration)
    return found


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_decorators_changes_nothing(order: tuple[int, ...]) -> None:
    """Scopes, limits and networks of three marks, in any order, are one declaration."""
    marks = (require("a:read", networks=["10.0.0.0/8"]), require("b:read", any_of=["c:read", "d:read"]), limit("5 per minute"))
    found = said(*(marks[index] for index in order))
    assert (found.required, found.public, set(found.scopes), found.any_scopes) == (True, None, {"a:read", "b:read"}, ("c:read", "d:read"))
    assert ([one.count for one in found.limits or ()], found.networks) == ([5], ("10.0.0.0/8",))


def test_marks_that_say_the_same_are_one() -> None:
    """A scope, a limit or a flag that is said twice counts once."""
    found = merged(require("a:read", limits="5 per minute", monitor=True), require("a:read", limits="5 per minute", monitor=True))
    assert (found.scopes, found.limits, found.monitor) == (("a:read",), FIVE, True)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (public("why"), require(), "public and to require"),
        (require(any_of=["a"]), require(any_of=["b"]), "any_of"),
        (require(networks=["10.0.0.0/8"]), require(networks=["192.0.2.0/24"]), "networks"),
        (require(networks=[]), require(networks=["192.0.2.0/24"]), "networks"),
        (require(monitor=True), require(monitor=False), "monitor"),
        (require(issues=True), require(issues=False), "issues"),
        (limit("5 per minute"), exempt(), "limit and to be exempt"),
        (limit("5 per minute", cost=lambda request: 1), limit("5 per minute", cost=lambda request: 2), "cost"),
    ],
)
def test_contradictions_are_errors_in_either_order(first: Declaration, second: Declaration, what: str) -> None:
    """Also where one of the two words is False or an empty list: those say something."""
    for pair in ((first, second), (second, first)):
        with pytest.raises(PolicyError, match=what):
            merged(*pair)


@pytest.mark.parametrize("other", [limit("5 per minute"), require("a:read")])
def test_a_no_survives_a_second_mark(other: Declaration) -> None:
    """``monitor=False`` (enforce here) and ``networks=[]`` (from nowhere) are not lost when another mark says nothing about them."""
    for pair in ((require(monitor=False, networks=[], issues=False), other), (other, require(monitor=False, networks=[], issues=False))):
        found = merged(*pair)
        assert (found.monitor, found.networks, found.issues) == (False, (), False)


def test_the_nearest_word_counts_for_each_thing_on_its_own() -> None:
    """Who may call is taken whole from the first that decides; limits, networks and flags from the first that says them."""
    own = limit("5 per minute")
    router = require("shop:enter", networks=["10.0.0.0/8"])
    app = require("app:use", limits="10 per minute", monitor=True)
    found = nearest([own, None, router, app])
    assert (found.scopes, found.networks, found.monitor) == (("shop:enter",), ("10.0.0.0/8",), True)
    assert [one.count for one in found.limits or ()] == [5]
    assert nearest([None, app]).limits == TEN
    assert nearest([exempt(), app]).limits == ()
    assert nearest([require(monitor=False), app]).monitor is False


def test_scopes_of_an_outer_word_do_not_leak_into_a_nearer_one() -> None:
    """A route that says who may call is not asked for its router's scopes, schemes or gates as well."""
    found = nearest([require("own:read"), require("outer:read", any_of=["x"], schemes=["card"])])
    assert (found.scopes, found.any_scopes, found.schemes, found.delegates) == (("own:read",), (), (), ())


def test_a_public_route_below_a_closed_router_is_public_and_the_other_way_round() -> None:
    """The nearest decision alone."""
    assert policy_of(nearest([public("why"), require()])).public
    assert not policy_of(nearest([require(), public("why")])).public


def test_what_decides_nothing_is_undeclared() -> None:
    """Limits alone, exemption alone and silence: nobody decided who may call; the limits are kept."""
    assert policy_of(nearest([])) == UNDECLARED
    for mark in (limit("5 per minute"), exempt()):
        policy = policy_of(mark)
        assert (policy.declared, policy.public) == (False, False)
    assert [one.count for one in policy_of(limit("5 per minute")).limits or ()] == [5]


def test_a_policy_holds_all_that_was_said() -> None:
    """Every word of a declaration is in its policy."""
    mark = require(
        "a:read", any_of=["b", "c"], schemes=["api-key"], limits="5 per minute", networks="10.0.0.0/8", monitor=True, issues=True
    )
    policy = policy_of(mark)
    assert (policy.declared, policy.public, policy.scopes, policy.any_scopes) == (True, False, ("a:read",), ("b", "c"))
    assert (policy.schemes, policy.limits, policy.networks) == (("api-key",), FIVE, ("10.0.0.0/8",))
    assert (policy.monitor, policy.issues) == (True, True)


def test_one_text_is_one_word() -> None:
    """``any_of``, ``schemes``, ``networks`` and ``by`` take a text as one, not as its letters."""
    mark = require(any_of="a:read", schemes="api-key", networks="10.0.0.0/8")
    assert (mark.any_scopes, mark.schemes, mark.networks) == (("a:read",), ("api-key",), ("10.0.0.0/8",))
    assert [one.by for one in limit("5 per minute", by="address").limits or ()] == [("address",)]


def test_wrappers_that_keep_the_name_keep_the_mark() -> None:
    """``functools.wraps`` carries it along; a wrapper without it does not, and is undeclared."""

    @require("a:read")
    def view() -> None: ...

    @functools.wraps(view)
    def kept() -> None: ...

    assert getattr(kept, MARK) is getattr(view, MARK)
    assert not hasattr(lambda: view(), MARK)


def test_a_mark_on_a_copy_leaves_the_original_as_it_was() -> None:
    """Adding to a wrapper's mark does not change what is written on the function inside."""

    @require("a:read")
    def view() -> None: ...

    @functools.wraps(view)
    def wrapper() -> None: ...

    require("b:read")(wrapper)
    assert (getattr(view, MARK).scopes, getattr(wrapper, MARK).scopes) == (("a:read",), ("a:read", "b:read"))


def test_partials_objects_and_classes_can_be_marked() -> None:
    """Whatever has attributes of its own; the mark gives back the very thing."""

    class View:
        def __call__(self) -> None: ...

    for thing in (functools.partial(print), View(), View):
        assert require("a:read")(thing) is thing
        assert getattr(thing, MARK).scopes == ("a:read",)
