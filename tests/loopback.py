"""A server on loopback that keeps the requests as they came over the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ostiary.wire.message import Message


@dataclass
class Server:
    """``address`` is where it listens; ``received`` are head and body of each request, in their order."""

    authority: str
    received: list[tuple[Message, bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://{self.authority}"


@contextmanager
def listening() -> Iterator[Server]:
    """Answers everything with 200, and below ``/moved`` with a redirect to ``/``."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            # The request line, since self.path is repaired.
            target = self.requestline.split(" ")[1].encode("latin-1")
            path, _, query = target.partition(b"?")
            fields = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items())
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.received.append((Message(self.command, "http", self.headers["Host"], path, query, fields), body))
            self.send_response(307 if path.startswith(b"/moved") else 200)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        server = Server(f"127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            running.shutdown()
            thread.join()
