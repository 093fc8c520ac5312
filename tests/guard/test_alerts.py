"""Alerts: told once, signed, and by no means held up by a channel."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.alerts import Alert, Webhook, channels_of, tell
from ostiary.guard.event import Event
from ostiary.guard.keeper import Keeper
from ostiary.guard.stores.memory_events import MemoryEvents
from ostiary.wire import webhook
from tests.guard.keys import DAY, NOW, Clock, keyring
from tests.guard.sites import Site

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ALERT = Alert(NOW, "rate", "key1", "key key1 called 900 times")


def scanner(number: int, at: float = NOW, address: str = "203.0.113.7") -> list[Event]:
    return [
        Event(at + n, path=f"/{n}.php", method="GET", status=404, address=address, reason="no_route", verdict="deny") for n in range(number)
    ]


def keeper(store: MemoryEvents, told: list[Alert], clock: Clock, **more: Any) -> Keeper:
    return Keeper(store, channels=channels_of([told.append]), clock=clock, **more)


def test_what_is_out_of_the_ordinary_is_told_once_whoever_finds_it(caplog: pytest.LogCaptureFixture) -> None:
    """Also across pieces and across processes; the log says it, too."""
    store, told, clock = MemoryEvents(), list[Alert](), Clock(NOW + 40)
    one = keeper(store, told, clock)
    store.write(scanner(20))
    assert one.round()
    assert told == []
    store.write(scanner(30)[20:])
    assert one.round()
    assert one.round()
    clock.now += 300
    assert keeper(store, told, clock).round()
    assert [(alert.kind, alert.who) for alert in told] == [("unknown-paths", "203.0.113.7")]
    assert f"unknown-paths: {told[0].why}" in caplog.text


def test_what_is_long_over_is_learned_from_and_not_told() -> None:
    """A process that starts does not tell the news of yesterday."""
    store, told = MemoryEvents(), list[Alert]()
    store.write(scanner(60))
    assert keeper(store, told, Clock(NOW + DAY)).round()
    assert told == []


def test_events_that_begin_anew_after_retention_are_read() -> None:
    """Numbers of SQLite begin at one again when the table is empty; nothing is missed."""
    store, told, clock = MemoryEvents(), list[Alert](), Clock(NOW + 60)
    one = keeper(store, told, clock)
    store.write(scanner(10))
    assert one.round()
    store.prune(100, None)
    assert one.round()
    store.__init__()  # type: ignore[misc]
    store.write(scanner(60, at=NOW + 30))
    assert one.round()
    assert len(told) == 1


def test_a_key_is_warned_of_30_7_and_1_days_before_its_end_and_at_it() -> None:
    """Each once, whichever process; in the log and in every channel; one that is replaced or revoked is left alone."""
    clock, told, store = Clock(), list[Alert](), MemoryEvents()
    ring = keyring(clock=clock)
    record, _ = ring.create(name="mobile", expires=NOW + 40 * DAY)
    ring.revoke(ring.create(expires=NOW + 40 * DAY)[0].id)
    ring.create()
    keepers = [keeper(store, told, clock, keyring=ring) for _ in range(2)]
    found = []
    for day in range(42):
        clock.now = NOW + day * DAY
        for one in keepers:
            one.round()
        found += [(day, alert.why) for alert in told]
        told.clear()
    end = f"; ostiary keys rotate {record.id} makes a new one"
    assert found == [
        (day, f"key {record.id} (mobile) ends {when}{end}") for day, when in ((10, "in 30 days"), (33, "in 7 days"), (39, "within a day"))
    ]


def test_a_channel_that_fails_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    """And it is said, without what it raised: that may hold the address of a webhook."""

    def failing(alert: Alert) -> None:
        raise OSError("https://hooks.example.test/secret")

    told: list[Alert] = []
    tell(ALERT, channels_of([failing, told.append]))
    assert told == [ALERT]
    assert "an alert could not be sent by _Function (OSError)" in caplog.text
    assert "secret" not in caplog.text


def test_a_webhook_is_signed_so_that_its_receiver_can_verify_it() -> None:
    """By Standard Webhooks, over a real server; tried again with the same id until it is taken, and never redirected."""
    seen: list[tuple[Mapping[str, str], bytes]] = []
    answers = [500, 302, 204]

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(
                ({name.lower(): value for name, value in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(answers[len(seen) - 1])
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not in the output of tests."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        Webhook(f"http://127.0.0.1:{server.server_port}/", SECRET, clock=Clock(), sleep=lambda _: None).send(ALERT)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len({headers["webhook-id"] for headers, _ in seen}) == 1
    headers, body = seen[-1]
    taken = webhook.standard(body, headers["webhook-signature"], headers["webhook-id"], headers["webhook-timestamp"], [SECRET], NOW)
    assert json.loads(taken.body) == {"type": "ostiary.rate", "timestamp": NOW, "data": ALERT._asdict()}


def test_a_webhook_gives_up_after_three_tries() -> None:
    """Waiting longer each time."""
    waits: list[float] = []
    asked: list[str] = []

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        asked.append(url)
        return 0

    with pytest.raises(OSError, match="answers nothing"):
        Webhook("https://alerts.example.test/", SECRET, post=post, sleep=waits.append).send(ALERT)
    assert (len(asked), waits) == (3, [2.0, 4.0])


def test_without_apprise_it_is_one_sentence() -> None:
    """With the command that brings it."""
    code = (
        "import sys; sys.modules['apprise'] = None\nfrom ostiary.guard.alerts import Apprise\n"
        "try:\n    Apprise('slack://a/b/c')\nexcept ImportError as error:\n    print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "Apprise() needs: pip install 'ostiary[alerts]'\n"


@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        (lambda: channels_of("slack://"), "alerts: a list"),
        (lambda: channels_of([5]), "functions, or objects with send"),
        (lambda: channels_of([Webhook]), "not the class Webhook"),
        (lambda: Webhook("http://alerts.example.test/", SECRET), "an https URL"),
        (lambda: Webhook("https://alerts.example.test/", "whsec_c2hvcnQ="), "at least 24 random bytes"),
        (lambda: Webhook("https://alerts.example.test/", "not base64!"), "at least 24 random bytes"),
    ],
)
def test_a_mistake_is_one_sentence(make_it: Callable[[], object], said: str) -> None:
    """At the start; no secret is repeated."""
    with pytest.raises(UsageError, match=said) as refused:
        make_it()
    assert "c2hvcnQ" not in str(refused.value)


def test_the_guard_tells_what_it_sees(make: Callable[..., Site]) -> None:
    """A stranger who tries paths is told to whoever the guard was given."""
    told: list[Alert] = []
    site = make(alerts=[told.append], unmatched=None)
    for number in range(30):
        site.ask(f"/{number}.php")
    site.core.recorder.flush()
    site.core.recorder._tick.__self__.round()
    assert [(alert.kind, alert.who) for alert in told] == [("unknown-paths", "203.0.113.7")]
