"""One client of HiSLIP: what it has been sent and has read, and the answers on its asynchronous channel."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from labctl_sim.connection import Connection
from labctl_sim.hislip_messages import HEADER, UNKNOWN_TYPE, Kind, Message, send

MAX_MESSAGE = 1 << 24
DEFAULT_CLIENT_MESSAGE = 1 << 20
# PyVISA-py to 0.8 calls itself this. It takes whatever comes on the asynchronous channel for the answer to its last
# question there, so it is told of nothing that it did not ask for; it sees a request in the status byte.
TAKES_NO_NEWS = b"xx"
DELIVERED = 1  # control code bit 0 of what a client sends: it has read the last response to its end
Answer = tuple[Kind, int, int, bytes]


@dataclass
class Session:
    """One client: its two channels, and what it has and has not received."""

    number: int
    connection: Connection
    sync: socket.socket
    vendor: bytes
    channel: socket.socket | None = None  # the asynchronous one
    largest: int = DEFAULT_CLIENT_MESSAGE
    sent: int | None = None  # the message whose response has been sent but perhaps not read
    message: int = 0  # the last one that came
    clearing: bool = False
    input: bytearray = field(default_factory=bytearray)
    sending: Lock = field(default_factory=Lock)  # of the asynchronous channel

    def news(self, kind: Kind, control: int = 0, parameter: int = 0) -> None:
        """Tell the client what it did not ask for."""
        if self.channel is not None and self.vendor != TAKES_NO_NEWS:
            with self.sending, contextlib.suppress(OSError):
                send(self.channel, kind, control, parameter)

    def delivered(self) -> None:
        """The client has read its response."""
        self.sent = None
        self.connection.undelivered = False

    def answer(self, message: Message, payload: bytes) -> Answer:
        """The answer to a message on the asynchronous channel."""
        known: dict[int, Callable[[Message, bytes], Answer]] = {
            Kind.ASYNC_STATUS_QUERY: self._status,
            Kind.ASYNC_MAX_MESSAGE_SIZE: self._largest,
            Kind.ASYNC_DEVICE_CLEAR: self._clear,
            Kind.ASYNC_LOCK: self._lock,
            Kind.ASYNC_LOCK_INFO: self._lock_info,
            Kind.ASYNC_REMOTE_LOCAL_CONTROL: lambda *_: (Kind.ASYNC_REMOTE_LOCAL_RESPONSE, 0, 0, b""),
        }
        if message.kind not in known:
            return Kind.ERROR, UNKNOWN_TYPE, 0, f"type {message.kind} is not known here".encode()
        return known[message.kind](message, payload)

    def _status(self, message: Message, _: bytes) -> Answer:
        if message.control & DELIVERED:
            self.delivered()
        return Kind.ASYNC_STATUS_RESPONSE, self.connection.status_byte(), 0, b""

    def _largest(self, _: Message, payload: bytes) -> Answer:
        self.largest = max(struct.unpack("!Q", payload.rjust(8, b"\0")[-8:])[0], HEADER.size + 1)
        return Kind.ASYNC_MAX_MESSAGE_SIZE_RESPONSE, 0, 0, struct.pack("!Q", MAX_MESSAGE)

    def _clear(self, _: Message, __: bytes) -> Answer:
        self.clearing = True
        self.connection.clear()
        self.delivered()
        return Kind.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE, 0, 0, b""

    def _lock_info(self, _: Message, __: bytes) -> Answer:
        exclusive, holders = self.connection.device.access.holders
        return Kind.ASYNC_LOCK_INFO_RESPONSE, int(exclusive), holders, b""

    def _lock(self, message: Message, payload: bytes) -> Answer:
        """0 = not in time, 1 = done (of a release: the exclusive lock), 2 = the shared one released, 3 = an error."""
        access, owner = self.connection.device.access, self.connection
        if message.control == 0:
            released = 1 if access.has_exclusive(owner) else 2
            return Kind.ASYNC_LOCK_RESPONSE, released if access.unlock(owner) else 3, 0, b""
        seconds = message.parameter / 1000
        key = payload.decode("latin-1")
        done = access.share(owner, key, seconds) is not None if key else access.lock(owner, seconds)
        return Kind.ASYNC_LOCK_RESPONSE, int(done), 0, b""
