"""The output of a Keithley 2400: on or off, what it is when it is off, and what protects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.faces import CurrentSource, Face, VoltageSource
from labctl_sim.keithley2400_ranges import MAX_VOLTS, OVP_NONE, OVP_STEPS, OVP_TOLERANCE, compliance, ovp_step
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

OFF_LIMIT_OF_RANGE = 0.005  # 0.5 % of full scale (K24-361)
RELAY_SECONDS = 15e-3  # the output relay of HIMPedance closes (K24-362)


class Output:
    """Shows the world what stands at HI."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18, OUTPut and the protection of SOURce."""
        panel = self._panel
        return [
            *documented(
                "K24-360",
                Command("OUTPut#[:STATe]", self._set_output, lambda _: str(int(panel.state["output"]))),
                panel.switch("OUTPut#:ENABle[:STATe]", "enable"),
                Command("OUTPut#:ENABle:TRIPped", ask=lambda _: str(int(not self._line_open()))),
                panel.option("OUTPut#:SMODe", "off", ("NORMal", "ZERO", "HIMPedance", "GUARd"), self.show),
            ),
            *documented(
                "K24-386",
                Command("SOURce#:VOLTage:PROTection[:LEVel]", self._set_ovp, self._ask_ovp),
                Command("SOURce#:VOLTage:PROTection:TRIPped", ask=lambda _: str(int(self.over_voltage()))),
            ),
        ]

    # -- protection

    def _set_ovp(self, call: Call) -> None:
        parameter = call.only()
        kind = Number("V", -MAX_VOLTS, MAX_VOLTS, OVP_NONE, {"NONE": OVP_NONE})
        value = OVP_NONE if parameter == "NONE" else kind.read(parameter)
        self._panel.state["ovp"] = ovp_step(abs(self._panel.limited(value, *kind.bounds())))
        self.show()

    def _ask_ovp(self, call: Call) -> str:
        kind = Number("V", OVP_STEPS[0], OVP_NONE, OVP_NONE)
        return self._panel.format_number(kind.asked(call, self._panel.state["ovp"]))

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
        return panel.world.terminals(panel.role).limited and self._ovp_volts() < compliance(state, "volt")[0]

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
