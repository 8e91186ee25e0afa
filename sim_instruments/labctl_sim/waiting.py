"""How a server waits for both sides: for what its client sends, and for a reply that comes later."""

from __future__ import annotations

import socket

from labctl_sim.connection import Connection

LOOK_SECONDS = 1e-3  # between two looks, of the room
STEP_SECONDS = 0.01  # by which virtual time goes on at each look
PATIENT_SECONDS = 60.0  # of virtual time that one reply is waited for; after that, looks are rare
RARE_SECONDS = 0.05


class Patience:
    """One client's. Virtual time passes only while somebody waits for it; here, the client of a deferred reply."""

    def __init__(self, client: socket.socket, connection: Connection) -> None:
        self._client = client
        self._connection = connection
        self._waited = 0.0

    def renew(self) -> None:
        """Something happened."""
        self._waited = 0.0

    def receive(self, count: int) -> bytes | None:
        """Bytes from the client, none when it has hung up; None when it is time to look for a reply."""
        expecting = self._connection.expecting
        patient = self._waited < PATIENT_SECONDS
        self._client.settimeout((LOOK_SECONDS if patient else RARE_SECONDS) if expecting else None)
        try:
            return self._client.recv(count)
        except TimeoutError:
            if self._connection.device.pace.virtual and patient:
                before = self._connection.device.world.now()
                self._connection.pass_time(STEP_SECONDS)
                self._waited += min(self._connection.device.world.now() - before, STEP_SECONDS)
            return None
        finally:
            self._client.settimeout(None)
