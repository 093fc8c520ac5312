"""Credentials leave by no telemetry either: hooks for Sentry and OpenTelemetry that clean what is sent, before it is sent (LEAK-4)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ostiary.errors import MissingExtra
from ostiary.wire.redact import default
from ostiary.wire.seen import current

__all__ = ["otel_log_processor", "otel_span_processor", "sentry_before_send"]

_LOG = logging.getLogger("ostiary")


def sentry_before_send(event: Any, _hint: object = None) -> Any:
    """For ``sentry_sdk.init(before_send=…, before_send_transaction=…)``: the event without credentials.

    One that cannot be read to the end is not sent at all.
    """
    try:
        return _clean(event)
    except Exception as error:  # noqa: BLE001 rather no report than one with a secret
        _LOG.warning("a report to Sentry could not be cleaned and is not sent (%s)", type(error).__name__)
        return None


def otel_span_processor(inner: Any) -> Any:
    """Around a span processor of OpenTelemetry's SDK: ``add_span_processor(otel_span_processor(BatchSpanProcessor(exporter)))``.

    Name, attributes, events, links and status of a span are cleaned when it ends, while its request is known. Raises MissingExtra.
    """
    try:
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError:
        raise MissingExtra("ostiary.redact.otel_span_processor", "otel") from None
    return _Spans(inner)


def otel_log_processor(inner: Any) -> Any:
    """The same around a log record processor: body and attributes."""
    return _Logs(inner)


def _clean(value: Any) -> Any:
    return default.value(value, seen=current.get().needles)


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """An attribute is judged by the last part of its name, too: ``http.request.header.authorization``."""
    found = {}
    for name, value in (attributes or {}).items():
        last = name.rpartition(".")[2].replace("_", "-")
        cleaned = _clean({last: list(value) if isinstance(value, tuple) else value})[last]
        found[_clean(name)] = cleaned
    return found


class _Passing:
    """Everything but what is cleaned goes to the inner one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Spans(_Passing):
    def on_end(self, span: Any) -> None:
        try:
            clean = _span(span)
        except Exception as error:  # noqa: BLE001 rather no span than one with a secret
            _LOG.warning("a span could not be cleaned and is not sent (%s)", type(error).__name__)
            return
        self._inner.on_end(clean)


def _span(span: Any) -> Any:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, Status

    return ReadableSpan(
        name=_clean(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[Event(_clean(event.name), _attributes(event.attributes), event.timestamp) for event in span.events],
        links=[Link(link.context, _attributes(link.attributes)) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code, _clean(span.status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class _Logs(_Passing):
    def on_emit(self, log_record: Any) -> None:
        try:
            record = log_record.log_record
            record.body, record.attributes = _clean(record.body), _attributes(record.attributes)
        except Exception as error:  # noqa: BLE001 rather no record than one with a secret
            _LOG.debug("a log record could not be cleaned and is not sent (%s)", type(error).__name__)
            return
        self._inner.on_emit(log_record)
