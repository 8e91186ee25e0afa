"""Pulses as a generator makes them: straight edges between levels, as a row of constant pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from labctl_sim.waveform import Waveform

STEPS_PER_EDGE = 10
SHORTEST_SECONDS = 1e-15  # anything below is rounding


def trapezoid(
    begin: float, width: float, leading: float, trailing: float, base: float, top: float
) -> list[tuple[float, float]]:
    """The corners (seconds, volts) of one pulse; ``width`` is taken at half height, edges from end to end."""
    width = max(width, (leading + trailing) / 2)
    fall = begin + leading / 2 + width - trailing / 2
    return [(begin, base), (begin + leading, top), (fall, top), (fall + trailing, base)]


def staircase(corners: Iterable[tuple[float, float]], total_seconds: float) -> Waveform:
    """A cycle of ``total_seconds`` through ``corners`` in order of time; slopes become `STEPS_PER_EDGE` stairs."""
    points = sorted(corners, key=lambda corner: corner[0])
    points = [(0.0, points[0][1]), *points, (max(total_seconds, points[-1][0]), points[-1][1])]
    volts: list[float] = []
    seconds: list[float] = []

    def add(level: float, length: float) -> None:
        if length <= SHORTEST_SECONDS:
            return
        if volts and volts[-1] == level:
            seconds[-1] += length
        else:
            volts.append(level)
            seconds.append(length)

    for (start, low), (end, high) in itertools.pairwise(points):
        steps = 1 if low == high else STEPS_PER_EDGE
        for step in range(steps):
            add(low + (high - low) * (step + 0.5) / steps, (end - start) / steps)
    return Waveform(np.array(volts), np.array(seconds))


def repeated(waveform: Waveform, cycles: int, period_seconds: float) -> Waveform:
    """``cycles`` cycles one after the other, then rest at the first level until ``period_seconds`` are over."""
    rest = period_seconds - cycles * waveform.period_seconds
    volts, seconds = np.tile(waveform.volts, cycles), np.tile(waveform.seconds, cycles)
    if rest > SHORTEST_SECONDS:
        volts, seconds = np.r_[volts, waveform.volts[0]], np.r_[seconds, rest]
    starts = np.r_[0, np.flatnonzero(np.diff(volts)) + 1]
    return Waveform(volts[starts], np.add.reduceat(seconds, starts))
