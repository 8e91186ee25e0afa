"""A port on this machine that is listened at: one thread accepts, each client has its own, closing ends them all."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
import time
from collections.abc import Callable, Iterable
from threading import Lock, Thread

from labctl.core.errors import StationError

JOIN_SECONDS = 2.0  # for all threads together
LAST_PORT = 65535


class Listener:
    """Calls ``serve(socket)`` in a thread of its own for every client; ``port`` is where it listens.

    ``dismiss`` is called at the end, when all have been hung up on: whoever waits for anything but his client must
    stop. Raises StationError if ``host`` is not this machine itself, or the port is taken.
    """

    def __init__(
        self, host: str, port: int, serve: Callable[[socket.socket], None], dismiss: Callable[[], None]
    ) -> None:
        self._serve = serve
        self._dismiss = dismiss
        self._socket = _bound(loopback(host), port)
        self.port: int = self._socket.getsockname()[1]
        self._clients: set[socket.socket] = set()
        self._lock = Lock()
        self._closed = False
        self._threads: list[Thread] = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def hang_up(self) -> None:
        """Listen no more, and hang up on every client; their threads may still be on their way out."""
        with self._lock:
            self._closed = True
            for client in self._clients:
                hang_up(client)
        hang_up(self._socket)
        self._socket.close()
        self._dismiss()

    def join(self, deadline: float) -> None:
        """Wait until all threads have ended, or it is ``deadline`` by time.monotonic()."""
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

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


def close(listeners: Iterable[Listener]) -> None:
    """End all of them, in no more time than one takes."""
    known = list(listeners)
    for listener in known:
        listener.hang_up()
    deadline = time.monotonic() + JOIN_SECONDS
    for listener in known:
        listener.join(deadline)


def loopback(host: str) -> str:
    """The address of ``host``, if it is this machine talking to itself; raises StationError."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        if address.is_loopback and address.version == 4:
            return str(address)
        if address.is_loopback:
            raise StationError(
                f"a simulated bench cannot be served on {host!r}: VISA addresses have no room for the colons of IPv6. "
                "Use --host 127.0.0.1"
            )
    raise StationError(
        f"a simulated bench cannot be served on {host!r}: SCPI knows no passwords, so it listens to this machine only. "
        "Use --host 127.0.0.1; to reach it from another machine, forward its ports through ssh -L"
    )


def hang_up(connection: socket.socket) -> None:
    """End a connection now, whoever is waiting for it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= LAST_PORT:
        raise StationError(
            f"there is no port {port}: ports end at {LAST_PORT}, and each instrument takes one, counting up. "
            "Choose a lower --socket-ports-from or --hislip-port; 0 takes free ones"
        )
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
