"""What a running app answers: scheme, headers, clock, and whether strangers may choose their address."""

from __future__ import annotations

import email.utils
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from ostiary.errors import UsageError
from ostiary.guard import appcheck
from ostiary.guard.doctor.line import Answer, Line, Patient, ok, problem, warning
from ostiary.guard.network import is_loopback

_WAIT = 10.0
_OFF = 5.0
_EXPECTED = ("x-content-type-options", "x-request-id")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like another."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, clock: Callable[[], float]) -> Answer:
    """GET without credential, no redirect followed. UsageError when nothing answers."""
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no URL; write http://127.0.0.1:8000/health")
    before = clock()
    try:
        with urllib.request.build_opener(_Stay).open(url, timeout=_WAIT) as answer:
            status, fields = answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        status, fields = refused.code, refused.headers
        refused.close()
    except OSError as error:
        raise UsageError(f"{url} does not answer: {getattr(error, 'reason', error)}") from None
    return Answer(url, status, {name.lower(): value for name, value in fields.items()}, (before + clock()) / 2)


def forged(patient: Patient) -> Iterator[Line]:
    """Calls it with forged forwarding headers, and reads in its events which address it believed."""
    if patient.answer is None or patient.core is None:
        return
    found = appcheck.forged(patient.core, patient.answer.url)
    for one in found:
        yield problem(one.what, one.hint)
    if not found:
        yield ok(f"{patient.answer.url} does not believe forged forwarding headers")


def scheme(patient: Patient) -> Iterator[Line]:
    if patient.answer is None:
        return
    parts = urlsplit(patient.answer.url)
    if parts.scheme == "https":
        yield ok(f"{patient.answer.url} answers over HTTPS")
    elif is_loopback(parts.hostname or "") or parts.hostname == "localhost":
        yield ok(f"{patient.answer.url} is this machine: HTTPS cannot be seen from here")
    elif patient.answer.status < 300:
        yield problem(
            f"{patient.answer.url} is served over plain HTTP", 'Guard(https="required"), and proxies=1 behind a proxy that ends TLS'
        )
    else:
        yield ok(f"{patient.answer.url} is not served over plain HTTP ({patient.answer.status})")


def headers(patient: Patient) -> Iterator[Line]:
    """Did the guard's headers come through, and what tells too much?"""
    if patient.answer is None:
        return
    had = patient.answer.headers
    missing = [name for name in _EXPECTED if name not in had]
    if missing:
        yield problem(
            f"{patient.answer.url} answers without {' and '.join(missing)}", "is it the app with the guard? does a proxy take them away?"
        )
    if patient.answer.url.startswith("https:") and "strict-transport-security" not in had:
        yield warning(
            "no HSTS over HTTPS: the guard does not see that the line is encrypted",
            "Guard(proxies=1), and X-Forwarded-Proto from the proxy",
        )
    if any(char.isdigit() for char in had.get("server", "")) or "x-powered-by" in had:
        yield warning(
            f"the server tells its version: {had.get('server') or had['x-powered-by']}", "--no-server-header, or the proxy's business"
        )


def clock(patient: Patient) -> Iterator[Line]:
    """The Date of its answer against our clock: a whole second is nothing."""
    said = None if patient.answer is None else patient.answer.headers.get("date")
    told = None if said is None else email.utils.parsedate_to_datetime(said)
    if patient.answer is None or told is None:
        return
    off = told.timestamp() - patient.answer.time
    if abs(off) > _OFF:
        yield problem(f"the clock of {patient.answer.url} is {off:+.0f} s off ours", "start NTP on both")
    else:
        yield ok(f"the clock of {patient.answer.url} agrees with ours")
