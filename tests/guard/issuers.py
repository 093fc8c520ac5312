"""Servers of other people on loopback: what they answer can be changed, held back and counted."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class Issuer:
    """``answers`` by path (404 for others): a body, a whole answer, or a function of the form that was posted; ``asked`` lists paths in their order, ``heads`` headers."""

    authority: str
    scheme: str = "http"
    answers: dict[str, bytes | str | Answer | Callable[[dict[str, str]], Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    drip: float = 0.0
    """Seconds between two bytes of an answer."""

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.authority}{path}"

    def answer(self, path: str, form: dict[str, str]) -> Answer:
        found: Any = self.answers.get(path, (404, {}, b""))
        found = found(form) if callable(found) else found
        found = found.encode() if isinstance(found, str) else found
        return (200, {}, found) if isinstance(found, bytes) else found


@contextmanager
def issuing(tls: ssl.SSLContext | None = None) -> Iterator[Issuer]:
    """A server that answers until the end of the block. It holds everything back while ``open`` is cleared."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()))
            issuer.asked.append(self.path)
            issuer.heads.append(dict(self.headers.items()))
            issuer.forms.append(form)
            issuer.open.wait(10)
            status, headers, body = issuer.answer(self.path, form)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for part in [bytes([byte]) for byte in body] if issuer.drip else [body]:
                    self.wfile.write(part)
                    time.sleep(issuer.drip)

        do_GET = do_POST = do

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        if tls is not None:
            running.socket = tls.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
        issuer = Issuer(f"127.0.0.1:{running.server_port}", "https" if tls else "http")
        issuer.open.set()
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            issuer.open.set()
            running.shutdown()
            thread.join()
