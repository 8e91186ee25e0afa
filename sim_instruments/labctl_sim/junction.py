"""N junctions as a circuit and a simulation see them: resistance, free layer, endurance, noise, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.flips import Floats, States
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.picking import pick
from labctl_sim.readnoise import NoiseNumbers
from labctl_sim.wear import Endurance

VACUUM_PERMITTIVITY = 8.8541878128e-12  # F/m (CODATA)

SOUND, STUCK_P, STUCK_AP, SHORTED, OPEN = range(5)  # what `Junctions.defects` holds


@dataclass(frozen=True)
class Junctions:
    """Float64 (N,) each, in the units that their names say; ``defects`` uint8 (N,), `SOUND` or what is wrong.

    Conductances G = (1 + m_z)/2 G_P + (1 - m_z)/2 G_AP(V), G_AP = G_P/(1 + TMR(V)), with ``tmr_law``::

        quadratic   TMR0 / (1 + (V/V_half)^2)
        hikstor     TMR0 / 1.2346 (1/(0.1729 V^2 + 0.1315 |V| + 0.4475) - 1), 0 beyond 1.45 V; V_half plays no part

    The second one is that of a foundry's kit for 0.6 um2 barriers, as the open code vgsot-sim 0.1.1 carries it.
    """

    layer: FreeLayer
    endurance: Endurance
    noise: NoiseNumbers
    defects: States
    parallel_ohms: Floats
    tmr: Floats
    tmr_half_volts: Floats
    oxide_relative_permittivity: Floats
    broken_ohms: Floats
    open_ohms: Floats
    parallel_ohms_per_kelvin: Floats
    tmr_per_kelvin: Floats
    saturation_per_kelvin: Floats
    interface_anisotropy_per_kelvin: Floats
    cycle_anisotropy_spread: Floats
    back_hopping_onset_volts: Floats
    back_hopping_hertz: Floats
    tmr_law: str = "quadratic"

    @property
    def devices(self) -> int:
        """How many junctions: N."""
        return self.parallel_ohms.size

    @property
    def movable(self) -> NDArray[np.bool_]:
        """Which ones change state at all, bool (N,)."""
        result: NDArray[np.bool_] = self.defects == SOUND
        return result

    @property
    def area_square_meters(self) -> Floats:
        """Of the pillar, (N,)."""
        return np.pi / 4 * self.layer.of("diameter_meters") ** 2

    @property
    def capacitance_farads(self) -> Floats:
        """Of the barrier as a plate capacitor, (N,); pads and lines are the circuit's."""
        ratio = self.area_square_meters / self.layer.of("oxide_meters")
        result: Floats = VACUUM_PERMITTIVITY * self.oxide_relative_permittivity * ratio
        return result

    @property
    def cycle_stability(self) -> Floats:
        """Standard deviation of Delta from pulse to pulse, (N,): at any volts, as it is the interface that changes."""
        return self.cycle_anisotropy_spread * self.layer.stability()

    @property
    def cycle_volts(self) -> Floats:
        """The volts that do the same to Delta, (N,); without VCMA none do."""
        steady = self.cycle_anisotropy_spread == 0
        return np.where(steady, 0.0, self.cycle_anisotropy_spread * np.where(steady, 1.0, self.layer.critical_volts))

    def only(self, which: NDArray[np.intp] | int) -> Junctions:
        """Some of them (an index array), or one of them as N = 1."""
        return pick(self, np.atleast_1d(which))

    def magnetoresistance(self, volts: Floats) -> Floats:
        """TMR at ``volts`` (N,) or (N, W), same shape."""
        zero, half = (value.reshape(-1, *([1] * (np.ndim(volts) - 1))) for value in (self.tmr, self.tmr_half_volts))
        if self.tmr_law == "hikstor":
            size = np.abs(volts)
            at_zero = 1 / 0.4475 - 1
            law = (1 / (0.1729 * size**2 + 0.1315 * size + 0.4475) - 1) / at_zero
            return zero * np.maximum(law, 0.0)
        return zero / (1 + (volts / half) ** 2)

    def conductance(self, state: States | Floats, volts: Floats) -> Floats:
        """Siemens at ``volts`` (N,) or (N, W), same shape.

        ``state`` holds integers, 0 (P) and 1 (AP), or floats, which are m_z; (N,) or the shape of ``volts``.
        """
        volts = np.asarray(volts, np.float64)
        shape = (-1, *([1] * (volts.ndim - 1)))
        given = np.asarray(state)
        if given.dtype.kind in "iub":
            antiparallel = given.astype(np.float64)
        else:
            antiparallel = (1 - given.astype(np.float64)) / 2
            if not ((antiparallel >= -1e-6) & (antiparallel <= 1 + 1e-6)).all():
                raise ParameterError("an m_z beyond -1 ... 1 was given; states 0 and 1 are to be integers")
        if antiparallel.ndim < volts.ndim:
            antiparallel = antiparallel.reshape(shape)
        defects = self.defects.reshape(shape)
        antiparallel = np.where(defects == STUCK_P, 0.0, np.where(defects == STUCK_AP, 1.0, antiparallel))
        ratio = self.magnetoresistance(volts)
        whole = (1 - antiparallel * ratio / (1 + ratio)) / self.parallel_ohms.reshape(shape)
        whole = np.where(defects == SHORTED, 1 / self.broken_ohms.reshape(shape), whole)
        result: Floats = np.where(defects == OPEN, 1 / self.open_ohms.reshape(shape), whole)
        return result

    def at(self, kelvin: Floats | float) -> Junctions:
        """The same junctions at another temperature, by linear coefficients about the profile's one."""
        layer = self.layer
        warmer = np.broadcast_to(np.asarray(kelvin, np.float64), self.devices) - layer.of("temperature_kelvin")
        factors = {
            name: 1 + getattr(self, name) * warmer
            for name in (
                "parallel_ohms_per_kelvin",
                "tmr_per_kelvin",
                "saturation_per_kelvin",
                "interface_anisotropy_per_kelvin",
            )
        }
        for name, factor in factors.items():
            if not (factor > 0).all():
                raise ParameterError(
                    f"at {np.max(kelvin):g} K {name} would leave {factor.min():.3g} of the value at rest; "
                    "these coefficients hold near the profile's temperature: stay closer to it"
                )
        return replace(
            self,
            parallel_ohms=self.parallel_ohms * factors["parallel_ohms_per_kelvin"],
            tmr=self.tmr * factors["tmr_per_kelvin"],
            layer=replace(
                layer,
                temperature_kelvin=layer.of("temperature_kelvin") + warmer,
                saturation_amps_per_meter=layer.of("saturation_amps_per_meter") * factors["saturation_per_kelvin"],
                interface_anisotropy_joules_per_square_meter=layer.of("interface_anisotropy_joules_per_square_meter")
                * factors["interface_anisotropy_per_kelvin"],
            ),
        )

    def aged(self, dose: Floats) -> Junctions:
        """The same junctions after a ``dose`` (N,) of `labctl_sim.wear.Wear`."""
        ohms, critical = self.endurance.ageing(dose)
        slope = self.layer.of("vcma_joules_per_volt_meter") / critical
        return replace(
            self, parallel_ohms=self.parallel_ohms * ohms, layer=replace(self.layer, vcma_joules_per_volt_meter=slope)
        )
