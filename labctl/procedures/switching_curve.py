"""Switching probability of one junction against pulse voltage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import MeasurementError, ParameterError
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures import fits
from labctl.procedures.shots import Pulses, Shooter, Threshold, check_junction, pulse_volts

MOST_DEVIANCE = 3.0
"""Deviance per degree of freedom beyond which a fit is called bad; chance alone passes it once in 250 with 9
points, and once in 50,000 with 20."""

MOST_FAILED_RESETS = 0.01
"""The share of resets that may fail before the run says so."""


@dataclass(frozen=True)
class SwitchingCurve:
    """Measure how often a pulse switches junction (row, col), at `points` voltages from start to stop.

    Each voltage gets `shots` pulses, each followed by a read; a pulse has switched the junction when the read after
    it differs from the read before it, so no reset pulse is needed and a voltage-controlled junction, which has none,
    can be measured too. The states are told apart by a threshold found at the end with the larger voltage, where the
    junction must switch. Fits are against the voltage counted in the direction of that end.

    A junction whose state the sign of the volts says (spin torque) is switched but once by pulses of one sign: give
    `reset_volts` of the other sign, a pulse of `reset_seconds` before each pulse (0 V, the default, is none). A pulse
    has then switched the junction when the read differs from the state that the reset leaves. Which one that is, and
    how often it does not, is measured first, with the reset after the strongest pulse.

    A generator that cannot play pulse and read as one piece plays them one by one, milliseconds apart, if `long_gaps`
    says that the junction keeps its state for so long.

    Yields one record of kind "point" per voltage (volts, trials, switched, p_switch and its 68 % Wilson interval,
    p_antiparallel), one of kind "threshold", with a reset one of kind "reset" (state, p_failed), and one of kind "fit"
    per model that the data determine; "note" records say what speaks against a result.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    start_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.50
    stop_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.86
    points: Annotated[int, Interval(ge=2, le=1000)] = 25
    shots: Annotated[int, Interval(ge=10, le=1_000_000)] = 2000
    width_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 500e-9
    reset_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.0
    reset_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 8
    long_gaps: bool = False

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield the threshold, a point per voltage, and the fits."""
        check_junction(array, self.row, self.col)
        if self.start_volts == self.stop_volts:
            raise ParameterError(f"start_volts and stop_volts are both {self.start_volts:g} V; a curve needs two ends")
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        strongest = max(self.start_volts, self.stop_volts, key=abs)
        looks, begin = max(self.shots, 200), Progress(0, self.points, "voltages")
        shooter.load(self._pulses(strongest), self.samples)
        reads = yield from shooter.fire(looks, begin)
        after_reset = reads[:0]
        if self.reset_volts:
            shooter.load(self._pulses(strongest).undone(), self.samples)
            after_reset = yield from shooter.fire(looks, begin)
        threshold = Threshold.between(np.concatenate([reads, after_reset]))
        yield Record.of(
            "threshold",
            amps=threshold.amps,
            parallel_amps=threshold.parallel_amps,
            antiparallel_amps=threshold.antiparallel_amps,
            separation=threshold.separation,
        )
        left = threshold.states(after_reset)
        reset_state = left.size > 0 and float(left.mean()) > 0.5
        if left.size:
            failed = float((left != reset_state).mean())
            yield Record.of("reset", state=int(reset_state), p_failed=failed)
            if failed > MOST_FAILED_RESETS:
                yield Record.of(
                    "note",
                    text=f"{failed:.1%} of the resets do not leave state {int(reset_state)}, and these count as "
                    "switched or not by chance: raise reset_volts or reset_seconds, or turn the sign of reset_volts",
                )
        played = np.zeros(self.points)
        switched = np.zeros(self.points)
        for index, volts in enumerate(np.linspace(self.start_volts, self.stop_volts, self.points)):
            plan = shooter.load(self._pulses(float(volts)), self.samples)
            reads = yield from shooter.fire(self.shots + 1, Progress(index, self.points, "voltages"))
            states = threshold.states(reads)
            before = reset_state if left.size else states[:-1]
            count = int((states[1:] != before).sum())
            low, high = fits.wilson(count, self.shots)
            played[index], switched[index] = pulse_volts(plan), count
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
        along = np.sign(strongest) * played
        for model in fits.MODELS:
            try:
                fit = fits.fit_switching(model, along, switched, np.full(self.points, float(self.shots)))
            except MeasurementError as error:
                yield Record.of("note", text=str(error))
                continue
            errors = {f"{name}_error": value for name, value in fit.errors.items()}
            yield Record.of("fit", model=model, **fit.values, **errors, deviance_per_dof=fit.deviance_per_dof)
            yield from (Record.of("note", text=text) for text in _doubts(fit, along))

    def _pulses(self, volts: float) -> Pulses:
        return Pulses(
            volts,
            self.width_seconds,
            self.edge_seconds,
            self.read_volts,
            self.read_seconds,
            self.reset_volts,
            self.reset_seconds,
            self.long_gaps,
        )


def _doubts(fit: fits.Fit, volts: NDArray[np.float64]) -> Iterator[str]:
    """What speaks against a fit to points at ``volts``, float64 (points,)."""
    if fit.deviance_per_dof > MOST_DEVIANCE:
        yield (
            f"the {fit.model} fit is bad: its deviance is {fit.deviance_per_dof:.3g} per degree of freedom, where a "
            "good fit has about 1, so its values and their errors mean little. Look at the points; the other model or "
            "a narrower range of volts may fit"
        )
    centre = fit.values["centre_volts"]
    if not volts.min() <= centre <= volts.max():
        yield (
            f"the centre of the {fit.model} fit, {centre:.4g} V, lies outside the swept {volts.min():.4g} to "
            f"{volts.max():.4g} V and is a guess: sweep a range in which P rises from near 0 to its top"
        )
