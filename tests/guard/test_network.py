"""Addresses and networks against the standard library's ``ipaddress``; forwarding headers with exact answers."""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard.network import Networks, address_of, bucket, is_loopback, resolve, trust
from ostiary.guard.request import Request

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)


def near(address: IPv4Address | IPv6Address, distance: int) -> IPv4Address | IPv6Address:
    """Another one not far away, so that both answers come up."""
    return type(address)((int(address) ^ distance) % (1 << address.max_prefixlen))


networks_of_4 = st.tuples(v4, st.integers(0, 32))
networks_of_6 = st.tuples(v6.filter(lambda one: one.ipv4_mapped is None), st.integers(0, 128))


@given(st.lists(networks_of_4 | networks_of_6, max_size=6), v4 | v6, st.integers(0, 1 << 20))
def test_membership_is_that_of_ipaddress(
    pairs: list[tuple[IPv4Address | IPv6Address, int]], other: IPv4Address | IPv6Address, far: int
) -> None:
    """For any set of networks and any address, far away or just beside one of them, as text and as object."""
    texts = [f"{address}/{length}" for address, length in pairs]
    networks = Networks(texts)
    for address in [other, *(near(one, far) for one, _ in pairs)]:
        plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
        expected = any(plain in ip_network(text, strict=False) for text in texts if ip_network(text, strict=False).version == plain.version)
        assert (str(address) in networks) is expected
        assert (plain in networks) is expected


@given(v4, st.integers(0, 32), v4)
def test_a_mapped_network_is_the_ipv4_network(address: IPv4Address, length: int, other: IPv4Address) -> None:
    """``::ffff:a.b.c.d/96+n`` is ``a.b.c.d/n``, and mapped addresses are in IPv4 networks."""
    plain = ip_network(f"{address}/{length}", strict=False)
    for networks in (Networks([f"::ffff:{address}/{96 + length}"]), Networks([str(plain)])):
        assert (f"::ffff:{other}" in networks) is (other in plain)


@given(v4 | v6, st.integers(0, 65535), st.text("abc012", min_size=1, max_size=5))
def test_an_address_is_read_as_proxies_write_it(address: IPv4Address | IPv6Address, port: int, zone: str) -> None:
    """Plain, quoted, with blanks, with a port; IPv6 in brackets and with a zone; what is mapped is IPv4."""
    expected = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    forms = [f"{address}", f' "{address}" ']
    forms += [f"{address}:{port}"] if address.version == 4 else [f"[{address}]", f"[{address}]:{port}", f"{address}%{zone}"]
    assert {address_of(form) for form in forms} == {expected}


@given(st.text(max_size=200))
def test_what_is_no_address_is_none(text: str) -> None:
    """No text raises; what comes out is an address or None."""
    found = address_of(text)
    assert found is None or isinstance(found, (IPv4Address, IPv6Address))


@pytest.mark.parametrize("text", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "1.2.3.4/8", "::1::", "256.1.1.1", "1" * 500, "127.1", "0x7f000001", "2130706433"])  # fmt: skip
def test_other_ways_to_write_an_address_count_for_nothing(text: str) -> None:
    """Short, hexadecimal and decimal forms are not what a proxy writes."""
    assert address_of(text) is None


@given(v6.filter(lambda one: one.ipv4_mapped is None), st.integers(32, 128))
def test_a_bucket_of_ipv6_is_its_network(address: IPv6Address, prefix: int) -> None:
    """Two addresses share one exactly when they share the prefix."""
    other = IPv6Address(int(address) ^ 1 << (127 - prefix) if prefix < 128 else int(address))
    assert bucket(str(address), prefix) == str(IPv6Network((int(address), prefix), strict=False))
    assert (bucket(str(address), prefix) == bucket(str(other), prefix)) is (prefix < 128 or other == address)


@given(v4)
def test_a_bucket_of_ipv4_is_the_address(address: IPv4Address) -> None:
    """Mapped or not, one bucket."""
    assert bucket(str(address)) == bucket(f"::ffff:{address}") == str(address)


def test_a_bucket_of_no_address_is_the_text() -> None:
    """A Unix socket has no peer: all of its callers share one."""
    assert [bucket(""), bucket("unix:")] == ["", "unix:"]


@given(v4 | v6)
def test_loopback_is_that_of_ipaddress(address: IPv4Address | IPv6Address) -> None:
    """Of what is mapped, that of the IPv4 address."""
    plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    assert is_loopback(str(address)) is plain.is_loopback


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0", "nginx", "", 5, None, "::1/129"])
def test_what_is_no_network_is_refused(text: object) -> None:
    """A sentence that quotes it; a number is no network either."""
    with pytest.raises(UsageError, match="not a network"):
        Networks([text])  # type: ignore[list-item]


def test_a_hundred_thousand_networks_are_a_list_like_any_other() -> None:
    """Every prefix length of both versions; a sample of addresses inside, at the edges and beside, against ``ipaddress``."""
    random = Random(20_261_123)
    texts = [f"{IPv4Address(random.getrandbits(32))}/{random.randint(8, 32)}" for _ in range(60_000)]
    texts += [f"{IPv6Address(random.getrandbits(125) | 1 << 125)}/{random.randint(16, 128)}" for _ in range(40_000)]
    listed = [ip_network(text, strict=False) for text in texts]
    ranges = {4: _merged(listed, 4), 6: _merged(listed, 6)}
    networks = Networks(texts)
    for network in random.sample(listed, 1500):
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first, last, first - 1, last + 1, random.randint(first, last), random.getrandbits(network.max_prefixlen)):
            address = type(network.network_address)(number % (1 << network.max_prefixlen))
            starts, ends = ranges[network.version]
            at = bisect_right(starts, int(address)) - 1
            assert (address in networks) is (at >= 0 and int(address) <= ends[at])
            assert (str(address) in networks) is (address in networks)


def _merged(listed: list[IPv4Network | IPv6Network], version: int) -> tuple[list[int], list[int]]:
    """First and last addresses of what the standard library makes of them: sorted, none within another."""
    kept = list(collapse_addresses(one for one in listed if one.version == version))  # type: ignore[type-var]
    return [int(one.network_address) for one in kept], [int(one.broadcast_address) for one in kept]


def test_looking_an_address_up_takes_no_longer_in_a_hundred_thousand() -> None:
    """Counted, not timed: one look-up for each prefix length of its version, however many networks have it."""
    few = Networks(f"10.{number}.0.0/{16 + number % 8}" for number in range(8))
    many = Networks(f"{IPv4Address(number << 12)}/{20 + number % 8}" for number in range(100_000))
    assert len(few._by_length) == len(many._by_length) == 8
    assert "10.1.0.0" in few


# Forwarding headers


class Told(Request):
    """A request with these header lines."""

    __slots__ = ("lines",)

    def __init__(self, lines: dict[str, list[str]], peer: str = "10.0.0.1", scheme: str = "http") -> None:
        super().__init__("GET", "/", "", peer, scheme, "inside.test", 0.0)
        self.lines = lines

    def header(self, name: str) -> tuple[str, ...]:
        return tuple(self.lines.get(name, ()))


def resolved(lines: dict[str, list[str]], *, peer: str = "10.0.0.1", scheme: str = "http", **settings: object) -> tuple[str, bool, str]:
    request = Told(lines, peer, scheme)
    proxies = settings.pop("proxies", 1)
    resolve(request, trust(proxies, **settings))  # type: ignore[arg-type]
    return request.address, request.secure, request.authority


FOR, PROTO, HOST = "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"


def test_address_scheme_and_host_come_from_the_same_proxy() -> None:
    """Of three lists the entry at the place of the outermost trusted hop; a proxy that overwrites leaves one, which is its own."""
    lines = {FOR: ["6.6.6.6, 198.51.100.1, 10.0.0.2"], PROTO: ["http, https, http"], HOST: ["evil.test, shop.test, inner.test"]}
    assert resolved(lines, proxies=2) == ("198.51.100.1", True, "shop.test")
    assert resolved({FOR: ["198.51.100.1, 10.0.0.2"], PROTO: ["https"]}, proxies=2) == ("198.51.100.1", True, "inside.test")


def test_networks_are_walked_from_the_right_and_end_at_a_stranger() -> None:
    """Every trusted address is passed over; what a stranger wrote further left counts for nothing."""
    lines = {FOR: ["6.6.6.6, 10.0.0.9, 198.51.100.1, 10.0.0.2"]}
    assert resolved(lines, proxies="10.0.0.0/8")[0] == "198.51.100.1"
    assert resolved({FOR: ["10.0.0.3, 10.0.0.2"]}, proxies="10.0.0.0/8")[0] == "10.0.0.3"
    assert resolved(lines, proxies="10.0.0.0/8", peer="203.0.113.1")[0] == "203.0.113.1"


def test_a_stranger_before_the_proxies_says_nothing_about_the_scheme() -> None:
    """Trusted networks, a peer outside of them: scheme and host stay what the socket says."""
    assert resolved({PROTO: ["https"], HOST: ["a.test"]}, proxies="10.0.0.0/8", peer="203.0.113.1") == ("203.0.113.1", False, "inside.test")


@pytest.mark.parametrize("scheme", ["HTTPS", "https", "wss"])
def test_a_scheme_is_read_in_any_case(scheme: str) -> None:
    """What is no scheme of the web is not taken."""
    assert resolved({PROTO: [scheme]})[1] is True
    assert resolved({PROTO: ["javascript"]}, scheme="https")[1] is True


def test_a_plain_scheme_takes_the_socket_s_security_away() -> None:
    """TLS between proxy and app says nothing about the client's line."""
    assert resolved({PROTO: ["http"]}, scheme="https")[1] is False


def test_no_more_than_32_entries_are_read() -> None:
    """The last ones: a stranger's thousand entries in front change nothing."""
    assert resolved({FOR: [", ".join(["6.6.6.6"] * 1000), "198.51.100.1"]})[0] == "198.51.100.1"


def test_the_standard_header_alone_is_read_when_it_is_chosen() -> None:
    """RFC 7239: for, proto and host of the element of the trusted hop."""
    lines = {
        "forwarded": ['for="[2001:db8::1]:80";proto=https;host="shop.test", for=10.0.0.2;proto=http'],
        FOR: ["6.6.6.6"],
        PROTO: ["http"],
    }
    assert resolved(lines, proxies=2, standard=True) == ("2001:db8::1", True, "shop.test")
    assert resolved({FOR: ["6.6.6.6"], PROTO: ["https"]}, standard=True) == ("10.0.0.1", False, "inside.test")


def test_a_forwarding_header_is_seen_whoever_sends_it() -> None:
    """Any of the four, even empty ones."""
    assert [Told({name: [""]}).forwarded() for name in (FOR, PROTO, HOST, "forwarded", "x-real-ip")] == [True] * 4 + [False]


@given(v4 | v6, st.lists(v4, max_size=3), st.integers(1, 3))
def test_a_stranger_cannot_choose_the_address(client: IPv4Address | IPv6Address, forged: list[IPv4Address], hops: int) -> None:
    """Whatever is written on the left, the entry of the outermost trusted hop is taken."""
    line = ", ".join(map(str, [*forged, client, *(ip_address(f"10.0.0.{number}") for number in range(2, hops + 1))]))
    expected = (client.ipv4_mapped or client) if isinstance(client, IPv6Address) else client
    assert resolved({FOR: [line]}, proxies=hops)[0] == str(expected)
