"""Sinks: what the store gets is given on; no sink holds up the store or a request."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ostiary.errors import UsageError
from ostiary.guard.audit import Recorder
from ostiary.guard.event import Event
from ostiary.guard.sinks import JsonLines, Logging, OpenTelemetry, feeds_of
from ostiary.guard.sinks.feed import Feed
from ostiary.guard.stores.memory_events import MemoryEvents
from tests.guard.keys import NOW, Clock
from tests.guard.sites import Site

CALL = Event(
    NOW,
    "r1",
    ("GET", "/orders/{id}"),
    "v1",
    "GET",
    "/orders/7",
    200,
    1_500,
    "alice",
    "k" * 12,
    "203.0.113.7",
    "curl/8",
    "",
    "allow",
    "4 of 5",
    "",
)
REFUSED = CALL._replace(status=429, verdict="deny", reason="limit", request_id="r2")
LONG = 60.0


class Slow:
    """Takes nothing before it is told to."""

    def __init__(self) -> None:
        self.go_on, self.entered = threading.Event(), threading.Event()
        self.taken: list[Event] = []

    def write(self, events: Sequence[Event]) -> None:
        self.entered.set()
        self.go_on.wait(LONG)
        self.taken += events

    def close(self) -> None:
        self.taken.append(CALL._replace(request_id="closed"))


def fed(*sinks: Any, rows: Sequence[Event] = (CALL, REFUSED), **more: Any) -> MemoryEvents:
    store = MemoryEvents()
    recorder = Recorder(store, interval=3_600.0, feeds=feeds_of(list(sinks)), **more)
    for row in rows:
        recorder.record(row)
    assert recorder.close()
    return store


def test_a_function_gets_every_event_once_and_redacted() -> None:
    """After redaction, in order; before close() is over."""
    found: list[Event] = []
    fed(
        found.append,
        rows=[CALL._replace(path="/a?hunter2", request_id=str(number)) for number in range(50)],
        redact=lambda text: text.replace("hunter2", "-"),
    )
    assert [(row.request_id, row.path) for row in found] == [(str(number), "/a?-") for number in range(50)]


def test_a_sink_that_hangs_costs_the_store_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The store has every event while the sink has none; what the sink does not take in time is counted and said."""
    slow, store, ticks = Slow(), MemoryEvents(), Clock()
    feed = Feed(slow, "slow", maximum=10, monotonic=ticks)
    recorder = Recorder(store, batch=5, interval=3_600.0, feeds=[feed])
    for number in range(40):
        recorder.record(CALL._replace(request_id=str(number)))
    assert recorder.flush()
    assert len(store.recent(100)) == 40
    assert slow.entered.wait(LONG)
    assert feed.lost == 30
    assert [record.getMessage() for record in caplog.records] == [
        "sink slow: 5 events lost so far (it does not take them as fast as they come)"
    ]
    slow.go_on.set()
    assert recorder.close()
    assert [row.request_id for row in slow.taken] == [*map(str, range(10)), "closed"]


def test_a_sink_that_fails_costs_the_store_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Nor the other sinks; it is asked again with the next batch."""

    def failing(event: Event) -> None:
        raise OSError("no space left")

    found: list[Event] = []
    store = fed(failing, found.append)
    assert (len(store.recent()), len(found)) == (2, 2)
    assert "sink failing: 2 events lost so far (OSError: no space left)" in caplog.text


def test_closing_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """And says what is missing."""
    slow = Slow()
    recorder = Recorder(MemoryEvents(), interval=3_600.0, feeds=feeds_of([slow]))
    recorder.record(CALL)
    assert recorder.close(patience=0.2)
    assert "sink Slow: 1 events had not been taken at the end" in caplog.text
    slow.go_on.set()


def test_json_lines_are_one_event_a_line_and_the_file_is_bounded(tmp_path: Path) -> None:
    """Nothing is lost in a rotation; nobody else may read the files."""
    file = tmp_path / "events.jsonl"
    sink = JsonLines(file, max_bytes=2_000, keep=2)
    for number in range(40):
        sink.write([CALL._replace(request_id=str(number))])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    lines = [json.loads(line) for name in reversed(names) for line in (tmp_path / name).read_text().splitlines()]
    assert [int(line["request_id"]) for line in lines] == list(range(40 - len(lines), 40))
    assert lines[0]["route"] == ["GET", "/orders/{id}"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """As logrotate does it."""
    sink = JsonLines(tmp_path / "e-{pid}.jsonl")
    (made,) = tmp_path.iterdir()
    made.rename(tmp_path / "old")
    sink.write([CALL])
    assert made.read_text().count("\n") == 1


def test_logging_gets_a_line_with_everything_in_extra(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are warnings."""
    with caplog.at_level(logging.INFO, logger="ostiary.events"):
        fed(Logging())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"allow 200 GET /orders/7 {'k' * 12} from 203.0.113.7"),
        ("WARNING", f"deny 429 GET /orders/7 {'k' * 12} from 203.0.113.7 (limit)"),
    ]
    assert caplog.records[0].__dict__["event"]["principal"] == "alice"
    assert caplog.records[0].__dict__["request_id"] == "r1"


def test_opentelemetry_gets_metrics_logs_and_spans() -> None:
    """With the real SDK; who called is in logs and spans, never in metrics, and unknown methods do not widen them."""
    reader, spans, logs = InMemoryMetricReader(), InMemorySpanExporter(), InMemoryLogRecordExporter()
    meters, tracers, loggers = (
        MeterProvider([reader], shutdown_on_exit=False),
        TracerProvider(shutdown_on_exit=False),
        LoggerProvider(shutdown_on_exit=False),
    )
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    unknown = CALL._replace(route=("", ""), method="BREW", status=404, verdict="deny", reason="no_route")
    note = Event(NOW, reason="events_dropped", verdict="", note="3")
    fed(OpenTelemetry(meter_provider=meters, logger_provider=loggers, tracer_provider=tracers), rows=[CALL, REFUSED, unknown, note])
    data = reader.get_metrics_data()
    assert data is not None
    (counter, histogram) = data.resource_metrics[0].scope_metrics[0].metrics
    points = [dict(point.attributes or {}) for point in counter.data.data_points]
    assert {name for point in points for name in point} == {
        "http.request.method", "http.response.status_code", "http.route", "ostiary.verdict", "ostiary.reason", "ostiary.version",
    }  # fmt: skip
    assert [point.get("http.request.method") for point in points] == ["GET", "GET", None]
    assert [point.sum for point in histogram.data.data_points] == [0.0015] * 3
    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["GET /orders/{id}", "GET /orders/{id}", "BREW"]
    assert (finished[0].end_time or 0) - (finished[0].start_time or 0) == 1_500_000
    assert (finished[0].attributes or {})["client.address"] == "203.0.113.7"
    assert [log.log_record.severity_text for log in logs.get_finished_logs()] == ["INFO", "WARN", "WARN", "WARN"]
    for provider in (meters, tracers, loggers):
        provider.shutdown()


def test_without_opentelemetry_it_is_one_sentence() -> None:
    """With the command that brings it."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from ostiary.guard.sinks import OpenTelemetry\n"
        "try:\n    OpenTelemetry()\nexcept ImportError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "OpenTelemetry() needs: pip install 'ostiary[otel]'\n"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: feeds_of("events.jsonl"), "sinks: a list"),
        (lambda: feeds_of([5]), "functions, or objects with write"),
        (lambda: feeds_of([JsonLines]), "not the class JsonLines"),
        (lambda: JsonLines("/nowhere/at/all.jsonl"), "No such file"),
        (lambda: JsonLines("x", max_bytes=0), "max_bytes above 0"),
        (lambda: OpenTelemetry(["traces"]), "any of metrics, logs, spans"),
        (lambda: Logging(5), "the name of a logger"),
    ],
)
def test_a_mistake_is_one_sentence(make: Callable[[], object], said: str) -> None:
    """At the start, never at a request."""
    with pytest.raises(UsageError, match=said):
        make()


def test_the_guard_gives_its_events_to_sinks(make: Callable[..., Site]) -> None:
    """And in none of them is a character of the credential, nor of one in the URL."""
    found: list[Event] = []
    site = make(sinks=[found.append])
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key).status == 200
    assert site.ask(f"/api/v1/orders/{key}").status == 401
    site.core.recorder.close()
    assert [(row.status, row.route[1] != "") for row in found] == [(200, True), (401, True)]
    assert key[20:] not in repr(found)


def test_the_guard_refuses_what_is_no_sink(make: Callable[..., Site]) -> None:
    """With a sentence, at the start."""
    with pytest.raises(UsageError, match="sinks: functions"):
        make(sinks=[None])
