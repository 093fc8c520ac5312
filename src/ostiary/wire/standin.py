"""What takes the place of a message or an exception that held a secret."""

from __future__ import annotations

from collections.abc import Callable

_DEEPEST = 16


class Whole(str):
    """A message that is complete: formatting it gives itself, whatever the arguments, which formatters may still want."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __mod__(self, arguments: object) -> str:
        return self[:]

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return (str, (self[:],))


def stand_in(error: BaseException, clean: Callable[[str], str], depth: int = 0) -> BaseException:
    """An exception of the same name, notes and traceback, its text cleaned; groups and chains are followed 16 deep."""
    twin = _bare(error, clean, depth)
    twin.__traceback__ = error.__traceback__
    for note in getattr(error, "__notes__", ()):
        twin.add_note(clean(str(note)))
    if depth < _DEEPEST:
        twin.__cause__ = stand_in(error.__cause__, clean, depth + 1) if error.__cause__ else None
        twin.__context__ = stand_in(error.__context__, clean, depth + 1) if error.__context__ else None
    twin.__suppress_context__ = error.__suppress_context__
    return twin


def _bare(error: BaseException, clean: Callable[[str], str], depth: int) -> BaseException:
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    if not isinstance(error, BaseExceptionGroup) or depth >= _DEEPEST:
        plain: BaseException = type(kind.__name__, (Exception,), names)(clean(_printed(error)))
        return plain
    inner = [stand_in(one, clean, depth + 1) for one in error.exceptions]
    group: BaseException = type(kind.__name__, (BaseExceptionGroup,), names)(clean(error.message), inner)
    return group


def _printed(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - as traceback does
        return "<exception str() failed>"
