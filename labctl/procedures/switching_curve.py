"""Switching probability of one junction against pulse voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import MeasurementError, ParameterError
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures import fits
from labctl.procedures.shots import Pulses, Shooter, Threshold, check_junction


@dataclass(frozen=True)
class SwitchingCurve:
    """Measure how often a pulse switches junction (row, col), at `points` voltages from start to stop.

    Each voltage gets `shots` pulses, each followed by a read; a pulse has switched the junction when the read after
    it differs from the read before it, so no reset pulse is needed and a voltage-controlled junction, which has none,
    can be measured too. The states are told apart by a threshold found at the end with the larger voltage, where the
    junction must switch. Fits are against the voltage counted in the direction of that end.

    Yields one record of kind "point" per voltage (volts, trials, switched, p_switch and its 68 % Wilson interval,
    p_antiparallel), one of kind "threshold", and one of kind "fit" per model that the data determine.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    start_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.50
    stop_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.86
    points: Annotated[int, Interval(ge=2, le=1000)] = 25
    shots: Annotated[int, Interval(ge=10, le=1_000_000)] = 2000
    width_seconds: Annotated[float, Interval(ge=1e-9, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 500e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 8

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield the threshold, a point per voltage, and the fits."""
        check_junction(array, self.row, self.col)
        if self.start_volts == self.stop_volts:
            raise ParameterError(f"start_volts and stop_volts are both {self.start_volts:g} V; a curve needs two ends")
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        strongest = max(self.start_volts, self.stop_volts, key=abs)
        shooter.load(self._pulses(strongest), self.samples)
        threshold = Threshold.between(
            (yield from shooter.fire(max(self.shots, 200), Progress(0, self.points, "voltages")))
        )
        yield Record.of(
            "threshold",
            amps=threshold.amps,
            parallel_amps=threshold.parallel_amps,
            antiparallel_amps=threshold.antiparallel_amps,
            separation=threshold.separation,
        )
        played = np.zeros(self.points)
        switched = np.zeros(self.points)
        for index, volts in enumerate(np.linspace(self.start_volts, self.stop_volts, self.points)):
            plan = shooter.load(self._pulses(float(volts)), self.samples)
            reads = yield from shooter.fire(self.shots + 1, Progress(index, self.points, "voltages"))
            states = threshold.states(reads)
            count = int((states[1:] != states[:-1]).sum())
            low, high = fits.wilson(count, self.shots)
            played[index], switched[index] = plan.phases[0].volts, count
            yield Record.of(
                "point",
                volts=float(played[index]),
                trials=self.shots,
                switched=count,
                p_switch=count / self.shots,
                p_low=low,
                p_high=high,
                p_antiparallel=float(states[1:].mean()),
            )
            yield Progress(index + 1, self.points, "voltages")
        pulser.off()
        for model in fits.MODELS:
            try:
                fit = fits.fit_switching(
                    model, np.sign(strongest) * played, switched, np.full(self.points, float(self.shots))
                )
            except MeasurementError as error:
                yield Record.of("note", text=str(error))
                continue
            errors = {f"{name}_error": value for name, value in fit.errors.items()}
            yield Record.of("fit", model=model, **fit.values, **errors, deviance_per_dof=fit.deviance_per_dof)

    def _pulses(self, volts: float) -> Pulses:
        return Pulses(volts, self.width_seconds, self.edge_seconds, self.read_volts, self.read_seconds)
