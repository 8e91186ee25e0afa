"""Pulse plans: what one cycle does to a junction, in volts and seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class PhaseKind(StrEnum):
    """What a phase is for."""

    RESET = "reset"
    STOCHASTIC = "stochastic"
    READ = "read"


class Timing(StrEnum):
    """How the gaps of a plan are meant."""

    EXACT = "exact"
    """One trigger starts the cycle, and every gap lasts as long as it says."""
    AT_LEAST = "at least"
    """Asked: gaps may last longer, by milliseconds and unevenly, so the phases may be played one by one."""
    APART = "apart"
    """Played: each phase started on a trigger of its own, after a gap that was at least as long as it says."""


@dataclass(frozen=True)
class Phase:
    """One trapezoidal pulse and the quiet time after it.

    ``width_seconds`` is the full width at half maximum; each edge takes ``edge_seconds`` from 0 to 100 %,
    so the pulse lasts ``width_seconds + edge_seconds`` and is followed by ``gap_seconds`` at zero.
    """

    kind: PhaseKind
    volts: float
    width_seconds: float
    edge_seconds: float
    gap_seconds: float

    def __post_init__(self) -> None:
        if not (self.width_seconds > 0 and self.edge_seconds >= 0 and self.gap_seconds >= 0):
            raise ValueError(f"a phase needs a positive width and no negative time: {self}")
        if self.edge_seconds > self.width_seconds:
            raise ValueError(f"an edge of {self.edge_seconds} s does not fit a width of {self.width_seconds} s")

    @property
    def duration_seconds(self) -> float:
        """From the foot of the rising edge to the end of the gap."""
        return self.width_seconds + self.edge_seconds + self.gap_seconds


@dataclass(frozen=True)
class PulsePlan:
    """The phases of one cycle, in order, starting at the trigger. Volts are those at the junction
    when a procedure speaks, and those of the front panel when a driver is spoken to."""

    phases: tuple[Phase, ...]
    timing: Timing = Timing.EXACT

    def __post_init__(self) -> None:
        if not self.phases:
            raise ValueError("a pulse plan needs at least one phase")

    @property
    def period_seconds(self) -> float:
        """Duration of one cycle."""
        return sum(phase.duration_seconds for phase in self.phases)

    @property
    def peak_volts(self) -> float:
        """Largest magnitude of any phase."""
        return max(abs(phase.volts) for phase in self.phases)

    @property
    def triggers(self) -> int:
        """How many triggers one cycle takes, and gives to whatever listens."""
        return len(self.phases) if self.timing is Timing.APART else 1

    def trigger_of(self, kind: PhaseKind) -> int:
        """Which of the cycle's triggers, from 0, the first phase of ``kind`` follows.

        Raises KeyError when the plan has none.
        """
        index = self._index(kind)
        return index if self.timing is Timing.APART else 0

    def flat_top(self, kind: PhaseKind) -> tuple[float, float]:
        """Start and stop, in seconds after its trigger, of the flat top of the first phase of ``kind``.

        Raises KeyError when the plan has none.
        """
        index = self._index(kind)
        before = () if self.timing is Timing.APART else self.phases[:index]
        start = sum(phase.duration_seconds for phase in before)
        return start + self.phases[index].edge_seconds, start + self.phases[index].width_seconds

    def scaled(self, factor: float) -> PulsePlan:
        """The same plan with every voltage multiplied by ``factor``."""
        return replace(self, phases=tuple(replace(phase, volts=phase.volts * factor) for phase in self.phases))

    def _index(self, kind: PhaseKind) -> int:
        for index, phase in enumerate(self.phases):
            if phase.kind == kind:
                return index
        raise KeyError(f"the plan has no {kind} phase")

    def volts_at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The waveform at ``seconds`` after the trigger, with the gaps as they stand: float64, same shape, volts."""
        corners: list[float] = []
        levels: list[float] = []
        start = 0.0
        for phase in self.phases:
            top, fall = start + phase.edge_seconds, start + phase.width_seconds
            corners += [start, top, fall, fall + phase.edge_seconds]
            levels += [0.0, phase.volts, phase.volts, 0.0]
            start += phase.duration_seconds
        return np.interp(seconds, corners, levels, left=0.0, right=0.0)
