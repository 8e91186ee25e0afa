"""What solving an array gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.crossbar.reduction import Floats


@dataclass(frozen=True)
class Solution:
    """Currents and node voltages for P vectors.

    ``left``, ``right``: float64 (P, m) amperes *into* the array at each word-line end; ``top``, ``bottom``: (P, n),
    the same for bit lines; zero at floating ends. ``word_volts``, ``bit_volts``: (P, m, n), volts at the cells' nodes.
    """

    left: Floats
    right: Floats
    top: Floats
    bottom: Floats
    word_volts: Floats
    bit_volts: Floats

    @property
    def cell_volts(self) -> Floats:
        """Volts across each cell, word line minus bit line: float64 (P, m, n)."""
        return self.word_volts - self.bit_volts

    @property
    def amps(self) -> Floats:
        """Amperes into the array at all ends, in the order left, right, top, bottom: float64 (P, 2m+2n)."""
        return np.concatenate([self.left, self.right, self.top, self.bottom], axis=1)
