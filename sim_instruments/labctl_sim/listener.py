"""A port on this machine that is listened at: one thread accepts, each client has its own, closing ends them all."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Callable
from threading import Lock, Thread

from labctl.core.errors import StationError

JOIN_SECONDS = 2.0


class Listener:
    """Calls ``serve(socket)`` in a thread of its own for every client; ``port`` is where it listens.

    Raises StationError if ``host`` is not this machine itself, or the port is taken.
    """

    def __init__(self, host: str, port: int, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = _bound(loopback(host), port)
        self.port: int = self._socket.getsockname()[1]
        self._clients: set[socket.socket] = set()
        self._lock = Lock()
        self._closed = False
        self._threads: list[Thread] = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Listen no more, and hang up on every client."""
        with self._lock:
            self._closed = True
            for client in self._clients:
                hang_up(client)
        hang_up(self._socket)
        self._socket.close()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # closed
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    client.close()
                    return
                self._clients.add(client)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                self._threads.append(Thread(target=self._run, args=(client,), daemon=True))
                self._threads[-1].start()

    def _run(self, client: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # a client that is gone takes nothing with it
                self._serve(client)
        finally:
            with self._lock:
                self._clients.discard(client)
            hang_up(client)
            client.close()


def loopback(host: str) -> str:
    """The address of ``host``, if it is this machine talking to itself; raises StationError."""
    with contextlib.suppress(ValueError):
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return "127.0.0.1" if host == "localhost" else host
    raise StationError(
        f"a simulated bench cannot be served on {host!r}: SCPI knows no passwords, so it listens to this machine only. "
        "Use --host 127.0.0.1; to reach it from another machine, forward its ports through ssh -L"
    )


def hang_up(connection: socket.socket) -> None:
    """End a connection now, whoever is waiting for it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise StationError(
            f"port {port} on {host} cannot be listened at ({error.strerror or error}); is another bench served there? "
            "Choose others with --socket-ports-from and --hislip-port; 0 takes free ones"
        ) from error
    return listening
