"""Waiting for a busy store, outside of the request path."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from ostiary.guard.ask import Call, run

T = TypeVar("T")


def patiently(function: Callable[..., T], *arguments: Any) -> T:
    """What the function gives. While it raises Busy it is asked again, as on the request path; raises StoreDown after that."""
    answer: T = run(_once(Call(function, arguments)), _answer)
    return answer


def _once(call: Call) -> Generator[Any, Any, Any]:
    return (yield call)


def _answer(ask: Any) -> Any:
    return ask.function(*ask.arguments)
