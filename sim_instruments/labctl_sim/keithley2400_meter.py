"""The readings of a Keithley 2400: how long one takes, and what it says. Tags as in keithley2400.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim.keithley2400_ranges import (
    AMP_RANGES,
    FULL_SCALE,
    OHM_RANGES,
    OVERRANGE,
    VOLT_RANGES,
    compliance,
    ohm_range_for,
    range_for,
)

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

OVERFLOW = 9.91e37  # K24-353, also stands for "not measured"
NOISE_OF_RANGE = 2e-6  # rms at 1 NPLC, relative to the range [MEM]
AUTO_DELAY_SECONDS = 1e-3  # depends on the range in the real one [MEM]
AUTOZERO_MEASUREMENTS = 3  # signal, zero and reference [MEM]
CLOCK_ROLLS_SECONDS = 99_999.999  # K24-355

# The status word (K24-356).
OVER, FILTER, FRONT, REAL_COMPLIANCE, OVER_VOLTAGE, AUTO_OHMS = (1 << bit for bit in (0, 1, 2, 3, 4, 10))
VOLTS_MEASURED, AMPS_MEASURED, OHMS_MEASURED = 1 << 11, 1 << 12, 1 << 13
VOLTS_SOURCED, AMPS_SOURCED, RANGE_COMPLIANCE = 1 << 14, 1 << 15, 1 << 16
OFFSET_COMPENSATED, FOUR_WIRE = 1 << 17, 1 << 22

Values = tuple[float, float, float, float, float]  # volts, amps, ohms, seconds, status word


class Meter:
    """Takes readings at the operating point as it is when it is asked."""

    def __init__(self, panel: Keithley2400, line_hertz: float) -> None:
        self._panel = panel
        self._started = 0.0
        self.line_hertz = line_hertz

    def restart_time(self) -> None:
        """Timestamps count from now."""
        self._started = self._panel.world.now()

    def seconds(self) -> float:
        """The timestamp of now."""
        return (self._panel.world.now() - self._started) % CLOCK_ROLLS_SECONDS

    def functions(self) -> list[str]:
        """What is measured."""
        state = self._panel.state
        functions: list[str] = state["functions"] if state["concurrent"] else state["functions"][-1:]
        return functions

    def cycle_seconds(self) -> float:
        """Source delay and integration of one reading."""
        state = self._panel.state
        phases = AUTOZERO_MEASUREMENTS if state["autozero"] else 1
        if state["filter"] and state["filter_type"] == "REP":
            phases *= state["filter_count"]
        aperture = state["nplc"] / self.line_hertz * phases * max(len(self.functions()), 1)
        return float((AUTO_DELAY_SECONDS if state["delay_auto"] else state["delay"]) + aperture)

    def find_ohm_range(self) -> None:
        """Automatic ohms: the test current of the range, which goes down from the highest one as the ohms allow."""
        panel, state = self._panel, self._panel.state
        fixed = ohm_range_for(state["res_range"] / OVERRANGE)
        for scale, amps in [*reversed(OHM_RANGES)] if state["res_auto"] else [fixed]:
            state["amps"], state["res_range"] = amps, OVERRANGE * scale
            panel.source.fit()
            at = panel.world.terminals(panel.role)
            ohms = abs(at.volts) / amps
            if at.limited or ohm_range_for(ohms)[0] >= scale:
                return

    def read(self) -> Values:
        """Volts, amps, ohms, seconds, status word; autorange moves the ranges."""
        panel, state = self._panel, self._panel.state
        functions, at = self.functions(), panel.world.terminals(panel.role)
        true = {"volt": at.volts, "amp": at.amps}
        from_volts = state["source"] == "VOLT"
        word = self._flags(from_volts, limited=at.limited)
        # What is not measured is shown as it is sourced.
        shown = {
            "VOLT": state["volts"] if from_volts else OVERFLOW,
            "CURR": OVERFLOW if from_volts else state["amps"],
        }
        for name, kind, ranges, bit in (
            ("VOLT", "volt", VOLT_RANGES, VOLTS_MEASURED),
            ("CURR", "amp", AMP_RANGES, AMPS_MEASURED),
        ):
            if name in functions or "RES" in functions:
                value, over = self._digitise(true[kind], kind, ranges, sourced=(kind == "volt") == from_volts)
                shown[name] = OVERFLOW if over else value
                word |= bit | (OVER if over else 0)
        ohms = OVERFLOW
        if "RES" in functions:
            word |= OHMS_MEASURED
            if OVERFLOW not in (shown["VOLT"], shown["CURR"]) and shown["CURR"]:
                ohms = shown["VOLT"] / shown["CURR"]
        return (shown["VOLT"], shown["CURR"], ohms, self.seconds(), float(word))

    def _flags(self, from_volts: bool, *, limited: bool) -> int:
        panel, state = self._panel, self._panel.state
        word = VOLTS_SOURCED if from_volts else AMPS_SOURCED
        flags: dict[int, Any] = {
            FILTER: state["filter"],
            FRONT: state["terminals"] == "FRON",
            OVER_VOLTAGE: panel.output.over_voltage(),
            AUTO_OHMS: panel.auto_ohms(),
            OFFSET_COMPENSATED: state["offset_compensated"],
            FOUR_WIRE: state["four_wire"],
        }
        word |= sum(bit for bit, present in flags.items() if present)
        if limited and not flags[OVER_VOLTAGE]:
            ranged = compliance(state, "amp" if from_volts else "volt")[1]
            word |= RANGE_COMPLIANCE if ranged else REAL_COMPLIANCE
        return word

    def _digitise(self, value: float, kind: str, ranges: tuple[float, ...], *, sourced: bool) -> tuple[float, bool]:
        """A value as measured, with the noise of its range; and whether it was too much for it."""
        state = self._panel.state
        key = f"{kind}_range" if sourced else f"sense_{kind}_range"  # what is sourced is read back on its own range
        if not sourced and state[f"sense_{kind}_auto"]:
            state[key] = max(range_for(value, ranges), range_for(state[f"sense_{kind}_lowest"], ranges))
        scale = state[key]
        averaged = state["nplc"] * (state["filter_count"] if state["filter"] else 1)
        noise = scale * NOISE_OF_RANGE / np.sqrt(averaged)
        drawn = self._panel.world.noise_of(self._panel.role).standard_normal()
        return value + float(noise * drawn), abs(value) > FULL_SCALE * scale
