"""Where a call really comes from (NET-1), and lists of networks (NET-2).

By default no forwarding header counts. With ``hops`` trusted proxies, or trusted networks, the entry that the outermost trusted
proxy wrote is taken: from X-Forwarded-For, -Proto and -Host, or from Forwarded (RFC 7239), never from both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from ostiary.errors import UsageError

if TYPE_CHECKING:
    from ostiary.guard.request import Request

Address = IPv4Address | IPv6Address
_MAPPED = 96
# One pair of a Forwarded element: token "=" ( token / quoted-string ).
_PAIR = re.compile(r'(?<![A-Za-z])([A-Za-z]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;,"]++))')
_MOST = 32
_LONGEST = 128


def address_of(text: str) -> Address | None:
    """An address as proxies write it: with a port, in brackets, with a zone; IPv4 mapped into IPv6 is IPv4. None for anything else."""
    # What is longer is none, and must not fill the cache.
    return _address(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


class Networks:
    """A set of networks. ``address in networks`` costs one look-up per prefix length, however many networks there are."""

    __slots__ = ("_by_length", "texts")

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for text in self.texts:
            network = _network(text)
            shift = network.max_prefixlen - network.prefixlen
            self._by_length.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def __contains__(self, address: Address | str) -> bool:
        found = address_of(address) if isinstance(address, str) else address
        if found is None:
            return False
        number, version = int(found), found.version
        for (kind, shift), starts in self._by_length.items():  # noqa: SIM110 a generator costs twice as much
            if kind == version and number >> shift in starts:
                return True
        return False


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        # A number would be taken for an address.
        network = ip_network(text if isinstance(text, str) else "", strict=False)
    except ValueError:
        raise UsageError(f"not a network: {text!r}; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= _MAPPED:
        return IPv4Network((int(network.network_address.ipv4_mapped), network.prefixlen - _MAPPED))
    return network


@lru_cache(maxsize=4096)
def bucket(address: str, prefix: int = 64) -> str:
    """Whom a limit by address counts: an IPv4 address, or the IPv6 network of ``prefix`` bits that one customer holds."""
    found = address_of(address)
    if not isinstance(found, IPv6Address):
        return str(found) if found else address
    return str(IPv6Network((int(found), prefix), strict=False))


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    found = address_of(address)
    return found is not None and found.is_loopback


@lru_cache(maxsize=1024)
def is_private(address: str) -> bool:
    """An address that no client on the internet has: probably a proxy of ours. Unknown ones count as such."""
    found = address_of(address)
    return found is None or found.is_private


def shown(address: str, how: str, key: bytes) -> str:
    """An address as events keep it: whole, truncated to /24 or /48, or hashed (BLAKE2s under a key that is not in the record)."""
    if how == "whole" or not address:
        return address
    if how == "hashed":
        return hashlib.blake2s(address.encode(), key=key[:32], digest_size=8).hexdigest()
    found = address_of(address)
    if found is None:
        return ""
    return str(ip_network((int(found), 24 if found.version == 4 else 48), strict=False))


@dataclass(frozen=True)
class Trust:
    """Whose forwarding headers count. ``hops``: that many proxies stand in front. ``networks``: proxies are known by address."""

    hops: int = 0
    networks: Networks | None = None
    standard: bool = False

    @cached_property
    def nobody(self) -> bool:
        return self.hops == 0 and self.networks is None

    def vouches(self, peer: str) -> bool:
        """Is the other end of the line a proxy of ours?"""
        return self.hops > 0 if self.networks is None else peer in self.networks


def trust(proxies: int | str | Iterable[str], *, standard: bool = False) -> Trust:
    """The setting ``proxies=``: 0, a number of hops, or networks. ``standard`` reads Forwarded (RFC 7239) and no X- header."""
    if isinstance(proxies, bool) or (isinstance(proxies, int) and not 0 <= proxies <= _MOST):
        raise UsageError(f"proxies: a number from 0 to {_MOST}, or networks, not {proxies!r}")
    if isinstance(proxies, int):
        return Trust(hops=proxies, standard=standard)
    if not isinstance(proxies, Iterable):
        raise UsageError(f"proxies: a number from 0 to {_MOST}, or networks, not {proxies!r}")
    return Trust(networks=Networks((proxies,) if isinstance(proxies, str) else proxies), standard=standard)


def resolve(request: Request, trusted: Trust) -> None:
    """Writes the client's address, scheme and authority into the request, as far as proxies are trusted."""
    hops, clients, schemes, hosts = _told(request, trusted)
    if not hops:
        return
    client = address_of(clients[-hops]) if len(clients) >= hops else None
    if client is not None:
        request.address = str(client)
    scheme = _entry(schemes, hops).lower()
    if scheme in ("http", "https", "ws", "wss"):
        request.scheme, request.secure = scheme, scheme in ("https", "wss")
    request.authority = _entry(hosts, hops) or request.authority


def _told(request: Request, trusted: Trust) -> tuple[int, list[str], list[str], list[str]]:
    """How many entries from the right trusted proxies vouch for, and the three lists."""
    clients, schemes, hosts = _standard(request) if trusted.standard else _customary(request)
    if trusted.networks is None:
        return trusted.hops, clients, schemes, hosts
    if request.peer not in trusted.networks:
        return 0, [], [], []
    hops = 1
    while hops < len(clients) and clients[-hops] in trusted.networks:
        hops += 1
    return hops, clients, schemes, hosts


def _entry(values: list[str], hops: int) -> str:
    """The entry of the outermost trusted proxy; a proxy that overwrites leaves one entry, which is its own."""
    if not values:
        return ""
    return values[-hops] if len(values) >= hops else values[0]


def _customary(request: Request) -> tuple[list[str], list[str], list[str]]:
    return _list(request, "x-forwarded-for"), _list(request, "x-forwarded-proto"), _list(request, "x-forwarded-host")


def _list(request: Request, name: str) -> list[str]:
    lines = request.header(name)
    return [entry.strip() for line in lines for entry in line.split(",") if entry.strip()][-_MOST:] if lines else []


def _standard(request: Request) -> tuple[list[str], list[str], list[str]]:
    # At every comma, quoted or not: no address holds one, and a quote that a client left open would swallow what our proxy added.
    elements = [element for line in request.header("forwarded") for element in line.split(",") if element.strip()][-_MOST:]
    said = [_pairs(element) for element in elements]
    return [one.get("for", "") for one in said], [one.get("proto", "") for one in said], [one.get("host", "") for one in said]


def _pairs(element: str) -> dict[str, str]:
    return {name.lower(): quoted or token for name, quoted, token in _PAIR.findall(element)}
