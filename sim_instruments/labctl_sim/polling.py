"""What asking again and again costs on the world's clock: whoever polls waits, and waiting has to take time.

Without it a loop such as ``while not smu.read_stb() & 64: pass`` would never end where time is virtual, for nothing
else lets it pass.
"""

from __future__ import annotations

from labctl_sim.world import World

FIRST_SECONDS = 1e-3  # about what a serial poll or a short query takes on a bus [MEM]
LONGEST_SECONDS = 0.5


class Polling:
    """Each question in a row that finds the instrument busy takes twice as long as the one before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seconds = FIRST_SECONDS

    def asked(self, *, busy: bool) -> None:
        """Someone asked whether it is ready; it was ``busy``, or not."""
        if not busy:
            self._seconds = FIRST_SECONDS
            return
        seconds, self._seconds = self._seconds, min(2 * self._seconds, LONGEST_SECONDS)
        self._world.sleep(seconds)
