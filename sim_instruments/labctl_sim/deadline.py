"""Waiting until something is there, at most so long: virtual time runs at once, for the room's one has to wait."""

from __future__ import annotations

from collections.abc import Callable

from labctl_sim.device import SimDevice

# How often a waiting reader looks again while the virtual clock runs towards its timeout, and at events in between.
LOOKS = 20
MOST_LOOKS = 10_000
LOOK_SECONDS = 1e-3  # how long a waiting reader sleeps where time is the room's


class Deadline:
    """``look`` lets what is due come, and raises InstrumentGone when waiting makes no sense any more; ``ready_at`` is
    when (in the world's time) something is known to come. Both are called with the bench's lock held, as ``there`` is.
    """

    def __init__(self, device: SimDevice, look: Callable[[], None], ready_at: Callable[[], float]) -> None:
        self._pace = device.pace
        self._lock = device.lock
        self._look = look
        self._ready_at = ready_at

    def wait(self, seconds: float, there: Callable[[], bool]) -> bool:
        """Let time pass until ``there``, at most ``seconds``."""
        pace = self._pace
        with self._lock:
            if self._came(there):
                return True
            if pace.virtual:
                return self._wait_virtually(seconds, there)
        deadline = pace.room.now() + seconds
        while (left := deadline - pace.room.now()) > 0:
            pace.room.sleep(min(LOOK_SECONDS, left))
            with self._lock:
                if self._came(there):
                    return True
        return False

    def _came(self, there: Callable[[], bool]) -> bool:
        self._pace.catch_up()
        self._look()
        return there()

    def _wait_virtually(self, seconds: float, there: Callable[[], bool]) -> bool:
        world = self._pace.world
        deadline = world.now() + seconds
        for look in range(MOST_LOOKS):
            now = world.now()
            step = deadline - now if look == MOST_LOOKS - 1 else min(deadline - now, seconds / LOOKS)
            due = world.next_event()
            if due is not None:
                step = min(step, max(due - now, 0.0))
            if now < self._ready_at():
                step = min(deadline, self._ready_at()) - now
            world.sleep(step)
            self._look()
            if there():
                return True
            if world.now() >= deadline * (1 - 1e-15):
                break
        return False
