"""The lock tells exactly when a change opens or loosens a route."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import ConfigError
from ostiary.model.route import DeclaredLimit, Gate, Location, Policy, Protection, PublicMark, Route, State
from ostiary.scan.lock import HEADER, check, parse, render
from ostiary.scan.lock_line import Entry, parse_line
from tests.report.golden import expected


def route(state: State = State.PROTECTED, *gates: str, method: str = "GET", path: str = "/x", **rest: object) -> Route:
    by = tuple(Gate("decorator", name, Location("a.py", 1)) for name in gates)
    known = Route(method, path, at=Location("a.py", 7), app="a:app", protection=Protection(state, by))
    return replace(known, **rest)


def limits(*texts: str) -> tuple[DeclaredLimit, ...]:
    return tuple(DeclaredLimit(text, Location("a.py", 2)) for text in texts)


def public(reason: str = "why") -> Route:
    return route(State.PUBLIC, public=PublicMark("comment", reason))


def kinds(before: list[Route], after: list[Route]) -> list[str]:
    return [change.kind for change in check(render(before), after)]


ROUTES = [
    route(
        State.PROTECTED,
        "login_required",
        "staff",
        path="/orders/{id}",
        limits=limits("5 per minute"),
        policy=Policy(scopes=("orders:read",)),
    ),
    route(State.OPEN, method="POST", path="/orders"),
    public("asked by the load balancer"),
    route(State.UNKNOWN, path='/a b,c="d"\\é'),
    route(State.OPEN, path="/twice", app="b:app"),
    route(State.PROTECTED, "key", path="/twice"),
    route(State.OPEN, path="/sample", audience="sample"),
]


def test_says_every_word_of_the_golden_file() -> None:
    """One sorted line for each route; only routes of the same name tell their app; samples are left out."""
    text = render(ROUTES)
    assert text == expected("ostiary.lock", text)


def test_order_and_lines_do_not_matter() -> None:
    """Routes in another order, at other lines, give the same lock."""
    moved = [replace(one, at=Location("b.py", 99), handler="other") for one in reversed(ROUTES)]
    assert render(moved) == render(ROUTES)


def test_what_is_written_is_read_again() -> None:
    """Against its own routes a lock shows no change."""
    assert check(render(ROUTES), ROUTES) == []


TEXTS = st.text(max_size=12)
NAMES = st.lists(TEXTS.filter(bool), max_size=3).map(lambda names: tuple(sorted(set(names))))


@given(
    st.builds(
        Entry,
        method=st.sampled_from(["GET", "POST", "WEBSOCKET"]),
        path=TEXTS.map(lambda text: f"/{text}"),
        state=st.sampled_from(State),
        by=NAMES,
        scopes=NAMES,
        limits=NAMES,
        reason=TEXTS,
        app=TEXTS,
    )
)
def test_a_line_tells_all_of_an_entry(entry: Entry) -> None:
    """Whatever is in names, reasons and paths: one line, and the same entry again."""
    assert parse_line(str(entry)) == entry
    assert len(str(entry).splitlines()) == 1


STATES = [State.PROTECTED, State.PUBLIC, State.OPEN, State.UNKNOWN]
EXPECTED = {
    (State.PROTECTED, State.PUBLIC): "loosened",
    (State.PROTECTED, State.OPEN): "opened",
    (State.PROTECTED, State.UNKNOWN): "loosened",
    (State.PUBLIC, State.PROTECTED): "tightened",
    (State.PUBLIC, State.OPEN): "opened",
    (State.PUBLIC, State.UNKNOWN): "changed",
    (State.OPEN, State.PROTECTED): "tightened",
    (State.OPEN, State.PUBLIC): "changed",
    (State.OPEN, State.UNKNOWN): "changed",
    (State.UNKNOWN, State.PROTECTED): "tightened",
    (State.UNKNOWN, State.PUBLIC): "loosened",
    (State.UNKNOWN, State.OPEN): "opened",
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_every_change_of_state(before: State, after: State) -> None:
    """All sixteen of them."""
    first, second = (public() if state is State.PUBLIC else route(state) for state in (before, after))
    assert kinds([first], [second]) == ([EXPECTED[before, after]] if before is not after else [])


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (route(State.PROTECTED, "a", "b"), route(State.PROTECTED, "a"), "loosened"),
        (route(State.PROTECTED, "a"), route(State.PROTECTED, "a", "b"), "tightened"),
        (route(State.PROTECTED, "a"), route(State.PROTECTED, "b"), "loosened"),
        (route(limits=limits("5/minute")), route(), "loosened"),
        (route(), route(limits=limits("5/minute")), "tightened"),
        (route(limits=limits("5/minute")), route(limits=limits("50/minute")), "loosened"),
        (route(limits=limits("50 per 1 minute")), route(limits=limits("5/minute")), "tightened"),
        (route(limits=limits("5/minute")), route(limits=limits("5 per minute")), "changed"),
        (route(limits=limits("5/minute")), route(limits=limits("5/hour")), "loosened"),
        (route(limits=limits("LIMIT")), route(limits=limits("OTHER")), "loosened"),
        (route(policy=Policy(scopes=("a", "b"))), route(policy=Policy(scopes=("a",))), "loosened"),
        (route(policy=Policy(scopes=("a",))), route(policy=Policy(scopes=("a", "b"))), "tightened"),
        (public("one"), public("two"), "changed"),
        (route(State.OPEN, limits=limits("5/minute")), route(State.OPEN), "loosened"),
    ],
)
def test_what_is_lost_loosens(before: Route, after: Route, kind: str) -> None:
    """A gate, a scope or a limit less, or a limit that allows more."""
    assert kinds([before], [after]) == [kind]


@pytest.mark.parametrize(
    ("after", "kind"),
    [(route(State.OPEN), "opened"), (route(), "added"), (public(), "added"), (route(State.UNKNOWN), "added")],
)
def test_a_new_route_opens_only_when_it_is_open(after: Route, kind: str) -> None:
    """An added open route is an opening, every other an addition."""
    assert kinds([], [after]) == [kind]


def test_a_route_that_is_gone_is_no_opening() -> None:
    """Removed."""
    assert kinds([route(State.OPEN)], []) == ["removed"]


def test_only_opened_and_loosened_are_bad() -> None:
    """They fail the check; the others are told."""
    old = [route(path="/a"), route(path="/b"), route(State.OPEN, path="/c"), route(path="/d")]
    new = [route(State.OPEN, path="/a"), route(State.UNKNOWN, path="/b"), route(path="/c"), route(path="/e")]
    assert [(change.kind, change.bad) for change in check(render(old), new)] == [
        ("opened", True),
        ("loosened", True),
        ("added", False),
        ("removed", False),
        ("tightened", False),
    ]


def test_a_change_is_three_lines() -> None:
    """What happened and why, the line as it was, the line as it is."""
    change = check(render([route(State.PROTECTED, "login")]), [route(State.OPEN)])[0]
    assert str(change).splitlines() == [
        "opened: GET /x: it was protected, and nothing protects it now",
        "- GET /x  protected  by=login",
        "+ GET /x  open",
    ]


def test_a_second_app_is_not_taken_for_the_first() -> None:
    """Two apps have the route: the one that opened is found, the other left alone."""
    before = [route(State.PROTECTED, "a"), route(State.PROTECTED, "b", app="b:app")]
    after = [before[0], route(State.OPEN, app="b:app")]
    assert [(change.kind, change.after.app if change.after else "") for change in check(render(before), after)] == [("opened", "b:app")]


def test_apps_that_change_places_both_change() -> None:
    """What one app loses is not made up for by what another wins."""
    a, b = (route(State.PROTECTED, f"gate_{name}", app=name) for name in "ab")
    assert kinds([a, b], [replace(a, protection=b.protection), replace(b, protection=a.protection)]) == ["loosened", "loosened"]


def test_an_app_that_goes_is_not_mixed_up_with_the_others() -> None:
    """Of three and of two apps with the same route one is removed: that is all that is told."""
    a, b, c = (route(State.PROTECTED, f"gate_{name}", app=name) for name in "abc")
    assert kinds([a, b, c], [b, c]) == ["removed"]
    assert kinds([a, b], [b]) == ["removed"]


def test_an_app_that_joins_does_not_hide_an_opening() -> None:
    """The lock knew one app; now there are two, one of them open: an opening, whichever it is."""
    for names in (("a:app", "b:app"), ("b:app", "a:app")):
        after = [route(State.PROTECTED, "login", app=names[0]), route(State.OPEN, app=names[1])]
        assert "opened" in kinds([route(State.PROTECTED, "login")], after)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ostiary.lock:1: a lock begins with"),
        ("GET /x  open\n", "ostiary.lock:1: a lock begins with"),
        ("# ostiary.lock schema 2\n", "ostiary.lock:1: a lock begins with"),
        (f"{HEADER}\nGET /x\n", "ostiary.lock:2: no line of a lock: 'GET /x'"),
        (f"{HEADER}\n\nGET /x  closed\n", "ostiary.lock:3: no line of a lock"),
        (f"{HEADER}\nGET /x  open  by=\n", "ostiary.lock:2: no line of a lock"),
        (f"{HEADER}\nGET /x  open  colour=red\n", "ostiary.lock:2: no line of a lock"),
        (f"{HEADER}\nGET /x  open trailing\n", "ostiary.lock:2: no line of a lock"),
        (f'{HEADER}\nGET "/x  open\n', "ostiary.lock:2: no line of a lock"),
        (f"{HEADER}\n<<<<<<< HEAD\n", "ostiary.lock:2: no line of a lock"),
    ],
)
def test_a_malformed_lock_is_refused_with_its_line(text: str, said: str) -> None:
    """Also one with the marks of a merge in it, and one of a schema that we do not know."""
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert str(refused.value).startswith(said)


def test_a_lock_with_windows_line_ends_is_read(tmp_path: Path) -> None:
    """Git may have turned them."""
    assert check(render(ROUTES).replace("\n", "\r\n"), ROUTES) == []


def test_a_method_with_a_hyphen_is_read_again() -> None:
    """``M-SEARCH`` is a method, too."""
    entry = Entry("M-SEARCH", "/x", State.OPEN)
    assert parse_line(str(entry)) == entry
