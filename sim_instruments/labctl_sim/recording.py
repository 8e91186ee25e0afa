"""What an armed digitizer makes of a burst: the current of the history that was drawn, with noise, in counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl_sim.array import JunctionArray
from labctl_sim.converter import MOST_LEVELS, Converter
from labctl_sim.flips import Floats
from labctl_sim.fluctuation import Fluctuation
from labctl_sim.history import Trail, follow
from labctl_sim.lowpass import LowPass
from labctl_sim.physics import Physics
from labctl_sim.seen import Response, Seen, Shown
from labctl_sim.waveform import Capture, Waveform

FRAMES_AT_ONCE = 16_384
STEADY_SECONDS = 0.01  # over which a burst sees resistances with their mean


@dataclass(frozen=True)
class Recorder:
    """A digitizer behind ``sense_ohms``. ``sensed`` (N,): 1 for a cell whose current flows into it, -1 out of it.

    ``lagging`` is the cycle as its samples see it, later than the junctions.
    """

    capture: Capture
    sensed: Floats
    sense_ohms: float
    fluctuation: Fluctuation
    noise: np.random.Generator
    lagging: LowPass

    def record(
        self,
        waveform: Waveform,
        cycles: int,
        begun: float,
        array: JunctionArray,
        physics: Physics,
        kept: NDArray[np.intp],
        loads: list[Seen],
        response: Response,
        rng: np.random.Generator,
    ) -> int:
        """Fill the capture from cycles that began at ``begun``, leave the ``kept`` cells in their last state, and
        return how many cycles that took."""
        capture, period = self.capture, waveform.period_seconds
        # Round off what binary fractions leave, so that a sample at a whole period belongs to the next cycle.
        offset = np.floor(capture.sample_seconds / period + 1e-9).astype(np.int64)
        phase = np.clip(capture.sample_seconds - offset * period, 0.0, period * (1 - 1e-12))
        # A trigger that comes while a record is still running is missed.
        stride = max(int(offset[-1]), 0) + 1
        frames = min(capture.frames - capture.filled, -(-cycles // stride))
        simulated = min(cycles, (frames - 1) * stride + 1 + max(int(offset[-1]), 0))

        marks, which = np.unique(phase, return_inverse=True)
        trails = [
            follow(
                waveform, marks, which, simulated, int(array.states[cell]), load, array.junctions, cell, physics, rng
            )
            for cell, load in zip(kept.tolist(), loads, strict=True)
        ]
        shown = Shown.of(self.lagging.at(phase), array, kept, self.sensed, response, self.sense_ohms)
        idle = self.sense_ohms * response(float(waveform.volts[0]), array.states)[1] if offset.any() else 0.0
        at_once = FRAMES_AT_ONCE
        if not self.fluctuation.quiet:
            at_once = int(np.clip(STEADY_SECONDS / (period * stride), 1, at_once))
        for start in range(0, frames, at_once):
            some = range(start * stride, min(start + at_once, frames) * stride, stride)
            relative = self.fluctuation.between(begun + some[0] * period, begun + (some[-1] + stride) * period)
            outside = _outside(some, offset, cycles) if offset.any() else None
            self._take(shown.fluctuating(relative), trails, some, offset, outside, idle)
        for cell, trail in zip(kept, trails, strict=True):
            array.states[cell] = trail.states[-1]
        return simulated

    def _take(
        self,
        shown: Shown,
        trails: list[Trail],
        cycles: range,
        offset: NDArray[np.int64],
        outside: NDArray[np.bool_] | None,
        idle: float,
    ) -> None:
        """Fill one frame after each of ``cycles``; samples ``outside`` (F, S) of the burst show ``idle`` volts."""
        found = [trail.found(cycles, offset) for trail in trails]
        shape = (len(cycles), offset.size)
        levels = shown.base.size << min(len(trails), MOST_LEVELS)
        if outside is None and self._pays(levels, len(cycles) * offset.size):
            number: NDArray[np.uint16] = shown.which.astype(np.uint16)[None, :]
            table = shown.base
            for states, swing in zip(found, shown.swing, strict=True):
                number = number + states * np.uint16(table.size)
                table = np.concatenate([table, table + np.tile(swing, table.size // swing.size)])
            counts = Converter(table, self.capture).draw(np.broadcast_to(number, shape), self.noise)
            self.capture.keep(counts)
            return
        volts = self.noise.standard_normal(shape, np.float32)
        volts *= np.float32(self.capture.noise_volts)
        quiet = None if outside is None else volts[outside] + np.float32(idle)
        volts += shown.base[shown.which].astype(np.float32)
        for states, swing in zip(found, shown.swing, strict=True):
            volts += states * swing[shown.which].astype(np.float32)
        if outside is not None:
            volts[outside] = quiet
        self.capture.convert(volts)

    def _pays(self, levels: int, samples: int) -> bool:
        """Whether tables are quicker than noise: to make one costs as much as some thousand samples save."""
        return Converter.suits(levels, self.capture) and samples > 4096 * levels


def _outside(cycles: range, offset: NDArray[np.int64], all_cycles: int) -> NDArray[np.bool_]:
    """Which samples lie before the first cycle or after the last one, (F, S)."""
    at = np.array(cycles)[:, None] + offset
    result: NDArray[np.bool_] = (at < 0) | (at >= all_cycles)
    return result
