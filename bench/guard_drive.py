"""Calls an app in process, without a server, and tells the CPU time of the whole process in microseconds a call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATH = "/api/v1/orders"
Timed = Callable[[int], float]


def environ(key: str, method: str) -> dict[str, Any]:
    """A call as gunicorn would hand it on."""
    from werkzeug.test import EnvironBuilder

    found = EnvironBuilder(path=PATH, method=method, base_url="https://api.example.test").get_environ()
    return found | {
        "REMOTE_ADDR": "203.0.113.7",
        "HTTP_X_API_KEY": key,
        "HTTP_USER_AGENT": "python-httpx/0.28",
        "HTTP_ACCEPT": "*/*",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate",
        "HTTP_CONNECTION": "keep-alive",
    }


def wsgi(app: Any, key: str, method: str = "GET", expected: int = 200) -> Timed:
    """Times calls of a WSGI app."""
    asked = environ(key, method)
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
        if not status.startswith(str(expected)):
            raise SystemExit(f"the app answered {status}")
        return taken / count * 1e6

    return calls


def asgi(app: Any, key: str, method: str = "GET", expected: int = 200) -> Timed:
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
    asked = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "https", "path": PATH}
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
        if seen != [expected]:
            raise SystemExit(f"the app answered {seen}")
        return taken

    return calls
