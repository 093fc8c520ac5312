"""One decision, however it is driven: in a thread or in an event loop, straight from memory or through asks."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.guard import ask, flow
from ostiary.guard.ask import Call, Spend, arun, run
from ostiary.guard.authn.presented import LONGEST, Malformed, in_query, presented
from ostiary.guard.core import Core
from ostiary.guard.decision import Allow, Deny
from ostiary.guard.declaration import Declaration, merged
from ostiary.guard.declare import limit, public, require
from ostiary.guard.keyring import Keyring
from ostiary.guard.request import Request
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.guard.straight import straight
from ostiary.wire import apikey
from tests.guard.sites import PEPPER, Clock


class Asked(Request):
    """A request with these header lines, from this address."""

    __slots__ = ("lines",)

    def __init__(self, lines: dict[str, list[str]], *, query: str = "", peer: str = "203.0.113.7", path: str = "/x") -> None:
        super().__init__("GET", path, query, peer, "https", "api.example.test", 1_800_000_000.0)
        self.lines = lines

    def header(self, name: str) -> tuple[str, ...]:
        return tuple(self.lines.get(name, ()))


POLICIES: dict[str, Declaration | None] = {
    "undeclared": None,
    "public": public("why"),
    "public-limited": public("why", limits="2 per minute"),
    "plain": require(),
    "scoped": require("orders:read"),
    "any": require(any_of=["orders:read", "items:read"]),
    "limited": require(limits="2 per minute"),
    "both": merged(require("orders:read", limits="3 per minute"), limit("5 per minute", by="address")),
    "pair": merged(require(), limit("1 per minute", by=("principal", "address"))),
    "networks": require(networks=["203.0.113.0/24"]),
    "cards": require(schemes=["api-key"]),
}
KEYS = ("none", "good", "poor", "far", "expired", "revoked", "unknown", "crc", "junk", "double", "query", "bad-query")
PEERS = ("203.0.113.7", "198.51.100.1", "2001:db8::1", "")
calls = st.lists(
    st.tuples(st.sampled_from(sorted(POLICIES)), st.sampled_from((*KEYS, *["good"] * 10)), st.sampled_from(PEERS)), min_size=1, max_size=16
)


class House:
    """One guard with the same keys, compiled policies and a clock of its own."""

    def __init__(self, store: str, straight: bool = True) -> None:
        self.clock = Clock()
        self.core = Core(
            store=store,
            pepper=PEPPER,
            clock=self.clock,
            policy_file=None,
            failures="3 per minute",
            environment="production",
            redact_logs=False,
        )
        if not straight:
            # What answers in place is asked through the driver instead.
            self.core.counters.immediate = False
            self.core.key_store.immediate = False  # type: ignore[union-attr]
        self.compiled = {name: self.core.policies.compile("GET", f"/{name}", said) for name, said in POLICIES.items()}
        self.keys = self._keys()

    def _keys(self) -> dict[str, str]:
        ring = Keyring(self.core.key_store, self.core.peppers, clock=self.clock)  # type: ignore[arg-type]
        keys = {
            "good": ring.create(scopes=["orders:*"], limits="4 per minute")[1],
            "poor": ring.create(scopes=["other:read"])[1],
            "far": ring.create(scopes=["orders:*"], networks=["192.0.2.0/24"])[1],
            "expired": ring.create(scopes=["orders:*"], expires=self.clock() + 1)[1],
        }
        record, keys["revoked"] = ring.create(scopes=["orders:*"])
        ring.revoke(record.id)
        self.clock.now += 2
        keys["unknown"], keys["crc"], keys["junk"] = apikey.mint(), keys["good"][:-1] + "!", "not-a-key-of-ours"
        return keys

    def request(self, key: str, peer: str) -> Asked:
        if key == "none":
            return Asked({}, peer=peer)
        if key == "double":
            return Asked({"x-api-key": [self.keys["good"], self.keys["good"]]}, peer=peer)
        if key.endswith("query"):
            return Asked({}, peer=peer, query="k=" + self.keys["good" if key == "query" else "unknown"])
        return Asked({"x-api-key": [self.keys[key]]}, peer=peer)

    def decide(self, policy: str, key: str, peer: str, loop: bool) -> tuple[object, ...]:
        request = self.request(key, peer)
        one = self.compiled[policy]
        decision = asyncio.run(self.core.adecide(request, one)) if loop else self.core.decide(request, one)
        self.clock.now += 1.5
        shown = decision if isinstance(decision, Allow) else (decision.problem.status, decision.problem.code, decision.reason)
        return shown, request.verdict, request.reason, request.spent, request.principal is not None

    def close(self) -> None:
        self.core.close()


@contextmanager
def houses() -> Iterator[list[tuple[House, bool]]]:
    """Memory straight and through asks, SQLite; each in a thread and in a loop."""
    with tempfile.TemporaryDirectory() as folder:
        made = [(House("memory://"), False), (House("memory://"), True), (House("memory://", straight=False), False)]
        made += [(House("memory://", straight=False), True)]
        made += [(House(f"sqlite:///{Path(folder) / name}.db"), loop) for name, loop in (("thread", False), ("loop", True))]
        yield made
        for house, _ in made:
            house.close()


@settings(max_examples=15, deadline=None)
@given(calls)
def test_every_way_of_driving_gives_the_same_decisions(sequence: list[tuple[str, str, str]]) -> None:
    """Status, code, reason, verdict, state of the limits and whether somebody was proved, call by call."""
    with houses() as made:
        for policy, key, peer in sequence:
            found = [house.decide(policy, key, peer, loop) for house, loop in made]
            assert found == [found[0]] * len(found)


def test_the_straight_way_is_taken_when_a_key_was_proved_and_nothing_unusual_is_demanded() -> None:
    """None, with nothing spent, for the first call of a key, for junk, for a query, and where a route is public or has a plan."""
    house = House("memory://")
    house.compiled["plan"] = house.core.policies.compile("GET", "/plan", merged(require(), limit(lambda _: None)))
    found = {}
    for policy in (*POLICIES, "plan"):
        ways = [straight(house.core, house.request(key, PEERS[0]), house.compiled[policy]) for key in ("good", "junk", "query")]
        house.decide("plain", "good", PEERS[0], loop=False)
        ways.append(straight(house.core, house.request("good", PEERS[0]), house.compiled[policy]))
        found[policy] = [way is not None for way in ways]
        house.clock.now += 61
    never = {name: [False] * 4 for name in ("undeclared", "public", "public-limited", "plan")}
    assert found == {**{name: [False, False, False, True] for name in (*POLICIES, "plan")}, **never}
    house.close()


@pytest.mark.parametrize(
    ("policy", "key", "peer", "expected"),
    [
        ("undeclared", "good", PEERS[0], "undeclared"),
        ("public", "none", PEERS[0], ""),
        ("public", "junk", PEERS[0], ""),
        ("public", "query", PEERS[0], "key_in_query"),
        ("plain", "none", PEERS[0], "credentials_missing"),
        ("plain", "good", PEERS[0], ""),
        ("plain", "double", PEERS[0], "credentials_malformed"),
        ("plain", "crc", PEERS[0], "key_unknown"),
        ("plain", "unknown", PEERS[0], "key_unknown"),
        ("plain", "expired", PEERS[0], "key_expired"),
        ("plain", "revoked", PEERS[0], "key_revoked"),
        ("plain", "far", PEERS[0], "key_network"),
        ("scoped", "poor", PEERS[0], "scope"),
        ("any", "poor", PEERS[0], "scope"),
        ("any", "good", PEERS[0], ""),
        ("networks", "good", PEERS[1], "network_not_allowed"),
        ("networks", "junk", "", "network_not_allowed"),
        ("plain", "bad-query", PEERS[0], "key_in_query"),
    ],
)
def test_the_reason_of_every_step(policy: str, key: str, peer: str, expected: str) -> None:
    """The code in the record; empty where the call goes on."""
    house = House("memory://")
    assert house.decide(policy, key, peer, loop=False)[2] == expected
    house.close()


@pytest.mark.parametrize(
    ("policy", "key", "peer", "expected"),
    [
        ("scoped", "poor", PEERS[0], "scope"),
        ("any", "poor", PEERS[0], "scope"),
        ("plain", "far", PEERS[0], "key_network"),
        ("plain", "far", "192.0.2.9", ""),
        ("networks", "good", PEERS[1], "network_not_allowed"),
    ],
)
def test_a_key_that_was_proved_a_moment_ago_is_refused_all_the_same(policy: str, key: str, peer: str, expected: str) -> None:
    """The straight way leaves no step out."""
    house = House("memory://")
    house.decide("plain", key, peer, loop=False)
    assert house.decide(policy, key, peer, loop=False)[2] == expected
    house.close()


def test_nothing_after_a_refusal_is_spent() -> None:
    """A call without scope, from the wrong network or without key leaves the limit of the principal whole."""
    house = House("memory://")
    for key in ("poor", "far", "none", "unknown", "double"):
        house.decide("both", key, PEERS[0], loop=False)
    house.clock.now += 61
    assert [house.decide("both", "good", PEERS[0], loop=False)[0] for _ in range(4)] == [
        Allow(),
        Allow(),
        Allow(),
        (429, "too_many_requests", "rate_limit"),
    ]
    house.close()


def test_failed_attempts_are_counted_by_address_wherever_the_key_stands() -> None:
    """Three a minute here, in headers and in the query together; then 429, which hides nothing of a good key."""
    house = House("memory://")
    found = [house.decide("plain", key, PEERS[0], loop=False)[0] for key in ("unknown", "bad-query", "revoked", "junk", "bad-query")]
    assert [status for status, *_ in found] == [401, 400, 401, 429, 429]  # type: ignore[misc]
    assert [house.decide("plain", key, PEERS[0], loop=False)[2] for key in ("good", "none")] == ["", "credentials_missing"]
    assert house.decide("plain", "junk", PEERS[1], loop=False)[2] == "key_unknown"
    house.close()


def test_what_a_call_spent_is_told_and_what_protects_the_guard_is_not() -> None:
    """The state of a route's limits, of all phases in order; the limits of failures and of unknown paths only when they refuse."""
    house = House("memory://")
    request = house.request("good", PEERS[0])
    house.core.decide(request, house.compiled["both"])
    assert [one.count for one in request.limits] == [5, 3, 4]
    assert request.spent is not None
    assert [(index, left) for index, left, _ in request.spent.states] == [(0, 4), (1, 2), (2, 3)]
    for key, told in (("unknown", None), ("junk", None), ("unknown", None), ("junk", [3])):
        failed = house.request(key, PEERS[1])
        house.core.decide(failed, house.compiled["plain"])
        assert (None if failed.spent is None else [one.count for one in failed.limits]) == told
    house.close()


def test_a_credential_is_known_to_the_logs_wherever_it_stood() -> None:
    """From a header or from the query: the filters of logs get it, so that no line of this call holds it."""
    house = House("memory://")
    for key, policy in (("good", "plain"), ("unknown", "plain"), ("query", "plain"), ("query", "public")):
        request = house.request(key, PEERS[0])
        house.core.decide(request, house.compiled[policy])
        assert [needle.value for needle in request.needles] == [house.keys["good" if key == "query" else key]]
    house.close()


def test_addresses_and_keys_are_counted_apart() -> None:
    """Another address has a limit of its own, and so has another key from the same address."""
    house = House("memory://")
    found = [house.decide("public-limited", "none", peer, loop=False)[2] for peer in (*[PEERS[0]] * 3, PEERS[1])]
    assert found == ["", "", "rate_limit", ""]
    found = [house.decide("limited", key, PEERS[0], loop=False)[2] for key in ("good", "good", "good", "poor")]
    assert found == ["", "", "rate_limit", ""]
    pairs = [("good", PEERS[0]), ("good", PEERS[0]), ("poor", PEERS[0]), ("good", PEERS[1]), ("poor", PEERS[0])]
    assert [house.decide("pair", key, peer, loop=False)[2] for key, peer in pairs] == ["", "rate_limit", "", "", "rate_limit"]
    house.close()


def test_a_key_s_own_limits_hold_on_every_route() -> None:
    """Four a minute, whichever routes are called, and for this key alone."""
    house = House("memory://")
    found = [house.decide(policy, "good", PEERS[0], loop=False)[2] for policy in ("plain", "scoped", "any", "plain", "scoped")]
    assert found == ["", "", "", "", "rate_limit"]
    house.close()


def test_an_endless_target_is_refused_to_the_character() -> None:
    """Path and query together: 16,384 pass, one more does not."""
    house = House("memory://")
    half = flow.LONGEST_TARGET // 2
    assert flow.arrive(house.core, Asked({}, path="/" * half, query="q" * half)) is None
    refused = flow.arrive(house.core, Asked({}, path="/" * half, query="q" * (half + 1)))
    assert isinstance(refused, Deny)
    assert refused.problem.status == 431
    house.close()


# The drivers


def _flow(seen: list[object]) -> Any:
    try:
        seen.append((yield Call(int, ("7",))))
        seen.append((yield Spend((), 0.0)))
    except StoreDown as down:
        seen.append(str(down))
    return "done"


def driven(answer: Any, loop: bool, seen: list[object]) -> object:
    return asyncio.run(arun(_flow(seen), answer)) if loop else run(_flow(seen), answer, lambda _: None)


@pytest.mark.parametrize("loop", [False, True])
def test_a_busy_store_is_asked_again_and_then_is_down(loop: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice busy costs nothing; busy to the end is an outage that the flow hears of."""
    monkeypatch.setattr(ask, "PATIENCE", 0.02)
    tries = iter([Busy(), Busy(), 7, 8])

    def sometimes(_: object) -> object:
        found = next(tries)
        if isinstance(found, Busy):
            raise found
        return found

    def never(_: object) -> object:
        raise Busy

    seen: list[object] = []
    assert driven(sometimes, loop, seen) == "done"
    assert driven(never, loop, seen) == "done"
    assert seen == [7, 8, "the store is locked"]


def test_an_async_answer_in_a_thread_is_an_outage() -> None:
    """A mistake of the app's is not taken for a true answer."""

    async def later() -> bool:
        return True

    seen: list[object] = []
    coroutines = [later()]
    assert driven(lambda _: coroutines[0], False, seen) == "done"
    coroutines[0].close()
    assert seen == ["an async function was given to a synchronous app"]


def test_an_async_answer_in_a_loop_is_awaited() -> None:
    """What it gives comes back into the flow."""

    async def later(_: object) -> int:
        return 5

    seen: list[object] = []
    assert (driven(later, True, seen), seen) == ("done", [5, 5])


# Which credential a call carries

good = "k" * 20


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({}, ""),
        ({"x-api-key": [good]}, good),
        ({"x-api-key": [f"  {good}\t"]}, good),
        ({"authorization": [f"Bearer {good}"]}, good),
        ({"authorization": [f"bEARER  {good} "]}, good),
        ({"authorization": ["Basic abc"]}, ""),
        ({"authorization": ["Basic abc"], "x-api-key": [good]}, good),
        ({"authorization": [""]}, ""),
        ({"authorization": ["Bearer"]}, ""),
        ({"authorization": [good]}, ""),
        ({"x-api-key": [""]}, ""),
        ({"x-api-key": ["k" * LONGEST]}, "k" * LONGEST),
        ({"x-api-key": ["k" * (LONGEST + 1)]}, None),
        ({"x-api-key": [good, good]}, None),
        ({"x-api-key": [f"{good},{good}"]}, None),
        ({"x-api-key": [f"{good},"]}, None),
        ({"x-api-key": [good], "authorization": [f"Bearer {good}"]}, None),
        ({"x-api-key": [good], "authorization": ["Bearer"]}, None),
        ({"x-api-key": [""], "authorization": [f"Bearer {good}"]}, None),
        ({"authorization": [f"Bearer {good}", f"Bearer {good}"]}, None),
        ({"authorization": [f"Bearer {good}, Basic abc"]}, None),
        ({"authorization": [f"Basic abc, Bearer {good}"]}, None),
        ({"authorization": [f"Basic abc,\tbearer\t{good}"]}, None),
        ({"authorization": ['Digest a="1", b="2"']}, ""),
        ({"x-api-key": ["a b"]}, None),
        ({"x-api-key": ["a;b"]}, None),
        ({"x-api-key": ["a\x7fb"]}, None),
        ({"x-api-key": ["a\x00b"]}, None),
        ({"x-api-key": ["\u043a" * 20]}, None),
        ({"x-api-key": ["\xe9" * 20]}, None),
        ({"x-api-key": [good + "\n"]}, None),
    ],
)  # fmt: skip
def test_one_credential_or_none_or_a_refusal(lines: dict[str, list[str]], expected: str | None) -> None:
    """The credential itself, "" for none, and Malformed (None here) for two or for what no client sends."""
    request = Asked(lines)
    if expected is None:
        with pytest.raises(Malformed):
            presented(request, "x-api-key")
        return
    assert presented(request, "x-api-key") == expected


@given(st.text(st.characters(max_codepoint=0x250), max_size=60))
def test_a_credential_has_no_character_that_it_must_not(text: str) -> None:
    """Whatever is sent: what is taken is visible ASCII without comma, semicolon and blank."""
    try:
        found = presented(Asked({"x-api-key": [text]}), "x-api-key")
    except Malformed:
        return
    assert all("!" <= character <= "~" and character not in ",;" for character in found)


OURS = apikey.mint(randbelow=lambda n: 11 % n)


@pytest.mark.parametrize(
    ("query", "parameters", "expected"),
    [
        (f"k={OURS}", (), OURS),
        (f"{OURS}", (), OURS),
        (f"a=1&{OURS}=2", (), OURS),
        ("k=" + OURS.replace("_", "%5f"), (), OURS),
        ("k=" + OURS.replace("o", "%6F"), (), OURS),
        ("k=" + OURS[:-1], (), None),
        ("key=blue&token=red", (), None),
        ("key=blue", ("key",), "blue"),
        ("KEY=blue", ("key",), "blue"),
        ("k%65y=blue", ("key",), "blue"),
        ("key=", ("key",), ""),
        ("&".join(["a=1"] * 300), ("key",), ""),
        ("&".join(["a=1"] * 300), (), None),
    ],
)  # fmt: skip
def test_a_credential_in_the_query_is_seen(query: str, parameters: tuple[str, ...], expected: str | None) -> None:
    """Our form anywhere, percent-encoded or not; configured parameters in any case; too many to be looked at count as one."""
    assert in_query(query, frozenset(parameters)) == expected
