"""Facts about releases of other libraries that break a guard, and peers that stand beside ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ostiary.guard.doctor.line import Line, Patient, ok, problem, warning

Version = tuple[int, ...]
_FIRST: Version = (0,)


class Fact(NamedTuple):
    """Releases of ``name`` from ``first`` to before ``fixed`` do this."""

    name: str
    first: Version
    fixed: Version
    what: str
    write: str


FACTS = (
    Fact("gunicorn", _FIRST, (22, 0, 0), "request smuggling past the proxy (CVE-2024-1135)", "gunicorn>=23"),
    Fact("gunicorn", (22, 0, 0), (23, 0, 0), "request smuggling by Transfer-Encoding (CVE-2024-6827)", "gunicorn>=23"),
    Fact("h11", _FIRST, (0, 16, 0), "request smuggling by chunked bodies, in uvicorn and hypercorn (CVE-2025-43859)", "h11>=0.16"),
    Fact(
        "waitress",
        _FIRST,
        (3, 0, 1),
        "a second request on a connection is run after an error in the first (CVE-2024-49768)",
        "waitress>=3.0.1",
    ),
    Fact("flask", _FIRST, (2, 2, 5), "answers that set the session may be kept by a proxy for others (CVE-2023-30861)", "flask>=2.3.2"),
    Fact("flask", (2, 3, 0), (2, 3, 2), "answers that set the session may be kept by a proxy for others (CVE-2023-30861)", "flask>=2.3.2"),
    Fact("werkzeug", _FIRST, (3, 0, 3), "the debugger runs code for pages of other sites (CVE-2024-34069)", "werkzeug>=3.0.3"),
    Fact("starlette", _FIRST, (0, 40, 0), "a form without file names fills the memory (CVE-2024-47874)", "starlette>=0.49.1"),
    Fact(
        "python-jose",
        _FIRST,
        (3, 4, 0),
        "takes a public key for an HMAC secret: tokens can be forged (CVE-2024-33663)",
        "Guard(authenticators=[Jwt(…)])",
    ),
    Fact("authlib", _FIRST, (1, 3, 1), "takes a public key for an HMAC secret: tokens can be forged (CVE-2024-37568)", "authlib>=1.3.1"),
    Fact("pyjwt", _FIRST, (2, 4, 0), "takes a public key for an HMAC secret: tokens can be forged (CVE-2022-29217)", "pyjwt>=2.10.1"),
    Fact("pyjwt", (2, 10, 0), (2, 10, 1), "a part of the issuer counts as the issuer (CVE-2024-53861)", "pyjwt>=2.10.1"),
)
_PEERS = {
    "flask-limiter": ("fixed windows admit twice the limit around their edge", "from ostiary.compat.flask_limiter import Limiter"),
    "slowapi": ("its limits are fixed windows by default, apart from the guard's", "from ostiary.compat.slowapi import Limiter"),
    "flask-jwt-extended": ("it decides beside the guard", "Guard(authenticators=[Jwt(…)]), or @delegated(jwt_required())"),
    "python-jose": ("it is hardly maintained any more", "Guard(authenticators=[Jwt(…)]), or joserfc"),
    "fastapi-guard": ("two guards count, redirect and log apart", "one of them"),
}
_INCLUDED: Version = (0, 137)
_EXTRAS = {"sql": ("sqlalchemy", "psycopg", "asyncpg"), "redis": ("redis",), "jwt": ("joserfc",), "sign": ("cryptography",)}
_EXTRAS |= {"input": ("pydantic", "jsonschema"), "otel": ("opentelemetry-sdk",), "alerts": ("apprise",)}


def versions(patient: Patient) -> Iterator[Line]:
    """Installed releases that are known to break what stands on them."""
    found = False
    for fact in FACTS:
        version = patient.version(fact.name)
        if version is not None and fact.first <= _numbers(version) < fact.fixed:
            found = True
            yield problem(f"{fact.name} {version}: {fact.what}", fact.write)
    if not found:
        shown = [f"{name} {version}" for name in ("flask", "fastapi", "starlette") if (version := patient.version(name))]
        yield ok(", ".join([*shown, "no release with a known hole in front of the guard"]))


def peers(patient: Patient) -> Iterator[Line]:
    """Libraries that do a part of the guard's work beside it."""
    fastapi = _numbers(patient.version("fastapi") or "0")
    for name, (what, write) in _PEERS.items():
        version = patient.version(name)
        if version is None:
            continue
        if name == "slowapi" and fastapi >= _INCLUDED:
            yield problem(f"slowapi {version}: default limits are not applied on included routers of FastAPI 0.137 and newer", write)
        else:
            yield warning(f"{name} {version}: {what}", f"{write} (docs/guard/moving.md)")


def extras(patient: Patient) -> Iterator[Line]:
    there = [extra for extra, needed in _EXTRAS.items() if all(patient.version(one) for one in needed)]
    absent = [extra for extra in _EXTRAS if extra not in there]
    said = [f"extras installed: {', '.join(there) or 'none'}", *([f"not: {', '.join(absent)}"] if absent else [])]
    yield ok("; ".join(said))


def _numbers(version: str) -> Version:
    """``0.137.0rc1`` is (0, 137, 0)."""
    return tuple(int(part) for part in re.match(r"[0-9.]*", version)[0].split(".") if part)  # type: ignore[index]
