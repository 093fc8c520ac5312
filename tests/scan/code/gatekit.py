"""Small sources, judged: what the tests of gates share. In every source ``gate`` is what is judged."""

from __future__ import annotations

import textwrap

from ostiary.scan.code.gates import Gates, Judgement, RequestView
from ostiary.scan.code.index import build
from ostiary.scan.code.values import Func, Unknown, Value
from ostiary.scan.code.walk import SourceFile
from ostiary.scan.code.world import World


def read(source: str, **others: str) -> World:
    """A world of ``app.py`` and other modules by name."""
    texts = {"app": source, **others}
    files = tuple(SourceFile(f"{name.replace('__', '/')}.py", textwrap.dedent(text).encode()) for name, text in texts.items())
    world = World(build(files, extra=tuple(texts)))
    world.run()
    return world


def name(world: World, wanted: str = "gate") -> Value:
    return world.settle(world.scopes["app"].names[wanted])


def view(path: str = "/items", method: str = "GET", endpoint: str = "items", blueprint: str = "") -> RequestView:
    return RequestView(method, path, path, endpoint, blueprint)


def judge(kind: str, source: str, request: RequestView | None = None, **others: str) -> Judgement:
    """The verdict on ``gate`` as a decorator, dependency, hook, middleware or handler (body)."""
    world = read(source, **others)
    gates, value = Gates(world), name(world)
    if kind == "decorator":
        return gates.decorator(value, Unknown(), request)
    if kind == "body":
        assert isinstance(value, Func)
        return gates.body(value, request)
    return gates.callable(value, kind, request)
