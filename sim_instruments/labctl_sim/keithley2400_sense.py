"""The settings of the measuring half of a Keithley 2400: functions, ranges, compliance, integration, filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl_sim.keithley2400_ranges import (
    AMP_RANGES,
    LEAST_LIMIT_AMPS,
    LEAST_LIMIT_VOLTS,
    LEAST_OF_RANGE,
    OVERRANGE,
    VOLT_RANGES,
    next_range,
    ohm_range_for,
    range_for,
    refuse_power,
)
from labctl_sim.keithley2400_sweep import function_of
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

LONG = {"VOLT": '"VOLT:DC"', "CURR": '"CURR:DC"', "RES": '"RES"'}
PARTS = (
    ("CURRent", "amp", "CURR", AMP_RANGES, "A", LEAST_LIMIT_AMPS, 105e-6),
    ("VOLTage", "volt", "VOLT", VOLT_RANGES, "V", LEAST_LIMIT_VOLTS, 21.0),
)


class Sense:
    """The SENSe subsystem."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel

    def commands(self) -> list[Command]:
        """K24 chapter 18, SENSe."""
        panel, root = self._panel, "[SENSe#]"
        nplc = Number("", 0.01, 10.0, 1.0)
        ohms = Number("OHM", 0.0, 210e6, 210e3)
        table = [
            *documented(
                "PM",
                Command(f"{root}:FUNCtion[:ON]", self._functions_on, self.ask_functions),
                Command(f"{root}:FUNCtion[:ON]:ALL", lambda _: self._set_functions(["VOLT", "CURR", "RES"])),
                Command(f"{root}:FUNCtion[:ON]:COUNt", ask=lambda _: str(len(panel.state["functions"]))),
                Command(f"{root}:FUNCtion:OFF", self._functions_off, self._ask_functions_off),
                Command(f"{root}:FUNCtion:OFF:ALL", lambda _: self._set_functions([])),
                Command(f"{root}:FUNCtion:OFF:COUNt", ask=lambda _: str(3 - len(panel.state["functions"]))),
                Command(f"{root}:FUNCtion:STATe", ask=self._ask_function_state),
                panel.switch(f"{root}:FUNCtion:CONCurrent", "concurrent", self._concurrency_changed),
            ),
            *documented(
                "PM",
                panel.option(f"{root}:RESistance:MODE", "res_mode", ("MANual", "AUTO"), self._ohms_changed),
                panel.switch(f"{root}:RESistance:OCOMpensated", "offset_compensated"),
                panel.numeric(f"{root}:RESistance:RANGe[:UPPer]", "res_range", ohms, self._ohm_range_set),
                panel.switch(f"{root}:RESistance:RANGe:AUTO", "res_auto"),
                panel.numeric(f"{root}:RESistance:NPLCycles", "nplc", nplc),
            ),
            *documented(
                "PM",
                panel.switch(f"{root}:AVERage[:STATe]", "filter"),
                panel.integer(f"{root}:AVERage:COUNt", "filter_count", 1, 100),
                panel.option(f"{root}:AVERage:TCONtrol", "filter_type", ("REPeat", "MOVing")),
            ),
        ]
        for name, kind, _, ranges, unit, least, default in PARTS:
            node = f"{root}:{name}[:DC]"
            table += [
                *documented(
                    "K24-449",
                    self._limit(f"{node}:PROTection[:LEVel]", kind, ranges, unit, least, default),
                    Command(f"{node}:PROTection:TRIPped", ask=self._tripped(kind)),
                ),
                *documented(
                    "K24-367",
                    self._range(f"{node}:RANGe[:UPPer]", kind, ranges, unit),
                    panel.switch(f"{node}:RANGe:AUTO", f"sense_{kind}_auto", panel.output.show),
                    panel.numeric(f"{node}:NPLCycles", "nplc", nplc),
                ),
                *documented(
                    "K24 ch. 18",
                    panel.switch(f"{node}:PROTection:RSYNchronize", f"sense_{kind}_synchronous"),
                    *self._autorange(node, kind, Number(unit, 0.0, OVERRANGE * ranges[-1], 0.0)),
                    Command(f"{node}:RANGe:AUTO:ULIMit", ask=self._highest(kind, ranges)),
                    verify=True,
                ),
            ]
        ohm_node = f"{root}:RESistance"
        table += documented(
            "K24 ch. 18",
            *self._autorange(ohm_node, "res", Number("OHM", 0.0, 210e6, 0.0)),
            Command(f"{ohm_node}:RANGe:AUTO:ULIMit", ask=lambda _: panel.format_number(210e6)),
            verify=True,
        )
        return table

    def _autorange(self, node: str, kind: str, limit: Number) -> list[Command]:
        """How far autorange goes down, and whether it waits before it does."""
        panel = self._panel
        return [
            panel.numeric(f"{node}:RANGe:AUTO:LLIMit", f"sense_{kind}_lowest", limit),
            panel.switch(f"{node}:RANGe:HOLDoff", f"sense_{kind}_hold"),
            panel.numeric(f"{node}:RANGe:HOLDoff:DELay", f"sense_{kind}_hold_delay", Number("S", 0.0, 999.9999)),
        ]

    def _highest(self, kind: str, ranges: tuple[float, ...]) -> Callable[[Call], str]:
        """Autorange goes up to the range of the compliance."""
        limit = "limit_amps" if kind == "amp" else "limit_volts"
        return lambda _: self._panel.format_number(range_for(self._panel.state[limit], ranges))

    # -- compliance and ranges

    def _limit(
        self, pattern: str, kind: str, ranges: tuple[float, ...], unit: str, least: float, default: float
    ) -> Command:
        panel, key = self._panel, "limit_amps" if kind == "amp" else "limit_volts"
        bounds = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], default)  # MIN is -1.05 (K24-317)

        def write(call: Call) -> None:
            state = panel.state
            limit = abs(panel.limited(bounds.read(call.only()), *bounds.bounds()))
            if limit < least * (1 - 1e-9):
                raise InstrumentFault(-222)
            if not state[f"sense_{kind}_auto"] and limit < LEAST_OF_RANGE * state[f"sense_{kind}_range"] * (1 - 1e-9):
                raise InstrumentFault(822)
            refuse_power(state, **{key: limit})
            state[key] = limit
            state[f"sense_{kind}_range"] = min(state[f"sense_{kind}_range"], range_for(limit, ranges))
            panel.output.show()

        def ask(call: Call) -> str:
            return panel.format_number(bounds.asked(call, panel.state[key]))

        return Command(pattern, write, ask)

    def _range(self, pattern: str, kind: str, ranges: tuple[float, ...], unit: str) -> Command:
        panel, limit = self._panel, "limit_amps" if kind == "amp" else "limit_volts"
        bounds = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], ranges[-2])
        key, function = f"sense_{kind}_range", "CURR" if kind == "amp" else "VOLT"

        def write(call: Call) -> None:
            state = panel.state
            parameter = call.only()
            chosen = next_range(parameter, state[key], ranges)
            if chosen is None:
                chosen = range_for(panel.limited(bounds.read(parameter), *bounds.bounds()), ranges)
            if state["source"] == function:
                if function in state["functions"]:
                    raise InstrumentFault(823)  # what is sourced is read back on the range that it is sourced on [MEM]
            elif chosen > range_for(state[limit], ranges):
                raise InstrumentFault(824)
            state[key] = chosen
            state[f"sense_{kind}_auto"] = False
            panel.output.show()

        def ask(call: Call) -> str:
            return panel.format_number(bounds.asked(call, panel.state[key]))

        return Command(pattern, write, ask)

    def _tripped(self, kind: str) -> Callable[[Call], str]:
        source = "VOLT" if kind == "amp" else "CURR"

        def ask(_: Call) -> str:
            panel = self._panel
            limited = panel.world.terminals(panel.role).limited
            return str(int(panel.state["output"] and panel.state["source"] == source and limited))

        return ask

    def _ohm_range_set(self) -> None:
        self._panel.state["res_range"] = OVERRANGE * ohm_range_for(self._panel.state["res_range"])[0]
        self._panel.state["res_auto"] = False

    # -- functions

    def ask_functions(self, _: Call) -> str:
        """``"VOLT:DC","CURR:DC"``."""
        return ",".join(LONG[name] for name in LONG if name in self._panel.state["functions"]) or '""'

    def _ask_functions_off(self, _: Call) -> str:
        return ",".join(LONG[name] for name in LONG if name not in self._panel.state["functions"]) or '""'

    def _ask_function_state(self, call: Call) -> str:
        return str(int(function_of(call.only()) in self._panel.state["functions"]))

    def _functions_on(self, call: Call) -> None:
        names = [function_of(parameter) for parameter in call.parameters]
        if not names:
            raise InstrumentFault(-109)
        state = self._panel.state
        self._set_functions([*dict.fromkeys([*state["functions"], *names])] if state["concurrent"] else names[-1:])

    def _functions_off(self, call: Call) -> None:
        names = [function_of(parameter) for parameter in call.parameters]
        if not names:
            raise InstrumentFault(-109)
        self._set_functions([name for name in self._panel.state["functions"] if name not in names])

    def _concurrency_changed(self) -> None:
        if not self._panel.state["concurrent"]:
            self._set_functions(self._panel.state["functions"][-1:])

    def _set_functions(self, names: list[str]) -> None:
        self._panel.state["functions"] = names
        self._ohms_changed()

    def _ohms_changed(self) -> None:
        """Automatic ohms takes the source over (PM)."""
        if self._panel.auto_ohms():
            self._panel.source.change("CURR")
        self._panel.output.show()
