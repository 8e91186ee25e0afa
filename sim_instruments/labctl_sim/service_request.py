"""A session's view of the line by which an instrument requests service (IEEE 488.1 SRQ, and 488.2 11.3.3)."""

from __future__ import annotations

from collections.abc import Callable

from labctl_sim.device import REQUESTS, SimDevice


class ServiceRequest:
    """``on_request`` is called, with the bench's lock held, when the instrument begins to request service."""

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        self.on_request: Callable[[], None] | None = None
        self.times = 0  # that service was requested, for whoever waits for it
        self.requested = False  # and nobody has polled since it began
        self.byte = 0  # the status byte when we last looked
        self._falls = 0
        self._summary = False  # the instrument had a reason for service when we last looked

    def look(self, message_available: bool) -> int:
        """See whether the instrument has begun to request service; the status byte. The caller holds the lock."""
        byte = self.byte = self._device.status_byte(message_available)
        before, summary = self._summary, bool(byte & REQUESTS)
        self._summary = summary  # first: whoever is called may look again
        falls, self._falls = self._falls, self._device.falls
        if summary and (not before or falls != self._falls):
            self.requested = True
            self.times += 1
            if self.on_request is not None:
                self.on_request()
        if not summary:
            self.requested = False
        return byte

    def polled(self, byte: int) -> int:
        """What a serial poll returns: bit 6 is set once per request for service."""
        requested, self.requested = self.requested, False
        return byte & ~REQUESTS | REQUESTS * requested

    def take(self) -> bool:
        """Take one of the requests away; False if there is none."""
        if not self.times:
            return False
        self.times -= 1
        return True
