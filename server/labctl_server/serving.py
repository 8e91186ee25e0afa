"""The application on a port of this machine, in the foreground or (for tests and notebooks) in a thread."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from labctl.core.errors import ServiceError


@dataclass(frozen=True)
class Tls:
    """The certificate (with its chain) and the private key, PEM files both."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raise ServiceError unless both files can be used together."""
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl's own errors are of this kind, too
            raise ServiceError(
                f"TLS cannot be spoken with {self.certificate} and {self.key} ({error.strerror or error}); give a PEM "
                "certificate with its chain, and the private key that belongs to it"
            ) from error


class Server(uvicorn.Server):
    """Uvicorn that sends those who wait for news home before it waits for them."""

    def __init__(self, app: FastAPI, tls: Tls | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
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


def listen(host: str, port: int, *, keys_required: bool = False) -> socket.socket:
    """A socket that listens on ``port`` (0: any free one) of this machine.

    Raises ServiceError for a host that others can reach, unless every caller needs a key; and for a busy port.
    """
    if not keys_required and not is_loopback(host):
        raise ServiceError(
            f"{host!r} can be reached from other machines, and this service asks nobody for a key; require keys "
            "(--require-keys), or use --host 127.0.0.1 and an SSH tunnel"
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
            f"cannot listen on port {port} of {host} ({error.strerror}); is another labctl serving there? Is that an "
            "address of this machine? Choose another with --host or --port; --port 0 takes any free one"
        ) from error


def address(bound: socket.socket, *, tls: bool = False) -> str:
    """``http://127.0.0.1:8000``."""
    host, port = bound.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


@contextlib.contextmanager
def serving(app: FastAPI, host: str = "127.0.0.1", port: int = 0, tls: Tls | None = None) -> Iterator[str]:
    """``app`` in a thread of this process; gives its address."""
    with listen(host, port) as bound:
        server = Server(app, tls)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="labctl-server")
        thread.start()
        try:
            # The socket listens already: who calls now waits until the application has started.
            yield address(bound, tls=tls is not None)
        finally:
            server.should_exit = True
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
