"""One open connection to a simulated instrument: its own output buffer, timeouts in virtual time, and faults.

It knows no transport. A VISA session or a socket server holds one and translates; errors are those of core/errors.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.panel import Panel
from labctl_sim.station import Fault
from labctl_sim.world import World

# How often a waiting reader looks again while the virtual clock runs towards its timeout.
LOOKS = 20
FOR_EVER_SECONDS = 3600.0


class SimDevice:
    """An instrument at its address: the panel, what it has received so far, and what is to go wrong with it."""

    def __init__(
        self,
        role: str,
        address: str,
        panel: Panel,
        world: World,
        lock: AbstractContextManager[bool],
        faults: list[Fault],
    ) -> None:
        self.role = role
        self.address = address
        self.panel = panel
        self.world = world
        self.lock = lock  # one for the whole bench, because all panels change one world
        self.received = 0
        self.lost_connections = 0
        self._faults = faults

    def fault(self) -> str | None:
        """Count one more message; the kind of the fault that it meets, if any."""
        self.received += 1
        for fault in self._faults:
            if fault.after_messages < self.received <= fault.after_messages + fault.messages:
                if fault.kind == "vanish":
                    self._faults.remove(fault)  # well again once reopened
                return fault.kind
        return None


class Connection:
    """Whole messages in, responses out; ``timeout_seconds`` are seconds of the world's clock, not of the room's."""

    def __init__(self, device: SimDevice) -> None:
        self.device = device
        self._opened_after = device.lost_connections
        self._output = b""
        self._at = 0
        self._hung = False

    @property
    def available(self) -> int:
        """Bytes that can be read without waiting."""
        return len(self._output) - self._at

    def write(self, message: bytes) -> None:
        """Send one whole program message.

        Raises InstrumentGone when the instrument has vanished.
        """
        with self.device.lock:
            self._check()
            fault = self.device.fault()
            if fault == "vanish":
                self.device.lost_connections += 1
                self._check()
            self._hung = fault == "hang"
            if self._hung:
                return
            if self.available:
                self.device.panel.interrupted()
            self._take(self.device.panel.handle(message))

    def read(self, count: int, stop: int | None, timeout_seconds: float | None) -> tuple[bytes, str]:
        """Up to ``count`` bytes, up to and including the byte ``stop``; and why it ended: "end", "stop" or "count".

        Raises InstrumentTimeout, after the virtual clock has advanced by the timeout, if there is nothing to read.
        """
        with self.device.lock:
            self._check()
            if not self.available:
                self._wait(FOR_EVER_SECONDS if timeout_seconds is None else timeout_seconds)
            last = min(self._at + count, len(self._output))
            found = -1 if stop is None else self._output.find(stop, self._at, last)
            if found >= 0:
                last = found + 1
            data, self._at = self._output[self._at : last], last
            if self._at == len(self._output):
                self._take(None)
                return data, "end"
            return data, "stop" if found >= 0 else "count"

    def discard(self) -> None:
        """Throw away what has not been read."""
        self._take(None)

    def clear(self) -> None:
        """Device clear."""
        with self.device.lock:
            self._check()
            self._take(None)
            self._hung = False
            self.device.panel.clear()

    def trigger(self) -> None:
        """Group execute trigger."""
        with self.device.lock:
            self._check()
            self.device.panel.trigger()

    def status_byte(self) -> int:
        """Serial poll."""
        with self.device.lock:
            self._check()
            if not self.available and not self._hung:
                self._take(self.device.panel.poll())
            return self.device.panel.status_byte(self.available > 0)

    def _wait(self, seconds: float) -> None:
        """Let the world's clock run until there is something to read."""
        for look in range(LOOKS + 1):
            if not self._hung:
                self._take(self.device.panel.poll())
            if self.available:
                return
            if look < LOOKS:
                self.device.world.sleep(seconds / LOOKS)
        if not self._hung:
            self.device.panel.unterminated()
        raise InstrumentTimeout(f"the simulated {self.device.role} did not answer within {seconds:g} s of its own time")

    def _take(self, response: bytes | None) -> None:
        self._output, self._at = response or b"", 0

    def _check(self) -> None:
        if self._opened_after != self.device.lost_connections:
            raise InstrumentGone(
                f"the connection to the simulated {self.device.role} is lost; close it and open it again"
            )
