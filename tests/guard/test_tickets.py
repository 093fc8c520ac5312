"""One-time tickets for pages that cannot set headers (KEY-13), in both frameworks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from flask import Flask
from starlette.websockets import WebSocket, WebSocketDisconnect

from ostiary.errors import UsageError
from ostiary.fastapi import Guard
from ostiary.flask import Guard as FlaskGuard
from ostiary.flask import require as flask_require
from ostiary.guard.authn.own import authenticator
from ostiary.guard.authn.statics import StaticKeys
from ostiary.guard.decision import Principal
from ostiary.guard.declare import require
from ostiary.testing import guard_of, mint
from ostiary.wire.redact import default
from tests.guard.sites import PEPPER, Site

Make = Callable[..., Site]
FEED = "/undeclared"
ROUTES = {FEED: require("orders:read", tickets=True), "/outer/inner/open": require(tickets=True)}


def key_of(site: Site, *scopes: str, **more: Any) -> tuple[str, Principal]:
    """A key, and the principal that it proves."""
    key = site.mint(*scopes, **more)
    assert site.ask("/echo", key).status == 200
    return key.rsplit("_", 1)[1][:12], next(one for one, _ in site.core.authenticators[0]._proved.held.values() if one.key_id in key)


def use(site: Site, ticket: str, path: str = FEED, **how: Any) -> int:
    return site.ask(f"{path}?ticket={ticket}", **how).status


def test_a_ticket_lets_in_once(make: Make) -> None:
    """As the principal that it was made for; the second time it is 401."""
    site = make(routes=ROUTES)
    _, who = key_of(site, "orders:read", owner="ann")
    ticket = site.core.tickets.issue(who, FEED)
    assert site.ask(f"{FEED}?a=b&ticket={ticket}").json["who"] == "ann"
    assert use(site, ticket) == 401
    assert site.events()[-1].reason == "ticket_used"


def test_a_ticket_ends(make: Make) -> None:
    """After thirty seconds, to the second."""
    site = make(routes=ROUTES)
    _, who = key_of(site, "orders:read")
    first, second = (site.core.tickets.issue(who, FEED) for _ in range(2))
    site.clock.now += 29.9
    assert use(site, first) == 200
    site.clock.now += 0.1
    assert use(site, second) == 401
    assert site.events()[-1].reason == "ticket_expired"


def test_a_ticket_is_good_on_its_route_alone(make: Make) -> None:
    """On no other route, not even one that takes tickets; a try elsewhere does not use it up."""
    site = make(routes=ROUTES)
    _, who = key_of(site, "orders:*")
    ticket = site.core.tickets.issue(who, FEED)
    assert [use(site, ticket, path) for path in ("/outer/inner/open", "/api/v1/orders", "/echo")] == [401, 401, 401]
    assert use(site, ticket) == 200


def test_a_ticket_dies_with_its_key_and_gives_no_scope_back(make: Make) -> None:
    """Revoked, or narrowed, between the two."""
    site = make(routes=ROUTES)
    key_id, who = key_of(site, "orders:read")
    first, second = (site.core.tickets.issue(who, FEED) for _ in range(2))
    site.keyring.change(key_id, scopes=["other:read"])
    assert use(site, first) == 403
    site.keyring.revoke(key_id)
    assert use(site, second) == 401


def test_a_ticket_of_a_narrow_principal_stays_narrow(make: Make) -> None:
    """Whatever its key may."""
    site = make(routes=ROUTES)
    _, who = key_of(site, "orders:*")
    narrow = Principal(who.subject, who.scheme, who.key_id, scopes=("other:read",))
    assert use(site, site.core.tickets.issue(narrow, FEED)) == 403


def test_a_ticket_of_somebody_without_a_key(make: Make) -> None:
    """As who it was made for, with those scopes."""
    site = make(routes=ROUTES, authenticators=[authenticator("session", lambda request: None)])
    who = Principal("bob", "session", scopes=("orders:read",))
    assert site.ask(f"{FEED}?ticket={site.core.tickets.issue(who, FEED)}").json["who"] == "bob"


def test_a_forged_ticket_is_refused(make: Make) -> None:
    """Each character counts; another pepper's is nothing."""
    site = make(routes=ROUTES)
    _, who = key_of(site, "orders:read")
    good = site.core.tickets.issue(who, FEED)
    body, mac = good.removeprefix("ostt_").split(".")
    held = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    held[1] += 1000
    longer = base64.urlsafe_b64encode(json.dumps(held, separators=(",", ":")).encode()).rstrip(b"=").decode()
    forged = [
        good[:-1] + ("A" if good[-1] != "A" else "Q"),
        f"ostt_{longer}.{mac}",
        f"ostt_{body}.",
        good[5:],
        "x",
        "ostt_.",
        "ostt_%00." + mac,
    ]
    other = make(routes=ROUTES, pepper=b"another pepper, which is as long as it has to be")
    forged.append(other.core.tickets.issue(who, FEED))
    assert {use(site, one, peer=f"198.51.{number}.1") for number, one in enumerate(forged)} == {401}
    assert use(site, good) == 200


def test_a_ticket_and_a_key_are_two_credentials(make: Make) -> None:
    """400; and two tickets are."""
    site = make(routes=ROUTES)
    key, (_, who) = site.mint("orders:read"), key_of(site, "orders:read")
    ticket = site.core.tickets.issue(who, FEED)
    assert site.ask(f"{FEED}?ticket={ticket}", key).status == 400
    assert site.ask(f"{FEED}?ticket={ticket}&ticket={ticket}").status == 400
    assert use(site, ticket) == 200


def test_a_route_that_takes_no_tickets_leaves_the_parameter_alone(make: Make) -> None:
    """``?ticket=`` may be business there."""
    site = make(routes=ROUTES)
    assert site.ask("/echo?ticket=seat-7", site.mint()).status == 200
    assert site.ask("/health?ticket=seat-7").status == 200


def test_two_workers_let_one_ticket_in_once(make: Make, tmp_path: Path) -> None:
    """Whichever of them it reaches first."""
    url = f"sqlite:///{tmp_path / 'ostiary.db'}"
    workers = [make(url, routes=ROUTES), make(url, routes=ROUTES)]
    _, who = key_of(workers[0], "orders:read")
    tickets = [workers[0].core.tickets.issue(who, FEED) for _ in range(10)]
    for number, ticket in enumerate(tickets):
        assert [use(workers[(number + turn) % 2], ticket) for turn in range(3)] == [200, 401, 401]


def test_no_ticket_is_logged() -> None:
    """A server's access log writes the query: the filter of logs knows the form."""
    from ostiary.guard.authn.tickets import Tickets
    from ostiary.guard.pepper import Peppers

    made = Tickets(Peppers.of(PEPPER), {}, lambda: 0.0, lambda: None)  # type: ignore[arg-type, return-value]
    ticket = made.issue(Principal("ann", "api-key", "abc"), "/feed")
    cleaned = default.text(f'127.0.0.1 - "GET /feed?ticket={ticket}&a=b HTTP/1.1" 200')
    assert not any(part in cleaned for part in ticket.removeprefix("ostt_").split("."))
    assert cleaned.endswith('HTTP/1.1" 200')


def test_a_guard_of_static_keys_has_no_tickets(make: Make) -> None:
    """There is no secret that all workers share: the first call says so, in the log, and nothing is served."""
    site = make(routes=ROUTES, keys=StaticKeys({"API_KEY": "a-key-of-the-environment"}))
    assert site.ask("/health").status == 503
    with pytest.raises(UsageError, match="static keys"):
        site.core.tickets.issue(Principal("a", "b"), "/x")


@pytest.mark.parametrize(("who", "route"), [(None, "/x"), ("ann", "/x"), (Principal("a", "b"), "x"), (Principal("a", "b"), None)], ids=str)
def test_a_ticket_that_cannot_be_is_a_sentence(make: Make, who: Any, route: Any) -> None:
    """And not a ticket."""
    with pytest.raises(UsageError, match="ticket: for a"):
        make().core.tickets.issue(who, route)


def test_flask_issues_tickets() -> None:
    """``guard.ticket`` in a handler; outside of one it is a sentence."""
    app = Flask(__name__, static_folder=None)
    guard = FlaskGuard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None)
    app.post("/tickets", endpoint="tickets")(flask_require(issues=True)(lambda: guard.ticket(guard.principal, "/events/{room}")))
    app.get("/events/<room>")(flask_require("feed:read", tickets=True)(lambda room: f"{room} for {guard.principal.subject}"))
    client = app.test_client()
    ticket = client.post("/tickets", headers={"X-API-Key": mint(app, "feed:read", owner="ann")}).text
    assert client.get(f"/events/9?ticket={ticket}").text == "9 for ann"
    assert client.get(f"/events/9?ticket={ticket}").status_code == 401
    with pytest.raises(UsageError, match="only while a call"):
        guard.ticket(Principal("ann", "api-key"), "/events/9")


def test_a_websocket_by_ticket() -> None:
    """From the call that issues it to the socket, through the adapter; a second socket is refused."""
    app = FastAPI()
    guard = Guard(app, store="memory://", pepper=PEPPER, https="off", policy_file=None)

    @app.post("/tickets")
    @require(issues=True)
    async def tickets() -> str:
        assert guard.principal is not None
        return guard.ticket(guard.principal, "/feed/7")

    @app.websocket("/feed/{room}")
    @require("feed:read", tickets=True)
    async def feed(socket: WebSocket, room: str) -> None:
        await socket.accept()
        await socket.send_text(f"{room} for {guard.principal and guard.principal.subject}")
        await socket.close()

    client = TestClient(app)
    ticket = client.post("/tickets", headers={"X-API-Key": mint(app, "feed:read", owner="ann")}).json()
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/feed/8?ticket={ticket}"):
        """Another room."""
    with client.websocket_connect(f"/feed/7?ticket={ticket}") as socket:
        assert socket.receive_text() == "7 for ann"
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/feed/7?ticket={ticket}"):
        """The second time."""
    assert all(ticket not in str(event) for event in guard_of(app).recorder.store.recent())
