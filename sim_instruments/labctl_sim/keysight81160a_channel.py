"""One channel of a Keysight 81160A: levels, times, shape and trigger, and how they hold each other in bounds.

Levels are kept as what a 50 ohm load would see; behind 50 ohm stands a source of twice that. ``OUTP:LOAD`` changes
only the arithmetic (33500 p. 324). A value out of range is limited and reported (-222); where two settings conflict,
the newer one wins and the older ones give way, which is reported too (-221; 33250A p. 166).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim.keysight81160a_levels import LevelCommands
from labctl_sim.keysight81160a_timing import MIN_EDGE, MIN_PERIOD, Timing
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.keysight81160a import Keysight81160A

MAX_CYCLES = 2_147_483_647  # PM
ARM_SOURCES = ("IMMediate", "INT", "INT2", "EXTernal", "MANual")
SHAPES = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
DEFAULTS: dict[str, Any] = {
    "output": False, "complement": False, "load": 50.0, "inside": 50.0, "polarity": "NORM", "shape": "SIN",
    "unit": "VPP",
    "high": 0.5, "low": -0.5,
    "limit": False, "limit_high": 10.0, "limit_low": -10.0,
    "period": 1e-6, "last_period": 1e-6, "hold": "WIDT",
    "width": 100e-9, "leading": MIN_EDGE, "trailing": MIN_EDGE, "delay": 0.0,
    "square_duty": 50.0, "symmetry": 100.0, "arb": "VOLATILE",
    "arm": "IMM", "sense": "EDGE", "slope": "POS", "arm_level": 1.0, "arm_ohms": 10e3,
    "burst": False, "burst_mode": "TRIG", "cycles": 1, "burst_period": 1e-3, "track": False,
}  # fmt: skip


class Channel(LevelCommands, Timing):
    """``self[key]`` is a setting; ``role`` is the matrix row that it drives."""

    def __init__(self, panel: Keysight81160A, number: int, role: str) -> None:
        super().__init__(number, role)
        self.panel = panel
        self.memory = np.zeros(2, np.int16)

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
        return [*self._output_commands(), *self.level_commands(), *self.time_commands(), *self._trigger_commands()]

    def _output_commands(self) -> list[Command]:
        panel, key = self.panel, self.key
        applied = ("SINusoid", "SQUare", "RAMP", "PULSe", "NOISe", "DC", "USER")
        return [
            *documented(
                "PM, BACE",
                panel.switch("OUTPut#[:STATe]", key("output"), self._switched),
                panel.numeric("OUTPut#:LOAD", key("load"), Number("OHM", 0.3, 1e6, 50.0)),
                panel.numeric("OUTPut#:IMPedance:EXTernal", key("load"), Number("OHM", 0.3, 1e6, 50.0)),
                panel.numeric("OUTPut#:IMPedance[:INTernal]", key("inside"), Number("OHM", 50.0, 50.0, 50.0)),
                panel.switch("OUTPut#:COMPlement[:STATe]", key("complement"), self.show),
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

    def _trigger_commands(self) -> list[Command]:
        panel, key, arm = self.panel, self.key, "ARM[:STARt][:LAYer]"
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
                Command("TRIGger#:COUNt", self._set_count, lambda _: str(self.cycles())),
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
                self.set_frequency(Call((), (frequency,)))
            if shape != "DC":
                self.set_level("amplitude", Call((), (amplitude,)))
            self.set_level("offset", Call((), (offset,)))
            self["output"] = True
            self._switched()
            self.fit()

        return write

    # -- trigger

    def cycles(self) -> int:
        """Cycles per trigger."""
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
        """Start a burst."""
        self.play(self.waveform(), self.cycles())

    # -- what comes out

    def _switched(self) -> None:
        self.refuse()
        self.show()

    def show(self) -> None:
        """Tell the world what the output is now; whatever played ends."""
        if not self["output"]:
            self.rest(None)
        elif self["shape"] == "DC":
            sign = -1.0 if self["polarity"] == "INV" else 1.0
            self.rest(sign * (self["high"] + self["low"]))
        elif self["arm"] in ("IMM", "INT"):
            self.repeat(self.waveform())
        elif self["arm"] == "INT2":  # the internal trigger: a burst every burst period
            self.repeat(self.waveform(), self.cycles(), self["burst_period"])
        else:  # waiting for a trigger
            self.rest(self.rest_volts())
