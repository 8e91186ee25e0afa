"""A burst: many cycles of one waveform, and what they leave in the junctions and in the digitizer.

Each junction is an exact two-state chain from cycle to cycle. A junction on a sensed line that may change keeps its
whole history, state by state at every sample; of the others only the last state is drawn, from the power of the
cycle. During a burst the others load the lines as they did before it: their changes reach the currents after it.

While a pulse acts a junction is neither P nor AP: a sample that falls into a pulse shows the state before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.array import JunctionArray
from labctl_sim.chains import linked
from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.physics import Part, Physics, Sampler
from labctl_sim.waveform import Capture, Waveform

# Expected flips of a junction per burst below which it is taken not to flip; and from which its history is kept.
NEGLIGIBLE_FLIPS_PER_BURST = 1e-6
HISTORY_FLIPS_PER_BURST = 1e-3
FRAMES_AT_ONCE = 65_536
MOVED_VOLTS = 1e-9
ROUNDING = 1e-12  # of a time, by adding up pieces
LEVELS_SOLVED_AT_MOST = 65

# (source volts, states) -> (volts across each cell (N,), amperes into the digitizer)
Response = Callable[[float, States], tuple[Floats, float]]


@dataclass(frozen=True)
class _Seen:
    """What one cell sees: at source ``levels`` (L,) it has ``if_p`` (L,) volts while P and ``if_ap`` while AP."""

    levels: Floats
    if_p: Floats
    if_ap: Floats

    def at(self, waveform: Waveform) -> tuple[Floats, Floats]:
        """Volts (W,) while P and while AP."""
        if_p, if_ap = (np.interp(waveform.volts, self.levels, at) for at in (self.if_p, self.if_ap))
        return if_p, if_ap


@dataclass(frozen=True)
class _Trail:
    """One junction's states through a burst: ``states`` uint8 (1 + cycles * steps,), the first is from before it.

    Sample k of cycle c finds it in ``states[c * steps + after_step[k]]``.
    """

    states: States
    steps: int
    after_step: NDArray[np.int64]


def play(
    waveform: Waveform,
    cycles: int,
    array: JunctionArray,
    physics: Physics,
    sensed: NDArray[np.bool_],
    response: Response,
    capture: Capture | None,
    sense_ohms: float,
    rng: np.random.Generator,
    noise: np.random.Generator,
    *,
    alone: bool = True,
) -> None:
    """Play ``cycles`` cycles: changes ``array`` and fills ``capture``. ``sensed`` (N,) marks cells on sensed lines.

    ``rng`` decides what the junctions do, ``noise`` is that of the digitizer.
    """
    levels, volts = _cell_volts(waveform, array, response)
    # Beside another generator it is responsible only for the cells that it drives: time passes once for each cell.
    others = np.ones_like(sensed) if alone else np.ptp(volts, axis=0) > MOVED_VOLTS
    seen = np.array([np.interp(waveform.volts, levels, cell) for cell in volts.T])
    if array.stress(np.where(others[:, None], seen, 0.0), waveform.seconds, cycles):
        levels, volts = _cell_volts(waveform, array, response)
        seen = np.array([np.interp(waveform.volts, levels, cell) for cell in volts.T])
    flips = physics.through(array.junctions, seen, seen, waveform.seconds).repeated(cycles)
    if capture is not None and not capture.complete:
        may_change = np.maximum(flips.up, flips.down) > HISTORY_FLIPS_PER_BURST
        kept = np.flatnonzero(sensed & others & may_change & array.movable)
        loads = [_seen(levels, array, int(cell), response) for cell in kept]
        recorded = _record(waveform, cycles, array, physics, kept, loads, response, capture, sense_ohms, rng, noise)
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


def _seen(levels: Floats, array: JunctionArray, cell: int, response: Response) -> _Seen:
    in_state = []
    for state in (0, 1):
        states = array.states.copy()
        states[cell] = state
        in_state.append(np.array([response(float(level), states)[0][cell] for level in levels]))
    return _Seen(levels, *in_state)


def _record(
    waveform: Waveform,
    cycles: int,
    array: JunctionArray,
    physics: Physics,
    kept: NDArray[np.intp],
    loads: list[_Seen],
    response: Response,
    capture: Capture,
    sense_ohms: float,
    rng: np.random.Generator,
    noise: np.random.Generator,
) -> int:
    """Fill the capture, leave the kept cells in their last state, and return how many cycles that took."""
    period = waveform.period_seconds
    # Round off what binary fractions leave, so that a sample at a whole period belongs to the next cycle.
    offset = np.floor(capture.sample_seconds / period + 1e-9).astype(np.int64)
    phase = np.clip(capture.sample_seconds - offset * period, 0.0, period * (1 - 1e-12))
    # A trigger that comes while a record is still running is missed.
    stride = max(int(offset[-1]), 0) + 1
    frames = min(capture.frames - capture.filled, -(-cycles // stride))
    simulated = min(cycles, (frames - 1) * stride + 1 + max(int(offset[-1]), 0))

    marks, which = np.unique(phase, return_inverse=True)
    trails = [
        _follow(
            waveform, marks, which, simulated, int(array.states[cell]), load, array.junctions, int(cell), physics, rng
        )
        for cell, load in zip(kept, loads, strict=True)
    ]
    base, swing = _sensed_volts(waveform.at(phase), array, kept, response, sense_ohms)
    idle = sense_ohms * response(float(waveform.volts[0]), array.states)[1]
    first = np.arange(frames, dtype=np.int64) * stride
    for start in range(0, frames, FRAMES_AT_ONCE):
        cycle = first[start : start + FRAMES_AT_ONCE]
        volts = noise.standard_normal((cycle.size, phase.size), np.float32)
        volts *= np.float32(capture.noise_volts)
        outside = (
            np.nonzero((cycle[:, None] + offset < 0) | (cycle[:, None] + offset >= cycles)) if offset.any() else ()
        )
        quiet = volts[outside] + np.float32(idle) if outside else None
        volts += base
        for trail, delta in zip(trails, swing, strict=True):
            _add_state(volts, trail, cycle, offset, delta)
        if quiet is not None:
            volts[outside] = quiet
        capture.convert(volts)
    for cell, trail in zip(kept, trails, strict=True):
        array.states[cell] = trail.states[-1]
    return simulated


def _follow(
    waveform: Waveform,
    marks: Floats,
    which: NDArray[np.intp],
    cycles: int,
    state: int,
    load: _Seen,
    junctions: Junctions,
    cell: int,
    physics: Physics,
    rng: np.random.Generator,
) -> _Trail:
    """Draw one junction's history; a span between samples that practically never flips it costs no draw."""
    marks = waveform.snapped(marks)
    for begin, end in physics.busy(junctions, cell, *load.at(waveform), waveform.seconds):
        marks = np.where((marks > begin) & (marks < end), begin, marks)
    fine = waveform.split(marks)
    steps: list[_Step] = []
    for part in physics.parts(junctions, cell, *load.at(fine), fine.seconds):
        place = int(np.searchsorted(marks, part.end_seconds * (1 - ROUNDING)))
        if max(part.up, part.down) * cycles <= NEGLIGIBLE_FLIPS_PER_BURST:
            continue
        if steps and steps[-1].place == place and steps[-1].sample is None and part.sample is None:
            steps[-1] = steps[-1].then(part)
        else:
            steps.append(_Step(place, part.up, part.down, part.sample))
    up, down = np.array([step.up for step in steps]), np.array([step.down for step in steps])
    draw = rng.random((cycles, up.size))
    if_p, if_ap = draw < up, draw < 1 - down
    for index, step in enumerate(steps):
        if step.sample is not None:
            if_p[:, index], if_ap[:, index] = step.sample(cycles, rng)
    before = np.searchsorted([step.place for step in steps], np.arange(marks.size), side="right")
    return _Trail(linked(state, if_p, if_ap), len(steps), before[which])


@dataclass(frozen=True)
class _Step:
    """One draw of a cycle, which the samples from number ``place`` on see."""

    place: int
    up: float
    down: float
    sample: Sampler | None

    def then(self, part: Part) -> _Step:
        """With what happens next, before the same sample."""
        return replace(
            self,
            up=self.up * (1 - part.down) + (1 - self.up) * part.up,
            down=self.down * (1 - part.up) + (1 - self.down) * part.down,
        )


def _sensed_volts(
    source_volts: Floats, array: JunctionArray, kept: NDArray[np.intp], response: Response, sense_ohms: float
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Volts at the digitizer per sample with every kept cell P, (S,); and what each adds when it is AP, (S,) each."""
    levels = np.unique(source_volts)
    if levels.size > LEVELS_SOLVED_AT_MOST:
        levels = np.linspace(levels[0], levels[-1], LEVELS_SOLVED_AT_MOST)
    parallel = array.states.copy()
    parallel[kept] = 0

    def volts(states: States) -> Floats:
        amps = [response(float(level), states)[1] for level in levels]
        result: Floats = sense_ohms * np.interp(source_volts, levels, amps)
        return result

    base = volts(parallel)
    swing = []
    for cell in kept:
        states = parallel.copy()
        states[cell] = 1
        swing.append((volts(states) - base).astype(np.float32))
    return base.astype(np.float32), swing


def _add_state(
    volts: NDArray[np.float32],
    trail: _Trail,
    cycle: NDArray[np.int64],
    offset: NDArray[np.int64],
    swing: NDArray[np.float32],
) -> None:
    """Add ``swing`` (S,) to the samples that find the junction in AP."""
    place = offset * trail.steps + trail.after_step
    last = trail.states.size - 1
    if (place == place[0]).all():  # one state for the whole record: the usual case
        volts += trail.states[np.clip(cycle * trail.steps + place[0], 0, last)][:, None] * swing
    else:
        volts += trail.states[np.clip(cycle[:, None] * trail.steps + place, 0, last)] * swing
