"""How often reading a junction turns it over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Interval, Len

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures.fits import upper_limit, wilson
from labctl.procedures.shots import Pulses, Shooter, check_junction
from labctl.procedures.threshold import Threshold

LOOKS = 400
"""Shots that the threshold between the states is found from, at each read voltage."""

WRITES = 4
"""Blocks of reads at each read voltage, each begun in whatever state a pulse left, so that both are seen."""


@dataclass(frozen=True)
class ReadDisturb:
    """Count how often a read turns junction (row, col) over, for each of `reads_volts`: `reads` reads each.

    The reads follow each other without a pulse between them (one of 0 V stands in its place); a state that differs from
    the one before it was turned by a read, or by heat in the 0.1 to 0.2 us between two reads. The states are told apart
    by a threshold found at the same read voltage with the pulse `volts`, `width_seconds`, which has to switch a part of
    the time.

    Yields per read voltage a "threshold" and a "point" for each state that was seen (volts, antiparallel, trials,
    switched, p_switch per read with its 68 % Wilson interval, p_limit: exceeded with 5 % only). No law is fitted and
    nothing is extrapolated: what was not seen has a limit.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    reads_volts: Annotated[tuple[Annotated[float, Interval(ge=-1, le=1)], ...], Len(1, 100)] = (0.05, 0.1, 0.15, 0.2)
    reads: Annotated[int, Interval(ge=100, le=10**8)] = 100_000
    volts: Annotated[float, Interval(ge=-2, le=2)] = 0.9
    width_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 500e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 4
    long_gaps: bool = False

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield a threshold and the points of each read voltage."""
        check_junction(array, self.row, self.col)
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        total = self.reads * len(self.reads_volts)
        for index, read_volts in enumerate(self.reads_volts):
            progress = Progress(index * self.reads, total, "reads")
            writing = Pulses.of(self, read_volts=read_volts)
            shooter.load(writing, self.samples)
            threshold = Threshold.between((yield from shooter.fire(LOOKS, progress)))
            yield threshold.record()
            trials, turned = [0, 0], [0, 0]
            for block in range(WRITES):
                if block:
                    shooter.load(writing, self.samples)
                    yield from shooter.fire(1 + block, progress)
                shooter.load(replace(writing, volts=0.0), self.samples)
                reads = yield from shooter.fire(-(-self.reads // WRITES) + 1, progress)
                states = threshold.states(reads)
                for state in (0, 1):
                    began = states[:-1] == bool(state)
                    trials[state] += int(began.sum())
                    turned[state] += int((states[1:][began] != bool(state)).sum())
            for state in (0, 1):
                if trials[state]:
                    low, high = wilson(turned[state], trials[state])
                    yield Record.of(
                        "point",
                        volts=read_volts,
                        antiparallel=state,
                        trials=trials[state],
                        switched=turned[state],
                        p_switch=turned[state] / trials[state],
                        p_low=low,
                        p_high=high,
                        p_limit=upper_limit(turned[state], trials[state]),
                    )
            yield Progress((index + 1) * self.reads, total, "reads")
        pulser.off()
