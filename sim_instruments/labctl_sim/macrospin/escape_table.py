"""How the correction in escape_correction.txt is made: exact eigenvalues over the formula (15 s of one core).

To make it again::

    python -m labctl_sim.macrospin.escape_table > escape_correction.txt
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin.escape import BARRIERS, DAMPINGS, FIELDS, axial, langer, stability_at
from labctl_sim.macrospin.fokker_planck import brown, slowest
from labctl_sim.macrospin.sphere import LARGEST_DEGREE, Sphere

Floats = NDArray[np.float64]
Place = tuple[int, int, int]

HEADER = """\
# ln(exact / formula) of the precession factor R, from eigenvalues of the Fokker-Planck equation: see escape.py.
# {} barriers ({:g} ... {:g} kT) of {} transverse fields ({:g} ... {:g} kT) of {} dampings alpha sqrt(Delta)
# ({:g} ... {:g}), each even in the logarithm; a line is one barrier and one field. Made by escape_table.py.
"""


def exact_precession(stability: float, transverse: float, damping: float) -> float:
    """R of `escape` without its formula: the exact slowest decay over lambda_z."""
    root = stability**0.5
    # Low damping makes the density sharper along the energy than Boltzmann's law is.
    fine = 1.3 + 0.6 * max(0.0, float(np.log(0.3 / (damping * root))))
    sphere = Sphere.of(min(LARGEST_DEGREE, round((12 + 6 * root) * fine)))
    decay, _, _ = axial(np.array([stability]), np.array([transverse]), np.zeros(1))
    return slowest(brown(sphere, stability, (transverse, 0.0, 0.0), damping)) / float(decay[0])


def grid() -> Iterator[tuple[Place, tuple[float, float, float]]]:
    """Every place of the table with its (stability, transverse, damping)."""
    for i, barrier in enumerate(BARRIERS):
        for j, across in enumerate(FIELDS):
            stability = float(stability_at(barrier, across))
            for k, scaled in enumerate(DAMPINGS):
                yield (i, j, k), (stability, float(across), float(scaled) / stability**0.5)


def correction(stability: float, transverse: float, damping: float) -> float:
    """ln(exact / formula) at one point."""
    formula = langer(np.array([stability]), np.array([transverse]), np.array([damping]))
    return float(np.log(exact_precession(stability, transverse, damping) / formula[0]))


def main() -> None:
    """Write the table to standard output."""
    table = np.empty((BARRIERS.size, FIELDS.size, DAMPINGS.size))
    for place, point in grid():
        table[place] = correction(*point)
    axes = (BARRIERS, FIELDS, DAMPINGS)
    sys.stdout.write(HEADER.format(*(value for axis in axes for value in (axis.size, axis[0], axis[-1]))))
    for row in table.reshape(-1, DAMPINGS.size):
        sys.stdout.write(" ".join(f"{value:.5f}" for value in row) + "\n")


if __name__ == "__main__":
    main()
