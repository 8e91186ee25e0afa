"""What a solver of the array offers: every node is eliminated but the line ends, and can be found again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Press:
    """A unit current forced into one cell's word node and out of its bit node, all ports at 0 V.

    ``ports``: float64 (ports,), its share at each port; by reciprocity also the cell's volts per volt at each port.
    ``load`` and ``response`` lie over the eliminated nodes: ``a.load @ b.response`` is the volts across cell a, with
    the sign of a resistance, that the current of b causes.
    """

    ports: Floats
    load: Floats
    response: Floats


class Reduction(Protocol):
    """An array seen from its ports: the line ends, one wire segment out, or the line itself if it has no resistance.

    ``rows``, ``cols``: of cells. ``admittance``: float64 (ports, ports), siemens, of the array alone. ``port_of_end``:
    (2m+2n,) the port at which each line end lies, in the order left, right, top, bottom.
    """

    rows: int
    cols: int
    admittance: Floats
    port_of_end: Indices

    def lift(self, cell_amps: Floats) -> tuple[Floats, Any]:
        """Replace what cells draw beyond their conductance (P, m, n) by currents forced into the ports (ports, P).

        The second value is what ``descend`` needs to know of them.
        """

    def descend(self, port_volts: Floats, lifted: Any = None) -> tuple[Floats, Floats]:
        """From the volts of the ports (ports, P) those of all word and bit nodes: two times float64 (P, m, n)."""

    def press(self, row: int, col: int) -> Press:
        """The press of one cell."""


def conserving(admittance: Floats) -> Floats:
    """Set each diagonal element to minus the rest of its row: what flows into an array without ground flows out.

    Eliminating nodes loses just this, by as many digits as the wires conduct better than the cells.
    """
    size = admittance.shape[-1]
    spots = np.arange(size)
    admittance[..., spots, spots] = 0.0
    admittance[..., spots, spots] = -admittance.sum(axis=-1)
    return admittance
