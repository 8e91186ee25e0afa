"""The array of junctions as it is now: which state each one is in, and which ones are broken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl_sim.mtj import Flips, Floats, Junctions, States


class JunctionArray:
    """``rows`` x ``cols`` junctions, numbered row by row; ``states`` uint8 (N,), ``broken`` bool (N,)."""

    def __init__(self, rows: int, cols: int, junctions: Junctions, states: States) -> None:
        self.rows = rows
        self.cols = cols
        self.junctions = junctions
        self.states = states.astype(np.uint8)
        self.broken: NDArray[np.bool_] = np.zeros(rows * cols, np.bool_)

    def conductance(self, states: States, volts: Floats) -> Floats:
        """Siemens of every cell, (N,), broken ones included, as if the array were in ``states``."""
        whole = self.junctions.conductance(states, volts)
        result: Floats = np.where(self.broken, 1 / self.junctions.broken_ohms, whole)
        return result

    def stress(self, volts: Floats) -> bool:
        """Let ``volts`` (N,) act for an instant; True if that broke a junction, for ever."""
        newly = (np.abs(volts) > self.junctions.breakdown_volts) & ~self.broken
        self.broken |= newly
        return bool(newly.any())

    def apply(self, flips: Flips, rng: np.random.Generator, cells: NDArray[np.bool_] | None = None) -> bool:
        """Draw the states after ``flips`` (for ``cells``, default all); True if any changed. Broken cells stay."""
        after = flips.draw(self.states, rng)
        touched = ~self.broken if cells is None else cells & ~self.broken
        changed = touched & (after != self.states)
        self.states[changed] = after[changed]
        return bool(changed.any())
