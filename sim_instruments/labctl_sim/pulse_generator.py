"""What pulse generators have in common: outputs of 50 ohm whose two levels are seen in four ways, bursts that last."""

from __future__ import annotations

from typing import Any

from labctl_sim.faces import Thevenin
from labctl_sim.fault import TRIGGERS
from labctl_sim.pulse_shape import repeated
from labctl_sim.scpi import ScpiPanel
from labctl_sim.waveform import Waveform

SOURCE_OHMS = 50.0
MESSAGE_SECONDS = 2e-3  # what a message takes until it acts, the least of 2 to 20 ms [MEM]
MAX_TILED = 4096  # cycles of an internally triggered burst that are spelled out


class PulseGenerator(ScpiPanel):
    """A panel whose ``pending`` says whether a burst plays."""

    conditions = TRIGGERS | {"output_refuses"}

    def handle(self, message: bytes) -> bytes | None:
        """A message takes a while; short bursts are over when it has been dealt with, long ones are not."""
        reply = super().handle(message)
        if self.pending():
            self.world.sleep(MESSAGE_SECONDS)
        return super().poll() if reply is None else reply


class Output:
    """One output; ``self[name]`` is a setting, ``role`` the matrix row that it drives.

    ``high`` and ``low`` are kept as what a load of 50 ohm would see; behind 50 ohm stands a source of twice that.
    """

    panel: PulseGenerator

    def __init__(self, number: int, role: str) -> None:
        self.number = number
        self.role = role

    def key(self, name: str) -> str:
        """Where the panel's state has a setting of this output."""
        return f"{name}.{self.number}"

    def __getitem__(self, name: str) -> Any:
        return self.panel.state[self.key(name)]

    def __setitem__(self, name: str, value: Any) -> None:
        self.panel.state[self.key(name)] = value

    def divider(self) -> float:
        """Volts shown per volt into 50 ohm: the divider of the load that was told, twice the one of 50 ohm."""
        load = self["load"]
        return float(2 * load / (load + SOURCE_OHMS))

    def levels(self) -> dict[str, float]:
        """The levels into 50 ohm by all their names."""
        high, low = self["high"], self["low"]
        return {"high": high, "low": low, "offset": (high + low) / 2, "amplitude": high - low}

    def refuse(self) -> None:
        """After the output was switched: one that refuses is off again."""
        if self["output"] and self.panel.world.faults.active(self.panel.role, "output_refuses"):
            self["output"] = False

    def rest(self, volts: float | None) -> None:
        """The open source stands at ``volts``; None is an output that is off."""
        self.panel.world.show(self.role, None if volts is None else Thevenin(volts, SOURCE_OHMS))

    def repeat(self, cycle: Waveform, cycles: int = 1, period_seconds: float = 0.0) -> None:
        """Play for ever: ``cycles`` cycles, and again when ``period_seconds`` are over."""
        if cycles > 1 or period_seconds:
            cycle = repeated(cycle, min(cycles, MAX_TILED), period_seconds)
        self.panel.world.run(self.role, cycle, SOURCE_OHMS)

    def play(self, cycle: Waveform, cycles: int) -> None:
        """Start a burst; only output 1 has the trigger output that the digitizer listens to."""
        self.panel.world.play(self.role, cycle, SOURCE_OHMS, cycles, triggers=self.number == 1)
