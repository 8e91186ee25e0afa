"""A pulse plan as the samples of an arbitrary waveform, and back: the arithmetic, without an instrument."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import InstrumentError
from labctl.core.pulses import Phase, PulsePlan


@dataclass(frozen=True)
class Waveform:
    """One cycle as converter codes: ``codes`` int16 (points,), full scale ``+-full_scale`` at ``+-level_volts``.

    ``plan`` is what the samples say: every time a multiple of the sample interval, every level one of the codes.
    """

    codes: NDArray[np.int16]
    level_volts: float
    plan: PulsePlan
    period_seconds: float


def on_grid(plan: PulsePlan, interval_seconds: float) -> PulsePlan:
    """``plan`` with widths and gaps rounded to the grid and edges rounded up to it.

    Raises InstrumentError if a pulse is too short for the grid.
    """
    phases = []
    for phase in plan.phases:
        width = round(phase.width_seconds / interval_seconds)
        # an edge is never made steeper than asked; the 1e-6 forgives the division
        edge = math.ceil(phase.edge_seconds / interval_seconds - 1e-6)
        if width < max(edge, 1):
            raise InstrumentError(
                f"a {phase.kind} pulse of {phase.width_seconds:g} s with edges of {phase.edge_seconds:g} s does not "
                f"fit samples of {interval_seconds:g} s; lengthen it, or set a smaller sample_interval_seconds"
            )
        gap = round(phase.gap_seconds / interval_seconds)
        phases.append(
            replace(
                phase,
                width_seconds=width * interval_seconds,
                edge_seconds=edge * interval_seconds,
                gap_seconds=gap * interval_seconds,
            )
        )
    return PulsePlan(tuple(phases))


def compile_plan(plan: PulsePlan, interval_seconds: float, full_scale: int, least_level_volts: float) -> Waveform:
    """The samples of ``plan``: each is the plan's value at the beginning of its interval.

    The first one is zero, because a generator that waits for a trigger rests on it. The level is the plan's peak, but
    never below ``least_level_volts``: smaller pulses use fewer codes instead.

    Raises InstrumentError if the plan does not begin at zero.
    """
    quantised = on_grid(plan, interval_seconds)
    points = round(quantised.period_seconds / interval_seconds)
    level = max(quantised.peak_volts, least_level_volts)
    times = np.arange(points, dtype=np.float64) * interval_seconds
    codes = np.rint(quantised.volts_at(times) / level * full_scale).astype(np.int16)
    if codes[0] != 0:
        raise InstrumentError(
            "the waveform would begin above zero volts and rest there between triggers; give the first pulse an edge "
            f"of at least {interval_seconds:g} s"
        )
    return Waveform(codes, level, quantised, points * interval_seconds)


def as_played(waveform: Waveform, full_scale: int, level_volts: float, stretch: float) -> PulsePlan:
    """The plan that the samples make at ``level_volts`` per full scale, with all times multiplied by ``stretch``."""

    def played(phase: Phase) -> Phase:
        code = round(phase.volts / waveform.level_volts * full_scale)
        return Phase(
            phase.kind,
            code / full_scale * level_volts,
            phase.width_seconds * stretch,
            phase.edge_seconds * stretch,
            phase.gap_seconds * stretch,
        )

    return PulsePlan(tuple(played(phase) for phase in waveform.plan.phases))
