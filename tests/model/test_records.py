"""The model's classes are to others what ``dataclasses.dataclass(frozen=True, slots=True)`` would have made."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, fields, is_dataclass, replace

import pytest

from ostiary.model.records import dataclass
from ostiary.model.route import Gate, Location, Policy

HERE = Location("a.py", 3, 1)


def test_replace_makes_a_copy_with_other_fields() -> None:
    """And leaves the first as it was."""
    assert (replace(HERE, line=4), HERE) == (Location("a.py", 4, 1), Location("a.py", 3, 1))


def test_fields_and_asdict_tell_what_it_holds() -> None:
    """In the order of the class, nested ones as dicts too."""
    assert is_dataclass(Gate)
    assert [f.name for f in fields(Gate)] == ["kind", "name", "at"]
    assert asdict(Gate("hook", "check", HERE)) == {"kind": "hook", "name": "check", "at": {"file": "a.py", "line": 3, "column": 1}}


@pytest.mark.parametrize("one", [HERE, Policy(scopes=("orders:read",), at=HERE), Gate("hook", "check")])
def test_it_survives_pickle_and_copy(one: object) -> None:
    """Equal, though frozen classes with slots cannot be restored by setting attributes."""
    assert [pickle.loads(pickle.dumps(one)), copy.deepcopy(one), copy.copy(one)] == [one, one, one]


def test_places_are_ordered_by_file_line_and_column() -> None:
    """As reports list them."""
    first, second, third = Location("a.py", 3), Location("a.py", 10), Location("b.py", 1)
    assert sorted([third, second, first]) == [first, second, third]
    assert (first < second, first <= first, second > first, second >= third) == (True, True, True, False)


def test_other_kinds_are_not_compared() -> None:
    """A place is neither before a tuple nor equal to one."""
    with pytest.raises(TypeError):
        _ = HERE < ("a.py", 3, 1)  # type: ignore[operator]
    assert HERE != ("a.py", 3, 1)


def test_match_takes_fields_by_place() -> None:
    """``case Location(file, line)``."""
    match HERE:
        case Location(file, line):
            assert (file, line) == ("a.py", 3)
        case _:
            pytest.fail("a place did not match its own pattern")


def test_fields_are_set_once() -> None:
    """Setting and deleting are refused."""
    with pytest.raises(FrozenInstanceError, match="line"):
        HERE.line = 4  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del HERE.line


def test_what_can_change_is_not_made_here() -> None:
    """A class that is not frozen belongs to ``dataclasses``."""
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=False, slots=True)
