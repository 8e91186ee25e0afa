"""The whole array, junction by junction: conductances at a small voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Interval

from labctl.core.device import ArrayPort, PulseGenerator, SourceMeter
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures.conductance import Reader

LOPSIDED = 0.2
"""The part by which the conductances at both signs may differ before the run says so: TMR falls alike on both sides."""

FLOOR = 1e-4
"""The part of limit_amps, which sets the meter's range, below which a difference of currents is noise or offset: 10 nA
by default, about what the data sheet of a Keithley 2400 allows in its 100 uA range ([MEM], verify)."""

NAMED = 8
"""How many junctions a note names."""


@dataclass(frozen=True)
class CrossbarRead:
    """Read the conductance of every junction with one source-meter, all unselected lines on ground.

    The pulse generator holds the selected word line at +`read_volts` and then at -`read_volts`; the source-meter
    holds the selected bit line at 0 V and measures what flows into it, so that no voltage stands across any junction
    off the selected row and no sneak current reaches the meter (with unselected lines at half the voltage an N x N
    array of equal junctions would read (N+1)/2 times too much, with floating ones N^2/(2N-1) times). Before each row
    the source-meter measures, as a voltmeter (0 A), what the generator really puts on the word line. The difference of
    the two signs cancels offsets: G = (I(+) - I(-)) / (V(+) - V(-)). Resistance of wires, relays and meter is not
    corrected for.

    Yields records of kind "drive" per row (row, volts_plus, volts_minus) and of kind "junction" per junction
    (row, col, siemens, ohms, amps_plus, amps_minus); and a "note" if junctions conduct differently at the two signs,
    for then the read writes them and their conductance is that of no state.
    """

    read_volts: Annotated[float, Interval(gt=0, le=0.5)] = 0.1
    limit_amps: Annotated[float, Interval(gt=0, le=1e-2)] = 1e-4

    def run(self, pulser: PulseGenerator, smu: SourceMeter, array: ArrayPort) -> Items:
        """Yield the drive of each row and the conductance of each junction."""
        total = array.rows * array.cols
        reader = Reader(pulser, smu, array, self.limit_amps)
        levels = (self.read_volts, -self.read_volts)
        lopsided: list[str] = []
        for row in range(array.rows):
            drive = reader.drive(row, levels)
            plus, minus = drive
            yield Record.of("drive", row=row, volts_plus=plus, volts_minus=minus)
            for col in range(array.cols):
                reader.aim(row, col)
                amps = [reader.amps(level, f"junction ({row}, {col})") for level in levels]
                siemens = (amps[0] - amps[1]) / (plus - minus)
                sides = [abs(current / volts) for current, volts in zip(amps, drive, strict=True)]
                if abs(sides[0] - sides[1]) > max(LOPSIDED * max(sides), FLOOR * self.limit_amps / self.read_volts):
                    lopsided.append(f"({row}, {col})")
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
        reader.rest()
        if lopsided:
            more = f" and {len(lopsided) - NAMED} more" if len(lopsided) > NAMED else ""
            yield Record.of(
                "note",
                text=f"{len(lopsided)} of {total} junctions conduct more than {LOPSIDED:.0%} better at one sign of the "
                f"volts: {', '.join(lopsided[:NAMED])}{more}. {self.read_volts:g} V disturb them, or their states do "
                "not last from one reading to the next, and what is reported is the mean of two states: lower "
                "read_volts",
            )
