"""How a junction changes as it is pulsed, until it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import MeasurementError
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures.fits import wilson
from labctl.procedures.shots import Pulses, Shooter, check_junction
from labctl.procedures.threshold import Threshold


@dataclass(frozen=True)
class Endurance:
    """Pulse junction (row, col) `pulses` times, and look at it after every `block_pulses`: its two states and P(AP).

    Every pulse is followed by a read, as in `bitstream`, and all reads of a block are looked at. It ends early when the
    two states can no longer be told apart, which is what a broken junction looks like, or when the resistance of P has
    drifted from the first block by more than `most_drift` (a part of it): a junction is worn out by this, on purpose.

    Yields a "block" for each (pulses so far, parallel_ohms, antiparallel_ohms, tmr, p_antiparallel and its 68 % Wilson
    interval, separation), and a "note" that says why it ended early.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    pulses: Annotated[int, Interval(ge=1000, le=10**10)] = 1_000_000
    block_pulses: Annotated[int, Interval(ge=1000, le=2**22)] = 100_000
    volts: Annotated[float, Interval(ge=-2, le=2)] = 0.9
    width_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 200e-9
    reset_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.0
    reset_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 4
    most_drift: Annotated[float, Interval(gt=0, le=10)] = 0.1

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield the blocks, and why it ended."""
        check_junction(array, self.row, self.col)
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        shooter.load(Pulses.of(self), self.samples)
        done, first = 0, 0.0
        while done < self.pulses:
            size = min(self.block_pulses, self.pulses - done)
            reads = yield from shooter.fire(size, Progress(done, self.pulses, "pulses"))
            done += size
            try:
                threshold = Threshold.between(reads)
            except MeasurementError as error:
                ohms = abs(self.read_volts) / float(reads.mean()) if reads.mean() > 0 else None
                yield Record.of("block", pulses=done, parallel_ohms=ohms)
                yield Record.of("note", text=f"ended after {done} pulses at {ohms} ohm: {error}")
                break
            parallel = abs(self.read_volts) / threshold.parallel_amps
            antiparallel = abs(self.read_volts) / threshold.antiparallel_amps
            ones = int(threshold.states(reads).sum())
            low, high = wilson(ones, size)
            yield Record.of(
                "block",
                pulses=done,
                parallel_ohms=parallel,
                antiparallel_ohms=antiparallel,
                tmr=antiparallel / parallel - 1,
                p_antiparallel=ones / size,
                p_low=low,
                p_high=high,
                separation=threshold.separation,
            )
            yield Progress(done, self.pulses, "pulses")
            first = first or parallel
            if abs(parallel / first - 1) > self.most_drift:
                yield Record.of(
                    "note",
                    text=f"ended after {done} pulses: the resistance of P went from {first:.5g} to {parallel:.5g} ohm, "
                    f"more than most_drift = {self.most_drift:g} of it",
                )
                break
        pulser.off()
