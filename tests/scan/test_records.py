"""Records: what ``dataclasses`` promise of classes with slots, kept."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from ostiary.scan.records import altered, field, record


@record(frozen=True)
class Point:
    """Two numbers."""

    x: int
    y: int = 0

    @property
    def sum(self) -> int:
        return self.x + self.y


@record(frozen=True)
class Place(Point):
    """A point that is called something."""

    name: str = ""


@record(eq=True)
class Bag:
    """Compared by what is in it."""

    items: list[int] = field(default_factory=list)


@record
class Node:
    """Compared by identity."""

    value: int


def test_fields_are_given_by_place_by_name_and_by_default() -> None:
    """Twice, because the first call makes the constructor that the second finds."""
    for _ in range(2):
        assert (Point(1, 2).sum, Point(y=2, x=1).sum, Point(1).sum) == (3, 3, 1)


def test_a_subclass_takes_the_fields_above_first() -> None:
    assert (Place(1, 2, "here").name, Place(1, name="there").y) == ("here", 0)


@pytest.mark.parametrize("given", [{}, {"x": 1, "z": 2}])
def test_wrong_arguments_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(TypeError):
        Point(**given)


def test_frozen_fields_stay() -> None:
    one = Point(1)
    with pytest.raises(FrozenInstanceError, match="'x' of Point"):
        one.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del one.x
    assert one.x == 1


def test_frozen_records_are_equal_by_their_fields_and_of_one_class_only() -> None:
    assert Point(1, 2) == Point(1, 2) != Point(2, 1)
    assert Point(1, 2) != Place(1, 2)
    assert len({Point(1, 2), Point(1, 2), Place(1, 2)}) == 2


def test_equal_by_fields_without_frozen_cannot_be_hashed() -> None:
    assert Bag([1]) == Bag([1]) != Bag([2])
    with pytest.raises(TypeError, match="unhashable type: 'Bag'"):
        hash(Bag())


def test_else_identity_counts() -> None:
    one, other = Node(1), Node(1)
    assert one != other
    assert len({one, other}) == 2


def test_a_factory_makes_a_new_default_each_time() -> None:
    first = Bag()
    first.items.append(1)
    assert Bag().items == []


def test_there_is_no_room_for_other_attributes() -> None:
    with pytest.raises(AttributeError):
        Node(1).other = 2  # type: ignore[attr-defined]


def test_altered_copies_what_does_not_change() -> None:
    assert altered(Place(1, 2, "here"), y=3) == Place(1, 3, "here")
    with pytest.raises(TypeError):
        altered(Point(1), z=2)


def test_it_shows_its_fields() -> None:
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
