"""One junction under the pulser with the digitizer watching: what the pulsed procedures share.

A shot is one cycle of a pulse plan: a reset where one is asked for, a stochastic pulse, then a read pulse during which
the digitizer samples the current through the junction. The mean current of each record tells P (low resistance, more
current) from AP.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.device import Acquisition, ArrayPort, Digitizer, Frames, Line, PulseGenerator
from labctl.core.errors import InstrumentError, MeasurementError, ParameterError
from labctl.core.procedure import Item, Progress, Record
from labctl.core.pulses import Phase, PhaseKind, PulsePlan, Timing

GAP_SECONDS = 100e-9
"""Quiet time after each pulse: long against the settling of the pulse generator and of m_z."""

LOWEST_OHMS = 10e3
"""The lowest resistance of a junction for which the digitizer's range is set at first (assumed; a lower one overdrives
the converter, and then the range is doubled)."""

WIDENINGS = 12
"""How often the range may be doubled for one junction: up to 4096 times the first one, which passes any short."""

BURST_SECONDS = 1.0
"""The longest time for which the instruments are left to themselves, because nobody can stop them meanwhile."""

STOPPABLE_SHOTS = 64
"""How many single shots are fired between two chances to stop."""

HEADROOM = 1.2
"""The largest expected read fills this share less than one side of the digitizer's range."""


@dataclass(frozen=True)
class Pulses:
    """The shape of one shot; volts are those at the junction. ``reset_volts`` 0 is no reset.

    With ``long_gaps`` the phases may come one by one, milliseconds apart, if the generator cannot do otherwise.
    """

    volts: float
    width_seconds: float
    edge_seconds: float
    read_volts: float
    read_seconds: float
    reset_volts: float = 0.0
    reset_seconds: float = 0.0
    long_gaps: bool = False

    @classmethod
    def of(cls, parameters: object, **more: float) -> Pulses:
        """The shot of a procedure whose parameters bear these names, and ``more``."""
        named = {
            field.name: getattr(parameters, field.name) for field in fields(cls) if hasattr(parameters, field.name)
        }
        return cls(**(named | more))

    def plan(self) -> PulsePlan:
        """The reset, the stochastic pulse and the read. Raises ParameterError if an edge is longer than a pulse."""
        parts = [
            (PhaseKind.RESET, "reset", self.reset_volts, self.reset_seconds),
            (PhaseKind.STOCHASTIC, "pulse", self.volts, self.width_seconds),
            (PhaseKind.READ, "read", self.read_volts, self.read_seconds),
        ][0 if self.reset_volts else 1 :]
        if self.edge_seconds > min(seconds for *_, seconds in parts):
            lasting = ", ".join(f"{name} {seconds:g} s" for _, name, _, seconds in parts)
            raise ParameterError(
                f"edge_seconds = {self.edge_seconds:g} is longer than a pulse ({lasting}); a pulse lasts at least as "
                "long as its edge"
            )
        phases = tuple(Phase(kind, volts, s, self.edge_seconds, GAP_SECONDS) for kind, _, volts, s in parts)
        return PulsePlan(phases, Timing.AT_LEAST if self.long_gaps else Timing.EXACT)

    def undone(self) -> Pulses:
        """The pulse first and the reset after it: what is read then is what the reset makes of the pulse's result."""
        return replace(
            self,
            volts=self.reset_volts,
            width_seconds=self.reset_seconds,
            reset_volts=self.volts,
            reset_seconds=self.width_seconds,
        )


def pulse_of(plan: PulsePlan) -> Phase:
    """The stochastic pulse of ``plan``."""
    return next(phase for phase in plan.phases if phase.kind is PhaseKind.STOCHASTIC)


class Shooter:
    """Fires shots at one junction and returns the current of each read."""

    def __init__(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> None:
        self._pulser = pulser
        self._digitizer = digitizer
        self._array = array
        self._sign = 1.0
        self._period_seconds = BURST_SECONDS
        self._triggers, self._read_trigger = 1, 0
        self._widened = 0
        self._acquisition: Acquisition | None = None

    def aim(self, row: int, col: int) -> None:
        """Put the pulser on word line ``row`` and the digitizer on bit line ``col``; everything else on ground."""
        self._pulser.off()
        self._array.route({"pulser": Line("word", row), "digitizer": Line("bit", col)})
        self._widened = 0

    def load(self, pulses: Pulses, samples: int) -> PulsePlan:
        """Set up the generator and the digitizer for ``pulses``; returns the plan as it will be played.

        Raises EnvelopeError if it could hurt the junction, InstrumentError if it cannot be made, ParameterError if the
        read has no voltage, MeasurementError if the digitizer's window does not lie within the read pulse.
        """
        if pulses.read_volts == 0:
            raise ParameterError("read_volts is 0, and without a voltage no current tells the states apart; try 0.1")
        self._sign = math.copysign(1.0, pulses.read_volts)
        plan = self._pulser.program(pulses.plan())
        self._period_seconds = plan.period_seconds
        self._triggers, self._read_trigger = plan.triggers, plan.trigger_of(PhaseKind.READ)
        start, stop = plan.flat_top(PhaseKind.READ)
        margin = (stop - start) / 8
        interval = (stop - start - 2 * margin) / samples
        guess = 2 * HEADROOM * abs(pulses.read_volts) * self._array.sense_ohms / LOWEST_OHMS
        while True:
            wanted = Acquisition(
                delay_seconds=start + margin,
                sample_interval_seconds=interval,
                samples=samples,
                full_scale_volts=guess * 2**self._widened,
            )
            got = self._digitizer.configure(wanted)
            if got.delay_seconds >= start and got.delay_seconds + got.sample_interval_seconds * got.samples <= stop:
                self._acquisition = wanted
                return plan
            if interval < 1e-12 or got.delay_seconds < start:
                raise MeasurementError(
                    f"the digitizer would sample from {got.delay_seconds:.3e} s for {got.samples} samples of "
                    f"{got.sample_interval_seconds:.3e} s, outside the read pulse ({start:.3e} to {stop:.3e} s); "
                    "lengthen the read pulse or take fewer samples"
                )
            interval = got.sample_interval_seconds / 2  # its rates come in steps: take the next faster one

    def fire(
        self, shots: int, progress: Progress, *, single: bool = False
    ) -> Generator[Item, None, NDArray[np.float64]]:
        """Fire ``shots`` shots in hardware-timed bursts of a second at most (``single``: one trigger each).

        Yields ``progress`` from time to time, where the work may be stopped; returns the current of each read,
        float64 (shots,), amperes, counted along the read voltage, so that it is positive for either sign of it.
        If a burst overdrives the converter its range is doubled, a note says so, and all shots are fired again: what
        is returned was taken without a gap and in one range.

        Raises InstrumentTimeout if a trigger was missed, MeasurementError if the largest range is overdriven, too.
        """
        largest = 1 if single else max(1, int(BURST_SECONDS / self._period_seconds))
        if self._triggers > 1:  # each phase takes as long as its messages do
            largest = min(largest, STOPPABLE_SHOTS)
        parts: list[NDArray[np.float64]] = []
        done = 0
        while done < shots:
            frames = self._burst(min(largest, shots - done))
            clipped = frames.clipped()
            if clipped > max(frames.counts.shape[1], frames.counts.size // 1000):
                yield Record.of("note", text=self._widen(frames, clipped))
                parts, done = [], 0
                continue
            parts.append(self._sign * frames.mean_volts() / self._array.sense_ohms)
            done += parts[-1].size
            if not single or done % STOPPABLE_SHOTS == 0:
                yield progress
        return np.concatenate(parts)

    def _burst(self, shots: int) -> Frames:
        self._digitizer.arm(shots * self._triggers)
        self._pulser.fire(shots)
        frames = self._digitizer.fetch()
        return replace(frames, counts=frames.counts[self._read_trigger :: self._triggers])

    def _widen(self, frames: Frames, clipped: int) -> str:
        """Double the digitizer's range, and say so; raises MeasurementError if it has no wider one."""
        before = frames.acquisition.full_scale_volts
        found = f"{clipped} of {frames.counts.size} samples stood at the end of the digitizer's range"
        after, refused = before, None
        if self._acquisition is not None and self._widened < WIDENINGS:
            wanted = replace(self._acquisition, full_scale_volts=2 * self._acquisition.full_scale_volts)
            try:
                after = self._digitizer.configure(wanted).full_scale_volts
            except InstrumentError as error:
                refused = error
        if not after > before:
            raise MeasurementError(
                f"{found}, and {before:g} V full scale is the widest that could be set. Look for a short; if the "
                "junction is meant to carry that current, lower the read voltage, or the gain of the current amplifier "
                "together with digitizer_transimpedance_ohms in [wiring]"
            ) from refused
        self._acquisition, self._widened = wanted, self._widened + 1
        return f"{found} ({before:g} V full scale): taken again with {after:g} V, change {self._widened} of the range"


def blocks(total: int, largest: int) -> Iterator[int]:
    """``total`` cut into nearly equal pieces of at most ``largest`` (16 or more), whole bytes but for the last.

    >>> list(blocks(100, 64))
    [48, 52]
    """
    count = -(-total // (largest - 8)) if total > largest else 1
    cuts = [8 * (total * index // count // 8) for index in range(count)] + [total]
    yield from (stop - start for start, stop in itertools.pairwise(cuts) if stop > start)


def check_junction(array: ArrayPort, row: int, col: int) -> None:
    """Raise ParameterError if the array has no junction at (row, col)."""
    if not (0 <= row < array.rows and 0 <= col < array.cols):
        raise ParameterError(
            f"there is no junction ({row}, {col}): this array has rows 0 to {array.rows - 1} "
            f"and columns 0 to {array.cols - 1}"
        )
