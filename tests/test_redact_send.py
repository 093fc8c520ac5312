"""Telemetry: what Sentry and OpenTelemetry are given holds no credential, with their real SDKs."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
import sentry_sdk
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode
from sentry_sdk.transport import Transport

from ostiary import redact
from ostiary.wire import apikey

KEY = apikey.mint()
OPAQUE = "an-opaque-credential-of-this-request"


class Sent(Transport):
    """What would have gone over the network."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.text = ""
        self.items = 0

    def capture_envelope(self, envelope: Any) -> None:
        stream = io.BytesIO()
        envelope.serialize_into(stream)
        self.text += stream.getvalue().decode()
        self.items += len(envelope.items)


def test_sentry_sends_no_credential() -> None:
    """Message, extras, headers, breadcrumbs, local variables of every frame, and what is a secret of this request alone."""
    sent = Sent()
    client = sentry_sdk.Client(
        dsn="https://public@sentry.example.test/1", transport=sent, before_send=redact.sentry_before_send, default_integrations=False
    )
    scope = sentry_sdk.Scope()
    scope.set_client(client)
    with sentry_sdk.scope.use_scope(scope):
        scope.add_breadcrumb(message=f"asked with {KEY}")
        scope.set_extra("headers", {"Authorization": "Basic dXNlcjpwYXNzd29yZA==", "Accept": "text/html"})
        token = redact.current.set(redact.Current((OPAQUE,)))
        try:
            local = f"{OPAQUE} {KEY}"
            raise ValueError(local)
        except ValueError as error:
            scope.capture_exception(error)
        finally:
            redact.current.reset(token)
    assert sent.items == 1
    assert "ValueError" in sent.text
    assert "text/html" in sent.text
    for secret in (KEY[20:], OPAQUE, "dXNlcjpwYXNzd29yZA"):
        assert secret not in sent.text


def test_a_report_that_cannot_be_read_is_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """Rather none than one with a secret."""

    class Broken(list[str]):
        def __iter__(self) -> Any:
            raise RuntimeError("broken")

    assert redact.sentry_before_send({"extra": Broken([KEY])}) is None
    assert "is not sent (RuntimeError)" in caplog.text


def test_spans_are_sent_without_credentials() -> None:
    """Name, attributes, events and status; also those of the request that is over when the batch is sent."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(redact.otel_span_processor(BatchSpanProcessor(exporter)))
    token = redact.current.set(redact.Current((OPAQUE,)))
    with provider.get_tracer("test").start_as_current_span(f"GET /{OPAQUE}") as span:
        span.set_attribute("url.full", f"https://api.example.test/?key={KEY}")
        span.set_attribute("http.request.header.authorization", ["a1b2"])
        span.set_attribute("http.request.method", "GET")
        span.set_attribute("tries", 3)
        span.add_event("failed", {"exception.message": f"wrong {OPAQUE}"})
        span.set_status(Status(StatusCode.ERROR, f"with {KEY}"))
    redact.current.reset(token)
    assert provider.force_flush()
    (found,) = exporter.get_finished_spans()
    text = found.to_json()
    for secret in (KEY[20:], OPAQUE, "a1b2"):
        assert secret not in text
    attributes = dict(found.attributes or {})
    assert (attributes["http.request.method"], attributes["tries"], found.status.status_code) == ("GET", 3, StatusCode.ERROR)
    assert (found.end_time or 0) > (found.start_time or 0)
    provider.shutdown()


def test_log_records_are_sent_without_credentials() -> None:
    """Body and attributes."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(redact.otel_log_processor(SimpleLogRecordProcessor(exporter)))
    provider.get_logger("test").emit(LogRecord(body=f"asked with {KEY}", attributes={"x-api-key": "a1b2c3", "path": "/orders"}))
    (found,) = exporter.get_finished_logs()
    record = found.log_record
    assert KEY[20:] not in str(record.body)
    assert dict(record.attributes or {})["path"] == "/orders"
    assert "a1b2c3" not in str(record.attributes)
    provider.shutdown()


def test_without_opentelemetry_it_is_one_sentence() -> None:
    """With the command that brings it; Sentry's hook needs nothing."""
    code = (
        "import sys; sys.modules['opentelemetry'] = sys.modules['opentelemetry.sdk'] = sys.modules['opentelemetry.sdk.trace'] = None\n"
        "from ostiary import redact\nredact.sentry_before_send({})\n"
        "try:\n    redact.otel_span_processor(None)\nexcept ImportError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "ostiary.redact.otel_span_processor needs: pip install 'ostiary[otel]'\n"
