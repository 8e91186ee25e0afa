"""Telling the two states of a junction apart by the current of a read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import MeasurementError
from labctl.core.procedure import Record

MIN_SEPARATION = 8.0
"""Smallest distance of the two states, in standard deviations of one read, at which a read may be called a bit: for
Gaussian noise a read error in 3e4 reads, and the usual amplifier gives far more than this."""


@dataclass(frozen=True)
class Threshold:
    """The level between the states of one junction: a read above it is P (0), below it AP (1)."""

    amps: float
    parallel_amps: float
    antiparallel_amps: float
    separation: float

    @classmethod
    def between(cls, amps: NDArray[np.float64]) -> Threshold:
        """Split reads (float64 (n,), amperes) into two groups, by Otsu's criterion (IEEE Trans. SMC 9, 62, 1979).

        Raises MeasurementError if they do not form two groups at least MIN_SEPARATION standard deviations apart.
        """
        ordered = np.sort(amps)
        counts = np.arange(1, ordered.size)
        low = np.cumsum(ordered)[:-1] / counts
        high = (ordered.sum() - np.cumsum(ordered)[:-1]) / (ordered.size - counts)
        cut = int(np.argmax(counts * (ordered.size - counts) * (high - low) ** 2)) + 1
        below, above = ordered[:cut], ordered[cut:]
        spread = float(np.sqrt((below.var() * below.size + above.var() * above.size) / ordered.size))
        distance = float(above.mean() - below.mean())
        separation = distance / spread if spread > 0 else np.inf
        if min(below.size, above.size) < 2 or separation < MIN_SEPARATION:
            raise MeasurementError(
                f"the reads do not show two states: {ordered.size} reads, groups of {below.size} and {above.size}, "
                f"{separation:.1f} standard deviations apart where {MIN_SEPARATION:g} are needed. Raise the pulse "
                "voltage until the junction switches, or the read voltage or length until the states part; a junction "
                "that moves while it is read wants them smaller; where the sign of the volts says the state (spin "
                "torque), give reset_volts of the other sign"
            )
        return cls(float((below.mean() + above.mean()) / 2), float(above.mean()), float(below.mean()), separation)

    def states(self, amps: NDArray[np.float64]) -> NDArray[np.bool_]:
        """True where the junction was antiparallel: bool, same shape as ``amps``."""
        result: NDArray[np.bool_] = amps < self.amps
        return result

    def record(self) -> Record:
        """What it is, for whoever reads the results."""
        return Record.of(
            "threshold",
            amps=self.amps,
            parallel_amps=self.parallel_amps,
            antiparallel_amps=self.antiparallel_amps,
            separation=self.separation,
        )
