"""One cycle of a generator's output as a row of constant pieces, and what a digitizer is to make of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Floats

ROUNDING_SECONDS, ROUNDING = 1e-15, 1e-13  # by which two times are the same: absolute, and of the cycle


@dataclass(frozen=True)
class Waveform:
    """One cycle: ``volts`` (W,) held one after the other for ``seconds`` (W,); no two neighbours alike."""

    volts: Floats
    seconds: Floats

    @classmethod
    def of_samples(cls, volts: Floats, interval_seconds: float) -> Waveform:
        """From samples that each hold for ``interval_seconds``, as a digital generator plays them."""
        starts = np.r_[0, np.flatnonzero(np.diff(volts)) + 1]
        lengths = np.diff(np.r_[starts, volts.size])
        return cls(np.asarray(volts, np.float64)[starts], lengths * interval_seconds)

    @property
    def period_seconds(self) -> float:
        """Duration of one cycle."""
        return float(self.seconds.sum())

    def at(self, phase_seconds: Floats) -> Floats:
        """Volts at times within the cycle: float64, same shape."""
        ends = np.cumsum(self.seconds)
        result: Floats = self.volts[np.minimum(np.searchsorted(ends, phase_seconds, side="right"), self.volts.size - 1)]
        return result

    def snapped(self, phase_seconds: Floats) -> Floats:
        """These times within the cycle, but those that rounding keeps off the end of a piece are put there."""
        ends = np.r_[0.0, np.cumsum(self.seconds)]
        right = np.clip(np.searchsorted(ends, phase_seconds), 1, ends.size - 1)
        near = np.where(phase_seconds - ends[right - 1] < ends[right] - phase_seconds, ends[right - 1], ends[right])
        close = np.abs(near - phase_seconds) < ROUNDING_SECONDS + ROUNDING * ends[-1]
        return np.where(close, near, phase_seconds)

    def split(self, phase_seconds: Floats) -> Waveform:
        """The same cycle with a piece ending at each of these times within it, too: then neighbours may be alike."""
        ends = np.cumsum(self.seconds)
        marks = np.unique(np.r_[0.0, phase_seconds[(phase_seconds > 0) & (phase_seconds < ends[-1])], ends])
        middles = (marks[1:] + marks[:-1]) / 2
        return Waveform(self.at(middles), np.diff(marks))

    def cut(self, phase_seconds: Floats) -> list[Waveform]:
        """The cycle in ``len(phase_seconds) + 1`` spans, cut at these ascending times within it."""
        ends = np.cumsum(self.seconds)
        marks = np.unique(np.r_[0.0, phase_seconds, ends])
        volts, seconds = self.at(marks[:-1]), np.diff(marks)
        bounds = np.r_[0, np.searchsorted(marks, phase_seconds), marks.size - 1]
        return [Waveform(volts[a:b], seconds[a:b]) for a, b in itertools.pairwise(bounds)]


@dataclass
class Capture:
    """An armed digitizer: one record of ``sample_seconds`` (S,) after each trigger, until ``frames`` are there.

    The converter gives ``round(volts / volts_per_count + zero_counts)``, clipped to a signed number of ``bits``, after
    the input has added Gaussian noise of ``noise_volts`` rms. ``counts`` (frames, S) is int8, or int16 above 8 bits;
    its first ``filled`` rows are valid.
    """

    sample_seconds: Floats
    frames: int
    volts_per_count: float
    zero_counts: float
    noise_volts: float
    bits: int = 8
    filled: int = 0
    counts: NDArray[np.signedinteger[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.empty((self.frames, self.sample_seconds.size), np.int8 if self.bits <= 8 else np.int16)

    @property
    def complete(self) -> bool:
        """True once every armed frame has been triggered."""
        return self.filled >= self.frames

    @property
    def span(self) -> tuple[int, int]:
        """The lowest and the highest count."""
        return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1

    def convert(self, volts: NDArray[np.float32]) -> None:
        """Digitise records (F, S) of volts at the input, noise included, as the next F frames; ``volts`` is used up."""
        volts *= np.float32(1 / self.volts_per_count)
        volts += np.float32(self.zero_counts)
        np.rint(volts, out=volts)
        np.clip(volts, *self.span, out=volts)
        self.keep(volts)

    def keep(self, counts: NDArray[Any]) -> None:
        """These counts (F, S) are the next F frames."""
        self.counts[self.filled : self.filled + len(counts)] = counts
        self.filled += len(counts)
