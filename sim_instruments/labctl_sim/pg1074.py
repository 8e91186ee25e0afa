"""Active Technologies PG-1074 pulse generator: four channels that play one to four pulses per cycle.

Facts: an open driver for it (PYI); [MEM] = from memory, verify. Nothing comes out before ``PULSEGENControl:START``.
All pulses of a cycle have the same levels; their edges are fixed. Not in it: the external trigger and width inputs,
to which nothing is connected, and channels that add up on one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.channels import per_channel
from labctl_sim.pg1074_channel import MAX_SECONDS, Channel
from labctl_sim.pulse_generator import PulseGenerator
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.world import World

CHANNELS = 4
TRIGGER_MODES = ("SINGle", "BURSt", "CONTinuous", "GATed")
COMMON: dict[str, Any] = {
    "trigger": "CONT", "trigger_source": "TIM", "timer": 1e-3, "slope": "RIS", "threshold": 1.2,
    "trigger_ohms": "1KOHM", "out_polarity": "POS", "out_volts": 1.0, "out_delay": 0.0,
}  # fmt: skip


class PG1074(PulseGenerator):
    """The front panel. Channel 1 drives the matrix row of its role, channel n that of ``<role>n`` if it is wired."""

    error_depth = 20  # [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.running = False
        self.channels = [Channel(self, n, role if n == 1 else f"{role}{n}") for n in range(1, CHANNELS + 1)]
        super().__init__(world, role, options)

    def identity(self) -> str:
        """[MEM]."""
        return "ACTIVE TECHNOLOGIES,PG-1074,SIM00005,1.0.0"

    @property
    def spells_out(self) -> bool:
        """PYI compares what it reads with whole words."""
        return True

    def format_error(self, code: int, text: str) -> str:
        """[MEM]."""
        return f'{code},"{text}"'

    def reset(self) -> None:
        """Stopped, outputs off [MEM]."""
        self.running = False
        self.state.update(COMMON)
        for channel in self.channels:
            channel.reset()
        self.show()

    def commands(self) -> list[Command]:
        """Spellings of PYI."""
        seconds = Number("S", 0.0, MAX_SECONDS)
        return [
            *per_channel(
                [channel.commands() for channel in self.channels], nodes=1
            ),  # the second number is the pulse's
            *documented(
                "PYI",
                self.option("TRIGger:MODE", "trigger", TRIGGER_MODES, self._mode_changed),
                self.option("TRIGger:SOURce", "trigger_source", ("TIMer", "EXTernal", "MANual"), self.show),
                self.option("TRIGger:SLOPe", "slope", ("RISing", "FALLing", "POSitive", "NEGative")),
                self.numeric("TRIGger:THREshold", "threshold", Number("V", 0.9, 1.65, 1.2)),
                Command("TRIGger:IMPedance", self._set_ohms, lambda _: str(self.state["trigger_ohms"])),
                self.option("TRIGger:OUTPut:POLarity", "out_polarity", ("POSitive", "NEGative")),
                self.numeric("TRIGger:OUTPut:AMPLitude", "out_volts", Number("V", 0.9, 1.65, 1.0)),
                self.numeric("TRIGger:OUTPut:DELay", "out_delay", seconds),
                Command("PULSEGENControl:START", lambda _: self._start()),
                Command("PULSEGENControl:STOP", lambda _: self._stop()),
                Command("SYSTem:ERRor[:NEXT]", ask=self.next_error),
            ),
            *self.status_subsystem(),
            *documented(
                "MEM",
                self.numeric("TRIGger:TIMer", "timer", Number("S", 1e-7, MAX_SECONDS, 1e-3), self.show),
                Command("PULSEGENControl[:STATus]", ask=lambda _: str(int(self.running))),
                verify=True,
            ),
        ]

    # -- time: a burst lasts

    def pending(self) -> bool:
        """True while a triggered burst plays."""
        return self._triggered() and any(self.world.playing(channel.role) for channel in self.channels)

    # -- running

    def _triggered(self) -> bool:
        return self.running and self.state["trigger"] in ("SING", "BURS") and self.state["trigger_source"] != "TIM"

    def _start(self) -> None:
        """Arms it; refused while pulses overlap or do not fit into the period [MEM]."""
        if not all(channel.fits() for channel in self.channels if channel["output"]):
            raise InstrumentFault(-221)
        self.running = True
        self.show()

    def _stop(self) -> None:
        self.running = False
        self.show()

    def _mode_changed(self) -> None:
        if self.running and not all(channel.fits() for channel in self.channels if channel["output"]):
            self.running = False
            self.status.push(-221)
        self.show()

    def take_trigger(self) -> None:
        """One cycle, or a burst of them, on every channel that is on; ignored unless it waits for one."""
        if not self._triggered() or self.state["trigger_source"] != "MAN" or self.pending():
            raise InstrumentFault(-211)
        for channel in self.channels:
            if channel["output"]:
                channel.play(channel.waveform(), channel.cycles())

    def show(self) -> None:
        """Tell the world what stands at each output; whatever played ends."""
        for channel in self.channels:
            if not channel["output"]:
                channel.rest(None)
                continue
            free = self.running and self.state["trigger"] == "CONT"
            timed = self.running and self.state["trigger"] in ("SING", "BURS") and self.state["trigger_source"] == "TIM"
            if free or timed:
                channel.repeat(channel.waveform(), channel.cycles(), self.state["timer"] if timed else 0.0)
            else:  # the base line
                channel.rest(2 * channel["high" if channel["inverted"] else "low"])

    def _set_ohms(self, call: Call) -> None:
        """50 ohm or 1 kohm."""
        parameter = call.only()
        word = parameter.upper().replace(" ", "") if isinstance(parameter, str) else ""
        ohms = {"50OHM": 50.0, "1KOHM": 1e3}.get(word)
        if ohms is None:
            ohms = scpi_text.number(parameter, "OHM")
        if ohms not in (50.0, 1e3):
            raise InstrumentFault(-224)
        self.state["trigger_ohms"] = "50OHM" if ohms == 50.0 else "1KOHM"
