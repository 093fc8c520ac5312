"""The inside of a function is run when a name that it binds is asked for, and holds then what running it at once would have told."""

from __future__ import annotations

import pytest

from ostiary.scan.code.ir import Function
from ostiary.scan.code.values import Const, Scope, Value, name_of
from ostiary.scan.code.waiting import Waiting, bound
from ostiary.scan.code.world import World
from tests.scan.code.gatekit import read

SOURCE = """
import random
import jwt

def work(given, *rest, key=1, **more):
    import os.path, json as j
    from secrets import token_hex as th, choice
    made = plain = random.random()
    first, (second, *others) = rest
    total: int
    total += 1
    for item in rest:
        with open(item) as file, lock:
            pass
    if (found := given):
        pass
    try:
        pass
    except ValueError as error:
        pass
    given.attribute = rest["x"] = 1
    def helper():
        inner = 1
    class Local:
        member = 1
    return [each for each in rest], made
"""


def _function(world: World, name: str) -> Function:
    return next(f for f in world.modules["app"].functions if f.name == name)


def test_bound_are_all_names_that_a_body_may_bind() -> None:
    """Parameters, targets, imports, definitions; not attributes, members of nested ones or of comprehensions."""
    assert bound(_function(read(SOURCE), "work")) == {
        *("given", "rest", "key", "more", "os", "j", "th", "choice", "made", "plain", "first", "second", "others", "total"),
        *("item", "file", "found", "error", "helper", "Local"),
    }


def test_a_name_of_the_module_costs_no_run() -> None:
    """``jwt`` is found, and the body has not run."""
    world = read(SOURCE)
    scope = world.inside(_function(world, "work"))
    assert name_of(scope.find("jwt")) == "jwt"
    assert isinstance(scope.names, Waiting)


def test_a_name_of_its_own_runs_it_once() -> None:
    """Then the names are plain, and the same for whoever asks next."""
    world = read(SOURCE)
    scope = world.inside(_function(world, "work"))
    assert name_of(scope.find("made")) == "random.random"
    assert type(scope.names) is dict
    assert world.inside(_function(world, "work")).names is scope.names


@pytest.mark.parametrize(
    "ask", [dict, list, len, lambda names: names["made"], lambda names: names.get("made"), lambda names: names.items()]
)
def test_every_way_of_asking_sees_the_names(ask: object) -> None:
    """Copied, counted, listed, indexed: as if they had been there from the start."""
    world, eager = read(SOURCE), read(SOURCE)
    names = world.inside(_function(world, "work")).names
    expected = eager.inside(_function(eager, "work"))
    expected.find("made")
    assert _shown(ask(names)) == _shown(ask(expected.names))  # type: ignore[operator]


def _shown(found: object) -> object:
    if isinstance(found, dict):
        return sorted(found)
    return found if isinstance(found, (int, list)) else len(found) if hasattr(found, "__len__") else name_of(found)  # type: ignore[arg-type]


def test_a_function_that_asks_for_itself_ends() -> None:
    """Its own names are not there while it runs."""
    world = read("def again(n):\n    more = again(n)\n    return more\n")
    code = _function(world, "again")
    scope = Scope(code.module, None, code)
    seen: list[Value | None] = []

    def run() -> dict[str, Value]:
        seen.append(scope.find("more"))
        return {"more": Const(1)}

    scope.names = Waiting(scope, code, run)
    assert (scope.find("more"), seen) == (Const(1), [None])


def test_a_nested_function_sees_what_the_outer_one_binds() -> None:
    """Through the scope that the outer one is, run when it must be."""
    world = read("def outer():\n    import secrets\n    def inner():\n        return secrets.token_hex()\n    return inner\n")
    assert name_of(world.inside(_function(world, "inner")).find("secrets")) == "secrets"
