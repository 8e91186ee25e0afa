"""Whether a kind of junction has two states that volts can change, and stays within what the physics was made for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from labctl_sim.flips import Floats
from labctl_sim.macrospin.escape import HIGHEST
from labctl_sim.macrospin.layer import FreeLayer

SURE = 5.0  # standard deviations within which every junction must do: one in a few million does not
LOWEST = 1.0  # kT of Delta: with less there is no state to speak of
SPLIT = math.sqrt(3.0)  # how far from the middle `labctl_sim.physics` looks for what differs from pulse to pulse

Spread = Callable[[Callable[[FreeLayer], Floats]], Mapping[str, float]]
"""What each number's spread adds to the standard deviation of something that follows from the layer."""


def mistakes(nominal: FreeLayer, spread_of: Spread, cycle_spread: float) -> list[str]:
    """What is wrong with junctions around ``nominal`` (N = 1), a line each: found, limit, and what to change."""
    delta = float(nominal.stability()[0])
    parts = spread_of(FreeLayer.stability)
    deviation = math.sqrt(sum(part**2 for part in parts.values()))
    most = max(parts, key=lambda name: parts[name], default="the layer")
    least, greatest = (delta * (1 + sign * SPLIT * cycle_spread) for sign in (-1, 1))
    found = []
    if least < LOWEST:
        found.append(
            f"  Delta is {delta:.3g} at rest ({least:.3g} in some pulses), and a state takes {LOWEST:g}: raise the "
            "interface anisotropy or the diameter, or lower the temperature or cycle_anisotropy_spread"
        )
    elif greatest > HIGHEST:
        found.append(
            f"  Delta is {delta:.3g} at rest ({greatest:.3g} in some pulses), and the physics ends at {HIGHEST:g}: "
            "lower the interface anisotropy or the diameter, or raise the temperature; check their units"
        )
    elif least - SURE * deviation < LOWEST or greatest + SURE * deviation > HIGHEST:
        room = min(least - LOWEST, HIGHEST - greatest) / SURE
        found.append(
            f"  Delta {delta:.3g} at rest has a spread of {deviation:.3g}, so that some junctions would be beyond "
            f"{LOWEST:g} ... {HIGHEST:g}; keep the spread below {room:.3g}: lower that of {most} first"
        )
    return found or _fields(nominal, spread_of, delta) + _volts(nominal)


def _fields(nominal: FreeLayer, spread_of: Spread, delta: float) -> list[str]:
    """Beyond B_k a field leaves one state; and a heavy layer's energy in it may be beyond the physics."""
    furthest = []
    for axis in "xyz":
        relative = _relative(f"b{axis}_tesla")
        reach = SURE * math.sqrt(sum(part**2 for part in spread_of(relative).values()))
        furthest.append(abs(float(relative(nominal)[0])) + reach)
    limit = float(nominal.anisotropy_field()[0])
    found = []
    for names, share in (("bx_tesla and by_tesla", math.hypot(*furthest[:2])), ("bz_tesla", furthest[2])):
        if share >= 1:
            found.append(
                f"  {names}, with {SURE:g} deviations, reach {share * limit:.3g} T, and beyond B_k = {limit:.3g} T a "
                "junction has one state only: lower the field or its spread, or raise the interface anisotropy"
            )
        elif 2 * delta * share > HIGHEST:
            found.append(
                f"  {names}, with {SURE:g} deviations, reach {share * limit:.3g} T, {2 * delta * share:.3g} kT of the "
                f"layer's moment, and the physics ends at {HIGHEST:g}: lower the field or the diameter"
            )
    return found


def _relative(name: str) -> Callable[[FreeLayer], Floats]:
    """A field of a layer relative to its B_k."""

    def of(layer: FreeLayer) -> Floats:
        result: Floats = layer.of(name) / layer.anisotropy_field()
        return result

    return of


def _volts(nominal: FreeLayer) -> list[str]:
    if np.any(nominal.of("vcma_joules_per_volt_meter")) or np.any(nominal.of("torque_tesla_per_volt")):
        return []
    return ["  volts do nothing to it: give vcma_joules_per_volt_meter or spin_polarisation a value other than 0"]
