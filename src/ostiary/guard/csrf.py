"""Did a page of another site make this call in a browser's name? (AUTH-8, CWE-352)

Asked where a browser adds what proves the caller by itself: cookies, Basic, client certificates. ``Sec-Fetch-Site`` tells in every
browser since 2023, ``Origin`` in older ones; a token answers for a page that neither vouches for. Logins and WebSocket handshakes are
asked about, too. A call without cookie, Origin and Sec-Fetch-Site is not a browser's: there is nothing to forge.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.guard.decision import Deny
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.decision import Principal
    from ostiary.guard.policies import Compiled
    from ostiary.guard.request import Request
    from ostiary.model.cors import Cors

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
HEADER = "x-csrf-token"
COOKIE = "ostiary-csrf"
_OWN = frozenset({"same-origin", "none"})
_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


class Csrf:
    """``origins``: other origins whose pages may call. ``key``: 32 secret bytes that all workers share, for tokens."""

    def __init__(self, origins: Iterable[str], key: bytes) -> None:
        self._origins = frozenset(_origin(one) for one in origins)
        self._key = hashlib.blake2b(b"csrf", key=key[:64], digest_size=32).digest()

    def refused(self, request: Request, compiled: Compiled, who: Principal | None) -> Deny | None:
        """A Deny for a call that a page of another site may have made. ``who``: the caller, where a credential proved one already."""
        if not compiled.csrf or (compiled.method != "WEBSOCKET" and request.method in SAFE):
            return None
        if who is not None and not request.automatic:
            return None
        if compiled.cors is not None and _shared(request, compiled.cors):
            return None
        return Deny(problem.FORGED, "csrf") if self._forged(request) else None

    def _forged(self, request: Request) -> bool:
        site, origin = _one(request, "sec-fetch-site"), _one(request, "origin").lower()
        if site in _OWN or origin in self._origins:
            return False
        if not site and origin and origin == _effective(request):
            return False
        if not site and not origin and not request.header("cookie"):
            return False
        # No page can make a browser send this to another site without being asked first.
        if _one(request, "authorization")[:7].lower() == "bearer ":
            return False
        return not self._vouched(request)

    def token(self) -> str:
        """A new token: a page sends it in X-CSRF-Token, its browser the same one in a cookie."""
        random = secrets.token_hex(16)
        return f"{random}.{self._sealed(random)}"

    def set_cookie(self, token: str, *, secure: bool) -> str:
        """The Set-Cookie value. ``__Host-`` keeps other hosts of the domain from planting one of theirs."""
        return f"{_name(secure)}={token}; Path=/; SameSite=Lax" + ("; Secure" if secure else "")

    def _sealed(self, random: str) -> str:
        return hmac.digest(self._key, random.encode(), "sha256").hex()[:32]

    def _vouched(self, request: Request) -> bool:
        sent, kept = _one(request, HEADER), _cookie(request, _name(request.secure))
        random, _, seal = sent.partition(".")
        same = hmac.compare_digest(sent.encode(), kept.encode())
        return same and hmac.compare_digest(seal.encode(), self._sealed(random).encode())


def _origin(text: str) -> str:
    if not isinstance(text, str) or not _ORIGIN.fullmatch(text.lower()):
        raise UsageError(f"csrf_origins: origins as in https://app.example.com, not {text!r}")
    return text.lower()


def _one(request: Request, name: str) -> str:
    """The one value of a header; "" when it was not sent. Several are none that can be believed."""
    found = request.header(name)
    return found[0].strip() if len(found) == 1 else "".join(found) and "several"


def _shared(request: Request, cors: Cors) -> bool:
    """Does the route say that pages of this origin may call as this browser's user, or call without one?"""
    origin = _one(request, "origin")
    return bool(origin) and cors.allows(origin) and (cors.credentials or not request.header("cookie"))


def _effective(request: Request) -> str:
    """The origin under which this call reached us (after NET-1), without the port that goes without saying."""
    scheme = "https" if request.secure else "http"
    return f"{scheme}://{request.authority.lower().removesuffix(_DEFAULT_PORTS[scheme])}"


def _name(secure: bool) -> str:
    return f"__Host-{COOKIE}" if secure else COOKIE


def _cookie(request: Request, name: str) -> str:
    """The one value of a cookie (RFC 6265, 4.2.1); "" where there are two of the name that differ."""
    pairs = [pair.partition("=") for line in request.header("cookie") for pair in line.split(";")]
    found = {value.strip() for key, _, value in pairs if key.strip() == name}
    return found.pop() if len(found) == 1 else ""
