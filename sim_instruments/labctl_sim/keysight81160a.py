"""Keysight 81160A pulse generator, channel 1. Facts: open drivers and bench code for it (PM, BACE), its manual p. 92
and 142, the 33250A/33500 manuals of the same family; [MEM] = from memory, verify on the instrument.

Levels are kept as what a 50 ohm load would see; behind 50 ohm stands a source of twice that. ``OUTP:LOAD`` changes
only the arithmetic (33500 p. 324). Settings out of range are limited and reported (-222), conflicts are resolved by
changing the older setting and reported (-221), 33250A p. 166.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.circuit import Thevenin
from labctl_sim.mtj import Floats
from labctl_sim.scpi import Call, Command, Number, ScpiPanel, only_first
from labctl_sim.status import InstrumentFault
from labctl_sim.waveform import Waveform
from labctl_sim.world import World

SOURCE_OHMS = 50.0
MAX_LEVEL = 5.0
MIN_AMPLITUDE = 0.05
DAC_FULL_SCALE = 8191  # 14 bit, PM
MAX_POINTS = 262_144  # [MEM]
MAX_SAMPLE_RATE = 2.5e9  # [MEM]
MIN_PERIOD = 3.03e-9  # manual p. 142
ARM_SOURCES = ("IMMediate", "INT", "INT2", "EXTernal", "MANual")
SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")


class Keysight81160A(ScpiPanel):
    """The front panel; it drives the matrix row of its role."""

    error_depth = 20  # [MEM]
    adjusts = True

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.memory = np.zeros(2, np.int16)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """The exact form is [MEM]; BACE matches vendor and model."""
        return "Agilent Technologies,81160A,SIM00001,1.0.3.0-2.6"

    def reset(self) -> None:
        """Output off, 1 MHz sine of 1 Vpp, load 50 ohm, immediate arm [MEM]."""
        self.state = {
            "output": False, "load": 50.0, "polarity": "NORM", "shape": "SIN", "high": 0.5, "low": -0.5,
            "limit": False, "limit_high": 10.0, "limit_low": -10.0, "period": 1e-6, "arm": "IMM", "count": 1,
            "width": 100e-9, "leading": 1e-9, "trailing": 1e-9, "delay": 0.0, "arb": "VOLATILE",
        }  # fmt: skip
        self._show()

    def commands(self) -> list[Command]:
        """Channel tree of PM; the suffix is the channel, of which this model has one here."""
        seconds = Number("S", MIN_PERIOD, 1e6, 1e-6)
        edge = Number("S", 1e-9, 1e3, 1e-9)
        limit = Number("V", -10.0, 10.0)
        commands = [
            self.switch("OUTPut#[:STATe]", "output", self._show),
            self.numeric("OUTPut#:LOAD", "load", Number("OHM", 0.3, 1e6, 50.0)),
            self.option("OUTPut#:POLarity", "polarity", ("NORMal", "INVerted"), self._show),
            self.option("[SOURce#]:FUNCtion#[:SHAPe]", "shape", SHAPES, self._fit_period),
            Command("[SOURce#]:FUNCtion#:USER", self._choose_arb, lambda _: self.state["arb"]),
            self._level("[SOURce#]:VOLTage#[:LEVel][:IMMediate]:HIGH", "high"),
            self._level("[SOURce#]:VOLTage#[:LEVel][:IMMediate]:LOW", "low"),
            self._level("[SOURce#]:VOLTage#[:LEVel][:IMMediate]:OFFSet", "offset"),
            self._level("[SOURce#]:VOLTage#[:LEVel][:IMMediate][:AMPLitude]", "amplitude"),
            self.switch("[SOURce#]:VOLTage#:LIMit#:STATe", "limit", self._clip),
            self.numeric("[SOURce#]:VOLTage#:LIMit#[:HIGH]", "limit_high", limit, self._clip),
            self.numeric("[SOURce#]:VOLTage#:LIMit#:LOW", "limit_low", limit, self._clip),
            Command("[SOURce#]:FREQuency#[:CW]", self._set_frequency, self._ask_frequency),
            self.numeric("[SOURce#]:PERiod#", "period", seconds, self._fit_period),
            self.numeric("[SOURce#]:PULSe:PERiod#", "period", seconds, self._fit_period),
            self.numeric("[SOURce#]:PULSe:WIDTh#", "width", Number("S", 1.5e-9, 1e6, 100e-9), self._fit_period),
            self.numeric("[SOURce#]:PULSe:TRANsition#[:LEADing]", "leading", edge, self._fit_period),
            self.numeric("[SOURce#]:PULSe:TRANsition#:TRAiling", "trailing", edge, self._fit_period),
            self.numeric("[SOURce#]:PULSe:DELay#", "delay", Number("S", 0.0, 1e6), self._fit_period),
            Command("[SOURce#]:DATA#:DAC", self._load_dac),
            Command("[SOURce#]:DATA#", self._load_volts),
            self.option("ARM[:STARt][:LAYer]:SOURce#", "arm", ARM_SOURCES, self._show),
            self.integer("TRIGger#:COUNt", "count", 1, 2_147_483_647),
            Command("SYSTem:ERRor[:NEXT]", ask=self.next_error),
        ]  # fmt: skip
        return [only_first(command) for command in commands]

    def take_trigger(self) -> None:
        """Plays COUNt cycles if the output is on and the arm source is MANual; ignored otherwise (manual p. 92)."""
        if not self.state["output"] or self.state["arm"] != "MAN" or self.state["shape"] == "DC":
            raise InstrumentFault(-211)
        self.world.play(self.role, self._waveform(), SOURCE_OHMS, self.state["count"])

    # -- levels

    def _factor(self) -> float:
        """Volts shown per volt into 50 ohm: the divider of the load that was told, twice the one of 50 ohm."""
        load = self.state["load"]
        return float(2 * load / (load + SOURCE_OHMS))

    def _level(self, pattern: str, key: str) -> Command:
        def now() -> float:
            high, low = self.state["high"], self.state["low"]
            levels = {"high": high, "low": low, "offset": (high + low) / 2, "amplitude": high - low}
            return float(levels[key] * self._factor())

        def bounds() -> tuple[float, float]:
            factor = self._factor()
            if key == "amplitude":
                return (MIN_AMPLITUDE * factor, MAX_LEVEL * factor)
            return (-MAX_LEVEL * factor, MAX_LEVEL * factor)

        def write(call: Call) -> None:
            kind = Number("V", *bounds())
            self._set_level(key, self.limited(kind.read(call.only()), *bounds()) / self._factor())

        def ask(call: Call) -> str:
            return self.format_number(Number("V", *bounds()).read(call.only()) if call.parameters else now())

        return Command(pattern, write, ask)

    def _set_level(self, key: str, volts: float) -> None:
        high, low = self.state["high"], self.state["low"]
        if key == "high":
            high = volts
            adjusted = min(max(low, high - MAX_LEVEL), high - MIN_AMPLITUDE)
            low, conflict = adjusted, adjusted != low
        elif key == "low":
            low = volts
            adjusted = max(min(high, low + MAX_LEVEL), low + MIN_AMPLITUDE)
            high, conflict = adjusted, adjusted != high
        else:
            middle, amplitude = (high + low) / 2, high - low
            if key == "offset":
                middle = volts
                room = 2 * (MAX_LEVEL - abs(middle))
                conflict = amplitude > room and self.state["shape"] != "DC"
                amplitude = max(min(amplitude, room), MIN_AMPLITUDE) if conflict else amplitude
            else:
                amplitude = volts
                room = MAX_LEVEL - amplitude / 2
                conflict = abs(middle) > room
                middle = min(max(middle, -room), room)
            high, low = middle + amplitude / 2, middle - amplitude / 2
        self.state["high"], self.state["low"] = high, low
        if conflict:
            self.status.push(-221)
        self._clip()

    def _clip(self) -> None:
        """With LIMit on, levels are clipped and the conflict is reported (33500 p. 324)."""
        if self.state["limit"]:
            top, bottom = (self.state[key] / self._factor() for key in ("limit_high", "limit_low"))
            high, low = (min(max(self.state[key], bottom), top) for key in ("high", "low"))
            if (high, low) != (self.state["high"], self.state["low"]):
                self.state["high"], self.state["low"] = high, low
                self.status.push(-221)
        self._show()

    # -- shape and time

    def _set_frequency(self, call: Call) -> None:
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        self.state["period"] = 1 / self.limited(kind.read(call.only()), *kind.bounds())
        self._fit_period()

    def _ask_frequency(self, call: Call) -> str:
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        return self.format_number(kind.read(call.only()) if call.parameters else 1 / self.state["period"])

    def _fit_period(self) -> None:
        """Period > width + 1.6 edges (manual p. 142); an arb plays at 2.5 GSa/s at most [MEM]. The period gives way."""
        least = MIN_PERIOD
        if self.state["shape"] == "PULS":
            least = self.state["width"] + 1.6 * max(self.state["leading"], self.state["trailing"])
        elif self.state["shape"] == "USER":
            least = self.memory.size / MAX_SAMPLE_RATE
        if self.state["period"] < least * (1 - 1e-9):
            self.state["period"] = least
            self.status.push(-221)
        self._show()

    def _choose_arb(self, call: Call) -> None:
        if call.only() not in ("VOLATILE", "volatile"):
            raise InstrumentFault(-224)

    def _load_dac(self, call: Call) -> None:
        """``:DATA1:DAC VOLATILE,<block of big-endian int16>`` or a list of numbers (PM)."""
        if len(call.parameters) < 2 or str(call.parameters[0]).upper() != "VOLATILE":
            raise InstrumentFault(-109)
        data = call.parameters[1]
        if isinstance(data, bytes):
            if len(data) % 2 or len(call.parameters) > 2:
                raise InstrumentFault(-161)
            values = np.frombuffer(data, ">i2").astype(np.float64)
        else:
            values = np.array([scpi_text.number(value) for value in call.parameters[1:]])
        self._store(values)

    def _load_volts(self, call: Call) -> None:
        """``:DATA1 VOLATILE,<numbers from -1 to 1>``."""
        if len(call.parameters) < 2 or str(call.parameters[0]).upper() != "VOLATILE":
            raise InstrumentFault(-109)
        self._store(np.round(np.array([scpi_text.number(value) for value in call.parameters[1:]]) * DAC_FULL_SCALE))

    def _store(self, values: Floats) -> None:
        if not 2 <= values.size <= MAX_POINTS or not (np.abs(values) <= DAC_FULL_SCALE).all():
            raise InstrumentFault(-222)
        self.memory = values.astype(np.int16)
        self._fit_period()

    def _waveform(self) -> Waveform:
        """One cycle of the open-circuit source behind 50 ohm."""
        shape, period = self.state["shape"], self.state["period"]
        if shape == "USER":
            unit, interval = self.memory / DAC_FULL_SCALE, period / self.memory.size
        elif shape == "PULS":
            points = int(np.clip(period / 0.1e-9, 1000, 100_000))
            interval = period / points
            unit = self._pulse((np.arange(points) + 0.5) * interval)
        elif shape == "NOIS":
            unit, interval = np.clip(self.world.noise.standard_normal(1000) / 3, -1, 1), period / 1000
        else:
            turn = np.linspace(0, 1, 200, endpoint=False)
            unit = {"SIN": np.sin(2 * np.pi * turn), "SQU": np.where(turn < 0.5, 1.0, -1.0)}.get(shape, 2 * turn - 1)
            interval = period / 200
        sign = -1.0 if self.state["polarity"] == "INV" else 1.0
        high, low = self.state["high"], self.state["low"]
        return Waveform.of_samples((high + low) + sign * unit * (high - low), interval)

    def _pulse(self, seconds: Floats) -> Floats:
        """-1 at LOW, +1 at HIGH; the width is taken at half height."""
        begin = self.state["delay"]
        corners = np.cumsum(
            [
                begin,
                self.state["leading"],
                max(self.state["width"] - self.state["leading"], 0.0),
                self.state["trailing"],
            ]
        )
        result: Floats = np.interp(seconds, corners, [-1.0, 1.0, 1.0, -1.0])
        return result

    def _show(self) -> None:
        """Tell the world what the output is now."""
        if not self.state["output"]:
            self.world.show(self.role, None)
        elif self.state["shape"] == "DC":
            sign = -1.0 if self.state["polarity"] == "INV" else 1.0
            self.world.show(self.role, Thevenin(sign * (self.state["high"] + self.state["low"]), SOURCE_OHMS))
        elif self.state["arm"] in ("IMM", "INT"):
            self.world.run(self.role, self._waveform(), SOURCE_OHMS)
        else:  # waiting for a trigger: the first point stands at the output [MEM]
            self.world.show(self.role, Thevenin(float(self._waveform().volts[0]), SOURCE_OHMS))
