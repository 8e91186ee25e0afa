"""Raw SCPI sockets: one port per instrument, text in and out, and nothing else; the simplest way in from anywhere."""

from __future__ import annotations

import socket
from weakref import WeakSet

from labctl.core.errors import InstrumentGone
from labctl_sim.bench import SimBench
from labctl_sim.connection import Connection
from labctl_sim.device import SimDevice
from labctl_sim.framing import Framing
from labctl_sim.listener import Listener, close
from labctl_sim.waiting import Patience

CHUNK = 1 << 16


def listen(bench: SimBench, host: str, first_port: int) -> dict[str, Listener]:
    """A listener for each role, on ports that count up from ``first_port``; free ones if it is 0."""
    listeners: dict[str, Listener] = {}
    try:
        for number, device in enumerate(bench.devices.values()):
            port = first_port and first_port + number
            clients = Clients(device)
            listeners[device.role] = Listener(host, port, clients.serve, clients.dismiss)
    except Exception:
        close(listeners.values())
        raise
    return listeners


class Clients:
    """Everyone who connects to one instrument."""

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        self._connections: WeakSet[Connection] = WeakSet()

    def dismiss(self) -> None:
        """Nobody waits any more."""
        for connection in list(self._connections):
            self._device.access.dismiss(connection)

    def serve(self, client: socket.socket) -> None:
        """Talk until one of the two hangs up."""
        connection = Connection(self._device)
        self._connections.add(connection)
        try:
            self._talk(client, connection)
        except InstrumentGone as gone:
            client.sendall(b"".join(part for part in gone.args[1:] if isinstance(part, bytes)))
        finally:
            connection.close()

    def _talk(self, client: socket.socket, connection: Connection) -> None:
        framing = Framing(connection.longest_message)
        patience = Patience(client, connection)
        while (data := patience.receive(CHUNK)) != b"":
            if data is None:
                self._reply(client, connection)
                continue
            patience.renew()
            for message in framing.feed(data):
                while connection.held and not self._device.access.dismissed(connection):
                    self._device.pace.room.sleep(1e-3)  # it has not sent the last reply yet
                    self._reply(client, connection)
                if not self._device.access.wait(connection):
                    return
                connection.write(message)
                self._reply(client, connection)

    def _reply(self, client: socket.socket, connection: Connection) -> None:
        reply = connection.collect()
        if reply is not None:
            client.sendall(reply)
