"""Ranges of a Keithley 2400, and which range, level and limit go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl_sim.status import InstrumentFault

VOLT_RANGES = (0.2, 2.0, 20.0, 200.0)  # K24-147
AMP_RANGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # K24-367
# Auto ohms: range and the current it is measured with [MEM].
OHM_RANGES = (
    (20.0, 0.1), (200.0, 1e-2), (2e3, 1e-3), (20e3, 1e-4), (200e3, 1e-5), (2e6, 1e-6), (20e6, 1e-6), (200e6, 1e-7),
)  # fmt: skip
OVERRANGE = 1.05  # sources and limits reach 105 % of a range
FULL_SCALE = 1.055  # readings reach 105.5 % (K24-147)
MAX_VOLTS, MAX_AMPS = 210.0, 1.05
LEAST_LIMIT_VOLTS, LEAST_LIMIT_AMPS = 200e-6, 1e-9  # K24-110
LOW_VOLTS, HIGH_VOLTS_AMPS = 21.0, 0.105  # above 21 V no more than 105 mA (K24-367)
LEAST_OF_RANGE = 1e-3  # a limit may not be below 0.1 % of the fixed measuring range [MEM]
OVP_STEPS = (20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 160.0)  # K24-386
OVP_NONE = 210.0
OVP_TOLERANCE = 1.05


def range_for(value: float, ranges: tuple[float, ...]) -> float:
    """The lowest range that holds ``value`` with 5 % to spare."""
    return next((scale for scale in ranges if abs(value) <= OVERRANGE * scale * (1 + 1e-9)), ranges[-1])


def ohm_range_for(ohms: float) -> tuple[float, float]:
    """The lowest auto-ohms range that holds ``ohms``, and its test current."""
    return next((pair for pair in OHM_RANGES if abs(ohms) <= OVERRANGE * pair[0]), OHM_RANGES[-1])


def ovp_step(volts: float) -> float:
    """A protection between two steps is the lower one, below 20 V it is 20 V, above all it is none (K24-386)."""
    if volts > OVP_STEPS[-1]:
        return OVP_NONE
    return max((step for step in OVP_STEPS if step <= volts), default=OVP_STEPS[0])


def refuse_power(state: Mapping[str, Any], **change: Any) -> None:
    """Above 20 V no more than 105 mA, whichever of the two is sourced (K24-367); raises +826."""
    after = {**state, **change}
    volts = after["volt_range"] if after["source"] == "VOLT" else after["limit_volts"]
    amps = after["limit_amps"] if after["source"] == "VOLT" else after["amp_range"]
    if volts > LOW_VOLTS * (1 + 1e-9) and amps > HIGH_VOLTS_AMPS * (1 + 1e-9):
        raise InstrumentFault(826)


def compliance(state: Mapping[str, Any], kind: str) -> tuple[float, bool]:
    """The limit in force on ``kind`` ("amp" or "volt"), and whether it is the range's: the lower clamps (K24-110)."""
    limit = float(state["limit_amps" if kind == "amp" else "limit_volts"])
    reach = OVERRANGE * state[f"sense_{kind}_range"]
    measured = ("CURR" if kind == "amp" else "VOLT") in state["functions"]
    if measured and not state[f"sense_{kind}_auto"] and reach < limit:
        return reach, True
    return limit, False


def next_range(parameter: object, present: float, ranges: tuple[float, ...]) -> float | None:
    """The range that ``UP`` or ``DOWN`` leads to, if the parameter is one of these words."""
    step = {"UP": 1, "DOWN": -1}.get(str(parameter).upper())
    if step is None:
        return None
    place = min(range(len(ranges)), key=lambda index: abs(ranges[index] - present))
    return ranges[min(max(place + step, 0), len(ranges) - 1)]
