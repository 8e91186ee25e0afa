"""One junction's states through a burst, drawn step by step of every cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.chains import chain, linked, outcomes
from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.physics import Part, Physics, Sampler
from labctl_sim.seen import Seen
from labctl_sim.waveform import Waveform

# Expected flips of a junction per burst below which it is taken not to flip.
NEGLIGIBLE_FLIPS_PER_BURST = 1e-6
ROUNDING = 1e-12  # of a time, by adding up pieces


@dataclass(frozen=True)
class Trail:
    """One junction's states through a burst: ``states`` uint8 (1 + cycles * steps,), the first is from before it.

    Sample k of cycle c finds it in ``states[c * steps + after_step[k]]``.
    """

    states: States
    steps: int
    after_step: NDArray[np.int64]

    def found(self, cycles: range, offset: NDArray[np.int64]) -> States:
        """What samples (S,) find, ``offset`` cycles after each of F ``cycles``: uint8, of a shape that fits (F, S)."""
        place = offset * self.steps + self.after_step
        begin, end, last = cycles[0] * self.steps, cycles[-1] * self.steps, self.states.size - 1
        if not self.steps:
            return self.states[:1, None]
        if (place == place[0]).all() and begin + place[0] >= 0 and end + place[0] <= last:
            # One state for the whole record: the usual case.
            return self.states[begin + place[0] : end + place[0] + 1 : cycles.step * self.steps, None]
        found: States = self.states[np.clip(np.array(cycles)[:, None] * self.steps + place, 0, last)]
        return found


def follow(
    waveform: Waveform,
    marks: Floats,
    which: NDArray[np.intp],
    cycles: int,
    state: int,
    load: Seen,
    junctions: Junctions,
    cell: int,
    physics: Physics,
    rng: np.random.Generator,
) -> Trail:
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
    before = np.searchsorted([step.place for step in steps], np.arange(marks.size), side="right")
    return Trail(_drawn(steps, state, cycles, rng), len(steps), before[which])


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


def _drawn(steps: list[_Step], state: int, cycles: int, rng: np.random.Generator) -> States:
    """The states from before the burst on, uint8 (1 + cycles * steps,)."""
    up, down = np.array([step.up for step in steps]), np.array([step.down for step in steps])
    if all(step.sample is None for step in steps):
        return chain(state, up, down, cycles, rng)
    if_p, if_ap = outcomes(up, down, cycles, rng)
    for index, step in enumerate(steps):
        if step.sample is not None:
            if_p[:, index], if_ap[:, index] = step.sample(cycles, rng)
    return linked(state, if_p, if_ap)
