"""The free layer of N junctions: every number the macrospin needs, and what follows from them.

Conventions: m_z = +1 is the parallel state (0, low resistance), m_z = -1 the antiparallel one (1). Positive volts lower
the barrier. Positive spin-torque coefficients make positive volts favour the antiparallel state.

    K_eff(V) = K_i/t - mu0 Ms^2 (Nz - Nx)/2 - xi V/(t_ox t)      J/m^3
    B_k(V)   = 2 K_eff/Ms                                        tesla
    Delta(V) = K_eff volume/(k_B T)
    sigma_B  = sqrt(2 alpha k_B T/(gamma Ms volume dt))          tesla per component and step (Brown 1963)
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.demagnetising import thin_ellipsoid
from labctl_sim.macrospin.heating import Heating

Floats = NDArray[np.float64]
Values = float | Floats

GAMMA = 1.76085963e11  # rad/(s T), of the electron (CODATA)
BOLTZMANN = 1.380649e-23  # J/K
MU0 = 4e-7 * np.pi  # T m/A
HBAR_PER_2E = 1.054571817e-34 / (2 * 1.602176634e-19)  # V s

_POSITIVE = ("diameter_meters", "thickness_meters", "saturation_amps_per_meter", "oxide_meters", "damping")
_NOT_NEGATIVE = ("interface_anisotropy_joules_per_square_meter", "temperature_kelvin")


@dataclass(frozen=True)
class FreeLayer:
    """Each number is a float (all junctions alike) or float64 (N,).

    ``demagnetising_difference`` is Nz - Nx; None = `thin_ellipsoid`, which the published parameter sets use.
    Spin transfer: the volts V add the fields B_DL V (m x p) and (B_FL V + B_FL2 V^2) p with p = -z, in tesla per volt;
    see `torque_per_volt`. Spin-orbit: the amps I of the drive add A I (m x y) and F I y, in tesla per amp.
    All values are those at ``temperature_kelvin``; ``heating`` says how a pulse raises it.
    """

    diameter_meters: Values
    thickness_meters: Values
    saturation_amps_per_meter: Values
    interface_anisotropy_joules_per_square_meter: Values
    vcma_joules_per_volt_meter: Values
    oxide_meters: Values
    damping: Values
    temperature_kelvin: Values = 300.0
    bx_tesla: Values = 0.0
    by_tesla: Values = 0.0
    bz_tesla: Values = 0.0
    demagnetising_difference: Values | None = None
    torque_tesla_per_volt: Values = 0.0
    field_like_tesla_per_volt: Values = 0.0
    field_like_tesla_per_square_volt: Values = 0.0
    spin_orbit_tesla_per_amp: Values = 0.0
    spin_orbit_field_tesla_per_amp: Values = 0.0
    heating: Heating | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "heating" or value is None:
                continue
            array = np.asarray(value, np.float64)
            if array.ndim > 1 or array.size == 0:
                raise ParameterError(f"{field.name} has shape {array.shape}; give one number, or one per junction (N,)")
            for names, wrong, limit in (
                (_POSITIVE, ~(array > 0), "more than 0"),
                (_NOT_NEGATIVE, ~(array >= 0), "0 or more"),
                ((field.name,), ~np.isfinite(array), "finite"),
            ):
                if field.name in names and wrong.any():
                    worst = np.atleast_1d(array)[np.atleast_1d(wrong)][0]
                    raise ParameterError(f"{field.name} is {worst:g}; it must be {limit}: SI units, e.g. 1.1e-9 meters")
        sizes = {size for size in self._sizes() if size > 1}
        if len(sizes) > 1:
            raise ParameterError(f"the free layer's numbers describe {sorted(sizes)} junctions; give as many for each")
        rest = np.atleast_1d(self.anisotropy())
        if not (rest >= -1e-6 * np.max(np.abs(self.interface_anisotropy_joules_per_square_meter))).all():
            raise ParameterError(
                f"K_eff at rest is {rest.min():.3g} J/m^3, so m_z = 0 is the easy plane and there are no two states; "
                f"it must be 0 or more: raise the interface anisotropy or make the layer thinner"
            )

    def _sizes(self) -> list[int]:
        values = (getattr(self, field.name) for field in fields(self) if field.name != "heating")
        return [np.size(value) for value in values if value is not None]

    @property
    def devices(self) -> int:
        """How many junctions: N."""
        return max(self._sizes())

    def of(self, name: str) -> Floats:
        """One of the numbers as float64 (N,)."""
        return np.array(np.broadcast_to(np.asarray(getattr(self, name), np.float64), self.devices))

    def only(self, which: slice) -> FreeLayer:
        """Some of the junctions."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[which] for name, value in values.items() if np.size(value) > 1})

    def repeated(self, devices: int) -> FreeLayer:
        """One junction as ``devices`` alike."""
        return replace(self, diameter_meters=np.full(devices, self.diameter_meters))

    @property
    def volume_cubic_meters(self) -> Floats:
        """Of a disc, (N,)."""
        return np.pi / 4 * self.of("diameter_meters") ** 2 * self.of("thickness_meters")

    @property
    def demagnetising(self) -> Floats:
        """Nz - Nx, (N,)."""
        if self.demagnetising_difference is None:
            return thin_ellipsoid(self.of("thickness_meters") / self.of("diameter_meters"))
        return self.of("demagnetising_difference")

    def anisotropy(self, volts: Values = 0.0, saturation: Values = 1.0, interface: Values = 1.0) -> Floats:
        """K_eff, joules per cubic meter: (N,) for volts that are a number or (N,), (N, S) for (N or 1, S).

        ``saturation`` and ``interface`` are Ms and K_i (and the VCMA, which is the same electrons') when hot, relative
        to their values here.
        """
        volts = np.asarray(volts, np.float64)
        ms, ki, thickness, oxide, xi, shape = (
            value[:, None] if volts.ndim == 2 else value
            for value in (
                self.of("saturation_amps_per_meter"),
                self.of("interface_anisotropy_joules_per_square_meter"),
                self.of("thickness_meters"),
                self.of("oxide_meters"),
                self.of("vcma_joules_per_volt_meter"),
                self.demagnetising,
            )
        )
        result: Floats = (ki - xi * volts / oxide) * interface / thickness - MU0 / 2 * (ms * saturation) ** 2 * shape
        return result

    def anisotropy_field(self, volts: Values = 0.0) -> Floats:
        """B_k in tesla, (N,)."""
        return 2 * self.anisotropy(volts) / self.of("saturation_amps_per_meter")

    def stability(self, volts: Values = 0.0) -> Floats:
        """Delta(V), (N,); infinite at 0 K."""
        with np.errstate(divide="ignore", invalid="ignore"):
            thermal = BOLTZMANN * self.of("temperature_kelvin")
            result: Floats = self.anisotropy(volts) * self.volume_cubic_meters / thermal
        return result

    @property
    def critical_volts(self) -> Floats:
        """The volts at which K_eff vanishes, (N,); infinite without VCMA."""
        slope = self.of("vcma_joules_per_volt_meter") / (self.of("oxide_meters") * self.of("thickness_meters"))
        none = np.full(self.devices, np.inf)
        result: Floats = np.divide(self.anisotropy(), slope, out=none, where=slope != 0)
        return result

    def thermal_tesla(self, step_seconds: float) -> Floats:
        """sigma_B, the thermal field's standard deviation per component for a step, (N,)."""
        energy = 2 * self.of("damping") * BOLTZMANN * self.of("temperature_kelvin")
        moment = self.of("saturation_amps_per_meter") * self.volume_cubic_meters
        result: Floats = np.sqrt(energy / (GAMMA * moment * step_seconds))
        return result

    @property
    def neel_seconds(self) -> Floats:
        """tau_N = Ms volume (1 + alpha^2)/(2 gamma alpha k_B T), free diffusion's time, (N,)."""
        alpha, moment = self.of("damping"), self.of("saturation_amps_per_meter") * self.volume_cubic_meters
        with np.errstate(divide="ignore"):
            thermal = BOLTZMANN * self.of("temperature_kelvin")
            result: Floats = moment * (1 + alpha**2) / (2 * GAMMA * alpha * thermal)
        return result

    def torque_per_volt(self, polarisation: Values, parallel_ohms: Values) -> Floats:
        """The damping-like tesla per volt of a symmetric junction, (N,), to `dataclasses.replace` it with.

        hbar/(2 e) * 2 p/(1 + p^2) * G_P/(Ms volume), as the torque of a tunnel junction goes with the volts at any
        angle (Slonczewski, Phys. Rev. B 71, 024411 (2005); from memory, verify).
        """
        efficiency = 2 * np.asarray(polarisation) / (1 + np.asarray(polarisation) ** 2)
        moment = self.of("saturation_amps_per_meter") * self.volume_cubic_meters
        result: Floats = HBAR_PER_2E * efficiency / np.asarray(parallel_ohms) / moment
        return result

    def with_stability(self, delta: Values) -> FreeLayer:
        """The same layer with the interface anisotropy that gives ``delta`` at rest."""
        kelvin, thickness = self.of("temperature_kelvin"), self.of("thickness_meters")
        wanted = np.asarray(delta) * BOLTZMANN * kelvin / self.volume_cubic_meters
        shape = MU0 / 2 * self.of("saturation_amps_per_meter") ** 2 * self.demagnetising
        return replace(self, interface_anisotropy_joules_per_square_meter=(wanted + shape) * thickness)
