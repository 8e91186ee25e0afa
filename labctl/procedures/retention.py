"""How long a junction keeps its state: written, left alone, read again."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Interval, Len

from labctl.core.clock import Clock
from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.procedure import Item, Items, Progress, Record
from labctl.procedures.fits import wilson
from labctl.procedures.shots import Pulses, Shooter, check_junction
from labctl.procedures.threshold import Threshold
from labctl.procedures.two_states import Lifetime, Looks, lifetimes

LOOKS = 400
"""Shots that the threshold between the states is found from."""

NO_PULSE_SECONDS = 20e-9
"""How long the pulse of 0 V lasts that stands before every read but the first."""


@dataclass(frozen=True)
class Retention:
    """Measure how long junction (row, col) keeps each of its states: write, read, wait, read again.

    A pulse of `volts` and `width_seconds` that leaves either state by chance is followed by a read; after each of
    `waits_seconds`, `trials` times each, a second read says whether the state has turned. With `looks` above 1 so many
    waits follow one pulse, each beginning with the read that ended the one before it: faster, and as good, but a
    junction that keeps its state is then seen in few of them. While it waits the junction
    is at `hold_volts` (0 V: at rest). Lifetimes come from all waits together, by maximum likelihood over both rates, so
    that junctions which turn twice between two reads are counted right, and such as never turned count as well.

    Yields records of kind "threshold"; "point" per wait and state (wait_seconds, antiparallel, trials, switched,
    p_switch and its 68 % Wilson interval); and "fit" per state (model "lifetime", antiparallel, tau_seconds,
    tau_seconds_error, above_seconds: exceeded with 95 % confidence; stability = ln(tau / attempt_seconds), where the
    attempt time is assumed and not measured). What happens within the reads themselves counts as the waits.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    waits_seconds: Annotated[tuple[Annotated[float, Interval(ge=0, le=1e7)], ...], Len(1, 100)] = (1e-3, 1e-2, 0.1, 1.0)
    trials: Annotated[int, Interval(ge=1, le=100_000)] = 100
    hold_volts: Annotated[float, Interval(ge=-1, le=1)] = 0.0
    looks: Annotated[int, Interval(ge=1, le=10_000)] = 1
    volts: Annotated[float, Interval(ge=-2, le=2)] = 0.9
    width_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 500e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 8
    long_gaps: bool = False
    attempt_seconds: Annotated[float, Interval(gt=0, le=1e-6)] = 1e-9

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort, clock: Clock) -> Items:
        """Yield the threshold, a point per wait and state, and the lifetimes."""
        check_junction(array, self.row, self.col)
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        total = self.trials * len(self.waits_seconds)
        writing = Pulses.of(self)
        reading = replace(writing, volts=0.0, width_seconds=NO_PULSE_SECONDS)
        shooter.load(writing, self.samples)
        threshold = Threshold.between((yield from shooter.fire(LOOKS, Progress(0, total, "waits"))))
        yield threshold.record()
        looks: list[Looks] = []
        done = 0
        for wait in self.waits_seconds:
            pairs: list[tuple[bool, bool]] = []
            while len(pairs) < self.trials:
                progress = Progress(done + len(pairs), total, "waits")
                shooter.load(writing, self.samples)
                before = yield from _state(shooter, threshold, progress)
                for look in range(min(self.looks, self.trials - len(pairs))):
                    if self.hold_volts:
                        pulser.hold(self.hold_volts)
                    clock.sleep(wait)
                    if self.hold_volts or not look:
                        pulser.off()
                        shooter.load(reading, self.samples)
                    after = yield from _state(shooter, threshold, progress)
                    pairs.append((before, after))
                    before = after
            done += self.trials
            yield Progress(done, total, "waits")
            for state in (False, True):
                ends = [after for before, after in pairs if before == state]
                looks.append(Looks(wait, state, len(ends), sum(after != state for after in ends)))
                if ends:
                    yield _point(looks[-1])
        pulser.off()
        for state, found in zip((False, True), lifetimes(looks), strict=True):
            yield from self._lifetime(state, found)

    def _lifetime(self, antiparallel: bool, found: Lifetime) -> Items:
        tau, error = found.tau_seconds, found.error_seconds
        yield Record.of(
            "fit",
            model="lifetime",
            antiparallel=int(antiparallel),
            tau_seconds=tau,
            tau_seconds_error=error,
            above_seconds=found.above_seconds,
            stability=None if tau is None else math.log(tau / self.attempt_seconds),
            stability_error=None if tau is None or error is None else error / tau,
        )
        if tau is None:
            name = "antiparallel" if antiparallel else "parallel"
            yield Record.of(
                "note",
                text=f"the lifetime of the {name} state is not determined: it is more than {found.above_seconds:.3g} s "
                "(95 %). If it turned in none of the waits, wait longer or more often; if in half of them, wait less",
            )


def _state(shooter: Shooter, threshold: Threshold, progress: Progress) -> Generator[Item, None, bool]:
    reads = yield from shooter.fire(1, progress, single=True)
    return bool(threshold.states(reads)[0])


def _point(look: Looks) -> Record:
    low, high = wilson(look.turned, look.trials)
    return Record.of(
        "point",
        wait_seconds=look.seconds,
        antiparallel=int(look.antiparallel),
        trials=look.trials,
        switched=look.turned,
        p_switch=look.turned / look.trials,
        p_low=low,
        p_high=high,
    )
