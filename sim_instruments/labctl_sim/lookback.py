"""What an instrument that integrates has read: the circuit in the time that passed last, with its noise."""

from __future__ import annotations

import numpy as np

from labctl_sim.array import JunctionArray
from labctl_sim.connections import Connections
from labctl_sim.faces import Point
from labctl_sim.flips import Floats
from labctl_sim.fluctuation import Fluctuation

UNSEEN_VOLTS = 1e-9  # across a cell: less shows nothing of it


class Lookback:
    """The time that passed last."""

    def __init__(self, array: JunctionArray, connections: Connections, fluctuation: Fluctuation) -> None:
        self._array = array
        self._connections = connections
        self._fluctuation = fluctuation
        self._since = 0.0
        self._mean: tuple[Point, Floats] | None = None  # of junctions that changed in it
        self._read: tuple[Point, float, float, Point] | None = None  # the point, the time, and what was read of it

    def begins(self, since: float) -> None:
        """Time passes from ``since`` on."""
        self._since = since
        self._mean = None

    def changed(self, mean_z: Floats) -> None:
        """Junctions changed their states in it: their mean m_z, (N,), with which they count until the point changes."""
        self._mean = self._connections.point(), mean_z

    def point(self, end: float) -> Point:
        """The operating point as seen until ``end``."""
        point = self._connections.point()
        begin = min(self._since, end)
        mean_z = self._mean[1] if self._mean is not None and self._mean[0] is point else None
        if mean_z is None and (self._fluctuation.quiet or np.abs(point.cell_volts).max() < UNSEEN_VOLTS):
            return point
        if self._read is None or self._read[0] is not point or self._read[1:3] != (begin, end):
            states = self._array.states if mean_z is None else mean_z
            seen = self._connections.solved(states, self._fluctuation.between(begin, end))
            self._read = point, begin, end, seen
        return self._read[3]
