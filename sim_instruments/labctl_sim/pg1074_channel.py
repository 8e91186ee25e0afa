"""One channel of a PG-1074: levels, pulses, and what fits into a period. Tags as in pg1074.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labctl_sim.pulse_generator import Output
from labctl_sim.pulse_shape import staircase, trapezoid
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.waveform import Waveform

if TYPE_CHECKING:
    from labctl_sim.pg1074 import PG1074

PULSES = 4
EDGE_SECONDS = 70e-12  # data sheet [MEM]
MIN_WIDTH, MIN_AMPLITUDE = 0.7e-9, 10e-3  # PYI
MAX_AMPLITUDE, MAX_LEVEL = 5.0, 5.0  # into 50 ohm, data sheet [MEM]
MIN_PERIOD, MAX_SECONDS = 1.5e-9, 8.0  # [MEM]
MAX_CYCLES = 2_147_483_647  # [MEM]
PULSE_MODES = ("SINGle", "DOUBle", "TRIPle", "QUADruple", "EXTERNALWIDTH")
COUNT = {"SING": 1, "DOUB": 2, "TRIP": 3, "QUAD": 4, "EXTERNALWIDTH": 1}
CHANNEL: dict[str, Any] = {
    "output": False, "compensated": False, "load": 50.0, "inverted": False, "high": 0.25, "low": -0.25,
    "mode": "SING", "period": 1e-6, "cycles": 1, "initial_delay": 0.0,
}  # fmt: skip


class Channel(Output):
    """One output."""

    def __init__(self, panel: PG1074, number: int, role: str) -> None:
        super().__init__(number, role)
        self.panel: PG1074 = panel

    def reset(self) -> None:
        """Defaults [MEM]."""
        for key, value in CHANNEL.items():
            self[key] = value
        for pulse in range(1, PULSES + 1):
            self[f"width{pulse}"], self[f"delay{pulse}"] = 10e-9, (pulse - 1) * 100e-9

    def _switched(self) -> None:
        self.refuse()
        self.panel.show()

    def commands(self) -> list[Command]:
        """What has this channel's number in its header (PYI)."""
        panel, seconds = self.panel, Number("S", 0.0, MAX_SECONDS)
        period = Number("S", MIN_PERIOD, MAX_SECONDS, 1e-6)
        return documented(
            "PYI",
            panel.switch("OUTPut#[:STATe]", self.key("output"), self._switched),
            self._checked(panel.option("OUTPut#:PULSe:MODE", self.key("mode"), PULSE_MODES)),
            self._stopped(panel.switch("SOURce#:LOAD:COMPensation", self.key("compensated"))),
            self._stopped(panel.numeric("SOURce#:LOAD:IMPedance", self.key("load"), Number("OHM", 50.0, 1e8, 50.0))),
            panel.switch("SOURce#:INVerted", self.key("inverted"), panel.show),
            *[self._level(key, node) for key, node in (
                ("amplitude", "[:AMPLitude]"), ("high", ":HIGH"), ("low", ":LOW"), ("offset", ":OFFSet"),
            )],
            self._checked(panel.numeric("SOURce#:PERiod", self.key("period"), period)),
            Command("SOURce#:FREQuency", self._set_frequency, lambda _: panel.format_number(1 / self["period"])),
            panel.integer("SOURce#:BURSt:NCYCles", self.key("cycles"), 1, MAX_CYCLES),
            self._checked(panel.numeric("SOURce#:INITDELay", self.key("initial_delay"), seconds)),
            self._checked(self._pulse("SOURce#:PULSe#:WIDth", "width", Number("S", MIN_WIDTH, MAX_SECONDS, 10e-9))),
            self._checked(self._pulse("SOURce#:PULSe#:DELay", "delay", seconds)),
        )  # fmt: skip

    # -- settings that depend on others

    def _stopped(self, command: Command) -> Command:
        """Only while the generator is stopped (PYI); the code is [MEM]."""
        setter = command.set

        def write(call: Call) -> None:
            if self.panel.running:
                raise InstrumentFault(-221)
            if setter is not None:
                setter(call)

        return replace(command, set=write)

    def _checked(self, command: Command) -> Command:
        """While it runs, what would not fit into the period is refused and changes nothing [MEM]."""
        setter = command.set

        def write(call: Call) -> None:
            before = dict(self.panel.state)
            if setter is not None:
                setter(call)
            if self.panel.running and not self.fits():
                self.panel.state.update(before)
                raise InstrumentFault(-221)
            self.panel.show()

        return replace(command, set=write)

    def _pulse(self, pattern: str, key: str, kind: Number) -> Command:
        def name(call: Call) -> str:
            pulse = call.suffixes[1] or 1
            if pulse > PULSES:
                raise InstrumentFault(-114)
            return f"{key}{pulse}"

        def write(call: Call) -> None:
            self[name(call)] = self.panel.limited(kind.read(call.only()), *kind.bounds())

        def ask(call: Call) -> str:
            return self.panel.format_number(kind.asked(call, self[name(call)]))

        return Command(pattern, write, ask)

    def _set_frequency(self, call: Call) -> None:
        kind = Number("HZ", 1 / MAX_SECONDS, 1 / MIN_PERIOD, 1e6)
        before, self["period"] = self["period"], 1 / self.panel.limited(kind.read(call.only()), *kind.bounds())
        if self.panel.running and not self.fits():
            self["period"] = before
            raise InstrumentFault(-221)
        self.panel.show()

    def divider(self) -> float:
        """Volts shown per volt into 50 ohm: the load counts only if compensation is on [MEM]."""
        return super().divider() if self["compensated"] else 1.0

    def _level(self, key: str, node: str) -> Command:
        panel = self.panel

        def kind() -> Number:
            factor = self.divider()
            least = MIN_AMPLITUDE if key == "amplitude" else -MAX_LEVEL
            return Number("V", least * factor, (MAX_AMPLITUDE if key == "amplitude" else MAX_LEVEL) * factor)

        def write(call: Call) -> None:
            number = kind()
            volts = panel.limited(number.read(call.only()), *number.bounds()) / self.divider()
            high, low = self._moved(key, volts)
            slack = 1e-9
            if not MIN_AMPLITUDE - slack <= high - low <= MAX_AMPLITUDE + slack or max(high, -low) > MAX_LEVEL + slack:
                raise InstrumentFault(-221)
            self["high"], self["low"] = high, low
            panel.show()

        def ask(call: Call) -> str:
            return panel.format_number(kind().asked(call, self.levels()[key] * self.divider()))

        return Command(f"SOURce#:VOLTage[:LEVel][:IMMediate]{node}", write, ask)

    def _moved(self, key: str, volts: float) -> tuple[float, float]:
        high, low = self["high"], self["low"]
        if key == "high":
            return volts, low
        if key == "low":
            return high, volts
        middle, half = (high + low) / 2, (high - low) / 2
        if key == "offset":
            return volts + half, volts - half
        return middle + volts / 2, middle - volts / 2

    # -- what comes out

    def pulses(self) -> list[tuple[float, float]]:
        """(begin, width) of each pulse of a cycle."""
        return [
            (self["initial_delay"] + self[f"delay{pulse}"], self[f"width{pulse}"])
            for pulse in range(1, COUNT[self["mode"]] + 1)
        ]

    def fits(self) -> bool:
        """True if the pulses follow one another and end within the period, where there is one."""
        pulses = self.pulses()
        ends = [begin + width + EDGE_SECONDS for begin, width in pulses]
        in_order = all(end <= begin for end, (begin, _) in zip(ends, pulses[1:], strict=False))
        single = self.panel.state["trigger"] == "SING"
        return in_order and (single or ends[-1] <= self["period"] * (1 + 1e-9))

    def waveform(self) -> Waveform:
        """One cycle of the open source behind 50 ohm; a single one lasts as long as its pulses (MEM)."""
        base, top = (2 * self[key] for key in (("high", "low") if self["inverted"] else ("low", "high")))
        corners: list[tuple[float, float]] = []
        for begin, width in self.pulses():
            corners += trapezoid(begin, width, EDGE_SECONDS, EDGE_SECONDS, base, top)
        return staircase(corners, 0.0 if self.panel.state["trigger"] == "SING" else self["period"])

    def cycles(self) -> int:
        """Cycles per trigger."""
        return int(self["cycles"]) if self.panel.state["trigger"] == "BURS" else 1
