"""The messages of HiSLIP on the wire: a header of 16 bytes and a payload (IVI-6.1 chapter 2)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("!2sBBIQ")
SMALL = 1 << 14  # payloads up to this go out in one piece with their header

BAD_HEADER, BAD_SEQUENCE, NO_SUCH_INSTRUMENT = 1, 3, 128  # of FatalError; from 128 they are ours
UNKNOWN_TYPE, TOO_LARGE = 1, 4  # of Error


class Kind(IntEnum):
    """Message types (table 4)."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAX_MESSAGE_SIZE = 15
    ASYNC_MAX_MESSAGE_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


@dataclass(frozen=True)
class Message:
    """A header: ``kind`` is a number, which may be none of ours."""

    kind: int
    control: int
    parameter: int
    length: int

    @classmethod
    def of(cls, header: bytes) -> Message:
        """Read a header; raises ValueError if it is none."""
        prologue, kind, control, parameter, length = HEADER.unpack(header)
        if prologue != b"HS":
            raise ValueError(f"a message begins with 'HS', this one with {prologue!r}")
        return cls(kind, control, parameter, length)


def receive(connection: socket.socket) -> Message:
    """The next header; raises ConnectionError when the other side has hung up, ValueError if it is none."""
    return Message.of(receive_exactly(connection, HEADER.size))


def receive_exactly(connection: socket.socket, count: int, *, keep: bool = True) -> bytes:
    """``count`` bytes, or none of them unless ``keep``; raises ConnectionError when the other side has hung up."""
    data = bytearray(count if keep else min(count, 1 << 16))
    view, got = memoryview(data), 0
    while got < count:
        n = connection.recv_into(view[got:] if keep else view[: count - got])
        if not n:
            raise ConnectionError("hung up in the middle of a message")
        got += n
    return bytes(data) if keep else b""


def send(
    connection: socket.socket, kind: Kind, control: int = 0, parameter: int = 0, payload: bytes | memoryview = b""
) -> None:
    """Send one message."""
    header = HEADER.pack(b"HS", kind, control, parameter, len(payload))
    if len(payload) <= SMALL:
        connection.sendall(header + payload)
    else:
        connection.sendall(header)
        connection.sendall(payload)
