"""The proxy of the fault tests does what it says, or those tests prove nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.guard.proxy import Proxy


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """In front of a server that answers with what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        with Proxy(server.getsockname()[1]) as found:
            yield found


def _echo(server: socket.socket) -> None:
    while True:
        try:
            one, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(one,), daemon=True).start()


def _answer(one: socket.socket) -> None:
    with one:
        try:
            while data := one.recv(100):
                one.sendall(data)
        except OSError:
            return


def ask(one: socket.socket, text: bytes) -> bytes:
    one.sendall(text)
    return one.recv(100)


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_it_passes_on_and_cuts(proxy: Proxy) -> None:
    """What is connected is reset; the next is served."""
    with connected(proxy) as one:
        assert ask(one, b"a") == b"a"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            one.recv(1)
    with connected(proxy) as two:
        assert ask(two, b"c") == b"c"
    assert proxy.connections == 2


def test_it_refuses_and_heals_on_the_same_port(proxy: Proxy) -> None:
    """Nobody is let in meanwhile."""
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.heal()
    with connected(proxy) as one:
        assert ask(one, b"a") == b"a"


def test_it_is_a_black_hole(proxy: Proxy) -> None:
    """Nothing comes back until it is healed, then what was held."""
    with connected(proxy) as one:
        proxy.black_hole()
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            ask(one, b"a")
        proxy.heal()
        one.settimeout(5)
        assert one.recv(100) == b"a"


def test_it_is_slow(proxy: Proxy) -> None:
    """There and back."""
    proxy.slow(0.1)
    with connected(proxy) as one:
        before = time.monotonic()
        assert ask(one, b"a") == b"a"
        assert time.monotonic() - before >= 0.2
