"""What a Keysight 81160A channel plays: its functions, and the memory of arbitrary waveforms."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl_sim import scpi_text
from labctl_sim.flips import Floats
from labctl_sim.pulse_generator import Output
from labctl_sim.pulse_shape import staircase, trapezoid
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.waveform import Waveform

if TYPE_CHECKING:
    from labctl_sim.keysight81160a import Keysight81160A

DAC_FULL_SCALE = 8191  # 14 bit, PM
MAX_POINTS = 262_144  # [MEM]


class Shape(Output):
    """The part of a channel that is about waveforms."""

    panel: Keysight81160A
    memory: NDArray[np.int16]

    @abstractmethod
    def fit(self) -> None:
        """Let the other settings follow."""

    @abstractmethod
    def period_counts(self) -> bool:
        """False for a single triggered pulse."""

    def arb_commands(self) -> list[Command]:
        """DATA, and which waveform USER means."""
        return documented(
            "PM",
            Command("[SOURce#]:FUNCtion#:USER", self._choose_arb, lambda _: str(self["arb"])),
            Command("[SOURce#]:DATA#:DAC", self._load_dac),
            Command("[SOURce#]:DATA#", self._load_volts),
            Command("[SOURce#]:DATA#:COPY", self._store),
        )

    def _choose_arb(self, call: Call) -> None:
        name = str(call.only()).upper()
        if name != "VOLATILE" and name not in self.panel.stored:
            raise InstrumentFault(-224)
        self["arb"] = name
        self.fit()

    def _load_dac(self, call: Call) -> None:
        """``:DATA1:DAC VOLATILE,<block of int16 as FORM:BORD says>`` or a list of numbers (PM)."""
        if len(call.parameters) < 2 or str(call.parameters[0]).upper() != "VOLATILE":
            raise InstrumentFault(-109)
        data = call.parameters[1]
        if isinstance(data, bytes):
            if len(data) % 2 or len(call.parameters) > 2:
                raise InstrumentFault(-161)
            values = np.frombuffer(data, ">i2" if self.panel.state["order"] == "NORM" else "<i2").astype(np.float64)
        else:
            values = np.array([scpi_text.number(value) for value in call.parameters[1:]])
        self._load(values)

    def _load_volts(self, call: Call) -> None:
        """``:DATA1 VOLATILE,<numbers from -1 to 1>``."""
        if len(call.parameters) < 2 or str(call.parameters[0]).upper() != "VOLATILE":
            raise InstrumentFault(-109)
        self._load(np.round(np.array([scpi_text.number(value) for value in call.parameters[1:]]) * DAC_FULL_SCALE))

    def _load(self, values: Floats) -> None:
        if not 2 <= values.size <= MAX_POINTS or not (np.abs(values) <= DAC_FULL_SCALE).all():
            raise InstrumentFault(-222)
        self.memory = values.astype(np.int16)
        self.fit()

    def _store(self, call: Call) -> None:
        """``:DATA1:COPY <name>[,VOLATILE]``."""
        name = str(call.parameters[0]).upper() if call.parameters else ""
        if not name[:1].isalpha() or len(name) > 12 or not name.replace("_", "").isalnum() or name == "VOLATILE":
            raise InstrumentFault(-224 if name else -109)
        self.panel.store(name, self.memory)

    def arb(self) -> Floats:
        """The chosen waveform, from -1 to 1."""
        codes = self.memory if self["arb"] == "VOLATILE" else self.panel.stored[self["arb"]]
        result: Floats = codes / DAC_FULL_SCALE
        return result

    def rest_volts(self) -> float:
        """What stands at the open source before a trigger: the base of a pulse, the first point of the rest [MEM]."""
        if self["shape"] == "PULS":
            return float(2 * self["high" if self["polarity"] == "INV" else "low"])
        return float(self.waveform().volts[0])

    def waveform(self) -> Waveform:
        """One cycle of the open-circuit source behind 50 ohm."""
        shape, period = self["shape"], self["period"]
        sign = -1.0 if self["polarity"] == "INV" else 1.0
        high, low = self["high"], self["low"]
        middle, swing = high + low, sign * (high - low)
        if shape == "PULS":
            pulse = trapezoid(
                self["delay"], self["width"], self["leading"], self["trailing"], middle - swing, middle + swing
            )
            return staircase(pulse, period if self.period_counts() else 0.0)
        if shape == "SQU":
            on = self["square_duty"] / 100 * period
            return staircase(trapezoid(0.0, on, 0.0, 0.0, middle - swing, middle + swing), period)
        if shape == "RAMP":
            peak = self["symmetry"] / 100 * period
            corners = [(0.0, middle - swing), (peak, middle + swing), (period, middle - swing)]
            return staircase(corners, period)
        if shape == "USER":
            unit = self.arb()
        elif shape == "NOIS":
            unit = np.clip(self.panel.world.noise_of(self.panel.role).standard_normal(1000) / 3, -1, 1)
        else:
            unit = np.sin(2 * np.pi * np.linspace(0, 1, 200, endpoint=False))
        return Waveform.of_samples(middle + unit * swing, period / unit.size)
