"""How often a pulse switches one junction: what the procedures that count switches share.

A pulse has switched the junction when the read after it differs from the read before it, so no reset pulse is needed
and a voltage-controlled junction, which has none, can be measured too. With a reset before each pulse it has switched
when the read differs from the state that the reset leaves; which one that is, and how often it does not, is measured
first, with the reset after the strongest pulse.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import MeasurementError
from labctl.core.procedure import Item, Progress, Record
from labctl.core.pulses import Phase
from labctl.procedures import fits
from labctl.procedures.shots import Pulses, Shooter, pulse_of
from labctl.procedures.threshold import Threshold

MOST_FAILED_RESETS = 0.01
"""The share of resets that may fail before the run says so."""

FEWEST_LOOKS = 200
"""Reads that the threshold between the states is found from, at least."""

MOST_DEVIANCE = 3.0
"""Deviance per degree of freedom beyond which a fit is called bad; chance alone passes it once in 250 with 9
points, and once in 50,000 with 20."""


@dataclass(frozen=True)
class Count:
    """How many of ``trials`` pulses switched the junction, and in which share of the reads it was antiparallel."""

    pulse: Phase
    trials: int
    switched: int
    p_antiparallel: float

    def record(self) -> Record:
        """A point of a curve, with the 68 % Wilson interval of its probability."""
        low, high = fits.wilson(self.switched, self.trials)
        return Record.of(
            "point",
            volts=self.pulse.volts,
            width_seconds=self.pulse.width_seconds,
            trials=self.trials,
            switched=self.switched,
            p_switch=self.switched / self.trials,
            p_low=low,
            p_high=high,
            p_antiparallel=self.p_antiparallel,
        )


class Counter:
    """Counts switches of the junction at which ``shooter`` aims, after it was calibrated."""

    def __init__(self, shooter: Shooter, samples: int, shots: int) -> None:
        self._shooter = shooter
        self._samples = samples
        self._shots = shots
        self._threshold: Threshold
        self._reset_state: bool | None = None

    def calibrate(self, strongest: Pulses, progress: Progress) -> Generator[Item, None, None]:
        """Find the threshold between the states with the pulse that switches best, and what the reset does.

        Yields records of kind "threshold" and, with a reset, "reset" (state, p_failed); a "note" if it often fails.
        Raises MeasurementError if no two states are seen.
        """
        looks = max(self._shots, FEWEST_LOOKS)
        self._shooter.load(strongest, self._samples)
        reads = yield from self._shooter.fire(looks, progress)
        after_reset = reads[:0]
        if strongest.reset_volts:
            self._shooter.load(strongest.undone(), self._samples)
            after_reset = yield from self._shooter.fire(looks, progress)
        self._threshold = Threshold.between(np.concatenate([reads, after_reset]))
        yield self._threshold.record()
        left = self._threshold.states(after_reset)
        if not left.size:
            return
        self._reset_state = float(left.mean()) > 0.5
        failed = float((left != self._reset_state).mean())
        yield Record.of("reset", state=int(self._reset_state), p_failed=failed)
        if failed > MOST_FAILED_RESETS:
            yield Record.of(
                "note",
                text=f"{failed:.1%} of the resets do not leave state {int(self._reset_state)}, and these count as "
                "switched or not by chance: raise reset_volts or reset_seconds, or turn the sign of reset_volts",
            )

    def count(self, pulses: Pulses, progress: Progress) -> Generator[Item, None, Count]:
        """Count the switches by so many shots of ``pulses``."""
        plan = self._shooter.load(pulses, self._samples)
        reads = yield from self._shooter.fire(self._shots + 1, progress)
        states = self._threshold.states(reads)
        before = states[:-1] if self._reset_state is None else self._reset_state
        switched = int((states[1:] != before).sum())
        return Count(pulse_of(plan), self._shots, switched, float(states[1:].mean()))


def fitted(models: tuple[str, ...], abscissa: NDArray[np.float64], counts: list[Count]) -> Iterator[Record]:
    """A "fit" per model that the counts at ``abscissa`` (float64 (points,)) determine, and what speaks against it."""
    switched = np.array([float(count.switched) for count in counts])
    trials = np.array([float(count.trials) for count in counts])
    for model in models:
        try:
            fit = fits.fit_switching(model, abscissa, switched, trials)
        except MeasurementError as error:
            yield Record.of("note", text=str(error))
            continue
        errors = {f"{name}_error": value for name, value in fit.errors.items()}
        yield Record.of("fit", model=model, **fit.values, **errors, deviance_per_dof=fit.deviance_per_dof)
        if fit.deviance_per_dof > MOST_DEVIANCE:
            yield Record.of(
                "note",
                text=f"the {model} fit is bad: its deviance is {fit.deviance_per_dof:.3g} per degree of freedom, where "
                "a good fit has about 1, so its values and their errors mean little. Look at the points; another model "
                "or a narrower range may fit",
            )
