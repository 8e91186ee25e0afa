"""HiSLIP, the network protocol of modern instruments (IVI-6.1): one port for the bench, a sub-address per instrument.

Unlike a raw socket it has an end of message, device clear, serial poll, service request, trigger and locks. This is
version 1.0 in synchronized mode.
"""

from __future__ import annotations

import itertools
import socket
import struct
from threading import Lock

from labctl.core.errors import InstrumentGone
from labctl_sim.bench import SimBench
from labctl_sim.connection import Connection
from labctl_sim.device import REQUESTS
from labctl_sim.hislip_messages import (
    BAD_HEADER,
    BAD_SEQUENCE,
    HEADER,
    NO_SUCH_INSTRUMENT,
    TOO_LARGE,
    UNKNOWN_TYPE,
    Kind,
    Message,
    receive,
    receive_exactly,
    send,
)
from labctl_sim.hislip_session import DELIVERED, MAX_MESSAGE, Session
from labctl_sim.listener import Listener, hang_up
from labctl_sim.waiting import Patience

VERSION = 0x0100
VENDOR = int.from_bytes(b"LC", "big")


class HislipServer:
    """Serves all instruments of a bench on ``port``. Sub-addresses: ``hislip0``, ``hislip1`` ... or the role."""

    def __init__(self, bench: SimBench, host: str, port: int) -> None:
        self._devices = list(bench.devices.values())
        self._sessions: dict[int, Session] = {}
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self.listener = Listener(host, port, self._serve, self._dismiss)
        self.port = self.listener.port

    def _dismiss(self) -> None:
        with self._lock:
            connections = [session.connection for session in self._sessions.values()]
        for connection in connections:
            connection.device.access.dismiss(connection)

    def addresses(self) -> dict[str, str]:
        """The sub-address of each role."""
        return {device.role: f"hislip{number}" for number, device in enumerate(self._devices)}

    # -- how a client begins

    def _serve(self, client: socket.socket) -> None:
        try:
            first = receive(client)
            if first.kind == Kind.INITIALIZE:
                self._synchronous(client, first)
            elif first.kind == Kind.ASYNC_INITIALIZE and first.parameter in self._sessions:
                self._asynchronous(client, self._sessions[first.parameter])
            else:
                send(client, Kind.FATAL_ERROR, BAD_SEQUENCE, 0, b"a session begins with Initialize")
        except ValueError as error:
            send(client, Kind.FATAL_ERROR, BAD_HEADER, 0, str(error).encode())

    def _connect(self, name: str) -> Connection | None:
        wanted = name.lower()
        for number, device in enumerate(self._devices):
            role = device.role.lower()
            if wanted in (f"hislip{number}", role, f"hislip_{role}", f"hislip-{role}"):
                return Connection(device)
        return None

    def _synchronous(self, client: socket.socket, first: Message) -> None:
        name = receive_exactly(client, min(first.length, 256)).decode("latin-1") or "hislip0"
        connection = self._connect(name)
        if connection is None:
            known = ", ".join(f"{address} ({role})" for role, address in self.addresses().items())
            send(client, Kind.FATAL_ERROR, NO_SUCH_INSTRUMENT, 0, f"no {name!r} here; known are {known}".encode())
            return
        with self._lock:
            number = next(number for number in self._numbers if number & 0xFFFF not in self._sessions) & 0xFFFF
            session = Session(number, connection, client, struct.pack("!H", first.parameter & 0xFFFF))
            self._sessions[number] = session
        try:
            send(client, Kind.INITIALIZE_RESPONSE, 0, VERSION << 16 | number)
            self._talk(session)
        except InstrumentGone as gone:
            partial = b"".join(part for part in gone.args[1:] if isinstance(part, bytes))
            if partial:
                client.sendall(HEADER.pack(b"HS", Kind.DATA_END, 0, session.message, 2 * len(partial)) + partial)
        finally:
            with self._lock:
                del self._sessions[number]
            connection.close()
            if session.channel is not None:
                hang_up(session.channel)

    # -- the synchronous channel

    def _talk(self, session: Session) -> None:
        patience = Patience(session.sync, session.connection)
        while True:
            start = patience.receive(HEADER.size)
            if start == b"":
                return
            if start is None:
                self._respond(session)
                continue
            patience.renew()
            start += receive_exactly(session.sync, HEADER.size - len(start))
            self._handle(session, Message.of(start))

    def _handle(self, session: Session, message: Message) -> None:
        if message.length > MAX_MESSAGE:
            send(session.sync, Kind.ERROR, TOO_LARGE, 0, b"messages of up to 16 MiB, please")
            receive_exactly(session.sync, message.length, keep=False)
            return
        payload = receive_exactly(session.sync, message.length)
        if message.kind == Kind.DEVICE_CLEAR_COMPLETE:
            session.clearing = False
            session.input.clear()
            session.delivered()
            send(session.sync, Kind.DEVICE_CLEAR_ACKNOWLEDGE)
        elif message.kind not in (Kind.DATA, Kind.DATA_END, Kind.TRIGGER):
            send(session.sync, Kind.ERROR, UNKNOWN_TYPE, 0, f"type {message.kind} is not known here".encode())
        elif not session.clearing:
            self._heed_delivery(session, message)
            session.message = message.parameter
            if not session.connection.device.access.wait(session.connection):
                raise ConnectionError("the bench is closed")
            if message.kind == Kind.TRIGGER:
                session.connection.trigger()
            else:
                room = session.connection.longest_message + 1 - len(session.input)
                session.input += payload[: max(room, 0)]  # one byte too many tells the instrument
                if message.kind == Kind.DATA:
                    return
                program, session.input = bytes(session.input), bytearray()
                session.connection.write(program)
            self._respond(session)

    def _heed_delivery(self, session: Session, message: Message) -> None:
        """A response that was not read when the next message begins is interrupted (IVI-6.1 3.1.1)."""
        if session.sent is not None and not message.control & DELIVERED and not session.input:
            session.connection.interrupt()
            send(session.sync, Kind.INTERRUPTED, 0, message.parameter)
            session.news(Kind.ASYNC_INTERRUPTED, 0, message.parameter)
        session.delivered()

    def _respond(self, session: Session) -> None:
        reply = _all_responses(session.connection)
        if not reply or session.clearing:
            return
        session.sent = session.message
        session.connection.undelivered = True
        room = max(session.largest - HEADER.size, 1)
        rest = memoryview(reply)
        while len(rest) > room:
            send(session.sync, Kind.DATA, 0, session.message, rest[:room])
            rest = rest[room:]
        send(session.sync, Kind.DATA_END, 0, session.message, rest)

    # -- the asynchronous channel

    def _asynchronous(self, client: socket.socket, session: Session) -> None:
        session.channel = client

        def request() -> None:
            session.news(Kind.ASYNC_SERVICE_REQUEST, session.connection.service.byte | REQUESTS)

        with session.sending:
            session.connection.service.on_request = request  # before the client is told that it may begin
            send(client, Kind.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR)
        try:
            while True:
                message = receive(client)
                payload = receive_exactly(client, min(message.length, 512))
                receive_exactly(client, message.length - len(payload), keep=False)
                answer = session.answer(message, payload)
                with session.sending:
                    send(client, *answer)
        except InstrumentGone:
            hang_up(session.sync)
        finally:
            session.connection.service.on_request = None
            hang_up(session.sync)


def _all_responses(connection: Connection) -> bytes:
    """Every response that is there now, as one: a message of HiSLIP has one answer, a script may have printed several.

    Raises InstrumentGone, with all that was sent before that, if the connection is lost.
    """
    parts: list[bytes] = []
    try:
        while (part := connection.collect()) is not None:
            parts.append(part)
    except InstrumentGone as gone:
        parts += [part for part in gone.args[1:] if isinstance(part, bytes)]
        raise InstrumentGone(gone.args[0], b"".join(parts)) from gone
    return b"".join(parts)
