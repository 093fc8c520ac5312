"""What Ostiary reads in a source and what the imported app does are the same, for every case in ``apps/``.

A case has a third witness, its author: ``case.toml`` says what is meant, so that a mistake in an app cannot pass as agreement.
Each app is asked by strangers who bring nothing, a junk token, a junk key, a junk cookie and a junk password. Only a route that
refuses them all is protected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.agreement.conftest import Case, Key, Observed

STATES = {"protected", "open", "public"}


class TestApp:
    """The imported app is what its author says."""

    def test_case_is_complete(self, case: Case) -> None:
        """A case says what it is about, what a witness cannot see, and nothing twice."""
        assert case.about
        assert set(case.silent) <= {"document", "app", "code"}
        assert case.silent
        assert case.framework in ("flask", "fastapi")
        assert {route.state for route in case.route} <= STATES
        assert len({route.key for route in case.route}) == len(case.route)

    def test_serves_the_routes(self, case: Case, observe: Callable[[Case], Observed]) -> None:
        """The live route table has the author's routes and no other."""
        assert observe(case).routes == {route.key for route in case.route if route.only != "code"}

    def test_never_fails(self, case: Case, observe: Callable[[Case], Observed]) -> None:
        """Whatever strangers get says something about protection: no 5xx, and no 400, 404, 405 or 422 that the case does not explain."""
        assert observe(case).senseless() == {}

    def test_refuses_whom_it_should(self, case: Case, observe: Callable[[Case], Observed]) -> None:
        """Strangers find the author's protected routes closed and the others open."""
        seen = observe(case)
        assert {key: seen.refuses(key) for key in case.protected} == case.protected

    def test_lets_the_right_one_in(self, case: Case, served: Callable[[Case], dict[Key, bool]]) -> None:
        """A protected route is no broken one: where the case knows a credential, its holder is answered (and nobody where it says so)."""
        assert [key for key, opened in served(case).items() if case.right and not opened] == []

    def test_limits_what_it_should(self, limited: Case, calls_allowed: Callable[[Case], dict[Key, int]]) -> None:
        """The smallest limit of a route is the number of calls it answers; a route without limits answers them all."""
        smallest = {key: min((int(text.split("/")[0].split()[0]) for text in texts), default=12) for key, texts in limited.limits.items()}
        assert calls_allowed(limited) == smallest


class TestSource:
    """The source reader says what the imported app does."""

    def test_finds_the_routes(self, case: Case, observe: Callable[[Case], Observed], read: Callable[[Case], dict[Key, Any]]) -> None:
        """Method and path of every route that is served, and none that is not, but for branches that this run did not take."""
        untaken = {route.key for route in case.route if route.only == "code"}
        assert set(read(case)) == observe(case).routes | untaken

    def test_tells_protection(self, case: Case, observe: Callable[[Case], Observed], read: Callable[[Case], dict[Key, Any]]) -> None:
        """Protected where strangers are refused and nowhere else; cannot tell only where the case gives a reason."""
        routes, seen = read(case), observe(case)
        wrong = {}
        for declared in case.route:
            state = str(routes[declared.key].protection.state) if declared.key in routes else "not found"
            if state != "unknown" or not declared.unknown:
                answers = declared.state == "public" or declared.only == "code" or not seen.refuses(declared.key)
                if state not in (("open", "public") if answers else ("protected",)):
                    wrong[declared.key] = (state, seen.answers.get(declared.key))
        assert set(wrong) == {declared.key for declared in case.route if declared.gap}, wrong

    def test_tells_what_nobody_reaches(self, case: Case, read: Callable[[Case], dict[Key, Any]]) -> None:
        """Where the guard refuses whoever asks, the reader says so, and only there."""
        refused = {key for key, route in read(case).items() if route.protection.why.endswith("the guard refuses it")}
        assert refused == {route.key for route in case.route if route.nobody}

    def test_tells_limits(self, limited: Case, read: Callable[[Case], dict[Key, Any]]) -> None:
        """The limits in force on a route, as their author wrote them."""
        found = {key: tuple(sorted(limit.text for limit in read(limited)[key].limits)) for key in limited.limits if key in read(limited)}
        assert found == {key: tuple(sorted(texts)) for key, texts in limited.limits.items()}
