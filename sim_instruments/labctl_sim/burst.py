"""A burst: many cycles of one waveform, and what they leave in the junctions and in the digitizer.

Each junction is an exact two-state chain from cycle to cycle. A junction on a sensed line that may change keeps its
whole history, state by state at every sample; of the others only the last state is drawn, from the power of the
cycle. During a burst the others load the lines as they did before it: their changes reach the currents after it.

While a short pulse acts, or a long one begins, a junction is neither P nor AP: a sample that falls there shows the
state before it. In a long one samples follow the state (`macrospin.tops`).
"""

from __future__ import annotations

import numpy as np

from labctl_sim.array import JunctionArray
from labctl_sim.flips import Floats
from labctl_sim.physics import Physics
from labctl_sim.recording import Recorder
from labctl_sim.seen import Response, Seen
from labctl_sim.waveform import Waveform

# Expected flips of a junction per burst from which its history is kept.
HISTORY_FLIPS_PER_BURST = 1e-3
MOVED_VOLTS = 1e-9


def play(
    waveform: Waveform,
    cycles: int,
    begun: float,
    array: JunctionArray,
    physics: Physics,
    response: Response,
    recorder: Recorder | None,
    rng: np.random.Generator,
    *,
    alone: bool = True,
) -> None:
    """Play ``cycles`` cycles from the time ``begun`` on: changes ``array`` and fills what ``recorder`` captures.

    ``rng`` decides what the junctions do.
    """
    levels, volts = _cell_volts(waveform, array, response)
    # Beside another generator it is responsible only for the cells that it drives: time passes once for each cell.
    others = np.ones(array.states.size, np.bool_) if alone else np.ptp(volts, axis=0) > MOVED_VOLTS
    seen = np.array([np.interp(waveform.volts, levels, cell) for cell in volts.T])
    if array.stress(np.where(others[:, None], seen, 0.0), waveform.seconds, cycles):
        levels, volts = _cell_volts(waveform, array, response)
        seen = np.array([np.interp(waveform.volts, levels, cell) for cell in volts.T])
    flips = physics.through(array.junctions, seen, seen, waveform.seconds).repeated(cycles)
    if recorder is not None and not recorder.capture.complete:
        may_change = np.maximum(flips.up, flips.down) > HISTORY_FLIPS_PER_BURST
        kept = np.flatnonzero((recorder.sensed != 0) & others & may_change & array.movable)
        loads = [Seen.of(levels, array, int(cell), response) for cell in kept]
        recorded = recorder.record(waveform, cycles, begun, array, physics, kept, loads, response, rng)
        if recorded < cycles:
            for cell, load in zip(kept, loads, strict=True):
                if_p, if_ap = (volts[None] for volts in load.at(waveform))
                rest = physics.through(array.junctions, if_p, if_ap, waveform.seconds, np.array([cell]))
                array.states[cell] = rest.repeated(cycles - recorded).draw(array.states[[cell]], rng)[0]
        others[kept] = False
    array.apply(flips, rng, others)


def _cell_volts(waveform: Waveform, array: JunctionArray, response: Response) -> tuple[Floats, Floats]:
    """Source levels (L,) and every cell's volts at them (L, N); breaks what breaks, then looks again."""
    levels = np.unique(np.r_[waveform.volts.min(), 0.0, waveform.volts.max()])
    while True:
        volts = np.array([response(float(level), array.states)[0] for level in levels])
        if not array.stress(volts[np.abs(volts).argmax(axis=0), np.arange(volts.shape[1])]):
            return levels, volts
