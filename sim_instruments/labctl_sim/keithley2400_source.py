"""The sourcing half of a Keithley 2400: function, levels, ranges, output and what it is when it is off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.circuit import CurrentSource, Face, VoltageSource
from labctl_sim.keithley2400_ranges import (
    AMP_RANGES,
    MAX_AMPS,
    MAX_VOLTS,
    OVERRANGE,
    OVP_NONE,
    OVP_STEPS,
    OVP_TOLERANCE,
    VOLT_RANGES,
    compliance,
    ovp_step,
    range_for,
    refuse_power,
)
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

OFF_LIMIT_OF_RANGE = 0.005  # 0.5 % of full scale (K24-361)
RELAY_SECONDS = 15e-3  # the output relay of HIMPedance closes (K24-362)
MODES = ("FIXed", "LIST", "SWEep")
PARTS = (
    ("VOLTage", "volt", "volts", VOLT_RANGES, "V", MAX_VOLTS),
    ("CURRent", "amp", "amps", AMP_RANGES, "A", MAX_AMPS),
)


class Source:
    """Shows the world what stands at HI."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18, OUTPut and SOURce."""
        panel = self._panel
        table = [
            *documented(
                "K24-360",
                Command("OUTPut#[:STATe]", self._set_output, lambda _: str(int(panel.state["output"]))),
                panel.switch("OUTPut#:ENABle[:STATe]", "enable"),
                Command("OUTPut#:ENABle:TRIPped", ask=lambda _: str(int(not self._line_open()))),
                panel.option("OUTPut#:SMODe", "off", ("NORMal", "ZERO", "HIMPedance", "GUARd"), self.show),
            ),
            *documented(
                "K24-377",
                Command("SOURce#:FUNCtion[:MODE]", self._set_function, lambda _: str(panel.state["source"])),
                Command("SOURce#:CLEar[:IMMediate]", lambda _: self.turn(on=False)),
                panel.switch("SOURce#:CLEar:AUTO", "clear_auto"),
                panel.numeric("SOURce#:DELay", "delay", Number("S", 0.0, 999.9999), self._delay_set),
                panel.switch("SOURce#:DELay:AUTO", "delay_auto"),
            ),
            *documented(
                "K24-386",
                Command("SOURce#:VOLTage:PROTection[:LEVel]", self._set_ovp, self._ask_ovp),
                Command("SOURce#:VOLTage:PROTection:TRIPped", ask=lambda _: str(int(self.over_voltage()))),
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
            return panel.format_number(kind.read(call.only()) if call.parameters else panel.state[key])

        return Command(pattern, write, ask)

    @staticmethod
    def _span_of(key: str, value: float) -> float:
        return range_for(value, VOLT_RANGES if key.startswith("volts") else AMP_RANGES)

    def _range(self, pattern: str, key: str, ranges: tuple[float, ...], unit: str) -> Command:
        kind, panel = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], ranges[-2]), self._panel

        def write(call: Call) -> None:
            self.refuse_auto_ohms()
            chosen = range_for(panel.limited(kind.read(call.only()), *kind.bounds()), ranges)
            refuse_power(panel.state, **{key: chosen})
            panel.state[key] = chosen
            panel.state[f"{key}_auto"] = False
            level = "volts" if key == "volt_range" else "amps"
            if abs(panel.state[level]) > OVERRANGE * chosen:
                panel.state[level] = float(np.copysign(OVERRANGE * chosen, panel.state[level]))
            self.show()

        def ask(call: Call) -> str:
            return panel.format_number(kind.read(call.only()) if call.parameters else panel.state[key])

        return Command(pattern, write, ask)

    def fit(self) -> None:
        """Let ranges follow their levels where they are automatic."""
        state = self._panel.state
        for _, kind, level, ranges, _, _ in PARTS:
            if state[f"{kind}_range_auto"]:
                state[f"{kind}_range"] = range_for(state[level], ranges)
        self.show()

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
        self.show()

    def _delay_set(self) -> None:
        self._panel.state["delay_auto"] = False

    def _set_function(self, call: Call) -> None:
        self.refuse_auto_ohms()
        source = scpi_text.choice(call.only(), ("VOLTage", "CURRent", "MEMory"))
        if source == "MEM":
            raise InstrumentFault(801)  # no source-memory locations are simulated
        self.change(source)

    def change(self, source: str) -> None:
        """Source the other quantity; that turns the output off [MEM]."""
        if source != self._panel.state["source"]:
            self._panel.state["source"] = source
            self.turn(on=False)

    # -- protection

    def _set_ovp(self, call: Call) -> None:
        parameter = call.only()
        kind = Number("V", -MAX_VOLTS, MAX_VOLTS, OVP_NONE, {"NONE": OVP_NONE})
        value = OVP_NONE if parameter == "NONE" else kind.read(parameter)
        self._panel.state["ovp"] = ovp_step(abs(self._panel.limited(value, *kind.bounds())))
        self.show()

    def _ask_ovp(self, call: Call) -> str:
        kind = Number("V", OVP_STEPS[0], OVP_NONE, OVP_NONE)
        return self._panel.format_number(kind.read(call.only()) if call.parameters else self._panel.state["ovp"])

    def _ovp_volts(self) -> float:
        ovp = self._panel.state["ovp"]
        return np.inf if ovp == OVP_NONE else float(OVP_TOLERANCE * ovp)

    def over_voltage(self) -> bool:
        """True while the protection clamps the output."""
        state, panel = self._panel.state, self._panel
        if not state["output"] or state["ovp"] == OVP_NONE:
            return False
        if state["source"] == "VOLT":
            return bool(abs(state["volts"]) > self._ovp_volts())
        return panel.role in panel.world.point().limited and self._ovp_volts() < compliance(state, "volt")[0]

    # -- the output

    def _line_open(self) -> bool:
        """The output-enable line: low lets the output turn on."""
        return self._panel.world.faults.active(self._panel.role, "interlock") is not None

    def blocked(self) -> int:
        """The error that keeps the output off, or 0 (K24-361, K24-441)."""
        if self._panel.world.faults.active(self._panel.role, "over_temperature") is not None:
            return 810
        return 802 if self._panel.state["enable"] and self._line_open() else 0

    def _set_output(self, call: Call) -> None:
        self.turn(on=scpi_text.boolean(call.only()))

    def turn(self, *, on: bool) -> None:
        """Turn the output on or off; raises +802 or +810 when it must stay off."""
        panel = self._panel
        was = panel.state["output"]
        if on and (code := self.blocked()):
            raise InstrumentFault(code)
        panel.state["output"] = on and panel.world.faults.active(panel.role, "output_refuses") is None
        self.show()
        if not panel.state["output"]:
            panel.model.abort()  # output off returns to idle (K24-360)
        elif not was and panel.state["off"] == "HIMP":
            panel.world.sleep(RELAY_SECONDS)

    def watch(self) -> None:
        """What the instrument notices by itself: an opened interlock or heat turns the output off."""
        code = self.blocked()
        self._panel.events.protection(code)
        if code and self._panel.state["output"]:
            self.turn(on=False)

    def show(self) -> None:
        """Tell the world what stands at HI."""
        self._panel.world.show(self._panel.role, self._face())

    def _face(self) -> Face | None:
        state = self._panel.state
        if state["output"]:
            if state["source"] == "VOLT":
                most = self._ovp_volts()
                return VoltageSource(float(np.clip(state["volts"], -most, most)), compliance(state, "amp")[0])
            return CurrentSource(state["amps"], min(compliance(state, "volt")[0], self._ovp_volts()))
        if state["off"] == "HIMP":
            return None
        if state["off"] == "GUAR":
            return CurrentSource(0.0, OFF_LIMIT_OF_RANGE * state["sense_volt_range"])
        least = OFF_LIMIT_OF_RANGE * state["sense_amp_range"]
        return VoltageSource(0.0, max(least, state["limit_amps"]) if state["off"] == "ZERO" else least)


def fixed_sweep_range(state: dict[str, Any], levels: np.ndarray) -> float | None:
    """The range of a whole sweep: BEST holds all its levels, FIXed is the present one, AUTO is none."""
    kind, ranges = ("volt", VOLT_RANGES) if state["source"] == "VOLT" else ("amp", AMP_RANGES)
    if state["sweep_range"] == "BEST":
        return range_for(float(np.abs(levels).max()), ranges)
    return float(state[f"{kind}_range"]) if state["sweep_range"] == "FIX" else None
