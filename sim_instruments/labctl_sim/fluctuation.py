"""The junctions' resistance noise as the world's clock has it: what any instrument reads, whoever looks first.

It has a generator of its own: what junctions do and what instruments add do not depend on how often someone looked.
"""

from __future__ import annotations

import numpy as np

from labctl_sim.flips import Floats
from labctl_sim.readnoise import NoiseNumbers, ReadNoise


class Fluctuation:
    """`ReadNoise` that is asked by instruments, which may look back."""

    def __init__(self, numbers: NoiseNumbers, rng: np.random.Generator) -> None:
        self.quiet = not (numbers.flicker_power.any() or numbers.telegraph_amplitude.any())
        self._noise = None if self.quiet else ReadNoise(numbers, rng)
        self._none: Floats = np.zeros(numbers.flicker_power.size)
        self._last = (0.0, 0.0, self._none)

    def between(self, begin: float, end: float) -> Floats:
        """delta R/R of each junction, the mean from ``begin`` to ``end``, seconds: (N,).

        Of a time before the one that was asked for last only that is known.
        """
        if self._noise is None:
            return self._none
        since, until, known = self._last
        begin = max(begin, since)
        if end < until or (begin, end) == (since, until):
            return known
        self._last = (begin, end, self._noise.relative(begin, end - begin))
        return self._last[2]
