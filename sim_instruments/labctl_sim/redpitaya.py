"""Red Pitaya STEMlab 125-14 behind its SCPI server: two fast inputs of 14 bits and 125 MS/s, 16,384 samples each.

Facts: PyMeasure's driver (PM), Red Pitaya's own redpitaya_scpi.py and examples (RP), and the documentation from memory
[MEM, verify]. IN1 is behind the bench's current amplifier, IN2 is open; EXT is the generator's trigger output. Lines
end in CR LF. Not in it: deep memory (AXI), split triggers, buses, and what a decimated sample averages (its noise goes
down all the same).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.channels import channel_of
from labctl_sim.flips import Floats
from labctl_sim.redpitaya_acquisition import BUFFER, ORDERS, Acquisition
from labctl_sim.redpitaya_board import SLOW_PINS, Board, one_of
from labctl_sim.redpitaya_generator import Generator
from labctl_sim.scpi import Call, Command, Reply, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.world import World


class RedPitaya(Acquisition):
    """The SCPI server."""

    error_depth = 20  # [MEM]
    longest_message = 1 << 20  # an arbitrary waveform in digits fits [MEM]

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self._board, self._generator = Board(self), Generator(self, role)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """[MEM]."""
        return "REDPITAYA,INSTR2023,SIM0006,02-01"

    def format_number(self, value: float) -> str:
        """A plain decimal [MEM]."""
        return f"{value:.6f}"

    def format_error(self, code: int, text: str) -> str:
        """[MEM]."""
        return f'{code},"{text}"'

    def reset(self) -> None:
        """Everything as after power-on [MEM]."""
        self.state = {"pins": {}, "directions": {}, "slow": [0.0] * SLOW_PINS, "gain1": "LV", "gain2": "LV"}
        self.state |= {"coupling1": "DC", "coupling2": "DC", "daisy": "OFF", "daisy_out": "OFF", "daisy_source": "ADC"}
        self.reset_acquisition()
        self._generator.reset()

    def commands(self) -> list[Command]:
        """Spellings of PM; ``ACQ`` has no long form."""
        return [
            *self.acquisition_commands(),
            *self._data_commands(),
            *self._generator.commands(),
            *self._board.commands(),
        ]

    def _data_commands(self) -> list[Command]:
        node = "ACQ:SOUR#:DATA"
        return documented(
            "PM, RP",
            Command(node, ask=lambda call: self._data(call, lambda _: slice(None), 0)),
            Command(f"{node}:Old:N", ask=lambda call: self._data(call, lambda n: slice(0, n[0]), 1)),
            Command(f"{node}:LATest:N", ask=lambda call: self._data(call, lambda n: slice(BUFFER - n[0], None), 1)),
            Command(f"{node}:STArt:End", ask=lambda call: self._data(call, lambda n: slice(n[0], n[1] + 1), 2)),
            Command(f"{node}:STArt:N", ask=lambda call: self._data(call, lambda n: slice(n[0], n[0] + n[1]), 2)),
            Command(f"{node}:TRig", ask=self._around_trigger),
        )

    def _around_trigger(self, call: Call) -> Reply:
        """So many samples before, after, or before and after the trigger."""
        if len(call.parameters) != 2:
            raise InstrumentFault(-109 if len(call.parameters) < 2 else -108)
        count, side = call.parameters
        side = one_of(side, ("PRE_TRIG", "POST_TRIG", "PRE_POST_TRIG"))
        before, after = (side != "POST_TRIG", side != "PRE_TRIG")
        trigger = self.trigger_place()

        def part(numbers: list[int]) -> slice:
            return slice(max(trigger - numbers[0] * before, 0), trigger + numbers[0] * after)

        return self._data(Call(call.suffixes, (count,)), part, 1)

    # -- messages end in CR LF

    def handle(self, message: bytes) -> bytes | None:
        """PM."""
        return _crlf(super().handle(message))

    def poll(self) -> bytes | None:
        """PM."""
        return _crlf(super().poll())

    # -- data

    def _data(self, call: Call, part: Callable[[list[int]], slice], arguments: int) -> Reply:
        """Oldest first; ``{a,b,...}``, or a block of int16 (RAW) or float32 (VOLTS)."""
        channel = channel_of(call, 2)
        if len(call.parameters) != arguments:
            raise InstrumentFault(-109 if len(call.parameters) < arguments else -108)
        numbers = [round(scpi_text.number(parameter)) for parameter in call.parameters]
        if any(not 0 <= number <= BUFFER for number in numbers):
            raise InstrumentFault(-222)
        self.trigger_status()
        counts = self.counts[channel - 1][part(numbers)]
        raw = self.state["units"] == "RAW"
        volts: Floats = counts * self.volts_per_count(channel)
        if self.state["format"] == "BIN":
            order = ORDERS[self.state["order"]]
            return scpi_text.block((counts.astype(f"{order}i2") if raw else volts.astype(f"{order}f4")).tobytes())
        return "{" + ",".join(map(str, counts.tolist()) if raw else (f"{value:.6f}" for value in volts.tolist())) + "}"


def _crlf(reply: bytes | None) -> bytes | None:
    return None if reply is None else reply.removesuffix(b"\n") + b"\r\n"
