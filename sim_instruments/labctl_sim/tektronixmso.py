"""Tektronix MSO5-series oscilloscope, CH1 behind the bench's current amplifier, triggered on AUX once per cycle.

Facts: the command documentation in tektronix/tm_devices (TMD); [MEM] = from memory, verify. 8 bits span the 10
divisions. CH2 to CH4 are open. Bandwidth, amplifier saturation and the re-arm time between frames are not
modelled; without triggers ``TRIGger:A:MODe AUTO`` makes frames up, as the real one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.channels import per_channel
from labctl_sim.flips import Floats
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.tektronixmso_acquisition import Acquisition
from labctl_sim.tektronixmso_controls import CHANNELS, Controls
from labctl_sim.tektronixmso_events import Events
from labctl_sim.tektronixmso_front import Front
from labctl_sim.tektronixmso_measure import Measurements
from labctl_sim.tektronixmso_transfer import Transfer
from labctl_sim.world import World

TEXTS = {0: "No events to report - queue empty", -410: "Query INTERRUPTED", -420: "Query UNTERMINATED"}


class TektronixMSO(Acquisition):
    """The front panel."""

    abbreviates = True  # pylablib's COUPL and tm_devices' MEASURE are understood

    error_depth = 32  # [MEM]
    texts = TEXTS
    adjusts = True

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self.header = (
            False  # Tektronix' own scripts for it (curvequery) and QCoDeS take replies for bare; survives *RST [MEM]
        )
        self._controls, self._front, self._measurements = Controls(self), Front(self), Measurements(self)
        self._events, self._transfer = Events(self), Transfer(self)
        super().__init__(world, role, options)

    def identity(self) -> str:
        """TMD."""
        return "TEKTRONIX,MSO54,SIM0004,CF:91.1CT FV:1.44"

    def format_number(self, value: float) -> str:
        """NR3 with an exponent that is a multiple of three and as many digits as it takes, at least four."""
        if not value:
            return "0.0E+0"
        exponent = int(np.floor(np.floor(np.log10(abs(value)) + 1e-12) / 3)) * 3
        mantissa = f"{value / 10.0**exponent:.12g}"
        whole, _, digits = mantissa.partition(".")
        return f"{whole}.{digits.ljust(4, '0')}E{exponent:+d}"

    def prefix(self, full_header: str) -> str:
        """``HEADer ON`` puts the full header before every reply but those of common commands and of WFMOutpre?."""
        own = full_header.startswith("*") or full_header in (":WFMOUTPRE", ":WAVFRM")
        return self._front.prefix(f"{full_header} ") if self.header and not own else ""

    @property
    def spells_out(self) -> bool:
        """``VERBose ON``, the default, answers with whole words (TMD)."""
        return bool(self.state["verbose"])

    def reset(self) -> None:
        """Defaults [MEM]."""
        self.state = {"verbose": True, **self._controls.defaults(), **self._transfer.defaults()}
        self._measurements.reset()
        self.start_over()

    def commands(self) -> list[Command]:
        """The part of TMD's tree that block acquisition needs."""
        return [
            *per_channel([self._controls.of_channel(n) for n in range(1, CHANNELS + 1)]),
            *self._controls.commands(),
            *self.acquisition_commands(),
            *self._transfer.commands(),
            *self._measurements.commands(),
            *self._events.commands(),
            *self._front.commands(),
            *documented(
                "TMD",
                Command("HEADer", self._set_header, lambda _: str(int(self.header))),
                self.switch("VERBose", "verbose"),
            ),
        ]

    # -- what the parts need of each other

    def volts_of(self, channel: int) -> tuple[Floats, float]:
        """The last waveform of ``channel``: float64 (frames, samples) in volts, and the seconds between samples."""
        record, counts = self._transfer.taken(channel)
        return record.settings.verticals[channel - 1].volts(counts), 1 / record.settings.rate

    def inquire(self, header: str) -> str:
        """What the instrument would answer to ``header``."""
        command, suffixes = self._find(header)
        reply = command.ask(Call(suffixes, ())) if command.ask else ""
        return reply if isinstance(reply, str) else ""

    def _set_header(self, call: Call) -> None:
        self.header = scpi_text.boolean(call.only())
