"""The names inside a function, found out when one that it binds is asked for: most looks are for names of the module or of a library."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from ostiary.scan.code.ir import Expr, Function, Stmt, walk
from ostiary.scan.code.values import Scope, Value


class Waiting(dict[str, Value]):
    """Stands in for ``scope.names`` until ``run`` has filled them; the names that the function does not bind are not in it, and cost no run."""

    def __init__(self, scope: Scope, code: Function, run: Callable[[], dict[str, Value]]) -> None:
        super().__init__()
        self._scope, self._code, self._run = scope, code, run
        self._bound: frozenset[str] | None = None

    def __contains__(self, name: object) -> bool:
        if self._bound is None:
            self._bound = bound(self._code)
        return name in self._bound and name in self.names()

    def names(self) -> dict[str, Value]:
        """The names themselves, from now on in the scope. While the function runs it has none, as when it asks for its own inside."""
        if self._scope.names is self:
            self._scope.names = {}
            self._scope.names = self._run()
        return self._scope.names

    def __getitem__(self, name: str) -> Value:
        return self.names()[name]

    def __setitem__(self, name: str, value: Value) -> None:
        self.names()[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def get(self, name: str, default: Any = None) -> Any:
        return self.names()[name] if name in self else default

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        return self.names().keys()

    def values(self) -> ValuesView[Value]:  # type: ignore[override]
        return self.names().values()

    def items(self) -> ItemsView[str, Value]:  # type: ignore[override]
        return self.names().items()


def bound(code: Function) -> frozenset[str]:
    """Every name that the parameters or the body of a function may bind."""
    found = {param.name for param in code.params}
    for node in walk(code.body):
        binder = _BINDERS.get(node[0])
        if binder is not None:
            found.update(binder(node))
    return frozenset(found)


def _targets(*targets: Expr | None) -> Iterator[str]:
    for target in targets:
        if target is None:
            continue
        if target[0] == "name":
            yield target[2]
        elif target[0] == "seq":
            yield from _targets(*target[3])
        elif target[0] == "star":
            yield from _targets(target[2])


def _imported(node: Stmt) -> Iterator[str]:
    return (alias or name.partition(".")[0] for name, alias in node[-1])


_BINDERS: dict[str, Callable[[Stmt], Any]] = {
    "assign": lambda s: _targets(*s[2]),
    "aug": lambda s: _targets(s[2]),
    "for": lambda s: _targets(s[2]),
    "with": lambda s: _targets(*[target for _, target in s[2]]),
    "try": lambda s: [name for _, _, name, _ in s[3] if name],
    "walrus": lambda s: [s[2]],
    "def": lambda s: [s[2].name],
    "class": lambda s: [s[2].name],
    "import": _imported,
    "from": _imported,
}
