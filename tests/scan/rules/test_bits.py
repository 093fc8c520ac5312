"""How many random bits a value holds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ostiary.scan.code import ir
from ostiary.scan.code.index import build
from ostiary.scan.code.link import link
from ostiary.scan.code.walk import walk
from ostiary.scan.rules._bits import bits
from ostiary.scan.rules._flows import Flow

HEAD = "import flask, os, random, secrets, string, uuid\nLETTERS = string.ascii_lowercase\n\ndef make(size=4):\n    made = "


def counted(expression: str, folder: Path) -> float | None:
    """The bits of an expression in a function of a small module."""
    (folder / "service.py").write_text(f"{HEAD}{expression}\n    return made\n", encoding="utf-8")
    world, _ = link(build(walk(folder).files, folder))
    function = next(f for f in world.modules["service"].functions if f.name == "make")
    made = next(node[3] for node in ir.walk(function.body) if node[0] == "assign")
    return bits(Flow(world, function), made)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("secrets.token_hex(16)", 128),
        ("secrets.token_urlsafe()", 256),
        ("os.urandom(8).hex()", 64),
        ("str(uuid.uuid4())", 122),
        ("uuid.uuid4().hex[:8]", 32),
        ("secrets.token_urlsafe(32)[:10]", 60),
        ("secrets.token_hex(size)", 32),
        ("f'sk_{secrets.token_hex(8)}'", 64),
        ("'sk_' + secrets.token_hex(8)", 64),
        ("secrets.randbits(64)", 64),
        ("secrets.randbelow(2**16)", 16),
    ],
)
def test_bits_are_those_of_the_call_and_of_what_is_cut_off(expression: str, expected: float, tmp_path: Path) -> None:
    """The number of bytes asked for, the alphabet, and the slice decide."""
    assert counted(expression, tmp_path) == expected


def test_drawn_characters_count_by_their_alphabet(tmp_path: Path) -> None:
    """Ten of 26 letters hold 47 bits."""
    held = counted("''.join(secrets.choice(LETTERS) for _ in range(10))", tmp_path)
    assert held == pytest.approx(10 * math.log2(26))


def test_alphabets_add_up(tmp_path: Path) -> None:
    """Letters and digits are 62 characters."""
    held = counted("''.join(secrets.choice(string.ascii_letters + string.digits) for _ in range(8))", tmp_path)
    assert held == pytest.approx(8 * math.log2(62))


@pytest.mark.parametrize("expression", ["secrets.token_hex(flask.size())", "flask.token()", "secrets.token_hex(8) + flask.token()", "'x'"])
def test_what_cannot_be_told_is_not_guessed(expression: str, tmp_path: Path) -> None:
    """None, and no number."""
    assert counted(expression, tmp_path) is None
