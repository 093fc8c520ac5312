"""Where events go besides the store: ``Guard(sinks=[JsonLines("events.jsonl"), Logging(), OpenTelemetry(), print])``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ostiary.errors import UsageError
from ostiary.guard.event import Event
from ostiary.guard.sinks.feed import Feed, Sink
from ostiary.guard.sinks.jsonlines import JsonLines
from ostiary.guard.sinks.logs import Logging
from ostiary.guard.sinks.otel import OpenTelemetry

__all__ = ["JsonLines", "Logging", "OpenTelemetry", "Sink", "feeds_of"]


class _Function:
    """A function of one's own, called with one event at a time."""

    def __init__(self, function: Callable[[Event], object]) -> None:
        self._function = function

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            self._function(event)

    def close(self) -> None:
        """Nothing to release."""


def feeds_of(sinks: Sequence[Sink | Callable[[Event], object]]) -> tuple[Feed, ...]:
    """A feed for each sink. Raises UsageError for what is neither a sink nor a function."""
    if not isinstance(sinks, list | tuple):
        raise UsageError(f"sinks: a list, as in [JsonLines('events.jsonl')], not {sinks!r}")
    return tuple(_feed(sink) for sink in sinks)


def _feed(sink: Sink | Callable[[Event], object]) -> Feed:
    if isinstance(sink, type):
        raise UsageError(f"sinks: an object, as in {sink.__name__}(...), not the class {sink.__name__}")
    if callable(sink):
        return Feed(_Function(sink), getattr(sink, "__name__", type(sink).__name__))
    if not all(hasattr(sink, name) for name in ("write", "close")):
        raise UsageError(f"sinks: functions, or objects with write(events) and close(), not {sink!r}")
    return Feed(sink, type(sink).__name__)
