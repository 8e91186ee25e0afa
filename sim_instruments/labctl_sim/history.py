"""One junction's states through a burst, drawn step by step of every cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.chains import chain, linked, outcomes
from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.physics import Physics
from labctl_sim.sampler import Sampler
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
    steps: list[_Step] = []
    samplers: dict[int, Sampler] = {}
    for part in physics.parts(junctions, cell, *load.at(waveform), waveform.seconds, marks):
        seldom = np.maximum(part.up, part.down) * cycles <= NEGLIGIBLE_FLIPS_PER_BURST
        if seldom.all():
            continue
        if part.sample is not None:
            samplers[len(steps)] = part.sample
        places = np.searchsorted(marks, part.end_seconds * (1 - ROUNDING)).tolist()
        for place, up, down, never in zip(places, part.up.tolist(), part.down.tolist(), seldom.tolist(), strict=True):
            step = _Step(place, up, down, part.sample is not None)
            if step.sampled or not (never or (steps and steps[-1].takes(step))):
                steps.append(step)
            elif not never:
                steps[-1] = steps[-1].then(step)
    before = np.searchsorted([step.place for step in steps], np.arange(marks.size), side="right")
    return Trail(_drawn(steps, samplers, state, cycles, rng), len(steps), before[which])


@dataclass(frozen=True)
class _Step:
    """One draw of a cycle, which the samples from number ``place`` on see."""

    place: int
    up: float
    down: float
    sampled: bool

    def takes(self, other: _Step) -> bool:
        """Whether the same draw will do for what happens next."""
        return other.place == self.place and not self.sampled

    def then(self, other: _Step) -> _Step:
        """With what happens next, before the same sample."""
        return replace(
            self,
            up=self.up * (1 - other.down) + (1 - self.up) * other.up,
            down=self.down * (1 - other.up) + (1 - self.down) * other.down,
        )


def _drawn(
    steps: list[_Step], samplers: dict[int, Sampler], state: int, cycles: int, rng: np.random.Generator
) -> States:
    """The states from before the burst on, uint8 (1 + cycles * steps,); ``samplers`` by the first step of each."""
    up, down = np.array([step.up for step in steps]), np.array([step.down for step in steps])
    if not samplers:
        return chain(state, up, down, cycles, rng)
    if_p, if_ap = outcomes(up, down, cycles, rng)
    for index, sample in samplers.items():
        place = slice(index, index + sample.looks)
        if_p[:, place], if_ap[:, place] = sample(cycles, rng)
    return linked(state, if_p, if_ap)
