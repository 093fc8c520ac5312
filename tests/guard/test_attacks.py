"""The attacks of ATTACKS.md that this guard must refuse, over both frameworks; over every store where state matters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.guard.sites import PEER, Site

Make = Callable[..., Site]
LIMITED = "/public-limited"


def spend(site: Site, times: int, **how: object) -> list[int]:
    return [site.ask(LIMITED, **how).status for _ in range(times)]  # type: ignore[arg-type]


# 1: X-Forwarded-For believed


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP"])
def test_by_default_no_forwarding_header_counts(make: Make, name: str) -> None:
    """Five calls are let through, whatever address each of them claims to come from."""
    site = make()
    found = [
        site.ask(LIMITED, headers=[(name, f"for=198.51.100.{n}" if name == "Forwarded" else f"198.51.100.{n}")]).status for n in range(6)
    ]
    assert found == [200] * 5 + [429]


def test_an_ignored_forwarding_header_is_noted(make: Make) -> None:
    """The event says that somebody sent one, and holds the true address."""
    site = make()
    site.ask("/health", headers=[("X-Forwarded-For", "198.51.100.9")])
    event = site.events()[-1]
    assert (event.reason, event.address) == ("forwarding_ignored", PEER)


@pytest.mark.parametrize(
    ("proxies", "lines", "expected"),
    [
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (2, ["6.6.6.6, 198.51.100.1, 192.0.2.2"], "198.51.100.1"),
        (2, ["6.6.6.6, 198.51.100.1", "192.0.2.2"], "198.51.100.1"),
        (2, ["198.51.100.1"], PEER),
        (1, ["198.51.100.1:4711"], "198.51.100.1"),
        (1, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, ["fe80::1%eth0"], "fe80::1"),
        (1, ["::ffff:198.51.100.1"], "198.51.100.1"),
        (1, ["unknown"], PEER),
        (1, ["198.51.100.1, <script>"], PEER),
        (1, [], PEER),
        ("203.0.113.0/24", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        (["203.0.113.0/24", "192.0.2.0/24"], ["6.6.6.6, 198.51.100.1, 192.0.2.2"], "198.51.100.1"),
        ("10.0.0.0/8", ["198.51.100.1"], PEER),
    ],
)
def test_the_entry_of_the_outermost_trusted_proxy_is_taken(make: Make, proxies: object, lines: list[str], expected: str) -> None:
    """By number of hops or by network; ports, zones, mapped addresses and several lines are read, junk never is."""
    site = make(proxies=proxies)
    site.ask("/health", headers=[("X-Forwarded-For", line) for line in lines])
    assert site.events()[-1].address == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('for="[2001:db8::1]:4711";proto=https;host=shop.test', "2001:db8::1"),
        ("for=6.6.6.6, for=198.51.100.1;by=203.0.113.43", "198.51.100.1"),
        ('for="a,b;for=6.6.6.6", for=198.51.100.1', "198.51.100.1"),
        ("for=_hidden", PEER),
    ],
)
def test_the_standard_header_is_read_when_it_is_chosen(make: Make, line: str, expected: str) -> None:
    """RFC 7239, with quoted strings; the customary headers count for nothing then."""
    site = make(proxies=1, forwarded=True)
    site.ask("/health", headers=[("Forwarded", line), ("X-Forwarded-For", "6.6.6.6")])
    assert site.events()[-1].address == expected


# 2: headers dropped or smuggled


def test_an_underscored_header_beside_the_real_one_changes_nothing(make: Make) -> None:
    """``X_Api_Key`` with a good key does not help a bad one: refused in each framework."""
    site = make()
    good = site.mint("orders:read")
    assert site.ask("/api/v1/orders", "wrong-key", headers=[("X_Api_Key", good)]).status in (400, 401)
    assert site.reached == []


def test_connection_does_not_drop_the_credential(make: Make) -> None:
    """``Connection: X-Api-Key`` names a header that a proxy would drop; here it stays what it is."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key, headers=[("Connection", "close, X-Api-Key")]).status == 200
    assert site.ask("/api/v1/orders", headers=[("Connection", "close, X-Api-Key")]).status == 401


# 3: IPv6 rotation


def test_a_whole_64_shares_a_bucket(make: Make) -> None:
    """Five calls from five addresses of one /64 spend the limit of the sixth; another /64 has its own."""
    site = make()
    found = [site.ask(LIMITED, peer=f"2001:db8:0:1::{n:x}").status for n in range(6)]
    assert found == [200] * 5 + [429]
    assert site.ask(LIMITED, peer="2001:db8:0:2::1").status == 200


def test_the_prefix_length_is_an_option(make: Make) -> None:
    """With 128 every address counts for itself, with 48 a whole site."""
    single, site = make(ipv6_prefix=128), make(ipv6_prefix=48)
    assert [single.ask(LIMITED, peer=f"2001:db8:0:1::{n:x}").status for n in range(6)] == [200] * 6
    assert [site.ask(LIMITED, peer=f"2001:db8:0:{n:x}::1").status for n in range(6)] == [200] * 5 + [429]


# 4: duplicate, odd-case, padded credentials


def test_two_credentials_are_refused(make: Make) -> None:
    """Two key headers, two Authorization headers, or one of each: 400, even when each of them is good."""
    site = make()
    key = site.mint("orders:read")
    bearer = ("Authorization", f"Bearer {key}")
    for headers in ([("X-API-Key", key), ("X-API-Key", key)], [bearer, bearer], [("X-API-Key", key), bearer]):
        refused = site.ask("/api/v1/orders", headers=headers)
        assert (refused.status, refused.code) == (400, "bad_credentials_form")
    assert site.reached == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(make: Make, scheme: str) -> None:
    """RFC 9110: the scheme is case-insensitive, the credential is not."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", headers=[("Authorization", f"{scheme} {key}")]).status == 200
    assert site.ask("/api/v1/orders", headers=[("Authorization", f"{scheme} {key.swapcase()}")]).status == 401


@pytest.mark.parametrize("junk", ["a b", "a\tb", "a\x7fb", "a\x01b", "ключ", "a" * 9000])
def test_a_credential_with_odd_characters_is_refused(make: Make, junk: str) -> None:
    """Control characters, inner blanks, non-ASCII and endless ones never come to a look-up."""
    site = make()
    value = junk.encode().decode("latin-1")
    assert site.ask("/api/v1/orders", value).status == 400


def test_an_empty_credential_is_none(make: Make) -> None:
    """Nothing ever matches an empty key."""
    site = make()
    for headers in (
        [("X-API-Key", "")],
        [("Authorization", "")],
        [("X-API-Key", "   ")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
    ):
        assert site.ask("/api/v1/orders", headers=headers).status in (400, 401)
    assert site.reached == []


# 5: key in the query string (the logs of real servers: test_servers.py)


@pytest.mark.parametrize("place", ["?api_key={}", "?anything={}", "?a=1&{}=2", "?k={}&x=1"])
def test_a_key_of_ours_in_the_query_is_refused_wherever_it_stands(make: Make, place: str) -> None:
    """400 on protected and on public routes, and the key is marked as exposed, because it was a good one."""
    site = make()
    key = site.mint("orders:read")
    for path in ("/api/v1/orders", "/health"):
        refused = site.ask(path + place.format(key))
        assert (refused.status, refused.code) == (400, "key_in_query")
    assert site.reached == []
    assert site.keyring.list()[0].exposed_where == "query"


def test_a_percent_encoded_key_is_seen(make: Make) -> None:
    """``ost%5Fsk%5F…`` is a key, too."""
    site = make()
    key = site.mint("orders:read").replace("_", "%5F")
    assert site.ask(f"/api/v1/orders?k={key}").code == "key_in_query"


def test_a_stranger_cannot_burn_a_key(make: Make) -> None:
    """A key that does not verify is refused alike and marks nothing as exposed."""
    site = make()
    key = site.mint("orders:read")
    forged = key[: -len("secretcrc") - 6] + "A" * 9 + key[-6:]
    assert site.ask(f"/api/v1/orders?api_key={forged}").status == 400
    assert site.keyring.list()[0].exposed is None


def test_a_business_parameter_named_key_is_left_alone(make: Make) -> None:
    """``?key=blue`` is the app's own; with ``query_parameters`` it is a credential, whatever it holds."""
    site, strict = make(), make(query_parameters=["api_key"])
    assert site.ask("/health?key=blue&token=red").status == 200
    assert strict.ask("/health?key=blue").status == 200
    assert strict.ask("/health?API_KEY=blue").code == "key_in_query"


# 8: Host and URL confusion


def test_the_policy_is_of_the_matched_route_whatever_the_host_says(make: Make) -> None:
    """A Host with a path in it, or a request line for another route, opens nothing."""
    site = make()
    for host in ("api.example.test/health?", "api.example.test\\@evil", "evil.test"):
        assert site.ask("/api/v1/orders", headers=[("Host", host)]).status in (400, 401)
    assert site.reached == []


# 9: path tricks


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/orders%2f",
        "/api/v1/%6frders",
        "/api/v1//orders",
        "//api/v1/orders",
        "/api/v1/./orders",
        "/health/../api/v1/orders",
        "/health/%2e%2e/api/v1/orders",
        "/api/v1/orders;a=b",
        "/api/v1/orders/",
        "/API/v1/ORDERS",
        "/api/v1/orders%00",
        "/api/v1/orders%20",
        "/api/v1/ordersｓ",
        "/api/v1/orders/%2e%2e",
        "/outer/inner/deep/",
        "/outer//inner/deep",
    ],
)
def test_no_spelling_of_a_path_reaches_a_handler(make: Make, path: str) -> None:
    """Whatever route the framework finds, its policy is asked; without a key no handler runs."""
    site = make()
    status = site.ask(path).status
    assert site.reached == []
    # Behind a policy file a path that can be read in two ways is a bad request.
    ambiguous = () if site.framework in ("flask", "fastapi") else (400,)
    assert status in (301, 307, 308, 401, 403, 404, *ambiguous)


def test_a_mount_point_does_not_change_the_policy(make: Make) -> None:
    """Served below a prefix (``root_path``, ``SCRIPT_NAME``) the same routes demand the same."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key).status == 200
    assert site.ask("/api/v1/orders").status == 401


# 10: method tricks


def test_head_obeys_the_policy_of_get(make: Make) -> None:
    """Without a key HEAD is 401 (405 where the framework has no HEAD); with one it is what GET is."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", method="HEAD").status in (401, 405)
    assert site.ask("/api/v1/orders", key, method="HEAD").status in (200, 405)
    assert site.reached in ([], ["orders"])


def test_only_a_real_preflight_passes_and_reaches_no_view(make: Make) -> None:
    """OPTIONS without Origin and Access-Control-Request-Method is a call like any other."""
    site = make()
    preflight = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "GET")]
    assert site.ask("/api/v1/orders", method="OPTIONS").status in (401, 405)
    assert site.ask("/api/v1/orders", method="OPTIONS", headers=preflight[:1]).status in (401, 405)
    assert site.ask("/api/v1/orders", method="OPTIONS", headers=preflight).status in (200, 405)
    assert site.reached == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_method_overrides_are_ignored(make: Make, name: str) -> None:
    """A GET that says it is a POST is judged as GET."""
    site = make()
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key, headers=[(name, "POST")]).status == 200
    assert site.reached == ["orders"]


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PURGE", "TRACK", "PROPFIND"])
def test_unknown_methods_are_405(make: Make, method: str) -> None:
    """No handler runs for a method that nobody declared."""
    site = make()
    key = site.mint("*")
    assert site.ask("/api/v1/orders", key, method=method).status in (400, 405)
    assert site.reached == []


def test_each_method_of_a_path_has_its_own_policy(make: Make) -> None:
    """A key that may read may not write."""
    site = make()
    reader, writer = site.mint("orders:read"), site.mint("orders:write")
    found = [site.ask("/api/v1/orders", key, method=method).status for key in (reader, writer) for method in ("GET", "POST")]
    assert found == [200, 403, 403, 200]


# 13: log injection


@pytest.mark.parametrize("sign", ["\r\n", "\x1b[31m", "\u2028", "\u202e", "\x00"])
def test_nobody_writes_lines_into_the_record(make: Make, sign: str) -> None:
    """Path and agent are stored with their control and bidirectional characters spelled out."""
    site = make()
    agent = f"curl{sign}forged".encode().decode("latin-1").replace("\r\n", "\x0b")
    site.ask("/api/v1/orders/" + "".join(f"%{byte:02X}" for byte in f"a{sign}b".encode()), headers=[("User-Agent", agent)])
    event = site.events()[-1]
    for text in (event.path, event.agent, event.address, event.key_id):
        assert text.isprintable()


# 20: revoked but cached


def test_a_revoked_key_stops_at_once(site: Site) -> None:
    """It was used a moment ago and is in the cache: the next call is 401."""
    key = site.mint("orders:read")
    assert site.ask("/api/v1/orders", key).status == 200
    site.keyring.revoke(site.keyring.list()[0].id)
    assert site.ask("/api/v1/orders", key).status == 401


def test_recording_use_never_brings_a_revoked_key_back(site: Site) -> None:
    """Events that are written after the revocation leave the key revoked."""
    key = site.mint("orders:read")
    site.ask("/api/v1/orders", key)
    site.keyring.revoke(site.keyring.list()[0].id)
    assert site.events()[-1].status == 200
    assert site.ask("/api/v1/orders", key).status == 401
    assert site.keyring.list()[0].revoked is not None


# 6 and 21: telling by difference


def test_unknown_wrong_expired_disabled_and_revoked_look_the_same(site: Site) -> None:
    """Same status, same body but for the request id, same header names; the event knows the reason."""
    good = site.mint("orders:read", expires=site.clock() + 100)
    ring = site.keyring
    disabled, revoked, expired = site.mint("orders:read"), site.mint("orders:read"), site.mint("orders:read", expires=site.clock() + 1)
    by_name = {record.id: record for record in ring.list()}
    from ostiary.wire import apikey

    ids = {text: apikey.parse(text).id for text in (disabled, revoked)}  # type: ignore[union-attr]
    ring.disable(ids[disabled])
    ring.revoke(ids[revoked])
    site.clock.now += 2
    unknown = apikey.mint()
    wrong = _with_other_secret(good)
    answers = {
        name: site.ask("/api/v1/orders", key)
        for name, key in {"unknown": unknown, "wrong": wrong, "expired": expired, "disabled": disabled, "revoked": revoked}.items()
    }
    assert {answer.status for answer in answers.values()} == {401}
    assert len({tuple(sorted(answer.names)) for answer in answers.values()}) == 1
    assert len({answer["content-length"] for answer in answers.values()}) == 1
    bodies = [{key: value for key, value in answer.json.items() if key != "request_id"} for answer in answers.values()]
    assert all(body == bodies[0] for body in bodies)
    assert [event.reason for event in site.events()][-5:] == ["key_unknown", "key_wrong", "key_expired", "key_disabled", "key_revoked"]
    assert len(by_name) == 4


def _with_other_secret(key: str) -> str:
    from ostiary.wire import apikey

    body = key[: -apikey.CRC_LENGTH]
    other = body[:-1] + ("A" if body[-1] != "A" else "B")
    return other + apikey.checksum(other)


def test_every_401_carries_a_challenge_and_says_nothing_about_why(make: Make) -> None:
    """RFC 9110: WWW-Authenticate on every 401; RFC 6750: no ``error=`` when nothing was sent."""
    site = make()
    for key, challenge in (
        (None, "Bearer"),
        ("nonsense", 'Bearer error="invalid_token"'),
        ("ost_sk_live_x", 'Bearer error="invalid_token"'),
    ):
        answer = site.ask("/api/v1/orders", key)
        assert (answer.status, answer["www-authenticate"]) == (401, challenge)


# 18: oversize input


def test_an_endless_target_is_refused_before_anything_is_looked_at(make: Make) -> None:
    """431 for a path and query of more than 16 KiB."""
    site = make()
    assert site.ask("/health?" + "a" * 20_000).status == 431
    assert site.reached == []


# 22: one client starves all


def test_a_limit_by_address_holds_before_authentication(site: Site) -> None:
    """Twenty failed attempts a minute: the next failing call hears 429, a good key from there still passes."""
    key = site.mint("orders:read")
    found = [site.ask("/api/v1/orders", "not-a-key-of-ours").status for _ in range(21)]
    assert found == [401] * 20 + [429]
    assert site.ask("/api/v1/orders", key).status == 200
    assert site.ask("/api/v1/orders", "not-a-key-of-ours", peer="198.51.100.77").status == 401


def test_principals_have_limits_of_their_own(site: Site) -> None:
    """One key that spends its limit leaves the other's alone, from the same address."""
    first, second = site.mint(), site.mint()
    assert [site.ask("/api/v1/limited", first).status for _ in range(6)] == [200] * 5 + [429]
    assert site.ask("/api/v1/limited", second).status == 200


def test_unknown_paths_have_a_limit_of_their_own(site: Site) -> None:
    """Sixty 404 a minute from one address, then 429; routes that exist are not touched by it."""
    key = site.mint("orders:read")
    found = [site.ask(f"/nothing/{n}").status for n in range(61)]
    assert found == [404] * 60 + [429]
    assert site.ask("/api/v1/orders", key).status == 200
