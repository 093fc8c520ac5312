"""Words in bytes decide which modules and functions are walked; nothing that holds one is passed over."""

from __future__ import annotations

import pytest

from ostiary.scan.code.ir import Function
from ostiary.scan.rules._nodes import mentions, near, nodes_near
from tests.scan.code.gatekit import read

SOURCE = """\
import app

def before():
    return 1

@app.get(
    "HSTS")
def decorated():
    return 2

def holding():
    def inner():
        return "x hsts x"
    return inner

class Box:
    hsts = 3

    def method(self):
        return 4

def after():
    return 5
"""


def _names(functions: set[Function]) -> set[str]:
    return {function.name for function in functions}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_near_are_functions_with_a_line_that_holds_the_word(ends: str) -> None:
    """In whatever case and with whatever ends of lines; in a decorator, in a nested function and so in the one around it; the top level always."""
    world = read(SOURCE.replace("\n", ends))
    assert _names(near(world, world.modules["app"], (b"hsts",))) == {"<module>", "decorated", "holding", "inner"}


def test_near_takes_every_function_of_a_repaired_file() -> None:
    """Lines of a text that was changed before it was parsed decide nothing."""
    world = read("def one():\n    return 1\ndef two():\n    try:\n        return 2\n    except A, B:\n        return 3\n")
    module = world.modules["app"]
    assert module.repaired
    assert _names(near(world, module, (b"hsts",))) == {"<module>", "one", "two"}


def test_nodes_near_walks_classes_and_what_is_near() -> None:
    """The member of the class, the text in the decorator and the nested one; no number of the functions without the word."""
    world = read(SOURCE)
    found = [node[2] for _, node in nodes_near(world, world.modules["app"], (b"hsts",)) if node[0] in ("str", "const")]
    assert sorted(map(str, found)) == ["2", "3", "HSTS", "x hsts x"]


def test_mentions_asks_for_any_of_the_words() -> None:
    """In lower case, as they are given."""
    world = read("VALUE = 'SameSite'\n")
    module = world.modules["app"]
    assert (mentions(world, module, (b"nothing", b"samesite")), mentions(world, module, (b"nothing",))) == (True, False)
