"""Keysight 81160A pulse generator: the panel; what one channel does is in keysight81160a_channel.py.

Facts: open drivers and bench code for it (PM, BACE), its manual p. 92 and 142, the 33250A/33500 manuals of the same
family; [MEM] = from memory, verify on the instrument. Not in it: modulation, the external arm input, strobe and
trigger outputs other than the one that starts the digitizer. Bursts of two channels do not add up in the world: each
plays on its own line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim import scpi_text
from labctl_sim.channels import channel_of, per_channel
from labctl_sim.keysight81160a_channel import Channel
from labctl_sim.pulse_generator import PulseGenerator
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.world import World

MEMORIES = 4  # user waveforms that survive *RST [MEM]


class Keysight81160A(PulseGenerator):
    """The front panel. Channel 1 drives the matrix row of its role; channel 2 that of ``<role>2``, if it is wired."""

    error_depth = 20  # [MEM]
    memories = 5  # [MEM]
    longest_message = 1 << 22  # an arbitrary waveform in digits fits [MEM]
    adjusts = True

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.stored: dict[str, NDArray[np.int16]] = {}
        roles = [role, f"{role}2"] if f"{role}2" in world.wiring.rows else [role]
        self.channels = [Channel(self, number, name) for number, name in enumerate(roles, 1)]
        super().__init__(world, role, options)

    def identity(self) -> str:
        """The exact form is [MEM]; BACE matches vendor and model."""
        return "Agilent Technologies,81160A,SIM00001,1.0.3.0-2.6"

    def reset(self) -> None:
        """Output off, 1 MHz sine of 1 Vpp, load 50 ohm, immediate arm [MEM]; stored waveforms stay."""
        self.state["order"] = "NORM"
        for channel in self.channels:
            channel.reset()

    def commands(self) -> list[Command]:
        """Channel tree of PM; the suffix is the channel."""
        return [
            *per_channel([channel.commands() for channel in self.channels], self._coupled),
            *self.status_subsystem(),
            *documented(
                "PIEC, for the 81150A",
                self.option("FORMat:BORDer", "order", ("NORMal", "SWAPped")),
                Command("TRIGger#[:IMMediate]", lambda _: self.triggered()),
                verify=True,
            ),
            *documented(
                "PM",
                Command("TRACk:CHANnel#", self._couple, lambda call: str(int(self._coupling(call)))),
                Command("[SOURce#]:DATA#:NVOLatile:CATalog", ask=self._catalogue),
                Command("[SOURce#]:DATA#:NVOLatile:FREE", ask=lambda _: str(MEMORIES - len(self.stored))),
                Command("[SOURce#]:DATA#:DELete", self._delete),
                Command("SYSTem:ERRor[:NEXT]", ask=self.next_error),
            ),
        ]

    # -- time: a burst lasts

    def pending(self) -> bool:
        """True while a burst plays; a waveform without end does not count."""
        return any(channel.bursting() for channel in self.channels)

    def recalled(self) -> None:
        """``*RCL``."""
        for channel in self.channels:
            channel.show()

    def power_on(self, before: object) -> None:
        """Stored waveforms survive a power failure."""
        super().power_on(before)
        if isinstance(before, Keysight81160A):
            self.stored = before.stored

    def take_trigger(self) -> None:
        """A burst on each channel that waits for one; a trigger that comes during a burst is ignored (manual p. 92)."""
        waiting = [channel for channel in self.channels if channel.waits_for_trigger()]
        if not waiting:
            raise InstrumentFault(-211)
        for channel in waiting:
            channel.fire()

    # -- both channels together

    def _coupled(self, number: int) -> tuple[int, ...]:
        if len(self.channels) == 2 and self.channels[number - 1]["track"]:
            return (number, 3 - number)
        return (number,)

    def _coupling(self, call: Call) -> bool:
        return bool(self.channels[channel_of(call, len(self.channels)) - 1]["track"])

    def _couple(self, call: Call) -> None:
        """ON copies this channel's settings to the other one, and what is set later too (PM)."""
        number = channel_of(call, len(self.channels))
        self.channels[number - 1]["track"] = scpi_text.boolean(call.only())
        if self.channels[number - 1]["track"] and len(self.channels) == 2:
            self.channels[2 - number].copy(self.channels[number - 1])

    # -- stored waveforms

    def store(self, name: str, codes: NDArray[np.int16]) -> None:
        """Keep a waveform under ``name``, over *RST too."""
        if name not in self.stored and len(self.stored) >= MEMORIES:
            raise InstrumentFault(-223)
        self.stored[name] = codes

    def _catalogue(self, _: Call) -> str:
        return ",".join(f'"{name}"' for name in self.stored) or '""'

    def _delete(self, call: Call) -> None:
        name = str(call.only()).upper()
        if name not in self.stored:
            raise InstrumentFault(-224)  # 33250A: "Specified arb waveform does not exist" is +780 there [MEM]
        if any(channel["arb"] == name for channel in self.channels):
            raise InstrumentFault(-221)  # it is selected [MEM]
        del self.stored[name]
