"""An instrument at its address: the front panel, what happens to it as a whole, and who is connected to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from labctl_sim.access import Access
from labctl_sim.fault import Fault
from labctl_sim.pace import Pace
from labctl_sim.panel import Panel

if TYPE_CHECKING:
    from labctl_sim.connection import Connection

REQUESTS = 64  # the bit of the status byte that sums up all others


class SimDevice:
    """``lock`` is one for the whole bench, because all panels change one world. It is held in every method here."""

    def __init__(
        self,
        role: str,
        address: str,
        make_panel: Callable[[], Panel],
        pace: Pace,
        lock: AbstractContextManager[bool],
    ) -> None:
        self.role = role
        self.address = address
        self.pace = pace
        self.world = pace.world
        self.lock = lock
        self.access = Access()
        self.connections: list[Connection] = []
        self.lost_connections = 0
        self.busy_until = 0.0  # in the world's time, by what it did itself; the room may still have to get there
        self.deaf_until = 0.0
        self._make_panel = make_panel
        self._byte_while_busy = 0
        self.panel = make_panel()
        self.world.faults.watchers[role] = self._watch

    def handle(self, asker: object, message: bytes) -> bytes | None:
        """Let the panel run a message on behalf of ``asker``."""
        self._for(asker)
        byte = 0 if self.pace.virtual else self.panel.status_byte(False)
        busy, reply = self.busy, self._takes(lambda: self.panel.handle(message))
        if self.busy and not busy:
            self._byte_while_busy = byte
        return reply

    def _takes(self, act: Callable[[], bytes | None]) -> bytes | None:
        """Let the panel act, and be busy for as long as that took."""
        with self._its_time():
            before = self.world.now()
            reply = act()
            if self.world.now() > before:
                self.busy_until = self.world.now()
        return reply

    def _its_time(self) -> AbstractContextManager[None]:
        """In here the panel acts: in the room's present, or when it has done what it was told before."""
        if self.pace.virtual:
            return nullcontext()
        return self.world.as_of(max(self.pace.now(), self.busy_until), self.role)

    def poll(self, asker: object) -> bytes | None:
        """What ``asker`` still waits for, if it is there now."""
        self._for(asker)
        return self._takes(self.panel.poll)

    @property
    def busy(self) -> bool:
        """True while the room has not got to where the last command was over."""
        return self.busy_until > self.pace.now()

    def expected(self, asker: object, message: bytes) -> bool:
        """Whether a reply to ``message``, which had none at once, may still come."""
        self._for(asker)
        waiting: bool | None = getattr(self.panel, "waiting", None)
        return b"?" in message if waiting is None else waiting

    @property
    def will_request(self) -> bool:
        """Whether service may be requested when something that is under way is over."""
        status = getattr(self.panel, "status", None)
        return bool(getattr(status, "service_enable", 0)) and self.world.next_event() is not None

    def interrupted(self, asker: object) -> None:
        """The response of ``asker`` is gone, because a new message came."""
        self._for(asker)
        self.panel.interrupted()

    def unterminated(self, asker: object) -> None:
        """Someone reads what nobody asked for."""
        self._for(asker)
        self.panel.unterminated()

    def clear(self, asker: object) -> None:
        """Device clear: what it was doing ends now, though the world may have run to the end of it."""
        self._for(asker)
        self.busy_until = min(self.busy_until, self.pace.now())
        with self._its_time():
            self.panel.clear()

    def trigger(self, asker: object) -> None:
        """Group execute trigger."""
        self._for(asker)
        with self._its_time():
            self.panel.trigger()

    def status_byte(self, message_available: bool) -> int:
        """The status byte; while the room waits for a command to be over, as it was before that command."""
        if not self.pace.virtual and self.busy:
            return self._byte_while_busy & ~16 | 16 * message_available
        with self._its_time():
            return self.panel.status_byte(message_available)

    @property
    def falls(self) -> int:
        """How often the last reason for service has gone away, perhaps in the middle of a message."""
        status = getattr(self.panel, "status", None)
        return getattr(status, "falls", 0)

    def changed(self) -> None:
        """Something happened: whoever is connected may have to be told that the instrument requests service."""
        for connection in self.connections:
            connection.look()

    def suffer(self, fault: Fault) -> None:
        """A sudden event."""
        if fault.kind == "reboot":
            self._reboot(fault.delay_seconds)
        elif fault.kind == "overflow":
            status = getattr(self.panel, "status", None)
            if status is not None:
                status.overflow()
        elif fault.kind == "front_panel":
            self.handle(self, fault.detail.encode())

    def _watch(self) -> None:
        """A condition begins: the panel looks at what it watches by itself, if there is anything."""
        watch = getattr(self.panel, "watch", None)
        if watch is not None:
            with nullcontext() if self.pace.virtual else self.world.as_of(self.world.now(), self.role):
                watch()

    def _reboot(self, seconds: float) -> None:
        self.busy_until = min(self.busy_until, self.pace.now())
        with self._its_time():
            before, self.panel = self.panel, self._make_panel()
        power_on = getattr(self.panel, "power_on", None)
        if power_on is not None:
            power_on(before)
        self.deaf_until = self.pace.now() + seconds
        for connection in self.connections:
            connection.forget()
        if self.address.upper().startswith("TCPIP"):
            self.lost_connections += 1  # a bus has no connections that could be lost

    def _for(self, asker: object) -> None:
        if hasattr(self.panel, "asker"):
            self.panel.asker = asker
