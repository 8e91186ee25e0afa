"""The application on a port of this machine, in the foreground or (for tests and notebooks) in a thread."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from labctl.core.errors import ServiceError


class Server(uvicorn.Server):
    """Uvicorn that sends those who wait for news home before it waits for them."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                ws="none",
                # Longer than any client keeps an idle connection (httpx: 5 s), so that none is cut as it is used again.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=10,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the bell, then the connections."""
        if hasattr(self._app.state, "service"):
            self._app.state.service.bell.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``port`` (0: any free one) of this machine.

    Raises ServiceError for a host that others can reach, since the service does not ask who calls, and for a busy port.
    """
    if not _is_loopback(host):
        raise ServiceError(
            f"the service asks nobody for a name or a key yet, so it listens on this machine only, not on {host!r}; "
            "use --host 127.0.0.1, and an SSH tunnel to reach it from elsewhere"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would not switch Nagle's delay off: 40 ms for every answer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere this option would let two services share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()
        return bound
    except OSError as error:
        bound.close()
        raise ServiceError(
            f"cannot listen on port {port} of {host} ({error.strerror}); is another labctl serving there? "
            "Choose another with --port, or --port 0 for any free one"
        ) from error


def address(bound: socket.socket) -> str:
    """``http://127.0.0.1:8000``."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def serving(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """``app`` in a thread of this process; gives its address."""
    with listen(host, port) as bound:
        server = Server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="labctl-server")
        thread.start()
        try:
            # The socket listens already: who calls now waits until the application has started.
            yield address(bound)
        finally:
            server.should_exit = True
            thread.join()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
