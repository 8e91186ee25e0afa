"""What a pulse costs a junction's source: heat in the barrier, and charge on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.macrospin.drive import Drive
from labctl_sim.macrospin.layer import BOLTZMANN

NODES = 8  # per straight line of the waveform


@dataclass(frozen=True)
class PulseEnergy:
    """Joules, float64 (N,) each: ``conducted`` is the integral of V^2/R, ``charging`` what the barrier stores."""

    conducted_joules: Floats
    charging_joules: Floats

    @property
    def total_joules(self) -> Floats:
        """Both together, (N,)."""
        return self.conducted_joules + self.charging_joules


def pulse_energy_joules(junctions: Junctions, drive: Drive, state: States | Floats) -> PulseEnergy:
    """The energy of ``drive`` into each junction while it is in ``state`` (integers, or m_z as floats; (N,)).

    V^2 G(V) by Gauss's rule along every straight line: 8 nodes, better than 1e-9. Charging is C V^2/2 for every rise of
    |V|; driving it through a resistor costs as much again, in the resistor. A state that changes on the way:
    `labctl_sim.macrospin.trials.energy_joules`. Lines and pads are not in it; they usually cost more.
    """
    volts = np.atleast_2d(drive.volts)
    places, weights = np.polynomial.legendre.leggauss(NODES)
    lengths = np.diff(drive.seconds)
    inner = volts[:, :-1, None] + np.diff(volts, axis=1)[:, :, None] * (places + 1) / 2
    inner = np.broadcast_to(inner.reshape(volts.shape[0], -1), (junctions.devices, lengths.size * NODES))
    parts = (lengths[:, None] * weights / 2).ravel()
    conducted = (inner**2 * junctions.conductance(state, inner)) @ parts
    rises = np.maximum(np.diff(_turns(volts) ** 2, axis=1), 0.0).sum(axis=1)
    return PulseEnergy(conducted, junctions.capacitance_farads * rises / 2)


def landauer_joules(kelvin: float) -> float:
    """kT ln 2: no way of making a fresh bit costs less in the end."""
    return BOLTZMANN * kelvin * math.log(2)


def _turns(volts: Floats) -> Floats:
    """``volts`` (n, K) with a 0 put in wherever the sign changes: a barrier is discharged on the way."""
    between = np.where(volts[:, 1:] * volts[:, :-1] < 0, 0.0, volts[:, 1:])
    result = np.empty((volts.shape[0], 2 * volts.shape[1] - 1))
    result[:, ::2], result[:, 1::2] = volts, between
    return result
