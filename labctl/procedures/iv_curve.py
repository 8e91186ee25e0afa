"""Current and resistance of one junction against voltage, at DC."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from scipy.optimize import curve_fit

from labctl.core.device import ArrayPort, Line, PulseGenerator, SourceMeter
from labctl.core.procedure import Items, Progress, Record
from labctl.core.pulses import Phase, PhaseKind, PulsePlan
from labctl.procedures.conductance import Reader
from labctl.procedures.shots import GAP_SECONDS, check_junction

Array = NDArray[np.float64]

TOGGLES = 60
"""Pulses that are tried to find the other state; a fair coin misses it once in 1e18."""

APART = 1.2
"""Two resistances at the smallest voltage that differ by this factor are two states."""


@dataclass(frozen=True)
class IvCurve:
    """Measure current against voltage of junction (row, col): 0, up to `volts`, down to -`volts`, back to 0.

    The pulse generator holds the word line, the source-meter the bit line at 0 V and measures; what really stands on
    the word line is measured first. With `toggle_volts` (0, the default: none) pulses of these volts and
    `toggle_seconds` are fired until the other state is found, and the sweep is made in both: then TMR(V) is fitted with
    TMR0 / (1 + (V / V_half)^2), V_half being the voltage at which TMR is half of what it is at none.

    Yields "point" records (sweep, leg, volts, amps, ohms, in_compliance); "fit" (model "tmr",
    tmr_zero, half_volts, errors) where both states were swept; a "note" if the junction changed its state in a sweep.
    Resistance of wires, relays and meter is not corrected for.
    """

    row: Annotated[int, Interval(ge=0)] = 0
    col: Annotated[int, Interval(ge=0)] = 0
    volts: Annotated[float, Interval(gt=0, le=1)] = 0.2
    points: Annotated[int, Interval(ge=2, le=1000)] = 21
    limit_amps: Annotated[float, Interval(gt=0, le=1e-2)] = 1e-4
    toggle_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.0
    toggle_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9

    def run(self, pulser: PulseGenerator, smu: SourceMeter, array: ArrayPort) -> Items:
        """Yield the points of one or two sweeps, and the fit."""
        check_junction(array, self.row, self.col)
        reader = Reader(pulser, smu, array, self.limit_amps)
        up = np.linspace(0.0, self.volts, self.points)
        legs = [("up", up), ("down", up[::-1]), ("minus", -up), ("back", -up[::-1])]
        levels = [float(level) for _, leg in legs for level in leg]
        names = [name for name, leg in legs for _ in leg]
        drive = reader.drive(self.row, levels)
        sweeps = 2 if self.toggle_volts else 1
        swept: list[tuple[Array, Array]] = []
        for sweep in range(sweeps):
            if sweep and not (yield from self._other_state(reader, pulser, array, swept[0], levels)):
                break
            reader.aim(self.row, self.col)
            amps = []
            for index, (level, volts, leg) in enumerate(zip(levels, drive, names, strict=True)):
                reading = reader.reading(level)
                amps.append(np.nan if reading.amps is None or reading.in_compliance else reading.amps)
                yield Record.of(
                    "point",
                    sweep=sweep,
                    leg=leg,
                    volts=volts,
                    amps=reading.amps,
                    ohms=None if not reading.amps or level == 0 else volts / reading.amps,
                    in_compliance=int(reading.in_compliance),
                )
                yield Progress(sweep * len(levels) + index + 1, sweeps * len(levels), "points")
            swept.append((np.array(drive), np.array(amps)))
            yield from _changes(*swept[-1])
        reader.rest()
        if len(swept) == 2:
            yield from _tmr(swept)

    def _other_state(
        self,
        reader: Reader,
        pulser: PulseGenerator,
        array: ArrayPort,
        swept: tuple[Array, Array],
        levels: list[float],
    ) -> Generator[Record, None, bool]:
        """Fire pulses until the resistance at a small voltage is another one; False, with a note, if it never is."""
        small = int(np.argmin([abs(level) if level > self.volts / 4 else np.inf for level in levels]))
        before = swept[0][small] / swept[1][small]
        plan = PulsePlan(
            (Phase(PhaseKind.STOCHASTIC, self.toggle_volts, self.toggle_seconds, self.edge_seconds, GAP_SECONDS),)
        )
        for _ in range(TOGGLES):
            reader.rest()
            array.route({"pulser": Line("word", self.row), "smu": Line("bit", self.col)})
            pulser.program(plan)
            pulser.fire(1)
            reader.aim(self.row, self.col)
            amps = reader.amps(levels[small], f"junction ({self.row}, {self.col})")
            ratio = swept[0][small] / amps / before
            if max(ratio, 1 / ratio) > APART:
                return True
        yield Record.of(
            "note",
            text=f"{TOGGLES} pulses of {self.toggle_volts:g} V did not change the {before:.4g} ohm by more "
            f"than {APART:g} times: no other state was found, so there is one sweep and no TMR. Raise toggle_volts",
        )
        return False


def _changes(volts: Array, amps: Array) -> Items:
    """A note if the resistance at the same voltage is another one before and after the largest voltages."""
    with np.errstate(divide="ignore", invalid="ignore"):
        siemens = np.where(np.abs(volts) > 1e-3, amps / volts, np.nan)
    half = siemens.size // 4
    for name, first, second in (
        ("positive", siemens[:half], siemens[half : 2 * half][::-1]),
        ("negative", siemens[2 * half : 3 * half], siemens[3 * half :][::-1]),
    ):
        ratio = first / second
        off = np.nanmax(np.maximum(ratio, 1 / ratio)) if np.isfinite(ratio).any() else 1.0
        if off > APART:
            yield Record.of(
                "note",
                text=f"the {name} sweep found the junction {off:.3g} times better conducting on one way than on the "
                "other: it changed its state meanwhile, so what is called one curve belongs to two states. Lower volts",
            )


def _tmr(swept: list[tuple[Array, Array]]) -> Items:
    volts = swept[0][0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ohms = [np.abs(v / a) for v, a in swept]
        tmr = np.maximum(*ohms) / np.minimum(*ohms) - 1
    fine = np.isfinite(tmr) & (np.abs(volts) > 0.05 * np.abs(volts).max())

    def law(v: Array, tmr_zero: float, half_volts: float) -> Array:
        return tmr_zero / (1 + (v / half_volts) ** 2)

    start = (float(np.nanmax(tmr[fine])), 2 * float(np.abs(volts).max()))
    try:
        values, covariance = curve_fit(law, volts[fine], tmr[fine], p0=start)
    except (RuntimeError, ValueError) as error:
        yield Record.of("note", text=f"TMR against voltage could not be fitted ({error}): sweep to higher volts")
        return
    errors = np.sqrt(np.diag(covariance))
    yield Record.of(
        "fit",
        model="tmr",
        tmr_zero=float(values[0]),
        half_volts=abs(float(values[1])),
        tmr_zero_error=float(errors[0]),
        half_volts_error=float(errors[1]),
    )
