"""The whole array, junction by junction: conductances at a small voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from labctl.core.device import ArrayPort, Line, PulseGenerator, Reading, SourceMeter
from labctl.core.errors import MeasurementError
from labctl.core.procedure import Items, Progress, Record


@dataclass(frozen=True)
class CrossbarRead:
    """Read the conductance of every junction with one source-meter, all unselected lines on ground.

    The pulse generator holds the selected word line at +`read_volts` and then at -`read_volts`; the source-meter
    holds the selected bit line at 0 V and measures what flows into it, so that no voltage stands across any junction
    off the selected row and no sneak current reaches the meter (unlike floating or half-voltage schemes, which read
    (N+1)/2 times too much on an N x N array). Before each row the source-meter measures, as a voltmeter (0 A), what the
    generator really puts on the word line. The difference of the two signs cancels offsets:
    G = (I(+) - I(-)) / (V(+) - V(-)). Resistance of wires, relays and meter is not corrected for.

    Yields records of kind "drive" per row (row, volts_plus, volts_minus) and of kind "junction" per junction
    (row, col, siemens, ohms, amps_plus, amps_minus).
    """

    read_volts: Annotated[float, Interval(gt=0, le=0.5)] = 0.1
    limit_amps: Annotated[float, Interval(gt=0, le=1e-2)] = 1e-4

    def run(self, pulser: PulseGenerator, smu: SourceMeter, array: ArrayPort) -> Items:
        """Yield the drive of each row and the conductance of each junction."""
        total = array.rows * array.cols
        for row in range(array.rows):
            drive = []
            for sign in (1, -1):
                self._rest(pulser, smu)
                array.route({"pulser": Line("word", row), "smu": Line("word", row)})
                smu.apply_amps(0.0, limit_volts=min(2 * self.read_volts, 0.25))
                pulser.hold(sign * self.read_volts)
                drive.append(_trusted(smu.measure(), f"the drive of word line {row}"))
            plus, minus = drive[0].volts, drive[1].volts
            if plus is None or minus is None or plus - minus < self.read_volts:
                raise MeasurementError(
                    f"word line {row} was driven to {plus} and {minus} V where +-{self.read_volts} V was asked: "
                    "check the cable from the pulse generator to the matrix and the line's contact"
                )
            yield Record.of("drive", row=row, volts_plus=plus, volts_minus=minus)
            for col in range(array.cols):
                self._rest(pulser, smu)
                array.route({"pulser": Line("word", row), "smu": Line("bit", col)})
                smu.apply_volts(0.0, limit_amps=self.limit_amps)
                amps = []
                for sign in (1, -1):
                    pulser.hold(sign * self.read_volts)
                    reading = _trusted(smu.measure(), f"junction ({row}, {col})")
                    # the meter sinks what comes out of the bit line, so its own current is the negative
                    amps.append(-(reading.amps or 0.0))
                siemens = (amps[0] - amps[1]) / (plus - minus)
                yield Record.of(
                    "junction",
                    row=row,
                    col=col,
                    siemens=siemens,
                    ohms=1 / siemens if siemens > 0 else None,
                    amps_plus=amps[0],
                    amps_minus=amps[1],
                )
                yield Progress(row * array.cols + col + 1, total, "junctions")
        self._rest(pulser, smu)

    @staticmethod
    def _rest(pulser: PulseGenerator, smu: SourceMeter) -> None:
        pulser.off()
        smu.off()


def _trusted(reading: Reading, what: str) -> Reading:
    if reading.in_compliance or reading.amps is None or reading.volts is None:
        raise MeasurementError(
            f"the source-meter limited while reading {what} ({reading.volts} V, {reading.amps} A): the reading is the "
            "limit, not the junction. Raise the limit if a low resistance is expected, or look for a short"
        )
    return reading
