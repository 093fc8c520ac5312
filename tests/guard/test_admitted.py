"""The one promise of the guard, whole: a call reaches its handler exactly when its caller is proved, holds the scope, calls from where it may,
is within its limit, and, where it is signed, is fresh and comes for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostiary.client import SignKey
from tests.guard.signing_sites import SITES, Client, credential, keyring
from tests.guard.sites import HTTPS, Header, Site

LIMIT, WINDOW = 3, 60
NEAR, FAR, OUTSIDE = "203.0.113.7", "203.0.113.200", "198.51.100.7"
"""Two addresses in the network of the route, of which a key may be bound to the first, and one outside."""

BEARERS = ("good", "scopeless", "bound", "revoked", "expired", "forged", "none")
SIGNERS = ("ed25519", "hmac-sha256", "simple", "scopeless-signer", "bound-signer", "revoked-signer", "stranger")


@dataclass(frozen=True)
class Told:
    """One call: by whom, from where, so many seconds after the last one. Signed ones: ``age`` of the signature, ``spoilt`` or a ``replay``."""

    who: str
    peer: str
    pause: int
    age: int = 0
    spoilt: bool = False
    replay: bool = False


PEERS = st.sampled_from([NEAR, NEAR, NEAR, FAR, OUTSIDE])
PAUSES = st.sampled_from([0, 0, 1, 19, 20, 29, 30, 59, 60, 61])
AGES = st.sampled_from([0, 0, 0, 1, 299, 300, 301, -29, -30, -31])
CALLS = st.lists(
    st.one_of(
        st.builds(Told, st.sampled_from(BEARERS), PEERS, PAUSES),
        st.builds(
            Told,
            st.sampled_from(SIGNERS),
            PEERS,
            PAUSES,
            AGES,
            st.sampled_from([False, False, True]),
            st.sampled_from([False, False, True]),
        ),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class Expectation:
    """What must come out, from the words of the promise alone: who is who, what was admitted when, which signatures were taken."""

    now: float
    admitted: dict[str, list[float]] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def of(self, call: Told, created: float, number: int) -> bool:
        if call.peer == OUTSIDE or call.who in ("revoked", "expired", "forged", "none", "revoked-signer", "stranger"):
            return False
        if call.who in SIGNERS and not self._accepted(call, created, number):
            return False
        if call.who.startswith("scopeless") or (call.who.startswith("bound") and call.peer != NEAR):
            return False
        recent = [time for time in self.admitted.setdefault(call.who, []) if time > self.now - WINDOW]
        if len(recent) >= LIMIT:
            return False
        self.admitted[call.who].append(self.now)
        return True

    def _accepted(self, call: Told, created: float, number: int) -> bool:
        """Rightly signed, no younger than 30 seconds before and no older than 300 seconds after its time, never before."""
        if call.spoilt or not -30 <= self.now - created <= 300 or number in self.taken:
            return False
        self.taken.add(number)
        return True


class Service:
    """A site with one caller of every kind, called one by one."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.expected = Expectation(site.clock.now)
        self.sent: dict[str, tuple[int, float, list[Header], bool]] = {}
        self.number = 0
        self.keys = {"good": site.mint("orders:read"), "scopeless": site.mint(), "bound": site.mint("orders:read", networks=[f"{NEAR}/32"])}
        self.keys["revoked"], self.keys["expired"] = site.mint("orders:read"), site.mint("orders:read", expires=site.clock.now + 1)
        site.keyring.revoke(self.keys["revoked"])
        self.keys["forged"] = site.mint("orders:read", prefix="oth")[:-6] + "aaaaaa"
        self.signers = {name: self._signer(name) for name in SIGNERS}

    def _signer(self, name: str) -> Client:
        if name == "stranger":
            return Client(self.site, SignKey.ed25519("0aB1cD2eF3gH", bytes(range(32))))
        about: dict[str, Any] = {"scopes": [] if name.startswith("scopeless") else ["orders:read"]}
        if name.startswith("bound"):
            about["networks"] = [f"{NEAR}/32"]
        key = credential(self.site, "hmac-sha256" if name in ("simple", "hmac-sha256") else "ed25519", **about)
        if name.startswith("revoked"):
            keyring(self.site).revoke(key.id)
        return Client(self.site, key, "simple" if name == "simple" else "rfc9421")

    def call(self, call: Told) -> tuple[bool, bool]:
        """(was it admitted, should it have been)."""
        self.site.clock.now += call.pause
        self.expected.now = self.site.clock.now
        number, created, headers, spoilt = self._prepared(call)
        before = len(self.site.reached)
        reply = self.site.send("GET", "/guarded", headers, HTTPS, call.peer, b"")
        call = Told(call.who, call.peer, 0, spoilt=spoilt)
        reached = len(self.site.reached) > before
        assert reached is (reply.status == 200)
        return reached, self.expected.of(call, created, number)

    def _prepared(self, call: Told) -> tuple[int, float, list[Header], bool]:
        if call.who in BEARERS:
            return 0, 0.0, [("X-API-Key", self.keys[call.who])] if call.who in self.keys else [], False
        if call.replay and call.who in self.sent:
            return self.sent[call.who]
        self.number += 1
        created = self.site.clock.now - call.age
        path = "/guarded?spoilt" if call.spoilt else "/guarded"
        found = self.number, created, self.signers[call.who].headers("GET", path, at=created), call.spoilt
        self.sent[call.who] = found
        return found


@pytest.fixture(scope="module", params=[(framework, store) for framework in SITES for store in ("memory", "sqlite")], ids="-".join)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    framework, store = request.param
    folder: Path = tmp_path_factory.mktemp("admitted")
    site = SITES[framework]("memory://" if store == "memory" else f"sqlite:///{folder}/g.db", failures=None)
    yield Service(site)
    site.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_admitted_exactly_when_everything_holds(service: Service, calls: list[Told]) -> None:
    """For any calls in any order, by key and by signature, over memory and SQLite: the handler runs exactly where the oracle says so."""
    service.site.clock.now += 1_000
    for call in calls:
        admitted, expected = service.call(call)
        assert admitted is expected, call
