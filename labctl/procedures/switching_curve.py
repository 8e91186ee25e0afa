"""Switching probability of one junction against pulse voltage or pulse width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval

from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import ParameterError
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures import fits
from labctl.procedures.counting import Count, Counter, fitted
from labctl.procedures.shots import Pulses, Shooter, check_junction


@dataclass(frozen=True)
class SwitchingCurve:
    """Measure how often a pulse switches junction (row, col), at `points` voltages (or widths) from start to stop.

    Each point gets `shots` pulses, each followed by a read; a pulse has switched the junction when the read after
    it differs from the read before it, so no reset pulse is needed and a voltage-controlled junction, which has none,
    can be measured too. The states are told apart by a threshold found at the end with the larger voltage (or width),
    where the junction must switch. Fits are against the voltage counted in the direction of that end.

    `sweep` "volts" goes from `start_volts` to `stop_volts` with pulses of `width_seconds`; "width" goes from
    `start_seconds` to `stop_seconds` with pulses of `fixed_volts`.

    A junction whose state the sign of the volts says (spin torque) is switched but once by pulses of one sign: give
    `reset_volts` of the other sign, a pulse of `reset_seconds` before each pulse (0 V, the default, is none). A pulse
    has then switched the junction when the read differs from the state that the reset leaves. Which one that is, and
    how often it does not, is measured first, with the reset after the strongest pulse.

    A generator that cannot play pulse and read as one piece plays them one by one, milliseconds apart, if `long_gaps`
    says that the junction keeps its state for so long.

    Yields one record of kind "point" per point (volts, width_seconds, trials, switched, p_switch and its 68 % Wilson
    interval, p_antiparallel), one of kind "threshold", with a reset one of kind "reset" (state, p_failed), and one of
    kind "fit" per model that the data determine; "note" records say what speaks against a result.
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
    sweep: Literal["volts", "width"] = "volts"
    start_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 4e-9
    stop_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 60e-9
    fixed_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.68

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort) -> Items:
        """Yield the threshold, the points, and the fits."""
        check_junction(array, self.row, self.col)
        settings = self._settings()
        shooter = Shooter(pulser, digitizer, array)
        shooter.aim(self.row, self.col)
        counter = Counter(shooter, self.samples, self.shots)
        unit = "voltages" if self.sweep == "volts" else "widths"
        strongest = max(settings[0], settings[-1], key=lambda pulses: (abs(pulses.volts), pulses.width_seconds))
        yield from counter.calibrate(strongest, Progress(0, self.points, unit))
        counts: list[Count] = []
        for index, pulses in enumerate(settings):
            count = yield from counter.count(pulses, Progress(index, self.points, unit))
            counts.append(count)
            yield count.record()
            yield Progress(index + 1, self.points, unit)
        pulser.off()
        if self.sweep == "width":
            yield from fitted(fits.AGAINST_WIDTH, np.array([count.pulse.width_seconds for count in counts]), counts)
            return
        along = np.sign(strongest.volts) * np.array([count.pulse.volts for count in counts])
        for record in fitted(fits.AGAINST_VOLTS, along, counts):
            yield record
            if record.kind == "fit":
                yield from _outside(record, float(along.min()), float(along.max()))

    def _settings(self) -> list[Pulses]:
        """The shot of each point. Raises ParameterError if the two ends are one."""
        first = Pulses.of(self, volts=self.fixed_volts)
        if self.sweep == "volts":
            ends, name = (self.start_volts, self.stop_volts), "volts"
        else:
            ends, name = (self.start_seconds, self.stop_seconds), "width_seconds"
        if ends[0] == ends[1]:
            raise ParameterError(f"the sweep of {name} starts and stops at {ends[0]:g}; a curve needs two ends")
        swept = [float(value) for value in np.linspace(*ends, self.points)]
        if self.sweep == "volts":
            return [replace(first, volts=value) for value in swept]
        return [replace(first, width_seconds=value) for value in swept]


def _outside(fit: Record, lowest: float, highest: float) -> Iterator[Record]:
    centre = fit.values["centre_volts"]
    if isinstance(centre, float) and not lowest <= centre <= highest:
        yield Record.of(
            "note",
            text=f"the centre of the {fit.values['model']} fit, {centre:.4g} V, lies outside the swept {lowest:.4g} to "
            f"{highest:.4g} V and is a guess: sweep a range in which P rises from near 0 to its top",
        )
