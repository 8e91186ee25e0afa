"""What asking again and again costs on the world's clock: whoever polls waits, and waiting has to take time.

Without it a loop such as ``while not smu.read_stb() & 64: pass`` would never end where time is virtual, for nothing
else lets it pass. Where it is the room's, it passes anyway.
"""

from __future__ import annotations

from labctl_sim.pace import Pace

FIRST_SECONDS = 1e-3  # about what a serial poll or a short query takes on a bus [MEM]; then twice as much, and so on
LONGEST_SECONDS = 1.0
MOST_DOUBLINGS = 20
LONGEST_QUESTION = 256


class Polling:
    """One session's questions since it last did anything else."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._asked: set[bytes] = set()
        self._asked_at = -1.0
        self._doublings = 0

    def asked(self, question: bytes) -> None:
        """The same question again, nothing done in between, while something is under way: let virtual time pass."""
        world = self._pace.world
        if question in self._asked and world.now() == self._asked_at and self._pace.virtual:
            if world.next_event() is not None or world.is_playing:
                world.sleep(min(FIRST_SECONDS * 2.0**self._doublings, LONGEST_SECONDS))
                self._doublings = min(self._doublings + 1, MOST_DOUBLINGS)
        else:
            self._doublings = 0
            if len(question) <= LONGEST_QUESTION:
                self._asked.add(question)
        self._asked_at = world.now()

    def acted(self) -> None:
        """Something was done that is no question."""
        self._asked.clear()
