"""What a session can read: the output queue of IEEE 488.2, and the faults of the link that a response meets there."""

from __future__ import annotations

from collections.abc import Sequence

from labctl_sim.device import SimDevice
from labctl_sim.fault import WRONG_IDENTITY, Fault


class Response:
    """One session's. ``drops``: the connection is lost when it has been read."""

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        self._data = b""
        self._at = 0
        self._faults: Sequence[Fault] = ()
        self.ready_at = 0.0  # in the world's time
        self.drops = False

    @property
    def pending(self) -> bool:
        """True while there is something that has not been read, though its time may not have come."""
        return len(self._data) > self._at

    @property
    def available(self) -> int:
        """Bytes that can be read without waiting."""
        return len(self._data) - self._at if self.ready_at <= self._device.pace.now() else 0

    @property
    def held(self) -> bool:
        """True while there is a response that its time has not come for."""
        return self.pending and not self.available

    def meets(self, faults: Sequence[Fault]) -> None:
        """These strike the next response."""
        self._faults = faults

    def put(self, reply: bytes | None, message: bytes) -> None:
        """The answer to ``message`` (or none) comes out of the panel."""
        self._at, self.drops, self.ready_at = 0, False, self._device.busy_until
        if reply is not None and self._faults:
            for fault in self._faults:
                reply = self._spoilt(reply, fault, message)
            self._faults = ()
        self._data = reply or b""

    def take(self, count: int, stop: int | None) -> tuple[bytes, str]:
        """Up to ``count`` bytes, up to and including the byte ``stop``; and why it ended: "end", "stop" or "count"."""
        end = len(self._data)
        last = min(self._at + count, end)
        found = -1 if stop is None else self._data.find(stop, self._at, last)
        if found >= 0:
            last = found + 1
        whole = not self._at and last == end
        data, self._at = self._data if whole else self._data[self._at : last], last
        return data, "end" if last == end else "stop" if found >= 0 else "count"

    def forget(self) -> None:
        """There is nothing to read."""
        self._data, self._at, self.drops, self._faults = b"", 0, False, ()

    def _spoilt(self, reply: bytes, fault: Fault, message: bytes) -> bytes:
        if fault.kind == "slow":
            self.ready_at = max(self.ready_at, self._device.pace.now() + fault.delay_seconds)
        elif fault.kind == "garble":
            return self._device.world.faults.garble(reply)
        elif fault.kind == "identity" and b"*IDN?" in message.upper():
            return (fault.detail or WRONG_IDENTITY).encode() + b"\n"
        elif fault.kind in ("truncate", "drop"):
            self.drops = fault.kind == "drop"
            return reply[: max(len(reply) // 2, 1)]
        return reply
