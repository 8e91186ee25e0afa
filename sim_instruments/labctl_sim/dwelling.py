"""What time does to junctions at one operating point: barriers wear, and every junction is a telegraph signal."""

from __future__ import annotations

import numpy as np

from labctl_sim.array import JunctionArray
from labctl_sim.flips import Flips, Floats, relaxed
from labctl_sim.physics import Physics
from labctl_sim.readnoise import occupation

RESTLESS = 1e-3  # changes expected in a time: from here on it is asked when they happened


def dwell(
    array: JunctionArray, physics: Physics, cell_volts: Floats, seconds: float, rng: np.random.Generator
) -> tuple[bool, Floats | None]:
    """Let ``seconds`` pass at ``cell_volts`` (N,): whether the array changed, and the mean m_z (N,) of that time.

    The telegraph is in continuous time, with the rates at the volts that a junction had as they began. The mean is
    None where each junction has the state with which it ends.
    """
    worn = array.stress(cell_volts, seconds)
    up, down = physics.rates(array.junctions, cell_volts)
    before = array.states.copy()
    mean_z: Floats = 1.0 - 2.0 * before.astype(np.float64)
    restless = np.flatnonzero(array.movable & (np.maximum(up, down) * seconds > RESTLESS))
    calm = Flips(*relaxed(up, down, seconds))
    after = calm.draw(before, rng)
    if restless.size:
        share, last = occupation(before[restless] == 1, up[restless], down[restless], seconds, rng)
        mean_z[restless], after[restless] = 1 - 2 * share, last
    changed = array.put(after)
    return changed or worn, mean_z if restless.size else None
