"""Looking into the flat top of a pulse: from when on, and what happens between two looks.

A column says of every length of the top in which state the pulse would leave the junction if it ended there. Taken at
the looks that is what they see, each for itself. That two of them belong to one history takes the step between them: a
two-state relaxation that leads from the chances at the one to those at the other, and forgets as much as they do, or,
where everything is forgotten already, as much as the escape rates at that level say.

While m_z still rings, forgetting has turned into remembering the opposite, and no such step exists. And with no barrier
left, what two samples some nanoseconds apart have in common is too much by up to a tenth: the rates there are capped.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl_sim.flips import Flips, Floats
from labctl_sim.macrospin.columns import RINGS
from labctl_sim.macrospin.lattice import AXIAL
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape

FORGOTTEN = 0.02  # of 1 - up - down: with less, its ratios are noise of the table, and the rates decide
LONGER = 2.0  # times the ringing: a shorter top is a pulse that cannot be looked into


def ringing_seconds(scales: Scales, settle_seconds: float) -> float:
    """How long after the beginning of a top m_z of any of these junctions may ring.

    About a transverse field it rings for 5/alpha radians, as in `columns`. Without one it does not ring, and its law in
    a well follows within the time that lies between two pulses, too.
    """
    across = scales.transverse > AXIAL * scales.stability
    # A radian of precession about the field is 2 alpha tau_N/xi_x.
    longest = 2 * RINGS * scales.neel_seconds[across] / scales.transverse[across]
    return float(np.max(longest, initial=settle_seconds))


def cut_off(shape: Shape, tops: Floats, settle_seconds: float) -> tuple[Shape, Floats]:
    """The pulse that stands for a ``shape`` of which ``tops`` (J,) seconds are over, and its tops.

    A quick trailing edge acts like half of it at full height, and the columns with it are there already.
    """
    trailing = sum(seconds for _, seconds in shape.trailing)
    if trailing > settle_seconds:
        return replace(shape, trailing=()), tops
    return shape, np.maximum(tops - trailing / 2, 0.0)


def steps(flips: Flips, kept: Floats) -> Flips:
    """The steps one after the other, (J, N), that lead through ``flips`` (J, N), each since the beginning.

    ``kept`` (J - 1, N) is how much of the state the escape rates say is left from each look to the next.
    """
    left = 1 - flips.up - flips.down
    known = left[:-1] ** 2 + FORGOTTEN**2
    kept = np.clip((left[1:] * left[:-1] + FORGOTTEN**2 * kept) / known, 0.0, 1.0)
    up, down = flips.up.copy(), flips.down.copy()
    # P(AP) by now, of a junction that was P and of one that was AP: what the steps so far have made of it.
    if_p, if_ap = up[0], 1 - down[0]
    for index, keeps in enumerate(kept, 1):
        wanted = (flips.up[index] + 1 - flips.down[index]) / 2
        up[index] = np.clip(wanted - keeps * (if_p + if_ap) / 2, 0.0, 1 - keeps)
        down[index] = 1 - keeps - up[index]
        if_p, if_ap = up[index] + keeps * if_p, up[index] + keeps * if_ap
    return Flips(up, down)
