"""Odd code is judged without an error and without end; what is too much is said to be unknown, never a gate."""

from __future__ import annotations

import time

import pytest

from ostiary.scan.code.gates import Gates
from ostiary.scan.code.values import Func, Unknown
from tests.scan.code.gatekit import name, read, view

SOURCES = {
    "calls itself": "def gate(request):\n    return gate(request) or other(request)\ndef other(r):\n    return gate(r)\n",
    "decorates itself": "def gate(f):\n    return gate(f)\n",
    "depends on itself": "from fastapi import Depends\ndef gate(x=Depends(lambda: gate)):\n    return x\n",
    "depends on a string": "from fastapi import Depends\ndef gate(x=Depends('user')):\n    yield from x\n",
    "wraps itself": "class gate:\n    def __init__(self, f):\n        self.f = gate(f)\n    def __call__(self):\n        return self()\n",
    "is no callable": "gate = None\n",
    "is a list": "gate = [1, 2]\n",
    "spreads everything": "def gate(*a, **k):\n    return gate(*a, *a, **k, **k)\n",
    "matches": "def gate(request):\n    match request.headers:\n        case {'a': x} if x == 1:\n            return 1\n        case _:\n            raise E\n",
    "leaves from finally": "def gate(request):\n    try:\n        return verify(request.headers['x-token'])\n    finally:\n        return 1\n",
    "nests deeply": "def gate(request):\n"
    + "".join("    " * (i + 1) + f"if request.headers.get('x-token-{i}'):\n" for i in range(60))
    + "    " * 61
    + "raise E\n",
    "loops in loops": "def gate(request):\n"
    + "".join("    " * (i + 1) + f"for x{i} in request.headers:\n" for i in range(18))
    + "    " * 19
    + "if x1 == KEY: raise E\n",
    "chains": "def gate(request):\n    return request" + ".a(1)" * 90 + "\n",
}


@pytest.mark.parametrize("case", SOURCES)
def test_every_kind_is_judged(case: str) -> None:
    world = read(SOURCES[case])
    gates, value = Gates(world), name(world)
    for kind in ("dependency", "hook", "middleware"):
        assert gates.callable(value, kind, view("/a/{b}")).verdict
    assert gates.decorator(value, Unknown()).verdict
    if isinstance(value, Func):
        assert gates.body(value).verdict


def _wide(tests: int) -> str:
    checks = "".join(f"    if request.headers.get('x-token-{i}') and x{i}():\n        y{i} = 1\n" for i in range(tests))
    return f"from fastapi import HTTPException, Request\ndef gate(request: Request):\n{checks}    if request.headers.get('x-token') != KEY:\n        raise HTTPException(401)\n"


def test_a_check_among_few_ways_is_followed() -> None:
    world = read(_wide(2))
    assert Gates(world).callable(name(world), "dependency").verdict == "gate"


def test_too_many_ways_are_unknown() -> None:
    world = read(_wide(8))
    found = Gates(world).callable(name(world), "dependency")
    assert (found.verdict, found.why) == ("unknown", "it has too many ways through to follow")


def test_too_many_ways_end_soon() -> None:
    world = read(_wide(600))
    start = time.process_time()
    Gates(world).callable(name(world), "dependency")
    assert time.process_time() - start < 5


def test_a_pattern_that_could_run_away_is_not_tried() -> None:
    source = r"""
import re
from flask import request, session, abort
def gate():
    if re.match(r"^(a+)+$", request.path):
        return
    if not session.get("user_id"):
        abort(401)
"""
    world = read(source)
    start = time.process_time()
    found = Gates(world).callable(name(world), "hook", view("/" + "a" * 60 + "!"))
    assert time.process_time() - start < 2
    assert found.verdict == "unknown"


def test_a_verdict_is_given_once() -> None:
    world = read(
        "from fastapi import HTTPException\ndef gate(request):\n    if request.headers.get('authorization') != K:\n        raise HTTPException(401)\n"
    )
    gates = Gates(world)
    assert gates.callable(name(world), "dependency") is gates.callable(name(world), "dependency")
