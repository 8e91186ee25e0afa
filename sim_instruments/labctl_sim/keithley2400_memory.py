"""The source memory of a Keithley 2400: a hundred set-ups, and a sweep that goes from one to the next.

Facts: K24-323 [18-18], K24 chapter 10; [MEM] = from memory, verify. A location that was never saved holds the defaults.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from labctl_sim.keithley2400_tables import RESET
from labctl_sim.scpi import Call, Command, Number, documented

if TYPE_CHECKING:
    from labctl_sim.keithley2400 import Keithley2400

LOCATIONS = 100  # K24-323
# What a location keeps, of the settings in ``state``.
KEPT = (
    "source", "delay", "delay_auto", "volts", "amps", "volt_range", "amp_range", "volt_range_auto", "amp_range_auto",
    "functions", "concurrent", "nplc", "limit_amps", "limit_volts", "sense_amp_range", "sense_volt_range",
    "sense_amp_auto", "sense_volt_auto", "res_mode", "res_range", "res_auto", "offset_compensated", "filter",
    "filter_count", "filter_type", "four_wire", "guard", "autozero", "math", "math_name", "limit_feed", "null",
    "null_offset", "trigger_delay",
)  # fmt: skip


class Memory:
    """SOURce:MEMory; what is saved outlives ``*RST``."""

    def __init__(self, panel: Keithley2400) -> None:
        self._panel = panel
        self.saved: dict[int, dict[str, Any]] = {}

    def commands(self) -> list[Command]:
        """SOURce:MEMory."""
        panel, root = self._panel, "SOURce#:MEMory"
        return documented(
            "K24-323",
            panel.integer(f"{root}:POINts", "memory_points", 1, LOCATIONS),
            panel.integer(f"{root}:STARt", "memory_start", 1, LOCATIONS),
            Command(f"{root}:SAVE", self._save),
            Command(f"{root}:RECall", self._recall),
            verify=True,
        )

    def step(self, point: int) -> None:
        """Take the settings of the sweep's next location."""
        state = self._panel.state
        place = state["memory_start"] + point % state["memory_points"]
        self._load((place - 1) % LOCATIONS + 1)

    def _place(self, call: Call) -> int:
        return round(self._panel.limited(Number("", 1, LOCATIONS).read(call.only()), 1, LOCATIONS))

    def _save(self, call: Call) -> None:
        self.saved[self._place(call)] = deepcopy({key: self._panel.state[key] for key in KEPT})

    def _recall(self, call: Call) -> None:
        place = self._place(call)
        self._panel.output.turn(on=False)  # [MEM]
        self._load(place)

    def _load(self, place: int) -> None:
        self._panel.state.update(deepcopy(self.saved.get(place) or {key: RESET[key] for key in KEPT}))
        self._panel.output.show()
