"""How the world's time goes with the room's: by itself (virtual), in step with it (real), or so much faster (scaled).

The code is the same: panels let the world sleep for what takes them time. In virtual time that is all. Otherwise the
world runs ahead of the room by it, and their replies are held back until the room has come that far. An instrument
that is spoken to meanwhile acts at the room's time, or when it has done what it was told before (``World.as_of``), so
that nobody waits for another one. When nobody does anything, the world catches up with the room before the next one
does.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

from labctl.core.clock import Clock
from labctl.core.errors import StationError
from labctl_sim.world import World

BEHIND_SECONDS = 1e-3  # how far the world may lag behind the room before it is worth a solution of its circuit


def parse(text: str) -> float | None:
    """World seconds per second of the room: None for ``virtual``, 1 for ``real``, X for ``scaled:X``.

    Raises StationError.
    """
    name, colon, factor = text.partition(":")
    if not colon and name in ("virtual", "real"):
        return None if name == "virtual" else 1.0
    try:
        value = float(factor)
    except ValueError:
        value = math.nan
    if name != "scaled" or not 0 < value < math.inf:
        raise StationError(f"the clock {text!r} is unknown; it is 'virtual', 'real' or 'scaled:10' (ten times as fast)")
    return value


class Pace:
    """The bench's Clock for those who wait outside of it; ``factor`` as ``parse`` returns it."""

    def __init__(self, world: World, lock: AbstractContextManager[bool], factor: float | None, room: Clock) -> None:
        self.world = world
        self.room = room
        self._lock = lock
        self._factor = factor
        self._start = room.now()
        world.paced = factor is not None

    @property
    def virtual(self) -> bool:
        """True if waiting costs no time of the room."""
        return self._factor is None

    def now(self) -> float:
        """Seconds of the world's clock that have come to pass."""
        return self.world.now() if self._factor is None else (self.room.now() - self._start) * self._factor

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of the world pass."""
        if self._factor is not None:
            self.room.sleep(max(seconds, 0.0) / self._factor)
        with self._lock:
            if self._factor is None:
                self.world.sleep(seconds)
            else:
                self.catch_up()

    def catch_up(self) -> None:
        """Bring the world to the present of the room; the caller holds the bench's lock."""
        if self._factor is not None:
            now = self.now()
            behind = now - self.world.now()
            if behind > BEHIND_SECONDS:
                self.world.sleep(behind)
            elif behind < 0 and (due := self.world.next_event()) is not None and due <= now:
                with self.world.as_of(due, None):
                    self.world.sleep(now - due)  # what others have appointed, while the world had run ahead
