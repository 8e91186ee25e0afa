"""What a Keithley 2400 sources: function, levels and ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.keithley2400_ranges import (
    AMP_RANGES,
    MAX_AMPS,
    MAX_VOLTS,
    OVERRANGE,
    VOLT_RANGES,
    next_range,
    range_for,
    refuse_power,
)
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

MODES = ("FIXed", "LIST", "SWEep")
PARTS = (
    ("VOLTage", "volt", "volts", VOLT_RANGES, "V", MAX_VOLTS),
    ("CURRent", "amp", "amps", AMP_RANGES, "A", MAX_AMPS),
)


class Source:
    """The settings of the source; what comes of them at HI is the output's."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18, SOURce."""
        panel = self._panel
        table = [
            *documented(
                "K24-377",
                Command("SOURce#:FUNCtion[:MODE]", self._set_function, self._ask_function),
                Command("SOURce#:CLEar[:IMMediate]", lambda _: self._panel.output.turn(on=False)),
                panel.switch("SOURce#:CLEar:AUTO", "clear_auto"),
                panel.option("SOURce#:CLEar:AUTO:MODE", "clear_mode", ("ALWays", "TCOunt"), verify=True),
                panel.numeric("SOURce#:SOAK", "soak", Number("S", 0.0, 9999.999), verify=True),
                panel.numeric("SOURce#:DELay", "delay", Number("S", 0.0, 999.9999), self._delay_set),
                panel.switch("SOURce#:DELay:AUTO", "delay_auto"),
            ),
        ]
        for name, kind, level, ranges, unit, most in PARTS:
            node, number = f"SOURce#:{name}", Number(unit, self._reach(kind, most, -1), self._reach(kind, most, 1))
            table += documented(
                "K24-367",
                panel.option(f"{node}:MODE", f"{kind}_mode", MODES),
                self._level(f"{node}[:LEVel][:IMMediate][:AMPLitude]", level, number),
                self._level(f"{node}[:LEVel]:TRIGgered[:AMPLitude]", f"{level}_triggered", number),
                self._range(f"{node}:RANGe", f"{kind}_range", ranges, unit),
                panel.switch(f"{node}:RANGe:AUTO", f"{kind}_range_auto", self.fit),
            )
        return table

    # -- levels and ranges

    def _reach(self, kind: str, most: float, sign: int) -> Callable[[], float]:
        """How far the source goes: its range if that is fixed, everything if it follows the level."""

        def reach() -> float:
            state = self._panel.state
            return sign * (most if state[f"{kind}_range_auto"] else float(OVERRANGE * state[f"{kind}_range"]))

        return reach

    def _level(self, pattern: str, key: str, kind: Number) -> Command:
        panel = self._panel

        def write(call: Call) -> None:
            self.refuse_auto_ohms()
            value = panel.limited(kind.read(call.only()), *kind.bounds())
            if panel.state["volt_range_auto" if key.startswith("volts") else "amp_range_auto"]:
                span = {"volt_range" if key.startswith("volts") else "amp_range": self._span_of(key, value)}
                refuse_power(panel.state, **span)
            panel.state[key] = value
            if not key.endswith("triggered"):
                panel.state[f"{key}_triggered"] = value  # the triggered level follows until it is set [MEM]
            self.fit()

        def ask(call: Call) -> str:
            return panel.format_number(kind.asked(call, panel.state[key]))

        return Command(pattern, write, ask)

    @staticmethod
    def _span_of(key: str, value: float) -> float:
        return range_for(value, VOLT_RANGES if key.startswith("volts") else AMP_RANGES)

    def _range(self, pattern: str, key: str, ranges: tuple[float, ...], unit: str) -> Command:
        kind, panel = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], ranges[-2]), self._panel

        def write(call: Call) -> None:
            self.refuse_auto_ohms()
            parameter = call.only()
            chosen = next_range(parameter, panel.state[key], ranges)
            if chosen is None:
                chosen = range_for(panel.limited(kind.read(parameter), *kind.bounds()), ranges)
            refuse_power(panel.state, **{key: chosen})
            panel.state[key] = chosen
            panel.state[f"{key}_auto"] = False
            level = "volts" if key == "volt_range" else "amps"
            if abs(panel.state[level]) > OVERRANGE * chosen:
                panel.state[level] = float(np.copysign(OVERRANGE * chosen, panel.state[level]))
            self._panel.output.show()

        def ask(call: Call) -> str:
            return panel.format_number(kind.asked(call, panel.state[key]))

        return Command(pattern, write, ask)

    def fit(self) -> None:
        """Let ranges follow their levels where they are automatic."""
        state = self._panel.state
        for _, kind, level, ranges, _, _ in PARTS:
            if state[f"{kind}_range_auto"]:
                state[f"{kind}_range"] = range_for(state[level], ranges)
        self._panel.output.show()

    def refuse_auto_ohms(self) -> None:
        """In automatic ohms the instrument sets the source itself; raises +825 [MEM]."""
        if self._panel.auto_ohms():
            raise InstrumentFault(825)

    def step(self, level: float, *, fixed_range: float | None) -> None:
        """Source ``level`` as the next point of a sweep, on ``fixed_range`` or on the one that suits it."""
        state = self._panel.state
        _, kind, key, ranges, _, most = PARTS[0 if state["source"] == "VOLT" else 1]
        state[f"{kind}_range"] = fixed_range or range_for(level, ranges)
        reach = min(OVERRANGE * state[f"{kind}_range"], most)
        state[key] = float(np.clip(level, -reach, reach))
        self._panel.output.show()

    def _delay_set(self) -> None:
        self._panel.state["delay_auto"] = False

    def _set_function(self, call: Call) -> None:
        self.refuse_auto_ohms()
        source = scpi_text.choice(call.only(), ("VOLTage", "CURRent", "MEMory"))
        self._panel.state["memory"] = source == "MEM"
        if source != "MEM":
            self.change(source)

    def _ask_function(self, _: Call) -> str:
        return "MEM" if self._panel.state["memory"] else str(self._panel.state["source"])

    def change(self, source: str) -> None:
        """Source the other quantity; that turns the output off [MEM]."""
        if source != self._panel.state["source"]:
            self._panel.state["source"] = source
            self._panel.output.turn(on=False)


def fixed_sweep_range(state: dict[str, Any], levels: np.ndarray) -> float | None:
    """The range of a whole sweep: BEST holds all its levels, FIXed is the present one, AUTO is none."""
    kind, ranges = ("volt", VOLT_RANGES) if state["source"] == "VOLT" else ("amp", AMP_RANGES)
    if state["sweep_range"] == "BEST":
        return range_for(float(np.abs(levels).max()), ranges)
    return float(state[f"{kind}_range"]) if state["sweep_range"] == "FIX" else None
