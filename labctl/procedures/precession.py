"""Switching probability against pulse width: a moment that precesses while the pulse lasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from annotated_types import Interval

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import ParameterError
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures.counting import Count, Counter, fitted
from labctl.procedures.shots import Pulses, Shooter, check_junction

POINTS_A_TURN = 4.0
"""Fewer widths in a turn than this, and a frequency is close to Nyquist's: another one may fit as well."""

TURNS = 1.0
"""A swept range of fewer turns than this says little of a frequency."""


@dataclass(frozen=True)
class Precession:
    """Measure how often a pulse of `volts` switches junction (row, col) against its width, and fit the precession.

    A pulse that takes the barrier away lets the moment turn about the in-plane field: after half a turn it has
    switched, after a whole one it is back. Damping and heat let it forget, and P tends to 1/2. The fitted law is
    P = 1/2 - swing exp(-(t - delay) / tau) cos(2 pi f (t - delay)), where the delay is what edges take off the width
    (Shiota et al., Nature Materials 11, 39, 2012, saw such curves first).

    The states are told apart by a threshold found first, at the width `threshold_seconds`, which must switch a part of
    the time.
    `long_gaps` as in `switching_curve`.
    Yields records of kind "threshold", "point" as `switching_curve` does, and "fit" (hertz, tau_seconds,
    delay_seconds, swing and their errors); a "note" says when the widths cannot resolve what was fitted.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    volts: Annotated[float, Interval(ge=-2, le=2)] = 0.9
    start_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 1.5e-9
    stop_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 12e-9
    points: Annotated[int, Interval(ge=6, le=1000)] = 61
    shots: Annotated[int, Interval(ge=10, le=1_000_000)] = 1000
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    threshold_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 500e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 8
    long_gaps: bool = False

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield the threshold, a point per width, and the fit."""
        check_junction(array, self.row, self.col)
        if self.start_seconds == self.stop_seconds:
            raise ParameterError(
                f"start_seconds and stop_seconds are both {self.start_seconds:g}; a curve has two ends"
            )
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        counter = Counter(shooter, self.samples, self.shots)
        pulses = Pulses.of(self, width_seconds=self.threshold_seconds)
        yield from counter.calibrate(pulses, Progress(0, self.points, "widths"))
        counts: list[Count] = []
        for index, width in enumerate(np.linspace(self.start_seconds, self.stop_seconds, self.points)):
            count = yield from counter.count(
                replace(pulses, width_seconds=float(width)), Progress(index, self.points, "widths")
            )
            counts.append(count)
            yield count.record()
            yield Progress(index + 1, self.points, "widths")
        pulser.off()
        widths = np.array([count.pulse.width_seconds for count in counts])
        if (different := np.unique(widths).size) < self.points:
            yield Record.of(
                "note",
                text=f"the generator played {different} different widths where {self.points} were asked for: its steps "
                "are coarser. Take fewer points, or a faster generator",
            )
        for record in fitted(("precession",), widths, counts):
            yield record
            if record.kind == "fit":
                yield from _unresolved(record, float(np.diff(np.sort(widths)).max()), float(np.ptp(widths)))


def _unresolved(fit: Record, step_seconds: float, span_seconds: float) -> Iterator[Record]:
    """What speaks against a frequency that was found from widths so far apart, over such a range."""
    hertz = float(fit.values["hertz"] or 0.0)
    if hertz * step_seconds > 1 / POINTS_A_TURN:
        text = f"a turn of {1 / hertz:.3g} s is sampled every {step_seconds:.3g} s, and a faster one may look the same"
        yield Record.of("note", text=f"{text}: take more points, or a shorter range")
    if hertz * span_seconds < TURNS:
        text = f"the widths span {hertz * span_seconds:.2g} turns of the fitted {hertz:.3g} Hz, too few to tell a turn"
        yield Record.of("note", text=f"{text} from a decay: sweep a longer range")
