"""Resistance against voltage of every junction of the array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval, Len

from labctl.core.device import ArrayPort, PulseGenerator, SourceMeter
from labctl.core.procedure import Items, Progress, Record
from labctl.procedures.conductance import Reader

FLOOR = 1e-4
"""The part of limit_amps below which a current is noise or offset; see `crossbar_read`."""


@dataclass(frozen=True)
class RvMap:
    """Measure the resistance of every junction at each of `levels_volts`, and say which are open or shorted.

    As `crossbar_read` measures (the other lines on ground), but at several voltages of either sign, and without the
    difference of two: offsets are not cancelled, and R(V) may be seen to bend. A junction that lets the source-meter
    limit, or has less than `short_ohms`, is called "short"; one whose current drowns in the meter's noise "open"; and
    the map goes on with the next one.

    Yields a "cell" per junction and voltage (row, col, volts, amps, ohms, verdict) and a "note" that names bad ones.
    """

    levels_volts: Annotated[tuple[Annotated[float, Interval(ge=-1, le=1)], ...], Len(1, 100)] = (0.05, 0.1, 0.2)
    limit_amps: Annotated[float, Interval(gt=0, le=1e-2)] = 1e-4
    short_ohms: Annotated[float, Interval(ge=0, le=1e6)] = 1000.0

    def run(self, pulser: PulseGenerator, smu: SourceMeter, array: ArrayPort) -> Items:
        """Yield the cells, and what is wrong with some."""
        reader = Reader(pulser, smu, array, self.limit_amps)
        levels = [level for level in self.levels_volts if level] or [0.1]
        bad: dict[str, list[str]] = {"open": [], "short": []}
        total = array.rows * array.cols
        for row in range(array.rows):
            drive = reader.drive(row, [*levels, 0.0])
            for col in range(array.cols):
                reader.aim(row, col)
                verdicts = []
                for level, volts in zip(levels, drive, strict=False):
                    reading = reader.reading(level)
                    limited = reading.in_compliance or reading.amps is None
                    amps = np.nan if reading.amps is None else reading.amps
                    verdicts.append(self._verdict(volts, amps, limited))
                    yield Record.of(
                        "cell",
                        row=row,
                        col=col,
                        volts=volts,
                        amps=reading.amps,
                        ohms=None if verdicts[-1] == "open" or limited else volts / amps,
                        verdict=verdicts[-1],
                    )
                    if limited:
                        break  # more volts would only limit more
                for verdict in ("short", "open"):
                    if verdict in verdicts:
                        bad[verdict].append(f"({row}, {col})")
                yield Progress(row * array.cols + col + 1, total, "junctions")
        reader.rest()
        for verdict, cells in bad.items():
            if cells:
                yield Record.of("note", text=f"{len(cells)} of {total} junctions are {verdict}: {', '.join(cells)}")

    def _verdict(self, volts: float, amps: float, limited: bool) -> str:
        if limited or abs(volts) < self.short_ohms * abs(amps):
            return "short"
        return "open" if abs(amps) < FLOOR * self.limit_amps else "good"
