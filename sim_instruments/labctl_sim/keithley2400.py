"""Keithley 2400 source-meter. Facts: 2400S-900-01 user manual, tagged K24-<page>; [MEM] = from memory, verify.

Its HI terminal is on the matrix row of its role, LO is the ground of the bench. Settings out of range are refused
and leave everything as it was (-222). ``MEAS?`` is as dangerous as in the real one: it is CONFigure and READ?, and
CONFigure puts compliance and range back to their defaults and turns the output on (K24-301).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.circuit import CurrentSource, Face, VoltageSource
from labctl_sim.keithley2400_meter import AMP_RANGES, OVERRANGE, SHORT_ELEMENTS, VOLT_RANGES, Meter, range_for
from labctl_sim.scpi import Call, Command, Later, Number, Reply, ScpiPanel
from labctl_sim.status import InstrumentFault
from labctl_sim.world import World

ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
ARM_SOURCES = ("IMMediate", "BUS", "MANual", "TIMer", "TLINk")
MAX_READINGS = 2500
OFF_LIMIT_AMPS = 1e-3  # output off, NORMal: 0 V with a small compliance (K24-361)
TEXTS = {
    -222: "Parameter data out of range",  # K24-441
    803: "Not permitted with OUTPUT off",
    822: "Too small for sense range",
    824: "Cannot exceed compliance range",
    826: "Attempt to exceed power limit",
    830: "Invalid with INF ARM:COUNT",
}
# Executed even while the trigger model is busy; everything else waits until it is idle (K24-297).
EXEMPT = (b"*RST", b"*TRG", b":ABOR", b"ABOR", b":SYST:PRES", b"SYST:PRES")


class Keithley2400(ScpiPanel):
    """The front panel."""

    error_depth = 10  # [MEM], same family
    texts = TEXTS

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.readings: list[tuple[float, ...]] = []
        self._meter = Meter(world, role, options)
        self._busy = False
        self._held: list[bytes] = []
        super().__init__(world, role, options)

    def identity(self) -> str:
        """Form of K24-297; the firmware field holds spaces and slashes, no commas."""
        return "KEITHLEY INSTRUMENTS INC.,MODEL 2400,SIM0002,C32   Oct  4 2010 14:20:11/A02  /S/K"

    def format_number(self, value: float) -> str:
        """K24-353."""
        return f"{value:+.6E}"

    def format_error(self, code: int, text: str) -> str:
        """``0,"No error"`` when there is none, a sign otherwise."""
        return f'{code:+d},"{text}"' if code else f'0,"{text}"'

    def reset(self) -> None:
        """The *RST column of K24-314 and its neighbours; 105 uA and 21 V of compliance (K24-110)."""
        self.state = {
            "output": False, "off": "NORM", "source": "VOLT", "clear_auto": False, "delay": 0.0, "delay_auto": True,
            "volts": 0.0, "amps": 0.0, "volt_mode": "FIX", "amp_mode": "FIX",
            "volt_range": 20.0, "amp_range": 1e-4, "volt_range_auto": True, "amp_range_auto": True,
            "limit_amps": 105e-6, "limit_volts": 21.0, "ovp": 210.0,
            "sense_amp_range": 1e-4, "sense_volt_range": 20.0, "sense_amp_auto": True, "sense_volt_auto": True,
            "nplc": 1.0, "functions": ["CURR"], "concurrent": True, "res_mode": "AUTO", "four_wire": False,
            "autozero": True, "elements": list(SHORT_ELEMENTS), "format": "ASC", "order": "NORM",
            "arm_count": 1, "arm_source": "IMM", "trigger_count": 1, "trigger_source": "IMM", "trigger_delay": 0.0,
            "enable": False, "terminals": "FRON", "display": True, "beeper": True, "remote": True,
        }  # fmt: skip
        self.readings = []
        self._busy = False
        self._held.clear()
        self._show()

    def commands(self) -> list[Command]:
        """The part of K24 chapter 18 that benches use."""
        line = Number("S", 0.0, 999.9999)
        return [
            *self._source_commands(line),
            *self._sense_commands(),
            self.switch("OUTPut#[:STATe]", "output", self._output_changed),
            self.option("OUTPut#:SMODe", "off", ("NORMal", "ZERO", "HIMPedance", "GUARd"), self._show),
            self.switch("OUTPut#:ENABle[:STATe]", "enable"),
            Command("OUTPut#:ENABle:TRIPped", ask=lambda _: "1"),
            Command("FORMat:ELEMents[:SENSe#]", self._set_elements, lambda _: ",".join(self.state["elements"])),
            Command("FORMat[:DATA]", self._set_format, lambda _: str(self.state["format"])),
            self.option("FORMat:BORDer", "order", ("NORMal", "SWAPped")),
            Command("INITiate[:IMMediate]", lambda _: self._initiate()),
            Command("ABORt", lambda _: self._abort()),
            Command("READ", ask=lambda _: self._read()),
            Command("FETCh", ask=lambda _: self._fetch()),
            Command("MEASure[:VOLTage][:DC]", ask=lambda call: self._measure("VOLT")),
            Command("MEASure:CURRent[:DC]", ask=lambda call: self._measure("CURR")),
            Command("CONFigure:VOLTage[:DC]", lambda _: self._configure("VOLT")),
            Command("CONFigure:CURRent[:DC]", lambda _: self._configure("CURR"), self._ask_functions),
            Command("CONFigure", ask=self._ask_functions),
            self.integer("ARM[:SEQuence#][:LAYer#]:COUNt", "arm_count", 1, MAX_READINGS),
            self.option("ARM[:SEQuence#][:LAYer#]:SOURce", "arm_source", ARM_SOURCES),
            self.integer("TRIGger[:SEQuence#]:COUNt", "trigger_count", 1, MAX_READINGS),
            self.option("TRIGger[:SEQuence#]:SOURce", "trigger_source", ("IMMediate", "TLINk")),
            self.numeric("TRIGger[:SEQuence#]:DELay", "trigger_delay", line),
            Command("TRIGger:CLEar", lambda _: None),
            self.option("ROUTe:TERMinals", "terminals", ("FRONt", "REAR")),
            self.switch("DISPlay:ENABle", "display"),
            self.switch("SYSTem:RSENse", "four_wire"),
            self.switch("SYSTem:AZERo[:STATe]", "autozero"),
            self.switch("SYSTem:BEEPer:STATe", "beeper"),
            Command("SYSTem:BEEPer[:IMMediate]", lambda _: None),
            Command("SYSTem:TIME:RESet", lambda _: self._meter.restart_time()),
            Command("SYSTem:LFRequency", ask=lambda _: f"{self._meter.line_hertz:.0f}"),
            Command("SYSTem:ERRor[:NEXT]", ask=self.next_error),
            Command("STATus:QUEue[:NEXT]", ask=self.next_error),
            Command("SYSTem:ERRor:COUNt", ask=lambda _: str(len(self.status.errors))),
            Command("SYSTem:CLEar", lambda _: self.status.errors.clear()),
            Command("SYSTem:PRESet", lambda _: self._preset()),
            Command("STATus:PRESet", lambda _: None),
        ]  # fmt: skip

    # -- messages, and the busy rule

    def handle(self, message: bytes) -> bytes | None:
        """While the trigger model waits for a trigger, all but a few commands are held until it is idle (K24-297)."""
        start = message.strip().upper()
        if self._busy and not start.startswith(EXEMPT):
            self._held.append(message)
            return None
        waiting, triggered = self._waiting, self._busy and start.startswith(b"*TRG")
        if triggered:
            self._waiting = None  # the trigger is what a waiting READ? waits for; it does not interrupt it
        elif self._drain() is not None:
            self.interrupted()
        reply = super().handle(message)
        if triggered:
            self._waiting = waiting
        return self.poll() if reply is None else reply

    def poll(self) -> bytes | None:
        """The reply of a READ? that waited, or of a command that was held."""
        reply = super().poll()
        return self._drain() if reply is None else reply

    def _drain(self) -> bytes | None:
        """Run what was held, up to the first reply."""
        reply = None
        while reply is None and self._held and not self._busy:
            reply = super().handle(self._held.pop(0))
        return reply

    def clear(self) -> None:
        """Device clear: leaves the trigger model, drops what was held; the output stays as it is [MEM]."""
        super().clear()
        self._held.clear()
        self._busy = False

    def take_trigger(self) -> None:
        """``*TRG``: only while waiting with ``:ARM:SOUR BUS``, otherwise -211 [MEM]."""
        if not self._busy:
            raise InstrumentFault(-211)
        self._busy = False
        self._take()

    def unterminated(self) -> None:
        """-420, unless a held query will still answer."""
        if not self._busy:
            super().unterminated()

    # -- source

    def _source_commands(self, seconds: Number) -> list[Command]:
        volt = Number("V", lambda: -self._source_reach("volt"), lambda: self._source_reach("volt"))
        amp = Number("A", lambda: -self._source_reach("amp"), lambda: self._source_reach("amp"))
        return [
            Command("SOURce#:FUNCtion[:MODE]", self._set_source, lambda _: str(self.state["source"])),
            self.numeric("SOURce#:VOLTage[:LEVel][:IMMediate][:AMPLitude]", "volts", volt, self._fit_source),
            self.numeric("SOURce#:CURRent[:LEVel][:IMMediate][:AMPLitude]", "amps", amp, self._fit_source),
            self.option("SOURce#:VOLTage:MODE", "volt_mode", ("FIXed", "LIST", "SWEep")),
            self.option("SOURce#:CURRent:MODE", "amp_mode", ("FIXed", "LIST", "SWEep")),
            self._source_range("SOURce#:VOLTage:RANGe", "volt_range", VOLT_RANGES, "V"),
            self._source_range("SOURce#:CURRent:RANGe", "amp_range", AMP_RANGES, "A"),
            self.switch("SOURce#:VOLTage:RANGe:AUTO", "volt_range_auto", self._fit_source),
            self.switch("SOURce#:CURRent:RANGe:AUTO", "amp_range_auto", self._fit_source),
            self.numeric("SOURce#:VOLTage:PROTection[:LEVel]", "ovp", Number("V", 20.0, 210.0, 210.0)),
            self.numeric("SOURce#:DELay", "delay", seconds, lambda: self.state.update(delay_auto=False)),
            self.switch("SOURce#:DELay:AUTO", "delay_auto"),
            Command("SOURce#:CLEar[:IMMediate]", lambda _: self._turn(on=False)),
            self.switch("SOURce#:CLEar:AUTO", "clear_auto"),
        ]

    def _source_reach(self, kind: str) -> float:
        """How far the source goes: its range if that is fixed, everything if it follows the level."""
        if self.state[f"{kind}_range_auto"]:
            return {"volt": 210.0, "amp": 1.05}[kind]
        return float(OVERRANGE * self.state[f"{kind}_range"])

    def _source_range(self, pattern: str, key: str, ranges: tuple[float, ...], unit: str) -> Command:
        kind = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], ranges[-2])

        def write(call: Call) -> None:
            wanted = self.limited(kind.read(call.only()), *kind.bounds())
            chosen = range_for(wanted, ranges)
            self._refuse_power(**{key: chosen})
            self.state[key] = chosen
            self.state[f"{key}_auto"] = False
            level = "volts" if key == "volt_range" else "amps"
            if abs(self.state[level]) > OVERRANGE * chosen:
                self.state[level] = float(np.copysign(OVERRANGE * chosen, self.state[level]))
            self._show()

        return Command(pattern, write, lambda _: self.format_number(self.state[key]))

    def _fit_source(self) -> None:
        for kind, level, ranges in (("volt", "volts", VOLT_RANGES), ("amp", "amps", AMP_RANGES)):
            if self.state[f"{kind}_range_auto"]:
                self.state[f"{kind}_range"] = range_for(self.state[level], ranges)
        self._show()

    def _refuse_power(self, **change: float) -> None:
        """Above 20 V no more than 105 mA (K24-367): +826."""
        state = {**self.state, **change}
        volts = state["volt_range"] if state["source"] == "VOLT" else state["limit_volts"]
        amps = state["limit_amps"] if state["source"] == "VOLT" else state["amp_range"]
        if volts > 21.0 and amps > 0.105 * (1 + 1e-9):
            raise InstrumentFault(826)

    def _set_source(self, call: Call) -> None:
        source = scpi_text.choice(call.only(), ("VOLTage", "CURRent"))
        if source != self.state["source"]:
            self.state["source"] = source
            self._turn(on=False)  # changing what is sourced turns the output off [MEM]

    def _output_changed(self) -> None:
        self._show()
        if not self.state["output"]:
            self._busy = False  # output off returns to idle (K24-360)

    def _turn(self, *, on: bool) -> None:
        self.state["output"] = on
        self._output_changed()

    def _show(self) -> None:
        """Tell the world what stands at HI."""
        face: Face | None
        if not self.state["output"]:
            face = None if self.state["off"] == "HIMP" else VoltageSource(0.0, OFF_LIMIT_AMPS)
        elif self.state["source"] == "VOLT":
            face = VoltageSource(self.state["volts"], self._limit("amp")[0])
        else:
            face = CurrentSource(self.state["amps"], self._limit("volt")[0])
        self.world.show(self.role, face)

    def _limit(self, kind: str) -> tuple[float, bool]:
        """The compliance in force, and whether it is the range's: the lower of the two clamps (K24-110)."""
        limit = float(self.state["limit_amps" if kind == "amp" else "limit_volts"])
        reach = OVERRANGE * self.state[f"sense_{kind}_range"]
        measured = ("CURR" if kind == "amp" else "VOLT") in self.state["functions"]
        if measured and not self.state[f"sense_{kind}_auto"] and reach < limit:
            return reach, True
        return limit, False

    # -- sense

    def _sense_commands(self) -> list[Command]:
        root, nplc = "[SENSe#]", Number("", 0.01, 10.0, 1.0)
        commands = [
            Command(f"{root}:FUNCtion[:ON]", self._functions_on, self._ask_functions),
            Command(f"{root}:FUNCtion:OFF", self._functions_off),
            Command(f"{root}:FUNCtion:ON:ALL", lambda _: self.state.update(functions=["VOLT", "CURR", "RES"])),
            Command(f"{root}:FUNCtion:OFF:ALL", lambda _: self.state.update(functions=[])),
            self.switch(f"{root}:FUNCtion:CONCurrent", "concurrent", self._show),
            self.option(f"{root}:RESistance:MODE", "res_mode", ("MANual", "AUTO")),
            self.numeric(f"{root}:RESistance:NPLCycles", "nplc", nplc),
            Command(f"{root}:DATA[:LATest]", ask=lambda _: self._latest()),
        ]
        for name, kind, ranges, unit in (("CURRent", "amp", AMP_RANGES, "A"), ("VOLTage", "volt", VOLT_RANGES, "V")):
            node = f"{root}:{name}[:DC]"
            commands += [
                self._compliance(f"{node}:PROTection[:LEVel]", kind, ranges, unit),
                Command(f"{node}:PROTection:TRIPped", ask=self._tripped(kind)),
                self._sense_range(f"{node}:RANGe[:UPPer]", kind, ranges, unit),
                self.switch(f"{node}:RANGe:AUTO", f"sense_{kind}_auto", self._show),
                self.numeric(f"{node}:NPLCycles", "nplc", nplc),
            ]
        return commands

    def _compliance(self, pattern: str, kind: str, ranges: tuple[float, ...], unit: str) -> Command:
        key = "limit_amps" if kind == "amp" else "limit_volts"
        least, default = (1e-9, 105e-6) if kind == "amp" else (200e-6, 21.0)
        bounds = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], default)  # MIN is -1.05 (K24-317)

        def write(call: Call) -> None:
            limit = abs(self.limited(bounds.read(call.only()), *bounds.bounds()))
            if limit < least:
                raise InstrumentFault(-222)
            if not self.state[f"sense_{kind}_auto"] and limit < 1e-3 * self.state[f"sense_{kind}_range"]:
                raise InstrumentFault(822)  # below 0.1 % of the fixed range [MEM]
            self._refuse_power(**{key: limit})
            self.state[key] = limit
            self.state[f"sense_{kind}_range"] = min(self.state[f"sense_{kind}_range"], range_for(limit, ranges))
            self._show()

        def ask(call: Call) -> str:
            return self.format_number(bounds.read(call.only()) if call.parameters else self.state[key])

        return Command(pattern, write, ask)

    def _sense_range(self, pattern: str, kind: str, ranges: tuple[float, ...], unit: str) -> Command:
        bounds = Number(unit, -OVERRANGE * ranges[-1], OVERRANGE * ranges[-1], ranges[-2])
        key, limit = f"sense_{kind}_range", "limit_amps" if kind == "amp" else "limit_volts"

        def write(call: Call) -> None:
            chosen = range_for(self.limited(bounds.read(call.only()), *bounds.bounds()), ranges)
            sourced = self.state["source"] == ("CURR" if kind == "amp" else "VOLT")
            if not sourced and chosen > range_for(self.state[limit], ranges):
                raise InstrumentFault(824)
            self.state[key] = chosen
            self.state[f"sense_{kind}_auto"] = False
            self._show()

        return Command(pattern, write, lambda _: self.format_number(self.state[key]))

    def _tripped(self, kind: str) -> Callable[[Call], str]:
        source = "VOLT" if kind == "amp" else "CURR"

        def ask(_: Call) -> str:
            limited = self.role in self.world.point().limited
            return str(int(self.state["output"] and self.state["source"] == source and limited))

        return ask

    def _functions_on(self, call: Call) -> None:
        names = [_function(parameter) for parameter in call.parameters]
        if not names:
            raise InstrumentFault(-109)
        kept = self.state["functions"] if self.state["concurrent"] else []
        self.state["functions"] = [*dict.fromkeys([*kept, *names])]
        self._show()

    def _functions_off(self, call: Call) -> None:
        names = [_function(parameter) for parameter in call.parameters]
        self.state["functions"] = [name for name in self.state["functions"] if name not in names]
        self._show()

    def _ask_functions(self, _: Call) -> str:
        long = {"VOLT": '"VOLT:DC"', "CURR": '"CURR:DC"', "RES": '"RES"'}
        return ",".join(long[name] for name in ("VOLT", "CURR", "RES") if name in self.state["functions"]) or '""'

    # -- readings

    def _abort(self) -> None:
        self._busy = False

    def _initiate(self) -> None:
        if not self.state["output"] and not self.state["clear_auto"]:
            raise InstrumentFault(803)
        if self.state["arm_count"] * self.state["trigger_count"] > MAX_READINGS:
            raise InstrumentFault(-221)
        self.readings = []
        if self.state["arm_source"] == "IMM" and self.state["trigger_source"] == "IMM":
            self._take()
        else:
            self._busy = True

    def _take(self) -> None:
        if self.state["clear_auto"]:
            self._turn(on=True)
        range_limits = self._limit("amp" if self.state["source"] == "VOLT" else "volt")[1]
        for _ in range(self.state["arm_count"] * self.state["trigger_count"]):
            self.readings.append(self._meter.read(self.state, range_limits))
        if self.state["clear_auto"]:
            self._turn(on=False)

    def _read(self) -> Reply | Later:
        """ABORt, INITiate, FETCh? (K24-304); waits for its trigger where one is needed."""
        self._abort()
        self._initiate()
        return Later(lambda: not self._busy, self._fetch) if self._busy else self._fetch()

    def _fetch(self) -> Reply:
        if not self.readings:
            raise InstrumentFault(-230)
        values = [reading[SHORT_ELEMENTS.index(name)] for reading in self.readings for name in self.state["elements"]]
        if self.state["format"] == "ASC":
            return ",".join(self.format_number(value) for value in values)
        order = ">" if self.state["order"] == "NORM" else "<"
        return b"#0" + struct.pack(f"{order}{len(values)}f", *np.clip(values, -3e38, 3e38))

    def _latest(self) -> Reply:
        self.readings = self.readings[-1:]
        return self._fetch()

    def _measure(self, function: str) -> Reply | Later:
        self._configure(function)
        return self._read()

    def _configure(self, function: str) -> None:
        """Defaults for the function, counts 1, delays 0, autozero on, and the output ON (K24-301 [17-2])."""
        self._abort()
        kind = "amp" if function == "CURR" else "volt"
        self.state.update(
            {
                "functions": [function], "nplc": 1.0, f"sense_{kind}_auto": True, "autozero": True,
                "limit_amps" if kind == "amp" else "limit_volts": 105e-6 if kind == "amp" else 21.0,
                "arm_count": 1, "trigger_count": 1, "arm_source": "IMM", "trigger_source": "IMM",
                "trigger_delay": 0.0, "delay_auto": True,
            }
        )  # fmt: skip
        self._turn(on=True)

    # -- small things

    def _set_elements(self, call: Call) -> None:
        if not call.parameters:
            raise InstrumentFault(-109)
        wanted = {scpi_text.choice(parameter, ELEMENTS) for parameter in call.parameters}
        self.state["elements"] = [name for name in SHORT_ELEMENTS if name in wanted]

    def _set_format(self, call: Call) -> None:
        """``ASCii``, ``REAL,32`` or ``SREal`` (K24-353)."""
        if not call.parameters:
            raise InstrumentFault(-109)
        name = scpi_text.choice(call.parameters[0], ("ASCii", "REAL", "SREal"))
        self.state["format"] = "ASC" if name == "ASC" else "SRE"

    def _preset(self) -> None:
        self.reset()
        self.state["order"] = "SWAP"  # K24-359: *RST is big-endian, PRESet is swapped


def _function(parameter: scpi_text.Parameter) -> str:
    """``'CURR:DC'`` and its relatives as CURR, VOLT or RES."""
    name = scpi_text.string(parameter).upper().removesuffix(":DC")
    names = {"CURR": "CURR", "CURRENT": "CURR", "VOLT": "VOLT", "VOLTAGE": "VOLT", "RES": "RES", "RESISTANCE": "RES"}
    if name not in names:
        raise InstrumentFault(-224)
    return names[name]
