"""Every node of a module, for rules that look for a word wherever it stands; bytes decide which modules are worth it."""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.scan.code.ir import Expr, Function, Module, walk
from ostiary.scan.code.world import World
from ostiary.scan.rules import sites_of
from ostiary.scan.rules._facts import target_name


def mentions(world: World, module: Module, needles: tuple[bytes, ...]) -> bool:
    """The file's bytes hold one of the words, in whatever case."""
    file = world.index.finder.files.get(module.name)
    if file is None:
        return True
    source = file.source.lower()
    return any(needle in source for needle in needles)


def nodes(module: Module) -> Iterator[tuple[Function, Expr]]:
    """Every node of a module with the function that it stands in; ``module.top`` for module and class level."""
    for function in sites_of(module):
        for node in walk((function.body, function.decorators)):
            yield function, node
    for cls in module.classes:
        for node in walk(cls.body):
            yield module.top, node


def settings_in(node: Expr) -> Iterator[tuple[str, Expr]]:
    """(name, value) of what a node sets: by assignment, as a keyword argument, in a dict."""
    if node[0] == "assign" and node[3] is not None:
        yield from ((target_name(target), node[3]) for target in node[2])
    elif node[0] == "call":
        yield from ((name, value) for name, value in node[4] if name is not None)
    elif node[0] == "dict":
        yield from ((key[2], value) for key, value in zip(node[2], node[3], strict=True) if key is not None and key[0] == "str")
