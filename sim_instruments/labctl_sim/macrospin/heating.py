"""How a pulse warms the junction, and how a warm free layer is weaker.

    dT/dt = (V^2/RA - (lambda/t_ox)(T - T0))/(C_v t_stack)

(the form and the constants of the open model vgsot-sim: C_v 2.5e6 J/m^3 K, lambda 4 W/m K; assumed, not measured). The
time constant C_v t_stack t_ox/lambda is some ten picoseconds. RA is that at m_z = 0, whatever the spin does.

Ms(T) ~ 1 - (T/Tc)^1.0583 and K(T) ~ Ms^1.804 (the open model utinclab/Stochastic_MTJ_Model: Tc 1453 K); without a Curie
temperature only the thermal field warms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heating:
    """One junction's thermal numbers, the same for all of an array."""

    resistance_area_ohm_square_meters: float
    stack_meters: float
    capacity_joules_per_cubic_meter_kelvin: float = 2.5e6
    conductivity_watts_per_meter_kelvin: float = 4.0
    curie_kelvin: float = math.inf
    saturation_exponent: float = 1.0583
    anisotropy_exponent: float = 1.804

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ParameterError(f"{name} is {value:g}; it must be more than 0: leave heating out to have none")

    def temperatures(self, volts: Floats, step_seconds: float, rest_kelvin: Floats, oxide_meters: Floats) -> Floats:
        """Kelvin in the middle of each step, (N, S), of ``volts`` (N or 1, S) that begin at rest."""
        oxide = oxide_meters[:, None]
        rise = volts**2 / self.resistance_area_ohm_square_meters * oxide / self.conductivity_watts_per_meter_kelvin
        seconds = self.capacity_joules_per_cubic_meter_kelvin * self.stack_meters * oxide_meters
        keep = np.exp(-step_seconds * self.conductivity_watts_per_meter_kelvin / seconds)
        warm = np.zeros_like(rest_kelvin)
        result = np.empty(rise.shape)
        for index in range(rise.shape[1]):  # exact for volts that are constant over a step
            after = rise[:, index] + (warm - rise[:, index]) * keep
            result[:, index] = (warm + after) / 2
            warm = after
        return result + rest_kelvin[:, None]

    def weakened(self, kelvin: Floats, rest_kelvin: Floats) -> tuple[Floats, Floats]:
        """Ms and K_i at ``kelvin`` (N, S) relative to those at ``rest_kelvin`` (N,)."""
        if math.isinf(self.curie_kelvin):
            return np.ones_like(kelvin), np.ones_like(kelvin)
        if kelvin.max() >= 0.95 * self.curie_kelvin:
            raise ParameterError(
                f"the junction would reach {kelvin.max():.0f} K, and a macrospin ends below its Curie temperature "
                f"({self.curie_kelvin:g} K, limit 95 %): lower the volts or raise the resistance"
            )
        cold = 1 - (rest_kelvin[:, None] / self.curie_kelvin) ** self.saturation_exponent
        saturation = (1 - (kelvin / self.curie_kelvin) ** self.saturation_exponent) / cold
        return saturation, saturation**self.anisotropy_exponent
