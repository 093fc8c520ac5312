"""Events as OpenTelemetry metrics, logs and spans, through the providers of the app or those given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.event import ALLOW, Event

_WHAT = ("metrics", "logs", "spans")
_SECOND = 1_000_000_000
_SCOPE = "ostiary"


class OpenTelemetry:
    """``what``: any of metrics, logs and spans. Metrics carry route, method, status, verdict and reason: never who, whose number nothing bounds.

    Raises MissingExtra without the OpenTelemetry API, UsageError for something else to send. Providers default to the global ones.
    """

    def __init__(
        self, what: Sequence[str] = _WHAT, *, meter_provider: Any = None, logger_provider: Any = None, tracer_provider: Any = None
    ) -> None:
        unknown = [name for name in what if name not in _WHAT]
        if isinstance(what, str) or unknown or not what:
            raise UsageError(f"OpenTelemetry: any of {', '.join(_WHAT)} in a list, not {what!r}")
        try:
            from opentelemetry import metrics, trace
            from opentelemetry._logs import get_logger
        except ImportError:
            raise MissingExtra("OpenTelemetry()", "otel") from None
        meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._measured = "metrics" in what
        self._decisions = meter.create_counter("ostiary.decisions", description="Decisions of the guard")
        self._duration = meter.create_histogram("ostiary.request.duration", unit="s", description="From arrival to the end of the answer")
        self._logger = get_logger(_SCOPE, logger_provider=logger_provider) if "logs" in what else None
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider) if "spans" in what else None

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.verdict:
                self._measure(event)
                self._span(event)
            self._log(event)

    def close(self) -> None:
        """Providers belong to the app."""

    def _measure(self, event: Event) -> None:
        if not self._measured:
            return
        attributes = _attributes(event, _METRIC)
        self._decisions.add(1, attributes)
        self._duration.record(event.latency_us / 1e6, attributes)

    def _log(self, event: Event) -> None:
        if self._logger is None:
            return
        from opentelemetry._logs import LogRecord, SeverityNumber

        severity = SeverityNumber.INFO if event.verdict == ALLOW else SeverityNumber.WARN
        body = f"{event.verdict or 'note'} {event.method} {event.path}".rstrip()
        record = LogRecord(
            timestamp=int(event.time * _SECOND),
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=_attributes(event, _ALL),
            event_name="ostiary.decision",
        )
        self._logger.emit(record)

    def _span(self, event: Event) -> None:
        if self._tracer is None:
            return
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind

        end = int(event.time * _SECOND)
        name = f"{event.method} {event.route[1]}".rstrip()
        start = end - event.latency_us * 1_000
        # A trace of its own: the request's is over when its event is written.
        span = self._tracer.start_span(
            name, context=Context(), kind=SpanKind.INTERNAL, start_time=start, attributes=_attributes(event, _ALL)
        )
        span.end(end)


_METRIC: Mapping[str, str] = {
    "http.request.method": "method",
    "http.response.status_code": "status",
    "ostiary.verdict": "verdict",
    "ostiary.reason": "reason",
    "ostiary.version": "version",
}
_ALL: Mapping[str, str] = {
    **_METRIC,
    "url.path": "path",
    "client.address": "address",
    "user_agent.original": "agent",
    "enduser.id": "principal",
    "ostiary.key_id": "key_id",
    "ostiary.request_id": "request_id",
    "ostiary.limit": "limit",
    "ostiary.note": "note",
}


def _attributes(event: Event, wanted: Mapping[str, str]) -> dict[str, str | int]:
    """Semantic conventions where there are any; what is empty is left out."""
    found = {name: value for name, field in wanted.items() if (value := getattr(event, field))}
    # Any stranger chooses the method: among metrics only those of routes count.
    if wanted is _METRIC and not event.route[1]:
        found.pop("http.request.method", None)
    return found | ({"http.route": event.route[1]} if event.route[1] else {})
