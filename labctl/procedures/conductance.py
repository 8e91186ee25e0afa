"""Reading one junction of an array at DC: the generator drives its word line, the source-meter sinks its bit line.

The source-meter holds the selected bit line at 0 V, so that no voltage stands across any junction off the selected row
and no sneak current reaches the meter. What the generator really puts on the word line the source-meter measures first,
as a voltmeter (0 A).
"""

from __future__ import annotations

from collections.abc import Sequence

from labctl.core.device import ArrayPort, Line, PulseGenerator, Reading, SourceMeter
from labctl.core.errors import MeasurementError

DRIVE_TOLERANCE = 1.2
"""How far, as a factor, a word line may be from the voltage asked for before the read is refused."""


class Reader:
    """Drives word lines at levels that stay, and reads currents out of bit lines."""

    def __init__(self, pulser: PulseGenerator, smu: SourceMeter, array: ArrayPort, limit_amps: float) -> None:
        self._pulser = pulser
        self._smu = smu
        self._array = array
        self._limit_amps = limit_amps

    def rest(self) -> None:
        """Both sources to zero and off."""
        self._pulser.off()
        self._smu.off()

    def drive(self, row: int, levels: Sequence[float]) -> list[float]:
        """What really stands on word line ``row`` at each of ``levels``, in volts.

        Raises MeasurementError if the largest one is further off than DRIVE_TOLERANCE.
        """
        self.rest()
        self._array.route({"pulser": Line("word", row), "smu": Line("word", row)})
        largest = max(abs(level) for level in levels)
        self._smu.apply_amps(0.0, limit_volts=DRIVE_TOLERANCE * largest)
        found = []
        for level in levels:
            self._pulser.hold(level)
            reading = self._smu.measure()
            if reading.in_compliance or reading.volts is None:
                raise MeasurementError(
                    f"word line {row} is driven beyond {DRIVE_TOLERANCE:g} times the {largest} V that were "
                    "asked for: check pulser_termination_ohms in [wiring] against the shunt at the probe"
                )
            found.append(reading.volts)
        if max(found) - min(found) < (max(levels) - min(levels)) / DRIVE_TOLERANCE:
            raise MeasurementError(
                f"word line {row} was driven from {min(found)} to {max(found)} V where {min(levels)} to {max(levels)} "
                "was asked: check the cable from the pulse generator to the matrix, the line's contact, and for a short"
            )
        return found

    def aim(self, row: int, col: int) -> None:
        """Put the generator on word line ``row`` and the source-meter, at 0 V, on bit line ``col``."""
        self.rest()
        self._array.route({"pulser": Line("word", row), "smu": Line("bit", col)})
        self._smu.apply_volts(0.0, limit_amps=self._limit_amps)

    def reading(self, level: float) -> Reading:
        """What flows out of the bit line with ``level`` volts held on the word line; amps may be the limit."""
        self._pulser.hold(level)
        found = self._smu.measure()
        # the meter sinks what comes out of the bit line, so its own current is the negative
        return Reading(
            found.volts, None if found.amps is None else -found.amps, found.in_compliance, found.instrument_seconds
        )

    def amps(self, level: float, what: str) -> float:
        """The same, in amperes. Raises MeasurementError if the source-meter limited."""
        reading = self.reading(level)
        if reading.in_compliance or reading.amps is None:
            raise MeasurementError(
                f"the source-meter limited while reading {what} ({reading.volts} V, {reading.amps} A): the reading is "
                "the limit, not the junction. Raise limit_amps if a low resistance is expected, or look for a short"
            )
        return reading.amps
