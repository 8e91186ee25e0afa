"""A first-order low pass: what a line's capacitance, or an amplifier, makes of a generator's cycle.

tau dv/dt = u - v, solved exactly on every piece of constant u. The cycle is taken to repeat, so that a tail which does
not fit is the next cycle's beginning, and no charge is lost; a first cycle begins where the others do, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labctl_sim.flips import Floats
from labctl_sim.waveform import Waveform

STAIRS = 20  # in one time constant: with 5, P of a short pulse is off by another 0.016 (stairs are its peak)
SETTLED = 2.5e-3  # of the cycle's swing: with less left, one level will do


@dataclass(frozen=True)
class LowPass:
    """``source`` behind a time constant of ``seconds``; 0 s change nothing."""

    source: Waveform
    seconds: float

    def at(self, phase_seconds: Floats) -> Floats:
        """Volts at times within the cycle, exact: float64, same shape."""
        if not self.seconds:
            return self.source.at(phase_seconds)
        ends = np.cumsum(self.source.seconds)
        piece = np.minimum(np.searchsorted(ends, phase_seconds, side="right"), ends.size - 1)
        level = self.source.volts[piece]
        since = phase_seconds - (ends - self.source.seconds)[piece]
        result: Floats = level + (self._begins[piece] - level) * np.exp(-since / self.seconds)
        return result

    def pieces(self) -> Waveform:
        """The cycle as stairs, each at its exact mean, so that the charge of any number of them is kept."""
        if not self.seconds:
            return self.source
        volts, seconds = [], []
        settled = SETTLED * max(float(np.ptp(self.source.volts)), 1e-300)
        for level, begin, length in zip(self.source.volts, self._begins, self.source.seconds, strict=True):
            constants = math.log(max(abs(begin - level) / settled, 1.0))
            falling = min(float(length), constants * self.seconds)
            count = math.ceil(STAIRS * falling / self.seconds - 1e-9)
            marks = np.linspace(0.0, falling, count + 1)
            if length > falling:
                marks = np.r_[marks, length]
            # From differences of exp(-t/tau), but without them: they would cost digits where stairs are short.
            steps = np.diff(marks)
            areas = -self.seconds * np.exp(-marks[:-1] / self.seconds) * np.expm1(-steps / self.seconds)
            volts.append(level + (begin - level) * areas / steps)
            seconds.append(steps)
        return Waveform(np.concatenate(volts), np.concatenate(seconds))

    @cached_property
    def _begins(self) -> Floats:
        """Volts at the beginning of each piece (W,), the cycle repeating for ever."""
        kept = np.exp(-self.source.seconds / self.seconds)
        gains = -np.expm1(-self.source.seconds / self.seconds) * self.source.volts
        last = 0.0
        for keep, gain in zip(kept.tolist(), gains.tolist(), strict=True):
            last = last * keep + gain
        last /= -math.expm1(-self.source.period_seconds / self.seconds)
        begins = np.empty(kept.size)
        for index, (keep, gain) in enumerate(zip(kept.tolist(), gains.tolist(), strict=True)):
            begins[index] = last
            last = last * keep + gain
        return begins


def cascade(source: Waveform, seconds: Iterable[float]) -> LowPass:
    """One low pass after the other; the last one is exact on the stairs of those before it."""
    *before, last = [each for each in seconds if each] or [0.0]
    for each in before:
        source = LowPass(source, each).pieces()
    return LowPass(source, last)
