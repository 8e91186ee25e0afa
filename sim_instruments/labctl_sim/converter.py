"""What a converter makes of noisy levels: counts drawn from their own law, where adding noise and rounding is slow.

A level with Gaussian noise on it becomes one of a few dozen counts, each with its chance. Of these a table is made
with `CELLS` cells, each count in as many of them as fit into its chance; a draw is a look into a random cell. What is
left of the chances has the first few cells to itself, and who meets one of these is drawn by inversion. The law is that
of rounding the sum, to the precision of its numbers (G. Marsaglia, Comm. ACM 6, 37, 1963).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from labctl_sim.chains import COARSE, words
from labctl_sim.flips import Floats
from labctl_sim.waveform import Capture

CELL_BITS = 12
CELLS = 1 << CELL_BITS
MOST_LEVELS = 1 << (COARSE - CELL_BITS)  # whose tables are addressed by 16 bits, and stay in the fastest cache
FAR = 9.0  # standard deviations, beyond which no count is drawn: once in 1e18
WIDEST = 256.0  # counts of noise; beyond, the first cells would be most of them


class Converter:
    """The counts of ``levels`` (L,), volts, as ``capture`` converts them; L is at most `MOST_LEVELS`."""

    def __init__(self, levels: Floats, capture: Capture) -> None:
        self._dtype = capture.counts.dtype
        lowest, highest = capture.span
        means = levels / capture.volts_per_count + capture.zero_counts
        spread = abs(capture.noise_volts / capture.volts_per_count)
        self._table = np.empty((levels.size, CELLS), self._dtype)
        self._rest: list[tuple[int, int, Floats]] = []  # of each level: its cells, and the law within them
        for mean, table in zip(means, self._table, strict=True):
            first, last = (int(np.clip(np.rint(mean + side * FAR * spread), lowest, highest)) for side in (-1.0, 1.0))
            edges = np.arange(first, last) + 0.5
            shares = (
                CELLS * np.diff(np.r_[0.0, ndtr((edges - mean) / spread), 1.0]) if edges.size else np.full(1, CELLS)
            )
            whole = np.floor(shares)
            rest = int(CELLS - whole.sum())
            table[rest:] = np.repeat(np.arange(first, last + 1), whole.astype(np.int64))
            self._rest.append((rest, first, np.cumsum(shares - whole) / max(rest, 1)))
        self._most = max(rest for rest, _, _ in self._rest)

    @staticmethod
    def suits(levels: int, capture: Capture) -> bool:
        """Whether tables are small enough to be worth while."""
        return levels <= MOST_LEVELS and 0 < abs(capture.noise_volts / capture.volts_per_count) <= WIDEST

    def draw(self, which: NDArray[np.uint16], rng: np.random.Generator) -> NDArray[np.signedinteger[Any]]:
        """One count for each entry of ``which``, a level's number; same shape, as the capture keeps counts."""
        numbers = which.ravel()
        cells = words(numbers.size, rng)
        cells >>= COARSE - CELL_BITS
        counts: NDArray[np.signedinteger[Any]] = self._table.ravel().take(cells + (numbers << CELL_BITS))
        few = np.flatnonzero(cells < self._most)
        for number, (rest, first, law) in enumerate(self._rest):
            mine = few[(numbers[few] == number) & (cells[few] < rest)]
            counts[mine] = first + np.minimum(np.searchsorted(law, rng.random(mine.size), side="right"), law.size - 1)
        return counts.reshape(which.shape)
