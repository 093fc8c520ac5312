"""Signed requests under real servers, with two workers where a server has them: raw paths, chunked bodies, Expect, one winner of a replay."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ostiary.client import Signer, SignKey
from ostiary.guard.admin import Admin

FLASK = """
from flask import Flask, request
from ostiary.flask import Guard, require
app = Flask(__name__, static_folder=None)
Guard(app, https="off", failures=None)

@app.route("/signed", methods=["GET", "POST"], defaults={"rest": ""})
@app.route("/signed/<path:rest>", methods=["GET", "POST"])
@require(signed=True)
def signed(rest):
    return request.get_data(), 200, {"Content-Type": "application/octet-stream"}

if __name__ == "__main__":
    import sys
    if sys.argv[1] == "waitress":
        from waitress import serve
        serve(app, host="127.0.0.1", port=int(sys.argv[2]))
    else:
        from werkzeug.serving import WSGIRequestHandler, run_simple
        WSGIRequestHandler.protocol_version = "HTTP/1.1"
        run_simple("127.0.0.1", int(sys.argv[2]), app, threaded=True)
"""
FASTAPI = """
from fastapi import FastAPI, Request, Response
from ostiary.fastapi import Guard, require
app = FastAPI(openapi_url=None)
Guard(app, https="off", failures=None)

@app.api_route("/signed", methods=["GET", "POST"])
@app.api_route("/signed/{rest:path}", methods=["GET", "POST"])
@require(signed=True)
async def signed(request: Request):
    return Response(await request.body())
"""
PYTHON = [sys.executable, "-m"]
COMMANDS = {
    "gunicorn": [*PYTHON, "gunicorn", "app:app", "--workers", "2", "--bind", "127.0.0.1:{port}", "--no-control-socket"],
    "werkzeug": [sys.executable, "app.py", "werkzeug", "{port}"],
    "waitress": [sys.executable, "app.py", "waitress", "{port}"],
    "uvicorn": [*PYTHON, "uvicorn", "app:app", "--workers", "2", "--port", "{port}", "--no-access-log"],
    "hypercorn": [*PYTHON, "hypercorn", "app:app", "--workers", "2", "--bind", "127.0.0.1:{port}"],
}
PATH = "/signed/a%2Fb%5Cc/%c3%A4?note=%20&x=1"
BODY = b'{"book": 7}'


class Service:
    """A server with its store; ``send`` writes bytes and reads the answer."""

    def __init__(self, port: int, key: SignKey, simple: SignKey) -> None:
        self.port = port
        self.keys = {"rfc9421": key, "simple": simple}

    def head(self, scheme: str, path: str, body: bytes, method: str = "POST") -> bytes:
        url = f"http://127.0.0.1:{self.port}{path}"
        given = [("Content-Type", "application/json")] if body else []
        signed = Signer(self.keys[scheme], scheme).headers(method, url, given, body)  # type: ignore[arg-type]
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            *(f"{name}: {value}" for name, value in [*given, *signed.items()]),
        ]
        return "\r\n".join([*lines, "Connection: close", ""]).encode()

    def send(self, *parts: bytes, wait: bytes = b"") -> tuple[int, bytes]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall(parts[0])
            if wait:
                assert line.recv(4096).startswith(wait)
            for part in parts[1:]:
                line.sendall(part)
            answer = b""
            while piece := line.recv(65_536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, body = body.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body

    def ask(self, scheme: str, path: str = PATH, body: bytes = BODY, sent: bytes | None = None) -> tuple[int, bytes]:
        sent = body if sent is None else sent
        return self.send(self.head(scheme, path, body) + b"Content-Length: %d\r\n\r\n" % len(sent) + sent)

    def chunked(self, scheme: str, body: bytes = BODY, sent: bytes | None = None) -> tuple[int, bytes]:
        pieces = [b"%x\r\n%b\r\n" % (1, bytes([byte])) for byte in (body if sent is None else sent)]
        return self.send(self.head(scheme, "/signed", body) + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n")


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(server: str, folder: Path) -> Iterator[Service]:
    (folder / "app.py").write_text(FASTAPI if server in ("uvicorn", "hypercorn") else FLASK)
    admin = Admin.open(f"sqlite:///{folder}/ostiary.db", create=True, master=True, environ={})
    record, pem = admin.keyring.create(signing="ed25519", owner="alice")
    shared, secret = admin.keyring.create(signing="hmac-sha256", owner="bob")
    admin.close()
    port = _free()
    command = [word.format(port=port) for word in COMMANDS[server]]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
    environ["OSTIARY_STORE"] = f"sqlite:///{folder}/ostiary.db"
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        _reachable(port, running, folder / "log")
        yield Service(port, SignKey.from_pem(record.id, pem.encode()), SignKey.hmac(shared.id, secret.encode()))
    finally:
        running.terminate()
        running.wait(30)


def _reachable(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if running.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("server", list(COMMANDS))
def test_a_signed_request_is_the_same_under_every_server(server: str, tmp_path: Path) -> None:
    """The raw path, bodies of a length and in chunks, ``Expect: 100-continue``, another body, and one winner of ten that are the same."""
    with serving(server, tmp_path) as service:
        for scheme in ("rfc9421", "simple"):
            assert service.ask(scheme) == (200, BODY)
            assert service.ask(scheme, "/signed/a/%C3%A4?note=%20") == (200, BODY)
            assert service.ask(scheme, "/signed", b"x" * 400_000) == (200, b"x" * 400_000)
            assert service.ask(scheme, sent=BODY[:-1] + b" ")[0] in (400, 401)
            assert service.ask(scheme, "/signed", b"") == (200, b"")
            status, body = service.chunked(scheme)
            assert (status, BODY in body) == (200, True)
            assert service.chunked(scheme, sent=BODY + b" ")[0] == 401
            head = service.head(scheme, "/signed", BODY) + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
            assert service.send(head, BODY, wait=b"HTTP/1.1 100")[0] == 200
            same = service.head(scheme, "/signed", BODY) + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
            with ThreadPoolExecutor(10) as pool:
                found = list(pool.map(lambda _, same=same: service.send(same)[0], range(10)))
            assert sorted(found) == [200] + [401] * 9
