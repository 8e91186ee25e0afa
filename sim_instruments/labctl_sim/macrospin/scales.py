"""A layer in the units of its own thermal energy: the few numbers on which switching depends.

Volts V lower the barrier, lean it (field-like torque) and turn the spins (damping-like torque)::

    Delta(V) = Delta - drop V       xi_z(V) = tilt + tilt_1 V + tilt_2 V^2       spin(V) = spin_1 V

as `fokker_planck` takes them; a damping-like torque leans the energy like xi_z = spin/alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.layer import BOLTZMANN, FreeLayer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """Each float64 (N,): energies over kT at zero volts, their change per volt, and tau_N in seconds."""

    stability: Floats
    transverse: Floats
    tilt: Floats
    damping: Floats
    neel_seconds: Floats
    drop_per_volt: Floats
    spin_per_volt: Floats
    tilt_per_volt: Floats
    tilt_per_square_volt: Floats

    @classmethod
    def of(cls, layer: FreeLayer) -> Scales:
        """Those of every junction of ``layer``; heating is not in them."""
        if not (layer.of("temperature_kelvin") > 0).all():
            raise ParameterError("a junction at 0 K has no switching probabilities; give temperature_kelvin above zero")
        moment = layer.of("saturation_amps_per_meter") * layer.volume_cubic_meters
        per_tesla = moment / (BOLTZMANN * layer.of("temperature_kelvin"))
        rest = layer.stability()
        return cls(
            rest,
            per_tesla * np.hypot(layer.of("bx_tesla"), layer.of("by_tesla")),
            per_tesla * layer.of("bz_tesla"),
            layer.of("damping"),
            layer.neel_seconds,
            rest - layer.stability(1.0),
            -per_tesla * layer.of("torque_tesla_per_volt"),
            -per_tesla * layer.of("field_like_tesla_per_volt"),
            -per_tesla * layer.of("field_like_tesla_per_square_volt"),
        )

    def only(self, which: NDArray[np.intp]) -> Scales:
        """Some of the junctions."""
        return Scales(*(getattr(self, field.name)[which] for field in fields(self)))

    def at(self, volts: Floats) -> tuple[Floats, Floats]:
        """Delta and the leaning xi_z (torque included) at ``volts`` (N,) or (N, W); same shape."""

        def column(values: Floats) -> Floats:
            return values.reshape(-1, *([1] * (volts.ndim - 1)))

        turn = self.spin_per_volt / self.damping
        lean = column(self.tilt) + column(self.tilt_per_volt + turn) * volts
        lean = lean + column(self.tilt_per_square_volt) * volts**2
        return column(self.stability) - column(self.drop_per_volt) * volts, lean

    def barrier(self, volts: Floats) -> Floats:
        """The lower of the two barriers in kT, 0 where there is none; same shape as ``volts`` (N,) or (N, W).

        Delta (1 - (h^2/3 + b^2/3)^3/2)^2 with h = xi_x/2 Delta and b = |xi_z|/2 Delta: exact for either field alone.
        """
        stability, lean = self.at(volts)
        across = self.transverse.reshape(-1, *([1] * (volts.ndim - 1)))
        delta = np.maximum(stability, 1e-9)
        fields = (across / (2 * delta)) ** (2 / 3) + (np.abs(lean) / (2 * delta)) ** (2 / 3)
        result: Floats = delta * np.maximum(0.0, 1 - fields**1.5) ** 2
        return result
