"""What a guard adds to one call, in microseconds: ours beside what a user would put together instead.

Each app answers the same small JSON to an authenticated GET, in process, without a server. A round measures every app once, in turn;
what is printed is the median over the rounds, and how much it is above the bare app of the same framework. Time is CPU time of the whole
process: the thread that writes events is part of what a guard costs.

    python bench/guard.py [--rounds 15] [--calls 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import logging
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from flask import Flask, abort, request

PATH = "/api/v1/orders"
KEY = "theirs-is-a-key-of-forty-characters-0001"
RATES = ("1000000 per minute", "100000000 per day")
ANSWER = {"orders": [1, 2, 3]}
Timed = Callable[[int], float]
_OURS = {"store": "memory://", "pepper": b"a pepper that is used by nobody else", "limits": list(RATES), "policy_file": None}


def environ(key: str) -> dict[str, Any]:
    """A GET as gunicorn would hand it on."""
    from werkzeug.test import EnvironBuilder

    found = EnvironBuilder(path=PATH, base_url="https://api.example.test").get_environ()
    return found | {
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_X_API_KEY": key,
        "HTTP_USER_AGENT": "python-httpx/0.28",
        "HTTP_ACCEPT": "*/*",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate",
        "HTTP_CONNECTION": "keep-alive",
    }


def wsgi(app: Any, key: str) -> Timed:
    """Times calls of a WSGI app."""
    asked = environ(key)
    status = ""

    def start(told: str, _headers: Any, _error: Any = None) -> None:
        nonlocal status
        status = told

    def calls(count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            body = app(dict(asked), start)
            b"".join(body)
            if hasattr(body, "close"):
                body.close()
        taken = time.process_time() - began
        if not status.startswith("200"):
            raise SystemExit(f"the app answered {status}")
        return taken / count * 1e6

    return calls


def asgi(app: Any, key: str) -> Timed:
    """Times calls of an ASGI app."""
    headers = {
        "host": "api.example.test",
        "x-api-key": key,
        "user-agent": "python-httpx/0.28",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "connection": "keep-alive",
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https", "path": PATH}
    asked |= {
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "client": ("203.0.113.7", 50_000),
        "server": ("10.0.0.1", 443),
    }
    seen: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen[:] = [message["status"]]

    async def all_of(count: int) -> float:
        began = time.process_time()
        for _ in range(count):
            await app({**asked, "headers": list(raw)}, receive, send)
        return (time.process_time() - began) / count * 1e6

    def calls(count: int) -> float:
        taken = asyncio.run(all_of(count))
        if seen != [200]:
            raise SystemExit(f"the app answered {seen}")
        return taken

    return calls


def flask_bare() -> Timed:
    app = Flask("bare", static_folder=None)
    app.get(PATH)(lambda: ANSWER)
    return wsgi(app, KEY)


def flask_ours() -> Timed:
    from ostiary.flask import Guard, require

    app = Flask("ours", static_folder=None)
    Guard(app, **_OURS)
    app.add_url_rule(PATH, "orders", require("orders:read")(lambda: ANSWER))
    return wsgi(app, _minted(app.extensions["ostiary"].core))


def flask_theirs() -> Timed:
    """hmac.compare_digest in a hook, Flask-Limiter, Flask-Talisman."""
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address
    from flask_talisman import Talisman

    app = Flask("theirs", static_folder=None)
    Talisman(app)
    Limiter(get_remote_address, app=app, default_limits=list(RATES), storage_uri="memory://", headers_enabled=True)

    @app.before_request
    def check() -> None:
        if not hmac.compare_digest(request.headers.get("X-API-Key", "").encode(), KEY.encode()):
            abort(401)

    app.get(PATH)(lambda: ANSWER)
    return wsgi(app, KEY)


def fastapi_bare() -> Timed:
    app = FastAPI()

    @app.get(PATH)
    async def orders() -> JSONResponse:
        return JSONResponse(ANSWER)

    return asgi(app, KEY)


def fastapi_ours() -> Timed:
    from ostiary.fastapi import Guard, require

    app = FastAPI()
    Guard(app, **_OURS)

    @app.get(PATH)
    @require("orders:read")
    async def orders() -> JSONResponse:
        return JSONResponse(ANSWER)

    return asgi(app, _minted(app.state.ostiary.core))


_header = APIKeyHeader(name="X-API-Key")


async def _check(key: Annotated[str, Security(_header)]) -> None:
    if not hmac.compare_digest(key.encode(), KEY.encode()):
        raise HTTPException(401)


def fastapi_theirs() -> Timed:
    """APIKeyHeader with hmac.compare_digest, slowapi."""
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = FastAPI()
    limiter = app.state.limiter = Limiter(key_func=get_remote_address, storage_uri="memory://", headers_enabled=True)

    async def orders(request: Request) -> JSONResponse:  # noqa: ARG001 slowapi wants it
        return JSONResponse(ANSWER)

    for rate in RATES:
        orders = limiter.limit(rate)(orders)
    app.get(PATH, dependencies=[Depends(_check)])(orders)
    return asgi(app, KEY)


def _minted(core: Any) -> str:
    from ostiary.guard.keyring import Keyring

    return Keyring(core.key_store, core.peppers).create(scopes=["orders:read"])[1]


APPS: dict[str, dict[str, tuple[str, Callable[[], Timed]]]] = {
    "Flask": {
        "bare": ("nothing", flask_bare),
        "theirs": ("compare_digest + Flask-Limiter + Flask-Talisman", flask_theirs),
        "ours": ("Ostiary: key, scope, two limits, HSTS, headers, redaction, events", flask_ours),
    },
    "FastAPI": {
        "bare": ("nothing", fastapi_bare),
        "theirs": ("APIKeyHeader + compare_digest + slowapi", fastapi_theirs),
        "ours": ("Ostiary: key, scope, two limits, HSTS, headers, redaction, events", fastapi_ours),
    },
}


def measure(rounds: int, calls: int) -> None:
    """Interleaved: a change of the machine's pace meets all alike."""
    timed = {(framework, name): make() for framework, found in APPS.items() for name, (_, make) in found.items()}
    taken: dict[tuple[str, str], list[float]] = {key: [] for key in timed}
    for run in timed.values():
        run(200)
    for _ in range(rounds):
        for key, run in timed.items():
            taken[key].append(run(calls))
    for framework, found in APPS.items():
        bare = statistics.median(taken[framework, "bare"])
        added = {name: statistics.median(taken[framework, name]) - bare for name in found}
        print(f"{framework}: microseconds of one authenticated GET, median of {rounds} rounds of {calls} calls")
        for name, (what, _) in found.items():
            print(f"  {statistics.median(taken[framework, name]):7.1f}  {added[name]:+7.1f}  {what}")
        print(f"  theirs / ours: {added['theirs'] / added['ours']:.2f} times\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=2000)
    logging.disable(logging.CRITICAL)
    measure(**vars(parser.parse_args()))
