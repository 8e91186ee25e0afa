"""One channel of a Keysight 81160A: levels, times, shape and trigger, and how they hold each other in bounds.

Levels are kept as what a 50 ohm load would see; behind 50 ohm stands a source of twice that. ``OUTP:LOAD`` changes
only the arithmetic (33500 p. 324). A value out of range is limited and reported (-222); where two settings conflict,
the newer one wins and the older ones give way, which is reported too (-221; 33250A p. 166).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim.circuit import Thevenin
from labctl_sim.keysight81160a_levels import LevelCommands
from labctl_sim.keysight81160a_shape import Shape
from labctl_sim.pulse_shape import repeated
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keysight81160a import Keysight81160A

SOURCE_OHMS = 50.0
MAX_SAMPLE_RATE = 2.5e9  # [MEM]
MIN_PERIOD = 3.03e-9  # manual p. 142
MIN_WIDTH, MIN_EDGE = 1.5e-9, 1e-9  # PM
EDGES_IN_PERIOD = 1.6  # period > width + 1.6 edges, manual p. 142
MAX_CYCLES = 2_147_483_647  # PM
MAX_TILED = 4096  # cycles of an internally triggered burst that are spelled out
ARM_SOURCES = ("IMMediate", "INT", "INT2", "EXTernal", "MANual")
SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
DEFAULTS: dict[str, Any] = {
    "output": False, "load": 50.0, "polarity": "NORM", "shape": "SIN", "high": 0.5, "low": -0.5, "unit": "VPP",
    "limit": False, "limit_high": 10.0, "limit_low": -10.0,
    "period": 1e-6, "width": 100e-9, "leading": MIN_EDGE, "trailing": MIN_EDGE, "delay": 0.0, "hold": "WIDT",
    "square_duty": 50.0, "symmetry": 100.0, "arb": "VOLATILE",
    "arm": "IMM", "sense": "EDGE", "slope": "POS", "arm_level": 1.0, "arm_ohms": 10e3,
    "burst": False, "burst_mode": "TRIG", "cycles": 1, "burst_period": 1e-3, "track": False,
}  # fmt: skip


class Channel(LevelCommands, Shape):
    """``self[key]`` is a setting; ``role`` is the matrix row that it drives."""

    def __init__(self, panel: Keysight81160A, number: int, role: str) -> None:
        self.panel = panel
        self.number = number
        self.role = role
        self.memory = np.zeros(2, np.int16)

    def __getitem__(self, key: str) -> Any:
        return self.panel.state[f"{key}{self.number}"]

    def __setitem__(self, key: str, value: Any) -> None:
        self.panel.state[f"{key}{self.number}"] = value

    def reset(self) -> None:
        """``*RST``: output off, 1 MHz sine of 1 Vpp, load 50 ohm, immediate arm [MEM]."""
        for key, value in DEFAULTS.items():
            self[key] = value
        self.show()

    def copy(self, other: Channel) -> None:
        """Take over all settings but the coupling itself."""
        for key in DEFAULTS.keys() - {"track"}:
            self[key] = other[key]
        self.memory = other.memory
        self.show()

    # -- the table

    def commands(self) -> list[Command]:
        """What has this channel's number in its header."""
        return [*self._output_commands(), *self.level_commands(), *self._time_commands(), *self._trigger_commands()]

    def _key(self, name: str) -> str:
        return f"{name}{self.number}"

    def _output_commands(self) -> list[Command]:
        panel, key = self.panel, self._key
        applied = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
        return [
            *documented(
                "PM, BACE",
                panel.switch("OUTPut#[:STATe]", key("output"), self.show),
                panel.numeric("OUTPut#:LOAD", key("load"), Number("OHM", 0.3, 1e6, 50.0)),
                panel.option("OUTPut#:POLarity", key("polarity"), ("NORMal", "INVerted"), self.show),
                panel.option("[SOURce#]:FUNCtion#[:SHAPe]", key("shape"), SHAPES, self.fit),
            ),
            *self.arb_commands(),
            *documented(
                "PM; that it turns the output on: 33250A",
                *[Command(f"[SOURce#]:APPLy#:{name}", self._apply(name)) for name in applied],
                verify=True,
            ),
        ]

    def _time_commands(self) -> list[Command]:
        panel, key = self.panel, self._key
        period, width = Number("S", MIN_PERIOD, 1e6, 1e-6), Number("S", MIN_WIDTH, 1e6, 100e-9)
        edge, duty = Number("S", MIN_EDGE, 1e3, MIN_EDGE), Number("PCT", 0.15, 99.99, 10.0)
        square, percent = Number("PCT", 1.5e-4, 99.9998485, 50.0), Number("PCT", 0.0, 100.0, 100.0)
        table = documented(
            "manual p. 142",
            *[
                panel.numeric(f"[SOURce#]:{node}", key("period"), period, self._period_changed)
                for node in ("PERiod#", "PULSe:PERiod#", "FUNCtion#:PULSe:PERiod")
            ],
        )
        for root, end in (("PULSe:", "#"), ("FUNCtion#:PULSe:", "")):
            edges = f"[SOURce#]:{root}TRANsition{end}"
            table += documented(
                "PM, BACE",
                panel.numeric(f"[SOURce#]:{root}WIDTh{end}", key("width"), width, self.fit),
                Command(f"[SOURce#]:{root}DCYCle{end}", self._set_duty(duty), self._ask_duty(duty)),
                panel.numeric(f"{edges}[:LEADing]", key("leading"), edge, self._leading_changed),
                panel.numeric(f"{edges}:TRAiling", key("trailing"), edge, self.fit),
            )
        return table + documented(
            "PM",
            *[
                Command(f"[SOURce#]:FREQuency#{node}", self._set_frequency, self._ask_frequency)
                for node in ("[:CW]", ":FIXed")
            ],
            panel.numeric("[SOURce#]:PULSe:DELay#", key("delay"), Number("S", 0.0, 1e6), self.fit),
            panel.option("[SOURce#]:PULSe:HOLD#", key("hold"), ("WIDTh", "DCYCle")),
            panel.numeric("[SOURce#]:FUNCtion#:SQUare:DCYCle", key("square_duty"), square, self.show),
            panel.numeric("[SOURce#]:FUNCtion#:RAMP:SYMMetry", key("symmetry"), percent, self.show),
        )

    def _trigger_commands(self) -> list[Command]:
        panel, key, arm = self.panel, self._key, "ARM[:STARt][:LAYer]"
        burst = Number("S", MIN_PERIOD, 1e6, 1e-3)
        return [
            *documented(
                "BACE",
                panel.option(f"{arm}:SOURce#", key("arm"), ARM_SOURCES, self.show),
                panel.option(f"{arm}:SENSe#", key("sense"), ("EDGE", "LEVel")),
                panel.option(f"{arm}:SLOPe", key("slope"), ("POSitive", "NEGative", "EITHer")),
                panel.numeric(f"{arm}:LEVel", key("arm_level"), Number("V", -10.0, 10.0, 1.0)),
                panel.numeric(f"{arm}:IMPedance", key("arm_ohms"), Number("OHM", 50.0, 10e3, 10e3)),
            ),
            *documented(
                "PM",
                Command("TRIGger#:COUNt", self._set_count, lambda _: str(self._cycles())),
                panel.switch("[SOURce#]:BURSt#:STATe", key("burst"), self.show),
                panel.option("[SOURce#]:BURSt#:MODE", key("burst_mode"), ("TRIGgered", "GATed")),
                panel.integer("[SOURce#]:BURSt#:NCYCles", key("cycles"), 1, MAX_CYCLES, self.show),
                panel.numeric("[SOURce#]:BURSt#:INTernal:PERiod", key("burst_period"), burst, self.show),
            ),
        ]

    # -- time and shape

    def _apply(self, name: str) -> Any:
        """``:APPL1:PULS [frequency[,amplitude[,offset]]]``: free running, and the output ON (33250A, verify)."""
        shape = "".join(letter for letter in name if not letter.islower())

        def write(call: Call) -> None:
            if len(call.parameters) > 3:
                raise InstrumentFault(-108)
            asked: list[Any] = [*call.parameters, "DEF", "DEF", "DEF"][:3]
            frequency, amplitude, offset = asked
            self["shape"], self["arm"], self["burst"] = shape, "IMM", False
            if shape not in ("DC", "NOIS"):
                self._set_frequency(Call((), (frequency,)))
            if shape != "DC":
                self.set_level("amplitude", Call((), (amplitude,)))
            self.set_level("offset", Call((), (offset,)))
            self["output"] = True
            self.fit()

        return write

    def _set_frequency(self, call: Call) -> None:
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        self["period"] = 1 / self.panel.limited(kind.read(call.only()), *kind.bounds())
        self._period_changed()

    def _ask_frequency(self, call: Call) -> str:
        kind = Number("HZ", 1e-6, 1 / MIN_PERIOD, 1e6)
        return self.panel.format_number(kind.read(call.only()) if call.parameters else 1 / self["period"])

    def _set_duty(self, kind: Number) -> Any:
        def write(call: Call) -> None:
            self["width"] = self.panel.limited(kind.read(call.only()), *kind.bounds()) / 100 * self["period"]
            self.fit()

        return write

    def _ask_duty(self, kind: Number) -> Any:
        def ask(call: Call) -> str:
            return self.panel.format_number(
                kind.read(call.only()) if call.parameters else 100 * self["width"] / self["period"]
            )

        return ask

    def _leading_changed(self) -> None:
        self["trailing"] = self["leading"]  # the trailing edge follows until it is set itself [MEM]
        self.fit()

    def _period_changed(self) -> None:
        """The newer setting wins: width and edges give way to the period; with HOLD DCYC the width follows it."""
        if self["shape"] == "PULS" and self.period_counts():
            room = self["period"] - self["delay"]
            edges = max(self["leading"], self["trailing"])
            if self["width"] + EDGES_IN_PERIOD * edges > room * (1 + 1e-9):
                self["leading"] = self["trailing"] = max(min(edges, (room - MIN_WIDTH) / EDGES_IN_PERIOD), MIN_EDGE)
                self["width"] = max(min(self["width"], room - EDGES_IN_PERIOD * self["leading"]), MIN_WIDTH)
                self.panel.status.push(-221)
        self.fit()

    def period_counts(self) -> bool:
        """A single triggered pulse has no period (manual p. 92)."""
        return self["arm"] in ("IMM", "INT") or self._cycles() > 1

    def fit(self) -> None:
        """Period > width + 1.6 edges (manual p. 142); an arb plays at 2.5 GSa/s at most [MEM]. The period gives way."""
        least = MIN_PERIOD
        if self["shape"] == "PULS" and self.period_counts():
            edges = max(self["leading"], self["trailing"])
            least = self["delay"] + self["width"] + EDGES_IN_PERIOD * edges
        elif self["shape"] == "USER":
            least = self.arb().size / MAX_SAMPLE_RATE
        if self["period"] < least * (1 - 1e-9):
            self["period"] = least
            self.panel.status.push(-221)
        self.show()

    # -- trigger

    def _cycles(self) -> int:
        return int(self["cycles"]) if self["burst"] else 1

    def _set_count(self, call: Call) -> None:
        """The short form of a burst of so many cycles (PM)."""
        kind = Number("", 1, MAX_CYCLES, 1)
        self["cycles"] = round(self.panel.limited(kind.read(call.only()), *kind.bounds()))
        self["burst"] = self["cycles"] > 1
        if not self.bursting():
            self.show()

    def bursting(self) -> bool:
        """True while a burst plays."""
        return self["arm"] not in ("IMM", "INT", "INT2") and self.panel.world.playing(self.role)

    def waits_for_trigger(self) -> bool:
        """True if ``*TRG`` would start a burst."""
        return bool(self["output"] and self["arm"] == "MAN" and self["shape"] != "DC" and not self.bursting())

    def fire(self) -> None:
        """Start a burst; only channel 1 has the trigger output that the digitizer listens to."""
        waveform, world = self.waveform(), self.panel.world
        world.play(self.role, waveform, SOURCE_OHMS, self._cycles(), triggers=self.number == 1)

    # -- what comes out

    def show(self) -> None:
        """Tell the world what the output is now; whatever played ends."""
        world = self.panel.world
        if not self["output"]:
            world.show(self.role, None)
        elif self["shape"] == "DC":
            sign = -1.0 if self["polarity"] == "INV" else 1.0
            world.show(self.role, Thevenin(sign * (self["high"] + self["low"]), SOURCE_OHMS))
        elif self["arm"] in ("IMM", "INT"):
            world.run(self.role, self.waveform(), SOURCE_OHMS)
        elif self["arm"] == "INT2":  # the internal trigger: a burst every burst period
            cycle, cycles = self.waveform(), min(self._cycles(), MAX_TILED)
            world.run(self.role, repeated(cycle, cycles, self["burst_period"]), SOURCE_OHMS)
        else:  # waiting for a trigger
            world.show(self.role, Thevenin(self.rest_volts(), SOURCE_OHMS))
