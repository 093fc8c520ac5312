"""HTTPS, trusted hosts, and the headers that every answer carries (NET-3, NET-4, NET-6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from ostiary.errors import UsageError
from ostiary.guard.decision import Deny
from ostiary.guard.network import is_loopback
from ostiary.wire import problem
from ostiary.wire.problem import Problem

if TYPE_CHECKING:
    from ostiary.guard.request import Request

MODES = ("required", "proxy", "off")
YEAR = 31_536_000
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|(?:\*\.)?[A-Za-z0-9._-]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_READABLE = re.compile(r"csrf|xsrf", re.IGNORECASE)
Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Transport:
    """``mode``: required, proxy (the scheme is what the trusted proxy says) or off. ``hsts`` in seconds, 0 sends none."""

    mode: str = "required"
    hosts: frozenset[str] | None = None
    hsts: int = YEAR
    headers: bool = True

    @cached_property
    def idle(self) -> bool:
        return self.mode == "off" and self.hosts is None


def transport(mode: str, hosts: Iterable[str] | None, hsts: int, headers: bool) -> Transport:
    """Checks the settings ``https=``, ``hosts=``, ``hsts=`` and ``security_headers=``."""
    if mode not in MODES:
        raise UsageError(f"https: one of {', '.join(MODES)}, not {mode!r}")
    if isinstance(hsts, bool) or not isinstance(hsts, int) or hsts < 0:
        raise UsageError(f"hsts: seconds, 0 for none, not {hsts!r}")
    if isinstance(hosts, str):
        hosts = (hosts,)
    return Transport(mode, None if hosts is None else frozenset(_host(host) for host in hosts), hsts, headers)


def _host(name: str) -> str:
    if not isinstance(name, str) or not _HOST.fullmatch(name):
        raise UsageError(f"hosts: names without a port, as in api.example.com or *.example.com, not {name!r}")
    return name.lower().rstrip(".")


def check(request: Request, settings: Transport, header: str) -> Deny | None:
    """Step 3: is the host ours, is the line encrypted? A refused page request is sent to HTTPS, a call with a credential never.

    ``header`` is the one that carries keys, in lower case.
    """
    if settings.hosts is not None and not _known(request.authority, settings.hosts):
        return Deny(problem.BAD_HOST, "host")
    if request.secure or settings.mode == "off" or _local(request):
        return None
    if _page(request, header) and _AUTHORITY.fullmatch(request.authority):
        return Deny(_redirect(request), "https-redirect")
    return Deny(problem.HTTPS_REQUIRED, "https")


def name_of(authority: str) -> str:
    """The host without its port, in lower case."""
    host = authority.rpartition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]
    return host.lower().rstrip(".")


def _known(authority: str, hosts: frozenset[str]) -> bool:
    if not _AUTHORITY.fullmatch(authority):
        return False
    host = name_of(authority)
    return host in hosts or any(f"*.{host.split('.', cut)[-1]}" in hosts for cut in range(1, host.count(".") + 1))


def _local(request: Request) -> bool:
    return is_loopback(request.peer) and request.address == request.peer and name_of(request.authority) in _LOOPBACK


def _page(request: Request, header: str) -> bool:
    carried = any(request.header(name) for name in ("authorization", "cookie", "x-api-key", header))
    if carried or request.query or request.method not in ("GET", "HEAD"):
        return False
    return any("text/html" in value.lower() for value in request.header("accept"))


def _redirect(request: Request) -> Problem:
    target = f"https://{request.authority}{quote(request.path, safe='/:@!$&()*+,;=~-._')}"
    return Problem(308, "https-redirect", "Permanent Redirect", headers=(("Location", target),))


def headers_for(secure: bool, given: Iterable[str], content_type: str, settings: Transport, authenticated: bool) -> Headers:
    """What is added to an answer. ``given``: names, in lower case, of what it has: the route's own word counts."""
    if not settings.headers:
        return []
    had = set(given)
    wanted: Headers = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer")]
    if content_type.lower().startswith("text/html"):
        wanted.append(("X-Frame-Options", "DENY"))
    else:
        wanted.append(("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"))
    if authenticated:
        wanted.append(("Cache-Control", "no-store"))
    if settings.hsts and secure and settings.mode != "off":
        wanted.append(("Strict-Transport-Security", f"max-age={settings.hsts}; includeSubDomains"))
    return [(name, value) for name, value in wanted if name.lower() not in had]


def secure_cookie(value: str, secure: bool) -> str:
    """A Set-Cookie value with what it lacks: Secure on an encrypted line, SameSite, HttpOnly (not where scripts must read it)."""
    name, *attributes = value.split(";")
    had = {attribute.partition("=")[0].strip().lower() for attribute in attributes}
    if secure and "secure" not in had:
        value += "; Secure"
    if "samesite" not in had:
        value += "; SameSite=Lax"
    if "httponly" not in had and not _READABLE.search(name.partition("=")[0]):
        value += "; HttpOnly"
    return value
