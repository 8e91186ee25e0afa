"""Which numbers a junction profile may hold: unit, an example, limits, and what stands in where it is left out."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A number's ``unit`` and limits; ``above``: not ``least`` itself. Without ``default`` it must be given."""

    unit: str
    example: str
    least: float = -math.inf
    above: bool = False
    most: float = math.inf
    default: float | None = None


def _positive(unit: str, example: str, default: float | None = None) -> Kind:
    return Kind(unit, example, 0.0, above=True, default=default)


def _either_way(unit: str, example: str, most: float, default: float | None = 0.0) -> Kind:
    return Kind(unit, example, -most, most=most, default=default)


def _ohms(example: str, default: float | None = None) -> Kind:
    return Kind("ohm", example, 1e-3, most=1e15, default=default)  # the network's equations are solved in float64


def _share(example: str) -> Kind:
    return Kind("1", example, 0.0, most=1.0, default=0.0)


_COEFFICIENT = Kind("1/K", "-1e-3", -0.05, most=0.05, default=0.0)
_PER_DECADE = Kind("1", "-0.002", -0.2, most=0.2, default=0.0)

# The free layer, under the names that `labctl_sim.macrospin.layer.FreeLayer` gives them. The limits are wide ones that
# catch a wrong unit; what the numbers come to together is for `labctl_sim.two_states`. Damping: below, a column takes
# minutes and escape rates are beyond what they were checked at. VCMA: the strongest known is some 1e-12 [MEM].
LAYER = {
    "diameter_meters": Kind("m", "60e-9", 1e-9, most=1e-5),
    "thickness_meters": Kind("m", "1.1e-9", 1e-10, most=1e-7),
    "saturation_amps_per_meter": Kind("A/m", "0.625e6", 1e3, most=1e7),
    "interface_anisotropy_joules_per_square_meter": Kind("J/m^2", "0.32e-3", 0.0, most=0.1),
    "vcma_joules_per_volt_meter": _either_way("J/(V m)", "60e-15", 2e-12, default=None),
    "oxide_meters": Kind("m", "1.4e-9", 1e-10, most=1e-7),
    "damping": Kind("1", "0.05", 2e-3, most=20.0),
    "temperature_kelvin": Kind("K", "300.0", 1.0, most=1000.0, default=300.0),
    "bx_tesla": _either_way("T", "0.03", 10.0),
    "by_tesla": _either_way("T", "0.0", 10.0),
    "bz_tesla": _either_way("T", "0.0", 10.0),
    "demagnetising_difference": Kind("1", "0.95", -0.5, most=1.0, default=math.nan),  # not a number: from the shape
    "field_like_tesla_per_volt": _either_way("T/V", "0.0", 10.0),
    "field_like_tesla_per_square_volt": _either_way("T/V^2", "0.0", 10.0),
    "spin_orbit_tesla_per_amp": Kind("T/A", "0.0", default=0.0),  # for trajectories from Python: no instrument of the
    "spin_orbit_field_tesla_per_amp": Kind("T/A", "0.0", default=0.0),  # bench drives amps through a line
}

# Of the torque's efficiency; 0 leaves spin transfer out. See `FreeLayer.torque_per_volt`.
POLARISATION = {"spin_polarisation": Kind("1", "0.6", -1.0, most=1.0, default=0.0)}

ELECTRICAL = {
    "parallel_ohms": _ohms("30e3"),
    "tmr": _positive("1", "1.0"),
    "tmr_half_volts": _positive("V", "0.5"),
    "oxide_relative_permittivity": Kind("1", "9.7", 1.0),
    "broken_ohms": _ohms("300.0"),
    "open_ohms": _ohms("1e12", default=1e12),
    "parallel_ohms_per_kelvin": _COEFFICIENT,
    "tmr_per_kelvin": _COEFFICIENT,
    "saturation_per_kelvin": _COEFFICIENT,
    "interface_anisotropy_per_kelvin": _COEFFICIENT,
    "cycle_anisotropy_spread": Kind("1", "0.005", 0.0, most=0.5, default=0.0),
    "back_hopping_onset_volts": _positive("V", "0.5", default=1.0),
    "back_hopping_hertz": Kind("1/s", "1e6", 0.0, default=0.0),
}

ENDURANCE = {
    "breakdown_volts": _positive("V", "1.4"),
    "breakdown_seconds": _positive("s", "1e7"),
    "breakdown_reference_volts": _positive("V", "1.0"),
    "breakdown_acceleration": _positive("1", "40.0"),
    "breakdown_weibull_slope": Kind("1", "1.5", 0.1, most=100.0),
    "ageing_onset_dose": _positive("1", "1e-9", default=1e-9),
    "ageing_parallel_ohms_per_decade": _PER_DECADE,
    "ageing_critical_volts_per_decade": _PER_DECADE,
}

NOISE = {
    "flicker_power": Kind("1", "1e-8", 0.0, default=0.0),
    "telegraph_fraction": _share("0.1"),
    "telegraph_amplitude": Kind("1", "0.002", -0.5, most=0.5, default=0.0),
    "telegraph_up_hertz": _positive("1/s", "10.0", default=1.0),
    "telegraph_down_hertz": _positive("1/s", "10.0", default=1.0),
}

# Of a wafer, not of a junction: they have no spread.
DEFECTS = {
    "stuck_p_fraction": _share("1e-3"),
    "stuck_ap_fraction": _share("1e-3"),
    "shorted_fraction": _share("1e-3"),
    "open_fraction": _share("1e-3"),
}

ALL = {**ELECTRICAL, **LAYER, **POLARISATION, **ENDURANCE, **NOISE, **DEFECTS}
WITHOUT_SPREAD = frozenset({*DEFECTS, "telegraph_fraction", "temperature_kelvin"})

# The first of each is the usual one.
LAWS = {"tmr_law": ("quadratic", "hikstor"), "breakdown_law": ("power", "exponential")}

# What profiles held before the macrospin: these follow from the layer now.
FORMER = {
    "stability": "Delta = K_eff volume/kT",
    "critical_volts": "the volts at which K_eff is 0",
    "attempt_seconds": "damping and moment",
    "tilt": "bz_tesla",
    "tilt_per_volt": "spin_polarisation and the field-like torque",
}
