"""Scopes, schemes and networks of policies: admitted exactly when the rule says so, over both frameworks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard.declaration import Declaration
from ostiary.guard.declare import delegated, limit, public, require
from ostiary.guard.policies import Policies
from ostiary.guard.policyfiles import by_path
from ostiary.guard.stores.memory_keys import MemoryKeys
from tests.guard.sites import SITES, Site

Make = Callable[..., Site]
held_scopes = st.sampled_from(["orders:read", "orders:write", "orders:*", "orders:read:own", "items:read", "items:*", "*", "orders"])
demanded = st.sampled_from(["orders:read", "orders:write", "orders:read:own", "items:read", "orders", "orders:*"])


def covers(held: str, needed: str) -> bool:
    """The rule, written another way: part by part."""
    have, want = held.split(":"), needed.split(":")
    if have[-1] != "*":
        return have == want
    return len(want) > len(have) - 1 and want[: len(have) - 1] == have[:-1]


def admitted(held: set[str], all_of: set[str], any_of: set[str]) -> bool:
    every = all(any(covers(one, needed) for one in held) for needed in all_of)
    return every and (not any_of or any(covers(one, needed) for one in held for needed in any_of))


@pytest.fixture(scope="module", params=list(SITES))
def open_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    site = SITES[request.param](security_headers=False)
    yield site
    site.close()


@settings(max_examples=60, deadline=None)
@given(st.sets(held_scopes, max_size=4), st.sets(demanded, max_size=3), st.sets(demanded, max_size=3))
def test_a_key_is_admitted_exactly_when_its_scopes_cover_the_demand(
    open_site: Site, held: set[str], all_of: set[str], any_of: set[str]
) -> None:
    """200 or 403, never anything else, for any key and any demand; what is refused reaches no handler."""
    if not hasattr(open_site, "number"):
        open_site.number = 0  # type: ignore[attr-defined]
    open_site.number += 1  # type: ignore[attr-defined]
    path = f"/made/{open_site.number}"  # type: ignore[attr-defined]
    add(open_site, path, require(*sorted(all_of), any_of=sorted(any_of) or None))
    answer = open_site.ask(path, open_site.mint(*sorted(held)))
    assert answer.status == (200 if admitted(held, all_of, any_of) else 403)
    assert (path in open_site.reached) is (answer.status == 200)


def add(site: Site, path: str, mark: Declaration) -> None:
    """A route that comes late."""

    def flask_view() -> str:
        site.reached.append(path)
        return "x"

    async def fastapi_view() -> str:
        site.reached.append(path)
        return "x"

    if site.framework == "fastapi":
        site.app.add_api_route(path, mark(fastapi_view))
        return
    from werkzeug.routing import Rule

    site.app.url_map.add(Rule(path, endpoint=path, methods=["GET"]))
    site.app.view_functions[path] = mark(flask_view)


def test_a_refusal_for_scopes_says_so_and_spends_no_limit(make: Make) -> None:
    """403 ``insufficient_scope`` with its challenge; the limit of the route is whole afterwards."""
    site = make(routes={"/undeclared": require("x:y", limits="2 per minute")})
    poor, good = site.mint("a:b"), site.mint("x:y")
    refused = [site.ask("/undeclared", poor) for _ in range(3)]
    assert {(answer.status, answer.code, answer["www-authenticate"]) for answer in refused} == {
        (403, "insufficient_scope", 'Bearer error="insufficient_scope", scope="x:y"')
    }
    assert [site.ask("/undeclared", good).status for _ in range(3)] == [200, 200, 429]


def test_a_key_may_call_only_from_its_networks(make: Make) -> None:
    """Its own list, whatever the route says; an empty list is nowhere."""
    site = make()
    key, nowhere = site.mint("orders:read", networks=("198.51.100.0/24",)), site.mint("orders:read", networks=())
    path = "/api/v1/orders"
    assert [site.ask(path, key, peer=peer).status for peer in ("198.51.100.9", "203.0.113.7")] == [200, 403]
    assert site.ask(path, nowhere, peer="198.51.100.9").status == 403
    assert site.events()[-1].reason == "key_network"


def test_a_route_may_be_called_only_from_its_networks(make: Make) -> None:
    """Checked before the credential: a stranger elsewhere does not hear whether a key is good."""
    site = make()
    key = site.mint()
    assert [site.ask("/networks", key, peer=peer).status for peer in ("198.51.100.9", "203.0.113.7")] == [200, 403]
    assert site.ask("/networks", "junk", peer="203.0.113.7").code == "network_not_allowed"


def test_lists_of_the_whole_guard_hold_before_any_route(make: Make) -> None:
    """``deny`` wins; ``allow`` is everybody who may; an address that cannot be read is not allowed, and is not let through."""
    site = make(allow=["203.0.113.0/24"], deny=["203.0.113.9"])
    found = [site.ask("/health", peer=peer).status for peer in ("203.0.113.7", "203.0.113.9", "198.51.100.1", "")]
    assert found == [200, 403, 403, 403]
    assert [event.reason for event in site.events()] == ["", "network_denied", "network_not_allowed", "network_not_allowed"]


class Card:
    """An authenticator of the user's own: credentials that begin with ``card``."""

    name = "card"

    def known(self, text: str, now: float) -> None:
        return None

    def worthwhile(self, text: str) -> bool:
        return True

    def verify(self, text: str, now: float) -> Any:
        from ostiary.guard.authn import Refusal
        from ostiary.guard.decision import Principal

        yield from ()
        if not text.startswith("card"):
            return None
        return Principal("holder", "card") if text == "card-of-the-holder" else Refusal("card_unknown")


def test_only_the_schemes_that_a_route_names_are_asked(make: Make) -> None:
    """A card on a card route, a key on a key route, either where nothing is said; the other one is 401."""
    routes = {
        "/undeclared": require(schemes=["card"]),
        "/outer/inner/open": require(schemes=["api-key"]),
    }
    site = make(authenticators=[Card()], routes=routes)
    key, card = site.mint(), "card-of-the-holder"
    paths = ("/undeclared", "/outer/inner/open", "/echo")
    assert [[site.ask(path, sent).status for sent in (key, card)] for path in paths] == [[401, 200], [200, 401], [200, 200]]


def test_a_refusal_of_one_scheme_is_not_overruled_by_the_next(make: Make) -> None:
    """Only "not my kind" lets the next one try: a bad card stays bad, whoever comes after."""

    class Anybody(Card):
        name = "anybody"

        def verify(self, text: str, now: float) -> Any:
            from ostiary.guard.decision import Principal

            yield from ()
            return Principal("anybody", "anybody")

    site = make(authenticators=[Card(), Anybody()])
    assert [site.ask("/echo", sent).status for sent in ("card-forged", "something-else")] == [401, 200]


# Policies compiled


def compiled(*said: Declaration | None, method: str = "GET", template: str = "/x", **more: Any) -> Any:
    from ostiary.guard.authn.apikeys import ApiKeys
    from ostiary.guard.pepper import Peppers

    authenticators = (ApiKeys(MemoryKeys(), Peppers.of(b"x" * 32)), Card())
    paths = by_path(more.pop("routes", None), None)
    own, *outer = said or (None,)
    gated = more.pop("gated", lambda _: True)
    return Policies(authenticators, by_path=paths.find, **more).compile(method, template, own, outer, gated=gated)  # type: ignore[arg-type]


def test_head_is_compiled_as_get() -> None:
    """Template, method of the limits and patterns by path."""
    one = compiled(None, method="HEAD", routes={"GET /x": require("a:read", limits="5 per minute")})
    assert (one.method, one.policy.scopes) == ("GET", ("a:read",))
    assert one.by_principal[0][0] == ("", "GET", "/x")


def test_limits_are_counted_before_or_after_the_credential() -> None:
    """By address before, by principal after; on a public route all before; a bucket is shared by name."""
    both = merged_limits()
    one = compiled(both)
    assert ([charge[1].count for charge in one.by_address], [charge[1].count for charge in one.by_principal]) == ([7], [5])
    shown = compiled(public("why", limits="5 per minute"))
    assert ([charge[1].count for charge in shown.by_address], shown.by_principal) == ([5], ())
    assert compiled(require(), limit("5 per minute", bucket="shared")).by_principal[0][0] == ("shared",)


def merged_limits() -> Declaration:
    from ostiary.guard.declaration import merged

    return merged(require(limits="5 per minute"), limit("7 per minute", by="address"))


def test_defaults_hold_where_nothing_is_said_and_exempt_takes_them_away() -> None:
    """None is the guard's default, () none at all."""
    from ostiary.guard.declare import exempt
    from ostiary.model.limit import parse

    defaults = parse("9 per minute")
    assert [charge[1].count for charge in compiled(require(), limits=defaults).by_principal] == [9]
    assert compiled(require(), exempt(), limits=defaults).by_principal == ()


def test_a_gate_that_is_not_on_its_route_is_not_gated() -> None:
    """The route is refused then, whatever else it says."""
    assert compiled(delegated(print), gated=lambda _: False).gated is False
    assert compiled(delegated(print), gated=lambda _: True).gated is True
    assert compiled(require(), gated=lambda _: False).gated is True


def test_monitor_of_a_route_overrules_the_guard_s() -> None:
    """True, False, or as the guard."""
    words = (None, True, False)
    assert [[compiled(require(monitor=word), monitor=whole).monitor for word in words] for whole in (True, False)] == [
        [True, True, False],
        [False, True, False],
    ]


def test_an_unknown_scheme_names_the_route_and_the_known_ones() -> None:
    """The sentence that start-up prints."""
    with pytest.raises(UsageError, match=r"GET /x: no such scheme: nope \(this guard has api-key, card\)"):
        compiled(require(schemes=["nope"]))


def test_schemes_in_the_order_of_the_policy() -> None:
    """Only the named ones; none named is all."""
    assert [one.name for one in compiled(require(schemes=["card", "api-key"])).authenticators] == ["card", "api-key"]
    assert [one.name for one in compiled(require()).authenticators] == ["api-key", "card"]
