"""What FastAPI puts into parameters is found wherever it is written."""

from __future__ import annotations

import pytest

from ostiary.scan.code.frameworks.depends import dependencies_of, scopes_of, sources_of, unwrap
from ostiary.scan.code.values import Func, name_of
from tests.scan.code.gatekit import name, read

IMPORTS = """
from __future__ import annotations
from typing import Annotated, Optional, Union
from fastapi import Cookie, Depends, Header, Query, Security
def user(): ...
def other(): ...
class Params:
    def __init__(self, q: str = ""): ...
ALIAS = Annotated[str, Depends(user)]
"""
CASES = {
    "default": ("def gate(u=Depends(user)): ...", ["app.user"]),
    "Security": ("def gate(u=Security(user, scopes=['a'])): ...", ["app.user"]),
    "keyword": ("def gate(u=Depends(dependency=user)): ...", ["app.user"]),
    "Annotated": ("def gate(u: Annotated[str, Depends(user)]): ...", ["app.user"]),
    "alias": ("def gate(u: ALIAS): ...", ["app.user"]),
    "alias of an alias": ("MORE = Annotated[ALIAS, 'doc']\ndef gate(u: MORE): ...", ["app.user"]),
    "optional alias": ("def gate(u: Optional[ALIAS] = None): ...", ["app.user"]),
    "alias or None": ("def gate(u: ALIAS | None = None): ...", ["app.user"]),
    "union": ("def gate(u: Union[ALIAS, None] = None): ...", ["app.user"]),
    "the last in Annotated counts": ("def gate(u: Annotated[ALIAS, Depends(other)]): ...", ["app.other"]),
    "bare Depends takes the class": ("def gate(p: Params = Depends()): ...", ["app.Params"]),
    "bare Depends in Annotated": ("def gate(p: Annotated[Params, Depends()]): ...", ["app.Params"]),
    "a class": ("def gate(p=Depends(Params)): ...", ["app.Params"]),
    "in a variable": ("CURRENT = Depends(user)\ndef gate(u=CURRENT): ...", ["app.user"]),
    "several in order": ("def gate(a: ALIAS, b=Depends(other)): ...", ["app.user", "app.other"]),
    "a string annotation": ("def gate(u: 'ALIAS'): ...", ["app.user"]),
    "a string that is no annotation": ("def gate(u: 'who calls'): ...", []),
    "plain parameters": ("def gate(a: int, b: str = 'x', *args, **kwargs): ...", []),
    "attribute of the controller": ("class C:\n    u: str = Depends(user)\n    def get(self): ...\ngate = C().get", ["app.user"]),
    "attribute of its base": ("class B:\n    u: str = Depends(user)\nclass C(B):\n    def get(self): ...\ngate = C().get", ["app.user"]),
    "annotated attribute": ("class C:\n    u: ALIAS\n    def get(self): ...\ngate = C().get", ["app.user"]),
    "constructor of the controller": (
        "class C:\n    def __init__(self, u=Depends(user)): ...\n    def get(self): ...\ngate = C().get",
        ["app.user"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_dependencies(case: str) -> None:
    source, wanted = CASES[case]
    world = read(IMPORTS + source)
    func = name(world)
    assert isinstance(func, Func)
    assert [name_of(value) for value, _ in dependencies_of(world, func)] == wanted


def test_the_place_is_that_of_the_parameter() -> None:
    world = read(IMPORTS + "def gate(\n    u=Depends(user),\n): ...")
    func = name(world)
    assert isinstance(func, Func)
    assert [(at.file, at.line) for _, at in dependencies_of(world, func)] == [("app.py", 11)]


def test_scopes_of_security() -> None:
    world = read(IMPORTS + "def gate(a=Security(user, scopes=['read', 'write']), b=Security(other, ['read'])): ...")
    func = name(world)
    assert isinstance(func, Func)
    assert scopes_of(world, func) == ("read", "write")


def test_sources_of_headers_and_cookies() -> None:
    world = read(IMPORTS + "def gate(a: str = Header(...), b: Annotated[str | None, Cookie()] = None, c=Query(None, alias='k')): ...")
    func = name(world)
    assert isinstance(func, Func)
    assert [(s.param, s.kind, s.required, s.alias) for s in sources_of(world, func)] == [
        ("a", "header", True, ""),
        ("b", "cookie", False, ""),
        ("c", "query", False, "k"),
    ]


def test_unwrapping() -> None:
    world = read(IMPORTS + "gate = Security(user, scopes=['a'])")
    inner, scopes = unwrap(name(world))
    assert (name_of(inner), scopes) == ("app.user", ("a",))
