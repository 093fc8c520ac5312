"""Real servers on loopback with ``ostiary.redact.install()`` in the application and nothing else: no line holds a key."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from ostiary.wire import apikey

DRAWN = count(3, 29)
KEY = apikey.mint(randbelow=lambda n: next(DRAWN) % n)
MARK = f"[redacted:key {KEY[12:24]}]"
STATIC = "static-key-of-1999"
FORMAT = '%(h)s "%(r)s" %(s)s "%({x-api-key}i)s" "%({authorization}i)s"'

WSGI = """
import logging
import ostiary.redact
ostiary.redact.install()
logging.getLogger("shop").addHandler(logging.StreamHandler())

def app(environ, start_response):
    logging.getLogger("shop").warning("headers %s", {k: v for k, v in environ.items() if isinstance(v, str) and k[:5] in ("HTTP_", "QUERY")})
    if environ["PATH_INFO"] == "/fails":
        raise ValueError("bad key " + environ["HTTP_AUTHORIZATION"])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

if __name__ == "__main__":
    from werkzeug.serving import run_simple
    run_simple("127.0.0.1", 0, app)
"""
ASGI = """
import logging
import ostiary.redact
ostiary.redact.install()
logging.getLogger("shop").addHandler(logging.StreamHandler())

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    logging.getLogger("shop").warning("headers %s %s", scope["headers"], scope["query_string"])
    if scope["path"] == "/fails":
        raise ValueError("bad key " + dict(scope["headers"])[b"authorization"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
SERVERS = {
    "werkzeug": (WSGI, ["shop.py"]),
    "gunicorn": (WSGI, ["-m", "gunicorn", "shop:app", "-b", "127.0.0.1:0", "--access-logfile", "-", "--access-logformat", FORMAT]),
    "uvicorn": (ASGI, ["-m", "uvicorn", "shop:app", "--host", "127.0.0.1", "--port", "0", "--lifespan", "off"]),
    "hypercorn": (ASGI, ["-m", "hypercorn", "shop:app", "-b", "127.0.0.1:0", "--access-logfile", "-", "--access-logformat", FORMAT.replace("%(r)s", "%(R)s")]),
}  # fmt: skip


class Server:
    """A server in a process of its own; its output is gathered line by line."""

    def __init__(self, folder: Path, source: str, command: list[str]) -> None:
        (folder / "shop.py").write_text(source)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._watch = threading.Timer(60, self.process.kill)
        self._watch.start()
        self.lines: list[str] = []
        self.port = self._port()

    def _port(self) -> int:
        """Read until it says where it listens; an output that ends before fails."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found and found[1] != "0":
                return int(found[1])
        pytest.fail("no server:\n" + "".join(self.lines))

    def output(self) -> str:
        """Everything that it wrote, after it has stopped as it does for an administrator."""
        self.process.terminate()
        rest, _ = self.process.communicate()
        self._watch.cancel()
        return "".join(self.lines) + rest

    def get(self, path: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers={"X-API-Key": STATIC, "Authorization": f"Bearer {KEY}"})
        connection.getresponse().read()
        connection.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    name, change = request.param
    source, command = SERVERS[name]
    server = Server(tmp_path, change(source), command)
    try:
        # The last one is answered only when the lines of those before it are written.
        for path in ("orders", "fails", "last"):
            server.get(f"/{path}?api_key={KEY}&page=2&access_token={STATIC}")
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def name_of(given: object) -> str:
    return given[0] if isinstance(given, tuple) else str(given)


def with_it(source: str) -> str:
    return source


def without_it(source: str) -> str:
    return source.replace("ostiary.redact.install()", "")


@pytest.mark.parametrize("server", [(name, with_it) for name in SERVERS], indirect=True, ids=name_of)
def test_lines_of_the_server_hold_no_key(server: Server) -> None:
    """Access lines, the application's own, and the traceback of a failure, with query and headers; the lines themselves are there."""
    output = server.output()
    assert KEY not in output
    assert KEY[24:] not in output
    assert STATIC not in output
    query = rf"\?api_key={re.escape(MARK)}&page=2&access_token=\[redacted:query parameter\]"
    assert re.search(rf'"GET /orders{query} [^"]*" 200', output), output
    assert f"ValueError: bad key Bearer {MARK}" in output
    assert "Traceback (most recent call last)" in output
    assert output.count("headers ") == 3


@pytest.mark.parametrize("server", [("gunicorn", with_it), ("hypercorn", with_it)], indirect=True, ids=name_of)
def test_headers_in_the_format_of_an_access_line(server: Server) -> None:
    """A format that prints request headers prints marks."""
    output = server.output()
    assert re.search(rf' 200 "\[redacted:[a-z ]+\]" "[^"]*{re.escape(MARK)}"', output), output


@pytest.mark.parametrize("server", [(name, without_it) for name in SERVERS], indirect=True, ids=name_of)
def test_without_it_the_key_is_there(server: Server) -> None:
    """The same servers without ``install()`` do write the key: the first test looks where it would be."""
    output = server.output()
    assert re.search(rf'"GET /orders\?api_key={KEY}&[^"]*" 200', output), output
    assert f"ValueError: bad key Bearer {KEY}" in output
