"""Sweeps of a Keithley 2400: linear and logarithmic staircases, and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.keithley2400_ranges import MAX_AMPS, MAX_VOLTS
from labctl_sim.keithley2400_tables import MAX_READINGS
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

LIST_AT_ONCE = 100  # K24-396
KINDS = (("VOLTage", "volt", "V", MAX_VOLTS), ("CURRent", "amp", "A", MAX_AMPS))


class Sweep:
    """Which levels come one after the other."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18, SOURce."""
        panel = self._panel
        table = documented(
            "K24-323",
            panel.option("SOURce#:SWEep:SPACing", "spacing", ("LINear", "LOGarithmic")),
            panel.integer("SOURce#:SWEep:POINts", "sweep_points", 2, MAX_READINGS),
            panel.option("SOURce#:SWEep:DIRection", "direction", ("UP", "DOWN")),
            panel.option("SOURce#:SWEep:RANGing", "sweep_range", ("BEST", "AUTO", "FIXed")),
            panel.option("SOURce#:SWEep:CABort[:LEVel]", "sweep_abort", ("NEVer", "EARLy", "LATE")),
        )
        for name, kind, unit, most in KINDS:
            node, level = f"SOURce#:{name}", Number(unit, -most, most)
            table += documented(
                "K24 ch. 18",
                panel.numeric(f"{node}:STARt", f"{kind}_start", level),
                panel.numeric(f"{node}:STOP", f"{kind}_stop", level),
                Command(f"{node}:STEP", self._set_step(kind, level), self._ask(self._step, kind)),
                Command(f"{node}:CENTer", self._set_centre(kind, level), self._ask(self._centre, kind)),
                Command(f"{node}:SPAN", self._set_span(kind, unit, most), self._ask(self._span, kind)),
                verify=True,
            )
            table += documented(
                "K24-396",
                Command(f"SOURce#:LIST:{name}", self._set_list(kind, level, append=False), self._ask_list(kind)),
                Command(f"SOURce#:LIST:{name}:APPend", self._set_list(kind, level, append=True)),
                Command(f"SOURce#:LIST:{name}:POINts", ask=self._ask_points(kind)),
            )
        return table

    def levels(self) -> np.ndarray | None:
        """Float64 (points,) of what is sourced, in order; None for a fixed level. Raises -221 or +801."""
        state = self._panel.state
        kind = "volt" if state["source"] == "VOLT" else "amp"
        mode = state[f"{kind}_mode"]
        if mode == "FIX" or state["memory"]:
            return None
        if mode == "LIST":
            return np.array(state[f"{kind}_list"])
        start, stop, points = state[f"{kind}_start"], state[f"{kind}_stop"], state["sweep_points"]
        if state["spacing"] == "LIN":
            levels = np.linspace(start, stop, points)
        elif start * stop > 0:
            levels = np.geomspace(start, stop, points)
        else:
            raise InstrumentFault(-221)  # no logarithm through zero [MEM]
        return levels if state["direction"] == "UP" else levels[::-1]

    # -- start, stop, step, centre, span: two numbers and a count, seen in several ways

    def _step(self, kind: str) -> float:
        return float(self._span(kind) / (self._panel.state["sweep_points"] - 1))

    def _centre(self, kind: str) -> float:
        return float((self._panel.state[f"{kind}_start"] + self._panel.state[f"{kind}_stop"]) / 2)

    def _span(self, kind: str) -> float:
        return float(self._panel.state[f"{kind}_stop"] - self._panel.state[f"{kind}_start"])

    def _ask(self, value: Any, kind: str) -> Any:
        return lambda _: self._panel.format_number(value(kind))

    def _set_step(self, kind: str, level: Number) -> Any:
        def write(call: Call) -> None:
            step, span = level.read(call.only()), self._span(kind)
            if not step or step * span < 0 or span / step > MAX_READINGS - 1 or span / step < 0.5:
                raise InstrumentFault(-222)
            self._panel.state["sweep_points"] = round(span / step) + 1

        return write

    def _set_centre(self, kind: str, level: Number) -> Any:
        def write(call: Call) -> None:
            self._place(kind, self._panel.limited(level.read(call.only()), *level.bounds()), self._span(kind))

        return write

    def _set_span(self, kind: str, unit: str, most: float) -> Any:
        span = Number(unit, -2 * most, 2 * most)

        def write(call: Call) -> None:
            self._place(kind, self._centre(kind), self._panel.limited(span.read(call.only()), *span.bounds()))

        return write

    def _place(self, kind: str, centre: float, span: float) -> None:
        most = MAX_VOLTS if kind == "volt" else MAX_AMPS
        if abs(centre) + abs(span) / 2 > most:
            raise InstrumentFault(-222)
        self._panel.state.update({f"{kind}_start": centre - span / 2, f"{kind}_stop": centre + span / 2})

    # -- lists

    def _set_list(self, kind: str, level: Number, *, append: bool) -> Any:
        def write(call: Call) -> None:
            if not call.parameters:
                raise InstrumentFault(-109)
            if len(call.parameters) > LIST_AT_ONCE:
                raise InstrumentFault(-223)
            new = tuple(self._panel.limited(level.read(value), *level.bounds()) for value in call.parameters)
            whole = (*self._panel.state[f"{kind}_list"], *new) if append else new
            if len(whole) > MAX_READINGS:
                raise InstrumentFault(-223)
            self._panel.state[f"{kind}_list"] = whole

        return write

    def _ask_list(self, kind: str) -> Any:
        return lambda _: ",".join(self._panel.format_number(level) for level in self._panel.state[f"{kind}_list"])

    def _ask_points(self, kind: str) -> Any:
        return lambda _: str(len(self._panel.state[f"{kind}_list"]))


def function_of(parameter: scpi_text.Parameter) -> str:
    """``'CURR:DC'`` and its relatives as CURR, VOLT or RES; raises -151 or -224."""
    name = scpi_text.string(parameter).upper().strip().removesuffix(":DC")
    names = {"CURR": "CURR", "CURRENT": "CURR", "VOLT": "VOLT", "VOLTAGE": "VOLT", "RES": "RES", "RESISTANCE": "RES"}
    if name not in names:
        raise InstrumentFault(-224)
    return names[name]
