"""The array of junctions as it is now: which state each one is in, how worn it is, and which ones are broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Flips, Floats, States
from labctl_sim.junction import OPEN, SHORTED, STUCK_AP, STUCK_P, Junctions
from labctl_sim.wear import Wear

AGEING_STEP = 1e-6  # of resistance and critical volts: a smaller change waits until it has grown to this


class JunctionArray:
    """``rows`` x ``cols`` junctions, numbered row by row; ``states`` uint8 (N,), ``junctions`` as aged as they are."""

    def __init__(self, rows: int, cols: int, junctions: Junctions, states: States) -> None:
        self.rows = rows
        self.cols = cols
        self.junctions = junctions
        self.wear = Wear(junctions.endurance)
        self._new = junctions
        self._ageing = np.ones((2, junctions.devices))
        self.states = states.astype(np.uint8)
        self.states[junctions.defects == STUCK_P] = 0
        self.states[junctions.defects == STUCK_AP] = 1

    @property
    def broken(self) -> NDArray[np.bool_]:
        """Which ones are broken, bool (N,): shorts, for ever."""
        return self.wear.broken

    @property
    def movable(self) -> NDArray[np.bool_]:
        """Which ones can change state, bool (N,): neither broken nor wrong from the start."""
        return self.junctions.movable

    def conductance(self, states: States | Floats, volts: Floats) -> Floats:
        """Siemens of every cell, (N,), broken ones included, as if the array were in ``states`` (floats are m_z)."""
        return self.junctions.conductance(states, volts)

    def stress(self, volts: Floats, seconds: float | Floats = 0.0, cycles: int = 1) -> bool:
        """Let ``volts`` act, (N,) for ``seconds`` or (N, W) for (W,), ``cycles`` times; True if that broke a junction.

        0 seconds are an instant: only what is beyond breakdown counts.
        """
        newly = bool(self.wear.stress(volts, seconds, cycles).any())
        ageing = np.array(self._new.endurance.ageing(self.wear.dose))
        if newly or np.abs(ageing - self._ageing).max() > AGEING_STEP:
            self._ageing = ageing
            shorted = self.broken & (self._new.defects != OPEN)
            defects = np.where(shorted, SHORTED, self._new.defects).astype(np.uint8)
            self.junctions = replace(self._new.aged(self.wear.dose), defects=defects)
        return newly

    def apply(self, flips: Flips, rng: np.random.Generator, cells: NDArray[np.bool_] | None = None) -> bool:
        """Draw the states after ``flips`` (for ``cells``, default all); True if any changed. Broken cells stay."""
        return self.put(flips.draw(self.states, rng), cells)

    def put(self, after: States, cells: NDArray[np.bool_] | None = None) -> bool:
        """Let the ``cells`` (default all) that can move be in the states ``after`` (N,); True if any changed."""
        touched = self.movable if cells is None else cells & self.movable
        changed = touched & (after != self.states)
        self.states[changed] = after[changed]
        return bool(changed.any())
