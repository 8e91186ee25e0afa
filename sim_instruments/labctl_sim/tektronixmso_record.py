"""What a Tektronix oscilloscope has taken: counts, and how the channels were set at that time (TMD)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Floats
from labctl_sim.tektronixmso_controls import DIVISIONS
from labctl_sim.waveform import Capture

LEVELS = 256


@dataclass(frozen=True)
class Vertical:
    """A channel's scaling: volts = (count - yoff) * ymult + yzero, in counts of 8 bits."""

    scale: float
    offset: float
    position: float

    @property
    def ymult(self) -> float:
        """Volts per count: 8 bits span the 10 divisions."""
        return self.scale * DIVISIONS / LEVELS

    @property
    def yoff(self) -> float:
        """Counts per division times the position in divisions."""
        return self.position * LEVELS / DIVISIONS

    def volts(self, counts: NDArray[np.int8]) -> Floats:
        """What counts mean, float64 of their shape."""
        result: Floats = (counts.astype(np.float64) - self.yoff) * self.ymult + self.offset
        return result


@dataclass(frozen=True)
class RecordSettings:
    """How a waveform is taken."""

    verticals: tuple[Vertical, ...]
    rate: float
    length: int
    start_seconds: float
    fast: bool
    summary: str


@dataclass
class Record:
    """What was taken: the capture of channel 1, and how all channels were set."""

    capture: Capture
    settings: RecordSettings
    others: dict[int, NDArray[np.int8]] = field(default_factory=dict)
