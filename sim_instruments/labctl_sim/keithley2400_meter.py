"""The measuring half of the Keithley 2400: its ranges and its readings. Facts as in keithley2400.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl_sim.world import World

OVERFLOW = 9.91e37  # K24-353, also stands for "not measured"
SHORT_ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")  # always sent in this order (K24-314)
VOLT_RANGES = (0.2, 2.0, 20.0, 200.0)
AMP_RANGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
OVERRANGE = 1.05  # sources and limits reach 105 % of a range
FULL_SCALE = 1.055  # readings reach 105.5 % (K24-147)
NOISE_OF_RANGE = 2e-6  # rms at 1 NPLC, relative to the range [MEM]
AUTO_DELAY_SECONDS = 1e-3  # depends on the range in the real one [MEM]


def range_for(value: float, ranges: tuple[float, ...]) -> float:
    """The lowest range that holds ``value`` with 5 % to spare."""
    return next((scale for scale in ranges if abs(value) <= OVERRANGE * scale * (1 + 1e-9)), ranges[-1])


class Meter:
    """Takes readings at the operating point; each costs its integration time on the world's clock."""

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        self._world = world
        self._role = role
        self._started = 0.0
        self.line_hertz = float(options.get("line_hertz", 50.0))

    def restart_time(self) -> None:
        """Timestamps count from now."""
        self._started = self._world.now()

    def read(self, state: dict[str, Any], range_limits: bool) -> tuple[float, ...]:
        """Volts, amps, ohms, seconds, status word (K24-356); autorange moves the ranges in ``state``.

        ``range_limits``: if a limit is reached, it is the range's and not the compliance that was set.
        """
        functions = state["functions"] if state["concurrent"] else state["functions"][-1:]
        aperture = state["nplc"] / self.line_hertz * (3 if state["autozero"] else 1) * max(len(functions), 1)
        delay = AUTO_DELAY_SECONDS if state["delay_auto"] else state["delay"]
        self._world.sleep(state["trigger_delay"] + delay + aperture)
        point = self._world.point()
        true = {"volt": point.volts.get(self._role, 0.0), "amp": point.amps.get(self._role, 0.0)}

        from_volts = state["source"] == "VOLT"
        word = 1 << (14 if from_volts else 15) | 1 << 2 | state["four_wire"] << 22
        if self._role in point.limited:
            word |= 1 << (16 if range_limits else 3)
        # What is not measured is shown as it is sourced.
        shown = {
            "VOLT": state["volts"] if from_volts else OVERFLOW,
            "CURR": OVERFLOW if from_volts else state["amps"],
        }
        for name, kind, ranges, bit in (("VOLT", "volt", VOLT_RANGES, 11), ("CURR", "amp", AMP_RANGES, 12)):
            if name in functions or "RES" in functions:
                value, over = self._digitise(state, true[kind], kind, ranges)
                shown[name] = OVERFLOW if over else value
                word |= 1 << bit | int(over)
        ohms = OVERFLOW
        if "RES" in functions:
            word |= 1 << 13
            ohms = shown["VOLT"] / shown["CURR"] if shown["CURR"] not in (0.0, OVERFLOW) else OVERFLOW
        seconds = (self._world.now() - self._started) % 99_999.999  # rolls over (K24-355)
        return (shown["VOLT"], shown["CURR"], ohms, seconds, float(word))

    def _digitise(
        self, state: dict[str, Any], value: float, kind: str, ranges: tuple[float, ...]
    ) -> tuple[float, bool]:
        """A value as measured, with the noise of its range; and whether it was too much for it."""
        if state[f"sense_{kind}_auto"]:
            state[f"sense_{kind}_range"] = range_for(value, ranges)
        scale = state[f"sense_{kind}_range"]
        noise = scale * NOISE_OF_RANGE / np.sqrt(state["nplc"])
        return value + float(noise * self._world.noise.standard_normal()), abs(value) > FULL_SCALE * scale
